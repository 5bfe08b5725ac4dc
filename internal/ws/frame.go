// Package ws implements the part of RFC 6455 and RFC 7692 that an Engine.IO
// transport needs: frames, masks, message assembly, the opening handshake and
// permessage-deflate without context takeover.
//
// It owns neither goroutines nor connections. The caller passes received bytes
// to a [Reader], which returns complete messages, so an idle connection holds
// no buffer. Frames to send are appended to a byte slice, which many
// connections may share. docs/decisions/0001-websocket-frames.md explains why
// no library is used.
package ws

import (
	"crypto/subtle"
	"encoding/binary"
)

// Opcode is the kind of a frame (RFC 6455, section 5.2).
type Opcode byte

// The opcodes of RFC 6455.
const (
	Continuation Opcode = 0x0
	Text         Opcode = 0x1
	Binary       Opcode = 0x2
	Close        Opcode = 0x8
	Ping         Opcode = 0x9
	Pong         Opcode = 0xA
)

func (op Opcode) control() bool { return op&0x8 != 0 }

// Close codes (RFC 6455, section 7.4.1).
const (
	CloseNormal         = 1000
	CloseGoingAway      = 1001
	CloseProtocolError  = 1002
	CloseNoStatus       = 1005
	CloseInvalidPayload = 1007
	CloseTooLarge       = 1009
)

const (
	finBit  = 0x80
	rsv1Bit = 0x40
	rsvBits = 0x70
	maskBit = 0x80

	maxControlPayload = 125

	// MaxHeader is the length of the longest frame header.
	MaxHeader = 14
)

// AppendHeader appends the header of an unfragmented, unmasked frame.
func AppendHeader(dst []byte, op Opcode, compressed bool, length int) []byte {
	b0 := finBit | byte(op)
	if compressed {
		b0 |= rsv1Bit
	}
	switch {
	case length <= 125:
		return append(dst, b0, byte(length))
	case length <= 0xffff:
		return append(dst, b0, 126, byte(length>>8), byte(length))
	default:
		dst = append(dst, b0, 127)
		return binary.BigEndian.AppendUint64(dst, uint64(length))
	}
}

// AppendFrame appends an unfragmented, unmasked frame.
func AppendFrame(dst []byte, op Opcode, payload []byte) []byte {
	return append(AppendHeader(dst, op, false, len(payload)), payload...)
}

// AppendMaskedFrame appends an unfragmented, masked frame, as a client must
// send it: the payload is XORed with key (RFC 6455, section 5.3).
func AppendMaskedFrame(dst []byte, op Opcode, compressed bool, payload []byte, key [4]byte) []byte {
	at := len(dst)
	dst = AppendHeader(dst, op, compressed, len(payload))
	dst[at+1] |= maskBit
	dst = append(dst, key[:]...)
	at = len(dst)
	dst = append(dst, payload...)
	mask(dst[at:], key)
	return dst
}

// HeaderLen is the number of bytes that AppendHeader writes for a payload of
// the given length.
func HeaderLen(length int) int {
	switch {
	case length <= 125:
		return 2
	case length <= 0xffff:
		return 4
	default:
		return 10
	}
}

// header is a decoded frame header.
type header struct {
	op         Opcode
	fin        bool
	compressed bool
	masked     bool
	length     int
	key        [4]byte
	size       int // of the header itself
}

// parseHeader decodes the header at the start of b. It returns false if b does
// not contain the whole header yet.
func parseHeader(b []byte) (h header, ok bool, err error) {
	if len(b) < 2 {
		return h, false, nil
	}
	h.op = Opcode(b[0] & 0x0f)
	h.fin = b[0]&finBit != 0
	h.compressed = b[0]&rsv1Bit != 0
	h.masked = b[1]&maskBit != 0
	if b[0]&(rsvBits&^rsv1Bit) != 0 {
		return h, false, protocolError("reserved bit set")
	}
	short := int(b[1] &^ maskBit)
	n := 2
	switch short {
	case 126:
		n = 4
	case 127:
		n = 10
	}
	h.size = n
	if h.masked {
		h.size += 4
	}
	if len(b) < h.size {
		return h, false, nil
	}
	switch short {
	case 126:
		h.length = int(binary.BigEndian.Uint16(b[2:]))
	case 127:
		length := binary.BigEndian.Uint64(b[2:])
		if length > 1<<31-1 {
			return h, false, errTooLarge
		}
		h.length = int(length)
	default:
		h.length = short
	}
	if h.masked {
		copy(h.key[:], b[n:])
	}
	return h, true, nil
}

// Frames splits complete unmasked frames, as AppendFrame wrote them: it returns
// the opcode and payload of the first frame, and the remaining frames.
func Frames(b []byte) (op Opcode, payload, rest []byte) {
	h, _, _ := parseHeader(b)
	end := h.size + h.length
	return h.op, b[h.size:end], b[end:]
}

// mask XORs b with the repeated key.
func mask(b []byte, key [4]byte) {
	// Use vectors if the payload is long enough to pay for building the
	// pattern.
	if len(b) >= 128 {
		var pattern [512]byte
		for i := 0; i < len(pattern); i += 4 {
			copy(pattern[i:], key[:])
		}
		for len(b) >= len(pattern) {
			subtle.XORBytes(b, b, pattern[:])
			b = b[len(pattern):]
		}
		subtle.XORBytes(b, b, pattern[:len(b)])
		return
	}
	k32 := binary.LittleEndian.Uint32(key[:])
	k64 := uint64(k32)<<32 | uint64(k32)
	for len(b) >= 8 {
		binary.LittleEndian.PutUint64(b, binary.LittleEndian.Uint64(b)^k64)
		b = b[8:]
	}
	for i := range b {
		b[i] ^= key[i&3]
	}
}
