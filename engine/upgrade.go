package engine

import (
	"time"
)

// The upgrade from polling to WebSocket (Engine.IO protocol v4, "Upgrade"): the
// client opens a WebSocket with the session ID and sends 2probe, the server answers
// 3probe and releases the pending poll, and the client sends 5. Until then the
// session stays on polling, and a failing WebSocket does not affect it.

// startProbe makes l the pending upgrade of the session. It returns false if the
// session cannot be upgraded: it has ended, has a pending upgrade, or is on a
// WebSocket.
func (c *Conn) startProbe(l *link) bool {
	// The upgrade timeout is the deadline for reading the probe.
	if l.nc.SetDeadline(time.Now().Add(c.server.opts.UpgradeTimeout)) != nil {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state != open || !c.pollsLocked() || c.probe != nil {
		return false
	}
	c.probe, c.probed = l, false
	return true
}

// probe handles a packet on a link that is not in use yet. It returns false if the
// upgrade must be given up.
func (l *link) probe(p packet) bool {
	c := l.conn
	switch {
	case p.typ == packetPing && string(p.data) == "probe":
		c.mu.Lock()
		current := c.probe == l
		if current {
			c.probed = true
			if c.poll == nil || !c.poll.late {
				c.wakePollLocked()
			}
		}
		c.mu.Unlock()
		if !current {
			l.giveUp(nil)
			return false
		}
		if _, err := l.nc.Write(probePongPacket.frames); err != nil {
			l.giveUp(err)
			return false
		}
		return true
	case p.typ == packetUpgrade:
		return c.upgrade(l)
	default:
		l.giveUp(nil)
		return false
	}
}

// upgrade moves the session to l. The token receiving is held.
func (c *Conn) upgrade(l *link) bool {
	err := l.nc.SetDeadline(time.Time{})
	c.mu.Lock()
	// dismissProbeLocked clears the probe before interrupt sets its deadline, which
	// the SetDeadline above may have replaced.
	if c.state == closed || c.probe != l || err != nil {
		c.mu.Unlock()
		l.giveUp(nil)
		return false
	}
	c.probe, c.link, l.active = nil, l, true
	// A poll that is still pending must end.
	c.wakePollLocked()
	c.dropPollLocked()
	if c.state == draining {
		// The session was closed meanwhile: flush its messages over l.
		c.beat.stop()
		if c.outbox.n > 0 {
			_ = c.flushAndUnlock(c) // writtenAndUnlock closes the link
			return false
		}
		c.state = closed
		c.mu.Unlock()
		l.close(nil)
		c.server.remove(c)
		return false
	}
	if !c.revision3 { // in revision 3 only a ping of the client restarts the heartbeat
		c.beat.restart(c)
	}
	c.mu.Unlock()

	c.server.opts.Logger.Debug("engine: upgraded", "sid", c.id, "transport", string(l.way.transport))
	if h, ok := c.handler.(UpgradeHandler); ok {
		h.OnUpgrade(c, l.way.transport)
	}
	c.mu.Lock()
	_ = c.flushAndUnlock(c)
	return !c.ended.Load()
}

// giveUp ends an upgrade with a close frame; the session stays on polling. Only the
// reader goroutine of l calls it, and continues with drain, which waits for the
// client's close frame.
func (l *link) giveUp(cause error) {
	c := l.conn
	c.mu.Lock()
	if c.probe == l {
		c.probe = nil
	}
	c.mu.Unlock()
	l.close(cause)
}

// dismissProbeLocked ends an upgrade from a goroutine other than the reader goroutine
// of the WebSocket. It returns the WebSocket, or nil, and the caller calls interrupt,
// whose deadline makes the reader give up.
func (c *Conn) dismissProbeLocked() *link {
	l := c.probe
	c.probe = nil
	return l
}

// interrupt makes reads from l fail, unless l is nil. No mutex is held, because the
// connection may be the application's.
func (l *link) interrupt() {
	if l != nil {
		// It fails only on a connection that is closed.
		_ = l.nc.SetReadDeadline(time.Unix(1, 0))
	}
}
