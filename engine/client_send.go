package engine

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"

	"github.com/seed96b07ef8/socketio/internal/ctxerr"
	"github.com/seed96b07ef8/socketio/internal/ws"
)

// ErrDropped is returned by [Client.TrySend] for a volatile message that was dropped
// since the server was not ready for it.
var ErrDropped = errors.New("engine: volatile message dropped: the server does not read as fast as it is written to")

// A TooLargeError says that a message was refused because the server would not accept
// it: the server's handshake has announced a smaller maxPayload.
type TooLargeError struct {
	Size int // bytes of the message, or of its largest part, as it would be sent
	Max  int // maxPayload of the server
}

// Error names both sizes.
func (e *TooLargeError) Error() string {
	return fmt.Sprintf("message too large: it has %d bytes, and the server accepts at most %d (maxPayload)", e.Size, e.Max)
}

// Send queues m for the server. It never blocks. It returns [ErrClosed] when the
// connection has ended, a [*TooLargeError] for what the server would not accept, and
// [ErrOutboxFull] as the overflow policy says; m is not sent then. A nil error does
// not mean that the message arrives. Of the flags, Volatile, NoCompress, Essential
// and Fence have a meaning here.
func (c *Client) Send(m *Message, flags Flags) error {
	_, err := c.send(m, flags, c.opts.Overflow)
	if err == ErrDropped {
		return nil
	}
	return err
}

// TrySend is like Send with the policy [Refuse], whatever the options say. With
// [ErrOutboxFull] it returns a channel that is closed when there is room again, or
// the connection has ended. A volatile message that was dropped is [ErrDropped].
func (c *Client) TrySend(m *Message, flags Flags) (full <-chan struct{}, err error) {
	return c.send(m, flags, Refuse)
}

// SendWait is like Send, but waits for room in the outbox. It returns ctx's error and
// cause when that ends first; m is not sent then.
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
	flags &= Volatile | NoCompress | Essential | Fence
	c.mu.Lock()
	if c.state != open {
		c.mu.Unlock()
		return nil, ErrClosed
	}
	if c.expiredLocked() {
		c.after(0) // onTimer ends the connection, without the locks of our caller
		c.mu.Unlock()
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
	o := c.opts
	if flags&Essential == 0 {
		if ok, _ := c.outbox.makeRoom(m.Len(), limits{o.OutboxMessages, o.OutboxBytes}, policy); !ok {
			defer c.mu.Unlock()
			return c.refuseLocked(policy)
		}
	}
	// Without a raw socket it is not known whether the write that is under way waits.
	c.backlog = c.backlog || !writable || c.writing && c.link.raw == nil
	c.outbox.push(entry{m: m, flags: flags})
	c.flush()
	return nil, nil
}

// refuseLocked applies the policy to a message for which there is no room.
func (c *Client) refuseLocked(policy Overflow) (full <-chan struct{}, err error) {
	c.backlog = true // OnDrain tells of its end
	if policy != Refuse {
		return nil, nil
	}
	if c.room == nil {
		c.room = make(chan struct{})
	}
	return c.room, ErrOutboxFull
}

// openRoomLocked wakes those who wait for room.
func (c *Client) openRoomLocked() {
	if c.room != nil {
		close(c.room)
		c.room = nil
	}
}

// takenLocked is called when messages were taken from the outbox. Those who wait for
// room are woken when half of it is free, so that they are not woken for each message.
func (c *Client) takenLocked() {
	if c.outbox.n <= c.opts.OutboxMessages/2 && c.outbox.bytes <= c.opts.OutboxBytes/2 {
		c.openRoomLocked()
	}
}

// checkSizeLocked returns an error if the server does not accept a message of m's
// size over the present transport. Each part counts for itself (Engine.IO protocol v4,
// "Handshake").
func (c *Client) checkSizeLocked(m *Message) error {
	// Base64 makes of a part at most one and a half times its frame.
	if c.announced == 0 || m.Len() <= c.announced/2 {
		return nil
	}
	largest := 0
	for rest := m.frames; len(rest) > 0; {
		var op ws.Opcode
		var payload []byte
		op, payload, rest = ws.Frames(rest)
		size := len(payload)
		if op == ws.Binary && (c.link == nil || c.opts.ForceBase64) {
			size = 1 + base64.StdEncoding.EncodedLen(size)
		}
		largest = max(largest, size)
	}
	if largest > c.announced {
		return &TooLargeError{Size: largest, Max: c.announced}
	}
	return nil
}

// expiredLocked reports whether the server's ping is overdue. Timers use the monotonic
// clock, which stops while a machine is suspended, so the time that counts here is
// wall time: what is sent after the machine has woken must not vanish into a
// connection that the server has given up.
func (c *Client) expiredLocked() bool {
	if c.expired {
		return true
	}
	due := c.due.Round(0)
	if c.arrived.Load() {
		due = due.Add(c.pingTimeout) // as onTimer will
	}
	if !c.opts.now().Round(0).After(due) || c.busy.Load() && c.patience() > 0 {
		return false
	}
	c.expired = true
	return true
}
