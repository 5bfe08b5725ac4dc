package engine

// Send queues m for the peer and never blocks. It returns [ErrClosed] if the
// connection has ended, and [ErrOutboxFull] as the overflow policy requires. A nil
// error does not mean that the peer receives the message.
func (c *Conn) Send(m *Message, flags Flags) error {
	flags &= serverFlags
	c.mu.Lock()
	if c.state != open {
		c.mu.Unlock()
		return ErrClosed
	}
	if c.overflowed { // nothing may follow the lost message; the connection is about to end
		c.mu.Unlock()
		return ErrOutboxFull
	}
	wait := flags&Deferred != 0
	if flags&Lazy != 0 && !wait && c.mayWaitLocked(m.Len()) {
		wait = true
		c.server.flusher.add(c)
	}
	if !wait && c.directLocked() {
		c.writing = true
		return c.writeAndUnlock(c, batch{bytes: c.encodedLocked(c, entry{m: m, flags: flags}), message: m})
	}
	err := c.queueLocked(m, flags)
	if wait {
		c.mu.Unlock()
		return err
	}
	if failed := c.settleAndUnlock(); err == nil {
		err = failed
	}
	return err
}

// Flush sends the messages that were queued with [Deferred].
func (c *Conn) Flush() {
	c.mu.Lock()
	_ = c.settleAndUnlock()
}

// queueLocked puts a message into the outbox, or drops it.
func (c *Conn) queueLocked(m *Message, flags Flags) error {
	writable := c.carrierLocked().readyLocked()
	if flags&Volatile != 0 && !writable {
		c.lost++
		return nil
	}
	o := c.server.opts
	fits, dropped := c.outbox.makeRoom(m.Len(), flags, limits{o.OutboxMessages, o.OutboxBytes}, o.Overflow)
	c.lost += dropped
	if !fits {
		c.lost++
		c.overflowed = o.Overflow == Disconnect || flags&Control != 0
		if c.overflowed || o.Overflow == Refuse {
			return ErrOutboxFull
		}
		return nil
	}
	c.noteWaitLocked(writable)
	c.pushLocked(m, flags)
	return nil
}

// settleAndUnlock starts sending the outbox, and reports dropped messages and an
// overflow.
func (c *Conn) settleAndUnlock() (err error) {
	handler, lost, overflowed := c.handler, c.lost, c.overflowed && c.state == open
	c.lost = 0
	if overflowed {
		c.mu.Unlock()
	} else {
		err = c.flushAndUnlock(c)
	}
	if lost > 0 || overflowed {
		c.noteLoss(handler, lost, overflowed)
	}
	return err
}

// noteLoss reports dropped messages to the handler. If overflowed is set, it ends the
// connection even if the handler panics. No lock is held.
func (c *Conn) noteLoss(handler Handler, lost int, overflowed bool) {
	if overflowed {
		defer c.fail(TransportError, ErrOutboxFull)
	}
	if overflowed {
		c.server.logOverflow(c)
	}
	c.server.dropped.Add(uint64(lost))
	if h, ok := handler.(DropHandler); ok && lost > 0 {
		h.OnDrop(c, lost)
	}
}

// sendBeatAndUnlock queues a heartbeat packet, which leaves right after the message
// that is being written.
func (c *Conn) sendBeatAndUnlock(p place, m *Message) {
	c.outbox.pushFirst(p, m)
	_ = c.flushAndUnlock(c)
}

// Cork holds messages back until Uncork, so that messages of one piece of work leave
// in one write. Call Uncork soon. Calls do not nest.
func (c *Conn) Cork() { c.cork() }

// Uncork sends the messages held back since Cork. It does nothing on a connection
// that is not corked.
func (c *Conn) Uncork() { c.uncork(c) }

// The methods below implement [sender].

func (c *Conn) sendableLocked() bool { return c.outbox.n > 0 }
func (c *Conn) requestLocked()       { c.wakePollLocked() }
func (c *Conn) askLocked() []byte    { return nil }
func (c *Conn) takeLocked() entry    { return c.outbox.pop() }
func (c *Conn) tookLocked()          {}
func (c *Conn) goLocked(f func())    { c.server.goroutines.Go(f) }
func (c *Conn) counter() *total      { return &c.server.total }

func (c *Conn) writtenAndUnlock() {
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

// writeFailedAndUnlock handles a failed write. If the client has closed the
// connection, messages that it sent before may not have been read yet. The reader
// goroutine delivers them and ends the connection at the end of the stream, or the
// timer does. Until then the connection accepts messages as if they had been written
// just before the client closed it; see docs/decisions/0018-unread-messages.md.
func (c *Conn) writeFailedAndUnlock(l *link, err error) error {
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
	l.abort()
	if finish {
		c.server.remove(c)
	}
	return ErrClosed
}
