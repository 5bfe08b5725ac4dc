package client_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"github.com/seed96b07ef8/socketio/client"
	"github.com/seed96b07ef8/socketio/engine"
)

// Flush waits for the events before it also when the last of them will not be sent any
// more: because its caller has given up, or because of the overflow policy.
func TestFlushBehindAWithdrawnEvent(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		retries int
		drop    bool // the last event, to make room
	}{
		"buffered":         {0, false},
		"retried":          {1, false},
		"retried, dropped": {1, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFake(t, func(c *engine.Conn, message string) {
					if message == "0" && test.retries > 0 {
						say(c, granted)
					}
				})
				c := overWebSocket.client(t, f.Server, "/", func(o *client.Options) {
					o.Retries, o.BufferMessages, o.Overflow = test.retries, 2, client.DropOldest
				})
				emit := func(event string) {
					if err := c.Emit(event); err != nil {
						t.Fatal(err)
					}
				}
				if err := c.Open(); err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				emit("first")
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				if test.drop {
					emit("last")
				} else {
					go func() { _, _ = c.EmitWithAck(ctx, "last") }()
				}
				synctest.Wait()
				flushed := make(chan error, 1)
				go func() { flushed <- c.Flush(t.Context()) }()
				synctest.Wait()
				if test.drop {
					emit("another")
				} else {
					cancel()
				}
				synctest.Wait()
				if len(flushed) > 0 {
					t.Fatalf("Flush has returned %v while the first event waits", <-flushed)
				}
				c.Disconnect()
				if err := <-flushed; err == nil {
					t.Error("Flush returned no error, want that of the end")
				}
			})
		})
	}
}

// The cause of a context may be the end of another connection. That the context has ended
// loses no events of this one.
func TestFlushEndedByAnotherConnection(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStalling(t)
		c := connect(t, s.client(t))
		synctest.Wait()
		<-s.gate
		if err := c.Emit("e"); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancelCause(t.Context())
		flushed := make(chan error, 1)
		go func() { flushed <- c.Flush(ctx) }()
		synctest.Wait()
		cancel(engine.ErrClosed)
		err := <-flushed
		if loss := new(client.LossError); errors.As(err, &loss) || !errors.Is(err, context.Canceled) {
			t.Errorf("Flush: %v, want %v", err, context.Canceled)
		}
		s.gate <- true
		if err := c.Flush(t.Context()); err != nil {
			t.Errorf("the next Flush: %v, want no error", err)
		}
	})
}
