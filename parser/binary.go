package parser

import (
	"bytes"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

// A placeholder is the object that stands for an attachment in the JSON of a
// packet. The encoder writes exactly these members in this order; a decoder
// has to expect any spelling of the object. Socket.IO protocol v5, "Packet
// encoding".
const (
	placeholderStart = `{"_placeholder":true,"num":`
	placeholderKey   = "_placeholder"
	indexKey         = "num"
)

// appendPlaceholder appends the placeholder of attachment n.
func appendPlaceholder(dst []byte, n int) []byte {
	dst = append(dst, placeholderStart...)
	dst = strconv.AppendInt(dst, int64(n), 10)
	return append(dst, '}')
}

// countPlaceholders returns the number of placeholders in a JSON value, which must be
// valid. It returns false if one of them does not refer to one of count attachments. An
// object is a placeholder if its member "_placeholder" is true.
func countPlaceholders(raw []byte, count int) (n int, ok bool) {
	if raw[0] != '{' && raw[0] != '[' {
		return 0, true
	}
	ok = true
	walkObjects(raw, func(o object) {
		if o.isPlaceholder {
			n++
			ok = ok && o.index >= 0 && o.index < count
		}
	})
	return n, ok
}

// placeholder returns the index in a JSON value, which must be valid, if it is
// a placeholder.
func placeholder(raw []byte) (index int, ok bool) {
	if rest, found := bytes.CutPrefix(raw, []byte(placeholderStart)); found {
		// What every encoder writes. More members mean the long way.
		if index = parseIndex(rest[:len(rest)-1]); index >= 0 {
			return index, true
		}
	}
	if raw[0] != '{' {
		return 0, false
	}
	walkObjects(raw, func(o object) {
		if o.depth == 0 {
			index, ok = o.index, o.isPlaceholder && o.index >= 0
		}
	})
	return index, ok
}

// parseIndex parses a non-negative integer, in the only form that JSON has for
// it without a fraction or an exponent. It returns -1 for anything else.
func parseIndex(raw []byte) int {
	n, ok := parseUint(raw)
	if len(raw) == 0 || skipDigits(raw, 0) != len(raw) || !ok || n > 1<<31-1 {
		return -1
	}
	return int(n)
}

// frame is an open array or object.
type frame struct {
	object        bool
	isPlaceholder bool
	index         int
	start         int
}

// object is an object in a JSON value: its nesting depth, where it is, and whether it
// is a placeholder, with its index, -1 if there is none.
type object struct {
	depth         int
	start, end    int
	isPlaceholder bool
	index         int
}

// walkObjects calls fn at the end of every object in a JSON value, which must
// be valid. Of duplicate members the last one counts.
func walkObjects(raw []byte, fn func(o object)) {
	var inline [16]frame
	stack := inline[:0]
	wantKey := false
	var key string // of the member whose value comes next, if it matters

	// value is called with the start of every value.
	value := func(scalar []byte) {
		if key == "" {
			return
		}
		top := &stack[len(stack)-1]
		if key == placeholderKey {
			top.isPlaceholder = string(scalar) == "true"
		} else {
			top.index = parseIndex(scalar)
		}
		key = ""
	}

	for i := 0; i < len(raw); {
		start := i
		switch c := raw[i]; c {
		case '{', '[':
			value(nil)
			stack = append(stack, frame{object: c == '{', index: -1, start: start})
			wantKey = c == '{'
			i++
		case '}', ']':
			top := stack[len(stack)-1]
			stack = stack[:len(stack)-1]
			wantKey = false
			i++
			if top.object {
				fn(object{len(stack), top.start, i, top.isPlaceholder, top.index})
			}
		case ',':
			wantKey = stack[len(stack)-1].object
			i++
		case ':', ' ', '\t', '\n', '\r':
			i++
		case '"':
			i, _ = scanString(raw, i)
			if wantKey {
				key, wantKey = placeholderMember(raw[start:i]), false
			} else {
				value(nil)
			}
		default:
			for i < len(raw) && bytes.IndexByte([]byte(",]} \t\n\r"), raw[i]) < 0 {
				i++
			}
			value(raw[start:i])
		}
	}
}

// placeholderMember returns the name of a member, given as JSON string, if it
// is one of those that make a placeholder, and "" otherwise.
func placeholderMember(raw []byte) string {
	name := raw[1 : len(raw)-1]
	if bytes.IndexByte(name, '\\') >= 0 {
		if len(name) > len(placeholderKey)*len(`\u005f`) {
			return ""
		}
		name, _ = jsontext.AppendUnquote(nil, raw)
	}
	switch string(name) {
	case placeholderKey:
		return placeholderKey
	case indexKey:
		return indexKey
	}
	return ""
}
