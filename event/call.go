package event

import (
	"context"
	"iter"

	"github.com/seed96b07ef8/socketio/internal/handler"
	"github.com/seed96b07ef8/socketio/parser"
	"github.com/seed96b07ef8/socketio/peer"
)

// A Broadcaster sends an event to many clients and collects their acknowledgements: a
// *socketio.Server, Namespace or ParentNamespace, or a socketio.Broadcast.
type Broadcaster interface {
	EmitWithAck(ctx context.Context, event string, args ...any) iter.Seq2[peer.Ack, error]
}

// A Call is an event that is answered by an acknowledgement, with the types of
// its arguments and of the answer. Make one with [NewCall]; it is immutable, and
// its methods may be called concurrently.
type Call[Req, Res any] struct {
	name   string
	shape  *shape // of Req
	result *shape // of Res
}

// NewCall returns the call with the given name. If Req is a struct, its exported fields
// are the arguments, in their order, unlike with [New]; to send one object, let Req be a
// pointer to the struct. Any other Req is the only argument, except [None], which stands
// for no arguments. Res is the first argument of the acknowledgement; with None, the
// acknowledgement has no arguments. NewCall panics if the name is reserved or one of the
// types cannot be sent.
func NewCall[Req, Res any](name string) Call[Req, Res] {
	result := compile(name, single[Res])
	return Call[Req, Res]{name: name, shape: compile(name, request[Req]), result: result}
}

// Name returns the event's name.
func (c Call[Req, Res]) Name() string { return c.name }

// Call sends the event and waits for the answer. If the peer's acknowledgement has no
// arguments, it returns the zero Res. If the answer is not a Res, it returns a
// [*peer.AnswerError], which wraps a [*parser.ArgError]. Otherwise it returns the
// errors of EmitWithAck.
func (c Call[Req, Res]) Call(ctx context.Context, to peer.Caller, req Req) (Res, error) {
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

// CallAll sends the event to many clients and yields their answers as they arrive, one
// for each client. For a client that does not answer, or not with a Res, it yields an
// error and a Reply with the ID of the client's socket. The event is sent at once. ctx
// must have a deadline, or the broadcast a timeout.
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
func (c Call[Req, Res]) answer(args parser.Args) (Res, error) {
	if c.result.kind == nothing {
		var none Res
		return none, nil
	}
	return peer.DecodeAnswer[Res](c.name, args)
}

// Handle registers a handler that answers the call and has no parameter for the socket;
// [Answer] registers one that has. The result of the handler is the acknowledgement. An
// error is passed to the error hook and not sent, so the peer receives no answer; return
// failures that the peer should see as part of Res, or as a [*peer.AckError]. The returned
// function removes the handler.
func (c Call[Req, Res]) Handle(r Registrar, f func(ctx context.Context, req Req) (Res, error)) (off func()) {
	checkHandler(c.name, f == nil)
	shape := c.shape.ready()
	call := func(ctx context.Context, args handler.Taker) (any, error) {
		req, err := decode[Req](shape, args)
		if err != nil {
			return nil, err
		}
		res, err := f(ctx, req)
		return argument(c.result, res), err
	}
	if c.result.kind != nothing {
		return r.On(c.name, call)
	}
	return r.On(c.name, func(ctx context.Context, args handler.Taker) error {
		_, err := call(ctx, args)
		return err
	})
}
