package socketio

import (
	"container/list"
	"errors"
	"slices"
	"time"

	"github.com/seed96b07ef8/socketio/engine"
	"github.com/seed96b07ef8/socketio/internal/clip"
	"github.com/seed96b07ef8/socketio/parser"
)

// A request is a client's CONNECT for a namespace.
type request struct {
	conn *conn
	name string
	auth Args
	cost int // bytes of auth in the connection's budget; guarded by the connection's mu

	// Server.mu guards these.
	parent *ParentNamespace // the parent that accepted the request, which waits for room
	place  *list.Element    // the place in Server.line, or nil
}

// join handles CONNECT (Socket.IO protocol v5, "Connection to a namespace"). memory is the
// number of bytes that the messages of p hold.
func (c *conn) join(p *parser.Packet, memory int) {
	if s := c.socket(p.Namespace); s != nil && !s.supersede() {
		c.violation(errors.New("namespace joined twice"))
		return
	}
	if !c.server.mayExist(p.Namespace) {
		c.refuse(p.Namespace, errNamespaceName) // a waiting request would hold the name
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

// askInterval is the time after which a request that waits for room is tried again: as
// long as a JavaScript client waits before it reconnects. The first request in Server.line
// is tried as soon as there is room.
var askInterval = time.Second

// ask grants a request, refuses it, or makes it wait. It checks the limits of the client
// before it creates a namespace.
func (c *conn) ask(r *request) {
	if err := c.room(r); err != nil {
		c.server.leaveLine(r) // the client has no room, whether the server has some or not
		c.answer(r, err)
		return
	}
	n, err := c.server.enter(r)
	if err != nil {
		c.answer(r, err)
		return
	}
	s, err := c.add(n, r)
	if s == nil {
		c.server.exit(n)
		c.answer(r, err)
		return
	}
	if number := c.follows(s); number != 0 {
		// This calls OnDisconnect of the client's earlier socket before OnConnect of this one,
		// unless a handler blocks for longer. The timer keeps only the number of the socket.
		time.AfterFunc(followPatience, func() { c.startFollower(n, number) })
		return
	}
	// Middleware and OnConnect may block, so they run where events do.
	s.start()
}

// followPatience is how long a client that leaves a namespace and joins it again waits for
// the handlers of its earlier socket. Most handlers take less, and clients wait longer for
// the CONNECT reply.
var followPatience = time.Second

// answer handles a request that was not granted, with the reason err.
func (c *conn) answer(r *request, err error) {
	switch {
	case err == nil: // the connection has ended, or the client has repeated the request
		c.forgetRequest(r)
	case errors.Is(err, errShuttingDown):
		c.forgetRequest(r)
		c.closeUnused()
	case errors.Is(err, errNoAdapter):
		c.forgetRequest(r)
		c.engine.Close() // the client may try again
	case errors.Is(err, errNoRoom):
		c.server.opts.Logger.Debug("socketio: request waits for room", "sid", c.engine.ID(), "nsp", clip.Text(r.name, clip.Quote))
		c.wait(r)
	default:
		c.forgetRequest(r)
		c.refuse(r.name, err)
	}
}

// room returns nil if the client may join the namespace of a request. It returns errNoRoom
// if ended sockets, whose handlers still run, take the room. Other errors are for the
// client.
func (c *conn) room(r *request) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.roomLocked(r)
}

func (c *conn) roomLocked(r *request) error {
	limit := c.server.opts.MaxNamespaces
	wanted := len(c.sockets) + 1
	leaving := 0
	if x := c.extra; x != nil {
		leaving = len(x.leaving)
		for _, other := range x.waiting {
			if other.name != r.name {
				wanted++
			}
		}
	}
	switch {
	case wanted > limit:
		return errTooManyNamespaces
	case len(c.sockets)+leaving >= limit:
		return errNoRoom
	case r.cost > 0 && c.auth > c.server.opts.InboxBytes && c.leavingAuthLocked() > 0:
		return errNoRoom
	}
	return nil
}

// add creates the socket of a request. It returns an error of roomLocked if there is no
// room, and neither a socket nor an error if the connection has ended or the client has
// repeated the request.
func (c *conn) add(n *Namespace, r *request) (*Socket, error) {
	c.mu.Lock()
	defer c.server.callNext()
	defer c.mu.Unlock()
	if c.closed || slices.ContainsFunc(c.sockets, func(s *Socket) bool { return s.nsp.name == n.name }) {
		return nil, nil
	}
	if err := c.roomLocked(r); err != nil {
		return nil, err
	}
	s := newSocket(n, c, r.auth, r.cost)
	if c.hasLeavingLocked(n) {
		c.followers = max(c.followers+1, 1) // which may wrap around
		s.follows, s.inbox.notices = c.followers, 0
	}
	r.cost = 0 // the socket has it now
	c.dropRequestLocked(n.name)
	c.sockets = append(c.sockets, s)
	if x := c.extra; x != nil {
		x.ousted = slices.DeleteFunc(x.ousted, func(name string) bool { return name == n.name })
		c.trimLocked()
	}
	return s, nil
}

// wait keeps a request and schedules askAgain. It replaces an earlier request for the same
// namespace. The connect timeout still applies if the client has joined no namespace.
func (c *conn) wait(r *request) {
	c.mu.Lock()
	defer c.server.callNext()
	defer c.mu.Unlock()
	if c.closed {
		c.abandonLocked(r)
		return
	}
	x := c.extraLocked()
	if i := slices.IndexFunc(x.waiting, func(w *request) bool { return w.name == r.name }); i >= 0 {
		if x.waiting[i] != r {
			c.abandonLocked(x.waiting[i])
		}
		x.waiting[i] = r
	} else {
		x.waiting = append(x.waiting, r)
	}
	if x.again == nil {
		x.again = time.AfterFunc(askInterval, c.askAgain)
	}
}

// forgetRequest releases a request that is not tried again, and a waiting request for the
// same namespace.
func (c *conn) forgetRequest(r *request) {
	c.mu.Lock()
	defer c.server.callNext()
	defer c.mu.Unlock()
	c.abandonLocked(r)
	c.dropRequestLocked(r.name)
}

// withdraw drops the waiting request of a client that leaves the namespace. It returns
// false if there is none.
func (c *conn) withdraw(nsp string) bool {
	c.mu.Lock()
	defer c.server.callNext()
	defer c.mu.Unlock()
	return c.dropRequestLocked(nsp)
}

// dropRequestLocked drops the request that waits for a namespace, and reports whether
// there was one. Like that of abandonLocked, its caller must call callNext after it has
// unlocked mu.
func (c *conn) dropRequestLocked(nsp string) bool {
	x := c.extra
	if x == nil {
		return false
	}
	before := len(x.waiting)
	x.waiting = slices.DeleteFunc(x.waiting, func(r *request) bool {
		if r.name != nsp {
			return false
		}
		c.abandonLocked(r)
		return true
	})
	return len(x.waiting) < before
}

// abandonLocked releases the memory of a request and removes it from the line.
func (c *conn) abandonLocked(r *request) {
	c.forgetAuthLocked(&r.cost)
	c.server.leaveLine(r)
}

// stopWaitingLocked drops all waiting requests.
func (c *conn) stopWaitingLocked() {
	x := c.extra
	if x == nil {
		return
	}
	for _, r := range x.waiting {
		c.abandonLocked(r)
	}
	x.waiting = nil
	if x.again != nil {
		x.again.Stop()
	}
}

// askNow makes askAgain run at once: there may be room for the first request in the
// server's line, which is one of this connection.
func (c *conn) askNow() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.askNowLocked()
}

func (c *conn) askNowLocked() {
	x := c.extra
	switch {
	case x == nil || x.again == nil || c.closed:
	case x.asking:
		x.askNext = true
	default:
		x.again.Reset(0)
	}
}

// askAgain tries the waiting requests, oldest first. It runs on a timer's goroutine, which
// Shutdown waits for as for a worker.
func (c *conn) askAgain() {
	c.mu.Lock()
	x := c.extraLocked() // trimLocked keeps it while asking is set
	asking := x.asking
	x.asking = true
	c.mu.Unlock()
	if asking { // on another goroutine, which sets the timer again
		return
	}
	c.server.workers.Begin()
	defer c.server.workers.End()
	returned := false
	defer func() {
		if v := recover(); v != nil {
			_ = c.server.panicked(v, c.engine.ID(), "") // which logs it
		}
		if !returned {
			c.engine.Close()
		}
	}()
	c.mu.Lock()
	waiting := slices.Clone(x.waiting)
	c.mu.Unlock()
	for _, r := range waiting {
		c.ask(r)
	}
	returned = true
	c.mu.Lock()
	defer c.mu.Unlock()
	soon := x.askNext
	x.asking, x.askNext = false, false
	if c.closed || len(x.waiting) == 0 {
		x.again = nil
		c.trimLocked()
		return
	}
	if soon {
		x.again.Reset(0)
	} else {
		x.again.Reset(askInterval)
	}
}

// refuse answers CONNECT with CONNECT_ERROR, which is final for clients. During
// Shutdown nothing is answered, since the shutdown may be what has failed: middleware
// without its database, for example.
func (c *conn) refuse(nsp string, err error) {
	if c.server.isClosed() {
		return
	}
	answered := false
	defer func() {
		if !answered { // the client would wait for the answer without end
			c.engine.Close()
		}
	}()
	if f := c.server.opts.Hooks.Refused; f != nil {
		_ = c.server.protect("", "", func() error { f(nsp, err); return nil }) // which logs a panic
	}
	m, encodeErr := c.encodeRefusal(nsp, c.refusal(err))
	if encodeErr != nil {
		c.server.opts.Logger.Warn("socketio: data of a ConnectError cannot be encoded", "nsp", clip.Text(nsp, clip.Quote), "error", clip.Log(encodeErr))
		if m, encodeErr = c.encodeRefusal(nsp, refusedPayload{Message: refusalMessage(err)}); encodeErr != nil {
			return
		}
	}
	answered = true
	_ = c.engine.Send(m, engine.Control) // a client that has left needs no answer
}

// encodeRefusal encodes a CONNECT_ERROR. If a method of the application's data panics, it
// returns an error.
func (c *conn) encodeRefusal(nsp string, payload any) (m *engine.Message, err error) {
	h := parser.Header{Type: parser.ConnectError, Namespace: nsp}
	err = c.server.protect("", "", func() (err error) {
		m, err = c.server.encode(h, "", []any{payload})
		return err
	})
	return m, err
}

// refusal returns the payload of CONNECT_ERROR.
func (c *conn) refusal(err error) any {
	payload := refusedPayload{Message: refusalMessage(err)}
	if ce, ok := errors.AsType[*ConnectError](err); ok {
		payload.Data = ce.Data
	}
	if !c.legacy() || err == errInvalidNamespace {
		return payload
	}
	// A client of version 2 receives the data or, if there is none, the message.
	if payload.Data == nil {
		return payload.Message
	}
	return payload.Data
}

// refusalMessage returns the message of a CONNECT_ERROR for err.
func refusalMessage(err error) string {
	if ce, ok := errors.AsType[*ConnectError](err); ok {
		return ce.Message // in full; Error cuts it
	}
	return err.Error()
}

type refusedPayload struct {
	Message string `json:"message"`
	Data    any    `json:"data,omitempty"`
}
