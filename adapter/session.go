package adapter

import (
	"container/list"
	"maps"
	"math"
	"slices"
	"time"
)

// session is a socket with a private ID, connected or not. Recovery.mu guards it.
type session struct {
	pid    string
	id     string
	start  uint64 // the client has received the packets up to this position
	socket Socket // nil without a connection
	data   any
	ended  time.Time // when the connection ended
	// The client has received everything sent before this time.
	received time.Time
	parked   time.Time // when it was last put at the end of absentees.byAge
	place    *list.Element
	stays    stays

	// While the session is being restored it stays among the absentees. The results of the
	// last Restore:
	claim    *Session // what it returned; nil unless the session is being restored
	live     Socket   // the former socket if it had not been persisted; nil without claim
	position uint64   // that of the last packet that the client has received
	restored uint64   // the position of the newest packet at that time
	handed   []string // its rooms at that time, without its own
}

// reconcile returns the rooms for a restored socket: those that it has after its
// middleware, with the changes that operations on rooms made meanwhile.
func (e *session) reconcile(rooms []string) []string {
	handed, final := setOf(e.handed), setOf(rooms)
	for room := range handed {
		if !e.stays.in(room) {
			delete(final, room)
		}
	}
	for room := range e.stays.since {
		if _, before := handed[room]; !before {
			final[room] = struct{}{}
		}
	}
	return slices.Collect(maps.Keys(final))
}

func setOf(names []string) map[string]struct{} {
	set := make(map[string]struct{}, len(names))
	for _, name := range names {
		set[name] = struct{}{}
	}
	return set
}

// maxStays bounds the past stays that a session remembers. A client whose recovery
// needs more is not recovered.
const maxStays = 1000

// stays records in which rooms a socket was, and when, in positions of the log. A
// socket has missed what was sent to its rooms while it was in them.
type stays struct {
	id        string            // of the socket, and the name of its own room
	since     map[string]uint64 // its other rooms, with the last position before it joined
	past      []stay            // ended stays, in the order of their ends
	notOwn    bool              // it has left its own room
	ownSince  uint64
	forgotten uint64 // stays that ended at this position or before it are not in past any more
}

// A stay begins after one packet and ends with another.
type stay struct {
	room       string
	begin, end uint64
}

// join records that the socket joins a room after the packet at position.
func (s *stays) join(room string, position uint64) {
	if room == s.id {
		if s.notOwn {
			s.notOwn, s.ownSince = false, position
		}
		return
	}
	if _, in := s.since[room]; in {
		return
	}
	if s.since == nil {
		s.since = make(map[string]uint64)
	}
	s.since[room] = position
}

// leave records that the socket leaves a room after the packet at position. It
// discards stays that ended before the oldest logged packet, which follows dropped.
func (s *stays) leave(room string, position, dropped uint64) {
	begin, in := s.since[room]
	switch {
	case in:
		delete(s.since, room)
	case room == s.id && !s.notOwn:
		begin, s.notOwn = s.ownSince, true
	default:
		return
	}
	if begin == position {
		return // nothing was sent meanwhile
	}
	for len(s.past) > 0 && s.past[0].end <= dropped {
		s.past = s.past[1:]
	}
	if len(s.past) == maxStays {
		s.forgotten = s.past[0].end
		s.past = s.past[1:]
	}
	s.past = append(s.past, stay{room, begin, position})
}

// keep ends the stays in all rooms but the given ones.
func (s *stays) keep(rooms []string, position, dropped uint64) {
	kept := setOf(rooms)
	for room := range s.since {
		if _, ok := kept[room]; !ok {
			s.leave(room, position, dropped)
		}
	}
}

// in reports whether the socket is in a room, which may be its own.
func (s *stays) in(room string) bool {
	_, in := s.since[room]
	return in || room == s.id && !s.notOwn
}

// rooms returns the rooms that the socket is in, without its own.
func (s *stays) rooms() []string {
	rooms := make([]string, 0, len(s.since))
	for room := range s.since {
		rooms = append(rooms, room)
	}
	return rooms
}

// presence is a copy of stays, by room.
type presence map[string][]stay

func (s *stays) presence() presence {
	p := make(presence, len(s.since)+1)
	if !s.notOwn {
		p[s.id] = []stay{{s.id, s.ownSince, math.MaxUint64}}
	}
	for room, begin := range s.since {
		p[room] = []stay{{room, begin, math.MaxUint64}}
	}
	for _, past := range s.past {
		p[past.room] = append(p[past.room], past)
	}
	return p
}

// at reports whether the socket was in a room when the packet at a position was sent.
func (p presence) at(room string, position uint64) bool {
	for _, s := range p[room] {
		if s.begin < position && position <= s.end {
			return true
		}
	}
	return false
}
