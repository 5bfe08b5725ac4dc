package parser

import (
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/seed96b07ef8/socketio/internal/jsonscan"
)

// A structPlan converts values of a struct type without the library, which takes
// several times as long. Only types with ordinary fields have one. Values and JSON
// texts with anything unusual, such as errors and nulls, are left to the library as
// a whole, so the result is always the same as the library's.
type structPlan struct {
	fields []field // no two of them differ in case only
}

type field struct {
	name      string
	member    string // the name as JSON, with the text before the value
	index     int
	kind      reflect.Kind
	bits      int         // of a number
	omitEmpty bool        // when encoding
	object    *structPlan // of a struct
}

// newStructPlan returns the plan of a type, or nil.
func newStructPlan(t reflect.Type) *structPlan {
	if t.Kind() != reflect.Struct || convertsItself(t) {
		return nil
	}
	p := new(structPlan)
	for f := range t.Fields() {
		tag, tagged := f.Tag.Lookup("json")
		switch {
		case tag == "-", !f.IsExported() && !f.Anonymous && !tagged:
			continue
		case !f.IsExported() || f.Anonymous:
			return nil
		}
		next, ok := newField(f, tag)
		if !ok || slices.ContainsFunc(p.fields, func(other field) bool { return strings.EqualFold(other.name, next.name) }) {
			return nil
		}
		p.fields = append(p.fields, next)
	}
	return p
}

func newField(f reflect.StructField, tag string) (_ field, ok bool) {
	name, options, _ := strings.Cut(tag, ",")
	if name == "" {
		name = f.Name
	}
	if options != "" && options != "omitempty" || strings.ContainsFunc(name, unusualInName) {
		return field{}, false
	}
	quoted := string(appendString(nil, name))
	result := field{name: name, member: "," + quoted + ":", index: f.Index[0], kind: f.Type.Kind(), omitEmpty: options != ""}
	switch result.kind {
	case reflect.Bool, reflect.String:
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64,
		reflect.Float64:
		result.bits = f.Type.Bits()
	case reflect.Struct:
		result.object = newStructPlan(f.Type)
		return result, result.object != nil
	case reflect.Slice:
		return result, f.Type == bytesType
	default:
		return field{}, false
	}
	return result, f.Type != numberType && !convertsItself(f.Type)
}

// convertsItself reports whether a type, or a pointer to it, has methods for its
// encoding or decoding.
func convertsItself(t reflect.Type) bool {
	ptr := reflect.PointerTo(t)
	return implementsAny(ptr, marshalMethods) || implementsAny(ptr, unmarshalMethods)
}

// unusualInName reports whether member names with this character are left to the
// library.
func unusualInName(c rune) bool {
	return c != '_' && (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z')
}

// decode decodes the JSON value at data[i], which must be valid, into v, and
// returns where it ends. It returns false if the library has to decode the
// whole value.
func (p *structPlan) decode(data []byte, i int, attachments [][]byte, v reflect.Value) (end int, ok bool) {
	if data[i] != '{' {
		return 0, false
	}
	next := 0 // the expected field
	for i = jsonscan.Space(data, i+1); data[i] != '}'; i = jsonscan.Space(data, i) {
		if data[i] == ',' {
			i = jsonscan.Space(data, i+1)
		}
		f := next
		if f < len(p.fields) && hasPrefix(data, i, p.fields[f].member[1:]) {
			// Most peers send members in the order in which they are declared.
			i = jsonscan.Space(data, i+len(p.fields[f].member)-1)
		} else {
			end, _ := jsonscan.String(data, i)
			name := data[i+1 : end-1]
			i = jsonscan.Space(data, end)
			i = jsonscan.Space(data, i+1) // after the colon
			if f = p.field(name); f < 0 {
				if !jsonscan.IsPlainASCII(name) {
					return 0, false
				}
				i, _ = jsonscan.Value(data, i, maxNesting) // an unknown field
				continue
			}
		}
		if i, ok = p.fields[f].decode(data, i, attachments, v.Field(p.fields[f].index)); !ok {
			return 0, false
		}
		next = f + 1
	}
	return i + 1, true
}

// hasPrefix reports whether prefix is at data[i].
func hasPrefix(data []byte, i int, prefix string) bool {
	return len(data)-i >= len(prefix) && string(data[i:i+len(prefix)]) == prefix
}

// field returns the position of the field with the given name, or -1.
func (p *structPlan) field(name []byte) int {
	for i := range p.fields {
		if p.fields[i].name == string(name) {
			return i
		}
	}
	return slices.IndexFunc(p.fields, func(f field) bool { return strings.EqualFold(f.name, string(name)) })
}

// decode is structPlan.decode for the value of a field.
func (f *field) decode(data []byte, i int, attachments [][]byte, v reflect.Value) (end int, ok bool) {
	switch f.kind {
	case reflect.String:
		if data[i] != '"' {
			return 0, false
		}
		s, end := readString(data, i)
		v.SetString(s)
		return end, true
	case reflect.Bool:
		switch data[i] {
		case 't':
			v.SetBool(true)
			return i + len("true"), true
		case 'f':
			v.SetBool(false)
			return i + len("false"), true
		}
		return 0, false
	case reflect.Struct:
		if len(attachments) > 0 && isPlaceholder(data[i:]) {
			return 0, false
		}
		return f.object.decode(data, i, attachments, v)
	case reflect.Slice:
		if data[i] != '{' {
			return 0, false
		}
		end, _ = jsonscan.Value(data, i, maxNesting)
		b, err := attachment(data[i:end], attachments)
		if err != nil {
			return 0, false
		}
		v.SetBytes(b)
		return end, true
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		if n, end, ok := readInt(data, i); ok && !v.OverflowInt(n) {
			v.SetInt(n)
			return end, true
		}
	}
	end, err := jsonscan.Number(data, i)
	if err != nil {
		return 0, false
	}
	return end, f.decodeNumber(data[i:end], v)
}

// readInt returns the number at data[i], in an object, and where it ends. It returns
// false for anything that it leaves to strconv: text that is not a number, not
// written as an integer, or large.
func readInt(data []byte, i int) (n int64, end int, ok bool) {
	negative := data[i] == '-'
	if negative {
		i++
	}
	for end = i; jsonscan.IsDigit(data[end]); end++ {
		n = n*10 + int64(data[end]-'0')
	}
	if negative {
		n = -n
	}
	switch data[end] {
	case '.', 'e', 'E':
		return 0, 0, false
	}
	return n, end, end > i && end-i <= len("999999999999999999")
}

func (f *field) decodeNumber(text []byte, v reflect.Value) bool {
	switch f.kind {
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		n, err := strconv.ParseInt(string(text), 10, f.bits)
		if err != nil {
			return false
		}
		v.SetInt(n)
	case reflect.Float64:
		n, err := strconv.ParseFloat(string(text), f.bits)
		if err != nil {
			return false
		}
		v.SetFloat(n)
	default:
		n, err := strconv.ParseUint(string(text), 10, f.bits)
		if err != nil {
			return false
		}
		v.SetUint(n)
	}
	return true
}

// appendStruct appends a struct. It returns false if the library has to encode
// the whole value; dst's array and the attachments may have changed then.
func (a *appender) appendStruct(dst []byte, p *structPlan, v reflect.Value) (_ []byte, ok bool) {
	start := len(dst)
	for i := range p.fields {
		f := &p.fields[i]
		value := v.Field(f.index)
		if f.omitEmpty && f.kind != reflect.Struct && isEmpty(value) {
			continue
		}
		dst = append(dst, f.member...)
		switch f.kind {
		case reflect.String:
			dst = appendString(dst, value.String())
		case reflect.Bool:
			dst = strconv.AppendBool(dst, value.Bool())
		case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
			dst = strconv.AppendInt(dst, value.Int(), 10)
		case reflect.Float64:
			n := value.Float()
			if math.IsNaN(n) || math.IsInf(n, 0) || n == 0 && math.Signbit(n) {
				return nil, false
			}
			dst = appendFloat(dst, n, 64)
		case reflect.Struct:
			if dst, ok = a.appendStruct(dst, f.object, value); !ok {
				return nil, false
			}
		case reflect.Slice:
			dst = a.appendBinary(dst, value.Bytes())
		default:
			dst = strconv.AppendUint(dst, value.Uint(), 10)
		}
	}
	if len(dst) == start {
		return append(dst, "{}"...), true
	}
	dst[start] = '{' // instead of the first comma
	return append(dst, '}'), true
}

// isEmpty reports whether "omitempty" omits a field.
func isEmpty(v reflect.Value) bool {
	if v.Kind() == reflect.Slice {
		return v.Len() == 0
	}
	return v.IsZero()
}
