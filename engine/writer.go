package engine

// A corked connection is flushed all the same when this much has gathered.
const corkLimit = 64 << 10

// flush starts to send what is in the outbox. mu is held and released.
func (c *Conn) flush() error {
	switch {
	case c.outbox.n == 0 || c.corked && c.outbox.bytes < corkLimit:
	case c.link == nil:
		c.wakePoll()
	case c.writing:
		// Whoever writes takes the rest, too.
	default:
		c.writing = true
		return c.write(c.gather())
	}
	c.mu.Unlock()
	return nil
}

// write sends b, and what joins the outbox meanwhile, as far as that is
// possible without blocking; a goroutine takes over the rest. mu and the token
// writing are held and released.
func (c *Conn) write(b batch) error {
	link := c.link
	slow := false
	for range 4 {
		if link.raw == nil {
			break
		}
		c.mu.Unlock()
		n, err := link.tryWrite(b.bytes)
		c.mu.Lock()
		if err != nil {
			b.release()
			return c.writeFailed(link, err)
		}
		b.bytes = b.bytes[n:]
		if len(b.bytes) > 0 && c.state == closed {
			// Ended by another, who has closed the link because of us.
			b.release()
			c.mu.Unlock()
			return ErrClosed
		}
		if slow = len(b.bytes) > 0; slow {
			break // the kernel took less than everything
		}
		b.release()
		b = batch{}
		if c.outbox.n == 0 {
			c.written()
			return nil
		}
		b = c.gather()
	}
	c.backlog = c.backlog || slow
	b = c.noteUnsentLocked(b)
	c.server.goroutines.Go(func() { c.writeLoop(link, b) })
	c.mu.Unlock()
	return nil
}

// writeLoop writes b and what follows, until nothing is left or the connection
// ends: closing the link, or its write deadline, stops it.
func (c *Conn) writeLoop(link *link, b batch) {
	for {
		err := link.write(b.bytes)
		if b.counted {
			c.server.total.drop(b.message)
		}
		b.release()
		c.mu.Lock()
		c.unsent = 0
		if err != nil {
			_ = c.writeFailed(link, err)
			return
		}
		if c.outbox.n == 0 {
			break
		}
		b = c.gather()
		b = c.noteUnsentLocked(b)
		c.mu.Unlock()
	}
	link.clearWriteDeadline()
	c.written()
}

// written gives the token writing back when everything is out. mu is held and
// released.
func (c *Conn) written() {
	c.writing = false
	link, finish, drained := c.link, c.state == draining, c.backlog
	c.backlog = false
	if finish {
		c.state = closed
	}
	c.mu.Unlock()
	switch {
	case finish:
		link.close(nil)
		c.server.remove(c)
	case drained:
		c.onDrain()
	}
}

// writeFailed ends the connection over a failed write. A frame may be half
// written, so the token writing is not given back: nothing can follow. mu is
// held and released.
//
// If the client has closed the connection, what it sent before may not have been read
// yet. The reader delivers that, and ends the connection when it sees the end, or the
// timer does. Until then the connection takes messages, as if they had been written
// just before; see docs/decisions/0018-unread-messages.md.
func (c *Conn) writeFailed(link *link, err error) error {
	if c.state == open && peerClosed(err) {
		c.gone, c.backlog = true, true
		c.beat.after(c, c.server.opts.PingTimeout)
		c.mu.Unlock()
		return nil
	}
	finish := c.state == draining
	if finish {
		c.state = closed
		c.outbox.clear()
	}
	c.mu.Unlock()
	c.fail(TransportError, err)
	link.abort()
	if finish {
		c.server.remove(c)
	}
	return ErrClosed
}

// A batch is bytes on their way to a WebSocket, and the pooled buffer, or the
// message, that they are in, if any.
type batch struct {
	bytes   []byte
	buf     *[]byte
	message *Message
	counted bool // message, by total.hold
}

// noteUnsentLocked notes what the writer goroutine is about to write, and counts it if
// that is a large message: it has left the outbox.
func (c *Conn) noteUnsentLocked(b batch) batch {
	c.unsent = len(b.bytes)
	if b.message != nil && len(b.bytes) > freeBytes {
		b.counted = true
		c.server.total.hold(b.message)
		c.server.checkTotal()
	}
	return b
}

func (b batch) release() {
	if b.buf != nil {
		putBuffer(b.buf)
	}
	if b.message != nil {
		b.message.copied()
	}
}

// gather takes messages from the outbox, as many as make one sensible write.
// One large message is passed on as it is, small ones are copied together.
func (c *Conn) gather() batch {
	first := c.outbox.pop()
	encoded := c.link.encode(first)
	if c.outbox.n == 0 || len(encoded) >= bufferSize/2 {
		return batch{bytes: encoded, message: first.m}
	}
	buf := getBuffer()
	out := append((*buf)[:0], encoded...)
	first.m.copied()
	for c.outbox.n > 0 && len(out)+c.outbox.front().m.Len() <= cap(out) {
		e := c.outbox.pop()
		out = append(out, c.link.encode(e)...)
		e.m.copied()
	}
	return batch{bytes: out, buf: buf}
}
