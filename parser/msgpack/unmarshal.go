package msgpack

import (
	"fmt"
	"reflect"
	"strconv"
	"time"
)

// valueDecoder is the ValueDecoder of the codec. skip has validated its input,
// so the errors of next are ignored here, and Limits.MaxDepth bounds the
// recursion.
type valueDecoder struct{}

// DecodeValue decodes a value. It has a fast path for common types.
func (valueDecoder) DecodeValue(raw []byte, _ [][]byte, ptr any) error {
	t, end, _ := next(raw, 0)
	switch p := ptr.(type) {
	case *string:
		if p != nil && t.kind == kindString {
			*p = text(t.bytes(raw, end))
			return nil
		}
	case *int:
		if n, ok := t.int(); ok && p != nil && int64(int(n)) == n {
			*p = int(n)
			return nil
		}
	case *float64:
		if f, ok := t.float(); ok && p != nil {
			*p = f
			return nil
		}
	case *bool:
		if p != nil && t.kind == kindBool {
			*p = t.n != 0
			return nil
		}
	case *[]byte:
		if p != nil && t.kind == kindBinary {
			*p = copyOf(t.bytes(raw, end))
			return nil
		}
	}
	v := reflect.ValueOf(ptr)
	switch {
	case v.Kind() != reflect.Pointer:
		return fmt.Errorf("cannot decode into %v, which is not a pointer", v.Type())
	case v.IsNil():
		return fmt.Errorf("cannot decode into a nil %v", v.Type())
	}
	_, err := decodePlanOf(v.Type().Elem()).run(raw, 0, v.Elem())
	return err
}

// copyOf copies binary data. The result is never nil: empty data is not an
// absent one.
func copyOf(data []byte) []byte { return append([]byte{}, data...) }

// decodeAny decodes the value at data[i] into the same Go types that the
// default codec uses for values of type any, and returns where it ends.
func decodeAny(data []byte, i int) (v any, end int) {
	t, end, _ := next(data, i)
	switch t.kind {
	case kindArray:
		array := make([]any, t.n)
		for i := range array {
			array[i], end = decodeAny(data, end)
		}
		return array, end
	case kindMap:
		object := make(map[string]any, sizeHint(t.n))
		for range t.n {
			var key []byte
			key, end = readKey(data, end)
			if isUndefined(data, end) {
				end = pass(data, end)
				continue
			}
			var member any
			member, end = decodeAny(data, end)
			object[text(key)] = member
		}
		return object, end
	case kindString:
		return text(t.bytes(data, end)), end
	case kindBinary:
		return copyOf(t.bytes(data, end)), end
	case kindExt:
		return []any{float64(t.ext), copyOf(t.bytes(data, end))}, end
	case kindDate:
		if date := dateText(t); date != "" {
			return date, end
		}
	case kindBool:
		return t.n != 0, end
	case kindUint, kindInt, kindFloat32, kindFloat64:
		f, _ := t.float()
		return f, end
	}
	return nil, end
}

// sizeHint bounds the initial size of a map, because many duplicate keys result
// in a small map.
func sizeHint(n uint64) int { return int(min(n, 256)) }

// A decodeFunc decodes the value at data[i] into v, which is settable and of
// the type that the function was made for, and returns where it ends.
type decodeFunc func(data []byte, i int, v reflect.Value) (end int, err error)

type decodePlan = plan[decodeFunc]

var decodePlans planner[decodeFunc]

func decodePlanOf(t reflect.Type) *decodePlan { return decodePlans.of(t, newDecodeFunc) }

func newDecodeFunc(t reflect.Type, planOf func(reflect.Type) *decodePlan) decodeFunc {
	switch kind := t.Kind(); {
	case t == timeType:
		return decodeTime
	case t == numberType:
		return decodeNumber
	case t == rawType:
		return func(data []byte, i int, v reflect.Value) (int, error) {
			text, end := toJSON(nil, data, i)
			v.SetBytes(text)
			return end, nil
		}
	case kind == reflect.Pointer || kind == reflect.Interface:
		// The methods are those of the type that they point to.
	case implementsAny(reflect.PointerTo(t), unmarshalMethods):
		return decodeOpaque
	}
	switch t.Kind() {
	case reflect.Bool:
		return scalar(func(t token, v reflect.Value) bool {
			if t.kind != kindBool {
				return false
			}
			v.SetBool(t.n != 0)
			return true
		})
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return scalar(func(t token, v reflect.Value) bool {
			n, ok := t.int()
			if !ok || v.OverflowInt(n) {
				return false
			}
			v.SetInt(n)
			return true
		})
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return scalar(func(t token, v reflect.Value) bool {
			n, ok := t.uint()
			if !ok || v.OverflowUint(n) {
				return false
			}
			v.SetUint(n)
			return true
		})
	case reflect.Float32, reflect.Float64:
		return scalar(func(t token, v reflect.Value) bool {
			f, ok := t.float()
			if !ok || v.OverflowFloat(f) {
				return false
			}
			v.SetFloat(f)
			return true
		})
	case reflect.String:
		return decodeString
	case reflect.Interface:
		return decodeInterface
	case reflect.Pointer:
		return newPointerDecodeFunc(t, planOf(t.Elem()))
	case reflect.Slice:
		slice := newSliceDecodeFunc(t, planOf(t.Elem()))
		if isBytes(t, unmarshalMethods) {
			return newBytesDecodeFunc(slice)
		}
		return slice
	case reflect.Array:
		return newArrayDecodeFunc(t, planOf(t.Elem()))
	case reflect.Map:
		return newMapDecodeFunc(t, planOf(t.Elem()))
	case reflect.Struct:
		return newStructDecodeFunc(t, planOf)
	}
	return func(data []byte, i int, v reflect.Value) (int, error) {
		return 0, fmt.Errorf("cannot decode into %v", v.Type())
	}
}

// null decodes nil and undefined, which are null in JSON: it sets pointers,
// interfaces, maps and slices to nil and leaves other values unchanged.
func null(v reflect.Value) {
	switch v.Kind() {
	case reflect.Interface, reflect.Pointer, reflect.Map, reflect.Slice:
		v.SetZero()
	}
}

func (t token) isNull() bool { return t.kind == kindNil || t.kind == kindUndefined }

// mismatch returns the error for the value at data[i], which does not fit t.
func mismatch(data []byte, i int, t reflect.Type) error {
	tok, _, _ := next(data, i)
	what := "null"
	switch tok.kind {
	case kindBool:
		what = "bool " + strconv.FormatBool(tok.n != 0)
	case kindUint, kindInt, kindFloat32, kindFloat64:
		what = "number " + string(appendDecimal(nil, tok))
	case kindString:
		what = "string"
	case kindBinary:
		what = "binary data"
	case kindArray:
		what = "array"
	case kindMap:
		what = "object"
	case kindDate:
		what = "date"
	case kindExt:
		what = "extension " + strconv.Itoa(int(tok.ext))
	}
	return fmt.Errorf("cannot decode %s into %v", what, t)
}

// scalar makes a decodeFunc of a function that sets a value from a token and
// reports whether it fits.
func scalar(set func(token, reflect.Value) bool) decodeFunc {
	return func(data []byte, i int, v reflect.Value) (int, error) {
		t, end, _ := next(data, i)
		if set(t, v) || t.isNull() {
			return end, nil
		}
		return 0, mismatch(data, i, v.Type())
	}
}

func decodeTime(data []byte, i int, v reflect.Value) (int, error) {
	t, end, _ := next(data, i)
	if t.kind != kindDate {
		return decodeOpaque(data, i, v) // its text
	}
	*v.Addr().Interface().(*time.Time) = time.UnixMilli(int64(t.n)).UTC()
	return end, nil
}

func decodeNumber(data []byte, i int, v reflect.Value) (int, error) {
	t, end, _ := next(data, i)
	if t.isNull() {
		return end, nil
	}
	var number string
	if t.kind == kindString {
		number = string(t.bytes(data, end))
	} else if _, ok := t.float(); ok {
		number = string(appendDecimal(nil, t))
	}
	if !isNumber(number) {
		return 0, mismatch(data, i, v.Type())
	}
	v.SetString(number)
	return end, nil
}

// decodeString decodes strings and, as they would be in JSON, dates.
func decodeString(data []byte, i int, v reflect.Value) (int, error) {
	t, end, _ := next(data, i)
	switch t.kind {
	case kindString:
		v.SetString(text(t.bytes(data, end)))
	case kindDate:
		if date := dateText(t); date != "" {
			v.SetString(date)
		}
	case kindNil, kindUndefined:
	default:
		return 0, mismatch(data, i, v.Type())
	}
	return end, nil
}

func decodeInterface(data []byte, i int, v reflect.Value) (int, error) {
	t, end, _ := next(data, i)
	if t.isNull() {
		v.SetZero()
		return end, nil
	}
	if p := v.Elem(); p.Kind() == reflect.Pointer && !p.IsNil() && !isEndless(p) {
		// As in encoding/json, decode into the value that the pointer refers
		// to.
		return decodePlanOf(p.Type().Elem()).run(data, i, p.Elem())
	}
	if v.NumMethod() > 0 {
		return 0, mismatch(data, i, v.Type())
	}
	decoded, end := decodeAny(data, i)
	if decoded == nil { // a date outside JavaScript's range
		v.SetZero()
	} else {
		v.Set(reflect.ValueOf(decoded))
	}
	return end, nil
}

// isEndless reports whether the pointers and interfaces from v on never end, as those of
// var x any = &x: no program has a thousand different ones in a row.
func isEndless(v reflect.Value) bool {
	for range 1000 {
		if k := v.Kind(); k != reflect.Pointer && k != reflect.Interface || v.IsNil() {
			return false
		}
		v = v.Elem()
	}
	return true
}
