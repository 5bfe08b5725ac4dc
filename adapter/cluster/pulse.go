package cluster

import (
	"errors"
	"sync/atomic"
	"time"

	"github.com/seed96b07ef8/socketio/adapter"
)

// A pulse does what a node does regularly: it sends heartbeats, notices that others have
// stopped to send theirs, and checks that the bus works.
type pulse struct {
	p    *Provider
	quit chan struct{}
	done chan struct{}

	deaf   atomic.Bool  // heartbeats do not come back
	probed atomic.Int64 // Unix time in nanoseconds of the first heartbeat that has not come back; 0: none
}

const (
	maxTick = time.Second
	// A heartbeat that needs longer to come back has been lost.
	echoTimeout = 2 * time.Second
	// Messages that wait for longer mean that the bus is too slow.
	maxLag = time.Second
)

var (
	errDeaf = errors.New("cluster: this node's heartbeats do not come back")
	errLag  = errors.New("cluster: messages wait to be published")
)

func newPulse(p *Provider) *pulse {
	return &pulse{p: p, quit: make(chan struct{}), done: make(chan struct{})}
}

// start starts the goroutine of the pulse.
func (b *pulse) start() { go b.run() } // ended by stop

func (b *pulse) stop() {
	close(b.quit)
	<-b.done
}

func (b *pulse) run() {
	defer close(b.done)
	interval := b.p.opts.HeartbeatInterval
	ticker := time.NewTicker(min(interval, b.p.opts.HeartbeatTimeout/4, maxTick))
	defer ticker.Stop()
	if b.p.traits.NodeHeartbeats {
		_ = b.p.sendNode(InitialHeartbeat)
	}
	beat := time.Now() // the last heartbeat
	for {
		select {
		case <-b.quit:
			return
		case now := <-ticker.C:
			b.sweep(now)
			if now.Sub(beat) >= interval {
				beat = now
				b.beat(now)
			}
			b.check(now)
		}
	}
}

// sweep removes nodes that are silent, and what is old.
func (b *pulse) sweep(now time.Time) {
	for _, s := range b.p.all() {
		s.joins.prune(now)
	}
	for _, d := range b.p.members.sweep(now) {
		b.p.node.Logger.Warn("socketio: a node of the cluster is silent and counts as gone", "node", d.id)
		b.p.departed(d, true)
	}
	for _, d := range b.p.members.sweepDoubtful(now) {
		b.p.departed(d, true)
	}
}

// beat sends heartbeats.
func (b *pulse) beat(now time.Time) {
	b.probed.CompareAndSwap(0, now.UnixNano())
	if b.p.traits.NodeHeartbeats {
		_ = b.p.sendNode(Heartbeat) // an error is that of a full queue, which check reports
		return
	}
	for _, s := range b.p.all() {
		_ = s.send(&Message{Kind: Heartbeat}, Destination{})
	}
}

// echoed is called when a heartbeat of this node has come back.
func (b *pulse) echoed() {
	b.probed.Store(0)
	b.p.health.set("cluster", fromProbe, adapter.LinkUp, nil)
	if b.deaf.CompareAndSwap(true, false) {
		b.p.announce()
	}
}

// check reports whether the bus works.
func (b *pulse) check(now time.Time) {
	if first := b.probed.Load(); b.p.traits.Echo && first != 0 && now.UnixNano()-first >= int64(echoTimeout) {
		if b.p.traits.NodeHeartbeats || len(b.p.all()) > 0 {
			b.deaf.Store(true)
			b.p.health.set("cluster", fromProbe, adapter.LinkDown, errDeaf)
		}
	}
	for i, l := range b.p.lanes {
		if l.lag(now) > maxLag {
			b.p.health.set(b.p.linkName(i), fromQueue, adapter.LinkDegraded, errLag)
		} else {
			b.p.health.set(b.p.linkName(i), fromQueue, adapter.LinkUp, nil)
		}
	}
}
