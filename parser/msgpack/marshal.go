package msgpack

import (
	"cmp"
	"encoding"
	stdjson "encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/seed96b07ef8/socketio/internal/jsonfields"
	wire "github.com/seed96b07ef8/socketio/internal/msgpack"
	"github.com/seed96b07ef8/socketio/parser"
)

// maxNesting is how deeply arrays and maps may be nested: the maximum of the
// default codec, and so of all limits.
var maxNesting = parser.Limits{MaxDepth: math.MaxInt}.WithDefaults().MaxDepth

// encoder is the state of encoding one packet.
type encoder struct {
	depth   int      // the number of open containers
	keys    []string // a stack of the keys of the open maps
	scratch []byte
}

var encoders = sync.Pool{New: func() any { return new(encoder) }}

// Limits of the memory that a pooled encoder may hold.
const (
	maxPooledKeys    = 1024
	maxPooledScratch = 64 << 10
)

func (e *encoder) release() {
	e.depth = 0
	if len(e.keys) > 0 || cap(e.keys) > maxPooledKeys {
		e.keys = nil // after an error, or too large
	}
	if cap(e.scratch) > maxPooledScratch {
		e.scratch = nil
	}
	encoders.Put(e)
}

var errTooDeepValue = errors.New("value is nested too deeply, or contains itself")

// enter opens a container or follows a pointer.
func (e *encoder) enter() error {
	if e.depth >= maxNesting {
		return errTooDeepValue
	}
	e.depth++
	return nil
}

// appendAny appends a value. It handles the most common types of arguments and
// leaves other types to their plans.
func (e *encoder) appendAny(dst []byte, v any) ([]byte, error) {
	switch v := v.(type) {
	case nil:
		return wire.AppendNil(dst), nil
	case string:
		return appendString(dst, v), nil
	case bool:
		return wire.AppendBool(dst, v), nil
	case int:
		return wire.AppendInt(dst, int64(v)), nil
	case int64:
		return wire.AppendInt(dst, v), nil
	case uint64:
		return wire.AppendUint(dst, v), nil
	case float64:
		return appendFloat(dst, v), nil
	case []byte:
		return appendBinary(dst, v), nil
	case time.Time:
		return appendDate(dst, v.UnixMilli()), nil
	case stdjson.RawMessage:
		return e.appendRaw(dst, v)
	case []any:
		return e.appendSlice(dst, v)
	case map[string]any:
		return e.appendObject(dst, v)
	case parser.Args:
		return e.appendReceived(wire.AppendArray(dst, v.Len()), v)
	}
	rv := reflect.ValueOf(v)
	return encodePlanOf(rv.Type()).run(e, dst, rv)
}

// appendReceived appends the values of received arguments: those of this codec
// unchanged, and those of others after decoding them into an any.
func (e *encoder) appendReceived(dst []byte, args parser.Args) ([]byte, error) {
	_, own := args.Decoder().(valueDecoder)
	for i := range args.Len() {
		if own {
			dst = append(dst, args.Raw(i)...)
			continue
		}
		var v any
		err := args.DecodeAt(i, &v)
		if err == nil {
			dst, err = e.appendAny(dst, v)
		}
		if err != nil {
			return nil, err
		}
	}
	return dst, nil
}

// appendString appends a string. Invalid UTF-8 becomes U+FFFD.
func appendString(dst []byte, s string) []byte {
	if !utf8.ValidString(s) {
		s = string([]rune(s))
	}
	return append(wire.AppendStringHead(dst, len(s)), s...)
}

func (e *encoder) appendSlice(dst []byte, slice []any) ([]byte, error) {
	if slice == nil {
		return wire.AppendNil(dst), nil
	}
	if err := e.enter(); err != nil {
		return nil, err
	}
	dst = wire.AppendArray(dst, len(slice))
	for _, v := range slice {
		var err error
		if dst, err = e.appendAny(dst, v); err != nil {
			return nil, err
		}
	}
	e.depth--
	return dst, nil
}

// appendObject appends the members in the order of their names, as
// encoding/json does.
func (e *encoder) appendObject(dst []byte, object map[string]any) ([]byte, error) {
	if object == nil {
		return wire.AppendNil(dst), nil
	}
	if err := e.enter(); err != nil {
		return nil, err
	}
	// e.keys is a stack: nested objects push their keys on top.
	first := len(e.keys)
	for key := range object {
		e.keys = append(e.keys, key)
	}
	end := len(e.keys)
	slices.Sort(e.keys[first:end])

	dst = wire.AppendMap(dst, len(object))
	for i := first; i < end; i++ {
		key := e.keys[i]
		var err error
		if dst, err = e.appendAny(appendString(dst, key), object[key]); err != nil {
			return nil, err
		}
	}
	clear(e.keys[first:end]) // so that the pool does not keep them alive
	e.keys = e.keys[:first]
	e.depth--
	return dst, nil
}

// An encodeFunc appends a value of the type that it was made for.
type encodeFunc func(e *encoder, dst []byte, v reflect.Value) ([]byte, error)

type encodePlan = plan[encodeFunc]

var encodePlans planner[encodeFunc]

func encodePlanOf(t reflect.Type) *encodePlan { return encodePlans.of(t, newEncodeFunc) }

func newEncodeFunc(t reflect.Type, planOf func(reflect.Type) *encodePlan) encodeFunc {
	switch kind := t.Kind(); {
	case t == timeType:
		return encodeTime
	case t == numberType:
		return encodeNumber
	case kind == reflect.Pointer || kind == reflect.Interface:
		// The values that they point to have the same methods, or more.
	case implementsAny(t, marshalMethods):
		return encodeOpaque
	case implementsAny(reflect.PointerTo(t), marshalMethods):
		// As in encoding/json, methods with a pointer receiver are called only
		// for addressable values.
		plain := newPlainEncodeFunc(t, planOf)
		return func(e *encoder, dst []byte, v reflect.Value) ([]byte, error) {
			if v.CanAddr() {
				return encodeOpaque(e, dst, v)
			}
			return plain(e, dst, v)
		}
	}
	return newPlainEncodeFunc(t, planOf)
}

// newPlainEncodeFunc is newEncodeFunc without regard to methods.
func newPlainEncodeFunc(t reflect.Type, planOf func(reflect.Type) *encodePlan) encodeFunc {
	switch t.Kind() {
	case reflect.Bool:
		return func(_ *encoder, dst []byte, v reflect.Value) ([]byte, error) {
			return wire.AppendBool(dst, v.Bool()), nil
		}
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return func(_ *encoder, dst []byte, v reflect.Value) ([]byte, error) {
			return wire.AppendInt(dst, v.Int()), nil
		}
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return func(_ *encoder, dst []byte, v reflect.Value) ([]byte, error) {
			return wire.AppendUint(dst, v.Uint()), nil
		}
	case reflect.Float32:
		return func(_ *encoder, dst []byte, v reflect.Value) ([]byte, error) {
			return appendFloat32(dst, float32(v.Float())), nil
		}
	case reflect.Float64:
		return func(_ *encoder, dst []byte, v reflect.Value) ([]byte, error) { return appendFloat(dst, v.Float()), nil }
	case reflect.String:
		return func(_ *encoder, dst []byte, v reflect.Value) ([]byte, error) {
			return appendString(dst, v.String()), nil
		}
	case reflect.Interface:
		return encodeInterface
	case reflect.Pointer:
		return newPointerEncodeFunc(planOf(t.Elem()))
	case reflect.Slice:
		switch {
		case isBytes(t, marshalMethods):
			return func(_ *encoder, dst []byte, v reflect.Value) ([]byte, error) {
				return appendBinary(dst, v.Bytes()), nil
			}
		case t.Elem().Kind() == reflect.Uint8 && !implementsAny(reflect.PointerTo(t.Elem()), marshalMethods):
			return encodeOpaque // has methods that cannot be called: base64
		}
		return newSliceEncodeFunc(planOf(t.Elem()))
	case reflect.Array:
		return newSliceEncodeFunc(planOf(t.Elem()))
	case reflect.Map:
		return newMapEncodeFunc(t, planOf(t.Elem()))
	case reflect.Struct:
		return newStructEncodeFunc(t, planOf)
	}
	return func(*encoder, []byte, reflect.Value) ([]byte, error) {
		return nil, fmt.Errorf("unsupported type: %v", t)
	}
}

func encodeTime(_ *encoder, dst []byte, v reflect.Value) ([]byte, error) {
	if v.CanAddr() {
		return appendDate(dst, v.Addr().Interface().(*time.Time).UnixMilli()), nil
	}
	return appendDate(dst, v.Interface().(time.Time).UnixMilli()), nil
}

func encodeNumber(_ *encoder, dst []byte, v reflect.Value) ([]byte, error) {
	number := cmp.Or(v.String(), "0") // as encoding/json does
	if !isNumber(number) {
		return nil, fmt.Errorf("%w: %q", errNotNumber, number)
	}
	return wire.AppendNumber(dst, number, wire.Notepack), nil
}

func encodeInterface(e *encoder, dst []byte, v reflect.Value) ([]byte, error) {
	if v.IsNil() {
		return wire.AppendNil(dst), nil
	}
	v = v.Elem()
	if v.Kind() == reflect.Pointer {
		return encodePlanOf(v.Type()).run(e, dst, v)
	}
	return e.appendAny(dst, v.Interface())
}

func newPointerEncodeFunc(elem *encodePlan) encodeFunc {
	return func(e *encoder, dst []byte, v reflect.Value) ([]byte, error) {
		if v.IsNil() {
			return wire.AppendNil(dst), nil
		}
		if err := e.enter(); err != nil {
			return nil, err
		}
		dst, err := elem.run(e, dst, v.Elem())
		e.depth--
		return dst, err
	}
}

// newSliceEncodeFunc makes the function for slices and arrays.
func newSliceEncodeFunc(elem *encodePlan) encodeFunc {
	return func(e *encoder, dst []byte, v reflect.Value) ([]byte, error) {
		if v.Kind() == reflect.Slice && v.IsNil() {
			return wire.AppendNil(dst), nil
		}
		if err := e.enter(); err != nil {
			return nil, err
		}
		n := v.Len()
		dst = wire.AppendArray(dst, n)
		for i := range n {
			var err error
			if dst, err = elem.run(e, dst, v.Index(i)); err != nil {
				return nil, err
			}
		}
		e.depth--
		return dst, nil
	}
}

// newMapEncodeFunc makes the function for maps. Keys are strings on the wire,
// as in JSON, and in order.
func newMapEncodeFunc(t reflect.Type, elem *encodePlan) encodeFunc {
	keyOf := mapKeyFunc(t.Key())
	type member struct {
		key   string
		value reflect.Value
	}
	return func(e *encoder, dst []byte, v reflect.Value) ([]byte, error) {
		if keyOf == nil {
			return nil, fmt.Errorf("unsupported type: %v: a map key must be a string, an integer or an encoding.TextMarshaler", t)
		}
		if v.IsNil() {
			return wire.AppendNil(dst), nil
		}
		if err := e.enter(); err != nil {
			return nil, err
		}
		members := make([]member, 0, v.Len())
		for iter := v.MapRange(); iter.Next(); {
			key, err := keyOf(iter.Key())
			if err != nil {
				return nil, err
			}
			members = append(members, member{key, iter.Value()})
		}
		slices.SortFunc(members, func(a, b member) int { return cmp.Compare(a.key, b.key) })
		dst = wire.AppendMap(dst, len(members))
		for _, m := range members {
			var err error
			if dst, err = elem.run(e, appendString(dst, m.key), m.value); err != nil {
				return nil, err
			}
		}
		e.depth--
		return dst, nil
	}
}

// mapKeyFunc returns a function that converts a map's keys to strings, or nil.
func mapKeyFunc(t reflect.Type) func(reflect.Value) (string, error) {
	switch kind := t.Kind(); {
	case kind == reflect.String:
		return func(v reflect.Value) (string, error) { return v.String(), nil }
	case t.Implements(textMarshalerType):
		return func(v reflect.Value) (string, error) {
			if v.Kind() == reflect.Pointer && v.IsNil() {
				return "", nil
			}
			text, err := v.Interface().(encoding.TextMarshaler).MarshalText()
			return string(text), err
		}
	case reflect.Int <= kind && kind <= reflect.Int64:
		return func(v reflect.Value) (string, error) { return strconv.FormatInt(v.Int(), 10), nil }
	case reflect.Uint <= kind && kind <= reflect.Uintptr:
		return func(v reflect.Value) (string, error) { return strconv.FormatUint(v.Uint(), 10), nil }
	}
	return nil
}

func newStructEncodeFunc(t reflect.Type, planOf func(reflect.Type) *encodePlan) encodeFunc {
	type encodeField struct {
		jsonfields.Field
		key  []byte // encoded
		plan *encodePlan
	}
	var fields []encodeField
	for _, f := range jsonfields.Of(t) {
		plan := planOf(f.Type)
		if f.Hidden && (implementsAny(f.Type, marshalMethods) || implementsAny(reflect.PointerTo(f.Type), marshalMethods)) {
			plan = &encodePlan{func(*encoder, []byte, reflect.Value) ([]byte, error) {
				return nil, fmt.Errorf("the methods of the unexported %v, embedded in %v, cannot be called", f.Type, t)
			}}
		}
		fields = append(fields, encodeField{f, appendString(nil, f.Name), plan})
	}
	return func(e *encoder, dst []byte, v reflect.Value) ([]byte, error) {
		if err := e.enter(); err != nil {
			return nil, err
		}
		start := len(dst)
		dst = wire.AppendMap(dst, len(fields)) // if no field is omitted
		n := 0
	next:
		for i := range fields {
			f := &fields[i]
			fv := v
			for j, index := range f.Index {
				if j > 0 && fv.Kind() == reflect.Pointer {
					if fv.IsNil() {
						continue next // the embedded pointer is nil
					}
					fv = fv.Elem()
				}
				fv = fv.Field(index)
			}
			if omitted(&f.Field, fv) {
				continue
			}
			n++
			dst = append(dst, f.key...)
			var err error
			if f.Quoted {
				dst, err = e.appendQuoted(dst, fv, f.plan)
			} else {
				dst, err = f.plan.run(e, dst, fv)
			}
			if err != nil {
				return nil, err
			}
		}
		if n < len(fields) {
			if len(fields) < 16 {
				dst[start] = fixMap | byte(n)
			} else {
				dst[start+1], dst[start+2] = byte(n>>8), byte(n) // as many bytes as there are
			}
		}
		e.depth--
		return dst, nil
	}
}

// appendQuoted appends a number, bool or string that has the option string:
// the text of its JSON form.
func (e *encoder) appendQuoted(dst []byte, v reflect.Value, p *encodePlan) ([]byte, error) {
	start := len(dst)
	dst, err := p.run(e, dst, v)
	if err != nil || dst[start] == codeNil {
		return dst, err
	}
	e.scratch, _ = toJSON(e.scratch[:0], dst, start)
	return append(wire.AppendStringHead(dst[:start], len(e.scratch)), e.scratch...), nil
}
