package engine

import (
	"sync"

	"github.com/seed96b07ef8/socketio/internal/seam"
)

// Flags modify how a message is sent.
type Flags uint16

const (
	// Volatile drops the message if the peer is not ready for it.
	Volatile Flags = 1 << iota
	// NoCompress sends the message uncompressed even if compression is enabled.
	NoCompress
	// Deferred only queues the message. The next message that is sent takes it along,
	// or [Conn.Flush], which must follow soon. No method of the handler is called
	// before that.
	Deferred
	// Lazy delays the message until the flusher goroutine reaches its connection, so
	// that messages queued meanwhile leave in the same write. Use it if more messages
	// are expected at once. The flag has no effect if much is queued already, or
	// together with Deferred.
	Lazy
	_ // essential
	// Fence holds back the message, and those sent after it, until the server has
	// read the messages sent before it, so it leaves in a request or a read of its
	// own. It affects only a [Client].
	Fence
	// Control marks a packet of the protocol above, such as a Socket.IO DISCONNECT,
	// without which the peer would have a wrong state of the session. No overflow
	// policy drops it, and it takes no room from other messages. Queued Control
	// messages are counted separately, against the same limits. Under any policy,
	// exceeding these ends a [Conn] with [TransportError] and [ErrOutboxFull], and
	// makes Send of a [Client] return ErrOutboxFull.
	Control

	// The flags below are internal: Send ignores them.

	// unfinished marks the rest of a message of which some parts have been sent.
	unfinished
	// protocolPacket marks an Engine.IO packet, of which only a few are queued at a
	// time.
	protocolPacket
	// counted marks a message counted by total.hold.
	counted
)

// essential marks a message that is bounded elsewhere, see [seam.Essential].
const essential Flags = seam.Essential

// serverFlags and clientFlags are the sets of flags that a caller of [Conn.Send] and
// [Client.Send] may set.
const (
	serverFlags = Volatile | NoCompress | Deferred | Lazy | essential | Control
	clientFlags = Volatile | NoCompress | essential | Control | Fence
)

// undroppable is the set of flags that exempt an entry from overflow policies.
const undroppable = essential | Control | unfinished | protocolPacket

// An outbox is a FIFO of messages that heartbeats overtake. It uses memory only while
// it is not empty.
type outbox struct {
	n, bytes int     // queued messages, several per entry after join; written by count
	messages queue   // entries that the overflow policy may drop
	special  *others // all other entries; nil if there are none
	next     uint32  // sequence number of the next entry
	total    *total  // counter of counted messages; nil before the first
}

// others holds the entries of an outbox that no overflow policy drops.
type others struct {
	first   [places]*Message // sent first, in this order
	kept    queue            // merged with outbox.messages by sequence number
	control usage            // of Control messages
	free    usage            // of all entries exempt from limits
}

type usage struct{ n, bytes int }

// A place is the slot of a packet that is sent before all messages. Each kind has one
// slot: a further heartbeat replaces the queued one, which says the same. RFC 6455,
// section 5.5.3 allows that for WebSocket pongs.
type place uint8

const (
	openPlace  place = iota // the open packet, always sent first
	pingPlace               // Engine.IO ping
	pongPlace               // Engine.IO pong
	framePlace              // WebSocket pong frame
	places
)

type entry struct {
	m     *Message
	flags Flags
	seq   uint32 // sequence number, set by push
}

// count adds n messages with flags, of size bytes in total, to the counters, or
// subtracts them if n and size are negative. It is the only place that changes the
// counters.
func (o *outbox) count(flags Flags, n, size int) {
	o.n += n
	o.bytes += size
	switch flags & undroppable {
	case 0:
	case Control:
		o.special.control.n += n
		o.special.control.bytes += size
	default:
		o.special.free.n += n
		o.special.free.bytes += size
	}
}

func (o *outbox) countIn(e entry) { o.count(e.flags, e.m.messages(), e.m.Len()) }

func (o *outbox) countOut(e entry) {
	o.count(e.flags, -e.m.messages(), -e.m.Len())
	if e.flags&counted != 0 {
		o.total.drop(e.m)
	}
}

// push appends an entry.
func (o *outbox) push(e entry) {
	e.seq = o.next
	o.next++
	if e.flags&undroppable == 0 {
		o.messages.push(e)
	} else {
		o.others().kept.push(e)
	}
	o.countIn(e)
}

// pushFirst puts a packet into its slot.
func (o *outbox) pushFirst(p place, m *Message) {
	s := o.others()
	if waiting := s.first[p]; waiting != nil {
		o.countOut(entry{m: waiting, flags: protocolPacket})
	}
	s.first[p] = m
	o.countIn(entry{m: m, flags: protocolPacket})
}

// putBack returns the rest of e, the entry popped last, to the front of the messages.
func (o *outbox) putBack(e entry) {
	e.flags |= unfinished
	if e.flags&counted != 0 {
		o.total.hold(e.m)
	}
	o.others().kept.pushFront(e) // e has the lowest sequence number
	o.countIn(e)
}

// pop removes the next entry. The outbox must not be empty.
func (o *outbox) pop() entry {
	if o.special != nil {
		return o.popAny()
	}
	e := o.messages.pop()
	o.countOut(e)
	return e
}

// popAny implements pop for an outbox with special entries.
func (o *outbox) popAny() (e entry) {
	s := o.special
	if p := s.taken(); p < places {
		e = entry{m: s.first[p], flags: protocolPacket}
		s.first[p] = nil
	} else {
		e = o.lane().pop()
	}
	o.countOut(e)
	if s.taken() == places && s.kept.empty() {
		o.special = nil
		*s = others{}
		special.Put(s)
	}
	return e
}

// dropOldest removes the oldest entry that an overflow policy may drop, and returns
// its number of messages.
func (o *outbox) dropOldest() int {
	e := o.messages.pop()
	o.countOut(e)
	return e.m.messages()
}

// front returns the entry that pop would return. The outbox must not be empty.
func (o *outbox) front() entry {
	if s := o.special; s != nil {
		if p := s.taken(); p < places {
			return entry{m: s.first[p], flags: protocolPacket}
		}
	}
	return *o.lane().front()
}

// back returns the entry that was pushed last, or the zero entry if it has left.
func (o *outbox) back() entry {
	if q := &o.messages; !q.empty() && q.back().seq == o.next-1 {
		return *q.back()
	}
	if s := o.special; s != nil && !s.kept.empty() && s.kept.back().seq == o.next-1 {
		return *s.kept.back()
	}
	return entry{}
}

// lane returns the queue that holds the next message.
func (o *outbox) lane() *queue {
	switch s := o.special; {
	case s == nil || s.kept.empty():
		return &o.messages
	case o.messages.empty() || int32(s.kept.front().seq-o.messages.front().seq) < 0: // the sequence numbers wrap around
		return &s.kept
	default:
		return &o.messages
	}
}

// join appends a text message to the newest entry if that is a small text message for
// this connection only. The caller makes sure that both leave in one write anyway, on
// a WebSocket that takes plain frames.
func (o *outbox) join(text []byte) bool {
	if o.messages.empty() || o.special != nil {
		return false
	}
	e := o.messages.back()
	size := frameLen(1 + len(text))
	if e.flags != 0 || !e.m.own || !e.m.textOnly || e.m.Len()+size > maxOwnMessage {
		return false
	}
	e.m.appendText(text)
	e.m.more++
	o.count(0, 1, size)
	return true
}

func (o *outbox) clear() {
	for o.n > 0 {
		o.pop()
	}
}

var special = sync.Pool{New: func() any { return new(others) }}

func (o *outbox) others() *others {
	if o.special == nil {
		o.special = special.Get().(*others)
	}
	return o.special
}

// taken returns the first occupied slot, or places if all are empty.
func (s *others) taken() place {
	for p, m := range s.first {
		if m != nil {
			return place(p)
		}
	}
	return places
}

// A queue is a FIFO of entries that uses memory only while it is not empty.
type queue struct {
	head, tail  *chunk
	first, last uint8 // index of the oldest entry in head, and after the newest in tail
}

const chunkSize = 31

type chunk struct {
	entries [chunkSize]entry
	next    *chunk
}

var chunks = sync.Pool{New: func() any { return new(chunk) }}

func (q *queue) empty() bool { return q.head == nil }

// front returns the oldest entry, and back the newest. The queue must not be empty.
func (q *queue) front() *entry { return &q.head.entries[q.first] }
func (q *queue) back() *entry  { return &q.tail.entries[q.last-1] }

func (q *queue) push(e entry) {
	if q.tail == nil || q.last == chunkSize {
		c := chunks.Get().(*chunk)
		if q.tail == nil {
			q.head, q.first = c, 0
		} else {
			q.tail.next = c
		}
		q.tail, q.last = c, 0
	}
	q.tail.entries[q.last] = e
	q.last++
}

// pushFront inserts an entry before all others.
func (q *queue) pushFront(e entry) {
	if q.empty() {
		q.push(e)
		return
	}
	if q.first == 0 {
		c := chunks.Get().(*chunk)
		c.next = q.head
		q.head, q.first = c, chunkSize
	}
	q.first--
	q.head.entries[q.first] = e
}

// pop removes the oldest entry. The queue must not be empty.
func (q *queue) pop() entry {
	c := q.head
	e := c.entries[q.first]
	c.entries[q.first] = entry{}
	q.first++
	if q.first == chunkSize || c == q.tail && q.first == q.last {
		q.head, q.first = c.next, 0
		if q.head == nil {
			q.tail, q.last = nil, 0
		}
		c.next = nil
		chunks.Put(c)
	}
	return e
}
