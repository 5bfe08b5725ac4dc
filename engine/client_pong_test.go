package engine_test

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/seed96b07ef8/socketio/engine"
	"github.com/seed96b07ef8/socketio/internal/ws"
)

// fenced starts a client over WebSocket, in a bubble, and returns both ends.
func fenced(t *testing.T, change func(*engine.DialOptions)) (*caller, *fakePeer) {
	peers, finished := make(chan *fakePeer), make(chan struct{})
	h := startFakeInMemory(t, &fake{websocket: func(p *fakePeer) {
		p.send(openWebSocket)
		peers <- p
		<-finished
	}})
	t.Cleanup(func() { close(finished) })
	o := h.dialOptions(engine.WebSocket)
	if change != nil {
		change(o)
	}
	c := newCaller()
	go h.callWith(o, c)
	p := <-peers
	synctest.Wait()
	return c, p
}

// Only the first answer to the last ping confirms that the server has read what precedes
// a fence.
func TestClientFenceOtherPongs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, p := fenced(t, nil)
		c.send(t, "first", 0)
		c.send(t, "behind", engine.Fence)
		p.want(t, "4first")
		pong := p.question(t)
		_, _ = p.Write(ws.AppendFrame(nil, ws.Pong, []byte{0, 0, 0, 99}))
		p.quiet(t)
		_, _ = p.Write(pong)
		p.want(t, "4behind")

		_, _ = p.Write(pong) // again: says nothing of what has left since
		synctest.Wait()
		c.send(t, "next", engine.Fence)
		second := p.question(t)
		_, _ = p.Write(pong)
		p.quiet(t)
		_, _ = p.Write(second)
		p.want(t, "4next")
		c.Close()
	})
}

// The end of the connection ends the calls that wait for a fence, and for room.
func TestClientFenceAtTheEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, p := fenced(t, func(o *engine.DialOptions) { o.OutboxMessages = 2 })
		c.send(t, "first", 0)
		c.send(t, "behind", engine.Fence)
		p.want(t, "4first")
		p.question(t)
		synctest.Wait()
		c.send(t, "further", 0)
		results := make(chan error, 2)
		go func() { results <- c.Flush(context.Background()) }()
		go func() { results <- c.SendWait(context.Background(), text("no room"), 0) }()
		synctest.Wait()
		if len(results) > 0 {
			t.Fatalf("ended early: %v", <-results)
		}
		_ = p.Close()
		for range cap(results) {
			if err := <-results; err != engine.ErrClosed {
				t.Errorf("got %v, want ErrClosed", err)
			}
		}
	})
}
