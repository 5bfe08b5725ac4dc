package engine

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"github.com/seed96b07ef8/socketio/internal/ctxerr"
	"github.com/seed96b07ef8/socketio/internal/ws"
)

// ErrDropped is returned by [Client.TrySend] if it dropped a volatile message because
// the server was not ready.
var ErrDropped = errors.New("engine: volatile message dropped: the server does not read as fast as it is written to")

// A TooLargeError is returned for a message that exceeds the maxPayload of the
// server's handshake.
type TooLargeError struct {
	Size int // encoded size in bytes of the message, or of its largest part
	Max  int // maxPayload of the server
}

// Error returns a text with both sizes.
func (e *TooLargeError) Error() string {
	return fmt.Sprintf("message too large: it has %d bytes, and the server accepts at most %d (maxPayload)", e.Size, e.Max)
}

// Send queues m for the server and never blocks. It returns an error, and does not
// send m, if the connection has ended ([ErrClosed]), the server would not accept the
// size of m ([*TooLargeError]), or the outbox is full and the overflow policy refuses
// m ([ErrOutboxFull]). A nil error does not mean that the server receives the
// message. The flags Volatile, NoCompress, Control and Fence apply.
func (c *Client) Send(m *Message, flags Flags) error {
	_, err := c.send(m, flags, c.opts.Overflow)
	if err == ErrDropped {
		return nil
	}
	return err
}

// TrySend is Send with the policy [Refuse], whatever the options say. With
// [ErrOutboxFull] it also returns a channel that is closed when the outbox has room
// again or the connection has ended. It returns [ErrDropped] for a dropped volatile
// message.
func (c *Client) TrySend(m *Message, flags Flags) (full <-chan struct{}, err error) {
	return c.send(m, flags, Refuse)
}

// SendWait is Send, except that it waits for room in the outbox. If ctx ends first,
// it does not send m and returns the error and the cause of ctx.
func (c *Client) SendWait(ctx context.Context, m *Message, flags Flags) error {
	for {
		full, err := c.TrySend(m, flags)
		if full == nil {
			if err == ErrDropped {
				return nil
			}
			return err
		}
		select {
		case <-full:
		case <-ctx.Done():
			return ctxerr.Of(ctx)
		}
	}
}

func (c *Client) send(m *Message, flags Flags, policy Overflow) (full <-chan struct{}, err error) {
	flags &= clientFlags
	c.mu.Lock()
	if c.state != open {
		c.mu.Unlock()
		return nil, ErrClosed
	}
	if c.expiredLocked() {
		c.endExpiredAndUnlock()
		return nil, ErrClosed
	}
	if err := c.checkSizeLocked(m); err != nil {
		c.mu.Unlock()
		return nil, err
	}
	writable := c.writable()
	if flags&Volatile != 0 && !writable {
		c.mu.Unlock()
		return nil, ErrDropped
	}
	l := limits{c.opts.OutboxMessages, c.opts.OutboxBytes}
	if ok, _ := c.outbox.makeRoom(m.Len(), flags, l, policy); !ok {
		defer c.mu.Unlock()
		if flags&Control != 0 {
			policy = Refuse
		}
		return c.refuseLocked(policy)
	}
	c.noteWaitLocked(writable)
	c.outbox.push(entry{m: m, flags: flags})
	_ = c.flushAndUnlock(c)
	return nil, nil
}

// refuseLocked applies the policy to a message that does not fit.
func (c *Client) refuseLocked(policy Overflow) (full <-chan struct{}, err error) {
	c.backlog = true // so that OnDrain is called at its end
	if policy != Refuse {
		return nil, nil
	}
	if c.room == nil {
		c.room = make(chan struct{})
	}
	return c.room, ErrOutboxFull
}

// openRoomLocked wakes the waiters for room.
func (c *Client) openRoomLocked() {
	if c.room != nil {
		close(c.room)
		c.room = nil
	}
}

// tookLocked is called after messages were taken from the outbox. It wakes the
// waiters for room when half of the outbox is free, to avoid waking them for each
// message.
func (c *Client) tookLocked() {
	if c.outbox.n <= c.opts.OutboxMessages/2 && c.outbox.bytes <= c.opts.OutboxBytes/2 {
		c.openRoomLocked()
	}
}

// mayPollLocked reports whether a message that is queued now may leave over polling.
// That includes the time in which commit writes the upgrade packet, because the
// session stays on polling if that fails.
func (c *Client) mayPollLocked() bool { return c.web != nil }

// checkSizeLocked returns an error if the server does not accept a message of m's
// size over a transport on which it may leave. The limit applies to each part (Engine.IO protocol
// v4, "Handshake").
func (c *Client) checkSizeLocked(m *Message) error {
	// The base64 encoding of a part is at most one and a half times the size of its
	// frame.
	if c.announced == 0 || m.Len() <= c.announced/2 {
		return nil
	}
	largest := 0
	for op, payload := range m.all() {
		size := len(payload)
		if op == ws.Binary && (c.mayPollLocked() || c.opts.ForceBase64) {
			size = 1 + base64.StdEncoding.EncodedLen(size)
		}
		largest = max(largest, size)
	}
	if largest > c.announced {
		return &TooLargeError{Size: largest, Max: c.announced}
	}
	return nil
}

// expiredLocked reports whether the server's ping is overdue. Timers use the
// monotonic clock, which stops while a machine is suspended, so expiredLocked uses
// wall time: after the machine resumes, messages must not be lost in a connection
// that the server has given up.
func (c *Client) expiredLocked() bool {
	switch {
	case c.expired:
		return true
	case !c.opts.now().Round(0).After(c.due.Round(0)):
		return false
	case c.busy.Load() && c.patienceLocked() > 0:
		return false
	case c.arrived.Load() && !time.Now().Before(c.due):
		return false // the machine was not suspended, and onTimer is about to wait longer
	}
	c.expired = true
	return true
}

// endExpiredAndUnlock has onTimer end an expired connection, because the caller of Send
// may hold locks that OnClose needs.
func (c *Client) endExpiredAndUnlock() {
	c.afterLocked(0)
	c.mu.Unlock()
}
