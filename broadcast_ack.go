package socketio

import (
	"context"
	"iter"
	"sync"
	"time"

	"github.com/seed96b07ef8/socketio/adapter"
	"github.com/seed96b07ef8/socketio/internal/ctxerr"
)

// A collector gathers the acknowledgements of one broadcast. It implements
// [adapter.AckSink].
type collector struct {
	ctx  context.Context
	stop context.CancelFunc

	event     string // what the clients were asked
	namespace string // where, or empty for the children of a parent

	mu       sync.Mutex // guards what follows
	expected int        // clients announced and not heard of
	open     int        // broadcasts that have not announced all, and 1 while more may begin
	failed   []error    // of nodes that have announced none
	arrived  []adapter.Ack
	changed  chan struct{}      // closed, and replaced, when something has changed
	pending  map[*Socket]uint64 // local sockets that still owe an answer
	ending   bool               // ctx has ended: further answers are too late
	over     bool               // and the sockets have forgotten the question
}

// newCollector returns a collector that gives up at the end of ctx and, unless it
// is zero, after a timeout.
func newCollector(ctx context.Context, timeout time.Duration, event, namespace string) *collector {
	c := &collector{event: event, namespace: namespace, open: 1, changed: make(chan struct{}), pending: make(map[*Socket]uint64)}
	if timeout > 0 {
		c.ctx, c.stop = context.WithTimeout(ctx, timeout)
	} else {
		c.ctx, c.stop = context.WithCancel(ctx)
	}
	// Whatever becomes of the sequence, no socket waits for an answer any longer
	// than ctx.
	context.AfterFunc(c.ctx, c.end)
	return c
}

// end removes the pending acknowledgements of the sockets that have not answered, and
// then reports their errors.
func (c *collector) end() {
	c.mu.Lock()
	pending := c.pending
	c.pending = nil
	c.ending = true
	c.mu.Unlock()
	for s, id := range pending {
		s.forgetAck(id)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.over = true
	for s := range pending {
		c.expected--
		c.arrived = append(c.arrived, adapter.Ack{Socket: s.id, Err: ctxerr.Of(c.ctx)})
	}
	c.notify()
}

// hasEnded reports whether it is too late for answers.
func (c *collector) hasEnded() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ending
}

// Expect implements [adapter.AckSink].
func (c *collector) Expect(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.expected += n
}

// await notes that a local socket owes an answer. It returns false when it is too
// late for that.
func (c *collector) await(s *Socket, id uint64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ending {
		return false
	}
	c.pending[s] = id
	return true
}

// Ack implements [adapter.AckSink].
func (c *collector) Ack(a adapter.Ack) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ending || c.open == 0 && c.expected <= 0 {
		return // too late, or more than were announced
	}
	c.expected--
	c.arrived = append(c.arrived, a)
	c.notify()
}

// answered takes the answer of a local socket, unless it is too late.
func (c *collector) answered(s *Socket, r ackResult) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, owes := c.pending[s]; !owes {
		return
	}
	delete(c.pending, s)
	c.expected--
	c.arrived = append(c.arrived, adapter.Ack{Socket: s.id, Args: r.args, Err: r.err})
	c.notify()
}

// begin notes that an adapter is about to announce answers. It calls Complete in the end,
// or its caller does, if the adapter returns an error.
func (c *collector) begin() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.open++
}

// Complete implements [adapter.AckSink].
func (c *collector) Complete(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.open == 0 { // it is too late: see next
		return
	}
	c.open--
	if err != nil {
		c.failed = append(c.failed, err)
	}
	c.notify()
}

// asked has f, an operation of an adapter, ask nodes and their clients.
func (c *collector) asked(f func() error) error {
	c.begin()
	err := f()
	if err != nil {
		c.Complete(nil)
	}
	return err
}

// notify wakes the consumer of the sequence. mu is held.
func (c *collector) notify() {
	close(c.changed)
	c.changed = make(chan struct{})
}

// all yields the acknowledgements as they arrive.
func (c *collector) all() iter.Seq2[Ack, error] {
	return func(yield func(Ack, error) bool) {
		defer c.stop()
		for {
			a, state, changed := c.next()
			switch state {
			case gotOne:
				if !yield(Ack{Socket: a.Socket, Node: string(a.Node), Args: a.Args}, unacknowledged(c.event, c.namespace, a.Socket, a.Err)) {
					return
				}
			case gotAll:
				return
			case waiting:
				<-changed // at the latest by end
			}
		}
	}
}

type collected int

const (
	waiting collected = iota
	gotOne
	gotAll
)

func (c *collector) next() (a adapter.Ack, state collected, changed <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case len(c.arrived) > 0:
		a = c.arrived[0]
		c.arrived = c.arrived[1:]
		return a, gotOne, nil
	case c.over && c.expected > 0:
		// Clients of other nodes that owe an answer have no name here.
		c.expected--
		return adapter.Ack{Err: ctxerr.Of(c.ctx)}, gotOne, nil
	case c.over && c.open > 0: // nor do the nodes that have not announced theirs
		c.open = 0
		return adapter.Ack{Err: &adapter.PartialError{Err: ctxerr.Of(c.ctx)}}, gotOne, nil
	case c.open == 0 && c.expected <= 0 && len(c.failed) > 0:
		err := c.failed[0]
		c.failed = c.failed[1:]
		return adapter.Ack{Err: err}, gotOne, nil
	case c.open == 0 && c.expected <= 0:
		return a, gotAll, nil
	}
	return a, waiting, c.changed
}
