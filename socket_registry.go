package socketio

import (
	"context"

	"github.com/seed96b07ef8/socketio/event"
)

// socketExtra holds what is registered on a single socket.
type socketExtra struct {
	listeners     listeners
	disconnecting hooks[func(Reason)]
	disconnected  hooks[func(Reason)]
	incoming      hooks[func(event string, args Args)]
	outgoing      hooks[func(event string, args []any)]
	packets       hooks[func(ctx context.Context, event string, args Args) error]
	failed        hooks[func(error)]
	drained       hooks[func()]
}

func (s *Socket) extras() *socketExtra {
	if s.extra.Load() == nil {
		s.extra.CompareAndSwap(nil, new(socketExtra))
	}
	return s.extra.Load()
}

// registered returns what was registered on this socket, or nil.
func (s *Socket) registered() *socketExtra { return s.extra.Load() }

// On registers a handler for an event of this socket, in addition to the namespace's
// handlers. The handler is a function of the form
//
//	func([ctx context.Context,] [s *Socket,] args... [, ack func(...)]) [results...] [error]
//
// The event's arguments are decoded into the types of args, as encoding/json would,
// with []byte or [Borrowed] for binary data. Missing arguments are zero values, excess
// arguments are ignored, and a variadic parameter receives the rest. A parameter of
// type [Args] receives all remaining arguments, undecoded.
//
// If the client asked for an acknowledgement, the results, except the error, are its
// arguments; a handler whose only result is an error sends one without arguments if the
// error is nil. A handler with an ack parameter calls it instead, at most once and at
// any time. An error is passed to the error hook and not sent, unless it is an
// [*AckError].
//
// On panics if the function has another form, or a type that cannot be encoded or
// decoded, such as a channel, a struct with one in a field without the tag `json:"-"`, or
// a parameter *sql.DB, which has no exported fields. [Args] that are returned, or passed
// to ack, are sent as their values. ctx is canceled when the socket is disconnected. The
// returned function removes the handler.
func (s *Socket) On(event string, handler any) (off func()) {
	return s.extras().listeners.Add(event, newListener(event, handler, s.nsp.order()))
}

// Once registers a handler, like On, that is called for the first such event
// only.
func (s *Socket) Once(event string, handler any) (off func()) {
	return s.extras().listeners.AddOnce(event, newListener(event, handler, s.nsp.order()))
}

// Register registers a handler that package event has made; see [event.On] and
// [event.Answer]. The returned function removes it.
func (s *Socket) Register(h event.Handler[*Socket]) (off func()) { return h.Add(s) }

// Use adds packet middleware for the events of this socket, after that of the
// namespace. If it returns an error, the handlers of the event are not called. An
// [*AckError] is sent as the acknowledgement; other errors are passed to the error hooks
// and not sent to the client. The returned function removes it.
func (s *Socket) Use(f func(ctx context.Context, event string, args Args) error) (off func()) {
	return s.extras().packets.Add(f, false)
}

// OnAny registers a function that is called for every event of the client,
// whether it has handlers or not, before them and before packet middleware. The
// returned function removes it.
func (s *Socket) OnAny(f func(event string, args Args)) (off func()) {
	return s.extras().incoming.Add(f, false)
}

// PrependAny is OnAny for a function that is called before those registered
// already.
func (s *Socket) PrependAny(f func(event string, args Args)) (off func()) {
	return s.extras().incoming.Add(f, true)
}

// OnAnyOutgoing registers a function that is called for every event that is sent to the
// client, by Emit or by a broadcast that reaches it, but not for an event that cannot be
// encoded. It must not modify args. It runs on the goroutine that emits, for a broadcast
// after the event was sent, and should be quick. The returned function removes it.
func (s *Socket) OnAnyOutgoing(f func(event string, args []any)) (off func()) {
	s.nsp.server.watchOutgoing.Store(true)
	return s.extras().outgoing.Add(f, false)
}

// PrependAnyOutgoing is OnAnyOutgoing for a function that is called before those
// registered already.
func (s *Socket) PrependAnyOutgoing(f func(event string, args []any)) (off func()) {
	s.nsp.server.watchOutgoing.Store(true)
	return s.extras().outgoing.Add(f, true)
}

// OnError registers a function that is called for errors that concern this socket and
// have no caller, see [Namespace.OnError]. The returned function removes it.
func (s *Socket) OnError(f func(err error)) (off func()) { return s.extras().failed.Add(f, false) }

// OnDisconnecting registers a function that is called when the socket has been
// disconnected, while it still is in its rooms. The returned function removes it.
func (s *Socket) OnDisconnecting(f func(reason Reason)) (off func()) {
	return s.extras().disconnecting.Add(f, false)
}

// OnDisconnect registers a function that is called when the socket has been
// disconnected and has left its rooms, after the last of its events. If more is known
// than the reason, it is the cause of [Socket.Context]. The returned function removes
// it.
func (s *Socket) OnDisconnect(f func(reason Reason)) (off func()) {
	return s.extras().disconnected.Add(f, false)
}

// OnDrain registers a function that is called when messages had to wait for the client
// and the last of them has been passed to the connection. The returned function removes
// it.
func (s *Socket) OnDrain(f func()) (off func()) { return s.extras().drained.Add(f, false) }
