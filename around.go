package socketio

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/seed96b07ef8/socketio/parser"
)

// around returns the middleware around the handlers of the namespace, outermost first, or
// nil without any.
func (n *Namespace) around() []HandlerMiddleware {
	list := n.server.opts.HandlerMiddleware
	if n.registry.around.isEmpty() {
		return list
	}
	return slices.AppendSeq(slices.Clip(list), n.registry.around.all()) // the server's list is shared
}

// A chain is the middleware around the handlers of one event.
type chain struct {
	socket   *Socket
	packet   *parser.Packet
	in       *invocation
	list     []HandlerMiddleware
	panicked atomic.Bool // middleware or a handler has
}

// handleInside calls the handlers of an event inside of middleware.
func (s *Socket) handleInside(list []HandlerMiddleware, p *parser.Packet, w *worker) {
	in := w.Scratch.invocation()
	s.prepare(in, p) // in.Last is false: middleware has the arguments, too
	c := &chain{socket: s, packet: p, in: in, list: list}
	defer func() {
		if c.panicked.Load() {
			s.Disconnect() // whatever the middleware and the error hooks do
		}
	}()
	err := c.run(s.Context(), 0)
	if s.settle(in, p.Event, err) && p.HasID && in.Unanswered() {
		s.nsp.server.unanswered.report(s, p.Event, noResult)
	}
}

// settle answers with err, or reports it. It returns true if there is none.
func (s *Socket) settle(in *invocation, event string, err error) bool {
	if err == nil {
		return true
	}
	if err := s.nsp.protect(s.id, event, func() error { return in.Settle(err) }); err != nil {
		if _, panicked := err.(*PanicError); panicked {
			defer s.Disconnect()
		}
		s.report(&EventError{Namespace: s.nsp.name, Event: event, Err: err})
	}
	return false
}

// run calls the middleware number i, whose next is the rest of the chain. A panic becomes
// an error, for the middleware outside of it.
func (c *chain) run(ctx context.Context, i int) (err error) {
	defer c.catch(&err)
	if i == len(c.list) {
		return c.handle(ctx)
	}
	n := &next{chain: c, i: i + 1}
	n.running.Add(1)
	defer n.end()
	p := c.packet
	return c.list[i](ctx, EventInfo{Socket: c.socket, Event: p.Event, Args: p.Args, WantsAck: p.HasID}, n.call)
}

// catch, which is to be deferred, turns a panic into an error.
func (c *chain) catch(err *error) {
	if v := recover(); v != nil {
		c.panicked.Store(true)
		*err = c.socket.nsp.panicked(v, c.socket.id, c.packet.Event)
	}
}

// handle calls what the middleware surrounds.
func (c *chain) handle(ctx context.Context) error {
	s, p := c.socket, c.packet
	c.in.Ctx = ctx
	if s.registered().seesAll() || s.nsp.seesAll() {
		if err := s.pass(c.in, p); err != nil {
			c.note(err)
			return err
		}
	}
	list := s.handlersOf(p.Event)
	if len(list) == 0 && p.HasID {
		s.nsp.server.unanswered.report(s, p.Event, noHandler)
	}
	var first error
	for _, l := range list {
		if !l.Due() {
			continue
		}
		err := s.nsp.protect(s.id, p.Event, func() error { return l.Call(c.in) })
		if first == nil {
			first = err
		} else {
			s.settle(c.in, p.Event, err)
		}
		if c.note(err) {
			break
		}
	}
	return first
}

// note notes whether err is a panic, and returns that.
func (c *chain) note(err error) bool {
	_, panicked := err.(*PanicError)
	if panicked {
		c.panicked.Store(true)
	}
	return panicked
}

// next is the rest of a chain as middleware sees it.
type next struct {
	chain   *chain
	i       int            // the number of the middleware that follows
	called  atomic.Bool    // or too late to be called
	running sync.WaitGroup // done when a call has returned
}

var errNext = errors.New("socketio: next was called a second time, or after its middleware had returned")

// call is the function next of middleware.
func (n *next) call(ctx context.Context) error {
	if ctx == nil {
		panic("socketio: next was called with a nil context")
	}
	if n.called.Swap(true) {
		return errNext
	}
	defer n.running.Done()
	return n.chain.run(ctx, n.i)
}

// end keeps next from being called from now on, and waits until a call has returned. The
// handlers use memory that the socket's next event uses, too.
func (n *next) end() {
	if n.called.Swap(true) {
		n.running.Wait()
	}
}
