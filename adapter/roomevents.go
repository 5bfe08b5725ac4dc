package adapter

import "sync"

// roomEvents are told in the order in which rooms change, one at a time and without
// a lock: whoever finds that nobody tells does it, for the others, too.
type roomEvents struct {
	host Host

	mu      sync.Mutex // guards what follows; taken after a shard's
	queue   []RoomEvent
	kept    int // of queue, when it was compacted last
	telling bool
}

// When more events than this wait, because the application's functions are slower than
// the changes, those that cancel each other out are dropped.
const maxRoomEvents = 1024

// note queues events. The lock under which the room has changed is held.
func (r *roomEvents) note(events ...RoomEvent) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.queue = append(r.queue, events...)
	if len(r.queue) > maxRoomEvents && len(r.queue) > 2*r.kept {
		r.compactLocked()
	}
}

// compactLocked drops what has been undone since: of the events of a room, and of a
// socket in a room, the last is left, or none if there is an even number. What is left
// says how the rooms have changed altogether, in a possible order. It is at most as much
// as all memberships, those that the application knows of and those that there are, so
// it does not grow with the number of changes.
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
	r.queue, r.kept = kept, len(kept)
}

// tell tells what is queued, unless somebody else does. No lock is held.
func (r *roomEvents) tell() {
	for r.begin() {
		r.tellAll()
	}
}

// begin reports whether there is something to tell and nobody else does it.
func (r *roomEvents) begin() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.telling || len(r.queue) == 0 {
		return false
	}
	r.telling = true
	return true
}

// tellAll tells what is queued. Whoever is told may end the goroutine; then another
// one tells the rest.
func (r *roomEvents) tellAll() {
	returned := false
	defer func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.telling = false
		if !returned {
			go r.tell() // until nothing is queued
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

// next takes the oldest event out.
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

// joined notes that a socket has joined a room.
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

// left notes that a socket has left a room.
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
