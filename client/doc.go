// Package client implements a Socket.IO client. It connects to servers of
// Socket.IO 3 and later, written in any language, over WebSocket or HTTP
// long-polling. It speaks revision 5 of the Socket.IO protocol over revision 4
// of Engine.IO.
//
//	c := client.New("https://example.com/admin", &client.Options{
//		Auth: func(ctx context.Context) (any, error) { return token(ctx) },
//	})
//	c.On("news", func(item Item) { ... })
//	if err := c.Connect(ctx); err != nil { ... }
//
//	total, err := client.Call[int](ctx, c, "sum", 1, 2)
//
// # Model
//
// A [Socket] is the client's end of one namespace, which is the path of the URL
// given to [New]. A [Manager] owns the connection, an [engine.Client], that sockets
// to the same server share, and replaces it when it is lost. New finds or makes the
// Manager; [NewManager] and [Manager.Socket] make both explicitly. Handlers are
// ordinary functions with the same shapes as on the server; see [Socket.On].
//
// # Connecting
//
// A new socket is inactive. [Socket.Connect] makes it active and waits for the first
// connection. If the attempt fails, Connect returns the error, and the socket becomes
// inactive again unless another caller waits for it. [Socket.Open] makes the socket
// active, returns at once, and retries until the socket is connected. After a lost
// connection, an active socket joins its namespace again. The delay before an attempt
// starts at [Options.ReconnectDelay], doubles up to ReconnectDelayMax, and is
// randomized. A socket becomes inactive, until Connect or Open is called again,
//
//   - when the program calls [Socket.Disconnect] or [Manager.Close],
//   - when the server disconnects it ([ServerDisconnect]) or refuses it
//     ([*ConnectError]),
//   - when it has made [Options.ReconnectAttempts] attempts, or loses its
//     connection with [Options.NoReconnect].
//
// The Manager closes the connection when its last active socket becomes inactive.
// An inactive socket has no goroutines and need not be closed.
//
// # Order and delivery
//
// Calls to the handlers of one socket and to the functions of [Socket.OnConnect],
// [Socket.OnConnectError] and [Socket.OnDisconnect] are serialized, in the order in
// which the events and state changes happened. Handlers of different sockets run
// concurrently. A handler may block, and may wait for an acknowledgement, or for
// [Socket.Flush]. Give such a wait a deadline: once the inbox of a socket is full, the
// client reads nothing more for any socket of that connection. The server then closes the connection
// because its heartbeat is not answered, and the client does so itself after at most
// three times the longest time between two heartbeats.
//
// Events that one goroutine emits arrive in that order. Events emitted while the
// socket is not connected wait in a bounded buffer, except volatile events, and are
// sent first when the socket connects. Delivery is at most once: an event that was
// sent may be lost with the connection, and EmitWithAck then returns a
// [*DisconnectError]. With [Options.Retries] delivery is at least once while the
// process lives: the server must acknowledge each event and may receive an event more
// than once.
//
// In the other direction, a server with connection state recovery sends the events
// that the client missed during a short disconnection, once and in order. Their
// handlers run before the functions of OnConnect, in which [Socket.Recovered]
// returns true. The client keeps its part of the session from the first connection
// on and drops it when either side disconnects the socket on purpose.
//
// # Concurrency
//
// All methods are safe for concurrent use, including from handlers and hooks. Emit
// never blocks on the server. Connect and EmitWithAck do, and take a context. The
// package holds no lock while it calls a handler, hook or auth function. It
// recovers their panics, logs them, and reports them as a [*PanicError].
//
// An idle client has one goroutine, which reads from its connection. Other
// goroutines exist while they have work:
//
//   - dialer.run establishes a connection for a Manager; it is canceled when no
//     socket wants the connection any longer;
//   - inbox.Work runs the handlers of a socket or the hooks of a Manager; it
//     ends when its inbox is empty;
//   - life.authenticate calls the auth function; its context ends with the
//     connection, after ConnectTimeout, or with Disconnect;
//   - Manager.ended handles the end of a connection; it ends by itself.
//
// Locks are taken in this order: the mutex of New's cache, Manager.mu, Socket.mu,
// inbox.mu, and those of the engine. The engine may report the end of a
// connection from within a call that sends, so the Manager handles it on another
// goroutine.
//
// # Errors
//
// A [*ConnectError] is a refusal that the server sent. The client itself returns a
// [*DisconnectError], which matches [net.ErrClosed], an [*AuthError], a
// [*RetryError], or an error of package engine; an [*engine.OpError] says why the
// connection could not be opened. An invalid URL or option is reported as an
// [*OptionError] by the first method that can return it. Errors in handlers, which
// have no caller, are passed to [Socket.OnError] as an [*EventError].
//
// # Limits
//
// Everything that a server, or its absence, can make grow is bounded: the size of
// received messages ([engine.DialOptions.MaxMessage]), events that wait for their
// handlers ([Options.InboxEvents]), events emitted without a connection
// ([Options.BufferMessages]), messages that wait to be written
// ([engine.DialOptions.OutboxBytes]), and pending acknowledgements
// ([Options.MaxPendingAcks]). If a server violates the protocol, the client closes
// the connection with the reason [ParseError] and reconnects.
package client
