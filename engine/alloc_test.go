//go:build !race

package engine_test

import (
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed96b07ef8/socketio/engine"
	"github.com/seed96b07ef8/socketio/internal/ws"
)

// What is done for each message, and each recipient, allocates nothing. Pools that
// a collection has emptied are filled again, hence the averages.
func TestAllocations(t *testing.T) {
	w, c, handler := discarding(t, engine.ServerOptions{})
	discard(w)
	check := func(what string, most float64, f func()) {
		t.Helper()
		paced := func() {
			f()
			settle(c)
		}
		for range 50 {
			paced()
		}
		if n := testing.AllocsPerRun(500, paced); n > most {
			t.Errorf("%s: %v allocations, want at most %v", what, n, most)
		}
	}
	m := engine.NewTextMessage(make([]byte, 100))
	check("Send", 0, func() { _ = c.Send(m, 0) })
	check("volatile Send", 0, func() { _ = c.Send(m, engine.Volatile) })
	check("eight times Send, corked", 0, func() {
		c.Cork()
		for range 8 {
			_ = c.Send(m, 0)
		}
		c.Uncork()
	})
	check("eight times Send, lazy", 4, func() { // the flusher's goroutine and its list
		for range 8 {
			_ = c.Send(m, engine.Lazy)
		}
	})
	text, attachments := make([]byte, 100), [][]byte{make([]byte, 1000), make([]byte, 10_000)}
	check("SendText", 0, func() { _ = c.SendText(text, nil, 0) })
	check("SendText with attachments", 0, func() { _ = c.SendText(text, attachments, 0) })
	frame := masked(ws.Text, "4hello")
	check("receiving text", 0, func() { w.raw(frame); <-handler.got })
	frame = masked(ws.Binary, string(make([]byte, 1000)))
	check("receiving binary data", 1, func() { w.raw(frame); <-handler.got }) // which is the handler's
	frame = masked(ws.Binary, string(make([]byte, 60_000)))
	check("receiving a large message", 1, func() { w.raw(frame); <-handler.got })
	if err := c.Send(m, 0); err != nil {
		t.Fatal(err) // so nothing of this was true
	}
}

// A heartbeat costs an idle connection the start of a goroutine.
func TestHeartbeatAllocations(t *testing.T) {
	w, c, _ := discarding(t, engine.ServerOptions{PingInterval: 5 * time.Millisecond, PingTimeout: time.Minute})
	if err := w.nc.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	var beats atomic.Int64
	pong := masked(ws.Text, "3")
	done := make(chan struct{})
	go func() {
		defer close(done)
		buf := make([]byte, 64)
		for {
			if _, err := w.nc.Read(buf); err != nil { // a ping
				return
			}
			beats.Add(1)
			w.raw(pong)
		}
	}()
	waitFor(t, "heartbeats", func() bool { return beats.Load() >= 20 })
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	begin := beats.Load()
	waitFor(t, "100 heartbeats", func() bool { return beats.Load() >= begin+100 })
	n := beats.Load() - begin
	runtime.ReadMemStats(&after)
	if each := float64(after.Mallocs-before.Mallocs) / float64(n); each > 3 {
		t.Errorf("%.1f allocations for each of %d heartbeats, want at most 3", each, n)
	}
	c.Close()
	w.nc.Close()
	<-done
}
