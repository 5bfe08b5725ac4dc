package engine

import (
	"encoding/base64"
	"io"
	"net/http"
	"time"

	"github.com/seed96b07ef8/socketio/internal/ws"
)

// maxAnswer is the size in bytes of a polling answer, unless a single packet is larger.
// A client on a slow link has the next chance to be pinged when it has received one, so
// an answer should take it less than a ping timeout.
const maxAnswer = 1 << 20

// takePayload takes messages for one polling payload from the outbox and appends them to
// dst: at most size bytes and so many packets, but at least one packet, and nothing
// behind a [Fence]. Of a message that does not fit it takes some of the packets; the
// others leave with the next payloads.
func (o *outbox) takePayload(dst []entry, size, packets int) []entry {
	size++ // for the separator that the first packet does not need
	for begun := false; o.n > 0 && packets > 0; begun = true {
		e := o.front()
		parts, taken := e.m.fit(size, packets)
		switch {
		case begun && (parts == 0 || e.flags&Fence != 0):
			return dst
		case parts == 0: // a packet of any size may be alone
			parts, taken = min(1, e.m.parts), size
		}
		o.pop()
		if parts < e.m.parts {
			rest := e
			e.m, rest.m = e.m.split(parts)
			o.putBack(rest)
			return append(dst, e)
		}
		size -= taken
		packets -= parts
		dst = append(dst, e)
	}
	return dst
}

// fit returns how many parts of m fit into a polling payload, of which size bytes and so
// many packets are left, and the bytes that they take, with separators.
func (m *Message) fit(size, packets int) (parts, taken int) {
	for rest := m.frames; len(rest) > 0 && parts < packets; parts++ {
		var op ws.Opcode
		var payload []byte
		op, payload, rest = ws.Frames(rest)
		n := 1 + len(payload)
		if op == ws.Binary {
			n = 2 + base64.StdEncoding.EncodedLen(len(payload))
		}
		if taken+n > size {
			break
		}
		taken += n
	}
	return parts, taken
}

// split returns the first parts of m, and the others.
func (m *Message) split(parts int) (head, rest *Message) {
	behind := m.frames
	for range parts {
		_, _, behind = ws.Frames(behind)
	}
	before := m.frames[:len(m.frames)-len(behind)]
	op, _, _ := ws.Frames(before)
	head = &Message{frames: before, parts: parts, textOnly: parts == 1 && op == ws.Text}
	return head, &Message{frames: behind, parts: m.parts - parts}
}

func setWriteTimeout(w http.ResponseWriter, timeout time.Duration) error {
	return http.NewResponseController(w).SetWriteDeadline(time.Now().Add(timeout))
}

// An answer is the answer to a GET while it is being written: a copy of messages. Writing
// takes however long the client takes, as long as it takes something within the write
// timeout, or until the connection is aborted. It is for polling what writeAll is for a
// WebSocket.
type answer struct {
	conn *Conn
	w    http.ResponseWriter
	size int // of the messages
	left int // bytes until the deadline is set anew

	// Guarded by the connection's mu.
	unsent uint32 // what it adds to poll.unsent
	cut    bool   // nothing more is to be written
	next   *answer
}

// beginLocked counts the answer, until end, among what the connection holds.
func (a *answer) beginLocked() {
	c := a.conn
	a.unsent = uint32(a.size)
	c.poll.unsent += a.unsent
	a.next, c.poll.answers = c.poll.answers, a
	if a.size > freeBytes {
		c.server.total.add(a.size)
		if c.state != closed {
			c.server.checkTotal()
		}
	}
}

func (a *answer) end() {
	c := a.conn
	c.mu.Lock()
	defer c.mu.Unlock()
	c.poll.unsent -= a.unsent
	at := &c.poll.answers
	for *at != a {
		at = &(*at).next
	}
	*at = a.next
	if a.size > freeBytes {
		c.server.total.add(-a.size)
	}
}

// cutAnswersLocked makes the writing of answers fail: a client that takes them slowly
// would keep their memory.
func (c *Conn) cutAnswersLocked() {
	for a := c.poll.answers; a != nil; a = a.next {
		a.cut = true
		// Where there are no deadlines, the writing fails before the next part.
		_ = http.NewResponseController(a.w).SetWriteDeadline(time.Unix(1, 0))
	}
}

// extend gives the client the write timeout to take the next part.
func (a *answer) extend() error {
	c := a.conn
	c.mu.Lock()
	defer c.mu.Unlock()
	if a.cut {
		return ErrClosed
	}
	if setWriteTimeout(a.w, c.server.opts.WriteTimeout) != nil {
		// Nothing bounds the writing, except what the server has, so it does not hold up
		// the heartbeat.
		c.poll.unsent -= a.unsent
		a.unsent = 0
	}
	a.left = corkLimit
	return nil
}

func (a *answer) Write(b []byte) (n int, err error) {
	for n < len(b) && err == nil {
		if a.left == 0 {
			if err = a.extend(); err != nil {
				break
			}
		}
		var written int
		written, err = a.w.Write(b[n:min(len(b), n+a.left)])
		n += written
		a.left -= written
		if err == nil && written == 0 {
			err = io.ErrShortWrite
		}
	}
	return n, err
}
