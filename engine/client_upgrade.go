package engine

import (
	"context"
	"errors"
	"os"
	"time"

	"github.com/seed96b07ef8/socketio/internal/ws"
)

// The upgrade from polling to WebSocket (Engine.IO protocol v4, "Upgrade"): a
// WebSocket is opened with the session's ID, 2probe sent, 3probe awaited, polling
// brought to rest, and 5 sent. Nothing is sent meanwhile. Until then the session
// is on polling, and a WebSocket that fails concerns nobody.

var errProbe = errors.New("the server did not answer the probe")

// upgradeLoop moves the session to a WebSocket, if that works, and reads it then.
func (c *Client) upgradeLoop() {
	if l := c.tryUpgrade(); l != nil {
		c.readLoop(l, nil)
	}
}

// tryUpgrade returns the WebSocket that the session is on now, or nil.
// ConnectTimeout and the end of the session stop the attempt.
func (c *Client) tryUpgrade() *link {
	deadline := time.Now().Add(c.opts.ConnectTimeout)
	ctx, cancel := context.WithDeadline(c.web.ctx, deadline)
	defer cancel()
	l, early, failed := c.openWebSocket(ctx, "upgrade")
	if failed != nil {
		c.upgradeFailed(failed)
		return nil
	}
	if err := c.probe(l, early, deadline); err != nil {
		c.abandon(l)
		c.upgradeFailed(err)
		return nil
	}
	c.upgraded()
	return l
}

func (c *Client) upgradeFailed(err error) {
	if c.ended.Load() {
		return // that is why
	}
	c.opts.RememberUpgrade.set(false)
	c.opts.Logger.Debug("engine: upgrade failed", "sid", c.id, "error", err)
}

// probe goes through the steps of the upgrade.
func (c *Client) probe(l *link, early []byte, deadline time.Time) error {
	c.mu.Lock()
	ended := c.state != open
	if !ended {
		c.upgrade = l // end closes it
	}
	c.mu.Unlock()
	if ended {
		return ErrClosed
	}
	if err := l.nc.SetDeadline(deadline); err != nil {
		return err
	}
	if _, err := l.nc.Write(ws.AppendMasked(nil, newPacket(packetPing, "probe").frames)); err != nil {
		return err
	}
	r := getReader(l)
	defer r.put()
	err := c.probed(l, early)
	for err == nil {
		if done, err := c.commit(l); done || err != nil {
			return err
		}
		// Also while polling comes to rest, so that a WebSocket which fails meanwhile is
		// noticed. rested sets the deadline to interrupt it.
		var buf []byte
		var ioErr error
		buf, ioErr = r.read()
		if len(buf) > 0 {
			err = c.probed(l, buf)
		}
		r.release()
		if err == nil && ioErr != nil && !(errors.Is(ioErr, os.ErrDeadlineExceeded) && c.resting()) {
			err = ioErr
		}
	}
	return err
}

// probed takes what the server has sent on a WebSocket that is not in use yet: the
// answer to the probe.
func (c *Client) probed(l *link, b []byte) error {
	l.in.Push(b)
	for {
		m, ok, err := l.in.Next()
		switch {
		case err != nil:
			return err
		case !ok:
			l.in.Park()
			return nil
		case m.Op == ws.Ping || m.Op == ws.Pong:
		case m.Op != ws.Text || string(m.Data) != "3probe" || !c.pause():
			return errProbe
		}
	}
}

// pause lets polling come to rest. It returns false when it was told to already.
func (c *Client) pause() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.pausing || c.state != open {
		return false
	}
	c.pausing = true
	return true
}

// rested tells the upgrade that polling has come to rest, if that is so. mu is held.
func (c *Client) rested() {
	if c.atRest() {
		// It fails only on a connection that is closed.
		_ = c.upgrade.nc.SetReadDeadline(time.Unix(1, 0))
	}
}

func (c *Client) atRest() bool { return c.pausing && !c.polling && !c.posting }

func (c *Client) resting() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.atRest()
}

// commit moves the session to l, if polling is at rest.
func (c *Client) commit(l *link) (done bool, err error) {
	c.mu.Lock()
	if c.state != open || !c.atRest() {
		c.mu.Unlock()
		return false, nil
	}
	if err := l.nc.SetDeadline(time.Time{}); err != nil {
		c.mu.Unlock()
		return false, err
	}
	c.link, c.writing = l, true
	c.upgrade, c.pausing = nil, false
	c.mu.Unlock()

	err = writeAll(l.nc, ws.AppendMasked(nil, newPacket(packetUpgrade, "").frames), c.opts.WriteTimeout)
	l.clearWriteDeadline()
	c.mu.Lock()
	if err != nil {
		// The server cannot have seen it, so the session is where it was.
		c.link, c.writing = nil, false
		c.upgrade, c.pausing = l, true
		if c.state == draining {
			c.outbox.push(entry{m: closePacket, flags: protocolPacket | Fence})
		}
		c.mu.Unlock()
		return false, err
	}
	web := c.web
	c.web, c.target = nil, nil
	if c.state != closed && c.sendableLocked() {
		c.write()
	} else {
		c.written()
	}
	web.close()
	return true, nil
}

// upgraded tells of the upgrade.
func (c *Client) upgraded() {
	c.opts.RememberUpgrade.set(true)
	c.opts.Logger.Debug("engine: upgraded", "sid", c.id, "transport", string(WebSocket))
	if h, ok := c.handler.(ClientUpgradeHandler); ok && !c.ended.Load() {
		defer c.guard()
		h.OnUpgrade(c, WebSocket)
	}
}

// abandon gives an upgrade up; the session stays where it is.
func (c *Client) abandon(l *link) {
	l.abort()
	c.mu.Lock()
	c.upgrade = nil
	if !c.pausing {
		c.mu.Unlock()
		return
	}
	c.pausing = false
	if c.state == open && !c.polling {
		c.polling = true
		c.start(c.pollLoop)
	}
	c.flush()
}
