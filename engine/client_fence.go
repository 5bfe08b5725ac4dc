package engine

import (
	"context"
	"encoding/binary"
	"time"

	"github.com/seed96b07ef8/socketio/internal/ctxerr"
	"github.com/seed96b07ef8/socketio/internal/ws"
)

// Servers of Node drop the events that they read at once with the packet by which the
// events' socket leaves. A fence keeps the two apart: the client sends what is behind a
// fence only when the server has read what is before it. Over polling, the answer to
// the data request says so; over WebSocket, the answer to a ping (RFC 6455, section
// 5.5.2) that follows what is before the fence.

const (
	// fenceTimeout is how long a server may take to answer such a ping, or its
	// pingTimeout if that is shorter. A server that obeys RFC 6455 answers when it has
	// read what came before, so the time is that of its backlog and of the network.
	fenceTimeout = 10 * time.Second
	// muteTimeout is the same for a server that has once left a ping unanswered.
	muteTimeout = 50 * time.Millisecond
)

// fences is what a [Client] knows of the messages that the server has read.
type fences struct {
	unread bool               // messages have left of which the server has not said that it read them
	asked  bool               // a ping was sent to find out, and its answer is awaited
	number uint32             // of that ping
	mute   bool               // the server has left one unanswered
	timer  *time.Timer        // of the answer
	marks  map[*Message]*mark // the places in the outbox for which Flush waits
	// doubtful is set when a ping was not answered in time: what was sent before has
	// passed the fence, but Flush cannot say yet that it was read.
	doubtful bool
	passed   map[*mark]uint32 // marks that have passed like that, by the number of the ping
}

// A mark is what Flush waits for: that the server has read what is before a place.
type mark struct {
	reached chan struct{}
	err     error // set before reached is closed
	waiters int   // calls of Flush
}

// Flush waits until the server has read what was sent before: it has answered the
// data request of polling, or a ping of WebSocket that followed. Messages that are
// sent after the call wait until then, but for a ping no longer than 10 s. Flush returns nil, ErrClosed when the
// connection has ended before, or ctx's error and cause. That the server has read a
// message does not mean that its application has handled it.
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

// mark puts a mark behind all messages. It returns nil when the server has read them.
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
	c.flush()
	return m, nil
}

// sendableLocked reports whether there is something that may be written now, a ping
// that a fence needs included. It removes the marks that were reached.
func (c *Client) sendableLocked() bool {
	for c.outbox.n > 0 {
		e := c.outbox.front()
		if e.flags&Fence == 0 {
			return true
		}
		if c.fence.unread {
			return c.link != nil && !c.fence.asked
		}
		m := c.fence.marks[e.m]
		if m == nil {
			return true
		}
		delete(c.fence.marks, c.outbox.pop().m)
		c.fence.reachedLocked(m)
	}
	return false
}

// reachedLocked ends the waiting for a mark, or has it wait for the answer to the last
// ping, which is late.
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

// confirmedLocked notes that the server has answered a ping, late or not.
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

// askLocked returns a ping whose answer says that the server has read what was sent
// before, or nil when nothing waits for that.
func (c *Client) askLocked() []byte {
	if c.outbox.front().flags&Fence == 0 || !c.fence.unread {
		return nil
	}
	f := &c.fence
	f.asked = true
	f.number++
	number, timeout := f.number, min(fenceTimeout, c.pingTimeout)
	if f.mute {
		timeout = muteTimeout
	}
	f.timer = time.AfterFunc(timeout, func() { c.answered(number, true) })
	return ws.AppendMasked(nil, ws.AppendFrame(nil, ws.Ping, binary.BigEndian.AppendUint32(nil, number)))
}

// pongReceived handles the answer to a ping of askLocked. Other pongs mean nothing.
func (c *Client) pongReceived(data []byte) {
	if len(data) == 4 {
		c.answered(binary.BigEndian.Uint32(data), false)
	}
}

// answered opens a fence: the server has answered a ping, or has not in time.
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
	if late && c.writing { // perhaps the ping itself has not left
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
		c.flush()
	case c.state == draining && c.outbox.n == 0:
		c.shut(nil)
	default:
		c.drained()
	}
}

// closeFenceLocked ends what waits for the server when the connection ends.
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
