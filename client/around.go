package client

import (
	"context"
	"slices"

	"github.com/seed96b07ef8/socketio/internal/handler"
	"github.com/seed96b07ef8/socketio/parser"
)

// around returns the middleware around the socket's handlers, outermost first, or nil
// without any.
func (s *Socket) around() []HandlerMiddleware {
	list, own := s.manager.opts.HandlerMiddleware, s.surrounding.Load()
	if len(own) == 0 {
		return list
	}
	list = slices.Clip(list) // that of the options is shared
	for _, m := range own {
		list = append(list, *m)
	}
	return list
}

// A chain is the middleware around the handlers of one event.
type chain struct {
	socket *Socket
	packet *parser.Packet
	call   *handler.Call[*Socket]
	list   []HandlerMiddleware
}

// handleInside calls the handlers of an event inside of middleware.
func (s *Socket) handleInside(list []HandlerMiddleware, p *parser.Packet, l *life) {
	c := &chain{socket: s, packet: p, call: newCall(p, l), list: list}
	c.settle(handler.RunInside(l.ctx, c, len(list)))
}

// settle answers with err, or reports it.
func (c *chain) settle(err error) {
	if err != nil {
		c.socket.try(c.packet.Event, func() error { return c.call.Settle(err) })
	}
}

// Call implements [handler.Surrounded].
func (c *chain) Call(ctx context.Context, i int, next func(context.Context) error) error {
	if i == len(c.list) {
		return c.handle(ctx)
	}
	s, p := c.socket, c.packet
	return c.list[i](ctx, EventInfo{Socket: s, Namespace: s.namespace, Event: p.Event, Args: p.Args, WantsAck: p.HasID}, next)
}

// Panicked implements [handler.Surrounded].
func (c *chain) Panicked(v any) error {
	return c.socket.manager.panicked(v, c.socket.namespace, c.packet.Event)
}

// handle calls what the middleware surrounds. It returns the first error, and settles
// further ones.
func (c *chain) handle(ctx context.Context) (first error) {
	s, p := c.socket, c.packet
	c.call.Ctx = ctx
	run := func(f func() error) {
		err := s.protect(p.Event, f)
		if first == nil {
			first = err
		} else {
			c.settle(err)
		}
	}
	for _, f := range s.incoming.Load() {
		run(func() error { (*f)(p.Event, p.Args); return nil })
	}
	for _, listener := range s.listeners.Of(p.Event) {
		if listener.Due() {
			run(func() error { return listener.Call(c.call) })
		}
	}
	return first
}
