package handler

import (
	"context"
	"encoding"
	stdjson "encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/seed96b07ef8/socketio/parser"
)

var (
	contextType = reflect.TypeFor[context.Context]()
	argsType    = reflect.TypeFor[parser.Args]()
	errorType   = reflect.TypeFor[error]()
	emitters    = []reflect.Type{reflect.TypeFor[interface {
		Emit(event string, args ...any) error
	}]()}

	// Types with one of these methods, or pointers to them, encode or decode themselves.
	marshalers = []reflect.Type{
		reflect.TypeFor[stdjson.Marshaler](), reflect.TypeFor[json.MarshalerTo](),
		reflect.TypeFor[encoding.TextMarshaler](), reflect.TypeFor[encoding.BinaryMarshaler](),
	}
	unmarshalers = []reflect.Type{
		reflect.TypeFor[stdjson.Unmarshaler](), reflect.TypeFor[json.UnmarshalerFrom](),
		reflect.TypeFor[encoding.TextUnmarshaler](), reflect.TypeFor[encoding.BinaryUnmarshaler](),
	}
	keyMethods = []reflect.Type{reflect.TypeFor[encoding.TextMarshaler](), reflect.TypeFor[encoding.TextUnmarshaler]()}
)

// binary is where the methods of binary forms are in marshalers and unmarshalers.
const binary = 3

// implementsAny reports whether t, or a pointer to it, has the methods of one of the
// interfaces. It does not list methods: reflect.Type.Method would make the linker keep
// all methods of all types in the program.
func implementsAny(t reflect.Type, interfaces []reflect.Type) bool {
	ptr := reflect.PointerTo(t)
	return slices.ContainsFunc(interfaces, func(i reflect.Type) bool { return t.Implements(i) || ptr.Implements(i) })
}

// EncodesItself reports whether values of type t have a JSON or text form of their own.
func EncodesItself(t reflect.Type) bool {
	return implementsAny(t, marshalers[:binary]) || implementsAny(t, unmarshalers[:binary])
}

// Sendable returns what keeps values of type t from being encoded, whatever the codec,
// or nil.
func Sendable(t reflect.Type) error {
	return (&inspection{sent: true, seen: make(map[reflect.Type]bool)}).inspect(t)
}

// Receivable returns what keeps values of type t from being decoded, whatever the
// codec, or nil.
func Receivable(t reflect.Type) error {
	return (&inspection{seen: make(map[reflect.Type]bool)}).inspect(t)
}

// An inspection looks through a type.
type inspection struct {
	sent bool // or received
	seen map[reflect.Type]bool
}

func (in *inspection) inspect(t reflect.Type) error {
	switch {
	case in.seen[t]:
		return nil
	case t == argsType && !in.sent:
		return fmt.Errorf("a %v is not part of a value", t)
	case t.Kind() == reflect.Interface && in.sent:
		return nil // its values are looked at when they are sent
	case t.Kind() == reflect.Interface && t.NumMethod() > 0:
		return fmt.Errorf("nothing can be decoded into the interface %v", t)
	case isEmitter(t):
		return fmt.Errorf("a %v is not sent", t)
	case implementsAny(t, in.methods()):
		return nil
	}
	in.seen[t] = true
	switch t.Kind() {
	case reflect.Chan, reflect.Func, reflect.UnsafePointer, reflect.Complex64, reflect.Complex128:
		if in.sent {
			return fmt.Errorf("a %v cannot be sent", t)
		}
		return fmt.Errorf("nothing can be decoded into a %v", t)
	case reflect.Map:
		if !isName(t.Key()) {
			return fmt.Errorf("a %v cannot be sent: its keys are no names", t)
		}
		return in.within(t)
	case reflect.Pointer, reflect.Slice, reflect.Array:
		return in.within(t)
	case reflect.Struct:
		return in.fields(t, t, nil)
	}
	return nil
}

// within inspects the elements of t.
func (in *inspection) within(t reflect.Type) error {
	err := in.inspect(t.Elem())
	if err != nil && t.Name() != "" {
		return fmt.Errorf("%v: %w", t, err)
	}
	return err
}

func (in *inspection) methods() []reflect.Type {
	if in.sent {
		return marshalers
	}
	return unmarshalers
}

// fields inspects the fields of a struct that encoding/json sees. Those of an embedded
// struct, whether its type is exported or not, count as fields of outer, unless one of
// them has their name.
func (in *inspection) fields(t, outer reflect.Type, names []string) error {
	var embedded []reflect.Type
	for f := range t.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		inner := f.Type
		if inner.Kind() == reflect.Pointer {
			inner = inner.Elem()
		}
		isEmbedded := f.Anonymous && inner.Kind() == reflect.Struct
		switch {
		case f.Tag.Get("json") == "-" || !f.IsExported() && !isEmbedded:
			continue
		case isEmbedded && name == "" && !implementsAny(inner, in.methods()):
			embedded = append(embedded, inner)
			continue
		case name == "":
			name = f.Name
		}
		if slices.Contains(names, name) {
			continue // hidden by a field of the struct around it
		}
		names = append(names, name)
		if err := in.inspect(f.Type); err != nil {
			return fmt.Errorf("%v.%s: %w", outer, f.Name, err)
		}
	}
	for _, inner := range embedded {
		if in.seen[inner] {
			continue
		}
		in.seen[inner] = true
		if err := in.fields(inner, outer, slices.Clip(names)); err != nil {
			return err
		}
	}
	return nil
}

// isName reports whether values of type t can be the names of the members of an object.
func isName(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.String, reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return true
	}
	return implementsAny(t, keyMethods)
}

// isEmitter reports whether t is a socket, of either end, or something else that emits
// and holds nothing that could be sent.
func isEmitter(t reflect.Type) bool {
	if !implementsAny(t, emitters) {
		return false
	}
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() == reflect.Struct {
		for f := range t.Fields() {
			if f.IsExported() {
				return false
			}
		}
	}
	return true
}

// selfMade reports whether a value of type t is decoded, in whole or in part, by
// methods of its own. They may make it point into itself, so that it cannot be
// copied to somewhere else.
func selfMade(t reflect.Type) bool {
	if implementsAny(t, unmarshalers) {
		return true
	}
	switch t.Kind() {
	case reflect.Struct:
		for f := range t.Fields() {
			if selfMade(f.Type) {
				return true
			}
		}
	case reflect.Array:
		return selfMade(t.Elem())
	}
	return false // the rest is allocated while it is decoded
}
