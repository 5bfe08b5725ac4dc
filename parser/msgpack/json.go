package msgpack

import (
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	jsonv1 "github.com/go-json-experiment/json/v1"

	wire "github.com/seed96b07ef8/socketio/internal/msgpack"
)

// Types with JSON or text methods are converted by way of their JSON form, as
// every type is in the default codec.

// jsonOptions are those of the default codec: the options of encoding/json
// without escaping for HTML.
var jsonOptions = json.JoinOptions(
	jsonv1.DefaultOptionsV1(),
	jsontext.AllowDuplicateNames(true),
	jsontext.AllowInvalidUTF8(true),
	jsontext.EscapeForHTML(false),
	jsontext.EscapeForJS(false),
)

// encodeOpaque appends a value by its JSON form.
func encodeOpaque(e *encoder, dst []byte, v reflect.Value) ([]byte, error) {
	if v.CanAddr() {
		v = v.Addr() // without a copy, and with the methods of the pointer
	}
	text, err := json.Marshal(v.Interface(), jsonOptions)
	if err != nil {
		return nil, err
	}
	return e.appendJSON(dst, text)
}

// decodeOpaque decodes a value by its JSON form.
func decodeOpaque(data []byte, i int, v reflect.Value) (int, error) {
	if t, _, _ := next(data, i); t.kind == kindBinary && !implementsAny(reflect.PointerTo(v.Type()), unmarshalMethods[:2]) {
		return 0, mismatch(data, i, v.Type()) // binary data is not a type's text form
	}
	text, end := toJSON(nil, data, i)
	return end, json.Unmarshal(text, v.Addr().Interface(), jsonOptions)
}

var (
	errNotJSON   = errors.New("json.RawMessage is not valid JSON")
	errNotNumber = errors.New("json.Number is not a valid number")
)

// appendRaw appends JSON from the application.
func (e *encoder) appendRaw(dst, text []byte) ([]byte, error) {
	if text == nil {
		return wire.AppendNil(dst), nil
	}
	dst, err := e.appendJSON(dst, text)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errNotJSON, err)
	}
	return dst, nil
}

// appendJSON appends the value of a JSON text.
func (e *encoder) appendJSON(dst, text []byte) ([]byte, error) {
	dst, err := wire.AppendJSON(dst, text, nil, maxNesting-e.depth, wire.Notepack)
	if errors.Is(err, wire.ErrTooDeep) {
		return nil, errTooDeepValue
	}
	return dst, err
}

// isNumber reports whether a text is a JSON number.
func isNumber(text string) bool {
	v := jsontext.Value(text)
	return v.Kind() == '0' && text[len(text)-1] > ' ' && v.IsValid()
}

// toJSON appends the JSON form of the value at data[i], which must be valid,
// and returns where it ends. Binary data becomes base64 text, as in
// encoding/json, and values that JSON lacks become null, as for JSON.stringify.
func toJSON(dst, data []byte, i int) (text []byte, end int) {
	t, end, _ := next(data, i)
	switch t.kind {
	case kindArray:
		dst = append(dst, '[')
		for n := range t.n {
			if n > 0 {
				dst = append(dst, ',')
			}
			dst, end = toJSON(dst, data, end)
		}
		return append(dst, ']'), end
	case kindMap:
		dst = append(dst, '{')
		first := true
		for range t.n {
			var key []byte
			key, end = readKey(data, end)
			if isUndefined(data, end) {
				end = pass(data, end)
				continue
			}
			if !first {
				dst = append(dst, ',')
			}
			first = false
			dst = append(appendQuoted(dst, key), ':')
			dst, end = toJSON(dst, data, end)
		}
		return append(dst, '}'), end
	case kindString:
		return appendQuoted(dst, t.bytes(data, end)), end
	case kindBinary:
		return appendBase64(dst, t.bytes(data, end)), end
	case kindExt:
		dst = strconv.AppendInt(append(dst, '['), int64(t.ext), 10)
		return append(appendBase64(append(dst, ','), t.bytes(data, end)), ']'), end
	case kindDate:
		if date := dateText(t); date != "" {
			return append(append(append(dst, '"'), date...), '"'), end
		}
	case kindBool:
		return strconv.AppendBool(dst, t.n != 0), end
	case kindUint, kindInt, kindFloat32, kindFloat64:
		return appendDecimal(dst, t), end
	}
	return append(dst, "null"...), end
}

// appendQuoted appends a JSON string.
func appendQuoted(dst, s []byte) []byte {
	dst, _ = jsontext.AppendQuote(dst, s) // the error only reports a replacement
	return dst
}

func appendBase64(dst, data []byte) []byte {
	return append(base64.StdEncoding.AppendEncode(append(dst, '"'), data), '"')
}

// appendDecimal appends a number as JSON.
func appendDecimal(dst []byte, t token) []byte {
	switch t.kind {
	case kindUint:
		return strconv.AppendUint(dst, t.n, 10)
	case kindInt:
		return strconv.AppendInt(dst, int64(t.n), 10)
	}
	f, _ := t.float()
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return append(dst, "null"...)
	}
	return append(dst, floatText(f)...)
}

// floatText returns a number as JavaScript spells it.
func floatText(f float64) string {
	if f == 0 {
		return "0" // also the negative one
	}
	return jsontext.Float(f).String()
}

// dateText returns the text of Date.prototype.toJSON for a date, or "" if the
// date is outside JavaScript's range.
func dateText(t token) string {
	const most = 8.64e15 // milliseconds: a hundred million days
	milliseconds := int64(t.n)
	if milliseconds < -most || milliseconds > most {
		return ""
	}
	date := time.UnixMilli(milliseconds).UTC()
	rest := date.Format("-01-02T15:04:05.000Z")
	switch year := date.Year(); {
	case year < 0:
		return "-" + pad(-year, 6) + rest
	case year > 9999:
		return "+" + pad(year, 6) + rest
	default:
		return pad(year, 4) + rest
	}
}

func pad(n, digits int) string {
	s := "000000" + strconv.Itoa(n)
	return s[len(s)-digits:]
}

// readKey returns the text of the map key at data[i] and where it ends.
func readKey(data []byte, i int) (key []byte, end int) {
	t, end, _ := next(data, i)
	if t.kind == kindString {
		return t.bytes(data, end), end
	}
	key, _ = keyText(nil, data[i:end])
	return key, end
}

// keyText returns the text of a value that is a name: a string, or a number as
// JavaScript spells it. It uses dst for the latter.
func keyText(dst, raw []byte) (name []byte, ok bool) {
	t, end, _ := next(raw, 0)
	if t.kind == kindString {
		return t.bytes(raw, end), true
	}
	f, ok := t.float()
	if !ok {
		return nil, false
	}
	return append(dst, floatText(f)...), true
}

func isUndefined(data []byte, i int) bool {
	t, _, _ := next(data, i)
	return t.kind == kindUndefined
}

// text returns bytes as valid UTF-8.
func text(b []byte) string {
	if utf8.Valid(b) {
		return string(b)
	}
	return string([]rune(string(b))) // each invalid byte becomes U+FFFD
}
