package client_test

import (
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/seed96b07ef8/socketio/client"
	"github.com/seed96b07ef8/socketio/engine"
	"github.com/seed96b07ef8/socketio/socketiotest"
)

// Events that wait count with the memory that they hold, not with the bytes in which
// they have come.
func TestInboxCountsWhatIsHeld(t *testing.T) {
	t.Parallel()
	const args = 1000
	f := newFake(t, func(c *engine.Conn, message string) {
		if message == "0" {
			say(c, granted, `2["e"`+strings.Repeat(",1", args)+`]`)
		}
	})
	c := overWebSocket.client(t, f.Server, "/", nil)
	hold := make(chan bool)
	c.On("e", func() { <-hold })
	connect(t, c)
	socketiotest.WaitFor(t, "the event", func() bool { return c.Load() == 1 })
	// A slice for each argument, and the text.
	if n := c.LoadBytes(); n < args*24+2*args || n > args*64 {
		t.Errorf("the event counts as %d bytes", n)
	}
	close(hold)
	socketiotest.WaitFor(t, "the inbox to be empty", func() bool { return c.Load() == 0 && c.LoadBytes() == 0 })
}

// Events wait in the inbox up to InboxBytes, and one that is larger is handled alone.
func TestInboxBytes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const limit, size = 10_000, 3000
		srv, c := bubble(t, nil, func(o *client.Options) { o.InboxBytes = limit })
		hold := make(chan bool)
		handled := 0
		c.On("e", func(string) {
			<-hold
			handled++
		})
		connect(t, c)
		synctest.Wait()
		for range 20 {
			if err := srv.Emit("e", strings.Repeat("x", size)); err != nil {
				t.Fatal(err)
			}
		}
		if err := srv.Emit("e", strings.Repeat("x", 2*limit)); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if n := c.LoadBytes(); n > limit || n < size {
			t.Errorf("events of %d bytes wait, want at most %d", n, limit)
		}
		close(hold)
		synctest.Wait()
		if handled != 21 {
			t.Errorf("%d events were handled, want 21", handled)
		}
	})
}

// A handler that ends its goroutine leaves its place in the inbox to the next event.
func TestEndedGoroutineLeavesItsPlace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv, c := bubble(t, nil, func(o *client.Options) { o.InboxEvents = 2 })
		var handled atomic.Int32
		c.On("e", func() {
			handled.Add(1)
			runtime.Goexit()
		})
		connect(t, c)
		synctest.Wait()
		for range 10 {
			if err := srv.Emit("e"); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		if n := handled.Load(); n != 10 || c.Load() != 0 {
			t.Errorf("%d events were handled and %d wait, want 10 and none", n, c.Load())
		}
	})
}
