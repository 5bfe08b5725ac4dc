package engine

import (
	"testing"
	"time"
)

// A timer that is stopped or reset while it fires finds that in the state of its
// connection, and does nothing.
func TestTimerFiresTooLate(t *testing.T) {
	t.Parallel()
	const past, future = 0, 1000 * time.Hour
	for name, test := range map[string]struct {
		state state
		due   time.Duration
	}{
		"reset":                  {open, future},
		"stopped":                {closed, past},
		"reset, waits for polls": {draining, future},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o, err := new(ServerOptions).withDefaults()
			if err != nil {
				t.Fatal(err)
			}
			c := &Conn{server: &Server{opts: o}, poll: new(pollState)}
			c.state, c.beat.due = test.state, clock()+test.due
			c.onTimer()
			if c.state != test.state {
				t.Errorf("the connection is in state %d, want %d", c.state, test.state)
			}
			if c.outbox.n != 0 || c.beat.awaiting.Load() || c.beat.timer != nil {
				t.Errorf("%d packets are queued, pong awaited: %v, timer set: %v; want none of that",
					c.outbox.n, c.beat.awaiting.Load(), c.beat.timer != nil)
				c.beat.stop()
			}
		})
	}
}
