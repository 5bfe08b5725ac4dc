package adapter

import (
	"slices"
	"time"

	"github.com/seed96b07ef8/socketio/engine"
)

// A packetLog keeps packets that clients may have missed, in the order in which
// every client receives them. Recovery.mu guards it.
//
// An entry does not change after the next one is appended, so a [span] of the log can
// be read without the lock. Entries that are dropped meanwhile stay readable.
type packetLog struct {
	oldest, newest *logged            // nil while the log is empty
	numbers        map[uint64]*logged // the entries, by the number in their offset
	marks          []*logged          // the entries whose positions are multiples of markInterval
	last           uint64             // the position of the newest packet, dropped or not
	dropped        uint64             // the position of the last packet that was dropped
	droppedAt      time.Time          // when that was sent
	bytes          int                // what the entries hold
}

// logged is an entry of a packetLog.
type logged struct {
	event    string
	flags    engine.Flags
	message  *engine.Message
	target   Target
	only     string // the ID of the only socket that it is for, instead of target
	number   uint64 // in its offset
	position uint64
	at       time.Time
	size     int // what it holds
	next     *logged
}

// At most markInterval entries are skipped to find a position in the log.
const markInterval = 128

// entryOverhead is the memory of an entry besides its message's bytes and the names of
// rooms: the entry, the Message, its place in the map of numbers, and the allocator's
// rounding. Measured: 250 to 320 bytes.
const entryOverhead = 320

// nameOverhead is the memory of a room of a Target besides its name: a string header.
const nameOverhead = 16

// measure sets the size.
func (e *logged) measure() {
	e.size = entryOverhead + e.message.Len() + len(e.event)
	for _, rooms := range [][]string{e.target.Rooms, e.target.Except} {
		for _, room := range rooms {
			e.size += nameOverhead + len(room)
		}
	}
}

// append adds an entry, whose position it sets.
func (l *packetLog) append(e *logged) {
	l.last++
	e.position = l.last
	if l.newest == nil {
		l.oldest = e
	} else {
		l.newest.next = e
	}
	l.newest = e
	l.numbers[e.number] = e
	if e.position%markInterval == 0 {
		l.marks = append(l.marks, e)
	}
	e.measure()
	l.bytes += e.size
}

// drop removes the oldest entry. There must be one.
func (l *packetLog) drop() {
	e := l.oldest
	l.oldest = e.next
	if l.oldest == nil {
		l.newest = nil
	}
	l.dropped, l.droppedAt = e.position, e.at
	l.bytes -= e.size
	delete(l.numbers, e.number)
	if e.position%markInterval == 0 {
		l.marks[0] = nil
		l.marks = l.marks[1:]
	}
}

// clear drops all entries.
func (l *packetLog) clear() {
	for l.oldest != nil {
		l.drop()
	}
}

// has reports whether the log still has all packets behind position that were sent
// after a time.
func (l *packetLog) has(position uint64, after time.Time) bool {
	return position >= l.dropped || l.droppedAt.Before(after)
}

// A span is a part of a packetLog, up to its newest entry at the time.
type span struct {
	first, last *logged // nil: it is empty
}

// since returns the entries behind a position, and perhaps some before them.
func (l *packetLog) since(position uint64) span {
	if position >= l.last {
		return span{}
	}
	first := l.oldest
	if len(l.marks) > 0 && position+1 >= l.marks[0].position {
		first = l.marks[(position+1-l.marks[0].position)/markInterval]
	}
	return span{first, l.newest}
}

// missed returns the packets that a socket with the given ID has missed since it
// received the packet at position. They are copies that do not keep the log's
// entries in memory.
func (s span) missed(id string, position uint64, in presence) (missed []*Packet) {
	for e := s.first; e != nil; e = e.next {
		if e.position > position && e.isFor(id, in) {
			missed = append(missed, &Packet{Event: e.event, Flags: e.flags, Message: e.message.Bare()})
		}
		if e == s.last {
			break // its next may be set at any time
		}
	}
	return missed
}

// isFor reports whether a packet was for the socket with the given ID, whose rooms
// over time are in.
func (e *logged) isFor(id string, in presence) bool {
	if e.only != "" {
		return e.only == id
	}
	inside := func(room string) bool { return in.at(room, e.position) }
	return (e.target.Rooms == nil || slices.ContainsFunc(e.target.Rooms, inside)) &&
		!slices.ContainsFunc(e.target.Except, inside)
}
