package engine

import "sync"

// ownMessages pools messages for a single connection. They are reused once they have
// been written, or copied to a write buffer as on a corked or busy WebSocket.
var ownMessages = sync.Pool{New: func() any { return new(Message) }}

// maxOwnMessage is the maximum size of a pooled message; larger ones are left to the
// garbage collector.
const maxOwnMessage = 4 << 10

// newOwnMessage is NewTextMessage for a message to a single connection.
func newOwnMessage(text []byte, attachments [][]byte) *Message {
	m := ownMessages.Get().(*Message)
	m.setText(text, attachments)
	m.own = len(m.frames) <= maxOwnMessage
	return m
}

// copied is called when the bytes of a message have been copied or written and no
// caller needs it any more. It returns a pooled message to the pool.
func (m *Message) copied() {
	if m.own {
		*m = Message{frames: m.frames[:0]}
		ownMessages.Put(m)
	}
}
