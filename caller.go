package socketio

import (
	"context"

	"github.com/seed96b07ef8/socketio/peer"
)

// A Caller sends an event and waits for the acknowledgement: a [*Socket], a
// [RemoteSocket] or an [Emitter] of a server, or a socket of a client.
type Caller = peer.Caller

// Call sends an event and decodes the first argument of the acknowledgement into an R.
// If the acknowledgement has no arguments, it returns the zero R. If the argument is
// not an R, it returns an [*AnswerError], which has the acknowledgement.
func Call[R any](ctx context.Context, c Caller, event string, args ...any) (R, error) {
	return peer.Call[R](ctx, c, event, args...)
}
