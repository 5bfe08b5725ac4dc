package engine_test

import (
	"testing"
	"time"

	"github.com/seed96b07ef8/socketio/engine"
)

// Messages that a client sent before it left are delivered, even if the server first
// notices the end through a failed write.
func TestUnreadMessagesOfAClientThatLeft(t *testing.T) {
	t.Parallel()
	for name, serve := range map[string]func(h *harness){
		"socket":  nil,
		"wrapped": func(h *harness) { serveWrapped(t, h) },
	} {
		t.Run(name, func(t *testing.T) {
			h := start(t, nil)
			if serve != nil {
				h = newHarness(t, nil)
				serveWrapped(t, h)
			}
			w := h.websocket()
			entered, release := make(chan bool), make(chan bool)
			w.onMessage = func(text string) {
				if text == "first" {
					entered <- true
					<-release
				}
			}
			w.send("4first")
			receive(t, entered, "the first message")
			w.send("4second", "4third")
			w.nc.Close()
			// Its end answers the first write with a reset, so that the next fails.
			waitFor(t, "a write to fail", func() bool {
				if err := w.Send(engine.NewTextMessage([]byte("x")), 0); err != nil {
					t.Fatalf("Send: %v", err)
				}
				return engine.Gone(w.Conn)
			})
			if w.Writable() {
				t.Error("writable, although the client left")
			}
			if len(w.closed) != 0 {
				t.Error("ended before everything was read")
			}
			close(release)
			for _, want := range []string{"first", "second", "third"} {
				w.wantMessage(t, want)
			}
			w.wantClose(t, engine.TransportClose)
			waitFor(t, "the session to go", func() bool { return h.Len() == 0 })
		})
	}
}

// A handler that delays the reader does not keep the connection of a client that
// left: the timer, or Close, ends it.
func TestClientLeftWhileReaderIsBusy(t *testing.T) {
	t.Parallel()
	for _, closes := range []bool{false, true} {
		opts := new(engine.ServerOptions)
		if !closes {
			opts.PingTimeout = 50 * time.Millisecond
		}
		h := start(t, opts)
		w := h.websocket()
		entered, release := make(chan bool), make(chan bool)
		w.onMessage = func(string) {
			entered <- true
			<-release
		}
		w.send("4first")
		receive(t, entered, "the first message")
		w.send("4second")
		w.nc.Close()
		waitFor(t, "a write to fail", func() bool {
			_ = w.Send(engine.NewTextMessage([]byte("x")), 0)
			return engine.Gone(w.Conn)
		})
		reason := engine.TransportError
		if closes {
			w.Close()
			reason = engine.ForcedClose
		}
		w.wantClose(t, reason)
		if n := h.Len(); n != 0 {
			t.Errorf("%d sessions are left, want 0", n)
		}
		close(release)
		w.wantMessage(t, "first")
	}
}
