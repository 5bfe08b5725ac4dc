package engine

import (
	"bytes"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/seed96b07ef8/socketio/internal/ws"
)

// Revision 3 of the protocol is that of Socket.IO 2. The client sends the pings,
// binary packets have a type, and each packet of a polling payload is preceded by its
// length (Engine.IO protocol v3, "Encoding" and "Heartbeat").

// typeMessage is the type of a binary packet, which is always a message.
const typeMessage = 4

// maxPongData bounds the data that a pong returns, like that of a WebSocket pong (RFC
// 6455, section 5.5). Engine.IO has no bound, but the pong is queued outside the
// limits of the outbox.
const maxPongData = 125

// answerPing queues a pong with the data of a ping, which shows that the client is
// alive. It omits data that is too long; the reference servers of this revision omit
// all. The token receiving is held.
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
	c.sendBeatAndUnlock(pongPlace, pong)
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

// untyped removes the type from a binary message.
func untyped(p packet) (packet, error) {
	if len(p.data) == 0 || p.data[0] != typeMessage {
		return packet{}, errBadPacket
	}
	p.data = p.data[1:]
	return p, nil
}

// cutText3 is the cutter for text payloads: the length of each packet in UTF-16 code
// units, a colon, and the packet.
func cutText3(payload []byte) (p packet, rest []byte, more bool, err error) {
	n, rest, ok := cutNumber(payload, '0', ':')
	if !ok {
		return packet{}, nil, false, errBadPacket
	}
	size, ok := utf16Size(rest, n)
	if !ok {
		return packet{}, nil, false, errBadPacket
	}
	if n > 0 { // a payload without packets is encoded as an empty packet
		p, err = parseText3(validUTF8(rest[:size]))
	}
	return p, rest[size:], size < len(rest), err
}

// cutBinary3 is the cutter for binary payloads: 0 for text or 1 for binary, the
// decimal digits of the length as bytes 0 to 9, 255, and the packet.
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

// maxDigits bounds the digits of a length, so that it fits into 64 bits.
const maxDigits = 18

// cutNumber cuts a decimal number and the byte end off a payload. zero is the byte of
// digit 0.
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

// utf16Len returns the length of text in UTF-16 code units, as JavaScript counts.
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

// utf16Size returns the number of bytes of the first n UTF-16 code units of text. It
// returns false if they end within a character or after the end of text.
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

func appendTypedFrame(dst []byte, op ws.Opcode, payload []byte) []byte {
	if op != ws.Binary {
		return ws.AppendFrame(dst, op, payload)
	}
	dst = ws.AppendHeader(dst, op, false, 1+len(payload))
	dst = append(dst, typeMessage)
	return append(dst, payload...)
}

func appendTypedDeflated(dst []byte, op ws.Opcode, payload []byte) []byte {
	if op == ws.Binary {
		payload = append([]byte{typeMessage}, payload...)
	}
	return ws.AppendDeflated(dst, op, payload)
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

// appendPayload3 appends messages as one payload. The payload is binary if a message
// is and the client does not require base64. encode returns a message in a form.
func appendPayload3(body []byte, messages []entry, base64 bool, encode func(*Message, formKind) []byte) (payload []byte, contentType string) {
	kind, contentType := textPayload3, plainText
	for _, e := range messages {
		if !e.m.textOnly && !base64 {
			kind, contentType = binaryPayload3, octetStream
		}
	}
	for _, e := range messages {
		body = append(body, encode(e.m, kind)...)
	}
	return body, contentType
}

// appendText3 appends a packet in the encoding of cutText3.
func appendText3(dst []byte, op ws.Opcode, payload []byte) []byte {
	payload = text3(op, payload)
	dst = strconv.AppendInt(dst, int64(utf16Len(payload)), 10)
	dst = append(dst, ':')
	return append(dst, payload...)
}

// appendBinary3 appends a packet in the encoding of cutBinary3.
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
