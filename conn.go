package socketio

import (
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/seed96b07ef8/socketio/engine"
	"github.com/seed96b07ef8/socketio/internal/seam"
	"github.com/seed96b07ef8/socketio/parser"
)

// conn is one client's Engine.IO connection and the namespaces that the client has
// joined over it.
type conn struct {
	server *Server
	engine *engine.Conn

	// The engine delivers one message at a time, so these need no lock.
	decoder parser.Decoder
	size    int       // bytes of the packet that decoder is assembling
	memory  int       // what its messages hold
	ready   []*Socket // sockets with new events, whose workers are to be started

	budget budget

	mu         sync.Mutex // guards what follows; taken before a socket's mu
	sockets    []*Socket  // connecting or connected, one for each namespace
	auth       int        // bytes in the budget that are auth of sockets and requests
	assembling int        // bytes in the budget of an incomplete packet
	timer      *time.Timer
	extra      *connExtra // nil: nothing of that
	followers  uint32     // sockets that have waited for an earlier one
	closed     bool
}

// connExtra holds fields that few connections need, most of them for a short time.
type connExtra struct {
	leaving []*Socket   // those that have ended and whose handlers, or middleware, still run
	ousted  []string    // namespaces that the client was taken out of, and may not know
	waiting []*request  // to join namespaces, for which there is no room at present
	again   *time.Timer // tries them again; nil while none waits
	asking  bool        // askAgain runs, or has ended with a panic and closed the connection
	askNext bool        // askNow was called meanwhile: there may be room for a request again
	broken  error       // how the client broke the protocol
}

// extraLocked returns c.extra and allocates it if necessary. See trimLocked.
func (c *conn) extraLocked() *connExtra {
	if c.extra == nil {
		c.extra = new(connExtra)
	}
	return c.extra
}

// trimLocked frees c.extra if it is empty.
func (c *conn) trimLocked() {
	x := c.extra
	if x != nil && len(x.leaving)+len(x.ousted)+len(x.waiting) == 0 && x.again == nil && !x.asking && x.broken == nil {
		c.extra = nil
	}
}

var (
	_ seam.BatchHandler[*engine.Conn] = (*conn)(nil)
	_ engine.DrainHandler             = (*conn)(nil)
	_ engine.DropHandler              = (*conn)(nil)
)

// OnDrain implements [engine.DrainHandler].
func (c *conn) OnDrain(*engine.Conn) {
	for _, s := range c.all() {
		s.noteDrained()
	}
}

// OnDrop implements [engine.DropHandler]. It may be called under a lock, so the
// hook is called by a socket's worker.
func (c *conn) OnDrop(_ *engine.Conn, n int) {
	if c.server.opts.Hooks.Dropped == nil {
		return
	}
	if sockets := c.all(); len(sockets) > 0 {
		sockets[0].noteDropped(n)
	}
}

// OnClose implements [engine.Handler].
func (c *conn) OnClose(_ *engine.Conn, reason Reason, err error) {
	c.mu.Lock()
	c.closed = true
	c.assembledLocked()
	c.stopTimer()
	c.stopWaitingLocked()
	sockets := c.sockets
	c.sockets = nil
	if c.extra != nil {
		sockets = slices.Concat(sockets, c.extra.leaving) // whose events may be dropped
		if err == nil {
			err = c.extra.broken
		}
	}
	c.mu.Unlock()
	c.server.callNext()
	if reason == ForcedClose && err == nil && c.server.isClosed() {
		// Of a socket that Shutdown has not seen, since its client had just joined.
		reason = ServerShuttingDown
	}
	// What holds too much is not handled any more.
	drop := errors.Is(err, engine.ErrServerFull)
	for _, s := range sockets {
		s.endWith(reason, err, drop, nil)
	}
}

func (c *conn) all() []*Socket {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.sockets)
}

// socket returns the client's socket in a namespace, or nil.
func (c *conn) socket(nsp string) *Socket {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.sockets {
		if s.nsp.name == nsp {
			return s
		}
	}
	return nil
}

// single reports whether the client is in one namespace only.
func (c *conn) single() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.sockets) == 1
}

// remove forgets a socket that has ended. With leaving, the socket counts for
// MaxNamespaces until left is called, because its handlers may still run. This bounds
// the running handlers of a client that repeatedly joins and leaves.
func (c *conn) remove(s *Socket, leaving bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if leaving && !c.closed { // no more sockets join it then
		x := c.extraLocked()
		x.leaving = append(x.leaving, s)
	}
	if i := slices.Index(c.sockets, s); i >= 0 {
		c.sockets = slices.Delete(c.sockets, i, i+1)
	}
}

// oust notes that the server is removing the client from a namespace. Packets that the
// client sent there before it receives the DISCONNECT do not violate the protocol.
func (c *conn) oust(nsp string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	x := c.extraLocked()
	if len(x.ousted) == c.server.opts.MaxNamespaces {
		x.ousted = slices.Delete(x.ousted, 0, 1)
	}
	x.ousted = append(x.ousted, nsp)
}

func (c *conn) wasOusted(nsp string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.extra != nil && slices.Contains(c.extra.ousted, nsp)
}

// replaceLocked substitutes a new socket, for the same request of the client, for one that
// ended before it was admitted. It returns nil if the connection has ended.
func (c *conn) replaceLocked(s *Socket) *Socket {
	i := slices.Index(c.sockets, s)
	if i < 0 {
		return nil
	}
	next := newSocket(s.nsp, c, s.authArgs(), s.authCost)
	next.afresh = true
	s.authCost = 0 // it is the other one's now
	c.sockets[i] = next
	return next
}

// left notes that the handlers and middleware of an ended socket have returned. It
// starts a socket that has waited for that, and tries the requests that wait for room.
func (c *conn) left(s *Socket) {
	c.mu.Lock()
	if x := c.extra; x != nil {
		x.leaving = slices.DeleteFunc(x.leaving, func(other *Socket) bool { return other == s })
	}
	c.forgetAuthLocked(&s.authCost)
	c.askNowLocked()
	more := c.hasLeavingLocked(s.nsp)
	c.trimLocked()
	c.mu.Unlock()
	if !more {
		c.startFollower(s.nsp, 0)
	}
}

// hasLeavingLocked reports whether an earlier socket of the client in a namespace still
// runs handlers, or middleware.
func (c *conn) hasLeavingLocked(n *Namespace) bool {
	return c.extra != nil && slices.ContainsFunc(c.extra.leaving, func(s *Socket) bool { return s.nsp == n })
}

// follows returns the number of a socket that waits for an earlier one, or 0.
func (c *conn) follows(s *Socket) uint32 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return s.follows
}

// startFollower starts the socket that waits for an earlier one in a namespace, if it
// has the given number; 0 matches any.
func (c *conn) startFollower(n *Namespace, number uint32) {
	c.mu.Lock()
	i := slices.IndexFunc(c.sockets, func(s *Socket) bool {
		return s.nsp == n && s.follows != 0 && (number == 0 || s.follows == number)
	})
	if i < 0 {
		c.mu.Unlock()
		return
	}
	s := c.sockets[i]
	s.follows = 0
	c.mu.Unlock()
	s.begin()
}

// joined stops the connect timeout, because the client has joined a namespace.
func (c *conn) joined() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stopTimer()
}

func (c *conn) stopTimer() {
	if c.timer != nil {
		c.timer.Stop()
		c.timer = nil
	}
}
