package parser

import (
	"bytes"
	stdjson "encoding/json"
	"unicode/utf8"
)

// Received arguments that are sent again, as arguments of an event or as an
// acknowledgement, keep their encoded form: numbers that no float64 can hold do not
// change on their way.

// appendReceived appends the values of args, separated by commas.
func (a *appender) appendReceived(dst []byte, args Args) ([]byte, error) {
	_, isJSON := args.dec.(jsonValues)
	for i, raw := range args.values {
		if i > 0 {
			dst = append(dst, ',')
		}
		if isJSON {
			dst = a.appendReceivedJSON(dst, raw, args.attachments)
			continue
		}
		var v any
		err := args.DecodeAt(i, &v)
		if err == nil {
			dst, err = a.appendValue(dst, v, 1)
		}
		if err != nil {
			return nil, err
		}
	}
	return dst, nil
}

// appendReceivedJSON appends a JSON value, which must be valid, and the attachments
// that it refers to.
func (a *appender) appendReceivedJSON(dst, raw []byte, attachments [][]byte) []byte {
	if !utf8.Valid(raw) {
		raw = bytes.ToValidUTF8(raw, replacement)
	}
	done := 0
	for _, o := range placeholders(raw, len(attachments)) {
		dst = append(dst, raw[done:o.start]...)
		dst = a.appendBinary(dst, attachments[o.index])
		done = o.end
	}
	return append(dst, raw[done:]...)
}

// placeholders returns the placeholders in a JSON value, which must be valid, that
// refer to one of count attachments, in order. What is inside a placeholder does not
// count.
func placeholders(raw []byte, count int) (found []object) {
	if count == 0 || raw[0] != '{' && raw[0] != '[' {
		return nil
	}
	walkObjects(raw, func(o object) {
		if !o.isPlaceholder || o.index < 0 || o.index >= count {
			return
		}
		for len(found) > 0 && found[len(found)-1].start > o.start {
			found = found[:len(found)-1]
		}
		found = append(found, o)
	})
	return found
}

// MarshalJSON returns the arguments as a JSON array, so that they can be part of
// another value. Binary data in them is base64 text, as encoding/json has it. As
// arguments of an event of their own they are sent better as they are: see the
// package documentation.
func (a Args) MarshalJSON() ([]byte, error) {
	_, isJSON := a.dec.(jsonValues)
	values := make([]any, a.Len())
	for i := range values {
		if isJSON && len(a.attachments) == 0 {
			values[i] = stdjson.RawMessage(a.values[i])
		} else if err := a.DecodeAt(i, &values[i]); err != nil {
			return nil, err
		}
	}
	return stdjson.Marshal(values)
}
