package socketio

import (
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/seed96b07ef8/socketio/engine"
	"github.com/seed96b07ef8/socketio/internal/clip"
	"github.com/seed96b07ef8/socketio/parser"
)

// conn is one client's connection: the namespaces it has joined, over one
// Engine.IO connection.
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
	followers  uint64     // sockets that have waited for an earlier one
	leaving    []*Socket  // those that have ended and whose handlers, or middleware, still run
	ousted     []string   // namespaces that the client was taken out of, and may not know
	auth       int        // bytes in the budget that are auth of sockets and requests
	assembling int        // bytes in the budget of an incomplete packet
	timer      *time.Timer
	closed     bool
	broken     error // how the client broke the protocol

	waiting []*request  // to join namespaces, for which there is no room at present
	again   *time.Timer // tries them again; nil while none waits
	asking  bool        // askAgain runs, or has ended with a panic and closed the connection
}

// accept is called by the engine for each new connection.
func (s *Server) accept(e *engine.Conn) engine.Handler {
	c := &conn{server: s, engine: e, decoder: s.opts.Codec.NewDecoder(s.opts.Limits)}
	c.timer = time.AfterFunc(s.opts.ConnectTimeout, func() {
		s.opts.Logger.Debug("socketio: no namespace joined in time", "sid", e.ID())
		c.engine.Close()
	})
	if c.legacy() {
		c.welcomeLegacy()
	}
	return c
}

var errPacketOrder = errors.New("packet for a namespace that was not joined")

// OnMessage implements [engine.Handler].
func (c *conn) OnMessage(_ *engine.Conn, data []byte, binary bool) {
	c.size += len(data)
	c.memory += messageCost(data, binary)
	p, err := c.decoder.Decode(data, binary)
	if err != nil {
		c.violation(err)
		return
	}
	if p == nil {
		c.assemble() // attachments are to follow
		return
	}
	size, memory := c.size, c.memory
	c.size, c.memory = 0, 0
	if size != len(data) {
		c.assembled()
	}
	if c.legacy() {
		legacyPacket(p)
	}
	if p.Type == parser.Connect {
		c.join(p, memory)
		if p.Args.Len() == 0 {
			p.Release()
		}
		return
	}
	s := c.socket(p.Namespace)
	if s != nil && p.Type == parser.Event {
		if c.enqueue(s, p, size, memory+packetCost(p)) {
			return
		}
		s = nil
	}
	if s == nil && p.Type == parser.Disconnect && c.withdraw(p.Namespace) {
		return
	}
	if s == nil || !s.isConnected() {
		if p.Type == parser.ConnectError || !c.wasOusted(p.Namespace) && !c.server.isClosed() {
			c.violation(errPacketOrder)
		}
		return
	}
	switch p.Type {
	case parser.Ack:
		s.acknowledged(p, size, memory+packetCost(p))
	case parser.Disconnect:
		s.end(ClientNamespaceDisconnect, nil)
	default:
		c.violation(errPacketOrder)
	}
}

// enqueue appends an event, which holds cost bytes of memory, to the socket's inbox. It
// waits while there is no room for it: that is how a client which sends too much is
// held back. The event is not queued when the socket ends meanwhile. enqueue returns
// false when the socket is not connected, and p still the caller's.
func (c *conn) enqueue(s *Socket, p *parser.Packet, size, cost int) bool {
	for waited := false; ; waited = true {
		if waited && s.gone.Load() {
			return true
		}
		if c.hasRoom(cost) {
			queued, full := s.enqueue(p, size, cost)
			if queued && !slices.Contains(c.ready, s) {
				c.ready = append(c.ready, s)
			}
			if !full {
				return queued || waited
			}
		}
		// What has come for other namespaces does not wait behind this one.
		c.startReady()
		s.start()
		c.budget.await(func() bool { return s.gone.Load() || c.hasRoom(cost) && !s.inboxIsFull() })
	}
}

// OnBatch implements [engine.BatchHandler]: the events that have come with one
// read are handled together. The goroutine that reads does it where that keeps
// nobody else from anything: see docs/decisions/0009-reader-runs-handlers.md.
func (c *conn) OnBatch(*engine.Conn) {
	if len(c.ready) == 1 && c.single() && c.ready[0].borrowReader() {
		c.ready[0] = nil
		c.ready = c.ready[:0]
		return
	}
	c.startReady()
}

func (c *conn) startReady() {
	for i, s := range c.ready {
		s.start()
		c.ready[i] = nil
	}
	c.ready = c.ready[:0]
}

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
	if err == nil {
		err = c.broken
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
		s.endWith(reason, err, drop)
	}
}

// violation closes the connection of a client that broke the protocol.
func (c *conn) violation(err error) {
	c.server.opts.Logger.Debug("socketio: protocol violation", "sid", c.engine.ID(), "error", clip.Log(err))
	c.mu.Lock()
	c.broken = err
	c.mu.Unlock()
	if c.engine.Transport() == engine.Polling && !c.engine.Writable() {
		// The client learns it with its next poll.
		for _, s := range c.all() {
			s.end(ForcedServerClose, err)
		}
	}
	c.engine.Close()
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

// remove forgets a socket that has ended. With leaving it counts, until left, as
// one whose handlers may still run: a client that joins and leaves in turns gets no
// more of them at work than its limit of namespaces.
func (c *conn) remove(s *Socket, leaving bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if leaving {
		c.leaving = append(c.leaving, s)
	}
	if i := slices.Index(c.sockets, s); i >= 0 {
		c.sockets = slices.Delete(c.sockets, i, i+1)
	}
}

// oust notes that the client is being taken out of a namespace. What it has sent
// there before it learns of that is not its fault.
func (c *conn) oust(nsp string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.ousted) == c.server.opts.MaxNamespaces {
		c.ousted = slices.Delete(c.ousted, 0, 1)
	}
	c.ousted = append(c.ousted, nsp)
}

func (c *conn) wasOusted(nsp string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Contains(c.ousted, nsp)
}

// replace puts a new socket in the place of one that has ended before it was admitted,
// for the same request of the client.
func (c *conn) replace(s *Socket) {
	next := newSocket(s.nsp, c, s.auth, s.authCost)
	c.mu.Lock()
	i := slices.Index(c.sockets, s)
	if i >= 0 {
		c.sockets[i] = next
	}
	c.mu.Unlock()
	if i < 0 { // the connection has ended
		s.depart()
		return
	}
	next.start()
}

// left notes that a socket has left for good. One that has waited for that starts.
func (c *conn) left(s *Socket) {
	c.mu.Lock()
	c.leaving = slices.DeleteFunc(c.leaving, func(other *Socket) bool { return other == s })
	more := c.hasLeavingLocked(s.nsp)
	c.mu.Unlock()
	if !more {
		c.startFollower(s.nsp, 0)
	}
}

// hasLeavingLocked reports whether an earlier socket of the client in a namespace still
// runs handlers, or middleware.
func (c *conn) hasLeavingLocked(n *Namespace) bool {
	return slices.ContainsFunc(c.leaving, func(s *Socket) bool { return s.nsp == n })
}

// follows returns the number of a socket that waits for an earlier one, or 0.
func (c *conn) follows(s *Socket) uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return s.follows
}

// startFollower starts the socket that waits for an earlier one in a namespace, if there
// is one and it has the given number; 0 stands for any.
func (c *conn) startFollower(n *Namespace, number uint64) {
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

// joined stops the connect timeout: the client has a namespace.
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

// join handles CONNECT (Socket.IO protocol v5, "Connection to a namespace").
// memory is what the messages of p hold.
func (c *conn) join(p *parser.Packet, memory int) {
	if s := c.socket(p.Namespace); s != nil && !s.supersede() {
		c.violation(errors.New("namespace joined twice"))
		return
	}
	c.startReady() // accept functions may block
	r := &request{conn: c, name: p.Namespace, auth: p.Args}
	if p.Args.Len() > 0 {
		r.cost = memory + packetCost(p)
	}
	if !c.keepAuth(r.cost) {
		c.refuse(p.Namespace, errTooMuchAuth)
		return
	}
	c.ask(r)
}

// refuse answers CONNECT with CONNECT_ERROR, which is final for clients. During
// Shutdown nothing is answered, since the shutdown may be what has failed: middleware
// without its database, for example.
func (c *conn) refuse(nsp string, err error) {
	if c.server.isClosed() {
		return
	}
	if f := c.server.opts.Hooks.Refused; f != nil {
		f(nsp, err)
	}
	h := parser.Header{Type: parser.ConnectError, Namespace: nsp}
	m, encodeErr := c.server.encode(h, "", []any{c.refusal(err)})
	if encodeErr != nil {
		c.server.opts.Logger.Warn("socketio: data of a ConnectError cannot be encoded", "nsp", clip.Text(nsp, clip.Quote), "error", clip.Log(encodeErr))
		if m, encodeErr = c.server.encode(h, "", []any{refusedPayload{Message: err.Error()}}); encodeErr != nil {
			c.engine.Close()
			return
		}
	}
	_ = c.engine.Send(m, engine.Control) // a client that is gone needs no answer
}
