package msgpack

import (
	"encoding"
	stdjson "encoding/json"
	"reflect"
	"slices"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json"

	"github.com/seed96b07ef8/socketio/internal/jsonfields"
)

var (
	bytesType  = reflect.TypeFor[[]byte]()
	numberType = reflect.TypeFor[stdjson.Number]()
	rawType    = reflect.TypeFor[stdjson.RawMessage]()
	timeType   = reflect.TypeFor[time.Time]()
	zeroerType = reflect.TypeFor[interface{ IsZero() bool }]()

	textMarshalerType   = reflect.TypeFor[encoding.TextMarshaler]()
	textUnmarshalerType = reflect.TypeFor[encoding.TextUnmarshaler]()

	// Types with one of these methods encode, or decode, themselves.
	marshalMethods = []reflect.Type{
		reflect.TypeFor[json.Marshaler](),
		reflect.TypeFor[json.MarshalerTo](),
		textMarshalerType,
		reflect.TypeFor[encoding.TextAppender](),
	}
	// JSON methods take precedence.
	unmarshalMethods = []reflect.Type{
		reflect.TypeFor[json.Unmarshaler](),
		reflect.TypeFor[json.UnmarshalerFrom](),
		textUnmarshalerType,
	}
)

func implementsAny(t reflect.Type, interfaces []reflect.Type) bool {
	return slices.ContainsFunc(interfaces, t.Implements)
}

// isBytes reports whether values of a type are binary data: slices of bytes
// without methods that encode them differently.
func isBytes(t reflect.Type, methods []reflect.Type) bool {
	if t == bytesType {
		return true
	}
	if t.Kind() != reflect.Slice || t.Elem().Kind() != reflect.Uint8 {
		return false
	}
	return !implementsAny(reflect.PointerTo(t), methods) && !implementsAny(reflect.PointerTo(t.Elem()), methods)
}

// A plan encodes or decodes values of a type: a function that refers to the
// plans of other types.
type plan[F any] struct{ run F }

// planner makes and caches plans. It is safe for concurrent use.
type planner[F any] struct {
	plans sync.Map // of reflect.Type to *plan[F]
	mu    sync.Mutex
}

// of returns the plan of a type. The second argument of make returns the plans
// of other types, which may be incomplete until make returns.
func (p *planner[F]) of(t reflect.Type, make func(reflect.Type, func(reflect.Type) *plan[F]) F) *plan[F] {
	if cached, ok := p.plans.Load(t); ok {
		return cached.(*plan[F])
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	made := map[reflect.Type]*plan[F]{}
	var of func(t reflect.Type) *plan[F]
	of = func(t reflect.Type) *plan[F] {
		if cached, ok := p.plans.Load(t); ok {
			return cached.(*plan[F])
		}
		if result := made[t]; result != nil {
			return result
		}
		result := &plan[F]{}
		made[t] = result
		result.run = make(t, of)
		return result
	}
	result := of(t)
	for t, plan := range made {
		p.plans.Store(t, plan)
	}
	return result
}

// omitted reports whether the options of a field omit its value v.
func omitted(f *jsonfields.Field, v reflect.Value) bool {
	return f.OmitEmpty && isEmpty(v) || f.OmitZero && isZero(v)
}

// isEmpty reports whether omitempty omits v. As in encoding/json, a nil function or
// channel is not empty.
func isEmpty(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Array, reflect.Map, reflect.Slice, reflect.String:
		return v.Len() == 0
	case reflect.Struct, reflect.Chan, reflect.Func, reflect.UnsafePointer, reflect.Complex64, reflect.Complex128:
		return false
	}
	return v.IsZero()
}

// isZero reports whether omitzero omits v, using its method IsZero if it has one.
func isZero(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Interface:
		if e := v.Elem(); v.IsNil() || e.Kind() == reflect.Pointer && e.IsNil() {
			return true
		}
	case reflect.Pointer:
		if v.IsNil() {
			return true
		}
	}
	t := v.Type()
	switch {
	case t.Implements(zeroerType):
	case !reflect.PointerTo(t).Implements(zeroerType):
		return v.IsZero()
	case v.CanAddr():
		v = v.Addr()
	default:
		p := reflect.New(t)
		p.Elem().Set(v)
		v = p
	}
	return v.Interface().(interface{ IsZero() bool }).IsZero()
}

// fold appends the form that names that differ only in case share.
func fold(dst, name []byte) []byte {
	for i := 0; i < len(name); {
		r, n := utf8.DecodeRune(name[i:])
		i += n
		if 'a' <= r && r <= 'z' {
			r -= 'a' - 'A'
		} else if r >= utf8.RuneSelf {
			for r2 := unicode.SimpleFold(r); ; r2 = unicode.SimpleFold(r) {
				if r2 <= r {
					r = r2
					break
				}
				r = r2
			}
		}
		dst = utf8.AppendRune(dst, r)
	}
	return dst
}
