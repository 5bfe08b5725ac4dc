// Package socketio implements a Socket.IO server. It exchanges events with
// Socket.IO clients in browsers and other programs, with acknowledgements, rooms
// and broadcasts, over WebSocket or HTTP long-polling. It speaks revision 5 of
// the Socket.IO protocol over revision 4 of Engine.IO, which JavaScript clients
// use since version 3. With [engine.ServerOptions.AllowEIO3] it also serves
// version 2 clients, which speak the previous revisions.
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
// A [Server] is an http.Handler. Each client has one connection, an [engine.Conn],
// which may upgrade from polling to WebSocket. Over this connection the client
// joins one or more namespaces, usually the main one, "/". Joining a [Namespace]
// creates a [Socket] in it. A socket joins and leaves rooms of its namespace; a
// room exists while it has members, and each socket is in a room named by its ID. A
// [Broadcast] sends to the sockets that its rooms select, an [Emitter] to one
// socket. Both are values and can be reused.
//
// Handlers are ordinary functions. The server decodes the arguments of an event
// into the handler's parameters, following the rules of encoding/json, and sends
// the handler's results as the acknowledgement; see [Socket.On]. A []byte anywhere
// in a value is sent as binary data.
//
// # Order and delivery
//
// Calls to the handlers of one socket are serialized, in the order in which the
// client sent the events: first the functions of [Namespace.OnConnect], then the
// event handlers, then the functions for the disconnection. Handlers of different
// sockets run concurrently, even if both sockets belong to the same client. A
// handler may block, and may wait for an acknowledgement from its own client. Give
// such a wait a deadline: once the client has filled its inbox, the server reads
// nothing more from it until a handler returns.
//
// An acknowledgement keeps its place among the events of its client: EmitWithAck returns
// after the events that the client sent before its answer have been handled. It does not
// wait for a handler that may itself be waiting for the acknowledgement: a handler that
// has been running since EmitWithAck was called, or for 20 ms. A handler that calls
// EmitWithAck therefore gets its answer, and a handler that blocks for long gives up
// this order.
//
// Events that one goroutine emits to a socket arrive in that order. A packet and
// its binary attachments are never separated. Delivery is at most once: an emitted
// event is lost if the connection fails before the client reads it. Where that is
// not enough, use EmitWithAck or [Options.Recovery]. Recovery delivers the events
// that a client missed during a short disconnection, once and in order, except
// volatile events and events that request an acknowledgement.
//
// # Concurrency
//
// All methods are safe for concurrent use, including from handlers. Emit never
// blocks on a client. EmitWithAck, FetchSockets and Shutdown may block and take a
// context. The package holds no lock while it calls a handler, middleware or
// hook. A panic in a handler ends its socket and nothing else.
//
// # Life cycle
//
// A client opens a connection with a handshake, which [engine.ServerOptions.AllowRequest] may
// refuse. For each namespace that the client asks to join, the server calls the [Middleware], which
// admits or refuses the socket, and then the functions of OnConnect. A recovered socket skips the
// middleware. A socket ends when its client leaves the namespace, when the connection ends, or when
// the program calls [Socket.Disconnect]. The functions of OnDisconnecting and OnDisconnect receive
// the [Reason], and [Socket.Context] is canceled at once with a [DisconnectError] as its cause.
// [Server.Shutdown] ends all sockets and connections.
//
// Clients treat a refusal as final: after a CONNECT_ERROR they do not ask to join that
// namespace again, even over a new connection. The server therefore sends a refusal
// only if trying again would not help. Otherwise it leaves the request unanswered:
// during Shutdown, after which the client reconnects, and while
// [Options.MaxDynamicNamespaces] leaves no room for the namespace.
//
// # Errors
//
// Methods of a disconnected socket return a [*DisconnectError], which matches
// [net.ErrClosed]. If an argument cannot be encoded, the method returns an
// [*ArgError] and sends nothing. Errors in handlers, which have no caller, are
// passed to [Options.OnError] as an [*EventError]. A client that violates the
// protocol is disconnected and the violation is logged at debug level.
//
// # Limits
//
// Everything that a client can make grow is bounded, and each bound is an option. A message has at
// most [engine.ServerOptions.MaxPayload] bytes (1 MB). At most [Options.InboxEvents] events (1024),
// which hold at most [Options.InboxBytes] of memory (4 MiB), wait for their handlers; the server
// stops reading from a client that reaches either bound. At most [engine.ServerOptions.OutboxBytes]
// (8 MiB) wait to be sent to a client; by default, a client that exceeds it is disconnected.
// Namespaces, rooms, arguments, attachments and pending acknowledgements are bounded, too.
//
// # Security
//
// The server refuses requests from pages of other hosts, over every transport,
// unless [engine.ServerOptions.CORS] allows their origin. A program that is not a
// browser can claim any origin (RFC 6454), so authenticate clients in AllowRequest
// or in middleware. The server validates what clients send by the rules of the
// protocol only: event names, room names and arguments are the client's choice. See
// docs/security.md.
package socketio
