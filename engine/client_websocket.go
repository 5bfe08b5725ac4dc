package engine

import (
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/seed96b07ef8/socketio/internal/seam"
	"github.com/seed96b07ef8/socketio/internal/ws"
)

// readLoop delivers what arrives on l until either side closes the connection or the
// deadline set by leave passes. early holds bytes that arrived with the response to the
// handshake.
func (c *Client) readLoop(l *link, early []byte) {
	defer l.drain() // until the deadline set by leave
	c.surviveExit(func() { c.read(l, early) })
}

// read delivers what arrives on l until reading fails. After the end of the session it
// only looks for the server's close frame.
func (c *Client) read(l *link, early []byte) {
	r := getReader(l)
	l.deliver(c, r, early)
	r.put()
}

// surviveExit calls f, which calls handlers, and ends the connection if one of them ends
// the goroutine with runtime.Goexit, because nothing would read from the server then.
func (c *Client) surviveExit(f func()) {
	returned := false
	defer func() {
		if !returned {
			c.busy.Store(false)
			c.fail(TransportError, errHandlerExit)
		}
	}()
	f()
	returned = true
}

// feed implements receiver. A Client has no work to lend its reader to.
func (c *Client) feed(l *link, b []byte) (_ seam.Work, more bool) {
	c.arrived.note()
	l.in.Push(b)
	for {
		m, ok, err := l.in.Next()
		switch {
		case err != nil:
			c.disconnected(l, err)
			return nil, false
		case !ok:
			l.in.Park()
			return nil, true
		case m.Op == ws.Pong:
			c.pongReceived(m.Data) // even if the session is about to end
		case !c.ended.Load():
			c.handle(l, m)
		}
	}
}

// handle processes one WebSocket message or control frame.
func (c *Client) handle(l *link, m ws.Message) {
	if m.Op == ws.Ping {
		c.pong(c, l, m.Data)
		return
	}
	p, err := l.packet(m)
	switch {
	case c.id == "":
		if err != nil {
			err = ErrNoHandshake
		} else {
			err = c.open(p)
		}
		if err != nil {
			c.fail(ParseError, opError("handshake", l.way.transport, err))
		}
	case err != nil:
		c.fail(ParseError, opError("read", l.way.transport, err))
	case p.typ == packetClose:
		// Closing the WebSocket would suffice, but python-engineio sends a close
		// packet and waits for the client to close.
		c.end(TransportClose, opError("read", l.way.transport, errServerLeft), true)
	default:
		c.receive(p)
	}
}

// disconnected implements receiver.
func (c *Client) disconnected(l *link, err error) {
	if c.ended.Load() {
		l.abort() // the server answered our close frame, or cannot answer it any more
		c.mu.Lock()
		if c.state == draining {
			c.outbox.clear() // messages behind a fence cannot be sent any more
			if !c.writing {
				c.shutAndUnlock(net.ErrClosed)
				return
			}
		}
		c.mu.Unlock() // writtenAndUnlock shuts the connection
		return
	}
	op, reason := "read", TransportError
	var ce *ws.CloseError
	switch {
	case errors.As(err, &ce) && !ce.Remote:
		reason = ParseError
	case ce != nil, errors.Is(err, io.EOF):
		reason = TransportClose
	}
	if c.id == "" {
		op, err = "handshake", fmt.Errorf("%w: %w", ErrNoHandshake, err)
	}
	c.fail(reason, opError(op, l.way.transport, err))
}

// soundAndUnlock sends an unsolicited pong, which needs no answer (RFC 6455, section
// 5.5.3). If the server is unreachable, the write fails although nothing is read. It
// does nothing over polling and over a transport without pings.
func (c *Client) soundAndUnlock() {
	if !c.pollsLocked() && c.link.way.pings && c.outbox.n == 0 && !c.writing {
		c.outbox.pushFirst(framePlace, pongFrame(nil))
	}
	_ = c.flushAndUnlock(c)
}

// takeLocked takes the oldest message from the outbox.
func (c *Client) takeLocked() entry {
	e := c.outbox.pop()
	if e.flags&protocolPacket == 0 {
		c.fence.unread = true
	}
	return e
}

func (c *Client) goLocked(f func()) { c.startLocked(f) }
func (c *Client) counter() *total   { return nil }

// writtenAndUnlock releases the token writing when the outbox is empty or its next
// message has to wait for the server.
func (c *Client) writtenAndUnlock() {
	c.writing = false
	if c.state == draining && c.outbox.n == 0 {
		c.shutAndUnlock(nil)
		return
	}
	c.drainedAndUnlock()
}

// writeFailedAndUnlock ends the connection on another goroutine, because the caller
// of Send may hold locks that OnClose needs. See sender.
func (c *Client) writeFailedAndUnlock(l *link, err error) error {
	defer c.mu.Unlock()
	if c.state == closed { // closing the link made the write fail
		return ErrClosed
	}
	c.startLocked(func() {
		c.mu.Lock()
		if c.state == draining {
			c.shutAndUnlock(err)
			return
		}
		c.mu.Unlock()
		c.fail(TransportError, opError("write", l.way.transport, err))
		l.abort()
	})
	return nil
}

// polite reports whether to send a close frame or packet to the server when a session
// ends with this cause. After other causes the server cannot receive one.
func polite(cause error) bool {
	var ce *ws.CloseError
	return cause == nil || errors.As(cause, &ce) ||
		errors.Is(cause, errBadPacket) || errors.Is(cause, errAnswerTooLarge) ||
		errors.Is(cause, errPanic) || errors.Is(cause, errHandlerExit)
}

// leave sends a close frame and gives readLoop time to receive the answer. No other
// goroutine may be writing.
func leave(l *link, cause error) {
	err := l.nc.SetDeadline(time.Now().Add(closeTimeout))
	if err == nil {
		_, err = l.nc.Write(l.closeFrame(cause))
	}
	if ce, ok := errors.AsType[*ws.CloseError](cause); err != nil || ok && ce.Remote {
		l.abort() // the server cannot answer
	}
}
