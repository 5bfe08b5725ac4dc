package socketio

import (
	"time"

	"github.com/seed96b07ef8/socketio/internal/dispatch"
	"github.com/seed96b07ef8/socketio/parser"
)

// Acknowledgements are delivered in order with the events of the client: when the events
// that arrived before have been handled, unless a handler may be waiting for the
// acknowledgement. See docs/decisions/0013-order-of-acknowledgements.md.

// heldAcks holds acknowledgements until the events before them have been handled.
type heldAcks struct {
	list  []heldAck // in the order of arrival
	timer *time.Timer
	begun uint64 // inbox.begun when the timer was set
}

type heldAck struct {
	waiter     ackWaiter
	args       Args
	size, cost int
	after      uint64 // deliver when inbox.popped has reached this number
}

// ackPatience is how long a handler may run before held acknowledgements are delivered
// without waiting for it: it may be waiting for one by way of another goroutine. After the
// same time, a reader that is lent to a handler is replaced.
var ackPatience = dispatch.Patience

// acknowledged delivers an acknowledgement, or holds it until the events before it have
// been handled. size is the length of its messages, cost the memory that it holds.
// acknowledged ignores an acknowledgement that was not requested, or arrives too late.
func (s *Socket) acknowledged(p *parser.Packet, size, cost int) {
	if !p.HasID {
		return
	}
	room := s.conn.budget.bytes()+cost <= s.nsp.server.opts.InboxBytes
	s.mu.Lock()
	asked := s.takeAck(p.ID)
	if asked.waiter == nil {
		s.mu.Unlock()
		return
	}
	a := heldAck{waiter: asked.waiter, args: p.Args, size: size, cost: cost}
	held := room && s.mustWaitLocked(asked) && s.holdLocked(a)
	s.mu.Unlock()
	if !held {
		s.deliverAck(a)
	}
}

// mustWaitLocked reports whether an acknowledgement that arrives now must wait for events
// that arrived before. It need not if the handler during which it was requested still
// runs, because that handler may be waiting for it.
func (s *Socket) mustWaitLocked(asked pendingAck) bool {
	if !s.working {
		return s.inbox.len() > 0
	}
	return asked.during != s.inbox.begun
}

// holdLocked holds an acknowledgement until the events before it have been handled, or a
// handler of one of them has run for ackPatience. It returns false if InboxEvents
// acknowledgements are held already.
func (s *Socket) holdLocked(a heldAck) bool {
	h := s.heldAcks
	switch {
	case h == nil:
		h = &heldAcks{begun: s.inbox.begun}
		h.timer = time.AfterFunc(ackPatience, func() { s.releaseAcks(h) })
		s.heldAcks = h
	case len(h.list) >= s.nsp.server.opts.InboxEvents:
		return false
	}
	a.after = s.inbox.popped + uint64(s.inbox.len())
	h.list = append(h.list, a)
	s.conn.hold(a.cost)
	return true
}

// takeDueLocked removes and returns the acknowledgements before which all events have been
// handled, or every acknowledgement if all is true.
func (s *Socket) takeDueLocked(all bool) []heldAck {
	h := s.heldAcks
	if h == nil {
		return nil
	}
	n := 0
	for n < len(h.list) && (all || h.list[n].after <= s.inbox.popped) {
		n++
	}
	due := h.list[:n:n]
	if h.list = h.list[n:]; len(h.list) == 0 {
		h.timer.Stop()
		s.heldAcks = nil
	}
	return due
}

// deliverDueLocked delivers the acknowledgements before which all events have been
// handled. It unlocks mu while it delivers them.
func (s *Socket) deliverDueLocked() {
	for due := s.takeDueLocked(false); len(due) > 0; due = s.takeDueLocked(false) {
		s.mu.Unlock()
		s.deliverHeld(due)
		s.mu.Lock()
	}
}

// releaseAcks delivers all acknowledgements in h if the handler that ran when the timer was
// set still runs, and otherwise sets the timer again. It runs on the timer's goroutine, and
// does nothing if h has been delivered meanwhile.
func (s *Socket) releaseAcks(h *heldAcks) {
	s.mu.Lock()
	if s.heldAcks != h {
		s.mu.Unlock()
		return
	}
	if h.begun != s.inbox.begun || !s.working {
		h.begun = s.inbox.begun
		h.timer.Reset(ackPatience)
		s.mu.Unlock()
		return
	}
	due := s.takeDueLocked(true)
	s.mu.Unlock()
	s.deliverHeld(due)
}

// deliverHeld delivers acknowledgements that were held. If a hook panics, it disconnects
// the socket. It delivers the others even if a hook panics or ends the goroutine.
func (s *Socket) deliverHeld(due []heldAck) {
	defer func() {
		if len(due) > 0 {
			s.deliverHeld(due)
		}
	}()
	for len(due) > 0 {
		a := due[0]
		due = due[1:]
		s.conn.hold(-a.cost)
		if s.nsp.protect(s.id, "", func() error { s.deliverAck(a); return nil }) != nil {
			s.Disconnect()
		}
	}
	s.conn.budget.wakeReader()
}

// deliverAck passes an acknowledgement to its waiter.
func (s *Socket) deliverAck(a heldAck) {
	a.waiter.answered(s, ackResult{args: a.args})
	if f := s.hooks().AckReceived; f != nil {
		f(s, a.size)
	}
}
