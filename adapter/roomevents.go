package adapter

import (
	"cmp"
	"slices"
	"sync"
)

// roomEvents reports room events to the host in the order of the changes, one at a
// time and without a lock. A goroutine that changes a room reports all queued
// events, unless another goroutine is already doing so.
type roomEvents struct {
	host Host

	mu        sync.Mutex // guards what follows; taken after a shard's
	queue     []RoomEvent
	kept      int // of queue, when it was compacted last
	reporting bool
}

// maxRoomEvents is how many events may wait, because the application's functions are
// slower than the changes, before events that cancel each other out are dropped.
const maxRoomEvents = 1024

// note queues events. The caller holds the lock under which the room changed.
func (r *roomEvents) note(events ...RoomEvent) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.queue = append(r.queue, events...)
	if len(r.queue) > maxRoomEvents && len(r.queue) > 2*r.kept {
		r.compactLocked()
	}
}

// compactLocked drops events that later ones have undone. Of the events of a room, and
// of a socket in a room, it keeps the last, or none if their number is even. The
// remaining events lead to the same state in a possible order. Their number is bounded
// by the memberships that the application knows and those that exist, and does not grow
// with the number of changes.
func (r *roomEvents) compactLocked() {
	type subject struct{ room, socket string }
	last := make(map[subject]int)
	for i, e := range r.queue {
		s := subject{e.Room, e.Socket}
		if at, ok := last[s]; ok && r.queue[at].Kind != e.Kind {
			delete(last, s)
		} else {
			last[s] = i
		}
	}
	kept := r.queue[:0]
	for i, e := range r.queue {
		if at, ok := last[subject{e.Room, e.Socket}]; ok && at == i {
			kept = append(kept, e)
		}
	}
	clear(r.queue[len(kept):])
	orderByRoom(kept)
	r.queue, r.kept = kept, len(kept)
}

// orderByRoom puts the events of each room into the order in which they are possible once
// some were dropped: the room is created, sockets join, others leave, and it is deleted.
// Otherwise the last socket could leave before another joins, with the deletion and the
// creation in between dropped. The order among different rooms stays.
func orderByRoom(events []RoomEvent) {
	places := make(map[string][]int)
	for i, e := range events {
		places[e.Room] = append(places[e.Room], i)
	}
	for _, at := range places {
		list := make([]RoomEvent, len(at))
		for i, place := range at {
			list[i] = events[place]
		}
		slices.SortStableFunc(list, func(a, b RoomEvent) int { return cmp.Compare(a.Kind, b.Kind) })
		for i, place := range at {
			events[place] = list[i]
		}
	}
}

// report reports the queued events, unless another goroutine is doing so. The caller
// holds no lock.
func (r *roomEvents) report() {
	for r.begin() {
		r.reportAll()
	}
}

// begin returns true if events are queued and no other goroutine reports them.
func (r *roomEvents) begin() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.reporting || len(r.queue) == 0 {
		return false
	}
	r.reporting = true
	return true
}

// reportAll reports the queued events. If a function ends the goroutine with
// runtime.Goexit, a new goroutine reports the rest.
func (r *roomEvents) reportAll() {
	returned := false
	defer func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.reporting = false
		if !returned {
			go r.report() // until nothing is queued
		}
	}()
	for {
		e, ok := r.next()
		if !ok {
			break
		}
		r.host.RoomEvent(e)
	}
	returned = true
}

// next removes the oldest event.
func (r *roomEvents) next() (e RoomEvent, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.queue) == 0 {
		return e, false
	}
	e = r.queue[0]
	r.queue[0] = RoomEvent{}
	if r.queue = r.queue[1:]; len(r.queue) == 0 {
		r.queue, r.kept = nil, 0
	}
	return e, true
}

// joined queues the events for a socket that joined a room.
func (r *roomEvents) joined(room string, s Socket, created bool) {
	if !r.host.WantsRoomEvents() {
		return
	}
	e := RoomEvent{Kind: RoomJoined, Room: room, Socket: s.ID()}
	if created {
		r.note(RoomEvent{Kind: RoomCreated, Room: room}, e)
	} else {
		r.note(e)
	}
}

// left queues the events for a socket that left a room.
func (r *roomEvents) left(room string, s Socket, deleted bool) {
	if !r.host.WantsRoomEvents() {
		return
	}
	e := RoomEvent{Kind: RoomLeft, Room: room, Socket: s.ID()}
	if deleted {
		r.note(e, RoomEvent{Kind: RoomDeleted, Room: room})
	} else {
		r.note(e)
	}
}
