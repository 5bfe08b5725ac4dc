package event

import (
	"context"

	"github.com/seed96b07ef8/socketio/internal/handler"
)

// A Handler is a handler of a contract that is called with a socket of type S. [On],
// [Once], [Answer] and [AnswerOnce] create it and pass it to a [SocketRegistrar].
type Handler[S any] struct {
	event string
	once  bool
	call  any // a function that internal/handler calls without reflection
}

// Event returns the event's name.
func (h Handler[S]) Event() string { return h.event }

// Add registers the handler with r's own On or Once. It is for implementations of
// [SocketRegistrar]. r must be of the end whose socket is S.
func (h Handler[S]) Add(r interface {
	On(event string, handler any) (off func())
	Once(event string, handler any) (off func())
}) (off func()) {
	if h.once {
		return r.Once(h.event, h.call)
	}
	return r.On(h.event, h.call)
}

// A SocketRegistrar registers handlers that are called with a socket. S is
// *socketio.Socket for a *socketio.Server, Namespace, ParentNamespace or Socket, and
// *client.Socket for a *client.Socket, so a handler for sockets of the other end does
// not compile.
type SocketRegistrar[S any] interface {
	Register(h Handler[S]) (off func())
}

// On registers a handler of an event. The handler is called with the socket that
// received the event. If the peer requests an acknowledgement and the handler returns
// nil, one without arguments is sent; an error is passed to the error hook and not
// sent. The returned function removes the handler.
func On[S, T any](r SocketRegistrar[S], e Event[T], f func(ctx context.Context, s S, v T) error) (off func()) {
	return r.Register(Handler[S]{event: e.name, call: handlerOf(e, f)})
}

// Once is On for a handler that is called only for the first such event.
func Once[S, T any](r SocketRegistrar[S], e Event[T], f func(ctx context.Context, s S, v T) error) (off func()) {
	return r.Register(Handler[S]{event: e.name, once: true, call: handlerOf(e, f)})
}

// Answer registers the handler that answers a call. The handler is called with the
// socket that received the call, and its result is the acknowledgement. An error is
// passed to the error hook and not sent, so the peer gets no answer; return failures
// that the peer should see as part of Res, or as a [*peer.AckError]. The returned
// function removes the handler.
func Answer[S, Req, Res any](r SocketRegistrar[S], c Call[Req, Res], f func(ctx context.Context, s S, req Req) (Res, error)) (off func()) {
	return r.Register(Handler[S]{event: c.name, call: answererOf(c, f)})
}

// AnswerOnce is Answer for a handler that is called only for the first such event.
func AnswerOnce[S, Req, Res any](r SocketRegistrar[S], c Call[Req, Res], f func(ctx context.Context, s S, req Req) (Res, error)) (off func()) {
	return r.Register(Handler[S]{event: c.name, once: true, call: answererOf(c, f)})
}

// handlerOf returns a function that internal/handler calls without reflection.
func handlerOf[S, T any](e Event[T], f func(context.Context, S, T) error) any {
	checkHandler(e.name, f == nil)
	shape := e.shape.ready()
	return func(ctx context.Context, s S, args handler.Taker) error {
		v, err := decode[T](shape, args)
		if err != nil {
			return err
		}
		return f(ctx, s, v)
	}
}

// answererOf is handlerOf for a call.
func answererOf[S, Req, Res any](c Call[Req, Res], f func(context.Context, S, Req) (Res, error)) any {
	checkHandler(c.name, f == nil)
	shape := c.shape.ready()
	call := func(ctx context.Context, s S, args handler.Taker) (any, error) {
		req, err := decode[Req](shape, args)
		if err != nil {
			return nil, err
		}
		res, err := f(ctx, s, req)
		return argument(c.result, res), err
	}
	if c.result.kind != nothing {
		return call
	}
	return func(ctx context.Context, s S, args handler.Taker) error {
		_, err := call(ctx, s, args)
		return err
	}
}
