package socketio

import (
	"errors"
	"slices"

	"github.com/seed96b07ef8/socketio/adapter"
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
	return s.isConnected() && s.pid != "" // which does not change any more then
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
	s.mu.Lock()
	s.pid = newID()
	s.mu.Unlock()
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
			old.conn.engine.Abort()
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.id, s.pid, s.recovered = session.ID, pid, true
	s.data = data
	s.beforehand().rooms = slices.Clone(session.Rooms)
}

// giveBack returns the session of a socket whose connection has ended before it
// was connected: the client may try again.
func (s *Socket) giveBack(session *adapter.Session) {
	if session != nil {
		session.Data, session.Live = s.Data(), nil
		s.nsp.recoverer().Return(s.pid, session)
	}
}

// park keeps the session of a socket that has ended, if its client may come back.
func (s *Socket) park(reason Reason) {
	if r := s.nsp.recoverer(); r != nil && s.pid != "" && slices.Contains(recoverableReasons, reason) {
		r.Persist(peer{s}, s.pid, s.Data())
	}
}

// forget drops the session of a socket that was connected and whose client will not
// come back.
func (s *Socket) forget(reason Reason) {
	if r := s.nsp.recoverer(); r != nil && s.pid != "" && !slices.Contains(recoverableReasons, reason) {
		r.Forget(peer{s}, s.pid)
	}
}
