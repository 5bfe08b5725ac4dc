package engine

import (
	"errors"
	"io"

	"github.com/seed96b07ef8/socketio/internal/seam"
	"github.com/seed96b07ef8/socketio/internal/ws"
)

// feed implements receiver.
func (c *Conn) feed(l *link, b []byte) (work seam.Work, more bool) {
	l.noteRead()
	if l.active {
		c.beat.arrived.note()
	}
	c.receiving.Lock()
	defer c.receiving.Unlock()
	defer c.guard()
	l.in.Push(b)
	for {
		m, ok, err := l.in.Next()
		switch {
		case err != nil:
			c.deliverBatch()
			c.disconnected(l, err)
			return nil, false
		case !ok:
			l.in.Park()
			return c.deliverAndLend(l.sparesReader()), true
		case !c.handle(l, m):
			c.deliverBatch()
			return nil, false
		}
	}
}

// handle processes one WebSocket message or control frame.
func (c *Conn) handle(l *link, m ws.Message) bool {
	switch m.Op {
	case ws.Pong:
		return true
	case ws.Ping:
		c.pong(c, l, m.Data)
		return true
	}
	p, err := l.packet(m)
	switch {
	case err != nil && l.active:
		c.fail(ParseError, err)
		return false
	case err != nil:
		l.giveUp(err)
		return false
	case !l.active:
		return l.probe(p)
	}
	if p.typ != packetMessage {
		l.noteHeartbeat()
	}
	c.receive(p)
	return !c.ended.Load()
}

// disconnected implements receiver.
func (c *Conn) disconnected(l *link, err error) {
	if !l.active {
		l.giveUp(err)
		return
	}
	reason := TransportError
	var ce *ws.CloseError
	switch {
	case errors.As(err, &ce) && ce.Remote, errors.Is(err, io.EOF):
		reason = TransportClose
	case ce != nil && ce.Code == ws.CloseTooLarge:
		c.server.logTooLarge(c, l.way.transport, 0)
	}
	c.fail(reason, err)
}

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
	if h, ok := c.handler.(seam.BatchHandler[*Conn]); ok {
		h.OnBatch(c)
	}
}

// deliverAndLend is deliverBatch on a goroutine that may be lent. It returns the work
// that the goroutine is lent to, or nil. The token receiving is held.
func (c *Conn) deliverAndLend(lendable bool) seam.Work {
	defer func() { c.lendable, c.work = false, nil }()
	c.lendable = lendable
	c.deliverBatch()
	return c.work
}

// do runs work.
func (c *Conn) do(work seam.Work) {
	defer c.guard()
	work.Do()
}

// guard recovers from a panic of a handler and ends its connection. Other connections
// are not affected.
func (c *Conn) guard() {
	if v := recover(); v != nil {
		c.busy.Store(false)
		c.fail(TransportError, logPanic(v, c.server.opts.Logger, c.id))
	}
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
