package client

import (
	"context"
	"errors"
	"fmt"

	"github.com/seed96b07ef8/socketio/engine"
	"github.com/seed96b07ef8/socketio/internal/clip"
	"github.com/seed96b07ef8/socketio/parser"
)

// A conn is one connection of a manager.
type conn struct {
	m      *Manager
	ctx    context.Context // ends with the connection
	cancel context.CancelCauseFunc
	engine *engine.Client // set before a socket uses the connection

	// The engine delivers one message at a time, so these need no lock.
	decoder parser.Decoder
	size    int // bytes of the packet that decoder is assembling
	broken  bool

	// The manager's mu guards what follows.
	over   *DisconnectError // set when the connection has ended
	cause  *DisconnectError // why it was closed, if that was our doing
	joined int              // the sockets that are in their namespaces
	// attempt is the number of the attempt that has opened the connection, 0 for the
	// first. The next one counts on from it, unless the connection was good: the
	// server has admitted a socket over it, or pinged a manager without one.
	attempt   int
	good      bool
	opened    bool     // the manager has, or had, the connection
	early     []func() // notices that wait for that
	announced bool     // the functions of OnOpen are called, or were
	legacy    bool     // the server is one of version 2
	parting   bool     // a DISCONNECT of Manager.Close was sent
}

// taskBytes is what a place in an inbox costs.
const taskBytes = 64

// packetError says that a packet of the server is out of place.
type packetError struct{ text string }

func (e *packetError) Error() string { return "client: " + e.text }

var (
	errLongID     = &packetError{"the server's ID of a socket or a session is too long"}
	errUnasked    = &packetError{"the server has answered a request to join a namespace that was not made"}
	errNoAnswer   = fmt.Errorf("%w: the server does not answer the request to join a namespace", ErrConnectTimeout)
	errEarlyPanic = errors.New("client: the server's message caused a panic")
)

func newConn(m *Manager) *conn {
	c := &conn{m: m, decoder: m.opts.Codec.NewDecoder(m.opts.Limits)}
	c.ctx, c.cancel = context.WithCancelCause(context.Background())
	return c
}

// OnMessage implements [engine.ClientHandler].
func (c *conn) OnMessage(e *engine.Client, data []byte, binary bool) {
	if c.broken {
		return
	}
	defer func() {
		if v := recover(); v != nil { // a third party's codec, for example
			c.m.opts.Logger.Error("client: panic", "panic", clip.Panic(v))
			c.violation(e, errEarlyPanic)
		}
	}()
	c.size += len(data)
	p, err := c.decoder.Decode(data, binary)
	if err != nil {
		c.violation(e, err)
		return
	}
	if p == nil {
		return // attachments are to follow
	}
	size := c.size + p.Held() + taskBytes
	c.size = 0
	s := c.m.lookup(p.Namespace)
	if p.Type == parser.Connect && p.Args.Len() == 0 {
		c.noteLegacy()
	}
	if s == nil {
		return // what was sent before the server knew that we had left
	}
	if err := s.receive(c, p, size); err != nil {
		c.violation(e, err)
	}
}

// noteLegacy notes that the server lets everybody into the main namespace unasked,
// and says so at once, as servers of version 2 do. No socket can join there.
func (c *conn) noteLegacy() {
	m := c.m
	m.mu.Lock()
	c.legacy = true
	for s := range m.sockets.all() {
		s.mu.Lock()
		if s.joiningLocked(c) {
			s.refuseLocked(ErrServerVersion)
		}
		s.mu.Unlock()
	}
	finish := m.settleLocked()
	m.mu.Unlock()
	finish()
}

// OnClose implements [engine.ClientHandler]. It may be called while something is
// sent, with locks held.
func (c *conn) OnClose(_ *engine.Client, reason Reason, err error) {
	go c.m.ended(c, &DisconnectError{Reason: reason, Err: err}) // ends by itself
}

// OnPing implements [engine.ClientPingHandler].
func (c *conn) OnPing(*engine.Client) {
	c.m.mu.Lock()
	defer c.m.mu.Unlock()
	c.good = c.good || len(c.m.active) == 0
	if len(c.early) < maxPendingHooks && c.m.inbox.pending() < maxPendingHooks {
		c.whileOpenLocked(func() { notifyHooks(c.m, &c.m.pinged, func(f func()) { f() }) })
	}
}

// OnUpgrade implements [engine.ClientUpgradeHandler].
func (c *conn) OnUpgrade(_ *engine.Client, t engine.Transport) {
	c.m.mu.Lock()
	defer c.m.mu.Unlock()
	c.whileOpenLocked(func() { notifyHooks(c.m, &c.m.upgraded, func(f func(engine.Transport)) { f(t) }) })
}

// whileOpenLocked calls notify between the notices for OnOpen and OnClose: the engine
// reads from the connection before engine.Dial returns, and until it is closed. The
// manager's mu is held.
func (c *conn) whileOpenLocked(notify func()) {
	switch {
	case c.m.conn == c && c.announced:
		notify()
	case !c.opened && c.over == nil:
		c.early = append(c.early, notify)
	}
}

// violation closes the connection of a server that broke the protocol.
func (c *conn) violation(e *engine.Client, err error) {
	c.broken = true
	c.m.opts.Logger.Debug("client: protocol violation", "sid", e.ID(), "error", clip.Log(err))
	c.close(e, &DisconnectError{Reason: ParseError, Err: err})
}

// close ends the connection for a reason that is not the engine's.
func (c *conn) close(e *engine.Client, cause *DisconnectError) {
	c.m.mu.Lock()
	if c.cause == nil {
		c.cause = cause
	}
	c.m.mu.Unlock()
	e.Close()
}
