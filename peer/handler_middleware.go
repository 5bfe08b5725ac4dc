package peer

import "context"

// HandlerMiddleware surrounds what an event causes at the end that received it: see
// socketio.HandlerMiddleware for a server and client.HandlerMiddleware for a client. A
// generic function can be used at both ends:
//
//	func trace[S any](ctx context.Context, e peer.EventInfo[S], next func(context.Context) error) error {
//		ctx, span := start(ctx, e.Namespace, e.Event)
//		defer span.End()
//		return next(ctx)
//	}
//
//	io.UseHandler(trace)
//	c.UseHandler(trace)
type HandlerMiddleware[S any] func(ctx context.Context, e EventInfo[S], next func(ctx context.Context) error) error
