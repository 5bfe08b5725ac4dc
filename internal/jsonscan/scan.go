// Package jsonscan validates JSON text and finds where its values end, without decoding them.
//
// Text is validated in one pass, with the complete grammar of RFC 8259 and a limit for nesting,
// and without recursion. As for JSON.parse and encoding/json, the contents of strings are not
// validated: lone surrogates and invalid UTF-8 are accepted.
package jsonscan

import (
	"encoding/binary"
	"errors"
	"math/bits"
	"slices"
	"strconv"
	"unicode/utf8"
)

// Errors that callers tell apart.
var (
	ErrUnexpectedEnd = errors.New("unexpected end of JSON")
	ErrTooDeep       = errors.New("JSON is nested too deeply")
	ErrTooMany       = errors.New("too many elements")
)

// jsonError reports what is wrong with JSON text, and where.
type jsonError struct {
	what   string
	offset int
}

func (e *jsonError) Error() string {
	return "invalid JSON: " + e.what + " at offset " + strconv.Itoa(e.offset)
}

// unexpected returns the error for invalid text at i.
func unexpected(data []byte, i int, what string) error {
	if i >= len(data) {
		return ErrUnexpectedEnd
	}
	return &jsonError{what, i}
}

// Split appends the elements of the JSON array that data consists of to
// elems, as slices of data. It returns an error if there are more than
// maxElems.
func Split(elems [][]byte, data []byte, maxElems, maxDepth int) ([][]byte, error) {
	i := Space(data, 0)
	if i >= len(data) || data[i] != '[' {
		return nil, unexpected(data, i, "want an array")
	}
	if maxDepth < 1 {
		return nil, ErrTooDeep
	}
	i = Space(data, i+1)
	if i < len(data) && data[i] == ']' {
		return elems, atEnd(data, i+1)
	}
	for {
		if len(elems) >= maxElems {
			return nil, ErrTooMany
		}
		i = Space(data, i)
		end, err := Value(data, i, maxDepth-1)
		if err != nil {
			return nil, err
		}
		if len(elems) == cap(elems) {
			// append grows large slices in small steps.
			elems = slices.Grow(elems, len(elems)+1)
		}
		elems = append(elems, data[i:end:end])
		i = Space(data, end)
		switch {
		case i < len(data) && data[i] == ',':
			i++
		case i < len(data) && data[i] == ']':
			return elems, atEnd(data, i+1)
		default:
			return nil, unexpected(data, i, "want ',' or ']'")
		}
	}
}

// Single returns the JSON value that data consists of, without white space
// around it.
func Single(data []byte, maxDepth int) ([]byte, error) {
	start := Space(data, 0)
	end, err := Value(data, start, maxDepth)
	if err != nil {
		return nil, err
	}
	return data[start:end:end], atEnd(data, end)
}

// atEnd checks that nothing but white space follows.
func atEnd(data []byte, i int) error {
	if i = Space(data, i); i < len(data) {
		return &jsonError{"trailing data", i}
	}
	return nil
}

// Space returns the position of the first byte at or behind i that is not white space, or the
// length of data.
func Space(data []byte, i int) int {
	// Most JSON has no white space: one comparison suffices.
	for i < len(data) && data[i] <= ' ' && (data[i] == ' ' || data[i] == '\t' || data[i] == '\n' || data[i] == '\r') {
		i++
	}
	return i
}

// Value checks the JSON value that starts at data[i] and returns where it
// ends.
func Value(data []byte, i, maxDepth int) (int, error) {
	if i < len(data) && (data[i] == '{' || data[i] == '[') {
		return scanContainer(data, i, maxDepth)
	}
	return Scalar(data, i)
}

// scanContainer is Value for arrays and objects.
func scanContainer(data []byte, i, maxDepth int) (int, error) {
	// kinds has one bit per open container, set for objects, so nesting needs
	// one bit per level and no stack.
	var inline [8]uint64
	kinds := inline[:]
	depth := 0
	inObject := false

	for {
		// A value, after its name in an object.
		var err error
		if inObject {
			if i, err = Name(data, i); err != nil {
				return 0, err
			}
		}
		i = Space(data, i)
		if i < len(data) && (data[i] == '{' || data[i] == '[') {
			if depth >= maxDepth {
				return 0, ErrTooDeep
			}
			if depth/64 >= len(kinds) {
				kinds = append(kinds, 0)
			}
			inObject = data[i] == '{'
			if inObject {
				kinds[depth/64] |= 1 << (depth % 64)
			} else {
				kinds[depth/64] &^= 1 << (depth % 64)
			}
			depth++
			closing := data[i] + 2 // '}' is '{'+2, ']' is '['+2
			i = Space(data, i+1)
			if i >= len(data) || data[i] != closing {
				continue
			}
		} else if i, err = Scalar(data, i); err != nil {
			return 0, err
		}

		// The ends of containers, up to the next value.
		for {
			i = Space(data, i)
			if i >= len(data) {
				return 0, ErrUnexpectedEnd
			}
			c := data[i]
			i++
			if c == ',' {
				break
			}
			if inObject && c != '}' || !inObject && c != ']' {
				return 0, &jsonError{"want ',' or the end of the container", i - 1}
			}
			depth--
			if depth == 0 {
				return i, nil
			}
			inObject = kinds[(depth-1)/64]>>((depth-1)%64)&1 != 0
		}
	}
}

// Name checks the name of a member, with the colon behind it.
func Name(data []byte, i int) (int, error) {
	i = Space(data, i)
	if i >= len(data) || data[i] != '"' {
		return 0, unexpected(data, i, "want a member name")
	}
	if end := Plain(data, i+1); end+1 < len(data) && data[end] == '"' && data[end+1] == ':' {
		return end + 2, nil // nearly always
	}
	i, err := String(data, i)
	if err != nil {
		return 0, err
	}
	i = Space(data, i)
	if i >= len(data) || data[i] != ':' {
		return 0, unexpected(data, i, "want ':'")
	}
	return i + 1, nil
}

// Scalar checks the value that starts at data[i], neither array nor
// object, and returns where it ends.
func Scalar(data []byte, i int) (int, error) {
	if i >= len(data) {
		return 0, ErrUnexpectedEnd
	}
	switch data[i] {
	case '"':
		return String(data, i)
	case 't':
		return scanLiteral(data, i, "true")
	case 'f':
		return scanLiteral(data, i, "false")
	case 'n':
		return scanLiteral(data, i, "null")
	}
	return Number(data, i)
}

// String checks the string that starts at data[i] and returns where it
// ends.
func String(data []byte, i int) (int, error) {
	i++
	for {
		i = Plain(data, i)
		if i >= len(data) {
			return 0, ErrUnexpectedEnd
		}
		switch c := data[i]; {
		case c == '"':
			return i + 1, nil
		case c != '\\':
			return 0, &jsonError{"control character in string", i}
		}
		i++
		if i >= len(data) {
			return 0, ErrUnexpectedEnd
		}
		switch data[i] {
		case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		case 'u':
			for range 4 {
				if i++; i >= len(data) || !isHex(data[i]) {
					return 0, unexpected(data, i, "invalid escape")
				}
			}
		default:
			return 0, &jsonError{"invalid escape", i}
		}
		i++
	}
}

// Plain returns the position of the first quote, backslash or control
// character at or behind i, or the length of data.
func Plain(data []byte, i int) int {
	// Most bytes of large packets are in long strings: check eight at a time.
	for ; len(data)-i >= 8; i += 8 {
		if s := special(binary.LittleEndian.Uint64(data[i:])); s != 0 {
			return i + bits.TrailingZeros64(s)/8
		}
	}
	for i < len(data) && data[i] >= ' ' && data[i] != '"' && data[i] != '\\' {
		i++
	}
	return i
}

const (
	eachByte = 0x0101010101010101
	highBits = 0x8080808080808080
)

// special returns a word that is not zero if and only if one of the bytes of w
// is a quote, a backslash or a control character. Its lowest bit is in the first
// such byte.
func special(w uint64) uint64 {
	quote := w ^ eachByte*'"'
	backslash := w ^ eachByte*'\\'
	// The high bit of a byte x in (x-n)&^x is set if x < n, and there is no
	// borrow to spoil the next byte unless it is.
	return ((w-eachByte*' ')&^w | (quote-eachByte)&^quote | (backslash-eachByte)&^backslash) & highBits
}

// IsPlainASCII reports whether data is ASCII without quotes, backslashes and
// control characters.
func IsPlainASCII(data []byte) bool {
	i := 0
	for ; len(data)-i >= 8; i += 8 {
		w := binary.LittleEndian.Uint64(data[i:])
		if special(w)|w&highBits != 0 {
			return false
		}
	}
	for _, c := range data[i:] {
		if c < ' ' || c == '"' || c == '\\' || c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

func isHex(c byte) bool {
	return IsDigit(c) || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

// IsDigit reports whether c is a decimal digit.
func IsDigit(c byte) bool { return '0' <= c && c <= '9' }

func scanLiteral(data []byte, i int, literal string) (int, error) {
	end := i + len(literal)
	if end > len(data) || string(data[i:end]) != literal {
		return 0, &jsonError{"invalid literal", i}
	}
	return end, nil
}

// Number checks the number that starts at data[i] and returns where it
// ends. Anything else that starts there is an error, too.
func Number(data []byte, i int) (int, error) {
	start := i
	if data[i] == '-' {
		i++
	}
	first := i
	i = Digits(data, i)
	switch {
	case i == first && first == start:
		return 0, &jsonError{"want a value", i}
	case i == first:
		return 0, unexpected(data, i, "want a digit")
	case data[first] == '0' && i > first+1:
		return 0, &jsonError{"leading zero", first}
	}
	if i < len(data) && data[i] == '.' {
		first = i + 1
		if i = Digits(data, first); i == first {
			return 0, unexpected(data, i, "want a digit")
		}
	}
	if i < len(data) && (data[i] == 'e' || data[i] == 'E') {
		i++
		if i < len(data) && (data[i] == '+' || data[i] == '-') {
			i++
		}
		first = i
		if i = Digits(data, first); i == first {
			return 0, unexpected(data, i, "want a digit")
		}
	}
	return i, nil
}

// Digits returns the position of the first byte at or behind i that is not a digit.
func Digits(data []byte, i int) int {
	for i < len(data) && IsDigit(data[i]) {
		i++
	}
	return i
}
