package engine

import "sync"

// Flags modify how a message is sent.
type Flags uint16

const (
	// Volatile lets the message be lost when the peer is not ready for it.
	Volatile Flags = 1 << iota
	// NoCompress sends the message uncompressed where compression is enabled.
	NoCompress
	// Deferred only queues the message: it leaves with the next one that is sent,
	// or with [Conn.Flush], which has to follow soon. No method of the handler is
	// called before that.
	Deferred
	// Lazy lets the message wait, until a goroutine that does nothing else comes to
	// it, for others that it then leaves with: it is for messages of which more are
	// to be expected at once. It is sent like others where much waits already, and
	// means nothing together with Deferred.
	Lazy
	// Essential exempts the message from the limits of the outbox: it has room, is
	// not dropped, and takes no room of others. It is for what is bounded elsewhere.
	Essential
	// Fence holds the message, and what is sent after it, back until the server has
	// read what was sent before: it leaves in a request, or a read, of its own. It has
	// a meaning for a [Client] only.
	Fence
	// Control marks a packet of the protocol above, such as DISCONNECT of Socket.IO,
	// without which the peer has a wrong idea of the session. No overflow policy drops
	// it, and it takes no room of other messages. Control messages that wait are
	// counted by themselves, against the same limits, and with any policy a connection
	// for which there are too many ends with [TransportError] and [ErrOutboxFull]. It
	// has a meaning for a [Conn] only.
	Control

	// unfinished marks what is left of a message of which some parts have been sent.
	unfinished
	// protocolPacket marks a packet of Engine.IO, of which there are few at a time.
	protocolPacket
	// counted marks a message that total.hold has counted.
	counted
)

// undroppable is what no overflow policy drops.
const undroppable = Essential | Control | unfinished | protocolPacket

// outbox is a FIFO of messages, which heartbeats overtake. It holds memory only while it
// is not empty.
type outbox struct {
	n, bytes int     // messages that wait, of which an entry may have several, see join; written by count
	messages queue   // what the overflow policy is applied to
	special  *others // what it is not applied to; nil while there is nothing
	next     uint32  // the sequence number of the next entry
	total    *total  // what counted messages are counted in; nil before the first
}

// others is the part of an outbox that no overflow policy is applied to.
type others struct {
	first   [places]*Message // in this order, before all else
	kept    queue            // in order with outbox.messages, by sequence numbers
	control usage            // of Control messages
	free    usage            // of what no limit of the outbox is about: the rest
}

type usage struct{ n, bytes int }

// place is where a packet that leaves before all messages waits. There is one such
// packet of a kind: a further heartbeat takes the place of the one that waits, as it
// says the same. RFC 6455, section 5.5.3 allows that for WebSocket's pongs.
type place uint8

const (
	openPlace  place = iota // the open packet, which nothing may overtake
	pingPlace               // of Engine.IO
	pongPlace               // of Engine.IO
	framePlace              // the pong of WebSocket
	places
)

type entry struct {
	m     *Message
	flags Flags
	seq   uint32 // set by push
}

// count adds n messages with flags, size bytes together, to the figures, or takes them
// out if n and size are negative. Everything that joins or leaves the outbox is counted
// here and nowhere else.
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

// push adds an entry behind all others.
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

// pushFirst adds a packet that leaves before all messages.
func (o *outbox) pushFirst(p place, m *Message) {
	s := o.others()
	if waiting := s.first[p]; waiting != nil {
		o.countOut(entry{m: waiting, flags: protocolPacket})
	}
	s.first[p] = m
	o.countIn(entry{m: m, flags: protocolPacket})
}

// putBack puts what is left of e, the entry that was popped last, before all other
// messages.
func (o *outbox) putBack(e entry) {
	e.flags |= unfinished
	if e.flags&counted != 0 {
		o.total.hold(e.m)
	}
	o.others().kept.pushFront(e) // its sequence number is older than all others
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

// popAny is pop for an outbox with special entries.
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

// dropOldest removes the oldest message that an overflow policy may drop, and returns
// how many messages that was.
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

// back returns the entry that was pushed last, or none if it has left.
func (o *outbox) back() entry {
	if q := &o.messages; !q.empty() && q.back().seq == o.next-1 {
		return *q.back()
	}
	if s := o.special; s != nil && !s.kept.empty() && s.kept.back().seq == o.next-1 {
		return *s.kept.back()
	}
	return entry{}
}

// lane returns the queue that the next message is in.
func (o *outbox) lane() *queue {
	switch s := o.special; {
	case s == nil || s.kept.empty():
		return &o.messages
	case o.messages.empty() || int32(s.kept.front().seq-o.messages.front().seq) < 0: // they wrap around
		return &s.kept
	default:
		return &o.messages
	}
}

// join adds a text message to the newest entry, if that is small, of text, and for one
// connection only as well. It is for messages that leave in one write anyway, and for a
// WebSocket that takes them as they are.
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

// taken returns the first place in which a packet waits, or places.
func (s *others) taken() place {
	for p, m := range s.first {
		if m != nil {
			return place(p)
		}
	}
	return places
}

// queue is a FIFO of entries that holds memory only while it is not empty.
type queue struct {
	head, tail  *chunk
	first, last uint8 // index of the oldest entry in head, and behind the newest in tail
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

// pushFront puts an entry before all others.
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
