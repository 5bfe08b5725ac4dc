package socketio

import (
	"slices"
	"sync/atomic"

	"github.com/seed96b07ef8/socketio/parser"
)

// A budget counts the bytes that a connection holds for its client, for all sockets
// together: events that wait or are being handled, auth, and the messages of an
// incomplete packet. The connection's reader waits in await when there is no room.
type budget struct {
	held     atomic.Int64
	reported atomic.Int64                  // the part of held that the engine counts for the whole server
	wake     atomic.Pointer[chan struct{}] // wakes the reader; nil unless it waits for room
}

// reportStep is the change of held that is reported to the engine. All connections share
// the engine's counter, so smaller changes are not worth an update; the counter lacks up
// to reportStep bytes of each connection.
const reportStep = 64 << 10

// taskBytes is the memory of a place in an inbox.
const taskBytes = 48

// messageCost returns the memory that one message of a packet holds: the length of a
// text, and the capacity of binary data.
func messageCost(data []byte, binary bool) int {
	if binary {
		return cap(data)
	}
	return len(data)
}

// packetCost returns the memory that a packet holds until it is handled, besides that of
// its messages.
func packetCost(p *parser.Packet) int { return p.Held() + taskBytes }

// hold counts n bytes as held. A negative n releases them.
func (c *conn) hold(n int) {
	if n == 0 {
		return
	}
	b := &c.budget
	// Look again after a report, because other goroutines may have changed held meanwhile.
	for held := b.held.Add(int64(n)); ; held = b.held.Load() {
		reported := b.reported.Load()
		if held-reported < reportStep && (reported == 0 || held > reported-reportStep && held >= reportStep/2) {
			return
		}
		c.report(held, reported)
	}
}

// report sets what the engine counts for the connection from reported to held bytes. It
// does nothing if another goroutine has changed it since.
func (c *conn) report(held, reported int64) {
	if held < reportStep/2 {
		held = 0
	}
	if c.budget.reported.CompareAndSwap(reported, held) {
		c.engine.Hold(int(held - reported))
	}
}

// bytes returns the number of bytes held.
func (b *budget) bytes() int { return int(b.held.Load()) }

// wakeReader makes a reader that waits in await check again whether there is room.
func (b *budget) wakeReader() {
	wake := b.wake.Load()
	if wake == nil {
		return
	}
	select {
	case *wake <- struct{}{}:
	default: // the reader is about to check
	}
}

// await waits until room returns true. A goroutine that makes room calls wakeReader
// afterwards.
func (b *budget) await(room func() bool) {
	wake := make(chan struct{}, 1)
	b.wake.Store(&wake)
	defer b.wake.Store(nil)
	for !room() {
		<-wake
	}
}

// hasRoom reports whether the connection may hold another n bytes. The largest event that
// is being handled does not count, so that its handler may wait for what the client sends
// next. If nothing else is held, except auth, there is room for one event of any size.
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

// handling returns the cost of the event that is being handled, or 0 if there is none.
func (s *Socket) handling() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.inbox.handling
}

// assemble counts the messages of an incomplete packet, until assembled is called. The
// reader calls it.
func (c *conn) assemble() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closed {
		c.hold(c.memory - c.assembling)
		c.assembling = c.memory
	}
}

// assembled releases what assemble has counted.
func (c *conn) assembled() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.assembledLocked()
}

// assembledLocked releases what assemble has counted, because the packet is complete or
// the connection has ended.
func (c *conn) assembledLocked() {
	c.hold(-c.assembling)
	c.assembling = 0
}

// keepAuth counts n bytes of auth, until forgetAuth or forgetAuthLocked is called. It
// returns false, and counts nothing, if the client would then have more than InboxBytes of
// auth in the namespaces that it is in or asks for. Auth of namespaces that it has left is
// checked in roomLocked, which makes a request wait instead of refusing it.
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

// leavingAuthLocked returns the bytes of auth of ended sockets whose handlers, or
// middleware, still run.
func (c *conn) leavingAuthLocked() (n int) {
	if c.extra == nil {
		return 0
	}
	for _, s := range c.extra.leaving {
		n += s.authCost
	}
	return n
}

// forgetAuth releases the auth of a socket that has ended. It does nothing while handlers
// or middleware of the socket still run; conn.left releases the auth afterwards.
func (c *conn) forgetAuth(s *Socket) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.extra == nil || !slices.Contains(c.extra.leaving, s) {
		c.forgetAuthLocked(&s.authCost)
	}
}

// forgetAuthLocked releases *cost bytes that keepAuth has counted, and sets *cost to 0.
func (c *conn) forgetAuthLocked(cost *int) {
	if *cost == 0 {
		return
	}
	c.auth -= *cost
	c.hold(-*cost)
	*cost = 0
	c.budget.wakeReader()
}
