package socketio

import (
	"errors"
	"slices"

	"github.com/seed96b07ef8/socketio/adapter"
	"github.com/seed96b07ef8/socketio/engine"
)

// Connection state recovery (Socket.IO protocol v5). The adapter keeps the
// sessions and the packets; here is when it does.

// recoverableReasons are the ends of a connection that nobody wanted.
var recoverableReasons = []Reason{
	TransportError, TransportClose, ForcedClose, ForcedServerClose, PingTimeout, ServerShuttingDown,
}

var errSuperseded = errors.New("the client has come back over another connection")

// recoverer returns the adapter of the namespace if it can restore sockets.
func (n *Namespace) recoverer() adapter.Recoverer {
	if n.server.opts.Recovery == nil {
		return nil
	}
	r, _ := n.adapter.(adapter.Recoverer)
	return r
}

// recoverable reports whether the socket is connected and has a session.
func (s *Socket) recoverable() bool {
	return s.pid != "" && s.isConnected()
}

// restore looks for the session that the client asks for, and gives the socket a
// private ID.
func (s *Socket) restore() *adapter.Session {
	r := s.nsp.recoverer()
	if r == nil || s.conn.legacy() {
		return nil
	}
	var auth struct {
		PID    string `json:"pid"`
		Offset string `json:"offset"`
	}
	// Anything but strings is no session.
	if err := s.auth.DecodeAt(0, &auth); err == nil && auth.PID != "" {
		if session := r.Restore(auth.PID, auth.Offset); session != nil {
			s.resume(auth.PID, session)
			return session
		}
	}
	s.pid = newID()
	return nil
}

// resume makes the socket what another was.
func (s *Socket) resume(pid string, session *adapter.Session) {
	data := session.Data
	if old, ok := session.Live.(peer); ok {
		// Its connection is dead, and only we did not know yet.
		data = old.Data()
		old.end(TransportClose, errSuperseded)
		if old.conn != s.conn {
			old.conn.engine.Close()
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.id, s.pid, s.recovered = session.ID, pid, true
	s.data = data
	s.rooms = slices.Clone(session.Rooms)
}

// giveBack returns the session of a socket whose connection has ended before it
// was connected: the client may try again.
func (s *Socket) giveBack(session *adapter.Session) {
	if session != nil {
		session.Data, session.Live = s.Data(), nil
		s.nsp.recoverer().Return(s.pid, session)
	}
}

// admit makes the socket known to the adapter and sends m, the answer to
// CONNECT, with what a recovered client has missed in front of it. Nothing that is
// broadcast from the moment on at which the client can know that it is connected
// passes it by, and nothing overtakes the answer.
func (s *Socket) admit(rooms []string, session *adapter.Session, m *engine.Message) {
	connected := func(missed []*adapter.Packet) {
		// When a Send fails, the end is in the inbox.
		for _, p := range missed {
			_ = s.conn.engine.Send(p.Message, p.Flags)
		}
		_ = s.conn.engine.Send(m, 0)
		s.release()
	}
	if r := s.nsp.recoverer(); r != nil && s.pid != "" {
		r.Admit(peer{s}, s.pid, rooms, session, connected)
		return
	}
	s.nsp.adapter.Add(peer{s})
	if len(rooms) > 0 {
		s.nsp.adapter.Join(peer{s}, len(rooms), rooms...)
	}
	connected(nil)
}

// joinHeld joins the rooms that others have joined the socket to while the adapter
// did not know it.
func (s *Socket) joinHeld() {
	for {
		s.mu.Lock()
		rooms := s.rooms
		s.rooms = nil
		s.added = len(rooms) == 0
		s.mu.Unlock()
		if len(rooms) == 0 {
			return
		}
		s.nsp.adapter.Join(peer{s}, s.nsp.server.opts.MaxRooms, rooms...)
	}
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
	s.held = append(s.held, p)
	return true
}

// release sends what was held back.
func (s *Socket) release() {
	for {
		s.mu.Lock()
		held := s.held
		s.held = nil
		if len(held) == 0 {
			s.admitted.Store(true)
			dropped := s.dropped
			s.mu.Unlock()
			if dropped {
				s.sendDisconnect()
			}
			return
		}
		s.mu.Unlock()
		for _, p := range held {
			_ = s.conn.engine.Send(p.Message, p.Flags)
		}
	}
}

// park keeps the session of a socket that has ended, if its client may come back.
func (s *Socket) park(reason Reason) {
	if r := s.nsp.recoverer(); r != nil && s.pid != "" && slices.Contains(recoverableReasons, reason) {
		r.Persist(peer{s}, s.pid, s.Data())
	}
}

// forget drops the session of a socket whose client will not come back.
func (s *Socket) forget(reason Reason) {
	if r := s.nsp.recoverer(); r != nil && s.pid != "" && !slices.Contains(recoverableReasons, reason) {
		r.Forget(peer{s}, s.pid)
	}
}
