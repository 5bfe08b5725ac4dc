package engine

import (
	"iter"
	"slices"
	"sync/atomic"

	"github.com/seed96b07ef8/socketio/internal/ws"
)

// A Message is the unit of sending: one text or binary payload, or a text payload
// with the binary attachments that belong to it. Messages of other goroutines are
// never sent between its parts.
//
// A Message is immutable and may be sent on any number of connections concurrently.
// Each encoding that a transport needs is made once and shared, which makes a
// broadcast cheap.
type Message struct {
	// frames holds the parts as unmasked WebSocket frames, text parts with the
	// Engine.IO packet type first. Without compression, the server writes them to a
	// WebSocket as they are; other encodings are derived from them.
	frames []byte

	parts    int
	textOnly bool
	own      bool  // small, from newOwnMessage, and reusable
	more     int32 // text messages that outbox.join has appended

	forms atomic.Pointer[form] // list of encodings, newest first
	held  holding              // list of the servers that count the message
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

// messages returns the number of messages in m, including joined ones.
func (m *Message) messages() int { return 1 + int(m.more) }

// NewBinaryMessage returns a message with one binary payload, which is copied.
func NewBinaryMessage(data []byte) *Message {
	b := make([]byte, 0, ws.HeaderLen(len(data))+len(data))
	return &Message{frames: ws.AppendFrame(b, ws.Binary, data), parts: 1}
}

// all returns the opcode and payload of each part of m.
func (m *Message) all() iter.Seq2[ws.Opcode, []byte] {
	return func(yield func(ws.Opcode, []byte) bool) {
		for rest := m.frames; len(rest) > 0; {
			op, payload, next := ws.Frames(rest)
			if !yield(op, payload) {
				return
			}
			rest = next
		}
	}
}

// newPacket returns an Engine.IO packet.
func newPacket(t packetType, data string) *Message {
	b := ws.AppendHeader(nil, ws.Text, false, 1+len(data))
	b = append(b, byte(t))
	b = append(b, data...)
	return &Message{frames: b, parts: 1, textOnly: true}
}

// Len returns the size of the message in bytes as counted by an outbox: the payloads
// and their WebSocket framing.
func (m *Message) Len() int { return len(m.frames) }

// Bare returns a message that shares the payloads of m, without the encodings made
// for transports, now or later. Use it in a log that keeps messages for long and
// counts them by Len.
func (m *Message) Bare() *Message {
	return &Message{frames: m.frames, parts: m.parts, textOnly: m.textOnly}
}
