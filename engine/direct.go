package engine

import (
	"sync"

	"github.com/seed96b07ef8/socketio/internal/ws"
)

// joinCorkedLocked appends a message to the newest queued one if the connection is
// corked and no limit or flag prevents it.
func (c *Conn) joinCorkedLocked(text []byte, attachments [][]byte, flags Flags) bool {
	return c.state == open && c.corked && !c.writing && c.link != nil && !c.link.variant.deflate &&
		flags == 0 && len(attachments) == 0 && c.outbox.n < c.server.opts.OutboxMessages &&
		c.outbox.bytes+frameLen(1+len(text)) <= c.server.opts.OutboxBytes && c.outbox.join(text)
}

// directLocked reports whether the sender itself can write a message: the link has a
// raw socket, and nothing is queued or being written.
func (c *Conn) directLocked() bool {
	return c.link != nil && !c.writing && !c.corked && !c.overflowed && c.outbox.n == 0 && c.link.raw != nil
}

// writeVectorAndUnlock is writeAndUnlock for a vector, which holds text and
// attachments.
func (c *Conn) writeVectorAndUnlock(v *vector, text []byte, attachments [][]byte) error {
	link := c.link
	c.writing = true
	c.mu.Unlock()
	n, err := tryWritePieces(link.raw, v.pieces)
	c.mu.Lock()
	switch {
	case err != nil:
		return c.writeFailedAndUnlock(link, err)
	case n < v.size:
		// The rest has to wait, so copy it now.
		rest := NewTextMessage(text, attachments...)
		return c.writeAndUnlock(c, batch{bytes: rest.frames[n:], message: rest})
	case c.outbox.n > 0:
		return c.writeAndUnlock(c, c.gatherLocked(c))
	}
	c.writtenAndUnlock()
	return nil
}

// A vector is a message in pieces, written with one system call (writev).
type vector struct {
	pieces [][]byte
	size   int
	// Small pieces are copied into buf. used is the number of its used bytes; those
	// from start on are not in pieces yet.
	buf         *[]byte
	start, used int
}

var vectors = sync.Pool{New: func() any { return new(vector) }}

const (
	// smallPiece is the size up to which a piece is copied into buf.
	smallPiece = 2 << 10
	// maxParts is the maximum number of attachments in a vector.
	maxParts = 15
)

// vector sets v to a message in the form for this link. It returns false if that
// requires more than headers in front of the parts.
func (l *link) vector(v *vector, text []byte, attachments [][]byte, flags Flags) bool {
	size := frameLen(1 + len(text))
	for _, a := range attachments {
		size += frameLen(len(a))
	}
	if len(attachments) > 0 && (l.variant.revision3 || l.variant.base64) || len(attachments) > maxParts ||
		l.variant.deflate && flags&NoCompress == 0 && size >= l.way.threshold {
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

// add appends a payload.
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

// cut turns the unassigned bytes of buf into a piece.
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
