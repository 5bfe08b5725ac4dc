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

// A steadyWriter writes an answer however long the client takes, as long as it takes
// something within the timeout, of which the first is set. It is for polling what
// writeAll is for a WebSocket.
type steadyWriter struct {
	w       http.ResponseWriter
	timeout time.Duration
	left    int // bytes until the deadline is set anew
}

func (s *steadyWriter) Write(b []byte) (n int, err error) {
	for n < len(b) && err == nil {
		if s.left == 0 {
			// Where the deadline is not supported, the server's own applies.
			_ = setWriteTimeout(s.w, s.timeout)
			s.left = corkLimit
		}
		var written int
		written, err = s.w.Write(b[n:min(len(b), n+s.left)])
		n += written
		s.left -= written
		if err == nil && written == 0 {
			err = io.ErrShortWrite
		}
	}
	return n, err
}
