package socketio

import (
	"math"
	"slices"

	"github.com/seed96b07ef8/socketio/adapter"
	"github.com/seed96b07ef8/socketio/engine"
)

// Between the moment at which the adapter knows a socket and the one at which the
// client is told that it is connected, what is sent to the socket is held back. So
// nothing that is broadcast from the moment on at which the client can know that
// it is connected passes it by, and nothing overtakes the answer.

// early is what waits for a client to be told that it is connected.
type early struct {
	rooms   []string     // what the socket is to be in
	changes []roomChange // what the adapter has yet to do
	packets []*adapter.Packet
	bytes   int
	full    bool // too much has come, and the connection is given up
}

// A roomChange is a call of Join, or Leave, for one room.
type roomChange struct {
	room string
	join bool
}

// admit makes the socket known to the adapter and sends m, the answer to
// CONNECT, with what a recovered client has missed in front of it. It returns false,
// and has done nothing, if the adapter has lost what the client has missed.
func (s *Socket) admit(session *adapter.Session, m *engine.Message) bool {
	rooms := s.handOverRooms()
	if r := s.nsp.recoverer(); r != nil && s.pid != "" {
		return r.Admit(peer{s}, s.pid, session, rooms, func(missed []*adapter.Packet) { s.welcome(m, missed) })
	}
	s.nsp.adapter.Add(peer{s})
	if len(rooms) > 0 {
		s.nsp.adapter.Join(peer{s}, math.MaxInt, rooms...) // the limit was applied
	}
	s.welcome(m, nil)
	return true
}

// handOverRooms returns the rooms that middleware has joined. What changes from then on
// is noted.
func (s *Socket) handOverRooms() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.handedOver = true
	if s.early == nil {
		return nil
	}
	return slices.Clone(s.early.rooms)
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
	added := all[len(e.rooms):]
	e.rooms = all
	for _, room := range added {
		s.noteChange(roomChange{room, true})
	}
	return nil
}

// leaveLater notes a room that a socket leaves before it is connected. mu is held.
func (s *Socket) leaveLater(room string) {
	e := s.beforehand()
	e.rooms = slices.DeleteFunc(e.rooms, func(r string) bool { return r == room })
	s.noteChange(roomChange{room, false})
}

// noteChange notes what was not handed over to the adapter. mu is held.
func (s *Socket) noteChange(c roomChange) {
	if s.handedOver {
		s.early.changes = append(s.early.changes, c)
	}
}

// changeRooms has the adapter do what was noted since. mu is held, and released
// meanwhile.
func (s *Socket) changeRooms() {
	for s.early != nil && len(s.early.changes) > 0 {
		changes := s.early.changes
		s.early.changes = nil
		s.mu.Unlock()
		for _, c := range changes {
			if c.join {
				s.nsp.adapter.Join(peer{s}, math.MaxInt, c.room) // the limit was applied
			} else {
				s.nsp.adapter.Leave(peer{s}, c.room)
			}
		}
		s.mu.Lock()
	}
}

// welcome sends what was missed, the answer to CONNECT, and what was held back. The
// last two are one step under mu: a goroutine that sends, joins rooms, disconnects or
// shuts down because the client has the answer comes behind them. What was missed is
// sent before, without mu, because all else for this socket is still held back.
func (s *Socket) welcome(m *engine.Message, missed []*adapter.Packet) {
	c := s.conn.engine
	send := func(m *engine.Message, flags engine.Flags) {
		_ = c.Send(m, flags|engine.Deferred) // when it fails, the end is in the inbox, or Flush brings it
	}
	// The log of the recovery is bounded by itself.
	for _, p := range missed {
		send(p.Message, p.Flags|engine.Essential)
	}
	s.mu.Lock()
	s.changeRooms()
	s.added = true
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
