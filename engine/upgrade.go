package engine

import (
	"time"
)

// The upgrade from polling to WebSocket (Engine.IO protocol, "Upgrade"):
// the client opens a WebSocket with the session's ID, sends 2probe, is answered
// 3probe, lets its poll come back, and sends 5. Until then the session stays on
// polling and a WebSocket that fails concerns nobody.

// startProbe makes l the session's upgrade. It returns false when the session
// cannot be upgraded: it has ended, is being upgraded, or is on a WebSocket.
func (c *Conn) startProbe(l *link) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state != open || c.link != nil || c.probe != nil {
		return false
	}
	// The upgrade timeout is the deadline of the probe's reading.
	if l.nc.SetDeadline(time.Now().Add(c.server.opts.UpgradeTimeout)) != nil {
		return false
	}
	c.probe, c.probed = l, false
	return true
}

// probe handles a packet on a link that is not in use yet. It returns false
// when the link is to be given up.
func (l *link) probe(p packet) bool {
	c := l.conn
	switch {
	case p.typ == packetPing && string(p.data) == "probe":
		c.mu.Lock()
		current := c.probe == l
		if current {
			c.probed = true
			if !c.poll.late {
				c.wakePoll()
			}
		}
		c.mu.Unlock()
		if !current {
			l.giveUp(nil)
			return false
		}
		if _, err := l.nc.Write(probePongPacket.webSocket(l.variant)); err != nil {
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
	c.mu.Lock()
	if c.state == closed || c.probe != l || l.nc.SetDeadline(time.Time{}) != nil {
		c.mu.Unlock()
		l.giveUp(nil)
		return false
	}
	c.probe, c.link, l.active = nil, l, true
	// A poll that is still open is of no use any more.
	c.wakePoll()
	if c.state == draining {
		// Closed meanwhile: what was sent before goes out here.
		c.beat.stop()
		if c.outbox.n > 0 {
			_ = c.flush() // releases mu; written closes the link
			return false
		}
		c.state = closed
		c.mu.Unlock()
		l.close(nil)
		c.server.remove(c)
		return false
	}
	if !c.revision3 { // where nothing but a ping restarts it
		c.beat.restart(c)
	}
	c.mu.Unlock()

	c.server.opts.Logger.Debug("engine: upgraded", "sid", c.id, "transport", string(WebSocket))
	if h, ok := c.handler.(UpgradeHandler); ok {
		h.OnUpgrade(c, WebSocket)
	}
	c.mu.Lock()
	_ = c.flush() // releases mu
	return !c.ended.Load()
}

// giveUp ends an upgrade with a close frame; the session stays where it is. Only the
// goroutine that reads from l calls it: it goes on to drain, which waits for the
// client's answer.
func (l *link) giveUp(cause error) {
	c := l.conn
	c.mu.Lock()
	if c.probe == l {
		c.probe = nil
	}
	c.mu.Unlock()
	l.close(cause)
}

// dismissProbeLocked ends an upgrade from another goroutine than the one that reads
// from the WebSocket, which sees its deadline pass and gives the upgrade up.
func (c *Conn) dismissProbeLocked() {
	if c.probe != nil {
		// It fails only on a connection that is closed.
		_ = c.probe.nc.SetReadDeadline(time.Unix(1, 0))
		c.probe = nil
	}
}
