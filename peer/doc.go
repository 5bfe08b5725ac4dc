// Package peer defines what servers and clients have in common: the errors that both
// return, the reasons for disconnections, and the interface for calls with an
// acknowledgement. Packages socketio and client export the same types under the same
// names, so a program needs package peer only for code that works with either end:
//
//	func total(ctx context.Context, c peer.Caller) (int, error) {
//		n, err := peer.Call[int](ctx, c, "total")
//		if ended, ok := errors.AsType[*peer.DisconnectError](err); ok {
//			return 0, fmt.Errorf("the peer has left: %s", ended.Reason)
//		}
//		return n, err
//	}
//
// Errors of the layers below come from packages parser and engine at both ends,
// such as [parser.ArgError] and [engine.ErrOutboxFull].
package peer
