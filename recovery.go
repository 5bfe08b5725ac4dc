package socketio

import (
	"cmp"
	"errors"
	"slices"
	"time"

	"github.com/seed96b07ef8/socketio/adapter"
	"github.com/seed96b07ef8/socketio/engine"
)

// Recovery configures connection state recovery (Socket.IO protocol v5). Zero values
// mean the defaults.
//
// A client may reconnect before the server has noticed that the old connection is dead.
// The old socket, which has the same ID, is then disconnected with [TransportClose],
// and its OnDisconnect functions may still run when OnConnect is called for the new
// one.
type Recovery struct {
	// MaxDisconnection bounds the time between disconnection and recovery. Default 2
	// minutes.
	MaxDisconnection time.Duration
	// RunMiddleware runs the middleware for recovered clients, too. By default it is
	// skipped, because it has admitted the client before.
	RunMiddleware bool
	// MaxBytes bounds the bytes of the packets that a namespace keeps for disconnected
	// clients; the oldest are discarded first. Default 64 MiB.
	MaxBytes int
	// MaxSessions bounds the sessions of disconnected clients that a namespace keeps;
	// the oldest are discarded first. Default 100,000.
	MaxSessions int
}

// recovery checks the options of the recovery.
func (o *Options) recovery() error {
	r := *o.Recovery
	o.Recovery = &r
	if r.MaxDisconnection < 0 || r.MaxBytes < 0 || r.MaxSessions < 0 {
		return &engine.OptionError{Field: "Recovery", Value: r, Reason: "must not be negative"}
	}
	return nil
}

// recoveryOptions returns what an adapter is to know of the recovery, or nil without one.
func (o *Options) recoveryOptions() *adapter.RecoveryOptions {
	r := o.Recovery
	if r == nil {
		return nil
	}
	return &adapter.RecoveryOptions{
		MaxDisconnection: r.MaxDisconnection,
		Heartbeat: cmp.Or(o.Engine.PingInterval, engine.DefaultPingInterval) +
			cmp.Or(o.Engine.PingTimeout, engine.DefaultPingTimeout),
		MaxBytes:    r.MaxBytes,
		MaxSessions: r.MaxSessions,
		MaxRooms:    o.MaxRooms,
	}
}

// localAdapter returns the adapter of a namespace of a server that is no node of a cluster.
func localAdapter(h adapter.Host) adapter.Adapter {
	if opts := h.Recovery(); opts != nil {
		return adapter.NewRecovery(h, *opts)
	}
	return adapter.NewMemory(h)
}

// Connection state recovery (Socket.IO protocol v5). The adapter keeps the
// sessions and the packets; here is when it does.

// recoverableReasons are the disconnections that neither side requested.
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

// hasSession reports whether the socket is connected and the adapter has its session. An
// event that was logged before that would reach a recovered client twice: among those that
// it has missed, and among those that are held until the CONNECT reply.
func (s *Socket) hasSession() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state == connected && s.added && s.pid != ""
}

// restore looks for the session that the client asks for, and gives the socket a
// private ID. It returns false if there is none.
func (s *Socket) restore() bool {
	r := s.nsp.recoverer()
	if r == nil || s.conn.legacy() {
		return false
	}
	var auth struct {
		PID    string `json:"pid"`
		Offset string `json:"offset"`
	}
	// Anything but strings is not a session.
	if err := s.authArgs().DecodeAt(0, &auth); err == nil && auth.PID != "" && !s.afresh {
		if session := r.Restore(s.Context(), auth.PID, auth.Offset); session != nil {
			if s.resume(auth.PID, session) {
				return true
			}
			r.Forget(member{s}, auth.PID, session)
		}
	}
	s.mu.Lock()
	s.pid = newID()
	s.mu.Unlock()
	return false
}

// resume gives the socket the ID, rooms and data of a session. It returns false if the
// session's socket was disconnected for good.
func (s *Socket) resume(pid string, session *adapter.Session) bool {
	data := session.Data
	if old, ok := session.Live.(member); ok {
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
	e := s.beforehand()
	e.rooms, e.session = slices.Clone(session.Rooms), session
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

// takeSessionLocked returns the session that the socket was restored from, or nil if there
// is none or it was taken before: the goroutine that takes it admits, returns or drops it.
func (s *Socket) takeSessionLocked() *adapter.Session {
	if s.early == nil {
		return nil
	}
	session := s.early.session
	s.early.session = nil
	return session
}

// releaseSession gives up the session of a socket that has ended before it was connected.
// It drops the session if the client was refused or has left the namespace, and otherwise
// returns it to the adapter, so that the client may try again.
func (s *Socket) releaseSession() {
	s.mu.Lock()
	session, data, reason, err := s.takeSessionLocked(), s.data, s.reason.Reason, s.reason.Err
	s.mu.Unlock()
	switch {
	case session == nil:
	case reason == ServerNamespaceDisconnect, reason == ClientNamespaceDisconnect && err != errAskedAgain:
		s.nsp.recoverer().Forget(member{s}, s.pid, session)
	default:
		session.Data, session.Live = data, nil
		s.nsp.recoverer().Return(s.pid, session)
	}
}

var errNotRecovered = errors.New("while the client was being recovered, what it has missed was dropped, or the client has come back over another connection")

// startOver replaces a socket whose session can no longer be recovered by a new one.
// The client then gets a new ID and has to pass the middleware, as any new client.
func (s *Socket) startOver() {
	// In one step, so that what the client sends, DISCONNECT for example, is for one of them.
	s.conn.mu.Lock()
	s.mu.Lock()
	s.replaced = true
	if s.state == ended { // leave concludes it
		s.mu.Unlock()
		s.conn.mu.Unlock()
		s.unconnected()
		return
	}
	s.conn.hold(-s.inbox.dropEvents())
	cancel := s.endLocked(&DisconnectError{Reason: ServerNamespaceDisconnect, Err: errNotRecovered})
	s.mu.Unlock()
	next := s.conn.replaceLocked(s)
	s.conn.mu.Unlock()
	cancel()
	if next == nil { // the connection has ended
		s.depart()
		return
	}
	next.start()
}

// park keeps the session of an ended socket if its client may reconnect, and drops it
// otherwise, even if the session was created after the socket had ended.
func (s *Socket) park(reason Reason) {
	if r := s.nsp.recoverer(); r != nil && s.pid != "" && recoverable(reason) {
		r.Persist(member{s}, s.pid, s.Data())
	}
	s.forget(reason)
}

// forget drops the session of a socket that was connected and whose client cannot
// recover it.
func (s *Socket) forget(reason Reason) {
	if r := s.nsp.recoverer(); r != nil && s.pid != "" && !recoverable(reason) {
		r.Forget(member{s}, s.pid, nil)
	}
}

// revoke drops the session of an ended socket whose client has not reconnected yet.
func (s *Socket) revoke() {
	s.mu.Lock()
	pid, over := s.pid, s.state == ended
	s.mu.Unlock()
	if r := s.nsp.recoverer(); r != nil && over && pid != "" {
		r.Forget(member{s}, pid, nil)
	}
}
