package socketio

import (
	"github.com/seed96b07ef8/socketio/adapter"
	"github.com/seed96b07ef8/socketio/engine"
)

// Between the moment at which the adapter knows a socket and the one at which the
// client is told that it is connected, what is sent to the socket is held back. So
// nothing that is broadcast from the moment on at which the client can know that
// it is connected passes it by, and nothing overtakes the answer.

// early is what waits for a client to be told that it is connected.
type early struct {
	rooms   []string // joined by middleware
	packets []*adapter.Packet
	bytes   int
	full    bool // too much has come, and the connection is given up
}

// admit makes the socket known to the adapter and sends m, the answer to
// CONNECT, with what a recovered client has missed in front of it.
func (s *Socket) admit(session *adapter.Session, m *engine.Message) {
	if r := s.nsp.recoverer(); r != nil && s.pid != "" {
		r.Admit(peer{s}, s.pid, session, func(missed []*adapter.Packet) []string { return s.welcome(m, missed) })
		return
	}
	s.nsp.adapter.Add(peer{s})
	for rooms := s.welcome(m, nil); len(rooms) > 0; rooms = s.welcome(m, nil) {
		s.nsp.adapter.Join(peer{s}, s.nsp.server.opts.MaxRooms, rooms...)
	}
}

// welcome sends what was missed, the answer to CONNECT, and what was held back. It
// is one step for everybody else: whoever sends, joins rooms, disconnects or shuts
// down because the client has the answer comes behind all of it. Rooms that are
// to be joined before are returned instead.
func (s *Socket) welcome(m *engine.Message, missed []*adapter.Packet) (rooms []string) {
	c := s.conn.engine
	send := func(m *engine.Message, flags engine.Flags) {
		_ = c.Send(m, flags|engine.Deferred) // when it fails, the end is in the inbox, or Flush brings it
	}
	s.mu.Lock()
	before := s.early
	if before != nil && len(before.rooms) > 0 {
		rooms, before.rooms = before.rooms, nil
		s.mu.Unlock()
		return rooms
	}
	s.added = true
	if before != nil && before.full {
		s.mu.Unlock()
		c.Close()
		return nil
	}
	s.early = nil
	// The log of the recovery is bounded by itself.
	for _, p := range missed {
		send(p.Message, p.Flags|engine.Essential)
	}
	send(m, engine.Control)
	if before != nil {
		for _, p := range before.packets {
			send(p.Message, p.Flags)
		}
	}
	s.admitted.Store(true)
	s.mu.Unlock()
	c.Flush()
	return nil
}

// hold keeps a packet back that has come before the client has been told that it
// is connected. It returns false when that is done, and for a socket whose
// middleware still runs: what that emits comes before.
func (s *Socket) hold(p *adapter.Packet) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
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
