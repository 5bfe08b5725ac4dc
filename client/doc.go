// Package client is a Socket.IO client: it talks with servers of Socket.IO 3 and
// later (revision 5 of the protocol over revision 4 of Engine.IO), written in
// whatever language, over WebSocket and HTTP long-polling.
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
// A [Socket] is a client's end of one namespace; the path of the URL that it is made
// with says of which. A [Manager] keeps the connection that the sockets of one
// server share, an [engine.Client], and gets another one when it is lost. [New]
// finds the Manager by itself; [NewManager] and [Manager.Socket] make the two
// explicitly. Handlers are ordinary functions, of the shapes that servers have too;
// see [Socket.On].
//
// # Connecting
//
// A socket is inactive at first. [Socket.Connect] makes it active and waits for the
// first connection; it fails at once when there is none to be had, and the socket is
// inactive again when nobody else waits for it. [Socket.Open] makes it active and goes
// on until there is one. From then on the socket joins its namespace again each time
// the connection was lost: after a delay that begins with [Options.ReconnectDelay],
// doubles up to ReconnectDelayMax, and is spread by chance.
// It becomes inactive, until Connect or Open is called again,
//
//   - by [Socket.Disconnect] and [Manager.Close],
//   - when the server disconnects it ([ServerDisconnect]) or refuses it
//     ([*ConnectError]),
//   - when [Options.ReconnectAttempts] are used up, and with
//     [Options.NoReconnect].
//
// The connection is closed when the last active socket has gone. An inactive socket
// has no goroutines and need not be closed.
//
// # Order and delivery
//
// The handlers of a socket, and the functions of [Socket.OnConnect],
// [Socket.OnConnectError] and [Socket.OnDisconnect], are called one after the other,
// in the order of the events and changes that they tell of; those of different
// sockets run concurrently. A handler may block and may wait for an
// acknowledgement. Give the wait a deadline: nothing more is read from a server that
// has filled the inbox of a socket meanwhile, for any of the sockets, and the server
// ends a connection that does not answer its heartbeat. So does the client, at the
// latest after three times the longest time between two heartbeats.
//
// What one goroutine emits arrives in that order. What is emitted without a
// connection waits in a bounded buffer, but for volatile messages, and is sent first
// when the socket is connected, as fast as the connection takes it. Delivery is at
// most once: what was sent may get lost with the connection, and EmitWithAck then
// returns a [*DisconnectError]. With [Options.Retries] it is at least once, as long as
// the process lives: the server has to acknowledge each event, and must expect to see
// one again.
//
// In the other direction, a server with connection state recovery sends the events
// that a client has missed during a short disconnection, once and in order. They
// come before the functions of OnConnect are called; [Socket.Recovered] tells. The
// client keeps its part of the session from the first connection on, and drops it
// with a disconnection that was meant.
//
// # Concurrency
//
// All methods of all types may be called concurrently, also in handlers and hooks.
// Emit never waits for the server; Connect and EmitWithAck do, and take a context.
// No lock is held while handlers, hooks and auth functions run. Their panics are
// recovered, logged, and reported as a [*PanicError].
//
// An idle client has one goroutine, that which reads from its connection. Others
// exist while they have something to do:
//
//   - that of a Manager which establishes a connection (dialer.run); canceled when
//     nobody wants one any more;
//   - that which runs the handlers of a socket, or the hooks of a Manager
//     (inbox.work); ends when there is nothing more to do;
//   - that which asks for credentials (life.authenticate); its context ends with the
//     connection, ConnectTimeout, or Disconnect;
//   - that which tells of the end of a connection (Manager.ended); ends by itself.
//
// Locks are taken in this order: that of the cache of New, Manager.mu, Socket.mu,
// inbox.mu and those of the engine. The engine tells of the end of a connection
// within a call that sends, so that is dealt with on another goroutine.
//
// # Errors
//
// What the server said is a [*ConnectError]. What was concluded here is a
// [*DisconnectError], which matches [net.ErrClosed], an [*AuthError], a
// [*RetryError], or an error of package engine: an [*engine.OpError] says what kept
// the connection from being opened. What is wrong with a URL or an option is an
// [*OptionError] of whatever is called first. Errors of handlers, which have no
// caller, go to [Socket.OnError] as an [*EventError].
//
// # Limits
//
// Everything that a server, or the lack of one, can make grow is bounded: messages
// that are received ([engine.DialOptions.MaxMessage]), events that wait for their
// handlers ([Options.InboxEvents]), messages that wait for the connection
// ([Options.BufferMessages]) or to be taken by it
// ([engine.DialOptions.OutboxBytes]), and acknowledgements that are awaited
// ([Options.MaxPendingAcks]). A server that breaks the protocol is left, with
// [ParseError], and tried again.
package client
