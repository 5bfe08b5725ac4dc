package engine

import (
	"sync"

	"github.com/seed96b07ef8/socketio/internal/ws"
)

// SendText is Send for a message that is for this connection only: text, which must
// be valid UTF-8, followed by attachments. The arguments are used during the call
// only. What leaves at once, as it does when nothing waits before it, is written
// from where it is; nothing of it is copied, large attachments least of all.
func (c *Conn) SendText(text []byte, attachments [][]byte, flags Flags) error {
	c.mu.Lock()
	if c.state == open && !c.overflowed && c.direct() && flags&(Deferred|Lazy) == 0 {
		v := vectors.Get().(*vector)
		defer v.release()
		if c.link.vector(v, text, attachments, flags) {
			return c.writeVector(v, text, attachments)
		}
	}
	if c.joinsCorked(text, attachments, flags) {
		return c.settle()
	}
	c.mu.Unlock()
	return c.Send(newOwnMessage(text, attachments), flags)
}

// joinsCorked adds a message to those that are held back, without any ado, if nothing
// speaks against it. mu is held.
func (c *Conn) joinsCorked(text []byte, attachments [][]byte, flags Flags) bool {
	return c.state == open && c.corked && !c.writing && c.link != nil && !c.link.variant.deflate &&
		flags == 0 && len(attachments) == 0 && c.outbox.n < c.server.opts.OutboxMessages &&
		c.outbox.bytes+frameLen(1+len(text)) <= c.server.opts.OutboxBytes && c.outbox.join(text)
}

// direct reports whether a message can be written by whoever sends it: there is a
// socket, and nothing else to be written before. mu is held.
func (c *Conn) direct() bool {
	return c.link != nil && !c.writing && !c.corked && !c.overflowed && c.outbox.n == 0 && c.link.raw != nil
}

// writeVector is write for a vector, which holds text and attachments. mu is held
// and released.
func (c *Conn) writeVector(v *vector, text []byte, attachments [][]byte) error {
	link := c.link
	c.writing = true
	c.mu.Unlock()
	n, err := tryWritePieces(link.raw, v.pieces)
	c.mu.Lock()
	switch {
	case err != nil:
		return c.writeFailed(link, err)
	case n < v.size:
		// The rest has to wait, so now it is copied.
		rest := NewTextMessage(text, attachments...)
		return c.write(batch{bytes: rest.frames[n:], message: rest})
	case c.outbox.n > 0:
		return c.write(c.gather())
	}
	c.written()
	return nil
}

// A vector is a message in pieces, which one system call writes.
type vector struct {
	pieces [][]byte
	size   int
	// Small pieces are copied together in buf, of which used bytes are taken and
	// those from start on are not among the pieces yet.
	buf         *[]byte
	start, used int
}

var vectors = sync.Pool{New: func() any { return new(vector) }}

const (
	// smallPiece is what is copied rather than written from where it is.
	smallPiece = 2 << 10
	// maxParts is how many attachments a vector has at most.
	maxParts = 15
)

// vector makes v a message in the form that this link wants. It returns false when
// that needs more than putting headers in front of its parts.
func (l *link) vector(v *vector, text []byte, attachments [][]byte, flags Flags) bool {
	size := frameLen(1 + len(text))
	for _, a := range attachments {
		size += frameLen(len(a))
	}
	if len(attachments) > 0 && (l.variant.revision3 || l.variant.base64) || len(attachments) > maxParts ||
		l.variant.deflate && flags&NoCompress == 0 && size >= l.threshold {
		return false
	}
	v.buf, v.size = getBuffer(), size
	v.used = len(append(ws.AppendHeader((*v.buf)[:0], ws.Text, false, 1+len(text)), byte(packetMessage)))
	v.add(text)
	for _, a := range attachments {
		v.used = len(ws.AppendHeader((*v.buf)[:v.used], ws.Binary, false, len(a)))
		v.add(a)
	}
	v.cut()
	return true
}

func frameLen(n int) int { return ws.HeaderLen(n) + n }

// add adds a payload.
func (v *vector) add(b []byte) {
	if len(b) <= smallPiece && v.used+len(b)+maxParts*ws.MaxHeader <= len(*v.buf) {
		v.used += copy((*v.buf)[v.used:], b)
		return
	}
	if len(b) > 0 {
		v.cut()
		v.pieces = append(v.pieces, b)
	}
}

// cut makes a piece of what has gathered in buf.
func (v *vector) cut() {
	if v.used > v.start {
		v.pieces = append(v.pieces, (*v.buf)[v.start:v.used])
		v.start = v.used
	}
}

func (v *vector) release() {
	if v.buf != nil {
		putBuffer(v.buf)
	}
	clear(v.pieces)
	*v = vector{pieces: v.pieces[:0]}
	vectors.Put(v)
}
