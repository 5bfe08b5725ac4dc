// Package engine is the transport layer of Socket.IO: an Engine.IO server. It
// gives a client and a server one ordered, bidirectional stream of text and binary
// messages, over HTTP long-polling where nothing else gets through and over
// WebSocket as soon as that works, and notices when the other side is gone.
//
// It knows nothing of events, namespaces, rooms or acknowledgements; those are
// the socketio package's. Use it directly for clients that speak bare Engine.IO.
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
// A [Server] is an [net/http.Handler] and starts no listener. A handshake makes
// a [Conn], which lives until one side closes it, the heartbeat fails, or the
// client breaks the protocol; it is found by its ID, so the requests of a
// polling client must reach the process that has it (sticky sessions). A client
// that began with polling may upgrade to WebSocket; the Conn stays the same and
// only its [Transport] changes. A [Message] is what is sent: immutable, encoded
// once for each form that a transport needs, and shared by all its recipients. A
// [Handler], which [ServerOptions].OnConnect returns, receives.
//
// # Order and delivery
//
// Messages arrive in the order in which they were sent, in both directions, also
// across an upgrade. The parts of one Message are not interleaved with others.
// Messages that are sent concurrently arrive in some order. Delivery is at most
// once: a message is lost with its connection, and [Conn.Send] does not report
// that. There is no acknowledgement at this level.
//
// # Concurrency
//
// All methods of Server and Conn may be called from any goroutine, handlers
// included, and those of Conn never wait for the peer. For each connection
// OnMessage, OnBatch and OnUpgrade are called one at a time; OnClose and OnDrain
// may run at the same time as they do, and inside Send or Close, so no lock that
// they need may be held during those calls. No lock of this package is held
// while a handler runs. While OnMessage runs nothing more is read from its
// client: TCP pushes back on one that sends too much, and the heartbeat does not
// count its silence. OnBatch may lend the goroutine that reads to [Work], during
// which OnMessage is not called either, unless [Conn.ReadOn] was.
//
// A WebSocket costs one goroutine, which waits for the socket to become readable
// and holds no buffer meanwhile. On Linux, one without TLS on which little happens
// costs none: the server watches it together with the others. A further one exists
// only while there is a backlog. A polling session costs none, beyond that of a
// request being served.
//
// # Life of a connection
//
//  1. OnConnect, on the goroutine of the handshake. What it sends leaves in the
//     same answer.
//  2. OnMessage for each message, with OnBatch after those that came together;
//     OnUpgrade once, between the last message over polling and the first over
//     WebSocket.
//  3. OnClose, once, with a [Reason] and the cause. Nothing is delivered after
//     it, and Send returns [ErrClosed].
//
// [Conn.Close] still flushes what was sent before. [Server.Shutdown] does that
// for all connections and waits. net/http does not know of connections that were
// upgraded, so call it before [net/http.Server.Shutdown].
//
// A panic in OnMessage, OnBatch, Work, OnUpgrade or OnDrain is logged with its stack
// and ends that connection; one in OnClose is only logged.
//
// # Limits
//
// Everything that a client can make the server hold is bounded; see
// [ServerOptions] for each limit and the Default constants for its value:
//
//   - a message or polling request: MaxPayload, 1 MB, also when decompressed.
//     Memory is allocated as bytes arrive, not as they are announced.
//   - what is kept of the request that opens a connection: MaxHeaderBytes, 16 KiB.
//   - what waits for a client that does not read: OutboxBytes and
//     OutboxMessages; Overflow says what then happens to its messages, by
//     default the connection is closed. The same numbers bound, apart from them,
//     [Control] messages, beyond which the connection is closed in any case.
//   - all of that together: TotalBytes, half of GOMEMLIMIT or 1 GiB; the connections
//     that hold most are closed.
//   - time: PingInterval and PingTimeout for an answer to the heartbeat,
//     UpgradeTimeout for an upgrade, RequestTimeout for the body of a request,
//     WriteTimeout for a write, for a closed polling session to fetch what is left
//     30 s or what the heartbeat leaves it, 2 s for the answer to a close frame.
//   - one poll, one data request and one upgrade at a time for each session.
//   - MaxHandshakes at once. The number of connections is not limited here.
//
// Set ReadHeaderTimeout and IdleTimeout of the [net/http.Server], which come
// before this package sees a request. Its ReadTimeout and WriteTimeout must not
// be shorter than a poll lasts: PingInterval and some.
//
// # Security
//
// Session IDs are unguessable, and whoever has one has the session: do not log
// or publish them. Browsers let any page open a WebSocket, with the user's cookies, so
// the server refuses requests whose Origin has another host than the request, unless
// [CORS] or AllowAnyOrigin allows it; those without an Origin pass. AllowRequest is
// called once for each connection, not for each request of it.
//
// JSONP, which AllowEIO3 allows, exists to get around the browser's rules: with it
// any page can use polling, and the requests carry no Origin, but a Referer at
// best. If cookies authenticate, refuse handshakes with j in their query.
//
// # Client
//
// [Dial] makes the other end: a [Client], which begins with polling and moves to
// WebSocket as soon as that works, or uses what [DialOptions].Transports says. A
// [ClientHandler] receives. Order, delivery and limits are as for a Conn. It does
// not reconnect; package client does. Bad input ends it with [ParseError], a server
// without pings with [PingTimeout]. An [OpError] says what failed: status, the
// server's words, and [ErrNoHandshake] or [ErrRevision3] when something else is at
// the other end. On a WebSocket a Client costs one goroutine and some 2 KiB besides
// its stack; over polling one that polls, one while there is something to send, and
// net/http's. [Client.Done] tells when all of that is gone.
//
// # Compatibility
//
// The wire format is that of the JavaScript engine.io 6 server, with these
// differences: a WebSocket handshake that cannot succeed is answered before the
// connection is upgraded; undecodable packets in a data request are answered 400;
// other methods than GET and POST are answered 405; a poll is released at once
// when an upgrade is probed; DisableUpgrades refuses upgrades instead of only
// hiding them.
//
// Clients speak revision 4 of the protocol or, with AllowEIO3, revision 3, which is
// that of Socket.IO 2; [Conn.Protocol] tells which, and all that is said here holds
// for both. In revision 3 the client sends the pings, is gone when PingInterval and
// PingTimeout have passed without one, and gives up itself when OnMessage keeps us
// from reading and answering one for PingTimeout. Binary messages go over polling as
// such unless the client asks for base64. AllowEIO3 also allows JSONP over polling,
// in both revisions. WebTransport is not supported.
package engine
