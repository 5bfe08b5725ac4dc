package engine

import "sync"

// ownMessages are messages that only one connection gets. They are used again when
// they have been written, or copied to where they are written from, which they are on a
// WebSocket that is corked or busy.
var ownMessages = sync.Pool{New: func() any { return new(Message) }}

// Longer messages are left to the garbage collector.
const maxOwnMessage = 4 << 10

// newOwnMessage is NewTextMessage for a message that only one connection gets.
func newOwnMessage(text []byte, attachments [][]byte) *Message {
	m := ownMessages.Get().(*Message)
	m.setText(text, attachments)
	m.own = len(m.frames) <= maxOwnMessage
	return m
}

// copied is called when the bytes of a message have been copied, or written, and
// nobody needs it any more.
func (m *Message) copied() {
	if m.own {
		*m = Message{frames: m.frames[:0]}
		ownMessages.Put(m)
	}
}
