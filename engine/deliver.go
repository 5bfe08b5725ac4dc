package engine

import (
	"fmt"
	"runtime/debug"

	"github.com/seed96b07ef8/socketio/internal/clip"
)

// deliver passes a message to the handler. The token receiving is held.
func (c *Conn) deliver(p packet) {
	if c.handler == nil || c.ended.Load() {
		return
	}
	data := p.handOver()
	c.busy.Store(true)
	c.handler.OnMessage(c, data, p.binary)
	c.busy.Store(false)
}

// deliverBatch calls OnBatch after the last message of a batch.
func (c *Conn) deliverBatch() {
	if h, ok := c.handler.(BatchHandler); ok {
		h.OnBatch(c)
	}
}

// deliverAndLend is deliverBatch on a goroutine that may be lent. It returns the work
// that the goroutine is lent to, or nil. The token receiving is held.
func (c *Conn) deliverAndLend(lendable bool) Work {
	defer func() { c.lendable, c.work = false, nil }()
	c.lendable = lendable
	c.deliverBatch()
	return c.work
}

// Lend lends the reader goroutine to work, which saves a switch to another goroutine.
// Only OnBatch may call it, and once. It returns false if the goroutine cannot be
// spared: over polling, where a request waits for its response; at the end of the
// connection; and if an idle connection keeps a goroutine, whose stack should stay
// small.
//
// The server reads nothing from the peer until work returns or [Conn.ReadOn] is
// called, so one of these must happen soon. [Server.Shutdown] waits for work until
// ReadOn is called.
func (c *Conn) Lend(work Work) bool {
	if !c.lendable {
		return false
	}
	c.lendable, c.work = false, work
	return true
}

// ReadOn makes another goroutine read from the peer if the reader goroutine is lent.
// Methods of the handler may then run concurrently with the [Work].
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

// do runs work.
func (c *Conn) do(work Work) {
	defer c.guard()
	work.Do()
}

// guard recovers from a panic of a handler and ends its connection. Other connections
// are not affected.
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

// receive handles a packet from the current transport (Engine.IO protocol v4, "Packet
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
	// Other types are ignored, as the reference server does: 0, 5 and 6 are invalid
	// from a client here, and 1 has no effect on a WebSocket, which is closed with a
	// close frame.
}
