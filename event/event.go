package event

import (
	"context"

	"github.com/seed96b07ef8/socketio"
	"github.com/seed96b07ef8/socketio/internal/handler"
)

// None is the type of events without arguments and of calls without an answer.
type None = struct{}

// A Registrar is where handlers of events are registered: a
// [*socketio.Server], a [*socketio.Namespace], a [*socketio.ParentNamespace], a
// [*socketio.Socket], or a client. On of an [Event] or [Call] takes only those of a
// server, since its handlers are called with the server's socket; it panics with a
// client, for which there is Handle.
type Registrar interface {
	On(event string, handler any) (off func())
}

// An OnceRegistrar is where handlers are registered that are called once. All
// that [Registrar] names are.
type OnceRegistrar interface {
	Once(event string, handler any) (off func())
}

// An Emitter is whom events are sent to: a [*socketio.Server], a
// [*socketio.Namespace], a [socketio.Broadcast], a [*socketio.Socket], a
// [socketio.Emitter], a [socketio.RemoteSocket], or a client.
type Emitter interface {
	Emit(event string, args ...any) error
}

// An Event is an event with the type of its arguments. Make one with [New] or
// [NewArgs]; it is immutable, and its methods may be called concurrently.
type Event[T any] struct {
	name  string
	shape *shape
}

// New returns the event with the given name whose only argument is a T; with
// [None] it has no argument. It panics when the name is reserved or no T can be
// sent.
func New[T any](name string) Event[T] {
	return Event[T]{name: name, shape: compile(name, single[T])}
}

// NewArgs is New for an event whose arguments are the exported fields of T,
// which must be a struct, in their order. See the package documentation.
func NewArgs[T any](name string) Event[T] {
	return Event[T]{name: name, shape: compile(name, positional[T])}
}

// Name returns the event's name.
func (e Event[T]) Name() string { return e.name }

// Emit sends the event.
func (e Event[T]) Emit(to Emitter, v T) error {
	return to.Emit(e.name, encode(e.shape.ready(), v)...)
}

// On registers a handler of the event, which is called with the socket that it
// comes from. A client that wants an acknowledgement gets one, without a value,
// when the handler returns nil; an error goes to the error hook. The returned
// function removes the handler. With a client as r, On panics: use Handle.
func (e Event[T]) On(r Registrar, f func(ctx context.Context, s *socketio.Socket, v T) error) (off func()) {
	return r.On(e.name, e.handler(f))
}

// Once is On for a handler that is called for the first such event only.
func (e Event[T]) Once(r OnceRegistrar, f func(ctx context.Context, s *socketio.Socket, v T) error) (off func()) {
	return r.Once(e.name, e.handler(f))
}

// handler makes one of a shape that package socketio knows.
func (e Event[T]) handler(f func(context.Context, *socketio.Socket, T) error) any {
	checkHandler(e.name, f == nil)
	shape := e.shape.ready()
	return func(ctx context.Context, s *socketio.Socket, args handler.Taker) error {
		v, err := decode[T](shape, args)
		if err != nil {
			return err
		}
		return f(ctx, s, v)
	}
}

// Handle is On for a handler that is not told the socket, as there is just one:
// that of a client.
func (e Event[T]) Handle(r Registrar, f func(ctx context.Context, v T) error) (off func()) {
	checkHandler(e.name, f == nil)
	shape := e.shape.ready()
	return r.On(e.name, func(ctx context.Context, args handler.Taker) error {
		v, err := decode[T](shape, args)
		if err != nil {
			return err
		}
		return f(ctx, v)
	})
}
