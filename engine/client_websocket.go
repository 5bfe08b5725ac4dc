package engine

import (
	"errors"
	"fmt"
	"io"
	"net"
	"time"

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
	more := len(early) == 0 || c.feed(l, early)
	for early = nil; more; {
		buf, err := r.read()
		if len(buf) > 0 {
			c.noteArrival()
			more = c.feed(l, buf)
		}
		r.release()
		if err != nil && more {
			c.lost(l, err)
			more = false
		}
	}
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

// feed delivers the messages in b and keeps none of its memory. It returns false if
// reading must stop.
func (c *Client) feed(l *link, b []byte) (more bool) {
	l.in.Push(b)
	for {
		m, ok, err := l.in.Next()
		switch {
		case err != nil:
			c.lost(l, err)
			return false
		case !ok:
			l.in.Park()
			return true
		case m.Op == ws.Pong:
			c.pongReceived(m.Data) // even if the session is about to end
		case !c.ended.Load():
			c.handle(l, m)
		}
	}
}

// handle processes one WebSocket message or control frame.
func (c *Client) handle(l *link, m ws.Message) {
	p := packet{typ: packetMessage, binary: true, owned: m.Owned, data: m.Data}
	var err error
	switch m.Op {
	case ws.Ping:
		c.pong(m.Data)
		return
	case ws.Text:
		p, err = parseText(m.Data)
	}
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

// lost handles the end of reading: an I/O error, a violation of the WebSocket
// protocol, or a close frame.
func (c *Client) lost(l *link, err error) {
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

// pong answers a WebSocket ping (RFC 6455, section 5.5.2), which is independent of
// Engine.IO's heartbeat.
func (c *Client) pong(data []byte) {
	c.mu.Lock()
	if c.state == open {
		c.outbox.pushFirst(framePlace, pongFrame(data))
	}
	_ = c.flushAndUnlock(c)
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

func pongFrame(data []byte) *Message {
	return &Message{frames: ws.AppendFrame(nil, ws.Pong, data), parts: 1, textOnly: true}
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

// leave sends a close frame and gives readLoop time to receive the answer. The frame
// has a status if the cause is a violation of the WebSocket protocol (RFC 6455,
// section 7.4). No other goroutine may be writing.
func leave(l *link, cause error) {
	code := ws.CloseNoStatus
	var ce *ws.CloseError
	if errors.As(cause, &ce) {
		code = ce.Code
	}
	err := l.nc.SetDeadline(time.Now().Add(closeTimeout))
	if err == nil {
		_, err = l.nc.Write(l.append(nil, ws.AppendClose(nil, code)))
	}
	if err != nil || ce != nil && ce.Remote {
		l.abort() // the server cannot answer
	}
}
