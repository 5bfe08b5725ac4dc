package msgpack

import (
	"bytes"
	"encoding"
	"encoding/base64"
	"errors"
	"fmt"
	"reflect"
	"strconv"

	"github.com/go-json-experiment/json"
	"github.com/seed96b07ef8/socketio/internal/jsonfields"
)

func newPointerDecodeFunc(t reflect.Type, elem *decodePlan) decodeFunc {
	return func(data []byte, i int, v reflect.Value) (int, error) {
		if t, end, _ := next(data, i); t.isNull() {
			v.SetZero()
			return end, nil
		}
		if v.IsNil() {
			v.Set(reflect.New(t.Elem()))
		}
		return elem.run(data, i, v.Elem())
	}
}

// newBytesDecodeFunc makes the function for binary data. As in JSON, it also
// accepts base64 text and arrays of numbers.
func newBytesDecodeFunc(slice decodeFunc) decodeFunc {
	return func(data []byte, i int, v reflect.Value) (int, error) {
		t, end, _ := next(data, i)
		switch t.kind {
		case kindBinary:
			v.SetBytes(copyOf(t.bytes(data, end)))
		case kindString:
			decoded, err := base64.StdEncoding.AppendDecode([]byte{}, t.bytes(data, end))
			if err != nil {
				return 0, fmt.Errorf("cannot decode string into %v: %w", v.Type(), err)
			}
			v.SetBytes(decoded)
		default:
			return slice(data, i, v)
		}
		return end, nil
	}
}

func newSliceDecodeFunc(t reflect.Type, elem *decodePlan) decodeFunc {
	isAny := t == reflect.TypeFor[[]any]()
	return func(data []byte, i int, v reflect.Value) (int, error) {
		tok, end, _ := next(data, i)
		switch {
		case tok.isNull():
			null(v)
			return end, nil
		case tok.kind != kindArray:
			return 0, mismatch(data, i, t)
		case isAny:
			decoded, end := decodeAny(data, i)
			*v.Addr().Interface().(*[]any) = decoded.([]any)
			return end, nil
		}
		n := int(tok.n)
		v.Set(reflect.MakeSlice(t, n, n))
		for i := range n {
			var err error
			if end, err = elem.run(data, end, v.Index(i)); err != nil {
				return 0, err
			}
		}
		return end, nil
	}
}

// newArrayDecodeFunc makes the function for arrays. As in encoding/json,
// further elements are ignored and missing ones are zero.
func newArrayDecodeFunc(t reflect.Type, elem *decodePlan) decodeFunc {
	return func(data []byte, i int, v reflect.Value) (int, error) {
		tok, end, _ := next(data, i)
		switch {
		case tok.isNull():
			return end, nil
		case tok.kind != kindArray:
			return 0, mismatch(data, i, t)
		}
		for j := range tok.n {
			if j >= uint64(t.Len()) {
				end = pass(data, end)
				continue
			}
			var err error
			if end, err = elem.run(data, end, v.Index(int(j))); err != nil {
				return 0, err
			}
		}
		for j := tok.n; j < uint64(t.Len()); j++ {
			v.Index(int(j)).SetZero()
		}
		return end, nil
	}
}

func newMapDecodeFunc(t reflect.Type, elem *decodePlan) decodeFunc {
	isAny := t == reflect.TypeFor[map[string]any]()
	setKey := mapKeySetter(t.Key())
	return func(data []byte, i int, v reflect.Value) (int, error) {
		tok, end, _ := next(data, i)
		switch {
		case tok.isNull():
			null(v)
			return end, nil
		case tok.kind != kindMap:
			return 0, mismatch(data, i, t)
		case setKey == nil:
			return 0, fmt.Errorf("cannot decode into %v: a map key must be a string, an integer or an encoding.TextUnmarshaler", t)
		case isAny && v.IsNil():
			decoded, end := decodeAny(data, i)
			*v.Addr().Interface().(*map[string]any) = decoded.(map[string]any)
			return end, nil
		}
		if v.IsNil() {
			v.Set(reflect.MakeMapWithSize(t, sizeHint(tok.n)))
		}
		key, value := reflect.New(t.Key()).Elem(), reflect.New(t.Elem()).Elem()
		for range tok.n {
			var name []byte
			name, end = readKey(data, end)
			if isUndefined(data, end) {
				end = pass(data, end)
				continue
			}
			key.SetZero()
			if err := setKey(key, name); err != nil {
				return 0, err
			}
			value.SetZero()
			var err error
			if end, err = elem.run(data, end, value); err != nil {
				return 0, err
			}
			v.SetMapIndex(key, value)
		}
		return end, nil
	}
}

// mapKeySetter returns a function that converts strings to a map's keys, or
// nil.
func mapKeySetter(t reflect.Type) func(reflect.Value, []byte) error {
	fail := func(name []byte, err error) error {
		return fmt.Errorf("cannot decode the name %q into %v: %w", name, t, errors.Unwrap(err))
	}
	switch kind := t.Kind(); {
	case reflect.PointerTo(t).Implements(textUnmarshalerType):
		return func(v reflect.Value, name []byte) error {
			return v.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText(bytes.Clone(name))
		}
	case kind == reflect.String:
		return func(v reflect.Value, name []byte) error {
			v.SetString(text(name))
			return nil
		}
	case reflect.Int <= kind && kind <= reflect.Int64:
		return func(v reflect.Value, name []byte) error {
			n, err := strconv.ParseInt(string(name), 10, t.Bits())
			if err != nil {
				return fail(name, err)
			}
			v.SetInt(n)
			return nil
		}
	case reflect.Uint <= kind && kind <= reflect.Uintptr:
		return func(v reflect.Value, name []byte) error {
			n, err := strconv.ParseUint(string(name), 10, t.Bits())
			if err != nil {
				return fail(name, err)
			}
			v.SetUint(n)
			return nil
		}
	}
	return nil
}

type decodeField struct {
	jsonfields.Field
	plan *decodePlan
}

func newStructDecodeFunc(t reflect.Type, planOf func(reflect.Type) *decodePlan) decodeFunc {
	list := jsonfields.Of(t)
	fields := make([]decodeField, len(list))
	byName := make(map[string]*decodeField, len(list))
	byFoldedName := make(map[string]*decodeField, len(list))
	for i, f := range list {
		fields[i] = decodeField{f, planOf(f.Type)}
		if f.Hidden && (f.Type.Kind() == reflect.Pointer || implementsAny(reflect.PointerTo(f.Type), unmarshalMethods)) {
			fields[i].plan = &decodePlan{func([]byte, int, reflect.Value) (int, error) {
				return 0, fmt.Errorf("cannot decode into the unexported %v, embedded in %v", f.Type, t)
			}}
		}
		byName[f.Name] = &fields[i]
		folded := string(fold(nil, []byte(f.Name)))
		if byFoldedName[folded] == nil {
			byFoldedName[folded] = &fields[i]
		}
	}
	// find returns the field for a name, usually the next one in order.
	find := func(name []byte, order int) *decodeField {
		if order < len(fields) && fields[order].Name == string(name) {
			return &fields[order]
		}
		if f := byName[string(name)]; f != nil {
			return f
		}
		var space [64]byte
		return byFoldedName[string(fold(space[:0], name))]
	}
	return func(data []byte, i int, v reflect.Value) (int, error) {
		tok, end, _ := next(data, i)
		switch {
		case tok.isNull():
			return end, nil
		case tok.kind != kindMap:
			return 0, mismatch(data, i, t)
		}
		for order := range tok.n {
			var name []byte
			name, end = readKey(data, end)
			f := find(name, int(order))
			if f == nil || isUndefined(data, end) {
				end = pass(data, end)
				continue
			}
			fv, err := f.of(v)
			if err != nil {
				return 0, err
			}
			if f.Quoted {
				end, err = decodeQuoted(data, end, fv, f.plan)
			} else {
				end, err = f.plan.run(data, end, fv)
			}
			if err != nil {
				return 0, fmt.Errorf("%s: %w", f.Name, err)
			}
		}
		return end, nil
	}
}

// of returns the field in a struct and allocates nil embedded pointers on the
// way.
func (f *decodeField) of(v reflect.Value) (reflect.Value, error) {
	for i, index := range f.Index {
		if i > 0 && v.Kind() == reflect.Pointer {
			if v.IsNil() {
				if !v.CanSet() {
					return v, fmt.Errorf("cannot set embedded pointer to unexported struct: %v", v.Type())
				}
				v.Set(reflect.New(v.Type().Elem()))
			}
			v = v.Elem()
		}
		v = v.Field(index)
	}
	return v, nil
}

// decodeQuoted decodes a field that has the option string: the text is JSON.
func decodeQuoted(data []byte, i int, v reflect.Value, p *decodePlan) (int, error) {
	t, end, _ := next(data, i)
	switch {
	case t.isNull():
		return p.run(data, i, v)
	case t.kind != kindString:
		return 0, mismatch(data, i, v.Type())
	}
	return end, json.Unmarshal(t.bytes(data, end), v.Addr().Interface(), jsonOptions)
}
