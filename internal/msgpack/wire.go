package msgpack

import (
	"encoding/binary"
	"errors"
	"math"
	"math/bits"
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

// A Kind is the kind of a value, regardless of its encoding.
type Kind uint8

// The kinds of values.
const (
	Nil Kind = iota
	Bool
	Uint
	Int // negative
	Float32
	Float64
	String
	Binary
	Array
	Map
	Ext
)

// A Token is a value, or the head of an array or map.
type Token struct {
	Kind  Kind
	Type  int8 // of an Ext
	Fixed bool // whether the lead byte of an Ext has its length
	// N is the length of a String, Binary or Ext; the number of elements of an Array or
	// of members of a Map; or the bits of a number or Bool.
	N uint64
}

// Bytes returns the content of a String, Binary or Ext that ends at data[end].
func (t Token) Bytes(data []byte, end int) []byte { return data[end-int(t.N) : end : end] }

// Errors that callers tell apart.
var (
	ErrTruncated = errors.New("unexpected end of data")
	ErrTooDeep   = errors.New("arrays and objects are nested too deeply")

	errCode = errors.New("invalid byte 0xc1")
)

// Next reads the token at data[i] and returns where it ends: after the value or, for an
// array or map, after its head. An array or map has no more elements than bytes follow.
func Next(data []byte, i int) (t Token, end int, err error) {
	if i >= len(data) {
		return t, 0, ErrTruncated
	}
	c := data[i]
	i++
	switch {
	case c < fixMap:
		return Token{Kind: Uint, N: uint64(c)}, i, nil
	case c >= negFixInt:
		return Token{Kind: Int, N: uint64(int8(c))}, i, nil
	case c < fixArray:
		return container(data, i, Map, uint64(c&0x0f))
	case c < fixStr:
		return container(data, i, Array, uint64(c&0x0f))
	case c < codeNil:
		return content(data, i, Token{Kind: String, N: uint64(c & 0x1f)})
	}
	switch c {
	case codeNil:
		return Token{Kind: Nil}, i, nil
	case codeFalse, codeTrue:
		return Token{Kind: Bool, N: uint64(c & 1)}, i, nil
	}
	size := numberSize(c)
	if size > len(data)-i {
		return t, 0, ErrTruncated
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
		return Token{Kind: Uint, N: n}, i, nil
	case codeInt8:
		return signed(int64(int8(n))), i, nil
	case codeInt16:
		return signed(int64(int16(n))), i, nil
	case codeInt32:
		return signed(int64(int32(n))), i, nil
	case codeInt64:
		return signed(int64(n)), i, nil
	case codeFloat:
		return Token{Kind: Float32, N: n}, i, nil
	case codeDouble:
		return Token{Kind: Float64, N: n}, i, nil
	case str8, str16, str32:
		return content(data, i, Token{Kind: String, N: n})
	case bin8, bin16, bin32:
		return content(data, i, Token{Kind: Binary, N: n})
	case array16, array32:
		return container(data, i, Array, n)
	case map16, map32:
		return container(data, i, Map, n)
	case ext8, ext16, ext32:
		return extension(data, i, n, false)
	}
	if c < fixExt1 || c > fixExt16 {
		return t, 0, errCode
	}
	return extension(data, i, 1<<(c-fixExt1), true)
}

// numberSize returns the size of the number that follows a lead byte.
func numberSize(c byte) int {
	switch c {
	case codeUint8, codeInt8, bin8, ext8, str8:
		return 1
	case codeUint16, codeInt16, bin16, ext16, str16, array16, map16:
		return 2
	case codeUint32, codeInt32, codeFloat, bin32, ext32, str32, array32, map32:
		return 4
	case codeUint64, codeInt64, codeDouble:
		return 8
	}
	return 0
}

func signed(n int64) Token {
	if n < 0 {
		return Token{Kind: Int, N: uint64(n)}
	}
	return Token{Kind: Uint, N: uint64(n)}
}

// container checks that enough bytes follow for the elements, each of which has at least
// one, so that an announced length does not cost more memory than the message.
func container(data []byte, i int, k Kind, n uint64) (Token, int, error) {
	left := uint64(len(data) - i)
	if n > left || k == Map && 2*n > left {
		return Token{}, 0, ErrTruncated
	}
	return Token{Kind: k, N: n}, i, nil
}

// content skips the bytes of a string and the like.
func content(data []byte, i int, t Token) (Token, int, error) {
	if t.N > uint64(len(data)-i) {
		return Token{}, 0, ErrTruncated
	}
	return t, i + int(t.N), nil
}

// extension reads the type and the bytes of an extension.
func extension(data []byte, i int, n uint64, fixed bool) (Token, int, error) {
	if i >= len(data) {
		return Token{}, 0, ErrTruncated
	}
	return content(data, i+1, Token{Kind: Ext, Type: int8(data[i]), Fixed: fixed, N: n})
}

// Float returns the value of a number.
func (t Token) Float() (f float64, ok bool) {
	switch t.Kind {
	case Uint:
		return float64(t.N), true
	case Int:
		return float64(int64(t.N)), true
	case Float32:
		return float64(math.Float32frombits(uint32(t.N))), true
	case Float64:
		return math.Float64frombits(t.N), true
	}
	return 0, false
}

// Int returns the value of a token if it is an integer, which may be encoded as a float:
// JavaScript has one type of number.
func (t Token) Int() (n int64, ok bool) {
	switch t.Kind {
	case Uint:
		return int64(t.N), t.N <= math.MaxInt64
	case Int:
		return int64(t.N), true
	}
	f, ok := t.Float()
	if !ok || f < -1<<63 || f >= 1<<63 || f != math.Trunc(f) {
		return 0, false
	}
	return int64(f), true
}

// Skip validates the value at data[i] and returns where it ends. Arrays and maps may be
// nested maxDepth times. It takes time linear in the size of the value.
func Skip(data []byte, i, maxDepth int) (end int, err error) {
	// left has the number of remaining values of each open container.
	var inline [16]uint64
	left := inline[:0]
	for {
		t, end, err := Next(data, i)
		if err != nil {
			return 0, err
		}
		i = end
		if t.Kind == Array || t.Kind == Map {
			if len(left) >= maxDepth {
				return 0, ErrTooDeep
			}
			if t.Kind == Map {
				t.N *= 2 // a key and its value
			}
			left = append(left, t.N)
		}
		for len(left) > 0 && left[len(left)-1] == 0 {
			left = left[:len(left)-1]
		}
		if len(left) == 0 {
			return i, nil
		}
		left[len(left)-1]--
	}
}

// The append functions write the shortest form, as all JavaScript implementations do.

// AppendUint appends an integer.
func AppendUint(dst []byte, n uint64) []byte {
	switch {
	case n < fixMap:
		return append(dst, byte(n))
	case n < 1<<8:
		return append(dst, codeUint8, byte(n))
	case n < 1<<16:
		return append(dst, codeUint16, byte(n>>8), byte(n))
	case n < 1<<32:
		return binary.BigEndian.AppendUint32(append(dst, codeUint32), uint32(n))
	}
	return binary.BigEndian.AppendUint64(append(dst, codeUint64), n)
}

// AppendInt appends an integer.
func AppendInt(dst []byte, n int64) []byte {
	switch {
	case n >= 0:
		return AppendUint(dst, uint64(n))
	case n >= -32:
		return append(dst, byte(n))
	case n >= math.MinInt8:
		return append(dst, codeInt8, byte(n))
	case n >= math.MinInt16:
		return append(dst, codeInt16, byte(n>>8), byte(n))
	case n >= math.MinInt32:
		return binary.BigEndian.AppendUint32(append(dst, codeInt32), uint32(n))
	}
	return binary.BigEndian.AppendUint64(append(dst, codeInt64), uint64(n))
}

// AppendFloat64 appends a float.
func AppendFloat64(dst []byte, f float64) []byte {
	return binary.BigEndian.AppendUint64(append(dst, codeDouble), math.Float64bits(f))
}

// AppendFloat32 appends a float.
func AppendFloat32(dst []byte, f float32) []byte {
	return binary.BigEndian.AppendUint32(append(dst, codeFloat), math.Float32bits(f))
}

// AppendBool appends a bool.
func AppendBool(dst []byte, b bool) []byte {
	if b {
		return append(dst, codeTrue)
	}
	return append(dst, codeFalse)
}

// AppendNil appends nil.
func AppendNil(dst []byte) []byte { return append(dst, codeNil) }

// AppendString appends a string, which should be valid UTF-8.
func AppendString[T ~string | ~[]byte](dst []byte, s T) []byte {
	return append(AppendStringHead(dst, len(s)), s...)
}

// AppendStringHead appends the head of a string of n bytes.
func AppendStringHead(dst []byte, n int) []byte {
	switch {
	case n < 32:
		return append(dst, fixStr|byte(n))
	case n < 1<<8:
		return append(dst, str8, byte(n))
	}
	return appendLength(dst, str16, n)
}

// AppendBinary appends binary data.
func AppendBinary(dst, data []byte) []byte {
	if len(data) < 1<<8 {
		dst = append(dst, bin8, byte(len(data)))
	} else {
		dst = appendLength(dst, bin16, len(data))
	}
	return append(dst, data...)
}

// AppendArray appends the head of an array of n elements.
func AppendArray(dst []byte, n int) []byte {
	if n < 16 {
		return append(dst, fixArray|byte(n))
	}
	return appendLength(dst, array16, n)
}

// AppendMap appends the head of a map of n members.
func AppendMap(dst []byte, n int) []byte {
	if n < 16 {
		return append(dst, fixMap|byte(n))
	}
	return appendLength(dst, map16, n)
}

// appendLength appends a head with a length of 16 bits, or, if that is too short, the next
// one, which has 32. No value is as long as that permits.
func appendLength(dst []byte, code byte, n int) []byte {
	if bits.Len(uint(n)) <= 16 {
		return append(dst, code, byte(n>>8), byte(n))
	}
	return binary.BigEndian.AppendUint32(append(dst, code+1), uint32(n))
}
