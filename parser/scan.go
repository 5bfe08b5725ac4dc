package parser

import (
	"encoding/binary"
	"errors"
	"math/bits"
	"slices"
	"strconv"
	"unicode/utf8"
)

// The scanner validates the JSON of a packet before the decoder stores any of
// it: the complete grammar of RFC 8259 in one pass, with a nesting limit and
// without recursion. Like JSON.parse and encoding/json, it does not validate
// the contents of strings: lone surrogates and invalid UTF-8 are accepted.

var (
	errUnexpectedEnd = errors.New("unexpected end of JSON")
	errTooDeep       = errors.New("JSON is nested too deeply")
	errTooMany       = errors.New("too many elements")
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
		return errUnexpectedEnd
	}
	return &jsonError{what, i}
}

// splitArray appends the elements of the JSON array that data consists of to
// elems, as slices of data. It returns an error if there are more than
// maxElems.
func splitArray(elems [][]byte, data []byte, maxElems, maxDepth int) ([][]byte, error) {
	i := skipSpace(data, 0)
	if i >= len(data) || data[i] != '[' {
		return nil, unexpected(data, i, "want an array")
	}
	if maxDepth < 1 {
		return nil, errTooDeep
	}
	i = skipSpace(data, i+1)
	if i < len(data) && data[i] == ']' {
		return elems, atEnd(data, i+1)
	}
	for {
		if len(elems) >= maxElems {
			return nil, errTooMany
		}
		i = skipSpace(data, i)
		end, err := scanValue(data, i, maxDepth-1)
		if err != nil {
			return nil, err
		}
		if len(elems) == cap(elems) {
			// append grows large slices in small steps.
			elems = slices.Grow(elems, len(elems)+1)
		}
		elems = append(elems, data[i:end:end])
		i = skipSpace(data, end)
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

// single returns the JSON value that data consists of, without white space
// around it.
func single(data []byte, maxDepth int) ([]byte, error) {
	start := skipSpace(data, 0)
	end, err := scanValue(data, start, maxDepth)
	if err != nil {
		return nil, err
	}
	return data[start:end:end], atEnd(data, end)
}

// atEnd checks that nothing but white space follows.
func atEnd(data []byte, i int) error {
	if i = skipSpace(data, i); i < len(data) {
		return &jsonError{"trailing data", i}
	}
	return nil
}

func skipSpace(data []byte, i int) int {
	// Most JSON has no white space: one comparison suffices.
	for i < len(data) && data[i] <= ' ' && (data[i] == ' ' || data[i] == '\t' || data[i] == '\n' || data[i] == '\r') {
		i++
	}
	return i
}

// scanValue checks the JSON value that starts at data[i] and returns where it
// ends.
func scanValue(data []byte, i, maxDepth int) (int, error) {
	if i < len(data) && (data[i] == '{' || data[i] == '[') {
		return scanContainer(data, i, maxDepth)
	}
	return scanScalar(data, i)
}

// scanContainer is scanValue for arrays and objects.
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
			if i, err = scanName(data, i); err != nil {
				return 0, err
			}
		}
		i = skipSpace(data, i)
		if i < len(data) && (data[i] == '{' || data[i] == '[') {
			if depth >= maxDepth {
				return 0, errTooDeep
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
			i = skipSpace(data, i+1)
			if i >= len(data) || data[i] != closing {
				continue
			}
		} else if i, err = scanScalar(data, i); err != nil {
			return 0, err
		}

		// The ends of containers, up to the next value.
		for {
			i = skipSpace(data, i)
			if i >= len(data) {
				return 0, errUnexpectedEnd
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

// scanName checks the name of a member, with the colon behind it.
func scanName(data []byte, i int) (int, error) {
	i = skipSpace(data, i)
	if i >= len(data) || data[i] != '"' {
		return 0, unexpected(data, i, "want a member name")
	}
	if end := skipPlain(data, i+1); end+1 < len(data) && data[end] == '"' && data[end+1] == ':' {
		return end + 2, nil // nearly always
	}
	i, err := scanString(data, i)
	if err != nil {
		return 0, err
	}
	i = skipSpace(data, i)
	if i >= len(data) || data[i] != ':' {
		return 0, unexpected(data, i, "want ':'")
	}
	return i + 1, nil
}

// scanScalar checks the value that starts at data[i], neither array nor
// object, and returns where it ends.
func scanScalar(data []byte, i int) (int, error) {
	if i >= len(data) {
		return 0, errUnexpectedEnd
	}
	switch data[i] {
	case '"':
		return scanString(data, i)
	case 't':
		return scanLiteral(data, i, "true")
	case 'f':
		return scanLiteral(data, i, "false")
	case 'n':
		return scanLiteral(data, i, "null")
	}
	return scanNumber(data, i)
}

// scanString checks the string that starts at data[i] and returns where it
// ends.
func scanString(data []byte, i int) (int, error) {
	i++
	for {
		i = skipPlain(data, i)
		if i >= len(data) {
			return 0, errUnexpectedEnd
		}
		switch c := data[i]; {
		case c == '"':
			return i + 1, nil
		case c != '\\':
			return 0, &jsonError{"control character in string", i}
		}
		i++
		if i >= len(data) {
			return 0, errUnexpectedEnd
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

// skipPlain returns the position of the first quote, backslash or control
// character at or behind i, or the length of data.
func skipPlain(data []byte, i int) int {
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

// isPlainASCII reports whether data is ASCII without quotes, backslashes and
// control characters.
func isPlainASCII(data []byte) bool {
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
	return isDigit(c) || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func scanLiteral(data []byte, i int, literal string) (int, error) {
	end := i + len(literal)
	if end > len(data) || string(data[i:end]) != literal {
		return 0, &jsonError{"invalid literal", i}
	}
	return end, nil
}

// scanNumber checks the number that starts at data[i] and returns where it
// ends. Anything else that starts there is an error, too.
func scanNumber(data []byte, i int) (int, error) {
	start := i
	if data[i] == '-' {
		i++
	}
	first := i
	i = skipDigits(data, i)
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
		if i = skipDigits(data, first); i == first {
			return 0, unexpected(data, i, "want a digit")
		}
	}
	if i < len(data) && (data[i] == 'e' || data[i] == 'E') {
		i++
		if i < len(data) && (data[i] == '+' || data[i] == '-') {
			i++
		}
		first = i
		if i = skipDigits(data, first); i == first {
			return 0, unexpected(data, i, "want a digit")
		}
	}
	return i, nil
}

func skipDigits(data []byte, i int) int {
	for i < len(data) && isDigit(data[i]) {
		i++
	}
	return i
}
