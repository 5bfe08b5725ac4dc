package parser

import (
	"bytes"
	"cmp"
	"errors"
	"reflect"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/seed96b07ef8/socketio/internal/jsonscan"
)

// A placeholder is the JSON object that represents an attachment (Socket.IO
// protocol v5, "Packet encoding"). The encoder writes exactly these members in
// this order. The decoder accepts any spelling of the object.
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
		// This is the form that every encoder writes. Objects with more members take the
		// slow path.
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

// isPlaceholder reports whether data starts with a placeholder in the form that every
// encoder writes.
func isPlaceholder(data []byte) bool {
	rest, found := bytes.CutPrefix(data, []byte(placeholderStart))
	end := jsonscan.Digits(rest, 0)
	return found && end > 0 && end < len(rest) && rest[end] == '}'
}

// parseIndex parses a non-negative JSON number without a fraction or an
// exponent. It returns -1 for anything else.
func parseIndex(raw []byte) int {
	n, ok := parseUint(raw)
	if len(raw) == 0 || jsonscan.Digits(raw, 0) != len(raw) || !ok || n > 1<<31-1 {
		return -1
	}
	return int(n)
}

// frame is an open array or object.
type frame struct {
	isObject bool
	object
}

// object is an object in a JSON value: its nesting depth, where it is, and whether it
// is a placeholder, with its index, -1 if there is none.
type object struct {
	depth         int
	start, end    int
	isPlaceholder bool
	index         int

	marked, hasIndex bool // has the members of a placeholder, of any type
}

// looksLike reports whether one of the known peers takes the object for a placeholder in
// a packet with attachments: python-socketio does so if "_placeholder" is true in the
// sense of Python and there is a "num".
func (o *object) looksLike() bool { return o.isPlaceholder || o.marked && o.hasIndex }

// walkObjects calls fn at the end of every object in a JSON value, which must
// be valid. Of duplicate members the last one counts.
func walkObjects(raw []byte, fn func(o object)) {
	var inline [16]frame
	stack := inline[:0]
	wantKey := false
	var key string // of the member whose value is next, if it matters

	// value handles the start of each value.
	value := func(scalar []byte) {
		if key == "" {
			return
		}
		top := &stack[len(stack)-1]
		if key == placeholderKey {
			top.isPlaceholder = string(scalar) == "true"
			top.marked = string(scalar) != "false" && string(scalar) != "null"
		} else {
			top.index, top.hasIndex = parseIndex(scalar), true
		}
		key = ""
	}

	for i := 0; i < len(raw); {
		start := i
		switch c := raw[i]; c {
		case '{', '[':
			value(nil)
			stack = append(stack, frame{c == '{', object{depth: len(stack), start: start, index: -1}})
			wantKey = c == '{'
			i++
		case '}', ']':
			top := stack[len(stack)-1]
			stack = stack[:len(stack)-1]
			wantKey = false
			i++
			if top.isObject {
				top.end = i
				fn(top.object)
			}
		case ',':
			wantKey = stack[len(stack)-1].isObject
			i++
		case ':', ' ', '\t', '\n', '\r':
			i++
		case '"':
			i, _ = jsonscan.String(raw, i)
			if wantKey {
				key, wantKey = placeholderMember(raw[start:i]), false
			} else {
				value(nil)
			}
		default:
			for i < len(raw) && strings.IndexByte(",]} \t\n\r", raw[i]) < 0 {
				i++
			}
			value(raw[start:i])
		}
	}
}

// placeholderMember returns the name of a member, given as a JSON string, if it
// is a member of placeholders, and "" otherwise.
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

var errLooksLikePlaceholder = errors.New(`an object with the member "_placeholder" cannot be sent beside binary data: peers take it for a reference to the data`)

// checkPlaceholders returns an error if the arguments of a packet with attachments, whose
// text is data, hold an object that a peer would take for a placeholder. The peer would
// replace the object, or close the connection because of it, and JSON has no other form
// of the object. In packets without attachments, peers keep such objects as they are.
func (a *appender) checkPlaceholders(data []byte, args []any) error {
	n := len(a.attachments)
	if bytes.Count(data, []byte(placeholderKey)) == n && !bytes.Contains(data, []byte(`\u`)) {
		return nil // only those of the attachments; another one would need escapes in its name
	}
	if countLikePlaceholders(data) == n {
		return nil
	}
	for i, arg := range args {
		var alone appender
		text, err := alone.appendArgs([]byte{'['}, args[i:i+1], false)
		if alone.full != nil {
			alone.full.release()
		}
		if err != nil || countLikePlaceholders(text) != len(alone.attachments) {
			return &ArgError{Index: i, Type: reflect.TypeOf(arg), Err: cmp.Or(err, errLooksLikePlaceholder)}
		}
	}
	return errLooksLikePlaceholder
}

// countLikePlaceholders returns the number of objects in a JSON value that a peer may
// take for placeholders.
func countLikePlaceholders(data []byte) (n int) {
	walkObjects(data, func(o object) {
		if o.looksLike() {
			n++
		}
	})
	return n
}
