package engine

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/seed96b07ef8/socketio/internal/seam"
)

// A Handler receives the messages of a connection and its end.
type Handler interface {
	// OnMessage is called for each message, one at a time, in the order in which the
	// peer sent them. The server reads nothing more from the peer meanwhile, so a
	// slow handler slows down a peer that sends too much. OnMessage must not wait for
	// anything that the same peer has yet to send.
	//
	// Text is valid only during the call. Binary data belongs to the handler.
	OnMessage(c *Conn, data []byte, binary bool)
	// OnClose is called once, when the connection has ended, with the reason and, if
	// known, the cause; err may be nil. It may run concurrently with OnMessage, and
	// within the call that ends the connection: Close, or a Send that overflows the
	// outbox. It should not block, because its goroutine may also serve other
	// connections.
	OnClose(c *Conn, reason Reason, err error)
}

// An UpgradeHandler is a Handler that is notified of transport changes.
type UpgradeHandler interface {
	// OnUpgrade is called after the connection has moved to transport t, before any
	// message that arrives over it.
	OnUpgrade(c *Conn, t Transport)
}

// A DrainHandler is a Handler that is notified when a backlog has been sent.
type DrainHandler interface {
	// OnDrain is called when messages had to wait for the peer and the last of them
	// has been handed to the transport. It may run concurrently with OnMessage.
	OnDrain(c *Conn)
}

// A DropHandler is a Handler that is notified of dropped messages.
type DropHandler interface {
	// OnDrop is called when n messages were dropped because the peer was not ready:
	// volatile messages, and messages that did not fit into the outbox. It runs
	// within a Send that is not [Deferred], or on the flusher goroutine for [Lazy]
	// messages, so it must not block or send.
	OnDrop(c *Conn, n int)
}

// A Conn is the server's end of one Engine.IO session. The session begins with the
// handshake and survives an upgrade from polling to WebSocket.
//
// Methods of Conn are safe for concurrent use and never block on the peer. The server
// closes the connection when the client leaves, violates the protocol, or does not
// answer the heartbeat; the application closes it with Close. After that Send returns
// [ErrClosed].
type Conn struct {
	outlet

	probed bool // the server has answered the probe of the upgrade
	left   bool // the client has sent a close packet
	lazy   bool // queued in the server's flusher
	// overflowed is set when a message was lost whose loss ends the connection.
	overflowed bool
	unacked    uint32     // unacknowledged bytes when last examined by onTimer
	early      *ending    // records an end of the connection while OnConnect runs
	probe      *link      // the WebSocket of a pending upgrade
	poll       *pollState // nil before the first polling request and after an upgrade
	held       int        // bytes held by the handler, see Hold
	lost       int        // dropped messages not yet reported
	beat       heartbeat

	server    *Server
	id        string
	handshake handshake
	ctx       context.Context // nil means context.Background()
	jsonp     *jsonp          // nil unless polling uses JSONP
	revision3 bool
	base64    bool // binary is base64 over polling; always set in revision 4
	lendable  bool // OnBatch may call Lend; guarded by receiving, like work
	gone      bool // a write found that the client has closed its WebSocket; guarded by mu

	// busy is set while a handler runs. The server does not read then, so the
	// heartbeat does not count the silence of the peer.
	busy atomic.Bool
	// opening counts WebSocket handshakes that are being answered.
	opening atomic.Int32
	// turn is incremented when the reader goroutine is lent and when reading resumes:
	// the reader is lent while turn is odd.
	turn atomic.Uint32
	// receiving is the token of the goroutine that delivers packets: the reader
	// goroutine of the link or that of a POST request. It is acquired before mu.
	// Every method of the handler except OnClose, OnDrain and OnDrop is called with
	// it held.
	receiving sync.Mutex
	handler   Handler   // written with receiving and mu held, read with either held
	work      seam.Work // the next work of a lent reader
}

// ending records how a connection ended.
type ending struct {
	happened bool
	reason   Reason
	err      error
}

// ID returns the session ID, 20 characters.
func (c *Conn) ID() string { return c.id }

// Protocol returns the revision of the Engine.IO protocol that the client speaks:
// 4, or 3 with [ServerOptions].AllowEIO3.
func (c *Conn) Protocol() int {
	if c.revision3 {
		return 3
	}
	return 4
}

// Context returns the result of [ServerOptions.Context], or context.Background(). It
// is not canceled when the connection ends.
func (c *Conn) Context() context.Context {
	if c.ctx == nil {
		return context.Background()
	}
	return c.ctx
}

// Buffered returns the number of bytes queued for the peer.
func (c *Conn) Buffered() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.outbox.bytes + c.unsent + c.poll.unsentBytes()
}

// Writable reports whether a message would be sent at once: the client has a poll
// pending, or its WebSocket has no backlog. Otherwise volatile messages are dropped.
func (c *Conn) Writable() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state == open && c.carrierLocked().readyLocked()
}
