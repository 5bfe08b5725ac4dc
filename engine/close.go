package engine

import "time"

// Close ends the connection with [ForcedClose]. It returns at once. Messages sent
// before are still flushed; over polling, as long as the client polls again within 30
// s and the heartbeat does not fail. Further calls do nothing.
func (c *Conn) Close() { c.end(ForcedClose, nil, true) }

// Abort ends the connection with [ForcedClose], like Close, but discards queued
// messages and does not wait for a polling client to fetch the close packet. Use it
// if the client is known to be unreachable, for example because it has reconnected.
// After Close, it ends the wait.
func (c *Conn) Abort() {
	c.abort(ForcedClose, nil)
}

// abort is fail for any connection, including a closed one that is still being
// flushed.
func (c *Conn) abort(reason Reason, err error) {
	c.fail(reason, err)
	c.mu.Lock()
	waits := c.state == draining
	c.mu.Unlock()
	if waits {
		c.cut()
	}
}

// fail ends the connection and discards the outbox.
func (c *Conn) fail(reason Reason, err error) { c.end(reason, err, false) }

// lingerTimeout is how long the next poll of a closed session may take to fetch the
// rest, unless the heartbeat would end the session before.
const lingerTimeout = 30 * time.Second

// lingerLocked returns the time for the next poll of a closed session.
func (c *Conn) lingerLocked() time.Duration {
	o := c.server.opts
	if c.server.isClosed() {
		return closeTimeout
	}
	return min(lingerTimeout, o.PingInterval+o.PingTimeout)
}

// leaveTimeout is how long the last poll of a client may arrive after its close
// packet.
const leaveTimeout = 200 * time.Millisecond

// end moves the connection out of the state open, once, and calls the handler's
// OnClose.
func (c *Conn) end(reason Reason, err error, flush bool) {
	c.mu.Lock()
	c.endAndUnlock(reason, err, flush)
}

// endAndUnlock is end for a caller whose reason depends on state that mu guards.
func (c *Conn) endAndUnlock(reason Reason, err error, flush bool) {
	handler, ended := c.leaveOpenAndUnlock(reason, err, flush)
	if !ended {
		return
	}
	defer c.onClose(handler, reason, err) // even if the logger panics
	c.logClosed(reason, err)
}

// leaveOpenAndUnlock moves the connection out of the state open. It returns false if
// the state is another.
func (c *Conn) leaveOpenAndUnlock(reason Reason, err error, flush bool) (h Handler, ok bool) {
	if c.state != open {
		c.mu.Unlock()
		return nil, false
	}
	c.ended.Store(true)
	c.corked = false
	c.forgetHeldLocked()
	c.beat.stop()
	carrier, handler := c.carrierLocked(), c.handler
	if !flush || !c.probed { // a probed client has stopped polling and waits for the upgrade
		defer c.dismissProbeLocked().interrupt()
	}
	if c.early != nil {
		*c.early = ending{true, reason, err}
	}
	var cut cut
	defer cut.run()
	cut.postLocked(c)
	if !flush {
		c.outbox.clear()
		if !c.left { // a client that leaves may still want its pending responses
			cut.answersLocked(c)
		}
	}
	if carrier.lingerLocked(flush) {
		c.state = draining
		_ = c.flushAndUnlock(c)
		return handler, true
	}
	c.state = closed
	c.outbox.clear()
	c.wakePollLocked()
	// A close frame cannot follow if a frame may be half written or the handshake may
	// not be answered yet.
	mute := c.writing || c.early != nil
	c.mu.Unlock()
	carrier.end(mute, err)
	c.server.remove(c)
	return handler, true
}

// onClose calls OnClose of the handler. It may run on any goroutine, even the
// timer's, so it recovers from a panic.
func (c *Conn) onClose(h Handler, reason Reason, err error) {
	if h == nil {
		return
	}
	defer guardClose(c.server.opts.Logger, c.id)
	h.OnClose(c, reason, err)
}

// onDrain calls OnDrain of the handler. No lock is held.
func (c *Conn) onDrain() {
	c.mu.Lock()
	h, ok := c.handler.(DrainHandler)
	c.mu.Unlock()
	if ok && !c.ended.Load() && c.enter() {
		defer c.server.goroutines.Done()
		defer c.guard()
		h.OnDrain(c)
	}
}
