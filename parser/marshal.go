package parser

import (
	"bytes"
	stdjson "encoding/json"
	"errors"
	"math"
	"reflect"
	"sync"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	jsonv1 "github.com/go-json-experiment/json/v1"
)

// appender is the state of encoding one packet. It lives on the stack; most packets
// need nothing else.
type appender struct {
	attachments [][]byte
	full        *encoder // from the pool, on first use
}

// encoder is the additional state for encoding some values. It is pooled because
// the library caches which hooks apply to a type together with the hooks, and
// these need the state.
type encoder struct {
	appender          // that of the packet, while the library encodes a value
	names    []string // a stack of the member names of the open objects

	// State for the library.
	out        bytes.Buffer
	json       jsontext.Encoder
	exactHooks []json.Options // for specific types
	hooks      []json.Options // for all types
	lenient    bool           // NaN and infinities are null instead of an error
}

var encoders = sync.Pool{New: func() any {
	e := new(encoder)
	exact := json.JoinMarshalers(
		json.MarshalToFunc(marshalNumber),
		json.MarshalToFunc(e.marshalBinary),
	)
	all := json.JoinMarshalers(exact, json.MarshalToFunc(e.hook))
	e.exactHooks = []json.Options{json.JoinOptions(plainOptions[0], json.WithMarshalers(exact))}
	e.hooks = []json.Options{json.JoinOptions(plainOptions[0], json.WithMarshalers(all))}
	return e
}}

// plainOptions are the options of encoding/json without escaping for HTML. It
// is a slice because it is passed as one.
var plainOptions = []json.Options{json.JoinOptions(
	jsonv1.DefaultOptionsV1(),
	jsontext.AllowDuplicateNames(true),
	jsontext.AllowInvalidUTF8(true),
	jsontext.EscapeForHTML(false),
	jsontext.EscapeForJS(false),
)}

var replacement = []byte("\uFFFD")

// maxPooledNames is how many names a pooled encoder may hold.
const maxPooledNames = 1024

// encoder returns the encoder of the packet.
func (a *appender) encoder() *encoder {
	if a.full == nil {
		a.full = encoders.Get().(*encoder)
	}
	return a.full
}

// release puts the encoder back into the pool. The attachments belong to the
// caller.
func (e *encoder) release() {
	e.attachments = nil
	if len(e.names) > 0 || cap(e.names) > maxPooledNames {
		e.names = nil // after an error, or too large
	}
	encoders.Put(e)
}

// appendAny appends a value of any type.
func (a *appender) appendAny(dst []byte, v any) ([]byte, error) {
	p := encodePlans.of(reflect.TypeOf(v))
	mark := len(a.attachments)
	if p.object != nil {
		if object := reflect.Indirect(reflect.ValueOf(v)); object.IsValid() {
			if result, ok := a.appendStruct(dst, p.object, object); ok {
				return result, nil
			}
			a.attachments = a.attachments[:mark]
		}
	}
	e := a.encoder()
	e.attachments = a.attachments
	dst, err := e.marshal(dst, v, p.needs)
	a.attachments = e.attachments
	return dst, err
}

// marshal appends a value by means of the library, with as few hooks as its
// type permits.
func (e *encoder) marshal(dst []byte, v any, needs plan) ([]byte, error) {
	mark := len(e.attachments)
	options := plainOptions
	switch {
	case needs&(holdsDynamic|holdsNamedBytes|holdsKeys) != 0:
		options = e.hooks
	case needs != 0:
		options = e.exactHooks
	}
	result, err := e.run(dst, v, options)
	if err != nil && isNotFinite(err) {
		// Encode again with hooks: NaN and infinities are too rare to slow down
		// other values.
		e.attachments = e.attachments[:mark]
		e.lenient = true
		result, err = e.run(dst, v, e.hooks)
		e.lenient = false
	}
	if err != nil {
		return nil, err
	}
	if !utf8.Valid(result[len(dst):]) {
		// Invalid UTF-8 is from a MarshalJSON method: the library keeps the contents
		// of its strings.
		result = append(result[:len(dst)], bytes.ToValidUTF8(result[len(dst):], replacement)...)
	}
	return result, nil
}

// run calls the library to append to dst.
func (e *encoder) run(dst []byte, v any, options []json.Options) ([]byte, error) {
	e.out = *bytes.NewBuffer(dst)
	e.json.Reset(&e.out, options...)
	err := json.MarshalEncode(&e.json, v)
	result := e.out.Bytes()
	e.out = bytes.Buffer{}
	e.json.Reset(&e.out) // releases dst
	if err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(result, []byte("\n")), nil // the library ends top-level values with it
}

// isNotFinite reports whether the library refused a NaN or an infinity.
func isNotFinite(err error) bool {
	var unsupported *jsonv1.UnsupportedValueError
	if !errors.As(err, &unsupported) {
		return false
	}
	switch unsupported.Str {
	case "NaN", "+Inf", "-Inf":
		return true
	}
	return false
}

func marshalNumber(out *jsontext.Encoder, n stdjson.Number) error {
	return jsonv1.Number(n).MarshalJSONTo(out)
}

// The library calls hook with a pointer to each value that it encodes.
func (e *encoder) hook(out *jsontext.Encoder, ptr any) error {
	switch ptr.(type) {
	case *string, *bool, *int, *int64, *any, *map[string]any, *[]any:
		return errSkip // in short
	}
	v := reflect.ValueOf(ptr).Elem()
	switch v.Kind() {
	case reflect.Map:
		if unusualWhenEncoding(v.Type().Key()) && !implementsAny(reflect.PointerTo(v.Type()), marshalMethods) {
			return marshalMap(out, v)
		}
	case reflect.Slice:
		if isBytes(v.Type(), marshalMethods) {
			return e.marshalBinary(out, v.Bytes())
		}
	case reflect.Float32, reflect.Float64:
		f := v.Float()
		if e.lenient && (math.IsNaN(f) || math.IsInf(f, 0)) && !implementsAny(reflect.PointerTo(v.Type()), marshalMethods) {
			return out.WriteToken(jsontext.Null)
		}
	}
	return errSkip
}

func (e *encoder) marshalBinary(out *jsontext.Encoder, data []byte) error {
	return out.WriteValue(e.appendBinary(out.AvailableBuffer(), data))
}
