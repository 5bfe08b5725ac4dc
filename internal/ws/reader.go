package ws

import (
	"encoding/binary"
	"math"
	"sync"
	"unicode/utf8"

	"github.com/seed96b07ef8/socketio/internal/blocks"
)

// Message is a complete message, or a control frame.
type Message struct {
	Op   Opcode
	Data []byte
	// Owned is set if the receiver owns the memory of Data, up to its capacity,
	// and may keep it. Otherwise Data is valid until Park.
	Owned bool
}

// Reader turns the bytes of one direction of a connection into messages. The
// loop around it is
//
//	buf := r.Space(scratch)
//	n := read(buf)
//	r.Push(buf[:n])
//	for {
//		m, ok, err := r.Next()
//		...
//	}
//	r.Park()
//
// After Park the Reader does not need scratch, so it can be returned to a pool
// before the next wait. A Reader is not safe for concurrent use.
type Reader struct {
	// MaxMessage is the longest message accepted, in bytes, also after
	// decompression.
	MaxMessage int32
	// Client is set at the client's end, where the peer's frames must not be
	// masked. At the server's end they must be masked (RFC 6455, section 5.1).
	Client bool
	// Deflate is set when permessage-deflate was negotiated.
	Deflate bool

	own bool // the Reader owns buf; otherwise it is the caller's scratch
	// buf holds the bytes that were pushed and not yet consumed. Between Park and
	// Push it is an incomplete header, or nil.
	buf     []byte
	frame   *incomplete // nil: none is under way
	message *fragmented // nil: none is under way
}

// Limit returns n as a value for MaxMessage, which is small because there are many
// Readers.
func Limit(n int) int32 { return int32(min(n, math.MaxInt32)) }

// incomplete is a frame whose header has arrived, but not all of its payload.
type incomplete struct {
	header
	// payload holds the received bytes. Its memory belongs to this frame alone, so
	// the receiver may pass it to package blocks.
	payload []byte
}

var incompletes = sync.Pool{New: func() any { return new(incomplete) }}

// fragmented is a message of which not all frames have arrived (RFC 6455, section
// 5.4).
type fragmented struct {
	op         Opcode
	compressed bool // its first frame had RSV1
	data       []byte
}

// trustedFrame is the size up to which a frame's memory is allocated when its
// header arrives. The memory of a larger frame grows with the received bytes,
// so a header alone cannot make the Reader hold a megabyte.
const trustedFrame = 64 << 10

// Space returns the memory to read the next bytes into: after the incomplete
// frame of a previous round, or at the start of scratch.
func (r *Reader) Space(scratch []byte) []byte {
	switch {
	case r.frame != nil:
		return r.frame.space()
	case r.buf != nil:
		return r.buf[len(r.buf):cap(r.buf)]
	}
	return scratch
}

// space returns the memory for the rest of the payload, or a part of it.
func (f *incomplete) space() []byte {
	n := len(f.payload)
	if n == cap(f.payload) {
		full := f.payload
		f.payload = append(f.allocate(n), full...)
		blocks.Put(full)
	}
	return f.payload[n:min(cap(f.payload), f.length)]
}

// allocate returns memory for a payload of which n bytes have arrived.
func (h header) allocate(n int) []byte {
	return blocks.Get(min(h.length, max(trustedFrame, 4*n)))[:0]
}

// Push adds bytes that were read into the memory that Space returned.
func (r *Reader) Push(b []byte) {
	if f := r.frame; f != nil {
		f.payload = f.payload[:len(f.payload)+len(b)]
		return
	}
	r.own = r.buf != nil
	if r.own {
		b = r.buf[:len(r.buf)+len(b)]
	}
	r.buf = b
}

// Park keeps an incomplete frame for the next round.
func (r *Reader) Park() {
	if len(r.buf) == 0 {
		r.buf = nil
		return
	}
	h, ok, _ := parseHeader(r.buf)
	switch {
	case ok:
		payload := r.buf[h.size:]
		r.frame = incompletes.Get().(*incomplete)
		*r.frame = incomplete{h, append(h.allocate(len(payload)), payload...)}
		r.buf = nil
	case !r.own || cap(r.buf) < MaxHeader:
		r.buf = append(make([]byte, 0, 2*MaxHeader), r.buf...)
	}
}

// Idle reports whether nothing of a message has been received.
func (r *Reader) Idle() bool { return r.buf == nil && r.frame == nil && r.message == nil }

// Next returns the next complete message or control frame of what was pushed.
// It returns false if it needs more bytes. An error is a [*CloseError]; the
// connection cannot be used afterwards.
func (r *Reader) Next() (m Message, ok bool, err error) {
	for {
		h, payload, owned, ok, err := r.next()
		if !ok {
			return m, false, err
		}
		if h.masked {
			mask(payload, h.key)
		}
		if h.op.control() {
			return controlFrame(h.op, payload)
		}
		if h.fin && r.message == nil {
			return r.complete(h.op, h.compressed, payload, owned)
		}
		if r.message == nil {
			r.message = &fragmented{op: h.op, compressed: h.compressed}
		}
		r.message.data = append(r.message.data, payload...)
		if h.fin {
			m := r.message
			r.message = nil
			return r.complete(m.op, m.compressed, m.data, true)
		}
	}
}

// next removes the next complete frame from the pushed bytes. It returns false if
// there is none.
func (r *Reader) next() (h header, payload []byte, owned, ok bool, err error) {
	if f := r.frame; f != nil {
		if len(f.payload) < f.length {
			return h, nil, false, false, nil
		}
		r.frame = nil
		h, payload = f.header, f.payload
		*f = incomplete{}
		incompletes.Put(f)
		return h, payload, true, true, nil
	}
	h, ok, err = parseHeader(r.buf)
	if ok {
		err = r.check(h)
	}
	end := h.size + h.length
	if !ok || err != nil || len(r.buf) < end {
		return h, nil, false, false, err
	}
	payload = r.buf[h.size:end:end]
	r.buf = r.buf[end:]
	return h, payload, r.own, true, nil
}

// check refuses a frame by its header, before its payload has arrived.
func (r *Reader) check(h header) error {
	switch h.op {
	case Text, Binary:
		if r.message != nil {
			return protocolError("message interrupted by another")
		}
	case Continuation:
		if r.message == nil {
			return protocolError("continuation of nothing")
		}
	case Close, Ping, Pong:
		if !h.fin || h.length > maxControlPayload {
			return protocolError("control frame fragmented or too long")
		}
	default:
		return protocolError("unknown opcode")
	}
	if h.compressed && (!r.Deflate || h.op != Text && h.op != Binary) {
		return protocolError("reserved bit set")
	}
	if h.masked == r.Client {
		return protocolError("wrong masking")
	}
	left := int(r.MaxMessage)
	if r.message != nil {
		left -= len(r.message.data)
	}
	if !h.op.control() && h.length > left {
		return errTooLarge
	}
	return nil
}

func (r *Reader) complete(op Opcode, compressed bool, payload []byte, owned bool) (Message, bool, error) {
	if compressed {
		inflated, err := inflate(payload, int(r.MaxMessage))
		if err != nil {
			return Message{}, false, err
		}
		payload, owned = inflated, true
	}
	if op == Text && !utf8.Valid(payload) {
		return Message{}, false, &CloseError{Code: CloseInvalidPayload, Reason: "invalid UTF-8"}
	}
	return Message{Op: op, Data: payload, Owned: owned}, true, nil
}

func controlFrame(op Opcode, payload []byte) (Message, bool, error) {
	if op == Close {
		return Message{}, false, closeFrame(payload)
	}
	return Message{Op: op, Data: payload}, true, nil
}

// closeFrame converts the payload of a close frame to the error that ends
// reading (RFC 6455, section 5.5.1).
func closeFrame(payload []byte) error {
	if len(payload) == 0 {
		return &CloseError{Code: CloseNoStatus, Remote: true}
	}
	if len(payload) == 1 {
		return protocolError("close frame of one byte")
	}
	code := int(binary.BigEndian.Uint16(payload))
	if !validCloseCode(code) {
		return protocolError("invalid close code")
	}
	if !utf8.Valid(payload[2:]) {
		return &CloseError{Code: CloseInvalidPayload, Reason: "invalid UTF-8 in a close frame"}
	}
	return &CloseError{Code: code, Reason: string(payload[2:]), Remote: true}
}

func validCloseCode(code int) bool {
	switch {
	case code >= 1000 && code <= 1003, code >= 1007 && code <= 1014:
		return true
	default:
		return code >= 3000 && code <= 4999
	}
}

// AppendClose appends a close frame. With [CloseNoStatus] its payload is empty.
func AppendClose(dst []byte, code int) []byte {
	if code == CloseNoStatus {
		return AppendHeader(dst, Close, false, 0)
	}
	return append(AppendHeader(dst, Close, false, 2), byte(code>>8), byte(code))
}
