package engine

import "sync"

// Flags modify how a message is sent.
type Flags uint8

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

	// protocolPacket marks what no overflow policy may drop.
	protocolPacket Flags = 1 << 7
)

// outbox is a FIFO of messages that holds memory only while it is not empty.
type outbox struct {
	n, bytes    int // messages, of which an entry may have several; see join
	freeN, free int // those of n and bytes that count for no limit
	head, tail  *chunk
	first, last uint8 // index of the oldest entry in head, and behind the newest in tail
}

type entry struct {
	m     *Message
	flags Flags
}

const chunkSize = 31

type chunk struct {
	entries [chunkSize]entry
	next    *chunk
}

var chunks = sync.Pool{New: func() any { return new(chunk) }}

func (o *outbox) push(e entry) {
	if o.tail == nil || o.last == chunkSize {
		c := chunks.Get().(*chunk)
		if o.tail == nil {
			o.head, o.first = c, 0
		} else {
			o.tail.next = c
		}
		o.tail, o.last = c, 0
	}
	o.tail.entries[o.last] = e
	o.last++
	o.count(e, 1)
}

// count adds an entry to the figures, or with -1 takes it out.
func (o *outbox) count(e entry, sign int) {
	n, size := sign*e.m.messages(), sign*e.m.Len()
	o.n += n
	o.bytes += size
	if e.flags&Essential != 0 {
		o.freeN += n
		o.free += size
	}
}

// join adds a text message to the newest entry, if that is small, of text, and for one
// connection only as well. It is for messages that leave in one write anyway, and for a
// WebSocket that takes them as they are.
func (o *outbox) join(text []byte) bool {
	if o.n == 0 {
		return false
	}
	e := &o.tail.entries[o.last-1]
	size := frameLen(1 + len(text))
	if e.flags != 0 || !e.m.own || !e.m.textOnly || e.m.Len()+size > maxOwnMessage {
		return false
	}
	e.m.appendText(text)
	e.m.more++
	o.n++
	o.bytes += size
	return true
}

// pushFront puts an entry before all others.
func (o *outbox) pushFront(e entry) {
	if o.n == 0 {
		o.push(e)
		return
	}
	if o.first == 0 {
		c := chunks.Get().(*chunk)
		c.next = o.head
		o.head, o.first = c, chunkSize
	}
	o.first--
	o.head.entries[o.first] = e
	o.count(e, 1)
}

// pop removes the oldest entry. The outbox must not be empty.
func (o *outbox) pop() entry {
	c := o.head
	e := c.entries[o.first]
	c.entries[o.first] = entry{}
	o.first++
	o.count(e, -1)
	if o.n == 0 || o.first == chunkSize {
		o.head, o.first = c.next, 0
		if o.head == nil {
			o.tail, o.last = nil, 0
		}
		c.next = nil
		chunks.Put(c)
	}
	return e
}

// peek returns the oldest message.
func (o *outbox) peek() *Message { return o.head.entries[o.first].m }

func (o *outbox) clear() {
	for o.n > 0 {
		o.pop()
	}
}
