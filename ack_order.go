package socketio

import (
	"time"

	"github.com/seed96b07ef8/socketio/internal/dispatch"
	"github.com/seed96b07ef8/socketio/parser"
)

// An acknowledgement takes its place among the events of its client: it is delivered
// when the events before it have been handled, unless a handler may be waiting for it.
// See docs/decisions/0013-order-of-acknowledgements.md.

// heldAcks are acknowledgements that have arrived and wait for events before them.
type heldAcks struct {
	list  []heldAck // in the order of arrival
	timer *time.Timer
	begun uint64 // of the inbox, when the timer was set
}

type heldAck struct {
	waiter     ackWaiter
	args       Args
	size, cost int
	after      uint64 // events that are to be handled first, counted as in inbox.popped
}

// A handler that has been running for this long may be waiting for an acknowledgement
// by way of another goroutine. It is the time after which a reader that is lent to a
// handler is replaced at the latest.
var ackPatience = dispatch.Patience

// acknowledged delivers an answer, or holds it. size is that of its messages, cost the
// memory that it holds. An answer to no pending request is ignored.
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

// mustWaitLocked reports whether there are events before an answer that arrives now,
// and it is not a handler that waits for it: one that was running when the question was
// asked, and still is.
func (s *Socket) mustWaitLocked(asked pendingAck) bool {
	if !s.working {
		return s.inbox.len() > 0
	}
	return asked.during != s.inbox.begun
}

// holdLocked keeps an answer until the events before it have been handled, or the handler
// of one of them takes too long. It returns false if as many are held as events may be.
func (s *Socket) holdLocked(a heldAck) bool {
	h := s.heldAcks
	switch {
	case h == nil:
		h = &heldAcks{begun: s.inbox.begun}
		h.timer = time.AfterFunc(ackPatience, s.releaseAcks)
		s.heldAcks = h
	case len(h.list) >= s.nsp.server.opts.InboxEvents:
		return false
	}
	a.after = s.inbox.popped + uint64(s.inbox.len())
	h.list = append(h.list, a)
	s.conn.hold(a.cost)
	return true
}

// takeDueLocked takes out the answers whose events have been handled, or with all set
// all of them.
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

// deliverDueLocked delivers the answers whose events have been handled. It releases mu
// meanwhile.
func (s *Socket) deliverDueLocked() {
	for due := s.takeDueLocked(false); len(due) > 0; due = s.takeDueLocked(false) {
		s.mu.Unlock()
		s.deliverHeld(due)
		s.mu.Lock()
	}
}

// releaseAcks delivers the answers that are held if one handler has been running since
// the timer was set. It runs on the timer's goroutine.
func (s *Socket) releaseAcks() {
	s.mu.Lock()
	h := s.heldAcks
	if h == nil {
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

// deliverHeld delivers answers that were held, all of them, also when a hook ends the
// goroutine. One that panics ends the socket.
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

// deliverAck passes an answer to its waiter.
func (s *Socket) deliverAck(a heldAck) {
	a.waiter.answered(s, ackResult{args: a.args})
	if f := s.hooks().AckReceived; f != nil {
		f(s, a.size)
	}
}
