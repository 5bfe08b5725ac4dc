package client

import (
	"time"
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
