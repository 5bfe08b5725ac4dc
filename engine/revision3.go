package engine

import (
	"bytes"
	"strconv"
	"sync/atomic"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/seed96b07ef8/socketio/internal/ws"
)

// Revision 3 of the protocol is that of Socket.IO 2. The client sends the pings,
// binary packets have a type, too, and the packets of a polling payload have their
// lengths in front (Engine.IO protocol v3, "Encoding" and "Heartbeat").

// typeMessage is packetMessage in front of binary data. Nothing else is binary.
const typeMessage = 4

// maxPongData is the length of what a pong returns, as in a WebSocket's. Engine.IO sets
// none, but the pong waits for the client, beside all limits of the outbox.
const maxPongData = 125

// answerPing returns a ping, which shows that the client is there. What is too long to be
// returned is left out, as the reference's servers of this revision do with all data. The
// token receiving is held.
func (c *Conn) answerPing(data []byte) {
	c.mu.Lock()
	if c.state != open {
		c.mu.Unlock()
		return
	}
	c.beat.restart(c)
	pong := pongPacket
	if len(data) > 0 && len(data) <= maxPongData {
		pong = newPacket(packetPong, string(data))
	}
	c.sendBeat(pongPlace, pong)
}

// parseText decodes a text packet of the client.
func (c *Conn) parseText(text []byte) (packet, error) {
	if c.revision3 {
		return parseText3(text)
	}
	return parseText(text)
}

func parseText3(text []byte) (packet, error) {
	if len(text) == 0 || text[0] != 'b' {
		return parseText(text)
	}
	data, ok := bytes.CutPrefix(text, []byte{'b', byte(packetMessage)})
	if !ok {
		return packet{}, errBadPacket
	}
	return parseBase64(data)
}

// untyped takes the type off a binary message.
func untyped(p packet) (packet, error) {
	if len(p.data) == 0 || p.data[0] != typeMessage {
		return packet{}, errBadPacket
	}
	p.data = p.data[1:]
	return p, nil
}

// cutText3 is the cutter of payloads that are text: the length of each packet in
// UTF-16 code units, a colon, and the packet.
func cutText3(payload []byte) (p packet, rest []byte, more bool, err error) {
	n, rest, ok := cutNumber(payload, '0', ':')
	if !ok {
		return packet{}, nil, false, errBadPacket
	}
	size, ok := utf16Size(rest, n)
	if !ok {
		return packet{}, nil, false, errBadPacket
	}
	if n > 0 { // a payload without packets is written as an empty one
		p, err = parseText3(validUTF8(rest[:size]))
	}
	return p, rest[size:], size < len(rest), err
}

// cutBinary3 is the cutter of payloads that are not: 0 for text or 1 for binary
// data, the digits of the length in bytes as bytes from 0 to 9, 255, and the packet.
func cutBinary3(payload []byte) (p packet, rest []byte, more bool, err error) {
	if len(payload) == 0 || payload[0] > 1 {
		return packet{}, nil, false, errBadPacket
	}
	n, rest, ok := cutNumber(payload[1:], 0, 255)
	if !ok || n > uint64(len(rest)) {
		return packet{}, nil, false, errBadPacket
	}
	data, rest := rest[:n], rest[n:]
	if payload[0] == 1 {
		p, err = untyped(packet{typ: packetMessage, binary: true, data: data})
	} else {
		p, err = parseText3(validUTF8(data))
	}
	return p, rest, len(rest) > 0, err
}

// A number has at most this many digits, so that it fits into 64 bits.
const maxDigits = 18

// cutNumber takes a decimal number, whose digits count from zero, and the byte
// behind it off a payload.
func cutNumber(payload []byte, zero, end byte) (n uint64, rest []byte, ok bool) {
	for i, b := range payload {
		if b == end {
			return n, payload[i+1:], i > 0
		}
		digit := b - zero
		if digit > 9 || i == maxDigits {
			break
		}
		n = 10*n + uint64(digit)
	}
	return 0, nil, false
}

// utf16Len returns the length of text as JavaScript counts it.
func utf16Len(text []byte) int {
	n := 0
	for _, b := range text {
		if utf8.RuneStart(b) {
			n++
		}
		if b >= 0xf0 { // a surrogate pair
			n++
		}
	}
	return n
}

// utf16Size returns the number of bytes that the first n UTF-16 code units of text
// take. It returns false when they end in the middle of a character, or behind text.
func utf16Size(text []byte, n uint64) (size int, ok bool) {
	if n > uint64(len(text)) {
		return 0, false
	}
	left := int(n)
	for left > 0 && size < len(text) {
		r, width := utf8.DecodeRune(text[size:])
		size += width
		left -= utf16.RuneLen(r)
	}
	return size, left == 0
}

// forms3 are the forms of a message for clients of revision 3, each made when the
// first client needs it.
type forms3 struct {
	typed  atomic.Pointer[Message] // binary parts with their type
	base64 atomic.Pointer[[]byte]  // WebSocket frames without binary ones
	text   atomic.Pointer[[]byte]  // part of a polling payload that is text
	binary atomic.Pointer[[]byte]  // part of one that is not
}

func (m *Message) forms3() *forms3 {
	if f := m.revision3.Load(); f != nil {
		return f
	}
	m.revision3.CompareAndSwap(nil, new(forms3))
	return m.revision3.Load()
}

// cached returns what p holds, or what encode makes of the message and p then holds.
func (m *Message) cached(p *atomic.Pointer[[]byte], encode func(dst []byte, op ws.Opcode, payload []byte) []byte) []byte {
	if b := p.Load(); b != nil {
		return *b
	}
	var out []byte
	for rest := m.frames; len(rest) > 0; {
		var op ws.Opcode
		var payload []byte
		op, payload, rest = ws.Frames(rest)
		out = encode(out, op, payload)
	}
	p.Store(&out)
	return out
}

// webSocket3 is webSocket for a message with binary parts.
func (m *Message) webSocket3(v variant) []byte {
	f := m.forms3()
	if v.base64 {
		return m.cached(&f.base64, appendBase64Frame3)
	}
	typed := f.typed.Load()
	if typed == nil {
		typed = &Message{parts: m.parts}
		for rest := m.frames; len(rest) > 0; {
			var op ws.Opcode
			var payload []byte
			op, payload, rest = ws.Frames(rest)
			typed.frames = appendTypedFrame(typed.frames, op, payload)
		}
		f.typed.Store(typed)
	}
	return typed.webSocket(variant{deflate: v.deflate})
}

func appendTypedFrame(dst []byte, op ws.Opcode, payload []byte) []byte {
	if op != ws.Binary {
		return ws.AppendFrame(dst, op, payload)
	}
	dst = ws.AppendHeader(dst, op, false, 1+len(payload))
	dst = append(dst, typeMessage)
	return append(dst, payload...)
}

func appendBase64Frame3(dst []byte, op ws.Opcode, payload []byte) []byte {
	return ws.AppendFrame(dst, ws.Text, text3(op, payload))
}

// text3 returns a packet as text.
func text3(op ws.Opcode, payload []byte) []byte {
	if op != ws.Binary {
		return payload
	}
	return appendBase64([]byte{'b', byte(packetMessage)}, payload)
}

// appendPayload3 appends messages as one payload, which is binary if one of them is
// and the client can take that.
func appendPayload3(body []byte, messages []entry, base64 bool) (payload []byte, contentType string) {
	binary := false
	for _, e := range messages {
		binary = binary || !e.m.textOnly && !base64
	}
	for _, e := range messages {
		f := e.m.forms3()
		if binary {
			body = append(body, e.m.cached(&f.binary, appendBinary3)...)
		} else {
			body = append(body, e.m.cached(&f.text, appendText3)...)
		}
	}
	if binary {
		return body, octetStream
	}
	return body, plainText
}

// appendText3 appends what cutText3 takes off.
func appendText3(dst []byte, op ws.Opcode, payload []byte) []byte {
	payload = text3(op, payload)
	dst = strconv.AppendInt(dst, int64(utf16Len(payload)), 10)
	dst = append(dst, ':')
	return append(dst, payload...)
}

// appendBinary3 appends what cutBinary3 takes off.
func appendBinary3(dst []byte, op ws.Opcode, payload []byte) []byte {
	kind, size := byte(0), len(payload)
	if op == ws.Binary {
		kind, size = 1, size+1
	}
	dst = append(dst, kind)
	for _, digit := range strconv.Itoa(size) {
		dst = append(dst, byte(digit-'0'))
	}
	dst = append(dst, 255)
	if op == ws.Binary {
		dst = append(dst, typeMessage)
	}
	return append(dst, payload...)
}
