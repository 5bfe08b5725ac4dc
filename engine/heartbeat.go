package engine

import (
	"errors"
	"math"
	"sync/atomic"
	"time"
)

var (
	errHeartbeatDirection = errors.New("engine: invalid heartbeat direction")
	errPeerGone           = errors.New("engine: the peer has closed the connection")
	errNoHeartbeat        = errors.New("engine: no heartbeat from the peer in time")
)

// heartbeat is the one timer of a connection. It sends the pings, watches the
// answers (Engine.IO protocol v4, "Heartbeat") or, in revision 3, the pings of the
// client, and ends the lingering of a closed polling session. A client that is slow with
// a large message, in either direction, is alive: see docs/decisions/0016-signs-of-life.md.
// Its fields except the atomic ones are guarded by the connection's mu.
type heartbeat struct {
	timer *time.Timer
	due   time.Duration // on the clock
	// awaiting is set between a ping and its answer, so never in revision 3.
	awaiting atomic.Bool
	// arrived is set when the client has sent something since the deadline was set.
	arrived atomic.Bool
	// behindAll is set if nothing waited when the ping was sent, at pinged.
	behindAll bool
	pinged    time.Duration // on the clock
	// received is when the last such ping was sent that the client has answered, on the
	// clock, or 0.
	received atomic.Int64
}

// noteArrival notes that bytes have come from the client.
func (b *heartbeat) noteArrival() {
	if !b.arrived.Load() { // so that others can keep what they have cached
		b.arrived.Store(true)
	}
}

// clock is the time since the start of the program.
func clock() time.Duration { return time.Since(epoch) }

var epoch = time.Now()

// after sets the timer to d from now.
func (b *heartbeat) after(c *Conn, d time.Duration) {
	b.due = clock() + d
	if b.timer == nil {
		b.timer = time.AfterFunc(d, c.onTimer)
	} else {
		b.timer.Reset(d)
	}
}

// restart waits for the next ping, ours or the client's.
func (b *heartbeat) restart(c *Conn) {
	b.awaiting.Store(false)
	b.arrived.Store(false)
	d := c.server.opts.PingInterval
	if c.revision3 {
		d += c.server.opts.PingTimeout
	}
	b.after(c, d)
}

// remainingLocked returns how long the session would last if nothing came from the peer. It
// is also right after stop. The connection's mu is held.
func (b *heartbeat) remainingLocked(c *Conn) time.Duration {
	o := c.server.opts
	if b.timer == nil { // OnConnect has not returned
		return o.PingInterval + o.PingTimeout
	}
	d := b.due - clock()
	if !b.awaiting.Load() && !c.revision3 {
		d += o.PingTimeout // for the answer to the ping that is due
	}
	return max(d, 0)
}

func (b *heartbeat) stop() {
	if b.timer != nil {
		b.timer.Stop()
	}
}

// onPong notes the answer to the ping.
func (b *heartbeat) onPong(c *Conn) {
	if !b.awaiting.Load() {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state != open || !b.awaiting.Load() {
		return
	}
	if b.behindAll {
		b.received.Store(int64(b.pinged))
	}
	b.restart(c)
}

// Received returns a time before which everything that was sent has reached the client,
// because it has answered a ping that was sent behind it. It is zero when the client has
// not answered such a ping yet, as in revision 3, where pings are the client's.
func (c *Conn) Received() time.Time {
	if d := c.beat.received.Load(); d != 0 {
		return epoch.Add(time.Duration(d))
	}
	return time.Time{}
}

// receivesLocked reports whether the client has received something since the last ping,
// or call, while it still has to receive more: the ping is behind it.
func (c *Conn) receivesLocked() bool {
	if c.unsent > 0 || c.poll.unsent > 0 {
		// The deadline of the writing says whether it does. The ping, which follows, has
		// its time from then on.
		c.unacked = math.MaxUint32
		return true
	}
	before := c.unacked
	c.unacked = c.link.unacked()
	return c.unacked < before
}

// What timers are late by at most, as a rule. More than that is a program that was
// stopped for a while, which is not the clients' fault.
const maxTimerDelay = 5 * time.Millisecond

// onTimer runs when the timer fires.
func (c *Conn) onTimer() {
	c.mu.Lock()
	b := &c.beat
	switch {
	case c.state == draining && c.link == nil && clock() >= b.due && c.poll.unsent > 0 && !c.left:
		// The client is fetching the rest. The deadlines of that writing end it.
		b.after(c, c.lingerLocked())
		c.mu.Unlock()
	case c.state == draining && c.link == nil && clock() >= b.due:
		// Nobody fetched the rest of a closed polling session.
		c.finishPolling()
		c.mu.Unlock()
		c.server.remove(c)
	case c.state != open || clock() < b.due:
		// Stopped or set anew while it was firing.
		c.mu.Unlock()
	case c.gone:
		// The reader does not come to the end of what the client sent before it left.
		c.mu.Unlock()
		c.fail(TransportError, errPeerGone)
	case !b.awaiting.Load() && !c.revision3:
		b.awaiting.Store(true)
		b.arrived.Store(false)
		c.unacked = c.link.unacked()
		b.behindAll, b.pinged = c.outbox.n == 0, clock()
		// The ping was due a little earlier, and the answer is due after that.
		late := min(clock()-b.due, maxTimerDelay, c.server.opts.PingTimeout/10)
		b.after(c, c.server.opts.PingTimeout-late)
		c.sendBeat(pingPlace, pingPacket)
	case c.busy.Load(), c.turn.Load()%2 != 0, b.arrived.Swap(false), c.receivesLocked():
		// Its pong, or ping, may wait behind the message that our handler is busy with,
		// or that the client is sending or receiving. A further ping shows whether the
		// connection is dead, and keeps the client from believing that we are.
		b.after(c, c.server.opts.PingTimeout)
		if c.revision3 {
			c.mu.Unlock()
		} else {
			c.sendBeat(pingPlace, pingPacket)
		}
	default:
		c.mu.Unlock()
		c.fail(PingTimeout, errNoHeartbeat)
	}
}
