package engine_test

import (
	"errors"
	"runtime"
	"testing"
	"testing/synctest"

	"github.com/seed96b07ef8/socketio/engine"
	"github.com/seed96b07ef8/socketio/internal/ws"
)

func (s *session) lazy(t testing.TB, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if err := s.Send(engine.NewTextMessage([]byte(text)), engine.Lazy); err != nil {
			t.Fatal(err)
		}
	}
}

// Lazy messages arrive without a flush, in order with other messages.
func TestLazy(t *testing.T) {
	t.Parallel()
	h := start(t, nil)
	w := h.websocket()
	w.lazy(t, "a", "b")
	w.text(t, "c")
	w.lazy(t, "d")
	for _, want := range []string{"4a", "4b", "4c", "4d"} {
		w.want(want)
	}

	p := h.poll()
	pending := p.pending()
	p.lazy(t, "a")
	wantReply(t, receive(t, pending, "the poll"), 200, "4a")
	p.lazy(t, "b")
	p.text(t, "c")
	p.want("4b\x1e4c")
}

func TestLazyWrapped(t *testing.T) {
	t.Parallel()
	h := newHarness(t, nil)
	serveWrapped(t, h)
	w := h.websocket()
	w.lazy(t, "a", "b")
	w.want("4a")
	w.want("4b")
}

// A lazy volatile message is dropped under the same conditions as others.
func TestLazyVolatile(t *testing.T) {
	t.Parallel()
	h := start(t, nil)
	volatile := engine.NewTextMessage([]byte("volatile"))
	send := func(s *session) {
		t.Helper()
		if err := s.Send(volatile, engine.Volatile|engine.Lazy); err != nil {
			t.Fatal(err)
		}
	}
	w, p := h.websocket(), h.poll()
	send(w.session)
	w.want("4volatile")
	send(p.session) // it has no poll open
	pending := p.pending()
	send(p.session)
	wantReply(t, receive(t, pending, "the poll"), 200, "4volatile")
	waitFor(t, "the drop to be counted", func() bool { return h.Dropped() == 1 })
}

// Lazy has no effect together with Deferred: the message waits for Flush.
func TestLazyAndDeferred(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := startInMemory(t, nil)
		p := h.poll()
		pending := p.start()
		synctest.Wait()
		if err := p.Send(engine.NewTextMessage([]byte("x")), engine.Lazy|engine.Deferred); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if !p.Writable() {
			t.Error("the poll was answered before Flush")
		}
		p.Flush()
		wantReply(t, <-pending, 200, "4x")
		p.drop()
	})
}

// Close and Shutdown send lazy messages before the connection ends.
func TestLazyBeforeClose(t *testing.T) {
	t.Parallel()
	h := start(t, nil)
	for range 50 {
		w, p := h.websocket(), h.poll()
		w.lazy(t, "a", "b")
		w.Close()
		w.want("4a")
		w.want("4b")
		w.wantEnd(ws.CloseNoStatus)
		p.lazy(t, "a")
		p.Close()
		p.want("4a")
		p.want("1")
	}
	w := h.websocket()
	w.lazy(t, "a")
	done := make(chan error, 1)
	go func() { done <- h.Shutdown(t.Context()) }()
	w.want("4a")
	w.wantEnd(ws.CloseNoStatus)
	if err := receive(t, done, "Shutdown"); err != nil {
		t.Error(err)
	}
}

// failingOnDrop is a session whose OnDrop does not return.
type failingOnDrop struct {
	*session
	fail func()
}

func (s failingOnDrop) OnDrop(*engine.Conn, int) { s.fail() }

// startFailingOnDrop starts a server of such sessions.
func startFailingOnDrop(t *testing.T, opts engine.ServerOptions, fail func()) (h *harness, sessions chan *session) {
	sessions = make(chan *session, 3)
	opts.OnConnect = func(c *engine.Conn) engine.Handler {
		s := newSession(c)
		sessions <- s
		return failingOnDrop{s, fail}
	}
	return start(t, &opts), sessions
}

// A handler that panics in OnDrop ends its connection but does not stop the flusher.
// Neither does a handler that ends the goroutine.
func TestLazyDropThatFails(t *testing.T) {
	t.Parallel()
	for name, fail := range map[string]func(){"panic": func() { panic("oops") }, "Goexit": runtime.Goexit} {
		t.Run(name, func(t *testing.T) {
			h, sessions := startFailingOnDrop(t, engine.ServerOptions{}, fail)
			h.request("GET", "EIO=4&transport=polling", "")
			p := receive(t, sessions, "the session")
			w := h.dialWebSocket("EIO=4&transport=websocket")
			w.session = receive(t, sessions, "the session")
			w.read()
			for range 3 {
				if err := p.Send(engine.NewTextMessage([]byte("x")), engine.Volatile|engine.Lazy); err != nil {
					break // the connection has ended
				}
				w.lazy(t, "a")
				w.want("4a")
			}
			if name == "panic" {
				p.wantClose(t, engine.TransportError)
			} else if len(p.closed) > 0 {
				t.Error("the connection has ended")
			}
		})
	}
}

// A connection whose outbox overflows ends, whatever OnDrop does.
func TestOverflowWithDropThatFails(t *testing.T) {
	t.Parallel()
	for name, fail := range map[string]func(){"panic": func() { panic("oops") }, "Goexit": runtime.Goexit} {
		t.Run(name, func(t *testing.T) {
			h, sessions := startFailingOnDrop(t, engine.ServerOptions{OutboxMessages: 1}, fail)
			h.request("GET", "EIO=4&transport=polling", "")
			p := receive(t, sessions, "the session")
			p.text(t, "fits")
			done := make(chan struct{})
			go func() {
				defer close(done)
				defer func() { _ = recover() }()
				_ = p.Send(engine.NewTextMessage([]byte("too much")), 0)
			}()
			receive(t, done, "the end of Send")
			if err := p.wantClose(t, engine.TransportError); !errors.Is(err, engine.ErrOutboxFull) {
				t.Errorf("cause %v, want %v", err, engine.ErrOutboxFull)
			}
		})
	}
}

// FlushSoon sends deferred messages, at once if many are queued.
func TestFlushSoon(t *testing.T) {
	t.Parallel()
	h := start(t, nil)
	w := h.websocket()
	for _, size := range []int{1, 100_000} {
		m := engine.NewTextMessage(make([]byte, size))
		if err := w.Send(m, engine.Deferred); err != nil {
			t.Fatal(err)
		}
		w.FlushSoon()
		w.want("4" + string(make([]byte, size)))
	}
	w.FlushSoon()
	w.Close()
	w.FlushSoon()
}
