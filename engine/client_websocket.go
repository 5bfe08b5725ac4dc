package engine

import (
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/seed96b07ef8/socketio/internal/ws"
)

// readLoop delivers what arrives on l until the connection is closed by either side,
// or the deadline of leave has passed. What comes when the session has ended is only
// looked through for the server's goodbye. early is what the server sent right behind
// its answer to the handshake.
func (c *Client) readLoop(l *link, early []byte) {
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
	// The server's last bytes must not turn our end of the connection into a reset
	// that overtakes what we sent. The deadline that leave has set ends this.
	_, _ = io.Copy(io.Discard, l.nc)
	l.nc.Close()
}

// feed delivers the messages in b, of which nothing is kept. It returns false when
// no more can be read.
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
			c.pongReceived(m.Data) // also when the session is about to end
		case !c.ended.Load():
			c.handle(m)
		}
	}
}

// handle takes one WebSocket message or control frame.
func (c *Client) handle(m ws.Message) {
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
			c.fail(ParseError, opError("handshake", WebSocket, err))
		}
	case err != nil:
		c.fail(ParseError, opError("read", WebSocket, err))
	case p.typ == packetClose:
		// Closing the WebSocket says the same, but python-engineio waits for us to do it.
		c.end(TransportClose, opError("read", WebSocket, errServerLeft), true)
	default:
		c.receive(p)
	}
}

// lost handles the end of the reading: an I/O error, a violation of the WebSocket
// protocol, or a close frame.
func (c *Client) lost(l *link, err error) {
	if c.ended.Load() {
		l.abort() // that was the answer to our goodbye, or no answer will come
		c.mu.Lock()
		if c.state == draining {
			c.outbox.clear() // what waits at a fence waits for nothing
			if !c.writing {
				c.shut(net.ErrClosed)
				return
			}
		}
		c.mu.Unlock() // written shuts the connection
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
	c.fail(reason, opError(op, WebSocket, err))
}

// pong answers a WebSocket ping, which is below Engine.IO's heartbeat.
func (c *Client) pong(data []byte) {
	c.mu.Lock()
	if c.state == open {
		c.outbox.pushFirst(framePlace, pongFrame(data))
	}
	c.flush()
}

// sound sends something that asks for nothing, a pong that answers no ping (RFC 6455,
// section 5.5.3): when nobody is there any more, that shows without anything being
// read. Over polling nothing does. mu is held and released.
func (c *Client) sound() {
	if c.link != nil && c.outbox.n == 0 && !c.writing {
		c.outbox.pushFirst(framePlace, pongFrame(nil))
	}
	c.flush()
}

func pongFrame(data []byte) *Message {
	return &Message{frames: ws.AppendFrame(nil, ws.Pong, data), parts: 1, textOnly: true}
}

// encodeFor returns e as it goes out on l, before it is masked.
func encodeFor(l *link, e entry) []byte {
	v := l.variant
	if v.deflate && (e.flags&(NoCompress|protocolPacket) != 0 || e.m.Len() < l.threshold) {
		v.deflate = false
	}
	return e.m.webSocket(v)
}

// gather takes messages from the outbox, as many as make one sensible write, and
// masks them. It returns a ping instead if a fence needs one. sendableLocked has
// returned true. mu is held.
func (c *Client) gather() batch {
	if ping := c.askLocked(); ping != nil {
		return batch{bytes: ping}
	}
	defer c.takenLocked()
	first := c.take()
	encoded := encodeFor(c.link, first)
	size := len(encoded) + first.m.parts*ws.MaskLen
	if size > bufferSize {
		return batch{bytes: ws.AppendMasked(make([]byte, 0, size), encoded)}
	}
	buf := getBuffer()
	out := ws.AppendMasked((*buf)[:0], encoded)
	for c.outbox.n > 0 {
		next := c.outbox.front()
		if next.flags&Fence != 0 || len(out)+next.m.Len()+next.m.parts*ws.MaskLen > cap(out) {
			break
		}
		out = ws.AppendMasked(out, encodeFor(c.link, c.take()))
	}
	return batch{bytes: out, buf: buf}
}

// take takes the oldest message from the outbox. mu is held.
func (c *Client) take() entry {
	e := c.outbox.pop()
	if e.flags&protocolPacket == 0 {
		c.fence.unread = true
	}
	return e
}

// write sends what is in the outbox, as far as that is possible without blocking; a
// goroutine takes over the rest. mu and the token writing are held and released.
func (c *Client) write() {
	l := c.link
	var rest batch
	for range 4 {
		if l.raw == nil {
			break
		}
		b := c.gather()
		c.mu.Unlock()
		n, err := l.tryWrite(b.bytes)
		c.mu.Lock()
		if err != nil {
			b.release()
			// Not here: the caller of Send may hold locks that OnClose needs.
			c.start(func() {
				c.mu.Lock()
				c.writeFailed(l, err)
			})
			c.mu.Unlock()
			return
		}
		if c.state == closed {
			// By another, who has closed the link because of us.
			b.release()
			c.mu.Unlock()
			return
		}
		if n < len(b.bytes) { // the kernel took less than everything
			b.bytes = b.bytes[n:]
			rest, c.backlog, c.unsent = b, true, len(b.bytes)
			break
		}
		b.release()
		if !c.sendableLocked() {
			c.written()
			return
		}
	}
	c.start(func() { c.writeLoop(l, rest) })
	c.mu.Unlock()
}

// writeLoop writes b and what is in the outbox, until nothing is left or the
// connection ends: closing the link, or its write deadline, stops it.
func (c *Client) writeLoop(l *link, b batch) {
	for {
		err := writeAll(l.nc, b.bytes, c.opts.WriteTimeout)
		b.release()
		c.mu.Lock()
		c.unsent = 0
		if err != nil {
			c.writeFailed(l, err)
			return
		}
		if !c.sendableLocked() {
			break
		}
		b = c.gather()
		c.unsent = len(b.bytes)
		c.mu.Unlock()
	}
	l.clearWriteDeadline()
	c.written()
}

// writeAll sends all of b, however long the peer takes as long as it takes something
// within the timeout.
func writeAll(nc net.Conn, b []byte, timeout time.Duration) error {
	for len(b) > 0 {
		part := b[:min(len(b), corkLimit)]
		if err := nc.SetWriteDeadline(time.Now().Add(timeout)); err != nil {
			return err
		}
		if _, err := nc.Write(part); err != nil {
			return err
		}
		b = b[len(part):]
	}
	return nil
}

// written gives the token writing back when everything is out, or has to wait for the
// server. mu is held and released.
func (c *Client) written() {
	c.writing = false
	if c.state == draining && c.outbox.n == 0 {
		c.shut(nil)
		return
	}
	c.drained()
}

// writeFailed ends the connection over a failed write. A frame may be half
// written, so the token writing is not given back: nothing can follow. mu is
// held and released.
func (c *Client) writeFailed(l *link, err error) {
	if c.state == draining {
		c.shut(err)
		return
	}
	c.mu.Unlock()
	c.fail(TransportError, opError("write", WebSocket, err))
	l.abort()
}

// polite reports whether the server is told that a session ends with this cause.
// With others there is nobody left to hear it.
func polite(cause error) bool {
	var ce *ws.CloseError
	return cause == nil || errors.As(cause, &ce) ||
		errors.Is(cause, errBadPacket) || errors.Is(cause, errAnswerTooLarge) || errors.Is(cause, errPanic)
}

// leave says goodbye and gives readLoop some time to receive the answer. The cause
// decides what the server is told: a status for a violation of the WebSocket
// protocol, none otherwise (RFC 6455, section 7.4). Nobody else may be writing.
func leave(l *link, cause error) {
	code := ws.CloseNoStatus
	var ce *ws.CloseError
	if errors.As(cause, &ce) {
		code = ce.Code
	}
	err := l.nc.SetDeadline(time.Now().Add(closeTimeout))
	if err == nil {
		_, err = l.nc.Write(ws.AppendMasked(nil, ws.AppendClose(nil, code)))
	}
	if err != nil || ce != nil && ce.Remote {
		l.abort() // nothing more will come
	}
}
