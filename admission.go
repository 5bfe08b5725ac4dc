package socketio

import (
	"slices"

	"github.com/seed96b07ef8/socketio/adapter"
	"github.com/seed96b07ef8/socketio/engine"
	"github.com/seed96b07ef8/socketio/internal/seam"
)

// From the moment at which the adapter knows a socket until the server sends the CONNECT
// reply, packets for the socket are held. So the client receives everything that is
// broadcast after it can know that it is connected, and nothing overtakes the reply.

// early holds packets and rooms of a socket until the CONNECT reply is sent.
type early struct {
	rooms   []string         // those that the socket is to be in, until the adapter has it
	session *adapter.Session // that it was restored from, until it is connected or ends
	packets []*adapter.Packet
	bytes   int
	full    bool // the packets exceed the outbox's limits; welcome closes the connection
}

// admit makes the socket known to the adapter and sends m, the answer to
// CONNECT, with what a recovered client has missed in front of it. It returns false,
// and has done nothing, if the adapter has lost what the client has missed.
func (s *Socket) admit(session *adapter.Session, m *engine.Message) bool {
	if r := s.nsp.recoverer(); r != nil && s.pid != "" {
		return r.Admit(member{s}, s.pid, session, func(missed []*adapter.Packet) { s.welcome(m, missed) })
	}
	s.nsp.adapter.Add(member{s})
	s.welcome(m, nil)
	return true
}

// HandOver implements [adapter.Socket]: from now on the adapter has the rooms.
func (s member) HandOver() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.added = true
	if s.early == nil {
		return nil
	}
	return s.early.rooms
}

// joinLater notes rooms that a socket joins before it is connected. mu is held.
func (s *Socket) joinLater(rooms []string) error {
	e := s.beforehand()
	all := slices.Clone(e.rooms)
	for _, room := range rooms {
		if !slices.Contains(all, room) {
			all = append(all, room)
		}
	}
	if limit := s.nsp.server.opts.MaxRooms; len(all) > limit {
		return &LimitError{Option: "MaxRooms", Max: limit}
	}
	e.rooms = all
	return nil
}

// leaveLater notes a room that a socket leaves before it is connected. mu is held.
func (s *Socket) leaveLater(room string) {
	e := s.beforehand()
	e.rooms = slices.DeleteFunc(e.rooms, func(r string) bool { return r == room })
}

// welcome sends the packets that the client missed, the CONNECT reply, and the packets
// that were held. It sends the last two in one step under mu, so that a goroutine that
// sends, joins rooms, disconnects or shuts down in response to the reply acts after
// them. It sends the missed packets before, without mu, because everything else for
// this socket is still held.
func (s *Socket) welcome(m *engine.Message, missed []*adapter.Packet) {
	c := s.conn.engine
	send := func(m *engine.Message, flags engine.Flags) {
		_ = c.Send(m, flags|engine.Deferred) // when it fails, the end is in the inbox, or Flush brings it
	}
	// The log of the recovery is bounded by itself.
	for _, p := range missed {
		send(p.Message, p.Flags|seam.Essential)
	}
	s.mu.Lock()
	before := s.early
	if before != nil && before.full {
		s.mu.Unlock()
		c.Close()
		return
	}
	s.early = nil
	send(m, engine.Control)
	if before != nil {
		for _, p := range before.packets {
			send(p.Message, p.Flags)
		}
	}
	s.admitted.Store(true)
	s.mu.Unlock()
	c.Flush()
}

// hold keeps a packet that arrives before the CONNECT reply is sent. It returns false
// after the reply, and while middleware runs: what middleware emits is sent before the
// reply.
func (s *Socket) hold(p *adapter.Packet) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.holdPacketLocked(p)
}

func (s *Socket) holdPacketLocked(p *adapter.Packet) bool {
	if s.state == connecting || s.admitted.Load() {
		return false
	}
	e, limits := s.beforehand(), s.nsp.server.opts.Engine
	if e.full || len(e.packets) > 0 && (len(e.packets) >= limits.OutboxMessages || e.bytes+p.Message.Len() > limits.OutboxBytes) {
		e.packets, e.full = nil, true
		return true
	}
	e.packets = append(e.packets, p)
	e.bytes += p.Message.Len()
	return true
}

// beforehand returns where to note what waits. mu is held.
func (s *Socket) beforehand() *early {
	if s.early == nil {
		s.early = new(early)
	}
	return s.early
}
