package event

import (
	"context"

	"github.com/seed96b07ef8/socketio/internal/handler"
)

// None is the type of events without arguments and of calls without an answer.
type None = struct{}

// A Registrar registers handlers without a socket parameter: a server, a namespace, a
// socket of a server, or a client.
type Registrar interface {
	On(event string, handler any) (off func())
}

// An Emitter sends events: a *socketio.Server, Namespace or Socket, a socketio.Broadcast,
// Emitter or RemoteSocket, or a *client.Socket.
type Emitter interface {
	Emit(event string, args ...any) error
}

// An Event is an event with the type of its arguments. Create one with [New] or
// [NewArgs]. It is immutable and safe for concurrent use.
type Event[T any] struct {
	name  string
	shape *shape
}

// New returns the event with the given name whose only argument is a T; with [None] it
// has no argument. It panics if the name is reserved or a T cannot be sent.
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

// Handle registers a handler of the event that has no parameter for the socket; [On]
// registers one that has. If the peer requests an acknowledgement and the handler returns
// nil, one without arguments is sent; an error is passed to the error hook and not sent.
// The returned function removes the handler.
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
