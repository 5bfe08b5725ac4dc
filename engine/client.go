package engine

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/seed96b07ef8/socketio/internal/clip"
)

// A ClientHandler receives what happens on a [Client]. It may also be a
// [ClientUpgradeHandler], a [ClientPingHandler] or a [ClientDrainHandler].
type ClientHandler interface {
	// OnMessage is called for each message, one at a time and in the order in
	// which they were sent; the first perhaps before Dial has returned. While it
	// runs, nothing more is read from the server, its pings included, so it must be
	// done within the server's ping timeout. The connection ends with [PingTimeout]
	// when it is not done after three times the longest time between two pings.
	//
	// Text is valid only during the call; binary data belongs to the handler.
	OnMessage(c *Client, data []byte, binary bool)
	// OnClose is called once, when the connection has ended, with its reason and
	// what is known of the cause; err may be nil. It may run while OnMessage does,
	// on another goroutine, and inside Close. It is not called when Dial returns an
	// error.
	OnClose(c *Client, reason Reason, err error)
}

// A ClientUpgradeHandler is a ClientHandler that wants to know of transport changes.
type ClientUpgradeHandler interface {
	// OnUpgrade is called after the connection has moved to transport t, before
	// any message from it.
	OnUpgrade(c *Client, t Transport)
}

// A ClientPingHandler is a ClientHandler that wants to know of the heartbeat.
type ClientPingHandler interface {
	// OnPing is called for each ping of the server, between messages, when its
	// answer is on its way.
	OnPing(c *Client)
}

// A ClientDrainHandler is a ClientHandler that wants to know when a backlog is gone.
type ClientDrainHandler interface {
	// OnDrain is called after messages had to wait for the server, or were refused
	// because the outbox was full, when the last that waited has been handed to the
	// transport. It may run while OnMessage does, and inside Send.
	OnDrain(c *Client)
}

// A Client is the client's end of an Engine.IO connection, whatever transport it
// uses at the moment. [Dial] makes one. It lasts until one side closes it, the
// server breaks the protocol, or neither a ping nor anything else arrives in time; it
// does not reconnect.
//
// All methods may be called concurrently, handlers included. Only Flush and SendWait
// wait for the server. Once the connection has ended, Send returns [ErrClosed].
type Client struct {
	opts    *DialOptions
	handler ClientHandler
	opened  chan struct{} // closed when the handshake is done
	done    chan struct{}

	// What the handshake has brought; written before opened is closed.
	id           string
	pingInterval time.Duration
	pingTimeout  time.Duration
	maxPayload   int // of a POST
	announced    int // maxPayload as the server has announced it; 0 if it has not

	// busy is set while a handler runs: the server cannot be blamed for silence.
	busy atomic.Bool
	// ended is set when the state is not open any more.
	ended atomic.Bool
	// pinged is set when the server has pinged.
	pinged atomic.Bool
	// arrived is set when the server has sent something since the heartbeat's deadline
	// was set.
	arrived atomic.Bool

	mu      sync.Mutex // guards all that follows
	state   state
	isOpen  bool    // the handshake is done
	failure error   // why there will be none
	running int     // goroutines, and calls that done has to wait for
	target  *target // nil when no more requests are made
	web     *web    // nil when the transport is not polling
	link    *link   // nil while the transport is polling
	// upgrade is a WebSocket that the session could move to, and pausing is set when
	// its probe was answered: polling comes to rest then.
	upgrade *link
	pausing bool
	polling bool // there is a goroutine in pollLoop
	posting bool // and one in postLoop
	outbox  outbox
	// writing is the token of whoever writes to the link: an emitter, for one
	// attempt that does not block, or a goroutine.
	writing bool
	unsent  int // bytes taken from the outbox by that goroutine
	// backlog is set while messages wait for the server.
	backlog bool
	room    chan struct{} // closed when there is room again; nil when nothing waits for it
	fence   fences
	corked  bool
	timer   *time.Timer // of the heartbeat, and of a close that takes its time
	due     time.Time
	// expired is set when Send has said that the server's ping is overdue. The connection
	// ends then, whatever arrives meanwhile.
	expired bool
	heard   time.Time // when the server pinged last, or the connection was opened
}

func newClient(t *target, o *DialOptions, h ClientHandler) *Client {
	return &Client{opts: o, handler: h, target: t, opened: make(chan struct{}), done: make(chan struct{})}
}

// ID returns the session ID.
func (c *Client) ID() string { return c.id }

// Transport returns the transport in use.
func (c *Client) Transport() Transport {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.link != nil {
		return WebSocket
	}
	return Polling
}

// Done returns a channel that is closed when the connection has ended, OnClose has
// returned, and all its goroutines have ended; those of net/http follow at once. A
// handler must not wait for it.
func (c *Client) Done() <-chan struct{} { return c.done }

// Buffered returns the number of bytes that wait for the server.
func (c *Client) Buffered() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.outbox.bytes + c.unsent
}

// Writable reports whether a message would leave at once: no data request is under
// way, or the WebSocket has no backlog, and no upgrade is being completed. Volatile
// messages are dropped otherwise.
func (c *Client) Writable() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state == open && c.writable()
}

func (c *Client) writable() bool {
	if c.link == nil {
		return !c.posting && !c.pausing
	}
	return !c.backlog && !c.fence.asked
}

// Cork holds messages back until Uncork, so that those which belong to one
// piece of work leave in one write, or one request. Whoever corks a connection must
// uncork it soon; calls do not nest.
func (c *Client) Cork() {
	c.mu.Lock()
	c.corked = true
	c.mu.Unlock()
}

// Uncork sends what was held back since Cork. It does nothing on a connection
// that is not corked.
func (c *Client) Uncork() {
	c.mu.Lock()
	c.corked = false
	c.flush()
}

// waiting reports whether there is something that may be sent now. mu is held.
func (c *Client) waiting() bool {
	return c.outbox.n > 0 && (!c.corked || c.outbox.bytes >= corkLimit) && c.sendableLocked()
}

// flush starts to send what is in the outbox. mu is held and released.
func (c *Client) flush() {
	switch {
	case c.state == closed || !c.waiting():
	case c.link == nil:
		if !c.posting && !c.pausing {
			c.posting = true
			c.start(c.postLoop)
		}
	case c.writing:
		// Whoever writes takes the rest, too.
	default:
		c.writing = true
		c.write()
		return
	}
	c.mu.Unlock()
}

// start runs f on a goroutine that Done waits for. mu is held.
func (c *Client) start(f func()) {
	c.running++
	go func() {
		defer c.stopped()
		f()
	}()
}

// stopped is called when what was counted as running has ended.
func (c *Client) stopped() {
	c.mu.Lock()
	c.running--
	last := c.running == 0 && c.state == closed // so nothing will be started any more
	web := c.web
	c.mu.Unlock()
	if !last {
		return
	}
	if web != nil {
		web.close() // also the connections that were in use when it was called before
	}
	close(c.done)
}

// Close ends the connection with [ForcedClose]. What was sent before still goes
// out, for at most 30 s. It returns at once; calling it again does nothing.
func (c *Client) Close() { c.end(ForcedClose, nil, true) }

// fail ends the connection and discards what it has not sent.
func (c *Client) fail(reason Reason, err error) { c.end(reason, err, false) }

// end takes the connection out of the state open, once, and tells the handler.
func (c *Client) end(reason Reason, err error, flush bool) {
	c.mu.Lock()
	if c.state != open {
		c.mu.Unlock()
		return
	}
	c.ended.Store(true)
	c.corked = false
	c.running++ // so that Done waits for OnClose
	isOpen, upgrade := c.isOpen, c.upgrade
	if !isOpen {
		c.failure = err
	}
	switch {
	case c.link == nil && isOpen && (flush || polite(err)):
		timeout := lingerTimeout
		if !flush {
			timeout = closeTimeout
			c.outbox.clear()
		}
		c.state = draining
		c.after(timeout)
		c.pausing = false
		c.outbox.push(entry{m: closePacket, flags: protocolPacket | Fence})
		c.flush()
	case !flush:
		c.shut(err)
	case c.writing || c.outbox.n > 0:
		c.state = draining
		c.after(lingerTimeout)
		c.flush() // written closes the link
	default:
		c.shut(nil)
	}
	// An upgrade that is not complete is not waited for: the server can do without.
	if upgrade != nil {
		upgrade.abort()
	}
	if isOpen {
		c.opts.Logger.Debug("engine: connection closed", "sid", c.id, "reason", string(reason), "error", clip.Log(err))
		c.onClose(reason, err)
	}
	c.stopped()
}

// shut puts the connection into the state closed and makes its goroutines end. Of a
// session on a WebSocket it takes leave, if the cause does not say that this is in
// vain. mu is
// held and released.
func (c *Client) shut(cause error) {
	c.running++
	c.state = closed
	c.outbox.clear()
	c.closeFenceLocked()
	if c.timer != nil {
		c.timer.Stop()
	}
	link, web := c.link, c.web
	if l := link; l != nil && c.isOpen && !c.writing && polite(cause) {
		c.writing = true // the last word
		c.start(func() { leave(l, cause) })
		link = nil
	}
	c.mu.Unlock()
	if link != nil {
		// A frame may be half written, so there is no way to say goodbye.
		link.abort()
	}
	if web != nil {
		web.close()
	}
	c.stopped()
}

// onClose tells the handler of the end. It may be called on any goroutine, even
// on the timer's, so a panic is not left to reach its top.
func (c *Client) onClose(reason Reason, err error) {
	if c.handler == nil {
		return
	}
	defer func() {
		if v := recover(); v != nil {
			c.logPanic(v)
		}
	}()
	c.handler.OnClose(c, reason, err)
}

// drained ends a backlog when nothing is left of it. mu is held and released.
func (c *Client) drained() {
	drained := c.backlog && c.outbox.n == 0
	if drained {
		c.backlog = false
	}
	c.mu.Unlock()
	if h, ok := c.handler.(ClientDrainHandler); ok && drained && !c.ended.Load() {
		defer c.guard()
		h.OnDrain(c)
	}
}

var errPanic = errors.New("engine: panic in a handler")

// guard turns a panic of a handler into the end of its connection.
func (c *Client) guard() {
	if v := recover(); v != nil {
		c.busy.Store(false)
		c.logPanic(v)
		c.fail(TransportError, fmt.Errorf("%w: %v", errPanic, clip.Panic(v)))
	}
}

func (c *Client) logPanic(v any) {
	c.opts.Logger.Error("engine: panic in a handler", "sid", c.id, "panic", clip.Panic(v), "stack", string(debug.Stack()))
}

// receive handles a packet from the transport in use (Engine.IO protocol v4, "Packet
// types"). It is called by one goroutine at a time.
func (c *Client) receive(p packet) {
	switch p.typ {
	case packetMessage:
		c.deliver(p)
	case packetPing:
		c.answerPing()
	}
	// The rest means nothing here: 5 is the client's to send, and 3 the answer to a ping
	// that only probes make.
}

// deliver hands a message to the handler.
func (c *Client) deliver(p packet) {
	if c.handler == nil || c.ended.Load() {
		return
	}
	data := p.handOver()
	defer c.guard()
	c.busy.Store(true)
	c.handler.OnMessage(c, data, p.binary)
	c.busy.Store(false)
}

// answerPing answers a ping of the server, ahead of what waits, and expects the next.
func (c *Client) answerPing() {
	c.pinged.Store(true)
	c.mu.Lock()
	if c.state != open {
		c.mu.Unlock()
		return
	}
	c.beat()
	c.outbox.pushFirst(pongPlace, pongPacket)
	c.flush()
	if h, ok := c.handler.(ClientPingHandler); ok {
		defer c.guard()
		h.OnPing(c)
	}
}

// noteArrival notes that bytes have come from the server.
func (c *Client) noteArrival() {
	if !c.arrived.Load() { // so that others can keep what they have cached
		c.arrived.Store(true)
	}
}

// beat begins to wait for a ping. mu is held.
func (c *Client) beat() {
	if c.expired {
		return
	}
	c.heard = time.Now()
	c.arrived.Store(false)
	c.after(c.pingInterval + c.pingTimeout)
}

// after sets the timer to d from now. mu is held.
func (c *Client) after(d time.Duration) {
	c.due = time.Now().Add(d)
	if c.timer == nil {
		c.timer = time.AfterFunc(d, c.onTimer)
	} else {
		c.timer.Reset(d)
	}
}

// A ping that a busy handler keeps from being read is waited for so many times as
// long as others. No server waits for its answer for that long.
const busyFactor = 3

var errBusy = fmt.Errorf("%w; a handler has kept its pings from being read", errNoHeartbeat)

var errSilentServer = fmt.Errorf("%w; it has never sent a ping, as one of revision 3 would not", errNoHeartbeat)

// onTimer runs when the timer fires.
func (c *Client) onTimer() {
	c.mu.Lock()
	switch {
	case c.state == closed || time.Now().Before(c.due) && !(c.expired && c.state == open):
		// Stopped or set anew while it was firing.
		c.mu.Unlock()
	case c.state == draining:
		c.shut(errNoHeartbeat)
	case c.expired:
		c.mu.Unlock()
		c.fail(PingTimeout, errNoHeartbeat)
	case c.busy.Load() && c.patience() > 0:
		// The ping may wait behind the message that our handler is busy with.
		c.after(min(c.pingTimeout, c.patience()))
		c.sound()
	case !c.busy.Load() && c.arrived.Swap(false):
		// The ping may wait behind a message that the server is sending, or behind ours.
		c.after(c.pingTimeout)
		c.sound()
	default:
		c.mu.Unlock()
		err := errNoHeartbeat
		switch {
		case c.busy.Load():
			err = errBusy
		case !c.pinged.Load():
			err = errSilentServer
		}
		c.fail(PingTimeout, err)
	}
}

// patience returns how long a handler may keep a ping from being read. mu is held.
func (c *Client) patience() time.Duration {
	return busyFactor*(c.pingInterval+c.pingTimeout) - time.Since(c.heard)
}

// openPacket is the content of an open packet.
type openPacket struct {
	SID          string      `json:"sid"`
	Upgrades     []Transport `json:"upgrades"`
	PingInterval float64     `json:"pingInterval"`
	PingTimeout  float64     `json:"pingTimeout"`
	MaxPayload   float64     `json:"maxPayload"`
}

const (
	// Longer session IDs are refused. The protocol's own have 20 characters.
	maxSessionID = 1024
	// JavaScript's timers can wait for this many milliseconds, so nobody means more.
	maxMilliseconds = math.MaxInt32
)

// parseOpen decodes and checks an open packet (Engine.IO protocol v4, "Handshake").
func parseOpen(p packet) (o openPacket, err error) {
	if p.typ != packetOpen {
		return o, ErrNoHandshake
	}
	if err := json.Unmarshal(p.data, &o); err != nil {
		return o, fmt.Errorf("%w: %w", ErrBadHandshake, err)
	}
	inRange := func(ms float64) bool { return ms >= 1 && ms <= maxMilliseconds }
	switch {
	case o.SID == "":
		err = errors.New("no session ID")
	case len(o.SID) > maxSessionID:
		err = errors.New("the session ID is too long")
	case !inRange(o.PingInterval):
		err = fmt.Errorf("pingInterval is %v", o.PingInterval)
	case !inRange(o.PingTimeout):
		err = fmt.Errorf("pingTimeout is %v", o.PingTimeout)
	case o.MaxPayload < 0:
		err = fmt.Errorf("maxPayload is %v", o.MaxPayload)
	}
	if err != nil {
		err = fmt.Errorf("%w: %w", ErrBadHandshake, err)
	}
	return o, err
}

// open takes the server's handshake.
func (c *Client) open(p packet) error {
	o, err := parseOpen(p)
	if err != nil {
		return err
	}
	c.mu.Lock()
	if c.state != open {
		c.mu.Unlock()
		return nil // Dial has given up
	}
	c.id = o.SID
	c.pingInterval = time.Duration(o.PingInterval * float64(time.Millisecond))
	c.pingTimeout = time.Duration(o.PingTimeout * float64(time.Millisecond))
	c.maxPayload = DefaultMaxPayload
	if o.MaxPayload >= 1 {
		c.maxPayload = int(min(o.MaxPayload, math.MaxInt32))
		c.announced = c.maxPayload
	}
	c.isOpen = true
	c.beat()
	transport := WebSocket
	if c.link == nil {
		transport = Polling
		if !c.opts.NoUpgrade && slices.Contains(o.Upgrades, WebSocket) && slices.Contains(c.opts.Transports, WebSocket) {
			c.start(c.upgradeLoop)
		}
	} else {
		c.opts.RememberUpgrade.set(true)
	}
	c.mu.Unlock()
	c.opts.Logger.Debug("engine: connection opened", "sid", c.id, "transport", string(transport))
	close(c.opened)
	return nil
}
