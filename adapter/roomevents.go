package adapter

import "sync"

// roomEvents are told in the order in which rooms change, one at a time and without
// a lock: whoever finds that nobody tells does it, for the others, too.
type roomEvents struct {
	host Host

	mu      sync.Mutex // guards what follows; taken after a shard's
	queue   []RoomEvent
	telling bool
}

// note queues events. The lock under which the room has changed is held.
func (r *roomEvents) note(events ...RoomEvent) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.queue = append(r.queue, events...)
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
		r.queue = nil
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
