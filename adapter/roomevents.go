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
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.telling {
		return
	}
	r.telling = true
	for len(r.queue) > 0 {
		queue := r.queue
		r.queue = nil
		r.mu.Unlock()
		for _, e := range queue {
			r.host.RoomEvent(e)
		}
		r.mu.Lock()
	}
	r.telling = false
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
