package cluster

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"sync"
	"time"

	"github.com/seed96b07ef8/socketio/adapter"
)

// A lane is a queue of messages to publish, in order, by one goroutine. To add a message costs
// one append under a mutex. While the bus does not accept messages, they wait, but not for
// longer than limits.age: a late message is worse than a lost one.
type lane struct {
	limits  laneLimits
	publish func(ctx context.Context, messages []Outgoing) (sent int, err error)
	// state is called without locks by the lane's goroutine when publishing fails, with the
	// error, and with nil when it works again.
	state func(err error)
	drop  func(o Outgoing, reason DropReason, err error) // without locks

	ctx    context.Context // of all calls of publish
	cancel context.CancelFunc
	wake   chan struct{} // has a value when there is something new
	ended  chan struct{} // closed when the goroutine has ended

	mu       sync.Mutex
	queue    []queued
	inFlight int // messages at the front of queue that are being published
	bytes    int // of all wires in queue
	volatile int // messages of queue, behind those in flight, that may be dropped first
	closed   bool
}

// A queued is a message that waits.
type queued struct {
	Outgoing
	at       time.Time
	volatile bool
}

// laneLimits bound what a lane holds.
type laneLimits struct {
	bytes    int           // of wires
	messages int           //
	age      time.Duration // that a message may wait
	timeout  time.Duration // of one call of publish
}

// The size of a batch, and the delays before publishing is tried again.
const (
	batchMessages = 64
	batchBytes    = 256 << 10
	minRetry      = 50 * time.Millisecond
	maxRetry      = time.Second
)

// jitter returns a random part of a delay, so that not all nodes try again at once.
var jitter = rand.N[time.Duration]

// newLane returns a lane whose goroutine runs until close is called.
func newLane(limits laneLimits, publish func(context.Context, []Outgoing) (int, error),
	state func(error), drop func(Outgoing, DropReason, error)) *lane {
	l := &lane{limits: limits, publish: publish, state: state, drop: drop,
		wake: make(chan struct{}, 1), ended: make(chan struct{})}
	l.ctx, l.cancel = context.WithCancel(context.Background())
	go l.run() // ended by close
	return l
}

// add queues a message. If there is no room, volatile messages are dropped first. The error
// is adapter.ErrQueueFull, or net.ErrClosed.
func (l *lane) add(o Outgoing, volatile bool) error {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return net.ErrClosed
	}
	var dropped []queued
	if !l.fitsLocked(o) && l.volatile > 0 {
		dropped = l.dropVolatileLocked()
	}
	fits := l.fitsLocked(o)
	if fits {
		l.queue = append(l.queue, queued{o, time.Now(), volatile})
		l.bytes += len(o.Wire)
		if volatile {
			l.volatile++
		}
	}
	l.mu.Unlock()
	for _, q := range dropped {
		l.drop(q.Outgoing, DropQueueFull, nil)
	}
	if !fits {
		return adapter.ErrQueueFull
	}
	select {
	case l.wake <- struct{}{}:
	default: // it is awake
	}
	return nil
}

func (l *lane) fitsLocked(o Outgoing) bool {
	return len(l.queue) < l.limits.messages && l.bytes+len(o.Wire) <= l.limits.bytes
}

// dropVolatileLocked removes the volatile messages that are not being published.
func (l *lane) dropVolatileLocked() (dropped []queued) {
	kept := l.queue[:l.inFlight]
	for _, q := range l.queue[l.inFlight:] {
		if q.volatile {
			dropped = append(dropped, q)
			l.bytes -= len(q.Wire)
		} else {
			kept = append(kept, q)
		}
	}
	clear(l.queue[len(kept):])
	l.queue = kept
	l.volatile = 0
	return dropped
}

// run publishes until the lane is closed and empty, or its context ends.
func (l *lane) run() {
	defer close(l.ended)
	defer l.dropRest()
	var batch []Outgoing
	retry := time.Duration(0)
	for {
		l.dropOld()
		batch = l.next(batch[:0])
		if len(batch) == 0 {
			if l.isClosed() || !l.sleep(0) {
				return
			}
			continue
		}
		err := l.send(batch)
		clear(batch)
		if err == nil {
			if retry > 0 {
				retry = 0
				l.state(nil)
			}
			continue
		}
		l.state(err)
		retry = min(max(2*retry, minRetry), maxRetry)
		if !l.sleep(retry/2 + jitter(retry/2)) {
			return
		}
	}
}

// next marks the messages of the next batch as in flight.
func (l *lane) next(batch []Outgoing) []Outgoing {
	l.mu.Lock()
	defer l.mu.Unlock()
	size := 0
	for i := range l.queue {
		q := &l.queue[i]
		if len(batch) == batchMessages || len(batch) > 0 && size+len(q.Wire) > batchBytes {
			break
		}
		size += len(q.Wire)
		if q.volatile {
			l.volatile--
		}
		batch = append(batch, q.Outgoing)
	}
	l.inFlight = len(batch)
	return batch
}

// send publishes a batch. An error means that the rest is to be sent again later.
func (l *lane) send(batch []Outgoing) error {
	ctx, cancel := context.WithTimeout(l.ctx, l.limits.timeout)
	defer cancel()
	sent, err := l.publish(ctx, batch)
	sent = min(max(sent, 0), len(batch))
	reason, settled := DropReason(0), sent
	switch {
	case err == nil:
		settled = len(batch)
	case sent == len(batch):
		err = nil
	case errors.Is(err, ErrAmbiguous):
		reason, settled = DropAmbiguous, sent+1
	case errors.Is(err, ErrRefused):
		reason, settled = DropRefused, sent+1
	}
	l.settle(settled)
	if settled > sent && err != nil {
		l.drop(batch[sent], reason, err)
		if reason == DropRefused {
			return nil // which says nothing about the others
		}
	}
	return err
}

// settle removes the first n messages, and puts the others that were in flight back.
func (l *lane) settle(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := n; i < l.inFlight; i++ {
		if l.queue[i].volatile {
			l.volatile++
		}
	}
	l.inFlight = 0
	l.removeLocked(n)
}

// removeLocked removes the first n messages.
func (l *lane) removeLocked(n int) {
	for i := range n {
		l.bytes -= len(l.queue[i].Wire)
		l.queue[i] = queued{}
	}
	l.queue = l.queue[n:]
	if len(l.queue) == 0 {
		l.queue = nil // so that a long queue does not stay in memory
	}
}

// dropOld drops the messages that have waited for too long. None is in flight.
func (l *lane) dropOld() {
	l.mu.Lock()
	n, now := 0, time.Now()
	for n < len(l.queue) && now.Sub(l.queue[n].at) > l.limits.age {
		if l.queue[n].volatile {
			l.volatile--
		}
		n++
	}
	dropped := append([]queued(nil), l.queue[:n]...)
	l.removeLocked(n)
	l.mu.Unlock()
	for _, q := range dropped {
		l.drop(q.Outgoing, DropTooOld, nil)
	}
}

// dropRest drops what could not be sent before the lane had to end.
func (l *lane) dropRest() {
	l.mu.Lock()
	l.closed = true
	rest := l.queue
	l.queue, l.bytes, l.volatile = nil, 0, 0
	l.mu.Unlock()
	for _, q := range rest {
		l.drop(q.Outgoing, DropClosed, nil)
	}
}

// sleep waits for d or, if it is 0, for something to do. It returns false when the lane has
// to end.
func (l *lane) sleep(d time.Duration) bool {
	if d == 0 {
		select {
		case <-l.wake:
			return true
		case <-l.ctx.Done():
			return false
		}
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-l.ctx.Done():
		return false
	}
}

func (l *lane) isClosed() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.closed
}

// lag returns how long the first message has waited.
func (l *lane) lag(now time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.queue) == 0 {
		return 0
	}
	return now.Sub(l.queue[0].at)
}

// close refuses further messages, sends those that wait, until ctx ends, and ends the
// goroutine. It returns the context's error if messages were dropped. A publish that ignores the
// end of its context delays close.
func (l *lane) close(ctx context.Context) error {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	select {
	case l.wake <- struct{}{}:
	default:
	}
	defer l.cancel()
	select {
	case <-l.ended:
		return nil
	case <-ctx.Done():
	}
	l.cancel()
	<-l.ended
	return ctx.Err()
}

// size returns the number of messages that wait.
func (l *lane) size() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.queue)
}
