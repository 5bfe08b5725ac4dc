package client

import (
	"context"
	"math/rand/v2"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"weak"

	"github.com/seed96b07ef8/socketio/engine"
	"github.com/seed96b07ef8/socketio/internal/clip"
	"github.com/seed96b07ef8/socketio/internal/ctxerr"
	"github.com/seed96b07ef8/socketio/internal/errtext"
	"github.com/seed96b07ef8/socketio/internal/handler"
)

// A Manager keeps a connection with a server for the sockets that share it, one
// for each namespace. It connects when a socket wants to, or when Connect is
// called, connects again when the connection is lost, and closes it when the last
// socket has been disconnected.
//
// All methods are safe for concurrent use. Calls to the functions of the On methods are
// serialized, in the order of the events, on a goroutine that exists while some are due.
// A function may block; that delays the other functions and, if many calls are due, the
// next attempt to reconnect.
//
// [Manager.Close] ends a Manager for good. One without an active socket, and
// without a call of Connect, has neither goroutines nor a connection and need not
// be closed.
type Manager struct {
	target *target
	opts   *Options
	err    error          // what is wrong with the URL or the options
	random func() float64 // in [0,1)
	cached *cacheKey      // the key in New's cache; nil if New does not share the Manager

	opened      handler.Hooks[func()]
	closed      handler.Hooks[func(Reason, error)]
	failed      handler.Hooks[func(error)]
	pinged      handler.Hooks[func()]
	upgraded    handler.Hooks[func(engine.Transport)]
	attempted   handler.Hooks[func(int)]
	reconnected handler.Hooks[func(int)]
	notAgain    handler.Hooks[func(error)]
	gaveUp      handler.Hooks[func()]
	drained     handler.Hooks[func()]
	drainDue    atomic.Bool // the functions of drained are to be called
	inbox       inbox

	mu      sync.Mutex // guards what follows; a socket's mu may be taken under it
	sockets sockets
	active  map[*Socket]struct{} // the sockets that want a connection
	held    bool                 // a caller of Connect wants one
	kept    bool                 // held until Close: a call of Connect has succeeded
	dialer  *dialer              // establishes a connection, or nil
	conn    *conn                // the open connection, or nil; not nil only if dialer is nil
	waiters []chan error         // one for each waiting call of Connect
	done    bool                 // Close was called
	behind  bool                 // a call of catchUp is due
}

// NewManager returns a Manager for the server at the given URL, whose path is
// ignored. It does nothing before a socket connects or Connect is called. If the URL or
// an option is invalid, these methods return the error.
func NewManager(rawURL string, opts *Options) *Manager {
	t, err := parseURL(rawURL)
	return newManager(t, err, opts)
}

func newManager(t *target, err error, opts *Options) *Manager {
	o, optErr := opts.withDefaults()
	if err == nil {
		err = optErr
	}
	if o == nil {
		o, _ = (*Options)(nil).withDefaults()
	}
	m := &Manager{
		target:  t,
		opts:    o,
		err:     errtext.Prefix("client", err),
		random:  rand.Float64,
		sockets: newSockets(),
		active:  make(map[*Socket]struct{}),
	}
	m.inbox.run = func(t task, _ bool) { t.do() }
	return m
}

// Socket returns the Manager's socket in a namespace; "" means "/". The first call
// creates it with the given options, nil for those of the Manager; further calls ignore
// theirs. The Manager keeps the socket. However, if it has many sockets, it lets the
// garbage collector free one that the program no longer uses and that is inactive, has
// neither functions nor options of its own, and has nothing waiting in it.
func (m *Manager) Socket(namespace string, opts *SocketOptions) *Socket {
	name, err := namespaceName(namespace)
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.sockets.get(name)
	if s == nil {
		s = newSocket(m, name, err, opts)
		if m.done {
			s.discarded = &DisconnectError{Reason: ClientDisconnect, Err: ErrClosed}
		}
	}
	m.sockets.keep(s)
	return s
}

// reserve makes the socket in a namespace, unless there is one already or the
// Manager was closed.
func (m *Manager) reserve(namespace string) *Socket {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.done || m.sockets.get(namespace) != nil {
		return nil
	}
	s := newSocket(m, namespace, nil, nil)
	m.sockets.keep(s)
	return s
}

func (m *Manager) lookup(namespace string) *Socket {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.sockets.get(namespace)
}

// Connect opens the connection even if no socket is active, and keeps it open until
// Close. It returns nil when the connection is open, or the error of the first attempt,
// which it does not repeat. If ctx ends first, Connect returns an error that matches that
// of ctx and its cause. Sockets need no call of Connect.
func (m *Manager) Connect(ctx context.Context) error {
	w := make(chan error, 1)
	if err := m.hold(w); err != nil {
		return err
	}
	select {
	case err := <-w:
		return err
	case <-ctx.Done():
		return m.giveUp(w, errtext.Prefix("client: connecting to "+m.target.String(), ctxerr.Of(ctx)))
	}
}

// hold records that a caller of Connect wants a connection. w receives the result of the
// present attempt.
func (m *Manager) hold(w chan error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.err != nil:
		return m.err
	case m.done:
		return ErrClosed
	}
	m.held = true
	if m.conn != nil {
		m.kept = true
		w <- nil
		return nil
	}
	m.waiters = append(m.waiters, w)
	m.startLocked(0)
	return nil
}

// giveUp ends the waiting of a caller of Connect whose context has ended with err. It
// returns what Connect returns: the result of the attempt, if there is one by now, or
// err.
func (m *Manager) giveUp(w chan error, err error) error {
	m.mu.Lock()
	select {
	case result := <-w:
		m.mu.Unlock()
		return result
	default:
	}
	m.waiters = without(m.waiters, w)
	m.held = m.kept || len(m.waiters) > 0
	finish := m.settleLocked()
	m.mu.Unlock()
	finish()
	return err
}

// Connected reports whether the connection is open.
func (m *Manager) Connected() bool { return m.Engine() != nil }

// Engine returns the open Engine.IO connection, or nil if there is none. Each
// reconnection makes a new one.
func (m *Manager) Engine() *engine.Client {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.conn == nil {
		return nil
	}
	return m.conn.engine
}

// Close disconnects all sockets, with the reason [ClientDisconnect], and closes the
// connection permanently. Calls that wait return an error, buffered messages are
// discarded, and sockets cannot connect again. The functions that were registered for
// the end are still called. Close returns at once; further calls have no effect.
func (m *Manager) Close() {
	m.mu.Lock()
	if m.done {
		m.mu.Unlock()
		return
	}
	m.done, m.held, m.kept = true, false, false
	gone := &DisconnectError{Reason: ClientDisconnect, Err: ErrClosed}
	for s := range m.sockets.all() {
		s.mu.Lock()
		s.leaveLocked(gone)
		s.discardLocked(gone)
		s.mu.Unlock()
	}
	m.notifyLocked(ErrClosed)
	finish := m.settleLocked()
	m.mu.Unlock()
	finish()
	if m.cached != nil {
		uncache(*m.cached, weak.Make(m))
	}
}

func (m *Manager) isClosed() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.done
}

// notifyLocked passes the outcome to the callers of Connect.
func (m *Manager) notifyLocked(err error) {
	for _, w := range m.waiters {
		w <- err // has room
	}
	m.waiters = nil
}

// OnOpen registers a function that is called when a connection has been opened,
// before any socket is connected over it. When the functions fall behind, connections
// that have ended meanwhile are left out, here and by OnClose. The returned function
// removes it.
func (m *Manager) OnOpen(f func()) (off func()) { return m.opened.Add(f, false) }

// OnClose registers a function that is called when the connection has ended, with the
// reason and the cause; err is nil if no cause is known. The returned function removes
// it.
func (m *Manager) OnClose(f func(reason Reason, err error)) (off func()) {
	return m.closed.Add(f, false)
}

// OnError registers a function that is called when an attempt to open a connection
// has failed, the first or a later one. When the functions fall behind, errors of first
// attempts are left out. The returned function removes it.
func (m *Manager) OnError(f func(err error)) (off func()) { return m.failed.Add(f, false) }

// OnPing registers a function that is called when the server has sent a ping. If the
// function falls behind, pings are skipped. The returned function removes it.
func (m *Manager) OnPing(f func()) (off func()) { return m.pinged.Add(f, false) }

// OnUpgrade registers a function that is called when the connection has moved to
// another transport. The returned function removes it.
func (m *Manager) OnUpgrade(f func(t engine.Transport)) (off func()) {
	return m.upgraded.Add(f, false)
}

// OnReconnectAttempt registers a function that is called at each attempt to
// connect again, with its number, from 1. The returned function removes it.
func (m *Manager) OnReconnectAttempt(f func(attempt int)) (off func()) {
	return m.attempted.Add(f, false)
}

// OnReconnect registers a function that is called when such an attempt has
// succeeded, with its number. The returned function removes it.
func (m *Manager) OnReconnect(f func(attempt int)) (off func()) { return m.reconnected.Add(f, false) }

// OnReconnectError registers a function that is called when such an attempt has
// failed. The returned function removes it.
func (m *Manager) OnReconnectError(f func(err error)) (off func()) { return m.notAgain.Add(f, false) }

// OnReconnectFailed registers a function that is called when the last attempt that
// [Options.ReconnectAttempts] allows has failed. The sockets are inactive then. The
// returned function removes it.
func (m *Manager) OnReconnectFailed(f func()) (off func()) { return m.gaveUp.Add(f, false) }

const (
	// maxPendingHooks is the number of calls of hooks that may wait. Beyond it, calls are
	// left out, or the next attempt to reconnect waits.
	maxPendingHooks = 32
	// maxPendingOpens replaces maxPendingHooks for connections that the program has
	// opened: it closes them and opens others without waiting for the hooks. It is higher,
	// so that no connection is left out after an attempt to reconnect.
	maxPendingOpens = 2 * maxPendingHooks
)

// notifyHooks has call called for each function of a list, in order with the other hooks.
func notifyHooks[F any](m *Manager, list *handler.Hooks[F], call func(F)) {
	if len(list.Load()) == 0 {
		return
	}
	m.inbox.push(func() {
		each(list.Load(), func(f F) { _ = m.protect("", "", func() { call(f) }) }) // which logs it
	})
}

// protect calls f and turns a panic into an error.
func (m *Manager) protect(namespace, event string, f func()) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = m.panicked(v, namespace, event)
		}
	}()
	f()
	return nil
}

// panicked logs a panic that was recovered and returns it as an error.
func (m *Manager) panicked(v any, namespace, event string) error {
	p := &PanicError{Value: v, Stack: debug.Stack()}
	m.opts.Logger.Error("client: panic in a handler",
		"nsp", namespace, "event", clip.Text(event, clip.Quote), "panic", clip.Panic(v), "stack", string(p.Stack))
	return p
}
