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

// hasSession reports whether the socket is connected and has a session.
func (s *Socket) hasSession() bool {
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
	// Anything but strings is not a session.
	if err := s.auth.DecodeAt(0, &auth); err == nil && auth.PID != "" {
		if session := r.Restore(auth.PID, auth.Offset); session != nil {
			if s.resume(auth.PID, session) {
				return session
			}
			r.Forget(peer{s}, auth.PID)
		}
	}
	s.mu.Lock()
	s.pid = newID()
	s.mu.Unlock()
	return nil
}

// resume makes the socket what another was. It returns false if that was disconnected
// for good.
func (s *Socket) resume(pid string, session *adapter.Session) bool {
	data := session.Data
	if old, ok := session.Live.(peer); ok {
		// Usually the server has not noticed yet that its connection is dead. But it may
		// have been disconnected for good, and its end not be handled yet.
		old.end(TransportClose, errSuperseded)
		if !recoverable(old.endReason()) {
			return false
		}
		data = old.Data()
		if old.conn != s.conn {
			old.conn.engine.Abort()
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.id, s.pid, s.recovered = session.ID, pid, true
	s.data = data
	s.beforehand().rooms = slices.Clone(session.Rooms)
	return true
}

func recoverable(reason Reason) bool { return slices.Contains(recoverableReasons, reason) }

// endReason returns why a socket that has ended did.
func (s *Socket) endReason() Reason {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.reason.Reason
}

// mayComeBack reports whether the socket has ended and its client may be recovered.
func (s *Socket) mayComeBack() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state == ended && s.added && s.pid != "" && recoverable(s.reason.Reason)
}

// giveBack returns the session of a socket whose connection has ended before it
// was connected: the client may try again.
func (s *Socket) giveBack(session *adapter.Session) {
	if session != nil {
		session.Data, session.Live = s.Data(), nil
		s.nsp.recoverer().Return(s.pid, session)
	}
}

// discard drops the session of a socket that was refused.
func (s *Socket) discard(session *adapter.Session) {
	if session != nil {
		s.nsp.recoverer().Forget(peer{s}, s.pid)
	}
}

var errNotRecovered = errors.New("what the client has missed was dropped while it was being recovered")

// startOver has a new socket take the place of one that was to be recovered and could
// not be admitted any more. The client gets that as it gets any new one: with its own
// ID, and by way of the middleware.
func (s *Socket) startOver() {
	s.mu.Lock()
	s.replaced = true
	if s.state == ended { // leave concludes it
		s.mu.Unlock()
		s.unconnected(nil)
		return
	}
	s.conn.hold(-s.inbox.dropEvents())
	cancel := s.endLocked(&DisconnectError{Reason: ServerNamespaceDisconnect, Err: errNotRecovered})
	s.mu.Unlock()
	cancel()
	s.conn.replace(s)
}

// park keeps the session of a socket that has ended if its client may come back, and
// drops it otherwise: also one that was made after the socket had ended.
func (s *Socket) park(reason Reason) {
	if r := s.nsp.recoverer(); r != nil && s.pid != "" && recoverable(reason) {
		r.Persist(peer{s}, s.pid, s.Data())
	}
	s.forget(reason)
}

// forget drops the session of a socket that was connected and whose client will not
// come back.
func (s *Socket) forget(reason Reason) {
	if r := s.nsp.recoverer(); r != nil && s.pid != "" && !recoverable(reason) {
		r.Forget(peer{s}, s.pid)
	}
}

// revoke drops the session of a socket that has ended and whose client has not come back
// yet.
func (s *Socket) revoke() {
	s.mu.Lock()
	pid, over := s.pid, s.state == ended
	s.mu.Unlock()
	if r := s.nsp.recoverer(); r != nil && over && pid != "" {
		r.Forget(peer{s}, pid)
	}
}
