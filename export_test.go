package socketio

import "time"

// Users returns the number of sockets that a namespace has, also of those whose
// handlers still run after their end.
func Users(n *Namespace) int {
	n.server.mu.Lock()
	defer n.server.mu.Unlock()
	return n.users
}

// Waiting returns the number of requests that wait for room for a dynamic namespace.
func Waiting(s *Server) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.line.Len()
}

// HeldBytes returns what the budget of a socket's connection counts.
func HeldBytes(s *Socket) int { return s.conn.budget.bytes() }

// ReaderWaits reports whether the reader of a socket's connection waits for room.
func ReaderWaits(s *Socket) bool { return s.conn.budget.wake.Load() != nil }

// Pending returns the number of events that wait for a socket's handlers.
func Pending(s *Socket) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.inbox.len()
}

// HeldAcks returns the number of acknowledgements that wait for events before them.
func HeldAcks(s *Socket) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.heldAcks == nil {
		return 0
	}
	return len(s.heldAcks.list)
}

// SetAckPatience sets how long acknowledgements wait for a handler, until it is restored.
func SetAckPatience(d time.Duration) (restore func()) {
	before := ackPatience
	ackPatience = d
	return func() { ackPatience = before }
}

// SetFollowPatience sets how long a socket waits for the one before it, until it is
// restored.
func SetFollowPatience(d time.Duration) (restore func()) {
	before := followPatience
	followPatience = d
	return func() { followPatience = before }
}

// SetAskInterval sets when requests that wait for room are tried again, until it is restored.
func SetAskInterval(d time.Duration) (restore func()) {
	before := askInterval
	askInterval = d
	return func() { askInterval = before }
}

// AsksNext reports whether the requests of a socket's connection will be tried again as soon
// as those that are being tried have been.
func AsksNext(s *Socket) bool {
	s.conn.mu.Lock()
	defer s.conn.mu.Unlock()
	return s.conn.extra != nil && s.conn.extra.askNext
}

// Idle reports whether nothing is being done for a socket.
func Idle(s *Socket) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.working
}

// HasExtra reports whether a socket's connection holds memory for what few have.
func HasExtra(s *Socket) bool {
	s.conn.mu.Lock()
	defer s.conn.mu.Unlock()
	return s.conn.extra != nil
}
