package engine_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed96b07ef8/socketio/engine"
	"github.com/seed96b07ef8/socketio/internal/memnet"
	"github.com/seed96b07ef8/socketio/internal/ws"
)

// Large messages on slow links: each takes longer than the heartbeat would allow.

// inSlowPieces calls f with b in pieces, each a tenth of it and ten seconds after the one
// before.
func inSlowPieces(b []byte, f func(piece []byte)) {
	for n := len(b) / 10; len(b) > 0; b = b[min(n, len(b)):] {
		time.Sleep(10 * time.Second)
		f(b[:min(n, len(b))])
	}
}

func TestSlowMessageFromClient(t *testing.T) {
	t.Parallel()
	text := letters(500_000)
	for _, revision := range []int{3, 4} {
		t.Run(fmt.Sprint("websocket, revision ", revision), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := startInMemory(t, allowing(nil))
				w, pong := unhurried(t, h.websocket()), "3"
				if revision == 3 {
					w, pong = unhurried(t, h.websocket3()), "2"
				}
				go func() { _, _ = io.Copy(io.Discard, w.nc) }() // pings that it cannot answer
				inSlowPieces(masked(ws.Text, "4"+text), w.raw)
				w.wantMessage(t, text)
				w.send(pong)
				time.Sleep(30 * time.Second)
				if len(w.closed) != 0 {
					t.Error("the session has ended")
				}
				w.nc.Close()
				synctest.Wait()
			})
		})
	}
	t.Run("polling", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			h := startInMemory(t, nil)
			p := h.poll()
			body, feed := io.Pipe()
			go func() {
				inSlowPieces([]byte("4"+text), func(piece []byte) { _, _ = feed.Write(piece) })
				feed.Close()
			}()
			req, err := http.NewRequest("POST", h.url+"?"+p.query, body)
			if err != nil {
				t.Fatal(err)
			}
			r, err := h.do(req)
			if err != nil {
				t.Fatal(err)
			}
			wantReply(t, r, 200, "ok")
			p.wantMessage(t, text)
			p.want("2")
			p.post("3")
			p.drop()
			p.wantClose(t, engine.TransportClose)
		})
	})
}

// The server's own message delays its ping, and the answer to that. The ping overtakes
// what was sent behind the message.
func TestSlowMessageToClient(t *testing.T) {
	t.Parallel()
	text := letters(2_000_000)
	size := len(ws.AppendFrame(nil, ws.Text, []byte("4"+text)))
	t.Run("websocket", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			h := startInMemory(t, nil)
			w := unhurried(t, h.websocket())
			w.text(t, text)
			w.text(t, "a")
			w.text(t, "b")
			if err := trickle(w.nc, size, 20_000); err != nil { // it takes 100 s
				t.Fatal(err)
			}
			time.Sleep(19 * time.Second) // the ping has left, but its answer takes as long
			w.want("2")
			w.want("4a")
			w.want("4b")
			w.send("3")
			w.want("2")
			w.send("3")
			synctest.Wait()
			if len(w.closed) != 0 {
				t.Fatal("the session has ended")
			}
			// One that stops in the middle is not waited for.
			w.text(t, text)
			if err := trickle(w.nc, size/2, 20_000); err != nil {
				t.Fatal(err)
			}
			c := newClock(t)
			w.wantClose(t, engine.TransportError)
			if d := time.Since(c.start); d > 20*time.Second {
				t.Errorf("the end came after %v, want at most %v", d, 20*time.Second)
			}
			w.nc.Close()
			synctest.Wait()
		})
	})
	t.Run("polling", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			h := startInMemory(t, nil)
			p := h.poll()
			p.text(t, text)
			p.text(t, "a")
			resp, err := http.ReadResponse(p.slowPoll(""), nil)
			if err != nil {
				t.Fatal(err)
			}
			if err := trickle(resp.Body, 1+len(text), 20_000); err != nil {
				t.Fatal(err)
			}
			p.want("2\x1e4a")
			p.post("3")
			time.Sleep(20 * time.Second)
			p.want("2")
			p.post("3")
			p.drop()
			p.wantClose(t, engine.TransportClose)
		})
	})
}

// Where middleware hides the deadlines of writes, the heartbeat ends the session of a
// client that stops in the middle of an answer.
func TestSlowMessageWithoutDeadlines(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := startInMemory(t, nil)
		l := memnet.Listen()
		s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			h.ServeHTTP(struct{ http.ResponseWriter }{w}, r)
		})}
		served := make(chan error, 1)
		go func() { served <- s.Serve(l) }()
		h.dial = l.Dial
		p := h.poll()
		c := newClock(t)
		p.text(t, letters(2_000_000))
		if err := trickle(p.slowPoll(""), 100_000, 20_000); err != nil {
			t.Fatal(err)
		}
		<-waitClosed(t, p.session)
		c.want(45*time.Second, "end")
		s.Close()
		<-served
	})
}

func TestClientReceivesSlowMessage(t *testing.T) {
	t.Parallel()
	text := letters(500_000)
	var polled atomic.Bool
	slow := &fake{
		websocket: func(p *fakePeer) {
			p.send(openWebSocket)
			ended := make(chan error, 1)
			go func() { ended <- p.end() }()
			inSlowPieces(ws.AppendFrame(nil, ws.Text, []byte("4"+text)), func(piece []byte) { _, _ = p.Write(piece) })
			p.send("2")
			<-ended
		},
		polling: func(w http.ResponseWriter, r *http.Request) {
			switch {
			case !r.URL.Query().Has("sid"):
				_, _ = io.WriteString(w, openPolling)
			case r.Method == http.MethodGet && polled.Swap(true):
				<-r.Context().Done()
			case r.Method == http.MethodGet:
				inSlowPieces([]byte("4"+text+"\x1e2"), func(piece []byte) {
					_, _ = w.Write(piece)
					_ = http.NewResponseController(w).Flush()
				})
			}
		},
	}
	for _, tr := range []engine.Transport{engine.WebSocket, engine.Polling} {
		synctest.Test(t, func(t *testing.T) {
			h := startFakeInMemory(t, slow)
			c := newCaller()
			h.callWith(h.dialOptions(tr), c)
			select {
			case got := <-c.messages:
				if got != text {
					t.Errorf("over %s: got %.20q, want %v", tr, got, text)
				}
			case e := <-c.closed:
				t.Fatalf("over %s the connection ended with %q: %v", tr, e.reason, e.err)
			}
			<-c.pinged
			if len(c.closed) != 0 {
				t.Errorf("over %s the connection has ended", tr)
			}
			c.Close()
			<-c.Done()
		})
	}
}

// The client's pong leaves when the message that is being written is through, before all
// that was sent behind it.
func TestClientPongOvertakesMessages(t *testing.T) {
	t.Parallel()
	text := letters(500_000)
	synctest.Test(t, func(t *testing.T) {
		got, proceed := make(chan string, 10), make(chan struct{})
		h := startFakeInMemory(t, &fake{websocket: func(p *fakePeer) {
			p.send(openWebSocket)
			<-proceed
			p.send("2")
			time.Sleep(time.Second) // the client reads
			for {
				packet, err := p.read()
				if err != nil {
					return
				}
				got <- packet
			}
		}})
		c := newCaller()
		h.callWith(h.dialOptions(engine.WebSocket), c)
		c.text(t, text)
		c.text(t, "a")
		c.text(t, "b")
		synctest.Wait() // for the first to be under way
		close(proceed)
		for _, want := range []string{"4" + text, "3", "4a", "4b"} {
			if packet := <-got; packet != want {
				t.Errorf("got %.20q, want %.20q", packet, want)
			}
		}
		c.Close()
		<-c.Done()
	})
}

// Heartbeats overtake neither the handshake nor the steps of an upgrade.
func TestPingsDuringUpgrade(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := startInMemory(t, nil)
		p := h.poll()
		time.Sleep(24 * time.Second)
		w := unhurried(t, p.probe())
		p.text(t, "a")
		time.Sleep(2 * time.Second) // the ping waits for a poll, or the upgrade
		w.send("5")
		for _, want := range []string{"2", "4a"} {
			w.want(want)
		}
		w.send("3")
		synctest.Wait()
		if n := len(p.closed); n != 0 {
			t.Error("the session has ended")
		}
		w.nc.Close()
		synctest.Wait()
	})
	h := start(t, &engine.ServerOptions{PingInterval: time.Millisecond, PingTimeout: time.Minute})
	for range 20 {
		r := h.request("GET", "EIO=4&transport=polling", "")
		if !strings.HasPrefix(r.body, "0{") {
			t.Fatalf("the handshake was answered %q", r.body)
		}
	}
}
