package nodewire

import (
	"errors"
	"fmt"
	"math"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/seed96b07ef8/socketio/adapter/cluster"
	"github.com/seed96b07ef8/socketio/internal/jsonscan"
	"github.com/seed96b07ef8/socketio/internal/msgpack"
)

// A cursor reads JSON or MessagePack from the beginning to the end, without allocating: texts
// that have escapes are appended to buf, and what is returned refers to data or buf. After an
// error all values are zero, and no container has a further element.
type cursor struct {
	data  []byte
	i     int
	json  bool
	depth int // how deeply skipped values may be nested
	buf   []byte
	err   error
}

// A scope is an array or object that a cursor is in.
type scope struct {
	left  uint64 // remaining elements or members, in MessagePack
	first bool
}

func malformed(err error) error { return fmt.Errorf("%w: %w", cluster.ErrMalformed, err) }

var (
	errType      = malformed(errors.New("value of the wrong type"))
	errSeparator = malformed(errors.New("want ',' or the end of the container"))
	errTrailing  = malformed(errors.New("trailing data"))
	errDepth     = fmt.Errorf("%w: depth", cluster.ErrLimit)
)

func (c *cursor) fail(err error) {
	if c.err == nil {
		c.err = err
	}
}

// failScan reports an error of one of the two scanners.
func (c *cursor) failScan(err error) {
	if errors.Is(err, jsonscan.ErrTooDeep) || errors.Is(err, msgpack.ErrTooDeep) {
		c.fail(errDepth)
		return
	}
	c.fail(malformed(err))
}

// object enters an object, and array an array.
func (c *cursor) object() scope { return c.enter('{', msgpack.Map) }
func (c *cursor) array() scope  { return c.enter('[', msgpack.Array) }

func (c *cursor) enter(brace byte, kind msgpack.Kind) scope {
	if c.err != nil {
		return scope{}
	}
	if c.json {
		if c.space(); c.i >= len(c.data) || c.data[c.i] != brace {
			c.fail(errType)
			return scope{}
		}
		c.i++
		return scope{first: true}
	}
	t := c.token()
	if c.err == nil && t.Kind != kind {
		c.fail(errType)
	}
	return scope{left: t.N}
}

// token reads a MessagePack token.
func (c *cursor) token() msgpack.Token {
	if c.err != nil {
		return msgpack.Token{}
	}
	t, end, err := msgpack.Next(c.data, c.i)
	if err != nil {
		c.failScan(err)
		return msgpack.Token{}
	}
	c.i = end
	return t
}

func (c *cursor) space() { c.i = jsonscan.Space(c.data, c.i) }

// more reports whether the scope has a further element, and moves to it. closing ends the scope
// in JSON.
func (c *cursor) more(s *scope, closing byte) bool {
	switch {
	case c.err != nil:
		return false
	case !c.json:
		s.left--
		return s.left != math.MaxUint64
	}
	c.space()
	switch {
	case c.i >= len(c.data):
		c.failScan(jsonscan.ErrUnexpectedEnd)
		return false
	case c.data[c.i] == closing:
		c.i++
		return false
	case !s.first && c.data[c.i] != ',':
		c.fail(errSeparator)
		return false
	case !s.first:
		c.i++
		c.space()
	}
	s.first = false
	return true
}

// element moves to the next element of an array.
func (c *cursor) element(s *scope) bool { return c.more(s, ']') }

// member moves to the value of the next member of an object and returns its name.
func (c *cursor) member(s *scope) (name []byte, ok bool) {
	if !c.more(s, '}') {
		return nil, false
	}
	if !c.json {
		return c.name(), c.err == nil
	}
	start := c.i
	if name, ok := c.plain(); ok && c.i < len(c.data) && c.data[c.i] == ':' {
		c.i++
		return name, true
	}
	end, err := jsonscan.Name(c.data, start)
	if err != nil {
		c.failScan(err)
		return nil, false
	}
	c.i = end
	return c.unquote(c.data[start:end]), true
}

// plain reads a JSON string without escapes, which nearly all are, if the next value is one.
func (c *cursor) plain() (text []byte, ok bool) {
	if c.i >= len(c.data) || c.data[c.i] != '"' {
		return nil, false
	}
	end := jsonscan.Plain(c.data, c.i+1)
	if end >= len(c.data) || c.data[end] != '"' {
		return nil, false
	}
	text = c.data[c.i+1 : end : end]
	c.i = end + 1
	return text, true
}

// unquote returns the text of the JSON string at the start of raw, which is valid.
func (c *cursor) unquote(raw []byte) []byte {
	if end := jsonscan.Plain(raw, 1); raw[end] == '"' {
		return raw[1:end:end]
	}
	end, _ := jsonscan.String(raw, 0)
	start := len(c.buf)
	c.buf, _ = jsontext.AppendUnquote(c.buf, raw[:end]) // what is not UTF-8 is replaced
	return c.buf[start:len(c.buf):len(c.buf)]
}

// null reports whether the value is null, and passes it then. Members of the reference
// implementation do not write null for an absent value, but others may.
func (c *cursor) null() bool {
	if c.err != nil {
		return false
	}
	if !c.json {
		if t, end, err := msgpack.Next(c.data, c.i); err == nil && t.Kind == msgpack.Nil {
			c.i = end
			return true
		}
		return false
	}
	if c.space(); c.i < len(c.data) && c.data[c.i] == 'n' {
		c.raw()
		return c.err == nil
	}
	return false
}

// text reads a text, which is empty if the value is null.
func (c *cursor) text() []byte {
	if c.null() || c.err != nil {
		return nil
	}
	if c.json {
		if text, ok := c.plain(); ok { // null has passed white space
			return text
		}
		raw := c.scalar()
		if c.err == nil && raw[0] != '"' {
			c.fail(errType)
		}
		if c.err != nil {
			return nil
		}
		return c.unquote(raw)
	}
	t := c.token()
	if c.err == nil && t.Kind != msgpack.String {
		c.fail(errType)
	}
	if c.err != nil {
		return nil
	}
	return t.Bytes(c.data, c.i)
}

// scalar reads a JSON value that is neither array nor object.
func (c *cursor) scalar() []byte {
	c.space()
	start := c.i
	end, err := jsonscan.Scalar(c.data, c.i)
	if err != nil {
		c.failScan(err)
		return nil
	}
	c.i = end
	return c.data[start:end:end]
}

// name reads the name of a room, or of a member in MessagePack: a text or a number. In
// JavaScript a number is the name that its decimal digits are, too, or nearly so.
func (c *cursor) name() []byte {
	if c.err != nil {
		return nil
	}
	start := len(c.buf)
	if c.json {
		c.space()
		if text, ok := c.plain(); ok {
			return text
		}
		raw := c.scalar()
		switch {
		case c.err != nil:
			return nil
		case raw[0] == '"':
			return c.unquote(raw)
		case raw[0] == '-' || jsonscan.IsDigit(raw[0]):
			return raw
		}
		c.fail(errType)
		return nil
	}
	t := c.token()
	if c.err == nil && t.Kind == msgpack.String {
		return t.Bytes(c.data, c.i)
	}
	f, ok := t.Float()
	switch {
	case !ok:
		c.fail(errType)
		return nil
	case t.Kind == msgpack.Uint:
		c.buf = strconv.AppendUint(c.buf, t.N, 10)
	case t.Kind == msgpack.Int:
		c.buf = strconv.AppendInt(c.buf, int64(t.N), 10)
	default:
		c.buf = append(c.buf, jsontext.Float(f).String()...)
	}
	return c.buf[start:len(c.buf):len(c.buf)]
}

// integer reads an integer, which is 0 if the value is null.
func (c *cursor) integer() int64 {
	if c.null() || c.err != nil {
		return 0
	}
	if !c.json {
		n, ok := c.token().Int()
		if !ok {
			c.fail(errType)
		}
		return n
	}
	raw := c.scalar()
	if c.err != nil {
		return 0
	}
	n, err := strconv.ParseInt(string(raw), 10, 64)
	if err != nil {
		c.fail(errType)
		return 0
	}
	return n
}

// isTrue reads a value of any type and reports whether it is true.
func (c *cursor) isTrue() bool {
	raw := c.raw()
	if c.json {
		return string(raw) == "true"
	}
	return len(raw) == 1 && raw[0] == 0xc3
}

// isFalse reads a value of any type and reports whether it is false.
func (c *cursor) isFalse() bool {
	raw := c.raw()
	if c.json {
		return string(raw) == "false"
	}
	return len(raw) == 1 && raw[0] == 0xc2
}

// milliseconds reads a value of any type and returns it if it is a number of milliseconds that
// makes sense.
func (c *cursor) milliseconds() int64 {
	var f float64
	if raw := c.raw(); c.json {
		f, _ = strconv.ParseFloat(string(raw), 64)
	} else if t, _, err := msgpack.Next(raw, 0); err == nil {
		f, _ = t.Float()
	}
	const day = 24 * 60 * 60 * 1000
	if f > 0 { // not NaN
		return int64(math.Ceil(min(f, day)))
	}
	return 0
}

// raw validates any value and returns it as it is on the wire.
func (c *cursor) raw() []byte {
	if c.err != nil {
		return nil
	}
	var end int
	var err error
	if c.json {
		c.space()
		end, err = jsonscan.Value(c.data, c.i, c.depth)
	} else {
		end, err = msgpack.Skip(c.data, c.i, c.depth)
	}
	if err != nil {
		c.failScan(err)
		return nil
	}
	start := c.i
	c.i = end
	return c.data[start:end:end]
}

// end checks that nothing follows.
func (c *cursor) end() {
	if c.json {
		c.space()
	}
	if c.i < len(c.data) {
		c.fail(errTrailing)
	}
}
