// Package socketio is a Socket.IO server: events with acknowledgements, rooms
// and broadcasts between a Go program and the Socket.IO clients of browsers and
// other programs, over WebSocket and, where that does not get through, HTTP
// long-polling. It speaks revision 5 of the Socket.IO protocol over revision 4 of
// Engine.IO, which is what JavaScript clients from version 3 on speak, and, with
// [engine.ServerOptions.AllowEIO3], the revisions before for those of version 2.
//
//	io := socketio.NewServer(nil)
//
//	io.On("chat message", func(s *socketio.Socket, msg Message) error {
//		return s.To(msg.Room).Emit("chat message", msg)
//	})
//	io.On("sum", func(ctx context.Context, a, b int) (int, error) { return a + b, nil })
//
//	io.OnConnect(func(s *socketio.Socket) {
//		s.Join("lobby")
//	})
//
//	http.Handle("/socket.io/", io)
//	log.Fatal(http.ListenAndServe(":3000", nil))
//
// # Model
//
// A [Server] is an http.Handler. Each client has one connection, an
// [engine.Conn], that may change its transport from polling to WebSocket. Over it
// the client joins namespaces, at least the main one, "/": each time a [Socket]
// comes into being in a [Namespace]. Within the namespace a socket joins and leaves
// rooms, which exist as long as somebody is in them; every socket is in a room
// named by its ID. A [Broadcast] selects sockets by rooms; an [Emitter] is one
// socket. Both are values.
//
// Handlers are ordinary functions. The arguments of an event are decoded into
// their parameters, as encoding/json would, and their results are the
// acknowledgement; see [Socket.On]. A []byte, wherever it is in a value, travels as
// binary data.
//
// # Order and delivery
//
// The handlers of a socket are called one after the other, in the order in which
// the client sent the events: first [Namespace.OnConnect], then the events, then
// the functions for the disconnection. Handlers of different sockets run
// concurrently, also those of one client in two namespaces. A handler may block,
// and may wait for an acknowledgement of the same client; give it a deadline, since
// nothing more is read from a client that has filled its inbox meanwhile.
//
// An acknowledgement keeps its place among the events of its client: EmitWithAck returns
// after the events that the client sent before its answer have been handled. It does not
// wait for a handler that may be waiting for it: one that was running when the question
// was asked and still is, or that has been running for 20 ms. So a handler that asks is
// answered first, and handlers that block give the order up.
//
// What is emitted to a socket by one goroutine arrives in that order. A packet and
// its binary attachments are never separated. Delivery is at most once: a message
// that was emitted may get lost with the connection. Emit with acknowledgement, or
// use [Options.Recovery], where that is not enough; recovery delivers the events
// that a client has missed during a short disconnection, once and in order, but for
// volatile ones and those that ask for an acknowledgement.
//
// # Concurrency
//
// All methods of all types may be called concurrently. Emit never waits for a
// client; EmitWithAck, FetchSockets and Shutdown may wait, and take a context.
// No lock is held while handlers, middleware and hooks run. A handler that panics
// ends its socket and nothing else.
//
// # Life cycle
//
// A connection is opened by the client's handshake, see
// [engine.ServerOptions.AllowRequest]. For each namespace that the client asks
// for, the [Middleware] runs and accepts or refuses it, unless the socket is
// recovered, then the functions of OnConnect. A socket ends when the client leaves the namespace or the connection
// ends, or with [Socket.Disconnect], with the [Reason] that the functions of
// OnDisconnecting and OnDisconnect receive. [Socket.Context] ends at once, with a
// [DisconnectError] as its cause. [Server.Shutdown] ends everything.
//
// A client takes a refusal as final: it does not ask for that namespace again, not even
// over another connection. So it is refused only for what would not change by itself,
// and left without an answer otherwise: during Shutdown, after which it comes back, and
// when [Options.MaxDynamicNamespaces] leaves no room, until there is some.
//
// # Errors
//
// Operations on a socket that is gone return a [*DisconnectError], which matches
// [net.ErrClosed]. Arguments that cannot be encoded yield an [*ArgError] and
// nothing is sent. What goes wrong in a handler, and has no caller, goes to
// [Options.OnError] as an [*EventError]. A client that breaks the protocol is
// disconnected; that is logged at debug level, since it is the client's affair.
//
// # Limits
//
// Everything that a client can make grow is bounded: the size of its messages
// ([engine.ServerOptions.MaxPayload], 1 MB), the events that wait for their
// handlers ([Options.InboxEvents], 1024, and the memory that they hold,
// [Options.InboxBytes], 4 MiB; then nothing more is read from that client), what waits to be sent to it ([engine.ServerOptions.OutboxBytes], 8 MiB;
// then, by default, it is disconnected), its namespaces, rooms, arguments,
// attachments and pending acknowledgements. All are options.
//
// # Security
//
// Pages of other hosts are refused, over any transport, unless
// [engine.ServerOptions.CORS] allows their origin. Programs can claim any origin, or
// none: authenticate clients in AllowRequest or in middleware. What clients send is
// validated by the protocol's rules only; names of events and rooms, and all
// arguments, are theirs to choose. See docs/security.md.
package socketio
