package parser

import (
	"bytes"
	stdjson "encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"sync"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	jsonv1 "github.com/go-json-experiment/json/v1"

	"github.com/seed96b07ef8/socketio/internal/jsonscan"
)

// jsonValues is the ValueDecoder of the default codec.
type jsonValues struct{}

// DecodeValue decodes a value that the scanner has validated. It has a fast
// path for common types and leaves everything else, including errors, to the
// library.
func (jsonValues) DecodeValue(raw []byte, attachments [][]byte, ptr any) error {
	switch p := ptr.(type) {
	case *string:
		if p != nil && raw[0] == '"' {
			if s := plainString(raw); s != nil {
				*p = string(s)
				return nil
			}
		}
	case *int:
		if p != nil {
			if n, err := strconv.ParseInt(string(raw), 10, strconv.IntSize); err == nil {
				*p = int(n)
				return nil
			}
		}
	case *int64:
		if p != nil {
			if n, err := strconv.ParseInt(string(raw), 10, 64); err == nil {
				*p = n
				return nil
			}
		}
	case *uint64:
		if p != nil {
			if n, err := strconv.ParseUint(string(raw), 10, 64); err == nil {
				*p = n
				return nil
			}
		}
	case *float64:
		if p != nil && raw[0] != '"' && raw[0] != 'n' {
			if f, err := strconv.ParseFloat(string(raw), 64); err == nil {
				*p = f
				return nil
			}
		}
	case *bool:
		if p != nil && (raw[0] == 't' || raw[0] == 'f') {
			*p = raw[0] == 't'
			return nil
		}
	case *stdjson.RawMessage:
		if p != nil {
			*p = bytes.Clone(raw)
			return nil
		}
	case *any:
		if p != nil && !holdsPointer(*p) {
			v, err := decodeAny(raw, attachments)
			if err == nil {
				*p = v
			}
			return err
		}
	case *[]byte:
		if p != nil && raw[0] == '{' && len(attachments) > 0 {
			data, err := attachment(raw, attachments)
			if err == nil {
				*p = data
			}
			return err
		}
	case *Borrowed:
		if p != nil {
			return jsonValues{}.DecodeValue(raw, attachments, (*[]byte)(p))
		}
	}
	return unmarshal(raw, attachments, ptr)
}

// holdsPointer reports whether v is a pointer, in which case encoding/json
// decodes into the value that it points to instead of replacing the pointer. A pointer
// that leads to itself, by interfaces, is replaced.
func holdsPointer(v any) bool {
	return v != nil && reflect.TypeOf(v).Kind() == reflect.Pointer && !isEndless(reflect.ValueOf(v))
}

// isEndless reports whether the pointers and interfaces from v on never end: no program
// has a thousand different ones in a row.
func isEndless(v reflect.Value) bool {
	for range 1000 {
		if k := v.Kind(); k != reflect.Pointer && k != reflect.Interface || v.IsNil() {
			return false
		}
		v = v.Elem()
	}
	return true
}

var errNoPlaceholder = errors.New("cannot decode an object into binary data")

// attachment returns a copy of the attachment that a placeholder refers to.
func attachment(raw []byte, attachments [][]byte) ([]byte, error) {
	index, ok := placeholder(raw)
	if !ok || index >= len(attachments) {
		return nil, errNoPlaceholder
	}
	return copyOf(attachments[index]), nil
}

// notAnObject returns the error for an attachment in place of a t. The library would
// decode the members of its placeholder.
func notAnObject(t reflect.Type) error {
	return fmt.Errorf("cannot decode binary data into %v", t)
}

// copyOf copies an attachment. The result is never nil: an empty attachment is
// not an absent one.
func copyOf(data []byte) []byte {
	return append([]byte{}, data...)
}

// decodeOptions make the library behave like encoding/json.
var decodeOptions = json.JoinOptions(
	jsonv1.DefaultOptionsV1(),
	jsontext.AllowDuplicateNames(true),
	jsontext.AllowInvalidUTF8(true),
)

// decodeOptionsNumber adds support for encoding/json.Number, which the library
// treats like any other string type.
var decodeOptionsNumber = json.JoinOptions(
	decodeOptions,
	json.WithUnmarshalers(json.UnmarshalFromFunc(unmarshalNumber)),
)

func unmarshalNumber(dec *jsontext.Decoder, p *stdjson.Number) error {
	n := jsonv1.Number(*p)
	err := n.UnmarshalJSONFrom(dec)
	if err == nil {
		*p = stdjson.Number(n)
	}
	return err
}

// unmarshal decodes a value by means of the library, with as few hooks as its
// type permits.
func unmarshal(raw []byte, attachments [][]byte, ptr any) error {
	t := reflect.TypeOf(ptr)
	if t.Kind() != reflect.Pointer {
		return fmt.Errorf("cannot decode into %v, which is not a pointer", t)
	}
	p := decodePlans.of(t)
	if len(attachments) > 0 && p.plain != nil && isPlaceholder(raw) {
		return notAnObject(p.plain)
	}
	if p.object != nil {
		if v := reflect.ValueOf(ptr); !v.IsNil() {
			if _, ok := p.object.decode(raw, 0, attachments, v.Elem()); ok {
				return nil
			}
		}
	}
	needs := p.needs
	if needs&holdsObjects != 0 && (len(attachments) == 0 || !bytes.Contains(raw, []byte(placeholderStart))) {
		needs &^= holdsObjects // there is no binary data that an object could be given
	}
	switch {
	case needs&(holdsKeys|holdsObjects) != 0 || len(attachments) > 0 && needs&(holdsBytes|holdsNamedBytes|holdsDynamic) != 0:
		h := binaryHooks.Get().(*binaryHook)
		h.attachments = attachments
		options := h.exact
		if needs&(holdsNamedBytes|holdsDynamic|holdsKeys|holdsObjects) != 0 {
			options = h.all
		}
		err := json.Unmarshal(raw, ptr, options)
		h.attachments = nil
		binaryHooks.Put(h)
		return err
	case needs&holdsNumber != 0:
		return json.Unmarshal(raw, ptr, decodeOptionsNumber)
	}
	return json.Unmarshal(raw, ptr, decodeOptions)
}

// binaryHook replaces placeholders by their attachments. It is pooled because
// the library caches which hooks apply to a type together with the hooks; the
// hooks find the attachments of the current packet here.
type binaryHook struct {
	attachments [][]byte
	exact       json.Options // for specific types
	all         json.Options // for all types
}

var binaryHooks = sync.Pool{New: func() any {
	h := new(binaryHook)
	exact := json.JoinUnmarshalers(
		json.UnmarshalFromFunc(unmarshalNumber),
		json.UnmarshalFromFunc(h.decodeBytes),
	)
	all := json.JoinUnmarshalers(exact, json.UnmarshalFromFunc(h.decode))
	h.exact = json.JoinOptions(decodeOptions, json.WithUnmarshalers(exact))
	h.all = json.JoinOptions(decodeOptions, json.WithUnmarshalers(all))
	return h
}}

func (h *binaryHook) decodeBytes(dec *jsontext.Decoder, p *[]byte) error {
	if dec.PeekKind() != '{' {
		return errSkip // base64, null
	}
	raw, err := dec.ReadValue()
	if err != nil {
		return err
	}
	data, err := attachment(raw, h.attachments)
	if err == nil {
		*p = data
	}
	return err
}

// The library calls decode with a pointer to each value that it decodes.
func (h *binaryHook) decode(dec *jsontext.Decoder, ptr any) error {
	kind := dec.PeekKind()
	if kind != '{' && kind != '[' {
		return errSkip
	}
	if p, ok := ptr.(*any); ok {
		if holdsPointer(*p) {
			return errSkip
		}
		raw, err := dec.ReadValue()
		if err != nil {
			return err
		}
		v, err := decodeAny(raw, h.attachments)
		if err == nil {
			*p = v
		}
		return err
	}
	v := reflect.ValueOf(ptr).Elem()
	if t := v.Type(); t.Kind() == reflect.Map && unusualWhenDecoding(t.Key()) && !implementsAny(reflect.PointerTo(t), unmarshalMethods) {
		return fmt.Errorf("cannot decode into %v: a map key must be a string, an integer or an encoding.TextUnmarshaler", t)
	}
	if kind != '{' || !isBytes(v.Type(), unmarshalMethods) {
		if kind == '{' && len(h.attachments) > 0 && isPlaceholder(bytes.TrimLeft(dec.UnreadBuffer(), ":, \t\n\r")) {
			if t := plainObject(v.Type()); t != nil {
				return notAnObject(t)
			}
		}
		return errSkip
	}
	var data []byte
	err := h.decodeBytes(dec, &data)
	if err == nil {
		v.SetBytes(data)
	}
	return err
}

// decodeAny decodes a value as encoding/json does into an empty interface, and
// placeholders, if there are attachments, into copies of the attachments. raw
// must be valid; the scanner has bounded its depth, and so the recursion.
func decodeAny(raw []byte, attachments [][]byte) (any, error) {
	d := anyDecoder{data: raw, attachments: attachments}
	return d.value()
}

// anyDecoder decodes valid JSON, front to back.
type anyDecoder struct {
	data        []byte
	pos         int
	attachments [][]byte
}

func (d *anyDecoder) value() (any, error) {
	switch d.next() {
	case '{':
		return d.object()
	case '[':
		return d.array()
	case '"':
		return d.string(), nil
	case 't':
		d.pos += len("true")
		return true, nil
	case 'f':
		d.pos += len("false")
		return false, nil
	case 'n':
		d.pos += len("null")
		return nil, nil
	}
	start := d.pos
	d.pos, _ = jsonscan.Number(d.data, start)
	text := string(d.data[start:d.pos])
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return nil, fmt.Errorf("cannot decode number %s into a float64: %w", text, errors.Unwrap(err))
	}
	return f, nil
}

// next skips white space and returns the byte behind it without consuming it.
func (d *anyDecoder) next() byte {
	d.pos = jsonscan.Space(d.data, d.pos)
	return d.data[d.pos]
}

func (d *anyDecoder) string() string {
	s, end := readString(d.data, d.pos)
	d.pos = end
	return s
}

// readString returns the value of the JSON string at data[i], which must be valid,
// and where it ends. It replaces invalid Unicode by U+FFFD.
func readString(data []byte, i int) (s string, end int) {
	end = jsonscan.Plain(data, i+1)
	if plain := data[i+1 : end]; data[end] == '"' && utf8.Valid(plain) {
		return string(plain), end + 1
	}
	end, _ = jsonscan.String(data, i)
	unquoted, _ := jsontext.AppendUnquote(nil, data[i:end])
	return string(unquoted), end
}

func (d *anyDecoder) array() (any, error) {
	array := []any{}
	d.pos++
	for d.next() != ']' {
		if d.data[d.pos] == ',' {
			d.pos++
		}
		v, err := d.value()
		if err != nil {
			return nil, err
		}
		array = append(array, v)
	}
	d.pos++
	return array, nil
}

func (d *anyDecoder) object() (any, error) {
	object := map[string]any{}
	d.pos++
	for d.next() != '}' {
		if d.data[d.pos] == ',' {
			d.pos++
		}
		d.next()
		name := d.string()
		d.next() // the colon
		d.pos++
		v, err := d.value()
		if err != nil {
			return nil, err
		}
		object[name] = v
	}
	d.pos++
	if len(d.attachments) > 0 && object[placeholderKey] == true {
		// The index was checked when the packet was complete.
		if n, ok := object[indexKey].(float64); ok && n >= 0 && n < float64(len(d.attachments)) {
			return copyOf(d.attachments[int(n)]), nil
		}
	}
	return object, nil
}
