package engine

import (
	"encoding/base64"
	"sync"
	"sync/atomic"

	"github.com/seed96b07ef8/socketio/internal/ws"
)

// A form is an encoding of a message for transports that do not take its frames as
// they are. The first connection that needs a form encodes it; others wait for that
// and share it. Encoding a few megabytes takes tens of milliseconds, so no
// connection's mutex is held meanwhile.
type form struct {
	next *form // of the same message
	kind formKind

	made  atomic.Bool // set once bytes is set
	mu    sync.Mutex  // held while bytes is encoded
	bytes []byte
}

type formKind uint8

const (
	framesForm     formKind = iota // the frames of the message, which need no encoding
	deflatedForm                   // frames with permessage-deflate
	base64Form                     // text frames; binary as base64
	pollingForm                    // packets of a polling payload
	typedForm3                     // frames; binary ones begin with the packet type
	typedDeflated3                 // the same with permessage-deflate
	base64Form3                    // text frames; binary as base64
	textPayload3                   // part of a text payload of polling
	binaryPayload3                 // part of a binary payload of polling
)

// encoders holds a function per form that appends a part of a message, given as the
// opcode and payload of a frame.
var encoders = [...]func(dst []byte, op ws.Opcode, payload []byte) []byte{
	deflatedForm:   ws.AppendDeflated,
	base64Form:     appendBase64Frame,
	pollingForm:    appendPollingPacket,
	typedForm3:     appendTypedFrame,
	typedDeflated3: appendTypedDeflated,
	base64Form3:    appendBase64Frame3,
	textPayload3:   appendText3,
	binaryPayload3: appendBinary3,
}

// form returns the form of a kind, which may not be encoded yet.
func (m *Message) form(kind formKind) *form {
	for {
		first := m.forms.Load()
		for f := first; f != nil; f = f.next {
			if f.kind == kind {
				return f
			}
		}
		f := &form{next: first, kind: kind}
		if m.forms.CompareAndSwap(first, f) {
			return f
		}
	}
}

// encode returns the bytes of f, a form of m, and whether this call encoded them. The
// bytes must not be modified.
func (f *form) encode(m *Message) (b []byte, made bool) {
	if f.made.Load() {
		return f.bytes, false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.made.Load() {
		return f.bytes, false
	}
	for op, payload := range m.all() {
		f.bytes = encoders[f.kind](f.bytes, op, payload)
	}
	f.made.Store(true)
	return f.bytes, true
}

// formBytes returns the size in bytes of all encoded forms.
func (m *Message) formBytes() (n int) {
	for f := m.forms.Load(); f != nil; f = f.next {
		if f.made.Load() {
			n += len(f.bytes)
		}
	}
	return n
}

// A variant determines the form in which a WebSocket connection takes messages.
type variant struct {
	revision3 bool
	base64    bool // the client cannot receive binary frames (b64 in the query)
	deflate   bool // permessage-deflate
}

// kind returns the form in which m is sent.
func (v variant) kind(m *Message) formKind {
	switch {
	case m.textOnly && v.deflate:
		return deflatedForm
	case m.textOnly:
		return framesForm
	case v.revision3 && v.base64:
		return base64Form3
	case v.revision3 && v.deflate:
		return typedDeflated3
	case v.revision3:
		return typedForm3
	case v.base64:
		return base64Form
	case v.deflate:
		return deflatedForm
	default:
		return framesForm
	}
}

func appendBase64Frame(dst []byte, op ws.Opcode, payload []byte) []byte {
	if op == ws.Binary {
		payload = appendBase64([]byte{'b'}, payload)
	}
	return ws.AppendFrame(dst, ws.Text, payload)
}

// appendPollingPacket appends a packet of a polling payload, separated from the
// previous one by 0x1e (Engine.IO protocol v4, "HTTP long-polling").
func appendPollingPacket(dst []byte, op ws.Opcode, payload []byte) []byte {
	if len(dst) > 0 {
		dst = append(dst, separator)
	}
	if op == ws.Binary {
		return appendBase64(append(dst, 'b'), payload)
	}
	return append(dst, payload...)
}

func appendBase64(dst, data []byte) []byte {
	return base64.StdEncoding.AppendEncode(dst, data)
}
