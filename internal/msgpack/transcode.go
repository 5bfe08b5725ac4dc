package msgpack

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"math"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/seed96b07ef8/socketio/internal/jsonscan"
)

// A Flavor says which implementation's numbers AppendJSON writes.
type Flavor uint8

const (
	// Notepack is notepack.io 3: all integers below 2^64 are integers.
	Notepack Flavor = iota
	// MessagePack is @msgpack/msgpack 2: a number that is spelled with a fraction or an
	// exponent and is an integer of more than 53 bits is a float.
	//
	// The package writes a float for each integer of more than 53 bits. AppendJSON does not:
	// JavaScript reads both as the same number, and Go reads the exact one.
	MessagePack
)

// placeholder is how the protocol marks the place of an attachment, up to its number:
// Socket.IO protocol v5, "Binary packets".
const placeholder = `{"_placeholder":true,"num":`

var (
	errTwoValues = errors.New("more than one value")
	errSeparator = errors.New("invalid JSON: want ',' or the end of the container")
)

// ErrTooMany is the error for more attachments than a Text permits.
var ErrTooMany = errors.New("too many attachments")

// AppendJSON appends the value of a JSON text. A placeholder, in the form in which this module
// writes them, becomes the attachment with that number if there is one. The error is ErrTooDeep if
// arrays and objects are nested more than maxDepth times.
func AppendJSON(dst, text []byte, attachments [][]byte, maxDepth int, f Flavor) ([]byte, error) {
	e := encoder{text: text, attachments: attachments, flavor: f}
	dst, end, err := e.value(dst, jsonscan.Space(text, 0), maxDepth)
	if err != nil {
		return nil, err
	}
	if jsonscan.Space(text, end) < len(text) {
		return nil, errTwoValues
	}
	return dst, nil
}

type encoder struct {
	text        []byte
	attachments [][]byte
	flavor      Flavor
	scratch     []byte
}

// value appends the value at e.text[i] and returns where it ends.
func (e *encoder) value(dst []byte, i, depth int) ([]byte, int, error) {
	if i >= len(e.text) {
		return nil, 0, jsonscan.ErrUnexpectedEnd
	}
	switch e.text[i] {
	case '[', '{':
		if data, end, ok := e.attachment(i); ok {
			return AppendBinary(dst, data), end, nil
		}
		if depth <= 0 {
			return nil, 0, ErrTooDeep
		}
		return e.container(dst, i, depth)
	}
	end, err := jsonscan.Scalar(e.text, i)
	if err != nil {
		return nil, 0, err
	}
	return e.scalar(dst, e.text[i:end]), end, nil
}

// attachment returns the attachment whose placeholder is at e.text[i].
func (e *encoder) attachment(i int) (data []byte, end int, ok bool) {
	text := e.text[i:]
	if len(e.attachments) == 0 || len(text) < len(placeholder) || string(text[:len(placeholder)]) != placeholder {
		return nil, 0, false
	}
	end = jsonscan.Digits(text, len(placeholder))
	n, err := strconv.ParseUint(string(text[len(placeholder):end]), 10, 31)
	if err != nil || end >= len(text) || text[end] != '}' || n >= uint64(len(e.attachments)) {
		return nil, 0, false
	}
	return e.attachments[n], i + end + 1, true
}

// container appends the array or object at e.text[i].
func (e *encoder) container(dst []byte, i, depth int) ([]byte, int, error) {
	isMap := e.text[i] == '{'
	closing := e.text[i] + 2 // '}' is '{'+2, ']' is '['+2
	head := len(dst)
	dst = append(dst, fixArray) // replaced below
	n := 0
	for i = jsonscan.Space(e.text, i+1); i >= len(e.text) || e.text[i] != closing; n++ {
		if n > 0 {
			if i >= len(e.text) {
				return nil, 0, jsonscan.ErrUnexpectedEnd
			}
			if e.text[i] != ',' {
				return nil, 0, errSeparator
			}
			i++
		}
		if isMap {
			end, err := jsonscan.Name(e.text, i)
			if err != nil {
				return nil, 0, err
			}
			dst = e.string(dst, e.text[jsonscan.Space(e.text, i):end])
			i = end
		}
		var err error
		if dst, i, err = e.value(dst, jsonscan.Space(e.text, i), depth-1); err != nil {
			return nil, 0, err
		}
		i = jsonscan.Space(e.text, i)
	}
	return setHead(dst, head, isMap, n), i + 1, nil
}

// setHead replaces the byte at head by the head of a container of n elements or members.
func setHead(dst []byte, head int, isMap bool, n int) []byte {
	var space [5]byte
	h := AppendArray(space[:0], n)
	if isMap {
		h = AppendMap(space[:0], n)
	}
	dst[head] = h[0]
	if len(h) > 1 { // make room
		dst = append(dst, h[1:]...)
		copy(dst[head+len(h):], dst[head+1:len(dst)-len(h)+1])
		copy(dst[head:], h)
	}
	return dst
}

// scalar appends valid JSON that is neither array nor object.
func (e *encoder) scalar(dst, raw []byte) []byte {
	switch raw[0] {
	case 'n':
		return AppendNil(dst)
	case 't', 'f':
		return AppendBool(dst, raw[0] == 't')
	case '"':
		return e.string(dst, raw)
	}
	return AppendNumber(dst, string(raw), e.flavor)
}

// string appends the string at the start of raw, which is valid JSON up to its end.
func (e *encoder) string(dst, raw []byte) []byte {
	if end := jsonscan.Plain(raw, 1); raw[end] == '"' && utf8.Valid(raw[1:end]) {
		return AppendString(dst, raw[1:end])
	}
	end, _ := jsonscan.String(raw, 0)
	// The only possible error is about what is not UTF-8, which is replaced.
	e.scratch, _ = jsontext.AppendUnquote(e.scratch[:0], raw[:end])
	return AppendString(dst, e.scratch)
}

// AppendNumber appends a valid JSON number: an integer of at most 64 bits exactly, and otherwise,
// like JSON.parse, the nearest float64, which may be infinite.
func AppendNumber(dst []byte, text string, flavor Flavor) []byte {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return AppendInt(dst, n)
	}
	if n, err := strconv.ParseUint(text, 10, 64); err == nil {
		return AppendUint(dst, n)
	}
	f, _ := strconv.ParseFloat(text, 64)
	const safe = 1 << 53
	if f == math.Trunc(f) && (flavor == Notepack || -safe < f && f < safe) {
		switch {
		case 0 <= f && f < 1<<64: // also the negative zero
			return AppendUint(dst, uint64(f))
		case -1<<63 <= f && f < 0:
			return AppendInt(dst, int64(f))
		}
	}
	return AppendFloat64(dst, f)
}

// A Text makes JSON text of MessagePack. The zero Text writes binary data as base64 text, as
// encoding/json does.
type Text struct {
	// Attach writes placeholders for binary data and collects it in Attachments, of which
	// there may be MaxAttachments.
	Attach         bool
	MaxAttachments int
	Attachments    [][]byte // parts of the message
}

// Append appends the JSON form of the value at data[i] and returns where the value ends. Dates
// become the text of Date.prototype.toJSON, and values that JSON does not have become null, as
// for JSON.stringify; a member that is undefined is absent. An extension of an unknown type
// becomes an array of its type and its data, as in notepack. Text that is not UTF-8 is mended.
func (x *Text) Append(dst, data []byte, i, maxDepth int) (text []byte, end int, err error) {
	t, end, err := Next(data, i)
	if err != nil {
		return nil, 0, err
	}
	switch t.Kind {
	case Array, Map:
		if maxDepth <= 0 {
			return nil, 0, ErrTooDeep
		}
		return x.container(dst, data, end, maxDepth, t)
	case String:
		return appendQuoted(dst, t.Bytes(data, end)), end, nil
	case Bool:
		return strconv.AppendBool(dst, t.N != 0), end, nil
	case Binary:
		dst, err = x.binary(dst, t.Bytes(data, end))
		return dst, end, err
	case Ext:
		dst, err = x.extension(dst, t, t.Bytes(data, end))
		return dst, end, err
	case Nil:
		return append(dst, "null"...), end, nil
	}
	return appendNumber(dst, t), end, nil
}

// container appends the elements or members of t, which begin at data[i].
func (x *Text) container(dst, data []byte, i, depth int, t Token) ([]byte, int, error) {
	if t.Kind == Array {
		dst = append(dst, '[')
	} else {
		dst = append(dst, '{')
	}
	first := true
	for range t.N {
		before := len(dst)
		if !first {
			dst = append(dst, ',')
		}
		if t.Kind == Map {
			key, end, err := Next(data, i)
			if err != nil {
				return nil, 0, err
			}
			if dst, err = appendName(dst, key, data, end); err != nil {
				return nil, 0, err
			}
			i = end
			if isUndefined(data, i) {
				dst, i = dst[:before], i+undefinedLength
				continue
			}
		}
		first = false
		var err error
		if dst, i, err = x.Append(dst, data, i, depth-1); err != nil {
			return nil, 0, err
		}
	}
	if t.Kind == Array {
		return append(dst, ']'), i, nil
	}
	return append(dst, '}'), i, nil
}

var errName = errors.New("a key of a MessagePack map is neither text nor number")

// appendName appends the name of a member, with the colon. JavaScript peers send text only,
// others may send numbers, which are names in decimal.
func appendName(dst []byte, key Token, data []byte, end int) ([]byte, error) {
	if key.Kind == String {
		return append(appendQuoted(dst, key.Bytes(data, end)), ':'), nil
	}
	if _, ok := key.Float(); !ok {
		return nil, errName
	}
	dst = append(dst, '"')
	dst = appendNumber(dst, key)
	return append(dst, '"', ':'), nil
}

// undefinedLength is the length of the extension that notepack.io 2 writes for undefined.
const undefinedLength = 3

func isUndefined(data []byte, i int) bool {
	return len(data)-i >= undefinedLength && data[i] == fixExt1 && data[i+1] == 0
}

// appendQuoted appends a JSON string.
func appendQuoted(dst, s []byte) []byte {
	if jsonscan.IsPlainASCII(s) {
		return append(append(append(dst, '"'), s...), '"')
	}
	dst, _ = jsontext.AppendQuote(dst, s) // the error only reports a replacement
	return dst
}

// binary appends binary data.
func (x *Text) binary(dst, data []byte) ([]byte, error) {
	if !x.Attach {
		return append(base64.StdEncoding.AppendEncode(append(dst, '"'), data), '"'), nil
	}
	if len(x.Attachments) >= x.MaxAttachments {
		return nil, ErrTooMany
	}
	dst = strconv.AppendInt(append(dst, placeholder...), int64(len(x.Attachments)), 10)
	x.Attachments = append(x.Attachments, data)
	return append(dst, '}'), nil
}

// extension appends an extension: a date, one of the values for which old versions of notepack
// use type 0, or one of an unknown type.
func (x *Text) extension(dst []byte, t Token, data []byte) ([]byte, error) {
	switch {
	case t.Type == -1 && len(data) == 4:
		return appendDate(dst, int64(binary.BigEndian.Uint32(data)), 0), nil
	case t.Type == -1 && len(data) == 8:
		n := binary.BigEndian.Uint64(data)
		return appendDate(dst, int64(n&(1<<34-1)), int64(n>>34)), nil
	case t.Type == -1 && len(data) == 12:
		return appendDate(dst, int64(binary.BigEndian.Uint64(data[4:])), int64(binary.BigEndian.Uint32(data))), nil
	case t.Type == 0 && t.Fixed && len(data) == 1: // undefined
		return append(dst, "null"...), nil
	case t.Type == 0 && t.Fixed && len(data) == 8:
		ms := int64(binary.BigEndian.Uint64(data))
		return appendDate(dst, ms/1000, ms%1000*1e6), nil
	case t.Type == 0:
		return x.binary(dst, data) // an ArrayBuffer
	}
	dst = append(strconv.AppendInt(append(dst, '['), int64(t.Type), 10), ',')
	dst, err := x.binary(dst, data)
	return append(dst, ']'), err
}

// appendDate appends the text of Date.prototype.toJSON, which is null for a date outside
// JavaScript's range.
func appendDate(dst []byte, seconds, nanoseconds int64) []byte {
	const most = 8.64e12 // seconds: a hundred million days
	if seconds < -most || seconds > most {
		return append(dst, "null"...)
	}
	date := time.Unix(seconds, nanoseconds).UTC()
	if ms := date.UnixMilli(); ms < -most*1000 || ms > most*1000 {
		return append(dst, "null"...)
	}
	dst = append(dst, '"')
	switch year := date.Year(); {
	case year < 0:
		dst = appendPadded(append(dst, '-'), -year, 6)
	case year > 9999:
		dst = appendPadded(append(dst, '+'), year, 6)
	default:
		dst = appendPadded(dst, year, 4)
	}
	return date.AppendFormat(dst, `-01-02T15:04:05.000Z"`)
}

func appendPadded(dst []byte, n, digits int) []byte {
	s := "000000" + strconv.Itoa(n)
	return append(dst, s[len(s)-digits:]...)
}

// appendNumber appends a number as JavaScript spells it, and integers exactly.
func appendNumber(dst []byte, t Token) []byte {
	switch t.Kind {
	case Uint:
		return strconv.AppendUint(dst, t.N, 10)
	case Int:
		return strconv.AppendInt(dst, int64(t.N), 10)
	}
	f, _ := t.Float()
	switch {
	case math.IsNaN(f) || math.IsInf(f, 0):
		return append(dst, "null"...)
	case f == 0:
		return append(dst, '0') // also the negative one
	}
	return append(dst, jsontext.Float(f).String()...)
}
