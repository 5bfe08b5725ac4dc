package client

import (
	"context"
	"errors"

	"github.com/seed96b07ef8/socketio/engine"
	"github.com/seed96b07ef8/socketio/internal/errtext"
)

// A dialer is the goroutine that establishes a connection, however many attempts
// that takes. It ends when the connection stands, when it gives up, or when its
// context is canceled because no socket or caller needs the connection.
type dialer struct {
	m      *Manager
	ctx    context.Context
	cancel context.CancelFunc
}

// errDialerExited is the error of an attempt during which code of the application, such as
// a codec, has ended the dialer's goroutine.
var errDialerExited = errors.New("client: runtime.Goexit was called while the connection was being opened")

// startLocked makes sure that a connection is being established. first is the number
// of the first attempt: 0 for one to connect at all, which is made at once; those to
// reconnect count from 1.
func (m *Manager) startLocked(first int) {
	if m.dialer != nil || m.conn != nil || m.done {
		return
	}
	d := &dialer{m: m}
	d.ctx, d.cancel = context.WithCancel(context.Background())
	m.dialer = d
	go d.run(first)
}

// run makes attempts from the given one on. If one ends the goroutine, it has failed, and
// another goroutine makes the next one.
func (d *dialer) run(attempt int) {
	returned := false
	defer func() {
		if !returned && d.failed(attempt, errDialerExited) {
			go d.run(attempt + 1) // as this goroutine
			return
		}
		d.cancel()
	}()
	for d.failed(attempt, d.try(attempt)) {
		attempt++
	}
	returned = true
}

// try makes an attempt, after the delay if it is one to reconnect.
func (d *dialer) try(attempt int) error {
	m := d.m
	if attempt > 0 {
		if !sleep(d.ctx, m.opts.backoff(attempt, m.random())) || !d.heard() {
			return d.ctx.Err()
		}
		notifyHooks(m, &m.attempted, func(f func(int)) { f(attempt) })
	}
	c, err := d.dial()
	if err == nil {
		err = d.succeed(c, attempt)
	}
	return err
}

// failed reports the error of an attempt, if there is one. It returns true if another
// attempt is to be made.
func (d *dialer) failed(attempt int, err error) bool {
	if err == nil || d.ctx.Err() != nil {
		return false
	}
	m, o := d.m, d.m.opts
	o.Logger.Debug("client: attempt to connect failed", "server", m.target.host, "attempt", attempt, "error", err)
	_, hopeless := errors.AsType[*OptionError](err)
	last := hopeless || !o.allows(attempt+1)
	d.fail(err, attempt, last)
	return !last
}

// heard waits until the functions for attempts are not too far behind.
func (d *dialer) heard() bool {
	if d.m.inbox.pending() < maxPendingHooks {
		return d.ctx.Err() == nil
	}
	done := make(chan struct{})
	d.m.inbox.push(func() { close(done) })
	select {
	case <-done:
		return d.ctx.Err() == nil
	case <-d.ctx.Done():
		return false
	}
}

// dial makes one attempt.
func (d *dialer) dial() (*conn, error) {
	m := d.m
	ctx, cancel := context.WithTimeout(d.ctx, m.opts.ConnectTimeout)
	defer cancel()
	var c *conn
	if err := m.protect("", "decoder", func() { c = newConn(m) }); err != nil { // by the application's codec
		return nil, errtext.Prefix("client", err)
	}
	e, err := engine.Dial(ctx, m.target.engineURL(m.opts.Path, m.opts.ExactPath), m.opts.withQuery(m.target.query), c)
	if err != nil {
		if errors.Is(err, context.DeadlineExceeded) {
			err = errtext.Join(": ", ErrConnectTimeout, err)
		}
		err = errtext.Prefix("client", err)
		c.cancel(err)
		return nil, err
	}
	c.engine = e
	return c, nil
}

// succeed puts a new connection to use. It returns an error when that has ended
// already.
func (d *dialer) succeed(c *conn, attempt int) error {
	m := d.m
	m.mu.Lock()
	if m.dialer != d {
		m.mu.Unlock()
		c.engine.Close()
		return d.ctx.Err()
	}
	if c.over != nil {
		m.mu.Unlock()
		return c.over
	}
	m.dialer, m.conn = nil, c
	c.attempt = attempt
	m.kept = m.kept || len(m.waiters) > 0
	m.notifyLocked(nil)
	sockets := make([]*Socket, 0, len(m.active))
	for s := range m.active {
		sockets = append(sockets, s)
	}
	c.opened = true
	m.notifyOpenedLocked(c)
	m.mu.Unlock()
	for _, s := range sockets {
		s.join(c)
	}
	return nil
}

// notifyOpenedLocked has the functions of OnOpen and OnReconnect called. Connections that
// a program opens and closes must not fill the inbox of a manager whose functions block.
// So when too many calls wait, there is one more for the connection that the manager has
// then, and those that have ended by then are left out.
func (m *Manager) notifyOpenedLocked(c *conn) {
	early := c.early
	c.early = nil
	switch {
	case m.behind:
	case m.inbox.pending() >= maxPendingOpens:
		m.behind = true
		m.inbox.push(m.catchUp)
	default:
		c.announced = true
		notifyHooks(m, &m.opened, func(f func()) { f() })
		if attempt := c.attempt; attempt > 0 {
			notifyHooks(m, &m.reconnected, func(f func(int)) { f(attempt) })
		}
		for _, notify := range early {
			notify()
		}
	}
}

// catchUp has the functions of OnOpen called for a connection that was left out until now.
func (m *Manager) catchUp() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.behind = false
	if c := m.conn; c != nil && !c.announced {
		m.notifyOpenedLocked(c)
	}
}

// fail reports a failed attempt to the hooks. After the last one, the sockets are
// inactive.
func (d *dialer) fail(err error, attempt int, last bool) {
	m := d.m
	m.mu.Lock()
	if m.dialer != d {
		m.mu.Unlock()
		return
	}
	if attempt > 0 || m.inbox.pending() < maxPendingOpens {
		notifyHooks(m, &m.failed, func(f func(error)) { f(err) })
	}
	if attempt > 0 {
		notifyHooks(m, &m.notAgain, func(f func(error)) { f(err) })
	}
	if last {
		m.dialer, m.held, m.kept = nil, false, false
	}
	for s := range m.active {
		s.mu.Lock()
		if last && s.keep {
			s.abandonLocked(&DisconnectError{Reason: TransportError, Err: err})
		}
		if last {
			s.deactivateLocked()
		}
		s.failedLocked(err)
		s.mu.Unlock()
	}
	if last && attempt > 0 {
		notifyHooks(m, &m.gaveUp, func(f func()) { f() })
	}
	// The callers of Connect wanted this attempt only.
	m.held = m.kept
	m.notifyLocked(err)
	finish := m.settleLocked()
	m.mu.Unlock()
	finish()
}

// settleLocked ends the connection, or the attempts to open one, if neither a socket
// nor a caller of Connect needs it. The returned function does what must be done
// without the lock.
func (m *Manager) settleLocked() (finish func()) {
	if m.held || len(m.active) > 0 {
		return func() {}
	}
	if m.dialer != nil {
		m.dialer.cancel()
		m.dialer = nil
	}
	c := m.conn
	if c == nil {
		return func() {}
	}
	m.conn = nil
	m.endLocked(c, &DisconnectError{Reason: ForcedClose})
	return c.engine.Close
}

// endLocked reports the end of the manager's connection to the sockets and hooks.
func (m *Manager) endLocked(c *conn, why *DisconnectError) {
	c.cancel(why)
	for s := range m.sockets.all() {
		s.mu.Lock()
		s.lostLocked(c, why)
		s.mu.Unlock()
	}
	if c.announced {
		notifyHooks(m, &m.closed, func(f func(Reason, error)) { f(why.Reason, why.Err) })
	}
}

// ended is called when a connection has ended by itself, or was closed because of
// what the server did.
func (m *Manager) ended(c *conn, why *DisconnectError) {
	if why = m.lose(c, why); why != nil {
		m.opts.Logger.Debug("client: connection lost", "server", m.target.host, "reason", string(why.Reason), "error", why.Err)
	}
}

// lose takes a connection that has ended away from the sockets, and starts to establish
// another one if that is wanted. It returns why it has ended, or nil if it was not the
// manager's.
func (m *Manager) lose(c *conn, why *DisconnectError) *DisconnectError {
	m.mu.Lock()
	defer m.mu.Unlock()
	if c.cause != nil {
		why = c.cause
	}
	c.over = why
	c.cancel(why)
	if m.conn != c {
		return nil // it has not begun, or was closed by us
	}
	m.conn = nil
	next := 1
	if !c.good {
		next = c.attempt + 1
	}
	last := !m.opts.allows(next)
	if last {
		m.held, m.kept = false, false
		for s := range m.active {
			s.mu.Lock()
			if s.keep {
				s.abandonLocked(why)
			}
			s.deactivateLocked()
			if s.life == nil {
				s.failedLocked(why) // it was about to join
			}
			s.mu.Unlock()
		}
	}
	m.endLocked(c, why)
	switch {
	case m.held || len(m.active) > 0:
		m.startLocked(next)
	case last && !m.opts.NoReconnect:
		notifyHooks(m, &m.gaveUp, func(f func()) { f() })
	}
	return why
}
