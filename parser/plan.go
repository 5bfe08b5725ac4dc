package parser

import (
	"encoding"
	stdjson "encoding/json"
	"reflect"
	"sync"

	"github.com/go-json-experiment/json"
)

// A plan says what has to be looked after when values of a Go type are encoded
// or decoded; nothing, for most types, which then take the library's plain
// path.
type plan uint8

const (
	holdsBytes      plan = 1 << iota // a []byte
	holdsNamedBytes                  // a slice of bytes by another name
	holdsDynamic                     // an interface, and so perhaps anything
	holdsNumber                      // an encoding/json.Number, unknown to the library
	holdsKeys                        // a map with keys that the library takes for something else
)

var (
	bytesType  = reflect.TypeFor[[]byte]()
	numberType = reflect.TypeFor[stdjson.Number]()

	// Types with one of these methods encode, or decode, themselves.
	marshalMethods = []reflect.Type{
		reflect.TypeFor[json.Marshaler](),
		reflect.TypeFor[json.MarshalerTo](),
		reflect.TypeFor[encoding.TextMarshaler](),
		reflect.TypeFor[encoding.TextAppender](),
	}
	unmarshalMethods = []reflect.Type{
		reflect.TypeFor[json.Unmarshaler](),
		reflect.TypeFor[json.UnmarshalerFrom](),
		reflect.TypeFor[encoding.TextUnmarshaler](),
	}
)

// typePlan is the plan of a type. When the type is a struct, or a pointer to one,
// that needs nothing of the library, it also says how to do without.
type typePlan struct {
	needs  plan
	object *structPlan
}

// planner computes plans and remembers them. It is safe for concurrent use.
type planner struct {
	// opaque reports whether a type converts itself by its own methods.
	opaque func(reflect.Type) bool
	// methods are what makes slices of bytes something other than binary data.
	methods []reflect.Type
	// unusual reports whether the library and encoding/json differ about keys of a type.
	unusual func(reflect.Type) bool
	plans   sync.Map // of reflect.Type to *typePlan
}

var (
	encodePlans = planner{
		// The methods of the pointer are not called for values that are not
		// addressable, which then encode as if they had none.
		opaque:  func(t reflect.Type) bool { return implementsAny(t, marshalMethods) },
		methods: marshalMethods,
		unusual: unusualWhenEncoding,
	}
	decodePlans = planner{
		opaque:  func(t reflect.Type) bool { return implementsAny(reflect.PointerTo(t), unmarshalMethods) },
		methods: unmarshalMethods,
		unusual: unusualWhenDecoding,
	}
)

// of returns the plan of a type. Only the plans of types that are asked for
// are remembered: those of the types in a cycle are incomplete while the cycle
// is being walked.
func (p *planner) of(t reflect.Type) *typePlan {
	if cached, ok := p.plans.Load(t); ok {
		return cached.(*typePlan)
	}
	result := &typePlan{needs: p.walk(t, make(map[reflect.Type]bool))}
	if t.Kind() == reflect.Pointer {
		result.object = newStructPlan(t.Elem())
	} else {
		result.object = newStructPlan(t)
	}
	p.plans.Store(t, result)
	return result
}

func (p *planner) walk(t reflect.Type, seen map[reflect.Type]bool) plan {
	if seen[t] {
		return 0
	}
	seen[t] = true
	if t == numberType {
		return holdsNumber
	}
	if p.opaque(t) {
		return 0
	}
	switch t.Kind() {
	case reflect.Interface:
		return holdsDynamic
	case reflect.Slice:
		switch {
		case t == bytesType:
			return holdsBytes
		case isBytes(t, p.methods):
			return holdsNamedBytes
		}
		return p.walk(t.Elem(), seen)
	case reflect.Array, reflect.Pointer:
		return p.walk(t.Elem(), seen)
	case reflect.Map:
		result := p.walk(t.Key(), seen) | p.walk(t.Elem(), seen)
		if p.unusual(t.Key()) {
			result |= holdsKeys
		}
		return result
	case reflect.Struct:
		var result plan
		for field := range t.Fields() {
			if field.IsExported() || field.Anonymous {
				result |= p.walk(field.Type, seen)
			}
		}
		return result
	}
	return 0
}

// isBytes reports whether values of a type are binary data: slices of bytes
// without methods that make something else of them.
func isBytes(t reflect.Type, methods []reflect.Type) bool {
	if t == bytesType {
		return true
	}
	if t.Kind() != reflect.Slice || t.Elem().Kind() != reflect.Uint8 {
		return false
	}
	return !implementsAny(reflect.PointerTo(t), methods) && !implementsAny(reflect.PointerTo(t.Elem()), methods)
}

func implementsAny(t reflect.Type, interfaces []reflect.Type) bool {
	for _, i := range interfaces {
		if t.Implements(i) {
			return true
		}
	}
	return false
}
