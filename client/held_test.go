package client_test

import (
	"strings"
	"testing"

	"github.com/seed96b07ef8/socketio/engine"
	"github.com/seed96b07ef8/socketio/socketiotest"
)

// Events that wait count with the memory that they hold, not with the bytes in which
// they have come.
func TestInboxCountsWhatIsHeld(t *testing.T) {
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
