package engine

import "github.com/seed96b07ef8/socketio/internal/clip"

// startLocked runs f on a goroutine that Done waits for.
func (c *Client) startLocked(f func()) {
	c.running++
	go func() {
		defer c.stopped()
		f()
	}()
}

// stopped is called when a goroutine or call counted in running has ended.
func (c *Client) stopped() {
	c.mu.Lock()
	c.running--
	last := c.running == 0 && c.state == closed // so nothing more is started
	web := c.web
	c.mu.Unlock()
	if !last {
		return
	}
	if web != nil {
		web.close() // including connections that were in use during the first call
	}
	close(c.done)
}

// Close ends the connection with [ForcedClose]. It returns at once, and messages sent
// before are still flushed, for at most 30 s. Further calls do nothing.
func (c *Client) Close() { c.end(ForcedClose, nil, true) }

// fail ends the connection and discards the outbox.
func (c *Client) fail(reason Reason, err error) { c.end(reason, err, false) }

// end moves the connection out of the state open, once, and calls OnClose.
func (c *Client) end(reason Reason, err error, flush bool) {
	c.mu.Lock()
	if c.state != open {
		c.mu.Unlock()
		return
	}
	c.ended.Store(true)
	c.corked = false
	c.openRoomLocked() // waiters get ErrClosed
	c.running++        // so that Done waits for OnClose
	defer c.stopped()
	isOpen, upgrade := c.isOpen, c.upgrade
	if !isOpen {
		c.failure = err
	}
	switch {
	case c.pollsLocked() && isOpen && (flush || polite(err)):
		timeout := lingerTimeout
		if !flush {
			timeout = closeTimeout
			c.outbox.clear()
		}
		c.state = draining
		c.afterLocked(timeout)
		c.pausing = false
		c.outbox.push(entry{m: closePacket, flags: protocolPacket | Fence})
		_ = c.flushAndUnlock(c)
	case !flush:
		c.shutAndUnlock(err)
	case c.writing || c.outbox.n > 0:
		c.state = draining
		c.afterLocked(lingerTimeout)
		_ = c.flushAndUnlock(c) // writtenAndUnlock closes the link
	default:
		c.shutAndUnlock(nil)
	}
	// Do not wait for an incomplete upgrade: the server does not need it.
	if upgrade != nil {
		upgrade.abort()
	}
	if isOpen {
		defer c.onClose(reason, err) // whatever the logger does
		c.opts.Logger.Debug("engine: connection closed", "sid", c.id, "reason", string(reason), "error", clip.Log(err))
	}
}

// shutAndUnlock moves the connection to the state closed and stops its goroutines. On
// a WebSocket it sends a close frame, unless the cause shows that the server cannot
// receive one.
func (c *Client) shutAndUnlock(cause error) {
	c.running++
	c.state = closed
	c.outbox.clear()
	c.closeFenceLocked()
	if c.timer != nil {
		c.timer.Stop()
	}
	link, web := c.link, c.web
	if l := link; l != nil && c.isOpen && !c.writing && polite(cause) {
		c.writing = true // of the close frame
		c.startLocked(func() { leave(l, cause) })
		link = nil
	}
	c.mu.Unlock()
	if link != nil {
		// A frame may be half written, so a close frame cannot follow.
		link.abort()
	}
	if web != nil {
		web.close()
	}
	c.stopped()
}

// onClose calls OnClose of the handler. It may run on any goroutine, even the
// timer's, so it recovers from a panic.
func (c *Client) onClose(reason Reason, err error) {
	if c.handler == nil {
		return
	}
	defer guardClose(c.opts.Logger, c.id)
	c.handler.OnClose(c, reason, err)
}
