package engine

import (
	"context"
	"errors"
	"os"
	"time"

	"github.com/seed96b07ef8/socketio/internal/ws"
)

// The upgrade from polling to WebSocket (Engine.IO protocol v4, "Upgrade"): the
// client opens a WebSocket with the session ID, sends 2probe, receives 3probe, stops
// polling, and sends 5. It sends no messages meanwhile. Until then the session stays
// on polling, and a failing WebSocket does not affect it.

var errProbe = errors.New("the server did not answer the probe")

// upgradeLoop tries to move the session to transport t, and then reads from it.
func (c *Client) upgradeLoop(t Transport) {
	l := c.tryUpgrade(t)
	if l == nil {
		return
	}
	defer l.drain()
	c.surviveExit(func() {
		c.upgraded(t)
		c.read(l, nil)
	})
}

// tryUpgrade returns the link to which the session has moved, or nil. ConnectTimeout
// and the end of the session stop the attempt.
func (c *Client) tryUpgrade(t Transport) *link {
	deadline := time.Now().Add(c.opts.ConnectTimeout)
	ctx, cancel := context.WithDeadline(c.web.ctx, deadline)
	defer cancel()
	l, early, failed := c.openLink(ctx, t, "upgrade")
	if failed != nil {
		c.upgradeFailed(t, failed)
		return nil
	}
	if err := c.probe(l, early, deadline); err != nil {
		c.abandon(l)
		c.upgradeFailed(t, err)
		return nil
	}
	return l
}

func (c *Client) upgradeFailed(t Transport, err error) {
	if c.ended.Load() {
		return // the end of the session caused the failure
	}
	c.opts.RememberUpgrade.set(t, false)
	c.opts.Logger.Debug("engine: upgrade failed", "sid", c.id, "error", err)
}

// probe performs the steps of the upgrade.
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
	if _, err := l.nc.Write(l.append(nil, newPacket(packetPing, "probe").frames)); err != nil {
		return err
	}
	r := getReader(l)
	defer r.put()
	err := c.probed(l, early)
	for err == nil {
		if done, err := c.commit(l); done || err != nil {
			return err
		}
		// Read while polling stops, too, to notice a WebSocket that fails meanwhile.
		// The function that restLocked returns interrupts the read.
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

// probed processes input on a WebSocket that is not in use yet: the answer to the
// probe.
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

// pause makes polling stop. It returns false if that was requested before.
func (c *Client) pause() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.pausing || c.state != open {
		return false
	}
	c.pausing = true
	return true
}

// restLocked returns a function that interrupts the reader of the upgrade if polling
// has stopped. The caller runs it without mu, because the connection may be the
// application's; commit waits for it.
func (c *Client) restLocked() (interrupt func()) {
	if !c.atRest() {
		return func() {}
	}
	l, w := c.upgrade, c.web
	w.interrupts.Add(1)
	return func() {
		defer w.interrupts.Done()
		l.interrupt()
	}
}

func (c *Client) atRest() bool { return c.pausing && !c.polling && !c.posting }

func (c *Client) resting() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.atRest()
}

// commit moves the session to l if polling has stopped.
func (c *Client) commit(l *link) (done bool, err error) {
	c.mu.Lock()
	if c.state != open || !c.atRest() {
		c.mu.Unlock()
		return false, nil
	}
	c.link, c.writing = l, true
	c.upgrade, c.pausing = nil, false
	web := c.web
	c.mu.Unlock()

	web.interrupts.Wait()
	if err = l.nc.SetDeadline(time.Time{}); err == nil {
		err = l.write(l.append(nil, newPacket(packetUpgrade, "").frames))
		l.clearWriteDeadline()
	}
	c.mu.Lock()
	if err != nil {
		// The server has not received the upgrade packet, so the session stays on
		// polling.
		c.link, c.writing = nil, false
		c.upgrade, c.pausing = l, true
		if c.state == draining {
			c.outbox.push(entry{m: closePacket, flags: protocolPacket | Fence})
		}
		c.mu.Unlock()
		return false, err
	}
	c.web, c.target = nil, nil
	c.resumeAndUnlock(c)
	web.close()
	return true, nil
}

// upgraded calls OnUpgrade of the handler.
func (c *Client) upgraded(t Transport) {
	c.opts.RememberUpgrade.set(t, true)
	c.opts.Logger.Debug("engine: upgraded", "sid", c.id, "transport", string(t))
	if h, ok := c.handler.(ClientUpgradeHandler); ok && !c.ended.Load() {
		defer c.guard()
		h.OnUpgrade(c, t)
	}
}

// abandon aborts an upgrade; the session stays on polling.
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
		c.startLocked(c.pollLoop)
	}
	_ = c.flushAndUnlock(c)
}
