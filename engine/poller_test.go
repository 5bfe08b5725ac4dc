package engine_test

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/seed96b07ef8/socketio/engine"
	"github.com/seed96b07ef8/socketio/internal/ws"
)

// Connections also work without the poller: on other systems each WebSocket has a
// waiting goroutine.
func TestPortable(t *testing.T) {
	engine.SetPortable(true)
	t.Cleanup(func() { engine.SetPortable(false) }) // after the parallel ones, too
	for _, test := range []struct {
		name string
		f    func(*testing.T)
	}{
		{"ConcurrentSend", TestConcurrentSend},
		{"ConcurrentClose", TestConcurrentClose},
		{"CloseWebSocket", TestCloseWebSocket},
		{"CloseFlushes", TestCloseFlushes},
		{"EndDuringOnConnect", TestEndDuringOnConnect},
		{"Lazy", TestLazy},
		{"OnDrain", TestOnDrain},
		{"Panics", TestPanics},
		{"Parts", TestParts},
		{"Shutdown", TestShutdown},
		{"ShutdownExpires", TestShutdownExpires},
		{"ShutdownRaces", TestShutdownRaces},
		{"ShutdownWaitsForHandlers", TestShutdownWaitsForHandlers},
		{"EndsOfParked", TestEndsOfParked},
		{"Lend", TestLend},
		{"EndsWhileLent", TestEndsWhileLent},
		{"ReadOnAtAnyTime", TestReadOnAtAnyTime},
	} {
		t.Run(test.name, test.f)
	}
}

// parked waits until no goroutine reads from the connection, if the system supports
// that.
func (s *session) parked(t testing.TB) {
	t.Helper()
	if runtime.GOOS == "linux" && !t.Failed() && !strings.HasPrefix(t.Name(), "TestPortable/") {
		waitFor(t, "the connection to be parked", func() bool { return engine.Parked(s.Conn) })
	}
}

// A frame may arrive in parts, and the connection may be parked between them.
func TestParts(t *testing.T) {
	t.Parallel()
	h := start(t, nil)
	w := h.websocket()
	frame := masked(ws.Text, "4hello")
	for part := range slices.Chunk(frame, 3) { // more reads would make the connection a busy one
		w.parked(t)
		w.raw(part)
	}
	w.wantMessage(t, "hello")
	large := strings.Repeat("x", 200_000)
	frame = masked(ws.Text, "4"+large)
	w.parked(t)
	w.raw(frame[:100_000])
	w.raw(frame[100_000:])
	w.wantMessage(t, large)
	w.text(t, "reply")
	w.want("4reply")
}

// An idle connection has no goroutine. A busy one keeps one.
func TestIdleConnectionsAreParked(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("there is no poller")
	}
	readers := func() int {
		buf := make([]byte, 4<<20)
		return strings.Count(string(buf[:runtime.Stack(buf, true)]), "engine.(*link).run(")
	}
	h := start(t, nil)
	for range 30 {
		h.websocket()
	}
	w := h.websocket()
	w.parked(t)
	waitFor(t, "all to be parked", func() bool { return readers() == 0 })
	for i := range 20 {
		text := fmt.Sprint(i)
		w.send("4" + text)
		w.wantMessage(t, text)
	}
	waitFor(t, "a reader", func() bool { return readers() == 1 })
	w.send("3") // there was much since the last one
	w.send("4x")
	w.wantMessage(t, "x")
	if engine.Parked(w.Conn) {
		t.Error("parked while busy")
	}
	w.send("3")
	w.parked(t)
	w.send("4y")
	w.wantMessage(t, "y")
}

// A handler that blocks delays only its own connection.
func TestBlockedHandlerAmongParked(t *testing.T) {
	t.Parallel()
	h := start(t, nil)
	release := make(chan struct{})
	var blocked []*peer
	for range 20 {
		w := h.websocket()
		w.onMessage = func(string) { <-release }
		w.parked(t)
		w.send("4x")
		blocked = append(blocked, w)
	}
	w := h.websocket()
	for range 30 {
		w.send("4y")
		w.wantMessage(t, "y")
	}
	close(release)
	for _, w := range blocked {
		w.wantMessage(t, "x")
	}
}

// Descriptors are reused while events for their previous connections may be pending.
func TestDescriptorsAreReused(t *testing.T) {
	t.Parallel()
	h := start(t, nil)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i := range 50 {
				w, err := h.tryWebSocket("EIO=4&transport=websocket")
				if err != nil {
					t.Error(err)
					return
				}
				w.send("4x")
				if i%2 == 0 {
					w.send("4y")
					_, _ = w.tryRead()
				}
				w.nc.Close()
			}
		})
	}
	for range 8 * 50 {
		s := receive(t, h.sessions, "a session")
		// Messages sent before the end may be lost with the connection.
		if e := receive(t, s.closed, "the end"); e.reason != engine.TransportClose && e.reason != engine.TransportError {
			t.Errorf("ended with %q", e.reason)
		}
	}
	wg.Wait()
	waitFor(t, "the sessions to go", func() bool { return h.Len() == 0 })
}

// Parked connections end like others, at either end, also if bytes arrive at the same
// time.
func TestEndsOfParked(t *testing.T) {
	t.Parallel()
	h := start(t, nil)
	rounds := 60
	if testing.Short() {
		rounds = 10
	}
	for i := range rounds {
		var peers []*peer
		for range 5 {
			w := h.websocket()
			w.parked(t)
			peers = append(peers, w)
		}
		var wg sync.WaitGroup
		for n, w := range peers {
			wg.Go(func() {
				if i%2 == 0 {
					w.send("4x")
				}
				if n%2 == 0 {
					w.nc.Close()
				}
			})
			if n != 2 {
				wg.Go(w.Close)
			}
			if i%3 == 0 {
				wg.Go(func() { _ = w.Send(engine.NewTextMessage([]byte("x")), engine.Lazy) })
			}
		}
		wg.Wait()
		for _, w := range peers {
			receive(t, w.closed, "the end")
			if n := len(w.closed); n != 0 {
				t.Fatal("OnClose was called twice")
			}
			w.nc.Close()
		}
	}
	waitFor(t, "the sessions to go", func() bool { return h.Len() == 0 })
}
