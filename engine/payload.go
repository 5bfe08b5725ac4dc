package engine

import (
	"encoding/base64"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/seed96b07ef8/socketio/internal/ws"
)

// maxAnswer is the maximum size in bytes of a polling response, unless a single
// packet is larger. A client on a slow link receives the next ping only after the
// response, so receiving one should take less than a ping timeout.
const maxAnswer = 1 << 20

// takePayload takes messages for one polling payload from the outbox and appends them
// to dst: at most size bytes and the given number of packets, but at least one
// packet, and none behind a [Fence]. If a message does not fit, it takes some of its
// packets and leaves the others for later payloads.
func (o *outbox) takePayload(dst []entry, size, packets int) []entry {
	size++ // the first packet needs no separator
	for begun := false; o.n > 0 && packets > 0; begun = true {
		e := o.front()
		parts, taken := e.m.fit(size, packets)
		switch {
		case begun && (parts == 0 || e.flags&Fence != 0):
			return dst
		case parts == 0: // a single packet may have any size
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

// fit returns how many parts of m fit into the remaining size and packets of a
// polling payload, and their size in bytes, including separators.
func (m *Message) fit(size, packets int) (parts, taken int) {
	for op, payload := range m.all() {
		n := 1 + len(payload)
		if op == ws.Binary {
			n = 2 + base64.StdEncoding.EncodedLen(len(payload))
		}
		if parts == packets || taken+n > size {
			break
		}
		taken += n
		parts++
	}
	return parts, taken
}

// split returns the first parts of m as a message, and the rest as another.
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

// An answer is the response to a GET while it is being written, with a copy of the
// messages. It takes as long as the client needs, provided that the client accepts
// some bytes within each write timeout, or until the connection is aborted. It is the
// counterpart of link.write for polling.
type answer struct {
	conn *Conn
	w    http.ResponseWriter
	size int // bytes of the messages, or of the response if that is larger
	left int // bytes to write before the next deadline is set

	cuts sync.WaitGroup
	// Guarded by the connection's mu.
	unsent uint32 // its share of poll.unsent
	cut    bool   // the response was cut off
	next   *answer
}

// beginLocked counts the answer toward the memory of the connection until end is
// called.
func (a *answer) beginLocked() {
	c := a.conn
	a.unsent = uint32(a.size)
	c.poll.unsent += a.unsent
	a.next, c.poll.answers = c.poll.answers, a
	if a.size > freeBytes {
		c.server.total.add(a.size)
		if c.state != closed {
			c.server.total.check()
		}
	}
}

// resize counts the size of the response if it is larger than the messages, as with
// base64 and JSONP.
func (a *answer) resize(size int) {
	if size <= freeBytes || size <= a.size {
		return
	}
	c := a.conn
	c.mu.Lock()
	defer c.mu.Unlock()
	c.poll.unsent += uint32(size) - a.unsent
	a.unsent = uint32(size)
	if a.size > freeBytes {
		c.server.total.add(-a.size)
	}
	a.size = size
	c.server.total.add(size)
	if c.state != closed {
		c.server.total.check()
	}
}

func (a *answer) end() {
	c := a.conn
	c.mu.Lock()
	c.poll.unsent -= a.unsent
	at := &c.poll.answers
	for *at != a {
		at = &(*at).next
	}
	*at = a.next
	c.dropPollLocked()
	if a.size > freeBytes {
		c.server.total.add(-a.size)
	}
	c.mu.Unlock()
	a.cuts.Wait()
}

// A cut sets deadlines that make the transfers of polling requests fail. Deadlines
// may be set by application code that wraps an [http.ResponseWriter], so run is
// called without the connection's mu. A request waits for run before it returns,
// because a ResponseWriter must not be used afterwards.
type cut struct {
	post    *post
	answers []*answer
}

// postLocked schedules cutting off the body of a POST.
func (t *cut) postLocked(c *Conn) {
	if c.poll != nil && c.poll.post != nil && c.poll.post.reading {
		t.post = c.poll.post
		t.post.cuts.Add(1)
	}
}

// answersLocked schedules cutting off answers, because a slow client would keep their
// memory.
func (t *cut) answersLocked(c *Conn) {
	if c.poll == nil {
		return
	}
	for a := c.poll.answers; a != nil; a = a.next {
		if !a.cut {
			a.cut = true
			a.cuts.Add(1)
			t.answers = append(t.answers, a)
		}
	}
}

// run sets the deadlines. If deadlines are not supported, the request timeout does
// not work either, and the request ends when the client ends it, or with the next
// part of an answer.
func (t *cut) run() {
	if p := t.post; p != nil {
		defer p.cuts.Done()
		_ = http.NewResponseController(p.w).SetReadDeadline(time.Unix(1, 0))
	}
	for _, a := range t.answers {
		defer a.cuts.Done()
		_ = http.NewResponseController(a.w).SetWriteDeadline(time.Unix(1, 0))
	}
}

// extend starts the write timeout for the next part. A cut sets a.cut before its
// deadline, so extend either sees a.cut or is overridden by that deadline.
func (a *answer) extend() error {
	c := a.conn
	err := setWriteTimeout(a.w, c.server.opts.WriteTimeout)
	c.mu.Lock()
	defer c.mu.Unlock()
	if a.cut {
		return ErrClosed
	}
	if err != nil {
		// Without deadlines only the http.Server bounds the write, so it must not
		// keep the heartbeat waiting.
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
