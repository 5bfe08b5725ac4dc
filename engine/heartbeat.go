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

// A heartbeat is the only timer of a connection. It sends the pings and watches for
// the pongs (Engine.IO protocol v4, "Heartbeat") or, in revision 3, watches for the
// pings of the client. It also ends the wait of a closed polling session. A client
// that is slow to send or receive a large message is alive, see
// docs/decisions/0016-signs-of-life.md. The fields, except the atomic ones, are
// guarded by the mu of the connection.
type heartbeat struct {
	timer *time.Timer
	due   time.Duration // by clock
	// awaiting is set from a ping until its pong, so never in revision 3.
	awaiting atomic.Bool
	arrived  arrival
	// pinged is the time of the last ping by clock, or 0 if messages were queued
	// then.
	pinged time.Duration
	// received is the value of pinged for the last answered ping, or 0.
	received atomic.Int64
}

// An arrival is set when bytes have arrived from the peer since the deadline of the
// heartbeat was set.
type arrival struct{ atomic.Bool }

// note records that bytes have arrived.
func (a *arrival) note() {
	if !a.Load() { // a store would invalidate the cache line on other processors
		a.Store(true)
	}
}

// clock returns the monotonic time since the start of the program.
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

// restart starts waiting until the next ping is due, the server's or the client's.
func (b *heartbeat) restart(c *Conn) {
	b.awaiting.Store(false)
	b.arrived.Store(false)
	d := c.server.opts.PingInterval
	if c.revision3 {
		d += c.server.opts.PingTimeout
	}
	b.after(c, d)
}

// remainingLocked returns how long the session would last if nothing arrived from the
// client. It is valid after stop, too. The connection's mu is held.
func (b *heartbeat) remainingLocked(c *Conn) time.Duration {
	o := c.server.opts
	if b.timer == nil { // OnConnect has not returned
		return o.PingInterval + o.PingTimeout
	}
	d := b.due - clock()
	if !b.awaiting.Load() && !c.revision3 {
		d += o.PingTimeout // for the pong to the ping that is due
	}
	return max(d, 0)
}

func (b *heartbeat) stop() {
	if b.timer != nil {
		b.timer.Stop()
	}
}

// onPong records the answer to a ping.
func (b *heartbeat) onPong(c *Conn) {
	if !b.awaiting.Load() {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state != open || !b.awaiting.Load() {
		return
	}
	if b.pinged != 0 {
		b.received.Store(int64(b.pinged))
	}
	b.restart(c)
}

// Received returns a time such that the client has received every message sent before
// it, because it has answered a later ping. It is zero if the client has not answered
// such a ping yet, and in revision 3, in which the client sends the pings.
func (c *Conn) Received() time.Time {
	if d := c.beat.received.Load(); d != 0 {
		return epoch.Add(time.Duration(d))
	}
	return time.Time{}
}

// receivesLocked reports whether the client has received bytes since the last ping or
// call but has not received all yet, so that the ping still waits behind them.
// unacked is the result of link.unacked.
func (c *Conn) receivesLocked(unacked uint32) bool {
	if c.unsent > 0 || c.poll.unsentBytes() > 0 {
		// The write deadline decides whether the client still receives. The ping
		// follows, and its timeout starts then.
		c.unacked = math.MaxUint32
		return true
	}
	before := c.unacked
	c.unacked = unacked
	return unacked < before
}

// maxTimerDelay is the usual upper bound of a timer's delay. A longer delay means
// that the process was stopped for a while, which is not the client's fault.
const maxTimerDelay = 5 * time.Millisecond

// onTimer runs when the timer fires.
func (c *Conn) onTimer() {
	c.mu.Lock()
	link := c.link
	c.mu.Unlock()
	unacked := link.unacked() // without mu, because the connection may be the application's
	c.mu.Lock()
	b := &c.beat
	switch {
	case c.lingersLocked() && clock() >= b.due && c.poll.unsentBytes() > 0 && !c.left:
		// The client is fetching the rest. The write deadlines bound that.
		b.after(c, c.lingerLocked())
		c.mu.Unlock()
	case c.lingersLocked() && clock() >= b.due:
		// The client did not fetch the rest of a closed polling session.
		probe, _ := c.finishPollingLocked()
		c.mu.Unlock()
		probe.interrupt()
		c.server.remove(c)
	case c.state != open || clock() < b.due:
		// The timer was stopped or reset while it fired.
		c.mu.Unlock()
	case c.gone:
		// The reader goroutine has not reached the end of the client's input in time.
		c.mu.Unlock()
		c.fail(TransportError, errPeerGone)
	case !b.awaiting.Load() && !c.revision3:
		b.awaiting.Store(true)
		b.arrived.Store(false)
		c.unacked = unacked
		if b.pinged = 0; c.outbox.n == 0 {
			b.pinged = clock()
		}
		// The ping was due earlier; the pong is due relative to that.
		late := min(clock()-b.due, maxTimerDelay, c.server.opts.PingTimeout/10)
		b.after(c, c.server.opts.PingTimeout-late)
		c.sendBeatAndUnlock(pingPlace, pingPacket)
	case c.busy.Load(), c.turn.Load()%2 != 0, b.arrived.Swap(false), c.receivesLocked(unacked):
		// The client's pong or ping may follow a message that our handler is
		// processing, or that the client is sending or receiving. Another ping
		// reveals a dead connection, and keeps the client from considering the server
		// dead.
		b.after(c, c.server.opts.PingTimeout)
		if c.revision3 {
			c.mu.Unlock()
		} else {
			c.sendBeatAndUnlock(pingPlace, pingPacket)
		}
	default:
		c.mu.Unlock()
		c.fail(PingTimeout, errNoHeartbeat)
	}
}
