package engine

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/seed96b07ef8/socketio/internal/clip"
)

// A Handler receives what happens on a connection.
type Handler interface {
	// OnMessage is called for each message, one at a time and in the order in
	// which they were sent. While it runs, nothing more is read from the peer,
	// so a handler that takes its time holds back a peer that sends too much; it
	// must not wait for anything that the same peer has yet to send.
	//
	// Text is valid only during the call; binary data belongs to the handler.
	OnMessage(c *Conn, data []byte, binary bool)
	// OnClose is called once, when the connection has ended, with its reason and
	// what is known of the cause; err may be nil. It may run while OnMessage does,
	// on another goroutine, and inside the call that ends the connection: Close,
	// or Send when the outbox overflows. It should not block: the goroutine may be
	// one that serves other connections, too.
	OnClose(c *Conn, reason Reason, err error)
}

// A BatchHandler is a Handler that collects work from messages which arrived
// together.
type BatchHandler interface {
	// OnBatch is called after OnMessage was called for the last of the messages
	// that one read, or one polling request, has brought. It may call [Conn.Lend].
	OnBatch(c *Conn)
}

// Work is what a Handler makes of messages when they have been delivered.
type Work interface {
	// Do is called by the goroutine that reads, with nothing held. Unlike OnMessage
	// it may wait for what the peer has yet to send, if [Conn.ReadOn] is called.
	Do()
}

// An UpgradeHandler is a Handler that wants to know of transport changes.
type UpgradeHandler interface {
	// OnUpgrade is called after the connection has moved to transport t, before
	// any message from it.
	OnUpgrade(c *Conn, t Transport)
}

// A DrainHandler is a Handler that wants to know when a backlog is gone.
type DrainHandler interface {
	// OnDrain is called after messages had to wait for the peer, when the last of
	// them has been handed to the transport. It may run while OnMessage does.
	OnDrain(c *Conn)
}

// A DropHandler is a Handler that wants to know of messages which are not sent.
type DropHandler interface {
	// OnDrop is called when n messages are dropped because the peer is not ready
	// for them: volatile ones, and those for which the outbox has no room. It is
	// called inside a Send that is not [Deferred], or by the goroutine for what is
	// [Lazy], so it must not block or send.
	OnDrop(c *Conn, n int)
}

// A Conn is one client's Engine.IO connection, whatever transport it uses at
// the moment: the session that begins with the handshake and survives the
// upgrade from polling to WebSocket.
//
// All methods may be called concurrently and none of them waits for the peer.
// The server closes the connection when the client leaves, breaks the protocol,
// or does not answer the heartbeat; Close does it from this side. Once it is
// closed, Send returns [ErrClosed].
type Conn struct {
	// ended is set with the state closed or draining. It comes first so that Warm
	// reads what Send needs most.
	ended atomic.Bool

	mu     sync.Mutex // guards what follows, up to beat
	state  state
	probed bool // the upgrade's probe was answered
	left   bool // the client has said that it leaves
	// writing is the token of whoever writes to the link: an emitter, for one
	// attempt that does not block, or the writer goroutine.
	writing bool
	// backlog is set while messages wait for the peer: until the writer goroutine,
	// or a poll, has taken the last of them.
	backlog bool
	corked  bool
	lazy    bool // the server's flusher will come
	// overflowed is set when there was no room for a message whose loss is the end
	// of the connection.
	overflowed bool
	unacked    uint32 // bytes that the client had not received when that was looked at last
	link       *link  // nil while the transport is polling
	outbox     outbox
	early      *ending // set while OnConnect runs: how the connection ended meanwhile
	probe      *link   // an upgrade under way
	poll       pollState
	unsent     int // bytes taken from the outbox by the writer goroutine
	held       int // bytes that the handler holds; see Hold
	lost       int // messages that were dropped, which nobody was told yet
	beat       heartbeat

	server    *Server
	id        string
	handshake handshake
	ctx       context.Context // nil: background
	jsonp     *jsonp          // nil: polling is without
	revision3 bool
	base64    bool // over polling, where revision 4 has nothing else
	lendable  bool // OnBatch may lend the goroutine; guarded by receiving, like work
	gone      bool // the client has closed its WebSocket, as a write has shown; guarded by mu

	// busy is set while a handler runs: the peer cannot be blamed for silence.
	busy atomic.Bool
	// opening counts WebSockets whose handshake is being answered.
	opening atomic.Int32
	// turn counts when the goroutine that reads was lent and when reading went on:
	// it is lent while turn is odd.
	turn atomic.Uint32
	// receiving is the token of whoever delivers packets: the goroutine of the
	// WebSocket or of a POST request. It is taken before mu and no handler is
	// called without it, but for OnClose and OnDrain.
	receiving sync.Mutex
	handler   Handler // written with receiving and mu held, read with either
	work      Work    // what the goroutine is lent to next
}

type state uint8

const (
	open     state = iota
	draining       // closed for the handler; what was sent before is still on its way
	closed
)

// ending is how a connection ended.
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

// Context returns what [ServerOptions.Context] made of the request that opened
// the connection. It does not end with the connection.
func (c *Conn) Context() context.Context {
	if c.ctx == nil {
		return context.Background()
	}
	return c.ctx
}

// Transport returns the transport in use.
func (c *Conn) Transport() Transport {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.transport()
}

func (c *Conn) transport() Transport {
	if c.link != nil {
		return WebSocket
	}
	return Polling
}

// Buffered returns the number of bytes that wait for the peer.
func (c *Conn) Buffered() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.outbox.bytes + c.unsent + int(c.poll.unsent)
}

// Writable reports whether a message would leave at once: a poll of the client
// is open, or its WebSocket has no backlog. Volatile messages are dropped
// otherwise.
func (c *Conn) Writable() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state == open && c.writable()
}

// Send queues m for the peer. It never blocks. It returns [ErrClosed] when the
// connection has ended, and [ErrOutboxFull] as the overflow policy says. That
// there was no error does not mean that the message arrives.
func (c *Conn) Send(m *Message, flags Flags) error {
	c.mu.Lock()
	if c.state != open {
		c.mu.Unlock()
		return ErrClosed
	}
	if c.overflowed { // nothing may overtake what is lost: the connection is about to end
		c.mu.Unlock()
		return ErrOutboxFull
	}
	wait := flags&Deferred != 0
	if flags&Lazy != 0 && !wait && c.mayWait(m.Len()) {
		wait = true
		c.server.flusher.add(c)
	}
	if !wait && c.direct() {
		c.writing = true
		return c.write(batch{bytes: c.link.encode(entry{m: m, flags: flags}), message: m})
	}
	err := c.queue(m, flags)
	if wait {
		c.mu.Unlock()
		return err
	}
	if failed := c.settle(); err == nil {
		err = failed
	}
	return err
}

// Warm reads the memory that Send needs, and does nothing else. Whoever is about to
// send to many calls it for some of them first: what no cache holds is then fetched
// for all of these at the same time.
func (c *Conn) Warm() { c.ended.Load() }

// Flush sends the messages that were [Deferred].
func (c *Conn) Flush() {
	c.mu.Lock()
	_ = c.settle()
}

// queue puts a message into the outbox, or drops it. mu is held.
func (c *Conn) queue(m *Message, flags Flags) error {
	writable := c.writable()
	if flags&Volatile != 0 && !writable {
		c.lost++
		return nil
	}
	if fits, policy := c.makeRoom(m.Len(), flags); !fits {
		c.lost++
		c.overflowed = policy == Disconnect
		if c.overflowed || policy == Refuse {
			return ErrOutboxFull
		}
		return nil
	}
	// Without a raw socket nobody knows whether the write that is under way waits.
	c.backlog = c.backlog || !writable || c.writing && c.link.raw == nil
	c.pushLocked(m, flags)
	return nil
}

// settle starts to send what was queued, and brings about what follows from what
// was dropped. mu is held and released.
func (c *Conn) settle() (err error) {
	handler, lost, overflowed := c.handler, c.lost, c.overflowed && c.state == open
	c.lost = 0
	if overflowed {
		c.mu.Unlock()
	} else {
		err = c.flush()
	}
	if lost > 0 || overflowed {
		c.noteLoss(handler, lost, overflowed)
	}
	return err
}

// noteLoss tells the handler of messages that were dropped and, with overflowed, ends
// the connection, whatever the handler does. No lock is held.
func (c *Conn) noteLoss(handler Handler, lost int, overflowed bool) {
	if overflowed {
		defer c.fail(TransportError, ErrOutboxFull)
	}
	if overflowed {
		c.server.logOverflow(c)
	}
	c.server.dropped.Add(uint64(lost))
	if h, ok := handler.(DropHandler); ok && lost > 0 {
		h.OnDrop(c, lost)
	}
}

// sendBeat queues a heartbeat packet, which leaves as soon as the message that is being
// written is through. mu is held and released.
func (c *Conn) sendBeat(p place, m *Message) {
	c.outbox.pushFirst(p, m)
	_ = c.flush()
}

// writable reports whether the peer keeps up: it has a poll open that is not
// yet answered, or its WebSocket has no backlog.
func (c *Conn) writable() bool {
	if c.link == nil {
		return c.poll.waiting != nil
	}
	return !c.backlog
}

// makeRoom makes room for a message of size bytes. It reports whether there is some,
// and which policy applies otherwise. mu is held.
func (c *Conn) makeRoom(size int, flags Flags) (ok bool, policy Overflow) {
	o := c.server.opts
	l := limits{o.OutboxMessages, o.OutboxBytes}
	switch {
	case flags&Essential != 0:
		return true, o.Overflow
	case flags&Control != 0:
		return l.admits(size, c.outbox.controls()), Disconnect
	}
	ok, dropped := c.outbox.makeRoom(size, l, o.Overflow)
	c.lost += dropped
	return ok, o.Overflow
}

// Cork holds messages back until Uncork, so that those which belong to one
// piece of work leave in one write. Whoever corks a connection must uncork it
// soon; calls do not nest.
func (c *Conn) Cork() {
	c.mu.Lock()
	c.corked = true
	c.mu.Unlock()
}

// Uncork sends what was held back since Cork. It does nothing on a connection
// that is not corked.
func (c *Conn) Uncork() {
	c.mu.Lock()
	if !c.corked {
		c.mu.Unlock()
		return
	}
	c.corked = false
	_ = c.flush()
}

// Close ends the connection with [ForcedClose]. What was sent before still goes out,
// over polling as long as the client comes for more within 30 s, or until the heartbeat
// fails. It returns at once; calling it again does nothing.
func (c *Conn) Close() { c.end(ForcedClose, nil, true) }

// Abort ends the connection with [ForcedClose], like Close, but discards what was not
// sent, and does not wait for a polling client to fetch the end. Use it for a
// connection whose client is known to be gone, for example because it has connected
// again. After Close it ends the waiting.
func (c *Conn) Abort() {
	c.abort(ForcedClose, nil)
}

// abort is fail, also for a connection that was closed and is still flushed.
func (c *Conn) abort(reason Reason, err error) {
	c.fail(reason, err)
	c.mu.Lock()
	waits := c.state == draining
	c.mu.Unlock()
	if waits {
		c.cut()
	}
}

// fail ends the connection and discards what it has not sent.
func (c *Conn) fail(reason Reason, err error) { c.end(reason, err, false) }

// Time that the next poll of a closed session may take to fetch what is left, unless
// the heartbeat would have ended the session before.
const lingerTimeout = 30 * time.Second

// lingerLocked returns that time. The connection's mu is held.
func (c *Conn) lingerLocked() time.Duration {
	o := c.server.opts
	if c.server.isClosed() {
		return closeTimeout
	}
	return min(lingerTimeout, o.PingInterval+o.PingTimeout)
}

// Time that the last poll of a client which leaves may take to arrive.
const leaveTimeout = 200 * time.Millisecond

// end takes the connection out of the state open, once, and tells the handler.
func (c *Conn) end(reason Reason, err error, flush bool) {
	c.mu.Lock()
	if c.state != open {
		c.mu.Unlock()
		return
	}
	c.ended.Store(true)
	c.corked = false
	c.forgetHeldLocked()
	c.beat.stop()
	link, handler := c.link, c.handler
	if !flush || !c.probed { // or the client waits for it, and has stopped polling
		c.dismissProbeLocked()
	}
	if c.early != nil {
		*c.early = ending{true, reason, err}
	}
	if c.poll.post != nil {
		c.poll.post.abort()
	}
	if !flush {
		c.outbox.clear()
		if !c.left { // or it may want what it has asked for before
			c.cutAnswersLocked()
		}
	}
	switch {
	case link == nil && c.left && !c.poll.active:
		// The client's poll may be on its way, behind the request that it leaves with.
		c.state = draining
		c.beat.after(c, leaveTimeout)
		c.mu.Unlock()
	case link == nil && flush:
		// The poll that waits, or the next one, takes what is left and ends with a
		// close packet.
		c.state = draining
		c.beat.after(c, min(lingerTimeout, c.beat.remainingLocked(c)))
		c.wakePoll()
		c.mu.Unlock()
	case link != nil && flush && !c.gone && (c.writing || c.outbox.n > 0):
		c.state = draining
		_ = c.flush() // releases mu; written closes the link
	default:
		c.state = closed
		c.outbox.clear()
		c.wakePoll()
		// A frame may be half written, or the handshake not be answered yet: there is
		// no way to say goodbye then.
		mute := c.writing || c.early != nil
		c.mu.Unlock()
		switch {
		case link == nil:
		case mute:
			link.abort()
		default:
			link.close(err)
		}
		c.server.remove(c)
	}

	defer c.onClose(handler, reason, err) // whatever the logger does
	c.server.opts.Logger.Debug("engine: connection closed", "sid", c.id, "reason", string(reason), "error", clip.Log(err))
}

// onClose tells the handler of the end. It may be called on any goroutine, even
// on the timer's, so a panic is not left to reach its top.
func (c *Conn) onClose(h Handler, reason Reason, err error) {
	if h == nil {
		return
	}
	defer func() {
		if v := recover(); v != nil {
			c.logPanic(v)
		}
	}()
	h.OnClose(c, reason, err)
}

// onDrain tells the handler that a backlog is gone. No lock is held.
func (c *Conn) onDrain() {
	c.mu.Lock()
	h, ok := c.handler.(DrainHandler)
	c.mu.Unlock()
	if ok && !c.ended.Load() {
		defer c.guard()
		h.OnDrain(c)
	}
}

// deliver hands a message to the handler. The token receiving is held.
func (c *Conn) deliver(p packet) {
	if c.handler == nil || c.ended.Load() {
		return
	}
	data := p.handOver()
	c.busy.Store(true)
	c.handler.OnMessage(c, data, p.binary)
	c.busy.Store(false)
}

// deliverBatch tells the handler that a batch of messages is complete.
func (c *Conn) deliverBatch() {
	if h, ok := c.handler.(BatchHandler); ok {
		h.OnBatch(c)
	}
}

// deliverAndLend is deliverBatch for a goroutine that may be lent. It returns what that
// is lent to, or nil. The token receiving is held.
func (c *Conn) deliverAndLend(lendable bool) Work {
	defer func() { c.lendable, c.work = false, nil }()
	c.lendable = lendable
	c.deliverBatch()
	return c.work
}

// Lend has the goroutine that reads call work next, which saves the way to another
// goroutine. Only OnBatch may call it, and once. It returns false where the goroutine
// cannot be spared: over polling, where a request waits for its answer; at the end of
// the connection; and where an idle connection keeps a goroutine, whose stack should
// stay small.
//
// Nothing is read from the peer until work is done or [Conn.ReadOn] is called, so
// whoever lends sees to it that the one or the other is soon. [Server.Shutdown] waits
// for work until ReadOn is called.
func (c *Conn) Lend(work Work) bool {
	if !c.lendable {
		return false
	}
	c.lendable, c.work = false, work
	return true
}

// ReadOn lets another goroutine read from the peer, if the one that does is lent. A
// handler may be called at the same time as the [Work] is done, then.
func (c *Conn) ReadOn() {
	turn := c.turn.Load()
	if turn%2 == 0 || !c.turn.CompareAndSwap(turn, turn+1) {
		return
	}
	c.mu.Lock()
	l := c.link
	c.mu.Unlock()
	go l.run(nil)
}

// do does work.
func (c *Conn) do(work Work) {
	defer c.guard()
	work.Do()
}

// guard turns a panic of a handler into the end of its connection: other
// connections are not concerned.
func (c *Conn) guard() {
	v := recover()
	if v == nil {
		return
	}
	c.busy.Store(false)
	c.logPanic(v)
	c.fail(TransportError, fmt.Errorf("engine: panic in a handler: %v", clip.Panic(v)))
}

func (c *Conn) logPanic(v any) {
	c.server.opts.Logger.Error("engine: panic in a handler", "sid", c.id, "panic", clip.Panic(v), "stack", string(debug.Stack()))
}

// receive handles a packet from the transport in use (Engine.IO protocol, "Packet
// types"). The token receiving is held.
func (c *Conn) receive(p packet) {
	switch {
	case p.typ == packetMessage:
		c.deliver(p)
	case p.typ == packetPong && !c.revision3:
		c.beat.onPong(c)
	case p.typ == packetPing && c.revision3:
		c.answerPing(p.data)
	case p.typ == packetPing, p.typ == packetPong:
		c.fail(TransportError, errHeartbeatDirection)
	}
	// The rest means nothing here: 0, 5 and 6 are the server's to send, and a
	// WebSocket is closed by closing it, not by 1.
}
