package msgpack

import (
	"encoding/binary"
	"errors"
	"math"

	wire "github.com/seed96b07ef8/socketio/internal/msgpack"
)

// The format's lead bytes, except ranges.
// https://github.com/msgpack/msgpack/blob/master/spec.md
const (
	fixMap     = 0x80
	fixArray   = 0x90
	fixStr     = 0xa0
	codeNil    = 0xc0
	codeFalse  = 0xc2
	codeTrue   = 0xc3
	bin8       = 0xc4
	bin16      = 0xc5
	bin32      = 0xc6
	ext8       = 0xc7
	ext16      = 0xc8
	ext32      = 0xc9
	codeFloat  = 0xca
	codeDouble = 0xcb
	codeUint8  = 0xcc
	codeUint16 = 0xcd
	codeUint32 = 0xce
	codeUint64 = 0xcf
	codeInt8   = 0xd0
	codeInt16  = 0xd1
	codeInt32  = 0xd2
	codeInt64  = 0xd3
	fixExt1    = 0xd4
	fixExt8    = 0xd7
	fixExt16   = 0xd8
	str8       = 0xd9
	str16      = 0xda
	str32      = 0xdb
	array16    = 0xdc
	array32    = 0xdd
	map16      = 0xde
	map32      = 0xdf
	negFixInt  = 0xe0
)

// A kind is the kind of a value, regardless of its encoding. The reference
// implementation uses extension type 0 for three JavaScript values: undefined,
// a Date, and an ArrayBuffer, which is binary data.
type kind uint8

const (
	kindNil kind = iota
	kindUndefined
	kindBool
	kindUint
	kindInt // negative
	kindFloat32
	kindFloat64
	kindString
	kindBinary
	kindArray
	kindMap
	kindDate
	kindExt // of another type
)

// A token is a value, or the head of an array or map.
type token struct {
	kind kind
	ext  int8 // type of a kindExt
	// n is the length of a string, of binary data or of an extension; the
	// number of elements or members; the bits of a number or bool; or the
	// milliseconds of a date.
	n uint64
}

// bytes returns the content of a string, of binary data or of an extension that
// ends at data[end].
func (t token) bytes(data []byte, end int) []byte { return data[end-int(t.n) : end] }

var (
	errTruncated = errors.New("unexpected end of data")
	errCode      = errors.New("invalid byte 0xc1")
)

// next reads the token at data[i] and returns where it ends: after the value
// or, for an array or map, after its head.
func next(data []byte, i int) (t token, end int, err error) {
	if i >= len(data) {
		return t, 0, errTruncated
	}
	c := data[i]
	i++
	switch {
	case c < fixMap:
		return token{kind: kindUint, n: uint64(c)}, i, nil
	case c >= negFixInt:
		return token{kind: kindInt, n: uint64(int8(c))}, i, nil
	case c < fixArray:
		return container(data, i, kindMap, uint64(c&0x0f))
	case c < fixStr:
		return container(data, i, kindArray, uint64(c&0x0f))
	case c < codeNil:
		return content(data, i, token{kind: kindString, n: uint64(c & 0x1f)})
	}
	switch c {
	case codeNil:
		return token{kind: kindNil}, i, nil
	case codeFalse, codeTrue:
		return token{kind: kindBool, n: uint64(c & 1)}, i, nil
	}

	// The remaining kinds are followed by a number of 1, 2, 4 or 8 bytes, or by
	// none.
	size := 0
	switch c {
	case codeUint8, codeInt8, bin8, ext8, str8:
		size = 1
	case codeUint16, codeInt16, bin16, ext16, str16, array16, map16:
		size = 2
	case codeUint32, codeInt32, codeFloat, bin32, ext32, str32, array32, map32:
		size = 4
	case codeUint64, codeInt64, codeDouble:
		size = 8
	}
	if size > len(data)-i {
		return t, 0, errTruncated
	}
	var n uint64
	switch size {
	case 1:
		n = uint64(data[i])
	case 2:
		n = uint64(binary.BigEndian.Uint16(data[i:]))
	case 4:
		n = uint64(binary.BigEndian.Uint32(data[i:]))
	case 8:
		n = binary.BigEndian.Uint64(data[i:])
	}
	i += size

	switch c {
	case codeUint8, codeUint16, codeUint32, codeUint64:
		return token{kind: kindUint, n: n}, i, nil
	case codeInt8:
		return signed(int64(int8(n))), i, nil
	case codeInt16:
		return signed(int64(int16(n))), i, nil
	case codeInt32:
		return signed(int64(int32(n))), i, nil
	case codeInt64:
		return signed(int64(n)), i, nil
	case codeFloat:
		return token{kind: kindFloat32, n: n}, i, nil
	case codeDouble:
		return token{kind: kindFloat64, n: n}, i, nil
	case str8, str16, str32:
		return content(data, i, token{kind: kindString, n: n})
	case bin8, bin16, bin32:
		return content(data, i, token{kind: kindBinary, n: n})
	case array16, array32:
		return container(data, i, kindArray, n)
	case map16, map32:
		return container(data, i, kindMap, n)
	case ext8, ext16, ext32:
		return extension(data, i, n, false)
	}
	if c < fixExt1 || c > fixExt16 {
		return t, 0, errCode
	}
	return extension(data, i, 1<<(c-fixExt1), true)
}

func signed(n int64) token {
	if n < 0 {
		return token{kind: kindInt, n: uint64(n)}
	}
	return token{kind: kindUint, n: uint64(n)}
}

// container checks that there are enough bytes for the elements, each of which
// has at least one byte, so that an announced length does not cost more memory
// than the message.
func container(data []byte, i int, k kind, n uint64) (token, int, error) {
	left := uint64(len(data) - i)
	if n > left || k == kindMap && 2*n > left {
		return token{}, 0, errTruncated
	}
	return token{kind: k, n: n}, i, nil
}

// content skips the bytes of a string and the like.
func content(data []byte, i int, t token) (token, int, error) {
	if t.n > uint64(len(data)-i) {
		return token{}, 0, errTruncated
	}
	return t, i + int(t.n), nil
}

// extension reads the type and the bytes of an extension.
func extension(data []byte, i int, n uint64, fixed bool) (token, int, error) {
	if i >= len(data) {
		return token{}, 0, errTruncated
	}
	t, end, err := content(data, i+1, token{kind: kindExt, ext: int8(data[i]), n: n})
	if err != nil || t.ext != 0 {
		return t, end, err
	}
	switch {
	case !fixed:
		t.kind = kindBinary
	case n == 1:
		t = token{kind: kindUndefined}
	case n == 8:
		t = token{kind: kindDate, n: binary.BigEndian.Uint64(data[i+1:])}
	}
	return t, end, nil
}

// float returns the value of a number token.
func (t token) float() (f float64, ok bool) {
	switch t.kind {
	case kindUint:
		return float64(t.n), true
	case kindInt:
		return float64(int64(t.n)), true
	case kindFloat32:
		return float64(math.Float32frombits(uint32(t.n))), true
	case kindFloat64:
		return math.Float64frombits(t.n), true
	}
	return 0, false
}

// uint returns the value of a token if it is a non-negative integer, which may
// be encoded as a float: JavaScript has one type of number.
func (t token) uint() (n uint64, ok bool) {
	if t.kind == kindUint {
		return t.n, true
	}
	f, ok := t.float()
	if !ok || t.kind == kindInt || f < 0 || f >= 1<<64 || f != math.Trunc(f) {
		return 0, false
	}
	return uint64(f), true
}

// int returns the value of a token if it is an integer.
func (t token) int() (n int64, ok bool) {
	switch t.kind {
	case kindUint:
		return int64(t.n), t.n <= math.MaxInt64
	case kindInt:
		return int64(t.n), true
	}
	f, ok := t.float()
	if !ok || f < -1<<63 || f >= 1<<63 || f != math.Trunc(f) {
		return 0, false
	}
	return int64(f), true
}

// appendFloat appends a number, and encodes numbers without a fractional part
// as integers, as the reference does.
func appendFloat(dst []byte, f float64) []byte {
	if f == math.Trunc(f) {
		switch {
		case 0 <= f && f < 1<<64: // also the negative zero
			return wire.AppendUint(dst, uint64(f))
		case -1<<63 <= f && f < 0:
			return wire.AppendInt(dst, int64(f))
		}
	}
	return wire.AppendFloat64(dst, f)
}

func appendFloat32(dst []byte, f float32) []byte {
	if f == float32(math.Trunc(float64(f))) {
		return appendFloat(dst, float64(f))
	}
	return wire.AppendFloat32(dst, f)
}

// appendDate appends a JavaScript Date.
func appendDate(dst []byte, milliseconds int64) []byte {
	return binary.BigEndian.AppendUint64(append(dst, fixExt8, 0), uint64(milliseconds))
}

// appendBinary appends binary data, of which nil is none.
func appendBinary(dst, data []byte) []byte {
	if data == nil {
		return wire.AppendNil(dst)
	}
	return wire.AppendBinary(dst, data)
}
