package engine

// A carrier moves the packets of a server's session over one transport. A session has
// one carrier at a time; an upgrade replaces polling by a link. There are two
// implementations:
//   - polling, in which requests of the client deliver and fetch messages;
//   - link, a stream of frames: a WebSocket, or a [stream] that a transport outside
//     this package supplies.
//
// The rest of sending is in outlet, which depends only on the link. See
// docs/decisions/0028-carriers.md.
type carrier interface {
	// readyLocked reports whether a message would be sent at once.
	readyLocked() bool
	// lingerLocked is called when the session is closed. It returns true if the
	// carrier must do more before it ends; with flush, that includes sending the
	// outbox.
	lingerLocked(flush bool) bool
	// end closes the carrier. Unless mute is set because a frame may be half written,
	// it sends a close frame or packet that depends on cause. It is called without a
	// mutex.
	end(mute bool, cause error)
}

// carrierLocked returns the current carrier.
func (c *Conn) carrierLocked() carrier {
	if c.pollsLocked() {
		return (*polling)(c)
	}
	return c.link
}

// pollsLocked reports whether the current transport is polling.
func (o *outlet) pollsLocked() bool { return o.link == nil }

// Transport returns the transport in use.
func (o *outlet) Transport() Transport {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.transportLocked()
}

// transportLocked returns the current transport.
func (o *outlet) transportLocked() Transport {
	if o.pollsLocked() {
		return Polling
	}
	return o.link.way.transport
}

// lingersLocked reports whether the session is closed and its client may still poll
// for the rest.
func (c *Conn) lingersLocked() bool { return c.state == draining && c.pollsLocked() }

// polling is the carrier of a Conn without a link.
type polling Conn

func (p *polling) readyLocked() bool { return p.poll != nil && p.poll.waiting != nil }

func (p *polling) lingerLocked(flush bool) bool {
	c := (*Conn)(p)
	switch {
	case c.left && !c.poll.active:
		// The client's last poll may arrive after the close packet that it sent.
		c.beat.after(c, leaveTimeout)
	case flush:
		// The pending poll, or the next one, takes the rest and ends with a close
		// packet.
		c.beat.after(c, min(lingerTimeout, c.beat.remainingLocked(c)))
		c.wakePollLocked()
	default:
		return false
	}
	return true
}

func (p *polling) end(bool, error) {} // its requests have their own ends

func (l *link) readyLocked() bool { return !l.conn.backlog }

func (l *link) lingerLocked(flush bool) bool {
	c := l.conn
	return flush && !c.gone && (c.writing || c.outbox.n > 0) // writtenAndUnlock ends the link
}

func (l *link) end(mute bool, cause error) {
	if mute {
		l.abort()
	} else {
		l.close(cause)
	}
}
