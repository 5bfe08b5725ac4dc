package engine_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed96b07ef8/socketio/engine"
	"github.com/seed96b07ef8/socketio/internal/ws"
)

// lineCounter counts lines of a log.
type lineCounter struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lineCounter) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *lineCounter) logger() *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }

// count returns the number of lines that hold text.
func (l *lineCounter) count(text string) (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for line := range strings.Lines(l.buf.String()) {
		if strings.Contains(line, text) {
			n++
		}
	}
	return n
}

func TestShutdown(t *testing.T) {
	t.Parallel()
	h := start(t, nil)
	waiting, idle, behind := h.poll(), h.poll(), h.poll()
	pending := waiting.pending()
	behind.text(t, "rest")
	socket, upgrading, upgraded := h.websocket(), h.poll(), h.poll()
	probing := upgrading.probe()
	other := upgraded.probe()
	other.send("5")
	receive(t, upgraded.upgraded, "the upgrade")
	socket.text(t, "rest")

	done := make(chan error, 1)
	go func() { done <- h.Shutdown(t.Context()) }()
	wantReply(t, receive(t, pending, "the poll"), 200, "1")
	socket.want("4rest")
	socket.wantEnd(ws.CloseNoStatus)
	other.wantEnd(ws.CloseNoStatus)
	probing.send("5") // it waits for this upgrade and would not poll
	probing.wantEnd(ws.CloseNoStatus)
	for _, s := range []*session{waiting.session, idle.session, behind.session, socket.session, upgrading.session, upgraded.session} {
		s.wantClose(t, engine.ForcedClose)
		wantErrClosed(t, s)
	}
	behind.want("4rest")
	behind.want("1")
	idle.want("1")
	if err := receive(t, done, "Shutdown"); err != nil {
		t.Errorf("Shutdown: %v", err)
	}
	if n := h.Len(); n != 0 {
		t.Errorf("%d sessions are left, want 0", n)
	}

	wantReply(t, h.request("GET", "EIO=4&transport=polling", ""), 503, `{"code":3,"message":"Service unavailable"}`)
	_, err := h.tryWebSocket("EIO=4&transport=websocket")
	var refused *refusedError
	if !errors.As(err, &refused) || refused.status != 503 {
		t.Errorf("got %v", err)
	}
	if err := h.Shutdown(t.Context()); err != nil {
		t.Errorf("second Shutdown: %v", err)
	}
}

// Shutdown waits for a handler that runs in a request, even if its session has ended, but
// no longer than its context allows.
func TestShutdownWaitsForRequests(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := startInMemory(t, nil)
		p := h.poll()
		entered, release := make(chan struct{}), make(chan struct{})
		p.onMessage = func(string) {
			close(entered)
			<-release
		}
		answered := make(chan reply, 1)
		go func() {
			r, err := h.try("POST", p.query, "4a")
			if err != nil {
				t.Errorf("POST: %v", err)
			}
			answered <- r
		}()
		<-entered
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := h.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Shutdown while a handler runs: got %v, want %v", err, context.DeadlineExceeded)
		}
		if n := h.Len(); n != 0 {
			t.Errorf("%d sessions are left, want 0", n)
		}
		done := make(chan error, 1)
		go func() { done <- h.Shutdown(t.Context()) }()
		synctest.Wait()
		if len(done) > 0 {
			t.Error("Shutdown does not wait for the handler")
		}
		close(release)
		if err := <-done; err != nil {
			t.Errorf("Shutdown: got %v, want nil", err)
		}
		wantReply(t, <-answered, 200, "ok")
	})
}

// Existing sessions continue after StopAccepting.
func TestStopAccepting(t *testing.T) {
	t.Parallel()
	h := start(t, nil)
	p, w := h.poll(), h.websocket()
	h.StopAccepting()
	wantReply(t, h.request("GET", "EIO=4&transport=polling", ""), 503, `{"code":3,"message":"Service unavailable"}`)
	var refused *refusedError
	for query, status := range map[string]int{"": 503, "&sid=" + p.ID(): 400} {
		if _, err := h.tryWebSocket("EIO=4&transport=websocket" + query); !errors.As(err, &refused) || refused.status != status {
			t.Errorf("%q: got %v, want %d", query, err, status)
		}
	}
	p.post("4a")
	p.wantMessage(t, "a")
	p.text(t, "b")
	p.want("4b")
	w.send("4a")
	w.wantMessage(t, "a")
	if n := h.Len(); n != 2 {
		t.Errorf("%d sessions, want 2", n)
	}
}

func TestShutdownOfNothing(t *testing.T) {
	t.Parallel()
	h := newHarness(t, nil)
	for range 2 {
		if err := h.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

// Shutdown waits for polling clients that do not return, but for less time than
// Close.
func TestShutdownDoesNotLinger(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := startInMemory(t, nil)
		open, closed := h.poll(), h.poll()
		closed.Close()
		begin := time.Now()
		if err := h.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		if d := time.Since(begin); d != 2*time.Second {
			t.Errorf("took %v, want %v", d, 2*time.Second)
		}
		open.wantClose(t, engine.ForcedClose)
	})
}

func TestShutdownExpires(t *testing.T) {
	t.Parallel()
	h := start(t, &engine.ServerOptions{WriteTimeout: time.Minute})
	polling, stuck := h.poll(), h.websocket()
	for range 7 {
		stuck.text(t, strings.Repeat("x", 1<<20)) // which it does not read
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- h.Shutdown(ctx) }()
	polling.wantClose(t, engine.ForcedClose)
	stuck.wantClose(t, engine.ForcedClose)
	if n := h.Len(); n != 2 {
		t.Errorf("%d sessions before the end, want 2", n)
	}
	cancel()
	if err := receive(t, done, "Shutdown"); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
	if n := h.Len(); n != 0 {
		t.Errorf("%d sessions are left, want 0", n)
	}
	if err := h.Shutdown(t.Context()); err != nil { // waits for the goroutines
		t.Errorf("second Shutdown: %v", err)
	}
}

// Shutdown waits for handlers.
func TestShutdownWaitsForHandlers(t *testing.T) {
	t.Parallel()
	h := start(t, nil)
	w := h.websocket()
	entered, release := make(chan struct{}), make(chan struct{})
	w.onMessage = func(string) { close(entered); <-release }
	w.send("4work")
	receive(t, entered, "the handler")
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := h.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v while a handler runs, want %v", err, context.DeadlineExceeded)
	}
	close(release)
	if err := h.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
}

// Handshakes and upgrades that race with Shutdown leave nothing behind.
func TestShutdownRaces(t *testing.T) {
	t.Parallel()
	rounds := 30
	if testing.Short() {
		rounds = 5
	}
	for range rounds {
		h := start(t, nil)
		p := h.poll()
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() { _, _ = h.try("GET", "EIO=4&transport=polling", "") })
			for _, sid := range []string{"", "&sid=" + p.ID()} {
				wg.Go(func() {
					if w, err := h.tryWebSocket("EIO=4&transport=websocket" + sid); err == nil {
						w.send("2probe", "5", "4x")
						_, _ = w.tryRead()
						w.nc.Close()
					}
				})
			}
		}
		// The content of later responses does not matter.
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		_ = h.Shutdown(ctx)
		cancel()
		if n := h.Len(); n != 0 {
			t.Errorf("%d sessions are left, want 0", n)
		}
		wg.Wait()
		if err := h.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

// A context that has ended is an error only if there is something to wait for, as in
// net/http.
func TestShutdownWithAnEndedContext(t *testing.T) {
	t.Parallel()
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	t.Run("without connections", func(t *testing.T) {
		t.Parallel()
		for range 100 {
			h := newHarness(t, nil)
			for range 2 {
				if err := h.Shutdown(ended); err != nil {
					t.Fatalf("Shutdown: got %v, want nil", err)
				}
			}
		}
	})
	t.Run("after the last connection", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			h := startInMemory(t, nil)
			w, p := h.websocket(), h.poll()
			w.nc.Close()
			p.drop()
			time.Sleep(time.Minute)
			if err := h.Shutdown(ended); err != nil {
				t.Errorf("Shutdown: got %v, want nil", err)
			}
		})
	})
	for name, connect := range map[string]func(*harness){
		"polling":   func(h *harness) { h.poll() },
		"WebSocket": func(h *harness) { h.websocket() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := start(t, nil)
			connect(h)
			if err := h.Shutdown(ended); !errors.Is(err, context.Canceled) {
				t.Errorf("Shutdown: got %v, want %v", err, context.Canceled)
			}
		})
	}
}
