package engine_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed96b07ef8/socketio/engine"
	"github.com/seed96b07ef8/socketio/internal/memnet"
)

// The WriteTimeout of an http.Server does not end a poll that waits for longer, which over
// HTTP/2 it would: there it counts from the beginning of the request.
func TestPollOutlastsWriteTimeoutOfHTTP2(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, nil)
		var protocols http.Protocols
		protocols.SetUnencryptedHTTP2(true)
		l := memnet.Listen()
		s := &http.Server{Handler: h, WriteTimeout: 5 * time.Second, Protocols: &protocols}
		served := make(chan error, 1)
		go func() { served <- s.Serve(l) }()
		transport := &http.Transport{
			DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return l.Dial(ctx) },
			Protocols:   &protocols,
		}
		h.url, h.client = "http://mem/engine.io/", &http.Client{Transport: transport}
		p := h.poll()
		p.want("2") // after 25 s
		p.post("3")
		p.drop()
		p.wantClose(t, engine.TransportClose)
		p.want("6")
		transport.CloseIdleConnections()
		s.Close()
		<-served
	})
}

// A poll may wait on a server that is not net/http's, and has no deadlines.
func TestPollWithoutAnHTTPServer(t *testing.T) {
	t.Parallel()
	h := newHarness(t, nil)
	r, w := newRequest("GET", "EIO=4&transport=polling")
	h.ServeHTTP(w, r)
	s := receive(t, h.sessions, "the session")
	defer s.Abort()
	answered := make(chan string, 1)
	go func() {
		r, w := newRequest("GET", "EIO=4&transport=polling&sid="+s.ID())
		h.ServeHTTP(w, r)
		answered <- w.Body.String()
	}()
	waitFor(t, "the poll to wait", s.Writable)
	s.text(t, "later")
	if got := receive(t, answered, "the answer"); got != "4later" {
		t.Errorf("the poll is answered %q, want %q", got, "4later")
	}
}

// A client that has not read the response to its WebSocket handshake yet may wait for its
// poll first.
func TestPollDuringTheHandshakeOfAnUpgrade(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := startInMemory(t, nil)
		p := h.poll()
		nc := h.connection()
		if _, err := io.WriteString(nc, upgradeRequest(h.url, "EIO=4&transport=websocket&sid="+p.ID())); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		c := newClock(t)
		p.want("6")
		c.want(100*time.Millisecond, "the answer")
		if p.Writable() {
			t.Error("writable without a poll")
		}
		nc.Close()
		p.drop()
		synctest.Wait()
	})
}

// A poll that the upgrade overtakes is refused, because its transport is not in use any
// more.
func TestPollOvertakenByAnUpgrade(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := startInMemory(t, nil)
		p := h.poll()
		w := p.probe()
		late := p.start()
		synctest.Wait()
		w.send("5")
		wantReply(t, <-late, 400, `{"code":3,"message":"Bad request"}`)
		<-p.upgraded
		w.nc.Close()
		synctest.Wait()
	})
}

// A handler that ends the session during a data request does not affect the HTTP
// connection, over which a proxy may send the requests of other clients.
func TestConnectionOutlastsASessionThatItsHandlerEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := startInMemory(t, nil)
		p, other := h.poll(), h.poll()
		p.onMessage = func(string) {
			p.Close()
			time.Sleep(time.Second) // a deadline would strike
		}
		nc := h.connection()
		unhurriedConn(t, nc)
		fmt.Fprintf(nc, "POST /engine.io/?%s HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n4x", p.query)
		wantReply(t, readReply(t, nc), 200, "ok")
		fmt.Fprintf(nc, "GET /engine.io/?%s HTTP/1.1\r\nHost: x\r\n\r\n", other.query)
		wantReply(t, readReply(t, nc), 200, "2")
		nc.Close()
		for _, p := range []*poller{p, other} {
			p.drop()
		}
		synctest.Wait()
	})
}

func unhurriedConn(t testing.TB, nc net.Conn) {
	t.Helper()
	if err := nc.SetDeadline(time.Time{}); err != nil {
		t.Fatal(err)
	}
}

// A response that a client receives while it leaves does not keep its session.
func TestAnswerEndsAfterClosePacket(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := startInMemory(t, nil)
		p := h.poll()
		p.text(t, letters(100_000))
		resp, err := http.ReadResponse(p.slowPoll(""), nil)
		if err != nil {
			t.Fatal(err)
		}
		p.drop()
		if _, err := io.Copy(io.Discard, resp.Body); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		if n := h.Len(); n != 0 {
			t.Errorf("%d sessions a second after the client left, want 0", n)
		}
	})
}

// Responses have Vary for caches, and Content-Length for clients.
func TestHeadersOfAnswers(t *testing.T) {
	t.Parallel()
	h := start(t, nil)
	p := h.poll()
	large := letters(100_000)
	p.text(t, large)
	r := p.get()
	if got := r.header.Get("Content-Length"); got != "100001" {
		t.Errorf("got Content-Length %q, want 100001", got)
	}
	// One compressible message at any position suffices.
	p.text(t, large)
	if err := p.Send(engine.NewTextMessage([]byte("x")), engine.NoCompress); err != nil {
		t.Fatal(err)
	}
	r = h.request("GET", p.query, "", "Accept-Encoding", "gzip")
	if got, vary := r.header.Get("Content-Encoding"), strings.Join(r.header.Values("Vary"), ", "); got != "gzip" || vary != "Accept-Encoding" {
		t.Errorf("got Content-Encoding %q and Vary %q, want gzip and Accept-Encoding", got, vary)
	}
}
