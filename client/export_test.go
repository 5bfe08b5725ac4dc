package client

import (
	"time"

	"github.com/seed96b07ef8/socketio/engine"
	"github.com/seed96b07ef8/socketio/parser"
)

// SetRandom replaces the source of chance of a manager that was not used yet.
func SetRandom(m *Manager, f func() float64) { m.random = f }

// Backoff is Options.backoff with the defaults.
func Backoff(o Options, attempt int, random float64) (time.Duration, error) {
	c, err := o.withDefaults()
	if err != nil {
		return 0, err
	}
	return c.backoff(attempt, random), nil
}

// Cached returns the number of managers that New may share.
func Cached() int {
	cache.mu.Lock()
	defer cache.mu.Unlock()
	return len(cache.managers)
}

// Session returns what a socket would recover its session with.
func (s *Socket) Session() (pid, offset string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pid, s.offset
}

// Waiting returns the number of events, and their bytes, that wait in a socket for
// the connection or for their acknowledgement.
func (s *Socket) Waiting() (messages, bytes, acks int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.buffer) + len(s.queue), s.bytes, len(s.acks)
}

// Waiters returns the number of callers of Connect who wait.
func (m *Manager) Waiters() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.waiters)
}

// Load returns the number of events in the inbox.
func (s *Socket) Load() int {
	events, _ := s.inbox.load()
	return events
}

// LoadBytes returns the memory that the events in the inbox count for.
func (s *Socket) LoadBytes() int {
	_, bytes := s.inbox.load()
	return bytes
}

// LoseAtOnce has the manager, which is connecting, get a connection that ends before
// its sockets use it.
func (m *Manager) LoseAtOnce() {
	m.mu.Lock()
	m.dialer.cancel()
	c := newConn(m)
	m.dialer, m.conn = nil, c
	m.mu.Unlock()
	m.ended(c, &DisconnectError{Reason: TransportClose})
}

// OpenAfter has the manager, which is connecting, get a connection on which the server
// has sent two pings and the transport has changed before engine.Dial returned, and again
// after it was closed.
func (m *Manager) OpenAfter() {
	m.mu.Lock()
	d := m.dialer
	m.mu.Unlock()
	c := newConn(m)
	c.OnPing(nil)
	c.OnUpgrade(nil, engine.WebSocket)
	c.OnPing(nil)
	_ = d.succeed(c, 0)
	d.cancel()
	m.ended(c, &DisconnectError{Reason: TransportClose})
	c.OnPing(nil)
	c.OnUpgrade(nil, engine.WebSocket)
}

// Reading returns a function that does what the reader of the present connection does
// with an event, whatever has happened since.
func (s *Socket) Reading() func(p *parser.Packet) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.life
	return func(p *parser.Packet) { s.take(task{event: p, life: l, size: 1}) }
}

// StartConnect is Connect up to where it waits for the result of the attempt, which
// the channel gets.
func (s *Socket) StartConnect() (<-chan error, error) {
	w := make(chan error, 1)
	return w, s.activate(w)
}

// StartConnect is Connect up to where it waits for the result of the attempt, which
// the channel gets.
func (m *Manager) StartConnect() (<-chan error, error) {
	w := make(chan error, 1)
	return w, m.hold(w)
}

// Sockets returns the number of sockets that the manager keeps, and of those that it
// only remembers.
func (m *Manager) Sockets() (kept, idle int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.sockets.kept), len(m.sockets.idle)
}

// Keeps reports whether the manager itself keeps the socket of a namespace.
func (m *Manager) Keeps(namespace string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.sockets.kept[namespace] != nil
}

// Remove is remove.
func Remove(list []*Outgoing, out *Outgoing) []*Outgoing { return remove(list, out) }

// Outgoing is an event on its way.
type Outgoing = outgoing

// HoldResume keeps what waits in a socket from being sent, beyond what the connection
// takes at once, until ReleaseResume.
func HoldResume(s *Socket) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.paused = true
}

// ReleaseResume has what waits sent.
func ReleaseResume(s *Socket) { s.resume() }

// RejectLate does what the reader of the present connection does with a refusal that came
// before the socket asked to join, and which it acts on now.
func RejectLate(s *Socket) error {
	s.manager.mu.Lock()
	c := s.manager.conn
	s.manager.mu.Unlock()
	return s.rejectedWith(c, nil, nil)
}

// Pending returns the number of events and of calls of hooks that wait in a socket's inbox.
func Pending(s *Socket) int { return s.inbox.pending() }

// PendingHooks returns the number of calls of functions that wait in a manager's inbox.
func PendingHooks(m *Manager) int { return m.inbox.pending() }
