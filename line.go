package socketio

// Requests for which there is no room for a further dynamic namespace wait in
// Server.line. The first of them gets the room, so that none is overtaken by a later one;
// a request for a namespace that exists needs no room and does not wait.

// isNextLocked reports whether room for a namespace is for r: no request waits for
// longer.
func (s *Server) isNextLocked(r *request) bool {
	first := s.line.Front()
	return first == nil || first == r.place
}

// lineUpLocked has r, which p has accepted, wait, unless it does already. Its connection
// takes it out again: see abandonLocked.
func (s *Server) lineUpLocked(r *request, p *ParentNamespace) {
	r.parent = p
	if r.place == nil {
		r.place = s.line.PushBack(r)
	}
}

// leaveLine takes r out of the line, if it is in it. Room that there may be for the next
// one is noticed by callNext, which cannot be called under the lock of a connection.
func (s *Server) leaveLine(r *request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.leaveLineLocked(r)
}

func (s *Server) leaveLineLocked(r *request) {
	if r.place != nil {
		s.line.Remove(r.place)
		r.place = nil
	}
}

// callNext has the first request in the line tried if there is room for it.
func (s *Server) callNext() {
	if r := s.next(); r != nil {
		r.conn.askNow()
	}
}

// next returns the first request in the line, or nil if there is none or no room for it.
func (s *Server) next() *request {
	s.mu.RLock()
	defer s.mu.RUnlock()
	first := s.line.Front()
	if first == nil || s.closed || s.dynamic >= s.opts.MaxDynamicNamespaces && s.empty.Len() == 0 {
		return nil
	}
	return first.Value.(*request)
}
