package engine_test

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/seed96b07ef8/socketio/engine"
)

// crowded starts a client whose outbox has room for one message. It returns when a first
// message is being written, a second one waits, and SendWait waits for room for a third.
// With flush, so does Flush for the second.
func crowded(t *testing.T, flush bool) (c *caller, p *fakePeer, flushed, sent chan error) {
	c, p = fenced(t, func(o *engine.DialOptions) { o.OutboxMessages = 1 })
	flushed, sent = make(chan error, 1), make(chan error, 1)
	for _, m := range []string{"first", "second"} {
		c.send(t, m, 0)
		synctest.Wait()
	}
	if flush {
		go func() { flushed <- c.Flush(context.Background()) }()
		synctest.Wait()
	}
	go func() { sent <- c.SendWait(context.Background(), text("third"), 0) }()
	synctest.Wait()
	return c, p, flushed, sent
}

// A mark of Flush takes no room in the outbox once the server has read what precedes it.
func TestClientRoomBehindFlush(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		_, p, flushed, sent := crowded(t, true)
		p.want(t, "4first")
		p.want(t, "4second")
		_, _ = p.Write(p.question(t))
		if err := <-flushed; err != nil {
			t.Errorf("Flush: got %v, want nil", err)
		}
		synctest.Wait()
		if len(sent) == 0 {
			t.Fatal("SendWait waits although the outbox is empty")
		}
		if err := <-sent; err != nil {
			t.Errorf("SendWait: got %v, want nil", err)
		}
		p.want(t, "4third")
	})
}

// Close wakes the callers that wait for room at once, while earlier messages are still
// being sent.
func TestClientRoomAtClose(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, p, _, sent := crowded(t, false)
		c.Close()
		synctest.Wait()
		if len(sent) == 0 {
			t.Fatal("SendWait waits on a connection that is closed")
		}
		if err := <-sent; err != engine.ErrClosed {
			t.Errorf("SendWait: got %v, want %v", err, engine.ErrClosed)
		}
		p.want(t, "4first")
		p.want(t, "4second")
	})
}
