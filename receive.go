package socketio

import (
	"errors"
	"slices"

	"github.com/seed96b07ef8/socketio/engine"
	"github.com/seed96b07ef8/socketio/internal/clip"
	"github.com/seed96b07ef8/socketio/parser"
)

// OnMessage implements [engine.Handler].
func (c *conn) OnMessage(_ *engine.Conn, data []byte, binary bool) {
	c.size += len(data)
	c.memory += messageCost(data, binary)
	p, err := c.decoder.Decode(data, binary)
	if err != nil {
		c.violation(err)
		return
	}
	if p == nil {
		c.assemble() // attachments are to follow
		return
	}
	size, memory := c.size, c.memory
	c.size, c.memory = 0, 0
	if size != len(data) {
		c.assembled()
	}
	if c.legacy() {
		memory = max(memory, legacyPacket(p))
	}
	if p.Type == parser.Connect {
		c.join(p, memory)
		if p.Args.Len() == 0 {
			p.Release()
		}
		return
	}
	s := c.socket(p.Namespace)
	if s != nil && p.Type == parser.Event {
		if c.enqueue(s, p, size, memory+packetCost(p)) {
			return
		}
		s = nil
	}
	if s == nil && p.Type == parser.Disconnect && c.withdraw(p.Namespace) {
		return
	}
	if s != nil && p.Type == parser.Disconnect {
		s.end(ClientNamespaceDisconnect, nil) // even if middleware has not decided yet
		return
	}
	if s == nil || !s.isConnected() {
		if p.Type == parser.ConnectError || !c.wasOusted(p.Namespace) && !c.server.isClosed() {
			c.violation(errPacketOrder)
		}
		return
	}
	switch p.Type {
	case parser.Ack:
		s.acknowledged(p, size, memory+packetCost(p))
	default:
		c.violation(errPacketOrder)
	}
}

var errPacketOrder = errors.New("packet for a namespace that was not joined")

// enqueue appends an event, which holds cost bytes of memory, to the socket's inbox. It
// blocks while there is no room, which is the backpressure on a client that sends too
// much. If the socket ends or Shutdown begins meanwhile, enqueue drops the event. It
// returns false if the socket is not connected; the caller then still owns p.
func (c *conn) enqueue(s *Socket, p *parser.Packet, size, cost int) bool {
	for waited := false; ; waited = true {
		if waited && s.dropsEvents() {
			return true
		}
		if c.hasRoom(cost) {
			queued, full := s.enqueue(p, size, cost)
			if queued && !slices.Contains(c.ready, s) {
				c.ready = append(c.ready, s)
			}
			if !full {
				return queued || waited
			}
		}
		// Events that arrived for other namespaces do not wait for this one.
		c.startReady()
		s.start()
		c.budget.await(func() bool { return s.dropsEvents() || c.hasRoom(cost) && !s.inboxIsFull() })
	}
}

// enqueue appends an event if the socket takes events and its inbox is not full. size is
// the length of the event's messages.
func (s *Socket) enqueue(p *parser.Packet, size, cost int) (queued, full bool) {
	s.mu.Lock()
	ahead := s.inbox.len()
	takes := s.takesEventsLocked()
	full = takes && ahead >= s.nsp.server.opts.InboxEvents
	if full || !takes {
		s.mu.Unlock()
		return false, full
	}
	if f := s.hooks().EventReceived; f != nil {
		// Before the event can be handled. Only the reader adds events, so there is room
		// for it afterwards, too.
		s.mu.Unlock()
		f(s, p.Event, size, ahead)
		s.mu.Lock()
		if !s.takesEventsLocked() {
			s.mu.Unlock()
			return false, false
		}
	}
	t := s.inbox.push()
	t.cost, t.event = cost, p
	s.conn.hold(cost)
	if s.hooks().EventHandled != nil {
		t.at = clock()
	}
	s.mu.Unlock()
	return true, false
}

// takesEventsLocked reports whether the socket is connected and Shutdown has not begun.
func (s *Socket) takesEventsLocked() bool {
	return s.state == connected && !s.nsp.server.draining.Load()
}

// dropsEvents reports whether the socket has ended or Shutdown has begun.
func (s *Socket) dropsEvents() bool { return s.gone.Load() || s.nsp.server.draining.Load() }

// inboxIsFull reports whether InboxEvents events wait.
func (s *Socket) inboxIsFull() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.inbox.len() >= s.nsp.server.opts.InboxEvents
}

// OnBatch implements [seam.BatchHandler]: events that arrived with one read are
// handled together. The reader goroutine handles them itself if that delays no other
// socket: see docs/decisions/0009-reader-runs-handlers.md.
func (c *conn) OnBatch(*engine.Conn) {
	if len(c.ready) == 1 && c.single() && c.ready[0].borrowReader() {
		c.ready[0] = nil
		c.ready = c.ready[:0]
		return
	}
	c.startReady()
}

// startReady starts workers for the sockets that have new events.
func (c *conn) startReady() {
	for i, s := range c.ready {
		s.start()
		c.ready[i] = nil
	}
	c.ready = c.ready[:0]
}

// violation closes the connection of a client that broke the protocol.
func (c *conn) violation(err error) {
	c.server.opts.Logger.Debug("socketio: protocol violation", "sid", c.engine.ID(), "error", clip.Log(err))
	c.mu.Lock()
	c.extraLocked().broken = err
	c.mu.Unlock()
	if c.engine.Transport() == engine.Polling && !c.engine.Writable() {
		// The client learns it with its next poll.
		for _, s := range c.all() {
			s.end(ForcedServerClose, err)
		}
	}
	c.engine.Close()
}
