package client

import (
	"iter"
	"weak"
)

// sockets are the sockets of a manager by namespace. Those that nothing but the program
// needs are kept by the program alone: a program that visits ever other namespaces must
// not fill the manager with sockets that it has forgotten. The manager's mu guards them.
type sockets struct {
	kept map[string]*Socket
	idle map[string]weak.Pointer[Socket]
	most int // kept sockets before those that are unused become idle
}

// minSockets is the number of sockets that are kept whether they are used or not.
const minSockets = 64

func newSockets() sockets {
	return sockets{kept: make(map[string]*Socket), idle: make(map[string]weak.Pointer[Socket]), most: minSockets}
}

// get returns the socket of a namespace, or nil.
func (ss *sockets) get(namespace string) *Socket {
	if s := ss.kept[namespace]; s != nil {
		return s
	}
	return ss.idle[namespace].Value()
}

// keep adds a socket, or has an idle one kept again.
func (ss *sockets) keep(s *Socket) {
	if ss.kept[s.namespace] == s {
		return
	}
	if len(ss.kept) >= ss.most {
		ss.sweep()
		ss.most = max(minSockets, 2*len(ss.kept))
	}
	delete(ss.idle, s.namespace)
	ss.kept[s.namespace] = s
	s.idle.Store(false)
}

// sweep makes unused sockets idle, and forgets idle ones that have been collected.
func (ss *sockets) sweep() {
	for namespace, w := range ss.idle {
		if w.Value() == nil {
			delete(ss.idle, namespace)
		}
	}
	for namespace, s := range ss.kept {
		s.idle.Store(true) // first, so that a concurrent use is seen here or sees it
		if !s.unused() {
			s.idle.Store(false)
			continue
		}
		delete(ss.kept, namespace)
		ss.idle[namespace] = weak.Make(s)
	}
}

// stay has the manager keep the socket again if it is idle: it is in use now. No lock is
// held.
func (s *Socket) stay() {
	if !s.idle.Load() {
		return
	}
	m := s.manager
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sockets.keep(s)
}

// used returns off, which removes a function that was registered with the socket, and has
// the socket stay.
func (s *Socket) used(off func()) func() {
	s.stay()
	return off
}

// all returns all sockets, idle ones included.
func (ss *sockets) all() iter.Seq[*Socket] {
	return func(yield func(*Socket) bool) {
		for _, s := range ss.kept {
			if !yield(s) {
				return
			}
		}
		for _, w := range ss.idle {
			if s := w.Value(); s != nil && !yield(s) {
				return
			}
		}
	}
}

// unused reports whether a socket that the program has forgotten would not be missed:
// it is not active, has neither functions nor options of its own, and nothing waits in
// it.
func (s *Socket) unused() bool {
	for _, n := range []int{
		len(s.surrounding.Load()), len(s.incoming.Load()), len(s.outgoing.Load()), len(s.connected.Load()), len(s.refused.Load()),
		len(s.disconnected.Load()), len(s.failed.Load()), len(s.drained.Load()),
	} {
		if n > 0 {
			return false
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.configured && s.listeners.Empty() && !s.active && s.life == nil && s.asked == nil &&
		len(s.buffer) == 0 && len(s.queue) == 0 && len(s.acks) == 0
}
