// Package engine implements Engine.IO, the transport layer of Socket.IO, for
// servers and clients. It provides one ordered, bidirectional stream of text and
// binary messages between a client and a server, over HTTP long-polling or
// WebSocket, and detects when the peer is unreachable.
//
// Events, namespaces, rooms and acknowledgements belong to package socketio. Use
// package engine directly for peers that speak bare Engine.IO.
//
//	server, err := engine.NewServer(&engine.ServerOptions{
//		OnConnect: func(c *engine.Conn) engine.Handler { return echo{} },
//	})
//	if err != nil {
//		log.Fatal(err)
//	}
//	http.Handle("/engine.io/", server)
//	log.Fatal(http.ListenAndServe(":3000", nil))
//
//	type echo struct{}
//
//	func (echo) OnMessage(c *engine.Conn, data []byte, binary bool) {
//		c.Send(engine.NewTextMessage(data), 0)
//	}
//	func (echo) OnClose(c *engine.Conn, reason engine.Reason, err error) {}
//
// # Model
//
// A [Server] is an [net/http.Handler] and has no listener of its own. A
// handshake creates a [Conn], which lives until one side closes it, the
// heartbeat fails, or the client violates the protocol. The server finds a Conn
// by its ID, so all requests of a polling client must reach the same process
// (sticky sessions). A client that starts with polling may upgrade to WebSocket:
// the Conn stays the same and only its [Transport] changes. A [Message] is
// immutable, encoded once for each form that a transport needs, and shared by
// all its recipients. The [Handler] that [ServerOptions].OnConnect returns
// receives the messages of a Conn.
//
// # Order and delivery
//
// Messages arrive in the order in which they were sent, in both directions, also
// across an upgrade. The parts of one Message are not interleaved with others.
// The order of messages that are sent concurrently is unspecified. Delivery is
// at most once: messages are lost with their connection, and [Conn.Send] does
// not report that. Engine.IO has no acknowledgements.
//
// # Concurrency
//
// Methods of Server and Conn are safe for concurrent use, including from
// handlers, and methods of Conn never block on the peer. Calls to OnMessage
// and OnUpgrade are serialized per connection. OnClose and OnDrain may run
// concurrently with them and may be called from within Send or Close, so do
// not hold a lock that they acquire while calling those methods. The package
// holds no lock while a handler runs. While OnMessage runs, the server reads
// nothing more from its client: TCP slows down a client that sends too much, and
// the heartbeat does not count its silence.
//
// A WebSocket connection has one goroutine, which waits for the socket to become
// readable and holds no buffer meanwhile. On Linux, a quiet connection without TLS
// has none: one epoll instance per server watches all of them. A second goroutine
// exists only while messages wait to be written. A polling session has no
// goroutine other than those of its requests.
//
// # Life of a connection
//
//  1. OnConnect is called on the goroutine of the handshake. Messages that it
//     sends are part of the response to the handshake.
//  2. OnMessage is called for each message. OnUpgrade is called at most once, between the last
//     message over polling and the first over WebSocket.
//  3. OnClose is called once, with a [Reason] and the cause. Nothing is
//     delivered after it, and Send returns [ErrClosed].
//
// [Conn.Close] flushes the messages that were sent before it. [Server.Shutdown]
// closes all connections that way and waits for them. Call it before
// [net/http.Server.Shutdown], which does not know about hijacked connections.
//
// A panic in OnMessage, OnUpgrade or OnDrain is logged with its stack
// and ends the connection. A panic in OnClose is only logged.
//
// # Limits
//
// Everything that a client can make the server hold is bounded; see
// [ServerOptions] for each limit and the Default constants for its value:
//
//   - MaxPayload, 1 MB: a message or polling request, also after decompression.
//     Memory is allocated as bytes arrive, not as a length announces them.
//   - MaxHeaderBytes, 16 KiB: what is kept of the request that opens a connection.
//   - OutboxBytes and OutboxMessages: messages that wait for a client to read
//     them. Overflow says what happens beyond them; by default the connection is
//     closed. The same limits apply separately to [Control] messages, and
//     exceeding them always closes the connection.
//   - TotalBytes, half of GOMEMLIMIT or 1 GiB: what all connections hold together.
//     Beyond it, the connections that hold most are closed.
//   - Time: PingInterval and PingTimeout for an answer to the heartbeat,
//     UpgradeTimeout for an upgrade, RequestTimeout for the body of a request,
//     WriteTimeout for a write. A closed polling session has 30 s, or what the
//     heartbeat leaves of them, to fetch its last messages. A client has 2 s to
//     answer a close frame.
//   - One poll, one data request and one upgrade at a time for each session.
//   - MaxHandshakes: handshakes at the same time. The number of connections is not
//     limited by this package.
//
// Set ReadHeaderTimeout and IdleTimeout of the [net/http.Server]: they apply
// before this package sees a request. Its ReadTimeout and WriteTimeout do not
// affect polls and WebSockets, for which this package sets its own deadlines.
//
// # Security
//
// Session IDs are unguessable. Possession of an ID gives access to its session, so do
// not log or publish IDs. Browsers let any page open a WebSocket with the user's
// cookies (RFC 6455, section 10.2). The server therefore refuses requests whose Origin
// has another host than the request, unless [CORS] or AllowAnyOrigin allows it.
// Requests without an Origin pass. AllowRequest is called once per connection, not for
// each of its requests.
//
// JSONP, which AllowEIO3 allows, circumvents the same-origin policy of browsers:
// any page can use polling through it, and its requests carry no Origin, at best a
// Referer. If cookies authenticate your users, refuse handshakes that have j in
// their query.
//
// # Client
//
// [Dial] connects to a server and returns a [Client]. A Client starts with polling
// and upgrades to WebSocket, unless [DialOptions].Transports says otherwise. Its
// [ClientHandler] receives the messages. Order, delivery and limits are those of a
// Conn. A Client does not reconnect; package client does. Invalid input from the
// server closes it with [ParseError], missing pings with [PingTimeout]. An
// [OpError] has the HTTP status and the text of the server's response, and wraps
// [ErrNoHandshake] or [ErrRevision3] if the peer is not an Engine.IO server of
// revision 4. On a WebSocket, a Client has one goroutine and holds about 2 KiB
// besides its stack. Over polling it has one goroutine that polls, one while it has
// something to send, and those of net/http. [Client.Done] is closed when all of
// them have ended.
//
// # Compatibility
//
// The wire format is that of the JavaScript engine.io 6 server, with these
// differences. A WebSocket handshake that cannot succeed is answered with an HTTP
// status before the connection is upgraded. Packets in a data request that cannot
// be decoded are answered with 400, and methods other than GET and POST with 405.
// A pending poll is answered at once when the client probes an upgrade.
// DisableUpgrades refuses upgrades instead of only not offering them.
//
// Clients speak revision 4 of the protocol or, with AllowEIO3, revision 3, which
// Socket.IO 2 uses. [Conn.Protocol] returns the revision, and this documentation
// applies to both. In revision 3 the client sends the pings. The server closes the
// connection if none arrives for PingInterval plus PingTimeout, and the client
// closes it if OnMessage keeps the server from answering a ping for PingTimeout.
// Binary messages are sent over polling unencoded unless the client asks for base64.
// AllowEIO3 also allows JSONP over polling, in both revisions. WebTransport is not
// supported.
package engine
