package socketio

import (
	"context"
	"slices"
	"sync/atomic"

	"github.com/seed96b07ef8/socketio/internal/handler"
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
	err := handler.RunInside(s.Context(), c, len(list))
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

// Call implements [handler.Surrounded].
func (c *chain) Call(ctx context.Context, i int, next func(context.Context) error) error {
	if i == len(c.list) {
		return c.handle(ctx)
	}
	s, p := c.socket, c.packet
	return c.list[i](ctx, EventInfo{Socket: s, Namespace: s.nsp.name, Event: p.Event, Args: p.Args, WantsAck: p.HasID}, next)
}

// Panicked implements [handler.Surrounded].
func (c *chain) Panicked(v any) error {
	c.panicked.Store(true)
	return c.socket.nsp.panicked(v, c.socket.id, c.packet.Event)
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
