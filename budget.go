package socketio

import (
	"slices"
	"sync/atomic"

	"github.com/seed96b07ef8/socketio/parser"
)

// A budget counts the memory that a connection holds of what its client has sent, for
// all of its sockets together: events that wait or are being handled, auth, and the
// attachments of a packet of which some have yet to come. It is where the reader of the
// connection waits for room.
type budget struct {
	held     atomic.Int64
	reported atomic.Int64                  // of it, what the engine counts for the whole server
	wake     atomic.Pointer[chan struct{}] // what the reader waits for; nil while it does not
}

// reportStep is by how much held changes before the engine, whose counter all
// connections share, learns of it. As much of each connection is not counted there.
const reportStep = 64 << 10

// taskBytes is what a place in an inbox costs.
const taskBytes = 48

// messageCost is the memory that a packet holds of one of its messages: of text as much
// as was sent, and of binary data what was handed over with it, too.
func messageCost(data []byte, binary bool) int {
	if binary {
		return cap(data)
	}
	return len(data)
}

// packetCost is the memory that a packet holds until it is handled, besides that of its
// messages.
func packetCost(p *parser.Packet) int { return p.Held() + taskBytes }

// hold counts n bytes, or with a negative n takes them back.
func (c *conn) hold(n int) {
	if n == 0 {
		return
	}
	b := &c.budget
	// Again after a report, for what others have changed meanwhile.
	for held := b.held.Add(int64(n)); ; held = b.held.Load() {
		reported := b.reported.Load()
		if held-reported < reportStep && (reported == 0 || held > reported-reportStep && held >= reportStep/2) {
			return
		}
		c.report(held, reported)
	}
}

// report has the engine count held bytes instead of reported, unless another goroutine has
// just had it count something else.
func (c *conn) report(held, reported int64) {
	if held < reportStep/2 {
		held = 0
	}
	if c.budget.reported.CompareAndSwap(reported, held) {
		c.engine.Hold(int(held - reported))
	}
}

// bytes returns what is counted.
func (b *budget) bytes() int { return int(b.held.Load()) }

// wakeReader lets the reader look again whether there is room.
func (b *budget) wakeReader() {
	wake := b.wake.Load()
	if wake == nil {
		return
	}
	select {
	case *wake <- struct{}{}:
	default: // it is about to
	}
}

// await waits until room returns true. Who makes room calls wakeReader afterwards.
func (b *budget) await(room func() bool) {
	wake := make(chan struct{}, 1)
	b.wake.Store(&wake)
	defer b.wake.Store(nil)
	for !room() {
		<-wake // sent by a worker, or by the end of a socket
	}
}

// hasRoom reports whether the connection may hold a further n bytes. The largest event
// that is being handled does not count, so that a handler may wait for what its client
// sends next. Nor does the limit keep an event out when nothing else is held: then it
// waits alone, whatever its size.
func (c *conn) hasRoom(n int) bool {
	limit := c.server.opts.InboxBytes
	held := c.budget.bytes()
	if held+n <= limit {
		return true
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	largest := 0
	for _, s := range c.sockets {
		largest = max(largest, s.handling())
	}
	held -= largest
	return held+n <= limit || held <= c.auth
}

// handling returns the size of the event that is being handled, 0 if there is none.
func (s *Socket) handling() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.inbox.handling
}

// assemble counts the messages of a packet of which some have yet to come, until
// assembled. It is called by the reader.
func (c *conn) assemble() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closed {
		c.hold(c.memory - c.assembling)
		c.assembling = c.memory
	}
}

// assembled takes back what assemble has counted.
func (c *conn) assembled() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.assembledLocked()
}

// assembledLocked takes back what assemble has counted: the packet is complete, or the
// connection has ended.
func (c *conn) assembledLocked() {
	c.hold(-c.assembling)
	c.assembling = 0
}

// keepAuth counts n bytes of auth, for as long as a request or socket has it. It returns
// false if the client would have more than the limit in the namespaces that it is in or
// asks for. Auth of those that it has left counts in roomLocked, where a request waits.
func (c *conn) keepAuth(n int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if used := c.auth - c.leavingAuthLocked(); used > 0 && used+n > c.server.opts.InboxBytes {
		return false
	}
	c.auth += n
	c.hold(n)
	return true
}

// leavingAuthLocked returns the part of auth that is of sockets whose handlers, or
// middleware, still run after their end.
func (c *conn) leavingAuthLocked() (n int) {
	if c.extra == nil {
		return 0
	}
	for _, s := range c.extra.leaving {
		n += s.authCost
	}
	return n
}

// forgetAuth takes back what keepAuth has counted for a socket that has ended. While its
// handlers or middleware still run, it does nothing: conn.left does it then.
func (c *conn) forgetAuth(s *Socket) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.extra == nil || !slices.Contains(c.extra.leaving, s) {
		c.forgetAuthLocked(&s.authCost)
	}
}

// forgetAuthLocked takes back what keepAuth has counted, which is *cost.
func (c *conn) forgetAuthLocked(cost *int) {
	c.auth -= *cost
	c.hold(-*cost)
	*cost = 0
}
