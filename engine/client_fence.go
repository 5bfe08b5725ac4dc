package engine

import (
	"context"
	"encoding/binary"
	"time"

	"github.com/seed96b07ef8/socketio/internal/ctxerr"
	"github.com/seed96b07ef8/socketio/internal/ws"
)

// A Node.js server drops the events of a socket that it reads together with the
// packet by which the socket leaves. A fence separates the two: the client sends what
// follows a fence only after the server has read what precedes it. Over polling, the
// response to the data request confirms that; over WebSocket, the pong for a ping
// sent in front of the fence does (RFC 6455, section 5.5.2).

const (
	// fenceTimeout is how long a server may take to answer such a ping, or its
	// pingTimeout if that is shorter. A server that follows RFC 6455 answers after
	// reading what precedes the ping, so the time covers its backlog and the network.
	fenceTimeout = 10 * time.Second
	// muteTimeout replaces fenceTimeout for a server that has left a ping unanswered.
	muteTimeout = 50 * time.Millisecond
)

// fences tracks which messages of a [Client] the server has read.
type fences struct {
	unread bool               // messages were sent that the server has not confirmed
	asked  bool               // a ping was sent and not answered yet
	number uint32             // number of the last ping
	mute   bool               // the server has left a ping unanswered
	timer  *time.Timer        // of the pong
	marks  map[*Message]*mark // marks in the outbox
	// doubtful is set when a ping was not answered in time. Messages sent before have
	// passed the fence, but Flush cannot report them as read yet.
	doubtful bool
	passed   map[*mark]uint32 // marks passed while doubtful, with the number of the ping
}

// A mark is a position in the stream of messages. Flush waits until the server has
// read everything before it.
type mark struct {
	reached chan struct{}
	err     error // set before reached is closed
	waiters int   // number of waiting calls of Flush
}

// Flush waits until the server has read the messages sent before the call: it has
// responded to the data request of polling, or to a WebSocket ping that followed
// them. Messages sent after the call are held back meanwhile, but no longer than 10 s
// for a ping. Flush returns nil, [ErrClosed] if the connection ends before, or the
// error and cause of ctx. It does not wait for the server's application to handle the
// messages.
func (c *Client) Flush(ctx context.Context) error {
	m, err := c.mark()
	if m == nil {
		return err
	}
	select {
	case <-m.reached:
		return m.err
	case <-ctx.Done():
		c.mu.Lock()
		defer c.mu.Unlock()
		if m.waiters--; m.waiters == 0 {
			delete(c.fence.passed, m)
		}
		return ctxerr.Of(ctx)
	}
}

// mark places a mark after all messages. It returns nil if the server has read them.
func (c *Client) mark() (*mark, error) {
	c.mu.Lock()
	if c.state != open {
		c.mu.Unlock()
		return nil, ErrClosed
	}
	if !c.fence.unread && !c.fence.doubtful && c.outbox.n == 0 {
		c.mu.Unlock()
		return nil, nil
	}
	if c.expiredLocked() {
		c.endExpiredAndUnlock()
		return nil, ErrClosed
	}
	if m := c.fence.marks[c.outbox.back().m]; m != nil {
		m.waiters++
		c.mu.Unlock()
		return m, nil
	}
	m, place := &mark{reached: make(chan struct{}), waiters: 1}, new(Message)
	if c.fence.marks == nil {
		c.fence.marks = make(map[*Message]*mark)
	}
	c.fence.marks[place] = m
	c.outbox.push(entry{m: place, flags: protocolPacket | Fence})
	_ = c.flushAndUnlock(c)
	return m, nil
}

// sendableLocked reports whether a message, or a ping for a fence, may be written
// now. It removes reached marks.
func (c *Client) sendableLocked() bool {
	for c.outbox.n > 0 && c.state != closed {
		e := c.outbox.front()
		if e.flags&Fence == 0 {
			return true
		}
		if c.fence.unread {
			return !c.pollsLocked() && !c.fence.asked
		}
		m := c.fence.marks[e.m]
		if m == nil {
			return true
		}
		delete(c.fence.marks, c.outbox.pop().m)
		c.fence.reachedLocked(m)
		c.tookLocked() // marks count as queued messages
	}
	return false
}

// reachedLocked completes the waits for a mark. If the answer to the last ping is
// late, it postpones that until the answer arrives.
func (f *fences) reachedLocked(m *mark) {
	switch {
	case !f.doubtful:
		close(m.reached)
	case m.waiters > 0:
		if f.passed == nil {
			f.passed = make(map[*mark]uint32)
		}
		f.passed[m] = f.number
	}
}

// confirmedLocked records that the server has answered a ping, possibly late.
func (f *fences) confirmedLocked(number uint32) {
	for m, n := range f.passed {
		if n <= number {
			delete(f.passed, m)
			close(m.reached)
		}
	}
	if number == f.number {
		f.doubtful, f.mute = false, false
	}
}

// askLocked returns a ping whose answer confirms that the server has read the
// messages sent before, or nil if none is needed. On a transport without pings it
// returns an empty slice, whose write takes the next message into consideration.
func (c *Client) askLocked() []byte {
	if c.outbox.front().flags&Fence == 0 || !c.fence.unread {
		return nil
	}
	f := &c.fence
	if !c.link.way.pings {
		// The messages have been written, and nothing more can be known of them.
		f.unread = false
		return []byte{}
	}
	f.asked = true
	f.number++
	number, timeout := f.number, min(fenceTimeout, c.pingTimeout)
	if f.mute {
		timeout = muteTimeout
	}
	f.timer = time.AfterFunc(timeout, func() { c.answered(number, true) })
	return c.link.append(nil, ws.AppendFrame(nil, ws.Ping, binary.BigEndian.AppendUint32(nil, number)))
}

// pongReceived handles the pong for a ping of askLocked and ignores other pongs.
func (c *Client) pongReceived(data []byte) {
	if len(data) == 4 {
		c.answered(binary.BigEndian.Uint32(data), false)
	}
}

// answered opens a fence after the server has answered a ping, or has not in time.
func (c *Client) answered(number uint32, late bool) {
	c.mu.Lock()
	f := &c.fence
	if !late && c.state != closed {
		f.confirmedLocked(number)
	}
	if !f.asked || f.number != number || c.state == closed {
		c.mu.Unlock()
		return
	}
	f.timer.Stop()
	if late && c.writing { // the ping itself may still be unsent
		f.timer.Reset(muteTimeout)
		c.mu.Unlock()
		return
	}
	f.asked, f.unread = false, false
	if late {
		f.doubtful, f.mute = true, true
	}
	switch {
	case c.sendableLocked() || c.writing:
		_ = c.flushAndUnlock(c)
	case c.state == draining && c.outbox.n == 0:
		c.shutAndUnlock(nil)
	default:
		c.drainedAndUnlock()
	}
}

// closeFenceLocked ends all waits for the server when the connection ends.
func (c *Client) closeFenceLocked() {
	if c.fence.timer != nil {
		c.fence.timer.Stop()
	}
	for _, m := range c.fence.marks {
		m.err = ErrClosed
		close(m.reached)
	}
	for m := range c.fence.passed {
		m.err = ErrClosed
		close(m.reached)
	}
	c.fence.marks, c.fence.passed = nil, nil
	c.openRoomLocked()
}
