// Package frame is the little of RFC 6455 that a benchmark needs: frame
// headers of messages that are never fragmented, and masking.
package frame

import "encoding/binary"

// Opcodes.
const (
	Text   = 1
	Binary = 2
	Close  = 8
	Ping   = 9
	Pong   = 10
)

// A Header describes a frame.
type Header struct {
	Op     byte
	Size   int // of the header
	Length int // of the payload
	Mask   [4]byte
}

// Parse reads the header at the start of b. It returns false when b does not
// hold all of it.
func Parse(b []byte) (h Header, ok bool) {
	if len(b) < 2 {
		return h, false
	}
	h.Op = b[0] & 15
	h.Size = 2
	h.Length = int(b[1] & 127)
	switch h.Length {
	case 126:
		h.Size = 4
		if len(b) < h.Size {
			return h, false
		}
		h.Length = int(binary.BigEndian.Uint16(b[2:]))
	case 127:
		h.Size = 10
		if len(b) < h.Size {
			return h, false
		}
		h.Length = int(binary.BigEndian.Uint64(b[2:]))
	}
	if b[1]&128 != 0 {
		if len(b) < h.Size+4 {
			return h, false
		}
		copy(h.Mask[:], b[h.Size:])
		h.Size += 4
	}
	return h, true
}

// AppendHeader appends the header of an unmasked frame.
func AppendHeader(dst []byte, op byte, length int) []byte {
	return appendHeader(dst, op, length, 0)
}

func appendHeader(dst []byte, op byte, length int, mask byte) []byte {
	dst = append(dst, 128|op)
	switch {
	case length < 126:
		return append(dst, mask|byte(length))
	case length < 1<<16:
		return binary.BigEndian.AppendUint16(append(dst, mask|126), uint16(length))
	default:
		return binary.BigEndian.AppendUint64(append(dst, mask|127), uint64(length))
	}
}

// Append appends an unmasked frame.
func Append(dst []byte, op byte, payload string) []byte {
	return append(AppendHeader(dst, op, len(payload)), payload...)
}

// key is not zero, because servers may skip unmasking then, and constant, so
// that frames can be encoded once.
var key = [4]byte{0x37, 0xfa, 0x21, 0x3d}

// AppendMasked appends a frame as clients send it.
func AppendMasked(dst []byte, op byte, payload string) []byte {
	dst = append(appendHeader(dst, op, len(payload), 128), key[:]...)
	start := len(dst)
	dst = append(dst, payload...)
	Mask(dst[start:], key, 0)
	return dst
}

// Mask applies a key to b, which begins at the given offset of the payload.
func Mask(b []byte, key [4]byte, offset int) {
	var rotated [8]byte
	for i := range rotated {
		rotated[i] = key[(offset+i)%4]
	}
	word := binary.LittleEndian.Uint64(rotated[:])
	for len(b) >= 32 {
		for i := 0; i < 32; i += 8 {
			binary.LittleEndian.PutUint64(b[i:], binary.LittleEndian.Uint64(b[i:])^word)
		}
		b = b[32:]
	}
	for i := range b {
		b[i] ^= rotated[i%4]
	}
}
