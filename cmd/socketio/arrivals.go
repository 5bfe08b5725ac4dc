package main

import (
	"cmp"
	"sync"

	"github.com/seed96b07ef8/socketio/parser"
)

// arrivals keeps acknowledgements in the order in which they arrive. The client returns
// each to a goroutine of its own, and these run in any order. A nil *arrivals does nothing.
type arrivals struct {
	mu      sync.Mutex // guards what follows
	waiting map[ackKey]*turn
	asked   *turn           // of the question that was encoded last, until it is taken
	last    <-chan struct{} // closed when the acknowledgement that arrived last is shown
}

// An ackKey identifies a question: each socket numbers its own.
type ackKey struct {
	namespace string
	id        uint64
}

// A turn is the place of one acknowledgement in the order.
type turn struct {
	key   ackKey
	after <-chan struct{} // closed when it may be shown; nil until it has arrived
	shown chan struct{}   // closed when it is shown, or will not be
}

func newArrivals() *arrivals {
	none := make(chan struct{})
	close(none)
	return &arrivals{waiting: make(map[ackKey]*turn), last: none}
}

func keyOf(h parser.Header) ackKey { return ackKey{cmp.Or(h.Namespace, "/"), h.ID} }

// encoded notes a packet that is going to be sent.
func (a *arrivals) encoded(h parser.Header) {
	if a == nil || h.Type != parser.Event || !h.HasID {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	t := &turn{key: keyOf(h), shown: make(chan struct{})}
	a.waiting[t.key], a.asked = t, t
}

// decoded notes a packet that has arrived.
func (a *arrivals) decoded(h parser.Header) {
	if a == nil || h.Type != parser.Ack || !h.HasID {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if t := a.waiting[keyOf(h)]; t != nil && t.after == nil {
		t.after, a.last = a.last, t.shown
	}
}

// take returns the turn of the question that was encoded last, or nil if none has been
// since the last call.
func (a *arrivals) take() *turn {
	a.mu.Lock()
	defer a.mu.Unlock()
	t := a.asked
	a.asked = nil
	return t
}

// show calls f when what arrived before t has been shown; at once if t has not arrived.
// That t is late or has no answer does not delay others.
func (a *arrivals) show(t *turn, f func()) {
	if t == nil {
		f()
		return
	}
	defer close(t.shown)
	a.mu.Lock()
	delete(a.waiting, t.key)
	after := t.after
	a.mu.Unlock()
	if after != nil {
		<-after // its goroutine has its acknowledgement, or its timeout
	}
	f()
}
