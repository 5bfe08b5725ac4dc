package engine

import (
	"sync"
	"sync/atomic"

	"github.com/seed96b07ef8/socketio/internal/ws"
)

// An outlet is the sending half of a Conn or a Client: the outbox, and the token of
// the goroutine that writes it to a WebSocket. Its mutex guards the whole connection.
type outlet struct {
	// ended is set when the state open has ended. It is the first field so that Warm
	// loads the cache line that Send needs.
	ended atomic.Bool

	state state
	// writing is the token of the goroutine that writes to the link: a sender for one
	// attempt that does not block, or a writer goroutine.
	writing bool
	// backlog is set while messages wait for the peer, until the writer goroutine or
	// a polling request has taken the last of them.
	backlog bool
	corked  bool

	mu     sync.Mutex // guards the rest of the connection, except where a comment says otherwise
	link   *link      // nil while the transport is polling
	outbox outbox
	unsent int // bytes taken from the outbox and not yet written
}

type state uint8

const (
	open     state = iota
	draining       // closed for the handler; earlier messages are being flushed
	closed
)

// A sender is the owner of an outlet, a [Conn] or a [Client]. Its methods are the
// parts of sending in which the two differ.
type sender interface {
	// sendableLocked reports whether a message or ping may be sent now.
	sendableLocked() bool
	// requestLocked makes polling send the outbox.
	requestLocked()
	// askLocked returns a ping that must precede the next message, or nil.
	askLocked() []byte
	// takeLocked takes the next entry from the outbox. tookLocked is called after the
	// entries of one write were taken.
	takeLocked() entry
	tookLocked()
	// goLocked runs f on a goroutine that the end of the connection waits for.
	goLocked(func())
	// counter returns the total that counts the memory of messages, or nil.
	counter() *total
	// writtenAndUnlock releases the token writing when nothing sendable is left.
	// writeFailedAndUnlock ends the connection after a failed write; it keeps the
	// token, because a frame may be half written and nothing can follow it.
	writtenAndUnlock()
	writeFailedAndUnlock(l *link, err error) error
}

// corkLimit is the number of queued bytes at which a corked connection is flushed
// anyway.
const corkLimit = 64 << 10

func (o *outlet) cork() {
	o.mu.Lock()
	o.corked = true
	o.mu.Unlock()
}

func (o *outlet) uncork(s sender) {
	o.mu.Lock()
	if !o.corked {
		o.mu.Unlock()
		return
	}
	o.corked = false
	_ = o.flushAndUnlock(s)
}

// noteWaitLocked records a backlog if the message that is about to be queued has to
// wait because the peer is not ready. Without a raw socket a write under way may
// block, so it counts as a backlog.
func (o *outlet) noteWaitLocked(ready bool) {
	o.backlog = o.backlog || !ready || o.writing && o.link.raw == nil
}

// waitingLocked reports whether the outbox has messages that are not held back.
func (o *outlet) waitingLocked(s sender) bool {
	return o.outbox.n > 0 && (!o.corked || o.outbox.bytes >= corkLimit) && s.sendableLocked()
}

// flushAndUnlock starts sending the outbox.
func (o *outlet) flushAndUnlock(s sender) error {
	switch {
	case !o.waitingLocked(s):
	case o.pollsLocked():
		s.requestLocked()
	case o.writing:
		// The holder of the token also takes the rest.
	default:
		o.writing = true
		return o.writeAndUnlock(s, o.gatherLocked(s))
	}
	o.mu.Unlock()
	return nil
}

// pong answers a WebSocket ping on l (RFC 6455, section 5.5.2), which is independent of
// Engine.IO's heartbeat.
func (o *outlet) pong(s sender, l *link, data []byte) {
	o.mu.Lock()
	if o.state == open && o.link == l {
		o.outbox.pushFirst(framePlace, pongFrame(data))
	}
	_ = o.flushAndUnlock(s)
}

func pongFrame(data []byte) *Message {
	return &Message{frames: ws.AppendFrame(nil, ws.Pong, data), parts: 1, textOnly: true}
}

// writeAndUnlock writes b, and messages queued meanwhile, as far as possible without
// blocking. A writer goroutine takes over the rest. The caller holds the token
// writing.
func (o *outlet) writeAndUnlock(s sender, b batch) error {
	l := o.link
	slow := false
	for range 4 {
		if l.raw == nil {
			break
		}
		o.mu.Unlock()
		n, err := l.tryWrite(b.bytes)
		o.mu.Lock()
		if err != nil {
			b.release()
			return s.writeFailedAndUnlock(l, err)
		}
		b.bytes = b.bytes[n:]
		if slow = len(b.bytes) > 0; slow {
			break // the socket's buffer is full
		}
		b.release()
		b = batch{}
		if !s.sendableLocked() {
			s.writtenAndUnlock()
			return nil
		}
		b = o.gatherLocked(s)
	}
	if o.state == closed {
		// Another goroutine closed the connection and the link during the write.
		b.release()
		o.mu.Unlock()
		return ErrClosed
	}
	o.backlog = o.backlog || slow
	b = o.noteUnsentLocked(s, b)
	s.goLocked(func() { o.writeLoop(s, l, b) })
	o.mu.Unlock()
	return nil
}

// resumeAndUnlock continues writing with the token, or releases it.
func (o *outlet) resumeAndUnlock(s sender) {
	if s.sendableLocked() {
		_ = o.writeAndUnlock(s, o.gatherLocked(s))
	} else {
		s.writtenAndUnlock()
	}
}

// writeLoop writes b and then the outbox until it is empty or the connection ends.
// Closing the link stops it, and so does the write deadline.
func (o *outlet) writeLoop(s sender, l *link, b batch) {
	for {
		err := l.write(b.bytes)
		if b.counted {
			s.counter().drop(b.message)
		}
		b.release()
		o.mu.Lock()
		o.unsent = 0
		if err != nil {
			_ = s.writeFailedAndUnlock(l, err)
			return
		}
		if !s.sendableLocked() {
			o.mu.Unlock()
			l.clearWriteDeadline()
			o.mu.Lock()
		}
		if !s.sendableLocked() {
			break
		}
		b = o.noteUnsentLocked(s, o.gatherLocked(s))
		o.mu.Unlock()
	}
	s.writtenAndUnlock()
}

// A batch holds the bytes of one write to a WebSocket, and the pooled buffer or the
// message that contains them, if any.
type batch struct {
	bytes   []byte
	buf     *[]byte
	message *Message
	counted bool // message is counted by total.hold
}

func (b batch) release() {
	if b.buf != nil {
		putBuffer(b.buf)
	}
	if b.message != nil {
		b.message.copied()
	}
}

// noteUnsentLocked records what the writer goroutine is about to write. A large
// message has left the outbox, so it counts here toward the total.
func (o *outlet) noteUnsentLocked(s sender, b batch) batch {
	o.unsent = len(b.bytes)
	if t := s.counter(); t != nil && b.message != nil && len(b.bytes) > freeBytes {
		b.counted = true
		t.hold(b.message)
		t.check()
	}
	return b
}

// gatherLocked takes messages from the outbox for one write of a useful size. One
// large message is passed on as it is, or masked into memory of its own; small
// messages are copied together. sendableLocked has returned true, and the caller
// holds the token writing, see unlocked.
func (o *outlet) gatherLocked(s sender) (b batch) {
	if ping := s.askLocked(); ping != nil {
		return batch{bytes: ping}
	}
	defer s.tookLocked()
	first := s.takeLocked()
	encoded := o.encodedLocked(s, first)
	size := o.link.size(first.m, len(encoded))
	switch {
	case !o.link.way.masked && (o.outbox.n == 0 || size >= bufferSize/2):
		return batch{bytes: encoded, message: first.m}
	case size > bufferSize:
		o.unlocked(size, func() { b.bytes = o.link.append(make([]byte, 0, size), encoded) })
		return b
	}
	buf := getBuffer()
	out := o.link.append((*buf)[:0], encoded)
	first.m.copied()
	for o.outbox.n > 0 {
		next := o.outbox.front()
		if next.flags&Fence != 0 || len(out)+o.link.size(next.m, next.m.Len()) > cap(out) {
			break
		}
		e := s.takeLocked()
		out = o.link.append(out, o.encodedLocked(s, e))
		e.m.copied()
	}
	return batch{bytes: out, buf: buf}
}

// encodedLocked returns the encoding of e, which has left the outbox, for the link,
// without the mask.
func (o *outlet) encodedLocked(s sender, e entry) (b []byte) {
	kind := o.link.kind(e)
	if kind == framesForm {
		return e.m.frames
	}
	o.unlocked(e.m.Len(), func() { b = s.counter().encoded(e.m, kind) })
	return b
}

// unlocked releases mu around f, which encodes or masks size bytes that have left the
// outbox. The token writing, which the caller holds, keeps the order. The connection
// may be closed when unlocked returns.
func (o *outlet) unlocked(size int, f func()) {
	o.unsent += size
	o.mu.Unlock()
	f()
	o.mu.Lock()
	o.unsent -= size
}
