package event

import (
	"context"
	"iter"

	"github.com/seed96b07ef8/socketio"
	"github.com/seed96b07ef8/socketio/internal/handler"
)

// A Broadcaster asks many clients at once: a [*socketio.Server], a
// [*socketio.Namespace], a [*socketio.ParentNamespace] or a
// [socketio.Broadcast].
type Broadcaster interface {
	EmitWithAck(ctx context.Context, event string, args ...any) iter.Seq2[socketio.Ack, error]
}

// A Call is an event that is answered by an acknowledgement, with the types of
// its arguments and of the answer. Make one with [NewCall]; it is immutable, and
// its methods may be called concurrently.
type Call[Req, Res any] struct {
	name  string
	shape *shape // of Req
	empty bool   // there is no value in the answer
}

// NewCall returns the call with the given name. When Req is a struct, its
// exported fields are the arguments, in their order, unlike with [New]; for one object as
// the argument let Req be a pointer to the struct. Otherwise Req is the only
// argument, and with [None] there is none. Res is the first argument of the
// acknowledgement; with None that has no arguments. NewCall panics when the name
// is reserved or one of the types cannot be sent.
func NewCall[Req, Res any](name string) Call[Req, Res] {
	answer := compile(name, single[Res])
	return Call[Req, Res]{name: name, shape: compile(name, request[Req]), empty: answer.kind == nothing}
}

// Name returns the event's name.
func (c Call[Req, Res]) Name() string { return c.name }

// Call asks and waits for the answer. It returns the zero Res when the peer
// answers with nothing, a [*socketio.ArgError] when the answer is no Res, and
// the errors of [socketio.Socket.EmitWithAck].
func (c Call[Req, Res]) Call(ctx context.Context, to socketio.Caller, req Req) (Res, error) {
	args, err := to.EmitWithAck(ctx, c.name, encode(c.shape.ready(), req)...)
	if err != nil {
		var none Res
		return none, err
	}
	return c.answer(args)
}

// A Reply is one client's answer to a CallAll.
type Reply[Res any] struct {
	// Socket is the ID of the client's socket. It is empty for one on another
	// node, whose ID the cluster does not transmit.
	Socket string
	// Value is what the client answered.
	Value Res
}

// CallAll asks many clients and yields their answers as they arrive, one for
// each client. A client that does not answer, or not with a Res, yields an error
// together with a Reply that has its socket's ID. The event is sent at once, and
// ctx must have a deadline, or the broadcast a timeout; see
// [socketio.Broadcast.EmitWithAck].
func (c Call[Req, Res]) CallAll(ctx context.Context, to Broadcaster, req Req) iter.Seq2[Reply[Res], error] {
	acks := to.EmitWithAck(ctx, c.name, encode(c.shape.ready(), req)...)
	return func(yield func(Reply[Res], error) bool) {
		for ack, err := range acks {
			reply := Reply[Res]{Socket: ack.Socket}
			if err == nil {
				reply.Value, err = c.answer(ack.Args)
			}
			if !yield(reply, err) {
				return
			}
		}
	}
}

// answer decodes an acknowledgement.
func (c Call[Req, Res]) answer(args socketio.Args) (Res, error) {
	var res, none Res
	if c.empty {
		return none, nil
	}
	if err := args.DecodeAt(0, &res); err != nil {
		return none, err
	}
	return res, nil
}

// On registers the handler that answers, which is called with the socket that
// asks. What it returns is the acknowledgement. An error goes to the error hook
// and not to the client, which is left without an answer: failures that the
// client should know of belong into Res, or are a [*socketio.AckError]. The returned
// function removes the handler. With a client as r, On panics: use Handle.
func (c Call[Req, Res]) On(r Registrar, f func(ctx context.Context, s *socketio.Socket, req Req) (Res, error)) (off func()) {
	return r.On(c.name, c.handler(f))
}

// Once is On for a handler that is called for the first such event only.
func (c Call[Req, Res]) Once(r OnceRegistrar, f func(ctx context.Context, s *socketio.Socket, req Req) (Res, error)) (off func()) {
	return r.Once(c.name, c.handler(f))
}

// handler makes one of the shapes that package socketio knows.
func (c Call[Req, Res]) handler(f func(context.Context, *socketio.Socket, Req) (Res, error)) any {
	checkHandler(c.name, f == nil)
	shape := c.shape.ready()
	call := func(ctx context.Context, s *socketio.Socket, args handler.Taker) (any, error) {
		req, err := decode[Req](shape, args)
		if err != nil {
			return nil, err
		}
		return f(ctx, s, req)
	}
	if !c.empty {
		return call
	}
	return func(ctx context.Context, s *socketio.Socket, args handler.Taker) error {
		_, err := call(ctx, s, args)
		return err
	}
}

// Handle is On for a handler that is not told the socket, as there is just one:
// that of a client.
func (c Call[Req, Res]) Handle(r Registrar, f func(ctx context.Context, req Req) (Res, error)) (off func()) {
	checkHandler(c.name, f == nil)
	shape := c.shape.ready()
	call := func(ctx context.Context, args handler.Taker) (any, error) {
		req, err := decode[Req](shape, args)
		if err != nil {
			return nil, err
		}
		return f(ctx, req)
	}
	if !c.empty {
		return r.On(c.name, call)
	}
	return r.On(c.name, func(ctx context.Context, args handler.Taker) error {
		_, err := call(ctx, args)
		return err
	})
}
