package engine_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed96b07ef8/socketio/engine"
	"github.com/seed96b07ef8/socketio/internal/ws"
)

func wantErrClosed(t testing.TB, s *session) {
	t.Helper()
	if err := s.Send(engine.NewTextMessage([]byte("x")), 0); !errors.Is(err, engine.ErrClosed) || !errors.Is(err, net.ErrClosed) {
		t.Errorf("Send after the end: %v", err)
	}
	if s.Writable() {
		t.Error("writable after the end")
	}
	s.Close()
	s.Cork()
	s.Uncork()
	if len(s.closed) != 0 {
		t.Error("ended twice")
	}
}

func TestCloseWithPendingPoll(t *testing.T) {
	t.Parallel()
	h := start(t, nil)
	p := h.poll()
	pending := p.pending()
	p.Close()
	wantReply(t, receive(t, pending, "the poll"), 200, "1")
	p.wantClose(t, engine.ForcedClose)
	wantErrClosed(t, p.session)
	waitFor(t, "the session to go", func() bool { return h.Len() == 0 })
}

func TestCloseWithoutPoll(t *testing.T) {
	t.Parallel()
	h := start(t, nil)
	p := h.poll()
	p.text(t, "a")
	p.text(t, "b")
	p.Close()
	p.wantClose(t, engine.ForcedClose)
	wantErrClosed(t, p.session)
	p.want("4a\x1e4b")
	// A client acts on a close packet before it has handled the preceding packets.
	p.want("1")
	wantReply(t, p.get(), 400, `{"code":1,"message":"Session ID unknown"}`)
}

func TestCloseAnswersPost(t *testing.T) {
	t.Parallel()
	h := start(t, nil)
	p := h.poll()
	p.onMessage = func(string) { p.Close() }
	wantReply(t, p.post("4a\x1e4b"), 200, "ok")
	p.wantClose(t, engine.ForcedClose)
	p.wantMessage(t, "a")
	if len(p.messages) != 0 {
		t.Error("a message behind the close was delivered")
	}
	p.want("1")
}

// A POST is cut off while its body arrives.
func TestCloseCutsPost(t *testing.T) {
	t.Parallel()
	h := start(t, nil)
	p := h.poll()
	nc := h.connection()
	if _, err := nc.Write([]byte("POST /engine.io/?" + p.query + " HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n4abc")); err != nil {
		t.Fatal(err)
	}
	p.awaitPost()
	p.Close()
	p.wantClose(t, engine.ForcedClose)
	if n, err := nc.Read(make([]byte, 1)); n > 0 || errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %d bytes, %v", n, err)
	}
	p.want("1")
}

func TestLinger(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := startInMemory(t, nil)
		p := h.poll()
		p.text(t, "a")
		p.Close()
		time.Sleep(30*time.Second - 1)
		if n := h.Len(); n != 1 {
			t.Errorf("%d sessions just before the end, want 1", n)
		}
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		if n := h.Len(); n != 0 {
			t.Errorf("%d sessions after 30 s, want 0", n)
		}
		if n := p.Buffered(); n != 0 {
			t.Errorf("%d bytes are buffered after 30 s, want 0", n)
		}
		wantReply(t, p.get(), 400, `{"code":1,"message":"Session ID unknown"}`)
		p.wantClose(t, engine.ForcedClose)
	})
}

// A closed session whose client does not poll ends no later than an open one would.
func TestLingerEndsWithHeartbeat(t *testing.T) {
	t.Parallel()
	for _, revision := range []string{"EIO=4", "EIO=3"} {
		for _, closed := range []time.Duration{0, 9 * time.Second, 12 * time.Second, 15*time.Second - time.Millisecond} {
			synctest.Test(t, func(t *testing.T) {
				h := startInMemory(t, &engine.ServerOptions{
					PingInterval: 10 * time.Second, PingTimeout: 5 * time.Second, AllowEIO3: true,
				})
				begin := time.Now()
				r := h.request("GET", "transport=polling&"+revision, "")
				s := <-h.sessions
				time.Sleep(closed)
				s.text(t, "unread")
				s.Close()
				s.wantClose(t, engine.ForcedClose)
				for h.Len() > 0 {
					time.Sleep(time.Millisecond)
				}
				if gone := time.Since(begin).Round(10 * time.Millisecond); gone != 15*time.Second {
					t.Errorf("%s, closed after %v: gone after %v, want 15s (handshake %d)", revision, closed, gone, r.status)
				}
			})
		}
	}
}

// Abort does not wait, even after Close.
func TestAbort(t *testing.T) {
	t.Parallel()
	for _, closed := range []bool{false, true} {
		h := start(t, nil)
		p := h.poll()
		w := h.websocket()
		for _, s := range []*session{p.session, w.session} {
			s.text(t, "unread")
			if closed {
				s.Close()
			}
			s.Abort()
			s.wantClose(t, engine.ForcedClose)
			s.Abort()
			wantErrClosed(t, s)
		}
		if n := h.Len(); n != 0 {
			t.Errorf("%d sessions after Abort (closed before: %v), want 0", n, closed)
		}
		wantReply(t, p.get(), 400, `{"code":1,"message":"Session ID unknown"}`)
		w.wantEnd(ws.CloseNoStatus)
	}
	h := start(t, nil)
	p := h.poll()
	pending := p.pending()
	p.Abort()
	wantReply(t, receive(t, pending, "the poll"), 200, "1")
}

// Abort cuts the connection of a client that does not read: the rest of the write is
// not sent.
func TestAbortWhileWriting(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := startInMemory(t, nil)
		w := h.websocket()
		w.text(t, letters(100_000))
		synctest.Wait()
		w.Abort()
		w.wantClose(t, engine.ForcedClose)
		if b, _ := io.ReadAll(w.nc); len(b) > 0 {
			t.Errorf("%d bytes arrived after Abort, want none", len(b))
		}
	})
}

func TestCloseWebSocket(t *testing.T) {
	t.Parallel()
	h := start(t, nil)
	w := h.websocket()
	w.text(t, "a")
	w.Close()
	w.want("4a")
	w.wantEnd(ws.CloseNoStatus)
	w.wantClose(t, engine.ForcedClose)
	wantErrClosed(t, w.session)
	waitFor(t, "the session to go", func() bool { return h.Len() == 0 })
}

// Corked messages are sent before the end, however small they are.
func TestCloseUncorks(t *testing.T) {
	t.Parallel()
	h := start(t, nil)
	w := h.websocket()
	w.Cork()
	w.text(t, "corked")
	w.Close()
	w.want("4corked")
	w.wantEnd(ws.CloseNoStatus)
	w.wantClose(t, engine.ForcedClose)
}

// Messages sent before Close are flushed, even corked ones, and to a slow peer.
func TestCloseFlushes(t *testing.T) {
	t.Parallel()
	for _, corked := range []bool{false, true} {
		h := start(t, nil)
		w := h.websocket()
		large := strings.Repeat("x", 1<<20)
		if corked {
			w.Cork()
			w.text(t, "corked")
		}
		for range 7 {
			w.text(t, large)
		}
		w.text(t, "last")
		w.Close()
		w.wantClose(t, engine.ForcedClose)
		wantErrClosed(t, w.session)
		if corked {
			w.want("4corked")
		}
		for range 7 {
			w.want("4" + large)
		}
		w.want("4last")
		w.wantEnd(ws.CloseNoStatus)
		waitFor(t, "the session to go", func() bool { return h.Len() == 0 })
	}
}

// If the peer leaves during the flush, the rest is discarded.
func TestCloseFlushFails(t *testing.T) {
	t.Parallel()
	h := start(t, nil)
	w := h.websocket()
	for range 7 {
		w.text(t, strings.Repeat("x", 1<<20))
	}
	w.Close()
	if n := h.Len(); n != 1 {
		t.Errorf("%d sessions while one is being flushed, want 1", n)
	}
	w.nc.Close()
	waitFor(t, "the session to go", func() bool { return h.Len() == 0 })
	w.wantClose(t, engine.ForcedClose)
}

// The wait for a peer that does not answer the close frame is short.
func TestCloseUnanswered(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := startInMemory(t, nil)
		w := h.websocket()
		w.Close()
		w.wantClose(t, engine.ForcedClose)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if err := h.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		w.nc.Close()
	})
}

func TestCloseInOnConnect(t *testing.T) {
	t.Parallel()
	sessions := make(chan *session, 10)
	h := start(t, &engine.ServerOptions{OnConnect: func(c *engine.Conn) engine.Handler {
		s := newSession(c)
		s.text(t, "bye")
		c.Close()
		sessions <- s
		return s
	}})
	r := h.request("GET", "EIO=4&transport=polling", "")
	if !strings.HasSuffix(r.body, "\x1e4bye") {
		t.Errorf("got %q, want the suffix %q", r.body, "\x1e4bye")
	}
	s := receive(t, sessions, "the session")
	s.wantClose(t, engine.ForcedClose)
	wantReply(t, h.request("GET", "EIO=4&transport=polling&sid="+s.ID(), ""), 200, "1")
	w := h.dialWebSocket("EIO=4&transport=websocket")
	openSID(t, w.read())
	w.want("4bye")
	w.wantEnd(ws.CloseNoStatus)
	receive(t, sessions, "the session").wantClose(t, engine.ForcedClose)
	waitFor(t, "the sessions to go", func() bool { return h.Len() == 0 })
}

// If a connection ends while OnConnect runs, OnClose is called afterwards.
func TestEndDuringOnConnect(t *testing.T) {
	t.Parallel()
	for _, transport := range []string{"polling", "websocket"} {
		t.Run(transport, func(t *testing.T) {
			entered, release := make(chan *session, 1), make(chan struct{})
			h := start(t, &engine.ServerOptions{OnConnect: func(c *engine.Conn) engine.Handler {
				s := newSession(c)
				entered <- s
				<-release
				return s
			}})
			done := make(chan struct{})
			go func() {
				defer close(done)
				if transport == "polling" {
					_, _ = h.try("GET", "EIO=4&transport=polling", "")
				} else if w, err := h.tryWebSocket("EIO=4&transport=websocket"); err == nil {
					w.wantEnd(ws.CloseNoStatus)
				}
			}()
			s := receive(t, entered, "OnConnect")
			s.Conn.Close()
			if len(s.closed) != 0 {
				t.Error("OnClose before the handler was known")
			}
			close(release)
			s.wantClose(t, engine.ForcedClose)
			receive(t, done, "the client")
		})
	}
}

func TestPanics(t *testing.T) {
	t.Parallel()
	logged := new(lineCounter)
	h := start(t, &engine.ServerOptions{Logger: logged.logger()})
	bystander := h.websocket()
	check := func(t *testing.T, s *session, lines int) {
		t.Helper()
		if err := s.wantClose(t, engine.TransportError); err == nil || !strings.Contains(err.Error(), "oops") {
			t.Errorf("got cause %v", err)
		}
		waitFor(t, "the log", func() bool { return logged.count("oops") == lines })
		bystander.send("4hello")
		bystander.wantMessage(t, "hello")
	}
	t.Run("OnMessage over polling", func(t *testing.T) {
		p := h.poll()
		p.onMessage = func(string) { panic("oops") }
		p.post("4a\x1e4b")
		check(t, p.session, 1)
	})
	t.Run("OnMessage over WebSocket", func(t *testing.T) {
		w := h.websocket()
		w.onMessage = func(string) { panic("oops") }
		w.send("4a", "4b")
		w.wantEnd(ws.CloseNoStatus)
		check(t, w.session, 2)
	})
	t.Run("Goexit over WebSocket", func(t *testing.T) {
		w := h.websocket()
		w.onMessage = func(string) { runtime.Goexit() }
		w.send("4a")
		if err := w.wantClose(t, engine.TransportError); err == nil {
			t.Error("no cause")
		}
	})
	t.Run("Goexit over polling", func(t *testing.T) {
		p := h.poll()
		p.onMessage = func(string) { runtime.Goexit() }
		if r, err := h.try("POST", p.query, "4a"); err == nil {
			t.Errorf("answered %d", r.status)
		}
		if err := p.wantClose(t, engine.TransportError); err == nil {
			t.Error("no cause")
		}
	})
	if n := h.Len(); n != 1 {
		t.Errorf("%d sessions, want 1", n)
	}
}

// panicking panics in every method of a handler.
type panicking struct{ in string }

func (p panicking) panic(in string) {
	if p.in == in {
		panic("oops")
	}
}
func (p panicking) OnMessage(*engine.Conn, []byte, bool)       { p.panic("OnMessage") }
func (p panicking) OnClose(*engine.Conn, engine.Reason, error) { panic("oops") }
func (p panicking) OnBatch(*engine.Conn)                       { p.panic("OnBatch") }
func (p panicking) OnUpgrade(*engine.Conn, engine.Transport)   { p.panic("OnUpgrade") }
func (p panicking) OnDrain(*engine.Conn)                       { p.panic("OnDrain") }

func TestPanicsEverywhere(t *testing.T) {
	t.Parallel()
	for _, in := range []string{"OnConnect", "OnMessage", "OnBatch", "OnUpgrade", "OnDrain", "OnClose"} {
		t.Run(in, func(t *testing.T) {
			h := start(t, &engine.ServerOptions{
				PingInterval: 50 * time.Millisecond, PingTimeout: 50 * time.Millisecond, // ends all, on the timer's goroutine
				OnConnect: func(c *engine.Conn) engine.Handler {
					if in == "OnConnect" {
						panic(http.ErrAbortHandler) // of which net/http makes no noise
					}
					return panicking{in}
				},
			})
			r, err := h.try("GET", "EIO=4&transport=polling", "")
			if in == "OnConnect" {
				if err == nil {
					t.Errorf("got %d", r.status)
				}
				if w, err := h.tryWebSocket("EIO=4&transport=websocket"); err == nil {
					for err == nil {
						_, err = w.tryRead()
					}
				}
			} else {
				query := "EIO=4&transport=polling&sid=" + openSID(t, r.body)
				_, _ = h.try("POST", query, "4x")
				_, _ = h.try("GET", query, "")
				if w, err := h.tryWebSocket(strings.Replace(query, "polling", "websocket", 1)); err == nil {
					w.send("5", "4x")
				}
				w := h.dialWebSocket("EIO=4&transport=websocket")
				w.send("4x")
			}
			waitFor(t, "all to end", func() bool { return h.Len() == 0 })
		})
	}
}

// A connection without a handler stays open whatever arrives, and can be closed.
func TestWithoutAHandler(t *testing.T) {
	t.Parallel()
	conns := make(chan *engine.Conn, 2)
	h := start(t, &engine.ServerOptions{OnConnect: func(c *engine.Conn) engine.Handler {
		conns <- c
		return nil
	}})
	open := h.request("GET", "EIO=4&transport=polling", "")
	polling := receive(t, conns, "the session on polling")
	query := "EIO=4&transport=polling&sid=" + openSID(t, open.body)
	for range 2 {
		wantReply(t, h.request("POST", query, "4ignored"), 200, "ok")
	}
	w := h.dialWebSocket("EIO=4&transport=websocket")
	w.read()
	socket := receive(t, conns, "the session on WebSocket")
	w.send("4ignored")
	w.raw(masked(ws.Ping, "still there?"))
	w.want("a:still there?")
	for _, c := range []*engine.Conn{polling, socket} {
		c.Close()
	}
	w.wantEnd(ws.CloseNoStatus)
	wantReply(t, h.request("GET", query, ""), 200, "1")
}
