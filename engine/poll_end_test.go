package engine_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/seed96b07ef8/socketio/engine"
)

// doneFunc is a context that calls a function when the server begins to wait for its
// end, and has ended then.
type doneFunc struct {
	context.Context
	call func()
}

func (c doneFunc) Done() <-chan struct{} {
	c.call()
	ended := make(chan struct{})
	close(ended)
	return ended
}

// writeFunc is a ResponseWriter with its own Write.
type writeFunc struct {
	http.ResponseWriter
	write func(b []byte) (int, error)
}

func (w writeFunc) Write(b []byte) (int, error) { return w.write(b) }

// serve serves a poll of p on this goroutine, and returns the value of a panic.
func (p *poller) serve(ctx context.Context, w http.ResponseWriter) (panicked any) {
	p.h.t.Helper()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, p.h.url+"?"+p.query, nil)
	if err != nil {
		p.h.t.Fatal(err)
	}
	defer func() { panicked = recover() }()
	p.h.ServeHTTP(w, r)
	return nil
}

// wantOnWebSocket checks that the session continues on w.
func (p *poller) wantOnWebSocket(w *peer) {
	p.h.t.Helper()
	p.text(p.h.t, "still here")
	w.want("4still here")
}

// A poll that ends while the upgrade packet arrives does not end the session, which has
// moved to the WebSocket.
func TestPollAbortedAfterAnUpgrade(t *testing.T) {
	t.Parallel()
	h := start(t, nil)
	for range 20 { // servePoll notices either the end or the upgrade
		p := h.poll()
		var w *peer
		p.serve(doneFunc{t.Context(), func() {
			w = p.probe()
			w.send("5")
			receive(t, p.upgraded, "the upgrade")
		}}, httptest.NewRecorder())
		p.wantOnWebSocket(w)
		w.nc.Close()
		p.wantClose(t, engine.TransportClose)
	}
}

// Nor does a noop that cannot be written, because nothing is lost with it.
func TestNoopFailsAfterAnUpgrade(t *testing.T) {
	t.Parallel()
	h := start(t, nil)
	for _, exit := range []bool{false, true} {
		p := h.poll()
		var w *peer
		ctx := callOnce{t.Context(), func() { w = p.probe() }}
		p.serve(ctx, writeFunc{httptest.NewRecorder(), func([]byte) (int, error) {
			w.send("5")
			receive(t, p.upgraded, "the upgrade")
			if exit {
				panic("oops")
			}
			return 0, errors.New("broken pipe")
		}})
		p.wantOnWebSocket(w)
	}
}

// callOnce is a context that calls a function when the server begins to wait for its
// end, and does not end.
type callOnce struct {
	context.Context
	call func()
}

func (c callOnce) Done() <-chan struct{} {
	c.call()
	return nil
}

// A ResponseWriter that panics ends the session whose messages are lost, including a
// closed one that waits for its last poll.
func TestPanicOfAResponseWriter(t *testing.T) {
	t.Parallel()
	h := start(t, nil)
	w := writeFunc{httptest.NewRecorder(), func([]byte) (int, error) { panic("oops") }}
	p := h.poll()
	p.text(t, "lost")
	if v := p.serve(t.Context(), w); v != "oops" {
		t.Errorf("ServeHTTP panicked with %v, want oops", v)
	}
	if err := p.wantClose(t, engine.TransportError); err == nil {
		t.Error("the session ended without a cause")
	}
	closing := h.poll()
	closing.Close()
	closing.serve(t.Context(), w)
	waitFor(t, "the end of the sessions", func() bool { return h.Len() == 0 })
}
