package socketio

import "context"

// Middleware decides whether a client may join a namespace; an error refuses it with a
// CONNECT_ERROR packet (see [ConnectError]). It runs before the CONNECT reply. It may
// block, and it may emit to the socket and join rooms: what it emits arrives before the
// client's connect event, and the rooms take effect then. ctx is canceled when the
// connection ends.
type Middleware func(ctx context.Context, s *Socket) error

// PacketMiddleware is called for each event of a client before its handlers. If it
// returns an error, the handlers are not called. An [*AckError] is sent as the
// acknowledgement, if the client requests one; other errors are passed to the error hooks
// and not sent to the client.
type PacketMiddleware func(ctx context.Context, s *Socket, event string, args Args) error
