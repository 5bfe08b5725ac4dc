package socketio

import (
	"container/list"
	"errors"
	"slices"
	"time"

	"github.com/seed96b07ef8/socketio/internal/clip"
)

// A request is a client's wish to join a namespace.
type request struct {
	conn *conn
	name string
	auth Args
	cost int // bytes of auth in the connection's budget; guarded by the connection's mu

	// Server.mu guards these.
	parent *ParentNamespace // has accepted the request, which waits for room
	place  *list.Element    // in Server.line; nil when the request is not in it
}

// A request for which there is no room is tried again after this time, which is that
// of a client's first attempt to reconnect. The first in Server.line is tried as soon as
// there is room.
const askInterval = time.Second

// ask has the client join a namespace, refuses it, or lets the request wait. The
// client's own limits come first: a namespace that it must not join is not made for it.
func (c *conn) ask(r *request) {
	if err := c.room(r.name); err != nil {
		c.server.leaveLine(r) // it does not wait for the server's room
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
		// OnDisconnect of the client's earlier socket comes before OnConnect of this one,
		// unless a handler keeps it from being called. The timer does not hold the socket.
		time.AfterFunc(followPatience, func() { c.startFollower(n, number) })
		return
	}
	// Middleware and OnConnect may block, so they run where events do.
	s.start()
}

// A client that leaves a namespace and joins it again waits this long for the handlers of
// the socket that it has left: longer than most take, and shorter than a client would.
var followPatience = time.Second

// answer deals with a request that could not be granted.
func (c *conn) answer(r *request, err error) {
	switch {
	case err == nil, errors.Is(err, errShuttingDown):
		// The connection has ended, or is about to.
		c.forgetRequest(r)
	case errors.Is(err, errNoRoom):
		c.server.opts.Logger.Debug("socketio: request waits for room", "sid", c.engine.ID(), "nsp", clip.Text(r.name, clip.Quote))
		c.wait(r)
	default:
		c.forgetRequest(r)
		c.refuse(r.name, err)
	}
}

// room reports whether the client may join a namespace.
func (c *conn) room(nsp string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.roomLocked(nsp)
}

func (c *conn) roomLocked(nsp string) error {
	limit := c.server.opts.MaxNamespaces
	wanted := len(c.sockets) + 1
	for _, r := range c.waiting {
		if r.name != nsp {
			wanted++
		}
	}
	switch {
	case wanted > limit:
		return errTooManyNamespaces
	case len(c.sockets)+len(c.leaving) >= limit: // until handlers have returned
		return errNoRoom
	}
	return nil
}

// add makes the socket of a request. It returns nil when there is no room for it, and
// without an error when the connection has ended or the same request has come twice.
func (c *conn) add(n *Namespace, r *request) (*Socket, error) {
	c.mu.Lock()
	defer c.server.callNext()
	defer c.mu.Unlock()
	if c.closed || slices.ContainsFunc(c.sockets, func(s *Socket) bool { return s.nsp.name == n.name }) {
		return nil, nil
	}
	if err := c.roomLocked(n.name); err != nil {
		return nil, err
	}
	s := newSocket(n, c, r.auth, r.cost)
	if c.hasLeavingLocked(n) {
		c.followers++
		s.follows, s.inbox.notices = c.followers, 0
	}
	r.cost = 0 // it is the socket's now
	c.dropRequestLocked(n.name)
	c.sockets = append(c.sockets, s)
	c.ousted = slices.DeleteFunc(c.ousted, func(name string) bool { return name == n.name })
	return s, nil
}

// wait keeps a request, in place of an earlier one for the same namespace, and tries
// it again later. If it is the client's first, the connect timeout still ends the
// connection.
func (c *conn) wait(r *request) {
	c.mu.Lock()
	defer c.server.callNext()
	defer c.mu.Unlock()
	if c.closed {
		c.abandonLocked(r)
		return
	}
	if i := slices.IndexFunc(c.waiting, func(w *request) bool { return w.name == r.name }); i >= 0 {
		if c.waiting[i] != r {
			c.abandonLocked(c.waiting[i])
		}
		c.waiting[i] = r
	} else {
		c.waiting = append(c.waiting, r)
	}
	if c.again == nil {
		c.again = time.AfterFunc(askInterval, c.askAgain)
	}
}

// forgetRequest forgets a request that is not tried again, and one that waits for the
// same namespace.
func (c *conn) forgetRequest(r *request) {
	c.mu.Lock()
	defer c.server.callNext()
	defer c.mu.Unlock()
	c.abandonLocked(r)
	c.dropRequestLocked(r.name)
}

// withdraw drops a request that waits, whose client has left the namespace. It returns
// false if there is none.
func (c *conn) withdraw(nsp string) bool {
	c.mu.Lock()
	defer c.server.callNext()
	defer c.mu.Unlock()
	return c.dropRequestLocked(nsp)
}

// dropRequestLocked drops the request that waits for a namespace, and reports whether
// there was one. Its caller calls callNext, without the lock, as that of abandonLocked does.
func (c *conn) dropRequestLocked(nsp string) bool {
	before := len(c.waiting)
	c.waiting = slices.DeleteFunc(c.waiting, func(r *request) bool {
		if r.name != nsp {
			return false
		}
		c.abandonLocked(r)
		return true
	})
	return len(c.waiting) < before
}

// abandonLocked gives up the memory of a request and its place in the line.
func (c *conn) abandonLocked(r *request) {
	c.forgetAuthLocked(r)
	c.server.leaveLine(r)
}

func (c *conn) stopWaitingLocked() {
	for _, r := range c.waiting {
		c.abandonLocked(r)
	}
	c.waiting = nil
	if c.again != nil {
		c.again.Stop()
	}
}

// askNow has the requests that wait tried without delay: the first in the server's line
// is one of them.
func (c *conn) askNow() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.again != nil && !c.closed {
		c.again.Reset(0)
	}
}

// askAgain tries the requests that wait, oldest first. It runs on a timer's goroutine,
// which Shutdown waits for as for a worker.
func (c *conn) askAgain() {
	c.mu.Lock()
	asking := c.asking
	c.asking = true
	c.mu.Unlock()
	if asking { // since askNow; that one sets the timer again
		return
	}
	c.server.workers.begin()
	defer c.server.workers.rest(nil)
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
	waiting := slices.Clone(c.waiting)
	c.mu.Unlock()
	for _, r := range waiting {
		c.ask(r)
	}
	returned = true
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asking = false
	if c.closed || len(c.waiting) == 0 {
		c.again = nil
		return
	}
	c.again.Reset(askInterval)
}
