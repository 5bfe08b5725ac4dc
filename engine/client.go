package engine

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync/atomic"
	"time"
)

// A ClientHandler receives the messages of a [Client] and its end. It may also
// implement [ClientUpgradeHandler], [ClientPingHandler] or [ClientDrainHandler].
type ClientHandler interface {
	// OnMessage is called for each message, one at a time, in the order in which the
	// server sent them. The first call may precede the return of Dial. The client
	// reads nothing more meanwhile, pings included, so OnMessage must return within
	// the server's ping timeout. The client closes the connection with [PingTimeout]
	// if OnMessage has not returned after three times the longest interval between
	// two pings, and with [TransportError] if OnMessage panics or calls
	// [runtime.Goexit].
	//
	// Text is valid only during the call. Binary data belongs to the handler.
	OnMessage(c *Client, data []byte, binary bool)
	// OnClose is called once, when the connection has ended, with the reason and, if
	// known, the cause; err may be nil. It may run concurrently with OnMessage, and
	// within Close. It is not called if Dial returns an error.
	OnClose(c *Client, reason Reason, err error)
}

// A ClientUpgradeHandler is a ClientHandler that is notified of transport changes.
type ClientUpgradeHandler interface {
	// OnUpgrade is called after the connection has moved to transport t, before any
	// message that arrives over it.
	OnUpgrade(c *Client, t Transport)
}

// A ClientPingHandler is a ClientHandler that is notified of heartbeats.
type ClientPingHandler interface {
	// OnPing is called for each ping of the server, between messages, after the pong
	// has been queued.
	OnPing(c *Client)
}

// A ClientDrainHandler is a ClientHandler that is notified when a backlog has been
// sent.
type ClientDrainHandler interface {
	// OnDrain is called after messages had to wait for the server, or were refused
	// because the outbox was full, when the last queued message has been handed to
	// the transport. It may run concurrently with OnMessage, and within Send.
	OnDrain(c *Client)
}

// A Client is the client's end of one Engine.IO session, which survives an upgrade
// from polling to WebSocket. [Dial] returns one. It lasts until one side closes it,
// the server violates the protocol, or nothing arrives from the server in time, pings
// included. A Client does not reconnect.
//
// Methods of Client are safe for concurrent use, including from handlers. Only Flush
// and SendWait block on the server. Once the connection has ended, Send returns
// [ErrClosed].
type Client struct {
	opts    *DialOptions
	handler ClientHandler
	opened  chan struct{} // closed when the handshake is done
	done    chan struct{}

	// The results of the handshake, written before opened is closed.
	id           string
	pingInterval time.Duration
	pingTimeout  time.Duration
	maxPayload   int // of a POST
	announced    int // maxPayload of the handshake; 0 if it has none

	// busy is set while a handler runs. The client does not read then, so the
	// heartbeat does not count the silence of the server.
	busy atomic.Bool
	// pinged is set when the server has sent a ping.
	pinged  atomic.Bool
	arrived arrival

	outlet // its mu guards the fields below

	isOpen  bool    // the handshake is done
	failure error   // why the handshake failed
	running int     // goroutines and calls that done waits for
	target  *target // nil once no more requests are made
	web     *web    // nil when the transport is not polling
	// upgrade is the WebSocket of a pending upgrade. pausing is set when its probe
	// was answered and polling has to stop.
	upgrade *link
	pausing bool
	polling bool          // a goroutine runs pollLoop
	posting bool          // a goroutine runs postLoop
	room    chan struct{} // closed when the outbox has room again; nil without a waiter
	fence   fences
	timer   *time.Timer // of the heartbeat, and of the flush after Close
	due     time.Time
	// expired is set when Send or Flush has found the server's ping overdue. The connection
	// then ends, whatever else arrives.
	expired bool
	heard   time.Time // time of the last ping, or of the handshake
}

func newClient(t *target, o *DialOptions, h ClientHandler) *Client {
	return &Client{opts: o, handler: h, target: t, opened: make(chan struct{}), done: make(chan struct{})}
}

// ID returns the session ID.
func (c *Client) ID() string { return c.id }

// Done returns a channel that is closed when the connection has ended, OnClose has
// returned, and all goroutines of the Client have ended; those of net/http end soon
// after. A handler must not wait for it.
func (c *Client) Done() <-chan struct{} { return c.done }

// Buffered returns the number of bytes queued for the server.
func (c *Client) Buffered() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.outbox.bytes + c.unsent
}

// Writable reports whether a message would be sent at once: no data request is
// pending, or the WebSocket has no backlog, and no upgrade is about to complete.
// Otherwise volatile messages are dropped.
func (c *Client) Writable() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state == open && c.writable()
}

func (c *Client) writable() bool {
	if c.pollsLocked() {
		return !c.posting && !c.pausing
	}
	return !c.backlog && !c.fence.asked
}

// Cork holds messages back until Uncork, so that messages of one piece of work leave
// in one write or one request. Call Uncork soon. Calls do not nest.
func (c *Client) Cork() { c.cork() }

// Uncork sends the messages held back since Cork. It does nothing on a connection
// that is not corked.
func (c *Client) Uncork() { c.uncork(c) }

// requestLocked starts a data request, unless one is pending or polling has to stop.
func (c *Client) requestLocked() {
	if !c.posting && !c.pausing {
		c.posting = true
		c.startLocked(c.postLoop)
	}
}

// drainedAndUnlock ends a backlog when the outbox is empty, and calls OnDrain.
func (c *Client) drainedAndUnlock() {
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

// guard recovers from a panic of a handler and ends its connection.
func (c *Client) guard() {
	if v := recover(); v != nil {
		c.busy.Store(false)
		c.fail(TransportError, logPanic(v, c.opts.Logger, c.id))
	}
}

// receive handles a packet from the current transport (Engine.IO protocol v4, "Packet
// types"). It is called by one goroutine at a time.
func (c *Client) receive(p packet) {
	switch p.typ {
	case packetMessage:
		c.deliver(p)
	case packetPing:
		c.answerPing()
	}
	// Other types are ignored: 5 (upgrade) is sent only by clients, and 3 (pong)
	// answers a probe, which receive does not see.
}

// deliver passes a message to the handler.
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

// answerPing queues a pong ahead of all messages and waits for the next ping.
func (c *Client) answerPing() {
	c.pinged.Store(true)
	c.mu.Lock()
	if c.state != open {
		c.mu.Unlock()
		return
	}
	c.beatLocked()
	c.outbox.pushFirst(pongPlace, pongPacket)
	_ = c.flushAndUnlock(c)
	if h, ok := c.handler.(ClientPingHandler); ok {
		defer c.guard()
		h.OnPing(c)
	}
}

// beatLocked starts waiting for a ping.
func (c *Client) beatLocked() {
	if c.expired {
		return
	}
	c.heard = time.Now()
	c.arrived.Store(false)
	c.afterLocked(c.pingInterval + c.pingTimeout)
}

// afterLocked sets the timer to d from now.
func (c *Client) afterLocked(d time.Duration) {
	c.due = time.Now().Add(d)
	if c.timer == nil {
		c.timer = time.AfterFunc(d, c.onTimer)
	} else {
		c.timer.Reset(d)
	}
}

// busyFactor is how many times longer the client waits for a ping while a handler
// runs and keeps it from being read. No server waits that long for a pong.
const busyFactor = 3

var errBusy = fmt.Errorf("%w; a handler kept the client from reading pings", errNoHeartbeat)

var errSilentServer = fmt.Errorf("%w; it has never sent a ping, and a server of revision 3 sends none", errNoHeartbeat)

// onTimer runs when the timer fires.
func (c *Client) onTimer() {
	c.mu.Lock()
	switch {
	case c.state == closed || time.Now().Before(c.due) && !(c.expired && c.state == open):
		// The timer was stopped or reset while it fired.
		c.mu.Unlock()
	case c.state == draining:
		c.shutAndUnlock(errNoHeartbeat)
	case c.expired:
		c.mu.Unlock()
		c.fail(PingTimeout, errNoHeartbeat)
	case c.busy.Load() && c.patienceLocked() > 0:
		// The ping may follow the message that our handler is processing.
		c.afterLocked(min(c.pingTimeout, c.patienceLocked()))
		c.soundAndUnlock()
	case !c.busy.Load() && c.arrived.Swap(false):
		// The ping may follow a message that the server is sending, or the server may
		// be receiving ours.
		c.afterLocked(c.pingTimeout)
		c.soundAndUnlock()
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

// patienceLocked returns how much longer a handler may keep a ping from being read.
// It uses the larger of monotonic and wall time: the monotonic clock stops while a
// machine is suspended, and wall time may be set back.
func (c *Client) patienceLocked() time.Duration {
	silence := max(time.Since(c.heard), c.opts.now().Round(0).Sub(c.heard.Round(0)))
	return busyFactor*(c.pingInterval+c.pingTimeout) - silence
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
	// maxSessionID is the maximum length of a session ID. IDs of the reference server
	// have 20 characters.
	maxSessionID = 1024
	// maxMilliseconds is the longest timer of JavaScript, so no server means a longer
	// time.
	maxMilliseconds = math.MaxInt32
)

// parseOpen decodes and validates an open packet (Engine.IO protocol v4,
// "Handshake").
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

// open processes the server's handshake.
func (c *Client) open(p packet) error {
	o, err := parseOpen(p)
	if err != nil {
		return err
	}
	c.mu.Lock()
	if c.state != open {
		c.mu.Unlock()
		return nil // Dial has returned an error
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
	c.beatLocked()
	transport := c.transportLocked()
	c.opts.RememberUpgrade.set(transport, true)
	if transport == Polling && !c.opts.NoUpgrade {
		i := slices.IndexFunc(c.opts.Transports, func(t Transport) bool { return t != Polling && slices.Contains(o.Upgrades, t) })
		if i >= 0 {
			c.startLocked(func() { c.upgradeLoop(c.opts.Transports[i]) })
		}
	}
	c.mu.Unlock()
	c.opts.Logger.Debug("engine: connection opened", "sid", c.id, "transport", string(transport))
	close(c.opened)
	return nil
}
