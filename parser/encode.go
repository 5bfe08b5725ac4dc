package parser

import (
	"bytes"
	"cmp"
	stdjson "encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/seed96b07ef8/socketio/internal/jsonscan"
)

var errBinaryPayload = errors.New("only events and acks carry binary data")

// appendPacket appends the text of a packet and collects its attachments.
func (a *appender) appendPacket(dst []byte, h Header, event string, args []any) ([]byte, error) {
	switch h.Type {
	case BinaryEvent:
		h.Type = Event
	case BinaryAck:
		h.Type = Ack
	}
	start := len(dst)
	dst, err := appendHeader(dst, h)
	if err != nil {
		return nil, err
	}
	payload := len(dst)
	switch h.Type {
	case Event:
		if IsReserved(event) {
			return nil, fmt.Errorf("parser: the event name %q is reserved", event)
		}
		dst = append(dst, '[')
		dst = appendString(dst, event)
		dst, err = a.appendArgs(dst, args, true)
	case Ack:
		dst = append(dst, '[')
		dst, err = a.appendArgs(dst, args, false)
	default:
		return a.appendPayload(dst, h.Type, args)
	}
	if err != nil {
		return nil, err
	}
	if n := len(a.attachments); n > 0 {
		if err := a.checkPlaceholders(dst[payload:], args); err != nil {
			return nil, err
		}
		dst = markBinary(dst, start, n)
	}
	return dst, nil
}

func appendHeader(dst []byte, h Header) ([]byte, error) {
	if h.Type > ConnectError {
		return nil, fmt.Errorf("parser: cannot encode a packet of %v", h.Type)
	}
	dst = append(dst, '0'+byte(h.Type))
	if h.Namespace != "" && h.Namespace != "/" {
		if h.Namespace[0] != '/' || strings.Contains(h.Namespace, ",") {
			return nil, fmt.Errorf("parser: invalid namespace %q: it must start with a slash and cannot contain a comma", h.Namespace)
		}
		dst = append(dst, h.Namespace...)
		dst = append(dst, ',')
	}
	if h.HasID {
		dst = strconv.AppendUint(dst, h.ID, 10)
	}
	return dst, nil
}

// appendArgs appends the rest of the array of arguments.
func (a *appender) appendArgs(dst []byte, args []any, comma bool) ([]byte, error) {
	for i, arg := range args {
		received, ok := arg.(Args)
		if ok && received.Len() == 0 {
			continue
		}
		if comma {
			dst = append(dst, ',')
		}
		comma = true
		var err error
		if ok {
			dst, err = a.appendReceived(dst, received)
		} else {
			dst, err = a.appendValue(dst, arg, 1)
		}
		if err != nil {
			return nil, &ArgError{Index: i, Type: reflect.TypeOf(arg), Err: err}
		}
	}
	return append(dst, ']'), nil
}

// appendPayload appends the payload of a packet that is neither event nor ack.
func (a *appender) appendPayload(dst []byte, typ Type, args []any) ([]byte, error) {
	if len(args) == 0 {
		return dst, nil
	}
	if typ == Disconnect || len(args) > 1 {
		return nil, fmt.Errorf("parser: too many arguments for %v: %d", typ, len(args))
	}
	fail := func(err error) ([]byte, error) {
		return nil, &ArgError{Type: reflect.TypeOf(args[0]), Err: err}
	}
	start := len(dst)
	dst, err := a.appendValue(dst, args[0], 0)
	switch {
	case err != nil:
		return fail(err)
	case len(a.attachments) > 0:
		return fail(errBinaryPayload)
	}
	switch payload := dst[start:]; {
	case string(payload) == "null":
		return dst[:start], nil // omit the payload: peers refuse null
	case payload[0] == '{', payload[0] == '"' && typ == ConnectError:
		return dst, nil
	}
	return fail(fmt.Errorf("%w: %v", errPayloadType, typ))
}

var (
	errTooDeepValue = errors.New("value is nested too deeply, or contains itself")
	errRawMessage   = errors.New("json.RawMessage is not valid JSON")
	errNumber       = errors.New("json.Number is not a valid number")
)

// appendValue appends a value as JSON. It handles the most common types of
// arguments and leaves other types to the library.
func (a *appender) appendValue(dst []byte, v any, depth int) ([]byte, error) {
	switch v := v.(type) {
	case nil:
		return append(dst, "null"...), nil
	case string:
		return appendString(dst, v), nil
	case bool:
		return strconv.AppendBool(dst, v), nil
	case int:
		return strconv.AppendInt(dst, int64(v), 10), nil
	case int32:
		return strconv.AppendInt(dst, int64(v), 10), nil
	case int64:
		return strconv.AppendInt(dst, v, 10), nil
	case uint:
		return strconv.AppendUint(dst, uint64(v), 10), nil
	case uint32:
		return strconv.AppendUint(dst, uint64(v), 10), nil
	case uint64:
		return strconv.AppendUint(dst, v, 10), nil
	case float32:
		return appendFloat(dst, float64(v), 32), nil
	case float64:
		return appendFloat(dst, v, 64), nil
	case []byte:
		return a.appendBinary(dst, v), nil
	case Borrowed:
		return a.appendBinary(dst, v), nil
	case stdjson.RawMessage:
		return appendRaw(dst, v)
	case stdjson.Number:
		return appendNumber(dst, v)
	case []any:
		return a.appendArray(dst, v, depth)
	case map[string]any:
		return a.appendObject(dst, v, depth)
	case Args:
		dst, err := a.appendReceived(append(dst, '['), v)
		return append(dst, ']'), err
	}
	return a.appendAny(dst, v)
}

// appendBinary appends the placeholder of an attachment.
func (a *appender) appendBinary(dst, data []byte) []byte {
	if data == nil {
		return append(dst, "null"...)
	}
	a.attachments = append(a.attachments, data)
	return appendPlaceholder(dst, len(a.attachments)-1)
}

func (a *appender) appendArray(dst []byte, array []any, depth int) ([]byte, error) {
	if array == nil {
		return append(dst, "null"...), nil
	}
	if depth >= maxNesting {
		return nil, errTooDeepValue
	}
	dst = append(dst, '[')
	for i, v := range array {
		if i > 0 {
			dst = append(dst, ',')
		}
		var err error
		if dst, err = a.appendValue(dst, v, depth+1); err != nil {
			return nil, err
		}
	}
	return append(dst, ']'), nil
}

// appendObject appends the members in the order of their names, as
// encoding/json does.
func (a *appender) appendObject(dst []byte, object map[string]any, depth int) ([]byte, error) {
	if object == nil {
		return append(dst, "null"...), nil
	}
	if depth >= maxNesting {
		return nil, errTooDeepValue
	}
	// e.names is a stack: nested objects push their names on top.
	e := a.encoder()
	first := len(e.names)
	for name := range object {
		e.names = append(e.names, name)
	}
	end := len(e.names)
	slices.Sort(e.names[first:end])

	dst = append(dst, '{')
	for i := first; i < end; i++ {
		if i > first {
			dst = append(dst, ',')
		}
		name := e.names[i]
		dst = appendString(dst, name)
		dst = append(dst, ':')
		var err error
		if dst, err = a.appendValue(dst, object[name], depth+1); err != nil {
			return nil, err
		}
	}
	clear(e.names[first:end]) // so that the pool does not keep them alive
	e.names = e.names[:first]
	return append(dst, '}'), nil
}

// appendString appends a string as JSON.stringify does. Invalid UTF-8 becomes
// U+FFFD.
func appendString(dst []byte, s string) []byte {
	start := len(dst)
	dst = append(dst, '"')
	dst = append(dst, s...)
	if jsonscan.IsPlainASCII(dst[start+1:]) {
		return append(dst, '"')
	}
	dst, _ = jsontext.AppendQuote(dst[:start], s) // the error only reports the replacement
	return dst
}

// appendRaw appends encoded JSON without the white space around it.
func appendRaw(dst, raw []byte) ([]byte, error) {
	if raw == nil {
		return append(dst, "null"...), nil
	}
	value, err := jsonscan.Single(raw, maxNesting)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errRawMessage, err)
	}
	if !utf8.Valid(value) {
		value = bytes.ToValidUTF8(value, replacement)
	}
	return append(dst, value...), nil
}

func appendNumber(dst []byte, n stdjson.Number) ([]byte, error) {
	text := cmp.Or(string(n), "0") // as encoding/json does
	if end, err := jsonscan.Number([]byte(text), 0); err != nil || end != len(text) {
		return nil, fmt.Errorf("%w: %q", errNumber, text)
	}
	return append(dst, text...), nil
}

// appendFloat appends a number in the format of JSON.stringify: that of
// ECMAScript's Number::toString, except that NaN and infinities are null.
func appendFloat(dst []byte, f float64, bits int) []byte {
	switch {
	case math.IsNaN(f) || math.IsInf(f, 0):
		return append(dst, "null"...)
	case f == 0:
		return append(dst, '0') // also for the negative one
	}
	if abs := math.Abs(f); 1e-6 <= abs && abs < 1e21 {
		return strconv.AppendFloat(dst, f, 'f', -1, bits)
	}
	dst = strconv.AppendFloat(dst, f, 'e', -1, bits)
	// ECMAScript does not pad the exponent: it writes 1e-7, Go 1e-07.
	if n := len(dst); dst[n-2] == '0' && !jsonscan.IsDigit(dst[n-3]) {
		dst[n-2] = dst[n-1]
		dst = dst[:n-1]
	}
	return dst
}
