package parser

import (
	"bytes"
	"encoding/base64"
	stdjson "encoding/json"
	"math"
	"unicode/utf8"
)

// Received arguments that are sent again, in an event or acknowledgement, keep
// their encoded form, so numbers beyond the precision of float64 do not change.

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
// refer to one of count attachments, in order. Objects inside a placeholder are
// ignored.
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

// MarshalJSON returns the arguments as a JSON array, so that they can be part of another
// value. Binary data is encoded as base64 text, as by encoding/json, and NaN and
// infinities as null, as by JSON.stringify. To send all arguments again in an event, pass
// the Args themselves: see the package documentation.
func (a Args) MarshalJSON() ([]byte, error) {
	_, isJSON := a.dec.(jsonValues)
	text := []byte{'['}
	for i, raw := range a.values {
		if i > 0 {
			text = append(text, ',')
		}
		if isJSON {
			text = appendWithBase64(text, raw, a.attachments)
			continue
		}
		var v any
		err := a.DecodeAt(i, &v)
		if err != nil {
			return nil, err
		}
		value, err := stdjson.Marshal(finite(v))
		if err != nil {
			return nil, err
		}
		text = append(text, value...)
	}
	return append(text, ']'), nil
}

// appendWithBase64 appends a JSON value, which must be valid, with the attachments that
// it refers to as base64 text.
func appendWithBase64(dst, raw []byte, attachments [][]byte) []byte {
	if !utf8.Valid(raw) {
		raw = bytes.ToValidUTF8(raw, replacement)
	}
	done := 0
	for _, o := range placeholders(raw, len(attachments)) {
		dst = append(append(dst, raw[done:o.start]...), '"')
		dst = append(base64.StdEncoding.AppendEncode(dst, attachments[o.index]), '"')
		done = o.end
	}
	return append(dst, raw[done:]...)
}

// finite replaces each NaN and infinity in v by nil and returns v, a decoded any that
// the caller owns.
func finite(v any) any {
	switch v := v.(type) {
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil
		}
	case []any:
		for i, element := range v {
			v[i] = finite(element)
		}
	case map[string]any:
		for name, member := range v {
			v[name] = finite(member)
		}
	}
	return v
}
