package socketio

import (
	"sync"

	"github.com/seed96b07ef8/socketio/internal/clip"
)

// unanswered logs, once for each event name, that clients wait for acknowledgements
// that handlers do not send. The protocol has no packet for that, so clients cannot
// know.
type unanswered struct {
	mu     sync.RWMutex // guards events
	events map[string]struct{}
}

// Clients choose the names, so no more of them are logged.
const maxUnanswered = 64

// Why an event is not acknowledged, and what to do about it.
const (
	noHandler = "the event has no handler: register one, with On, in the namespace that the client is in"
	noResult  = "none of its handlers returns a result or an error: return one, or take an ack function as the last parameter"
)

// report logs that the client of s waits for the acknowledgement of an event.
func (u *unanswered) report(s *Socket, event, why string) {
	event = clip.Text(event, clip.Quote)
	if u.isKnown(event) || !u.add(event) {
		return
	}
	s.nsp.server.opts.Logger.Warn("socketio: a client waits for an acknowledgement that does not come; further ones for this event are not logged",
		"event", event, "nsp", clip.Text(s.nsp.name, clip.Quote), "sid", s.id, "reason", why)
}

// isKnown reports whether an event was logged, or as many as may be.
func (u *unanswered) isKnown(event string) bool {
	u.mu.RLock()
	defer u.mu.RUnlock()
	_, known := u.events[event]
	return known || len(u.events) >= maxUnanswered
}

// add notes an event. It returns false when another goroutine has noted it.
func (u *unanswered) add(event string) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	if _, known := u.events[event]; known || len(u.events) >= maxUnanswered {
		return false
	}
	if u.events == nil {
		u.events = make(map[string]struct{})
	}
	u.events[event] = struct{}{}
	return true
}
