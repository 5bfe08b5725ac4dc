package peer

import (
	"context"

	"github.com/seed96b07ef8/socketio/parser"
)

// A Caller sends an event and waits for the acknowledgement: a socket of a server or of
// a client, or an emitter of one.
type Caller interface {
	// EmitWithAck sends an event and waits for the acknowledgement.
	EmitWithAck(ctx context.Context, event string, args ...any) (parser.Args, error)
}

// Call sends an event and decodes the first argument of the acknowledgement into an R.
// If the acknowledgement has no arguments, it returns the zero R. If the argument is
// not an R, it returns an [*AnswerError], which has the acknowledgement. Otherwise it
// returns the errors of EmitWithAck.
func Call[R any](ctx context.Context, c Caller, event string, args ...any) (R, error) {
	ack, err := c.EmitWithAck(ctx, event, args...)
	if err != nil {
		var none R
		return none, err
	}
	return DecodeAnswer[R](event, ack)
}

// DecodeAnswer decodes the first argument of the acknowledgement of an event into an R,
// as [Call] does, and with the same errors.
func DecodeAnswer[R any](event string, ack parser.Args) (R, error) {
	var r R
	if err := ack.DecodeAt(0, &r); err != nil {
		var none R // and not what was decoded before the error
		return none, &AnswerError{Event: event, Args: ack, Err: err}
	}
	return r, nil
}

// An Ack is one client's acknowledgement of a broadcast, or a node's answer.
type Ack struct {
	// Socket is the ID of the client's socket. It is empty for a socket on another node
	// of a cluster, which does not transmit the ID.
	Socket string
	// Node is the ID of the node of a cluster that the answer came from, if it was another
	// one and that is known. The answer may be that of the node itself, to ServerSideEmit.
	Node string
	// Args are what the client answered.
	Args parser.Args
}

// Decode decodes the answer, argument by argument, into what ptrs point to.
func (a Ack) Decode(ptrs ...any) error { return a.Args.Decode(ptrs...) }
