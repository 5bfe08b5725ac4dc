package engine_test

import (
	"runtime"
	"testing"
	"testing/synctest"
	"time"
	"weak"

	"github.com/seed96b07ef8/socketio/engine"
	"github.com/seed96b07ef8/socketio/internal/ws"
)

// clock checks the time since its creation.
type clock struct {
	t     testing.TB
	start time.Time
}

func newClock(t testing.TB) clock { return clock{t, time.Now()} }

func (c clock) want(d time.Duration, what string) {
	c.t.Helper()
	if got := time.Since(c.start); got != d {
		c.t.Errorf("%s after %v, want %v", what, got, d)
	}
}

func (c clock) until(d time.Duration) { time.Sleep(d - time.Since(c.start)) }

// unhurried replaces the deadline of real time that peers have.
func unhurried(t testing.TB, w *peer) *peer {
	if err := w.nc.SetDeadline(time.Time{}); err != nil {
		t.Fatal(err)
	}
	return w
}

func TestHeartbeatWebSocket(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := startInMemory(t, nil)
		w := unhurried(t, h.websocket())
		c := newClock(t)
		w.want("2")
		c.want(25*time.Second, "ping")
		time.Sleep(5 * time.Second)
		w.send("3")
		w.want("2")
		c.want(55*time.Second, "second ping")
		// No answer.
		w.wantEnd(ws.CloseNoStatus)
		c.want(75*time.Second, "end")
		w.wantClose(t, engine.PingTimeout)
		synctest.Wait()
		if n := h.Len(); n != 0 {
			t.Errorf("%d sessions are left, want 0", n)
		}
	})
}

func TestHeartbeatPolling(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := startInMemory(t, nil)
		c := newClock(t)
		p := h.poll()
		p.want("2")
		c.want(25*time.Second, "ping")
		p.post("3")
		p.want("2")
		c.want(50*time.Second, "second ping")
		// The client polls but does not answer.
		p.want("1")
		c.want(70*time.Second, "end")
		p.wantClose(t, engine.PingTimeout)
		wantReply(t, p.get(), 400, `{"code":1,"message":"Session ID unknown"}`)

		// The client does nothing at all.
		c = newClock(t)
		p = h.poll()
		<-waitClosed(t, p.session)
		c.want(45*time.Second, "end")
	})
}

func waitClosed(t testing.TB, s *session) <-chan struct{} {
	done := make(chan struct{})
	go func() {
		e := <-s.closed
		if e.reason != engine.PingTimeout {
			t.Errorf("the session ended with %q, want %v", e.reason, engine.PingTimeout)
		}
		close(done)
	}()
	return done
}

// Input other than the pong shows that the client is alive. It postpones the end
// until nothing arrives for PingTimeout.
func TestHeartbeatExtension(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := startInMemory(t, nil)
		w := unhurried(t, h.websocket())
		c := newClock(t)
		w.want("2")
		c.until(40 * time.Second)
		w.send("4alive")
		w.want("2")
		c.want(45*time.Second, "a ping in its place")
		c.until(55 * time.Second)
		w.raw(masked(ws.Text, "4a long message")[:5])
		w.want("2")
		c.want(65*time.Second, "another")
		w.wantEnd(ws.CloseNoStatus)
		c.want(85*time.Second, "end")
		w.wantClose(t, engine.PingTimeout)

		// A pong is accepted at any time.
		w = unhurried(t, h.websocket())
		for range 3 {
			c = newClock(t)
			w.want("2")
			c.until(44 * time.Second)
			w.send("4alive")
			w.want("2")
			c.until(63 * time.Second)
			w.send("3")
			synctest.Wait()
		}
		if len(w.closed) != 0 {
			t.Error("the session ended")
		}
		w.nc.Close()
		synctest.Wait()
	})
}

// Input before the ping does not show that the client is alive after it.
func TestHeartbeatBeforeThePing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := startInMemory(t, nil)
		w := unhurried(t, h.websocket())
		c := newClock(t)
		time.Sleep(10 * time.Second)
		w.send("4alive")
		w.want("2")
		w.wantEnd(ws.CloseNoStatus)
		c.want(45*time.Second, "end")
		w.wantClose(t, engine.PingTimeout)
	})
}

// The timer of a connection that has ended does not keep it in memory.
func TestEndedConnectionIsNotKept(t *testing.T) {
	t.Parallel()
	conns := make(chan weak.Pointer[engine.Conn], 2)
	h := start(t, &engine.ServerOptions{PingInterval: time.Hour, OnConnect: func(c *engine.Conn) engine.Handler {
		conns <- weak.Make(c)
		return nil
	}})
	r := h.request("GET", "EIO=4&transport=polling", "")
	query := "EIO=4&transport=polling&sid=" + openSID(t, r.body)
	h.request("POST", query, "1")
	h.request("GET", query, "")
	h.dialWebSocket("EIO=4&transport=websocket").nc.Close()
	for range cap(conns) {
		c := receive(t, conns, "a connection")
		waitFor(t, "the connection to be collected", func() bool {
			runtime.GC()
			return c.Value() == nil
		})
	}
}

// Packets without a pending ping have no effect, pongs included.
func TestHeartbeatUnsolicitedPong(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := startInMemory(t, nil)
		w := unhurried(t, h.websocket())
		c := newClock(t)
		w.send("3", "3", "4x", "3")
		time.Sleep(10 * time.Second)
		w.send("3")
		w.want("2")
		c.want(25*time.Second, "ping")
		w.nc.Close()
		synctest.Wait()
	})
}

// A pong behind a message that a handler is processing is not late.
func TestHeartbeatWhileHandlerIsBusy(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := startInMemory(t, nil)
		w := unhurried(t, h.websocket())
		w.session.onMessage = func(string) { time.Sleep(5 * time.Minute) }
		c := newClock(t)
		go w.raw(append(masked(ws.Text, "4work"), masked(ws.Text, "3")...))
		w.want("2")
		// The server keeps pinging it, or it would consider the server dead.
		for range 13 {
			w.want("2")
		}
		c.until(5*time.Minute + 10*time.Second) // before the next ping
		if len(w.closed) != 0 {
			t.Error("the session ended")
		}
		w.nc.Close()
		synctest.Wait()
	})
}

// The upgrade cancels a pending pong and restarts the interval.
func TestHeartbeatAndUpgrade(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := startInMemory(t, nil)
		p := h.poll()
		c := newClock(t)
		p.want("2")
		w := p.probe()
		time.Sleep(5 * time.Second)
		w.send("5")
		unhurried(t, w)
		w.want("2")
		c.want(55*time.Second, "ping over WebSocket")
		w.send("3")
		synctest.Wait()
		w.nc.Close()
		synctest.Wait()
		p.wantClose(t, engine.TransportClose)
	})
}

func TestHeartbeatIntervals(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := startInMemory(t, &engine.ServerOptions{PingInterval: time.Second, PingTimeout: 300 * time.Millisecond})
		w := unhurried(t, h.websocket())
		c := newClock(t)
		w.want("2")
		c.want(time.Second, "ping")
		w.wantEnd(ws.CloseNoStatus)
		c.want(1300*time.Millisecond, "end")
	})
}
