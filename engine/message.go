package engine

import (
	"encoding/base64"
	"slices"
	"sync/atomic"

	"github.com/seed96b07ef8/socketio/internal/ws"
)

// A Message is what is sent as a unit: one text or binary payload, or a text
// payload and the binary attachments that belong to it. Nothing another
// goroutine sends comes between its parts.
//
// A Message is immutable and may be sent on any number of connections, at the
// same time: what its transports need is encoded once and shared. That is what
// makes a broadcast cheap.
type Message struct {
	// frames are the parts as unmasked WebSocket frames, text parts with their
	// Engine.IO packet type in front. For a WebSocket it is what goes out; the
	// other encodings are derived from it.
	frames []byte

	parts    int
	textOnly bool
	own      bool // made by newOwnMessage, and small
	more     int  // text messages that have joined an own one

	holders atomic.Int32 // outboxes that it waits in, as counted by total

	deflated  atomic.Pointer[[]byte] // frames with permessage-deflate
	polling   atomic.Pointer[[]byte] // the parts as a polling payload
	revision3 atomic.Pointer[forms3] // what clients of revision 3 get
}

// NewTextMessage returns a message with one text payload, which must be valid
// UTF-8, followed by attachments. The arguments are copied.
func NewTextMessage(text []byte, attachments ...[]byte) *Message {
	m := new(Message)
	m.setText(text, attachments)
	return m
}

func (m *Message) setText(text []byte, attachments [][]byte) {
	size := ws.HeaderLen(1+len(text)) + 1 + len(text)
	for _, a := range attachments {
		size += ws.HeaderLen(len(a)) + len(a)
	}
	m.frames = slices.Grow(m.frames[:0], size)
	m.appendText(text)
	for _, a := range attachments {
		m.frames = ws.AppendFrame(m.frames, ws.Binary, a)
	}
	m.parts, m.textOnly = 1+len(attachments), len(attachments) == 0
}

// appendText appends a part.
func (m *Message) appendText(text []byte) {
	b := ws.AppendHeader(m.frames, ws.Text, false, 1+len(text))
	b = append(b, byte(packetMessage))
	m.frames = append(b, text...)
}

// messages is how many messages m is made of.
func (m *Message) messages() int { return 1 + m.more }

// NewBinaryMessage returns a message with one binary payload, which is copied.
func NewBinaryMessage(data []byte) *Message {
	b := make([]byte, 0, ws.HeaderLen(len(data))+len(data))
	return &Message{frames: ws.AppendFrame(b, ws.Binary, data), parts: 1}
}

// newPacket returns a packet of the protocol itself.
func newPacket(t packetType, data string) *Message {
	b := ws.AppendHeader(nil, ws.Text, false, 1+len(data))
	b = append(b, byte(t))
	b = append(b, data...)
	return &Message{frames: b, parts: 1, textOnly: true}
}

// Len is the size of the message in bytes as a connection's outbox counts it:
// the payloads and their WebSocket framing.
func (m *Message) Len() int { return len(m.frames) }

// Bare returns a message like m that shares its payloads but none of the forms that
// were made of them for certain transports, or will be. A log that keeps messages for
// long, and counts them by Len, keeps bare ones.
func (m *Message) Bare() *Message {
	return &Message{frames: m.frames, parts: m.parts, textOnly: m.textOnly}
}

// variant says in which form a WebSocket connection takes messages.
type variant struct {
	revision3 bool
	base64    bool // the client cannot receive binary frames (b64 in its query)
	deflate   bool // permessage-deflate
}

// webSocket returns the message as the bytes that go out on a WebSocket. They
// must not be modified.
func (m *Message) webSocket(v variant) []byte {
	switch {
	case m.textOnly && !v.deflate:
		return m.frames
	case v.revision3 && !m.textOnly:
		return m.webSocket3(v)
	case v.base64 && !m.textOnly:
		return m.base64Frames()
	case v.deflate:
		if b := m.deflated.Load(); b != nil {
			return *b
		}
		b := m.deflate()
		m.deflated.Store(&b)
		return b
	default:
		return m.frames
	}
}

func (m *Message) deflate() []byte {
	var out []byte
	for rest := m.frames; len(rest) > 0; {
		var op ws.Opcode
		var payload []byte
		op, payload, rest = ws.Frames(rest)
		out = ws.AppendDeflated(out, op, payload)
	}
	return out
}

func (m *Message) base64Frames() []byte {
	var out []byte
	for rest := m.frames; len(rest) > 0; {
		var op ws.Opcode
		var payload []byte
		op, payload, rest = ws.Frames(rest)
		if op == ws.Binary {
			payload = appendBase64([]byte{'b'}, payload)
		}
		out = ws.AppendFrame(out, ws.Text, payload)
	}
	return out
}

// payload returns the message as the packets of a polling payload, separated
// by 0x1e (Engine.IO protocol v4, "HTTP long-polling"). It must not be modified.
func (m *Message) payload() []byte {
	if m.textOnly {
		_, text, _ := ws.Frames(m.frames)
		return text
	}
	if b := m.polling.Load(); b != nil {
		return *b
	}
	var out []byte
	for rest := m.frames; len(rest) > 0; {
		var op ws.Opcode
		var data []byte
		op, data, rest = ws.Frames(rest)
		if len(out) > 0 {
			out = append(out, separator)
		}
		if op == ws.Binary {
			out = appendBase64(append(out, 'b'), data)
		} else {
			out = append(out, data...)
		}
	}
	m.polling.Store(&out)
	return out
}

func appendBase64(dst, data []byte) []byte {
	return base64.StdEncoding.AppendEncode(dst, data)
}
