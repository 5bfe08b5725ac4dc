package parser

import (
	"encoding"
	stdjson "encoding/json"
	"reflect"
	"slices"
	"sync"

	"github.com/go-json-experiment/json"
)

// A plan is the set of features that need special treatment when values of a Go
// type are encoded or decoded. It is empty for most types, for which the
// library is called without hooks.
type plan uint8

const (
	holdsBytes      plan = 1 << iota // a []byte
	holdsNamedBytes                  // a slice of bytes with another name
	holdsDynamic                     // an interface, which may hold anything
	holdsNumber                      // an encoding/json.Number, unknown to the library
	holdsKeys                        // a map with keys that the library treats differently
	holdsObjects                     // a struct or map inside, when decoding: binary data does not fit
)

var (
	bytesType  = reflect.TypeFor[[]byte]()
	numberType = reflect.TypeFor[stdjson.Number]()

	// Types with one of these methods encode or decode themselves.
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

// typePlan is the plan of a type. For a struct, or a pointer to one, that can be
// converted without the library, it also has the structPlan.
type typePlan struct {
	needs  plan
	object *structPlan
	plain  reflect.Type // see plainObject
}

// planner computes and caches plans. It is safe for concurrent use.
type planner struct {
	// opaque reports whether a type converts itself by its own methods.
	opaque func(reflect.Type) bool
	// methods are the methods of byte slice types that are not binary data.
	methods []reflect.Type
	// unusual reports whether the library and encoding/json treat map keys of a type
	// differently.
	unusual func(reflect.Type) bool
	// objects is holdsObjects if that matters.
	objects plan
	plans   sync.Map // of reflect.Type to *typePlan
}

var (
	encodePlans = planner{
		// Methods with a pointer receiver are not called for values that are
		// not addressable; these are encoded as if they had no methods.
		opaque:  func(t reflect.Type) bool { return implementsAny(t, marshalMethods) },
		methods: marshalMethods,
		unusual: unusualWhenEncoding,
	}
	decodePlans = planner{
		opaque:  func(t reflect.Type) bool { return implementsAny(reflect.PointerTo(t), unmarshalMethods) },
		methods: unmarshalMethods,
		unusual: unusualWhenDecoding,
		objects: holdsObjects,
	}
)

// of returns the plan of a type. It caches only the plans of types that are
// requested, because the plans of types in a cycle are incomplete while the
// cycle is traversed.
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
	result.plain = plainObject(t)
	p.plans.Store(t, result)
	return result
}

// plainObject returns the struct or map that t is or points to, or nil if it is another
// type or decodes itself.
func plainObject(t reflect.Type) reflect.Type {
	for t.Kind() == reflect.Pointer && t.Name() == "" { // named ones can point to themselves
		t = t.Elem()
	}
	if k := t.Kind(); k != reflect.Struct && k != reflect.Map || implementsAny(reflect.PointerTo(t), unmarshalMethods) {
		return nil
	}
	return t
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
		return p.part(t.Elem(), seen)
	case reflect.Array:
		return p.part(t.Elem(), seen)
	case reflect.Pointer:
		return p.walk(t.Elem(), seen)
	case reflect.Map:
		result := p.walk(t.Key(), seen) | p.part(t.Elem(), seen)
		if p.unusual(t.Key()) {
			result |= holdsKeys
		}
		return result
	case reflect.Struct:
		var result plan
		for field := range t.Fields() {
			if field.IsExported() || field.Anonymous {
				result |= p.part(field.Type, seen)
			}
		}
		return result
	}
	return 0
}

// part is walk for a type inside another one.
func (p *planner) part(t reflect.Type, seen map[reflect.Type]bool) plan {
	result := p.walk(t, seen)
	if p.objects != 0 && plainObject(t) != nil {
		result |= p.objects
	}
	return result
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

func implementsAny(t reflect.Type, interfaces []reflect.Type) bool {
	return slices.ContainsFunc(interfaces, t.Implements)
}
