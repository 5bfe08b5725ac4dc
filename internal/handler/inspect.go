package handler

import (
	"encoding"
	stdjson "encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"

	"github.com/go-json-experiment/json"

	"github.com/seed96b07ef8/socketio/internal/jsonfields"
)

// The rules are those of encoding/json, which both codecs follow.

var (
	// Types with one of these methods encode or decode themselves.
	marshalers = []reflect.Type{
		reflect.TypeFor[stdjson.Marshaler](), reflect.TypeFor[json.MarshalerTo](),
		reflect.TypeFor[encoding.TextMarshaler](), reflect.TypeFor[encoding.TextAppender](),
	}
	unmarshalers = []reflect.Type{
		reflect.TypeFor[stdjson.Unmarshaler](), reflect.TypeFor[json.UnmarshalerFrom](),
		reflect.TypeFor[encoding.TextUnmarshaler](),
	}
	// A custom codec may call these.
	binaryUnmarshaler = []reflect.Type{reflect.TypeFor[encoding.BinaryUnmarshaler]()}

	textMarshaler   = reflect.TypeFor[encoding.TextMarshaler]()
	textUnmarshaler = reflect.TypeFor[encoding.TextUnmarshaler]()
)

// implementsAny reports whether t, or a pointer to it, has the methods of one of the
// interfaces. It does not list methods: reflect.Type.Method would make the linker keep
// all methods of all types in the program.
func implementsAny(t reflect.Type, interfaces []reflect.Type) bool {
	return slices.ContainsFunc(interfaces, t.Implements) || slices.ContainsFunc(interfaces, reflect.PointerTo(t).Implements)
}

// EncodesItself reports whether type t, or a pointer to it, has JSON or text methods.
func EncodesItself(t reflect.Type) bool {
	return implementsAny(t, marshalers) || implementsAny(t, unmarshalers)
}

// EncodesByPointer reports whether only a pointer to type t has JSON or text methods:
// encoding/json does not call methods of *T for a T.
func EncodesByPointer(t reflect.Type) bool {
	return !slices.ContainsFunc(marshalers, t.Implements) && slices.ContainsFunc(marshalers, reflect.PointerTo(t).Implements)
}

// NeedsPointer reports whether a value of type t, or a part of it that is reachable
// without a pointer, slice, map or interface, has JSON or text methods only by its
// pointer. These methods are called if a pointer to the value is sent.
func NeedsPointer(t reflect.Type) bool {
	switch {
	case slices.ContainsFunc(marshalers, t.Implements):
		return false
	case EncodesByPointer(t):
		return true
	}
	switch t.Kind() {
	case reflect.Array:
		return NeedsPointer(t.Elem())
	case reflect.Struct:
		for f := range t.Fields() {
			if (f.IsExported() || f.Anonymous) && f.Tag.Get("json") != "-" && NeedsPointer(f.Type) {
				return true
			}
		}
	}
	return false
}

// Sendable returns an error if values of type t cannot be encoded. It includes the
// element types of pointers, slices and maps, even if an empty value could be encoded,
// and all fields except those that omitempty or omitzero can omit. It cannot check the
// values of interfaces, which are known only when they are sent.
func Sendable(t reflect.Type) error {
	return (&inspection{sent: true, seen: make(map[visit]bool)}).inspect(t, false)
}

// Receivable returns an error if values of type t cannot be decoded. It checks the
// same fields as [Sendable].
func Receivable(t reflect.Type) error {
	return (&inspection{seen: make(map[visit]bool)}).inspect(t, true)
}

// An inspection checks a type and its parts.
type inspection struct {
	sent bool // or received
	seen map[visit]bool
}

// A visit is a type together with whether its values are addressable. The methods of *T
// are called only for an addressable T, which an element of a map, for example, is not.
type visit struct {
	t           reflect.Type
	addressable bool
}

func (in *inspection) inspect(t reflect.Type, addressable bool) error {
	switch {
	case in.seen[visit{t, addressable}]:
		return nil
	case t == argsType && !in.sent:
		return fmt.Errorf("a %v is not part of a value", t)
	case t.Kind() == reflect.Interface && in.sent:
		return nil
	case t.Kind() == reflect.Interface && t.NumMethod() > 0:
		return fmt.Errorf("nothing can be decoded into the interface %v", t)
	case in.convertsItself(t, addressable):
		return nil
	case isEmitter(t):
		return fmt.Errorf("a %v is not sent", t)
	}
	in.seen[visit{t, addressable}] = true
	err := in.parts(t, addressable)
	if err != nil && in.sent && EncodesByPointer(t) {
		return fmt.Errorf("%w (its methods are those of a *%v, which can be sent)", err, t)
	}
	return err
}

// convertsItself reports whether t is encoded or decoded by its methods.
func (in *inspection) convertsItself(t reflect.Type, addressable bool) bool {
	if !in.sent {
		return implementsAny(t, unmarshalers)
	}
	return slices.ContainsFunc(marshalers, t.Implements) || addressable && EncodesByPointer(t)
}

// parts inspects the types of which t consists.
func (in *inspection) parts(t reflect.Type, addressable bool) error {
	switch t.Kind() {
	case reflect.Chan, reflect.Func, reflect.UnsafePointer, reflect.Complex64, reflect.Complex128:
		return in.refuse(t, "")
	case reflect.Map:
		if !in.isKey(t.Key()) {
			return in.refuse(t, ": its keys are not strings, integers or types with text methods")
		}
		return in.element(t, false)
	case reflect.Pointer, reflect.Slice:
		return in.element(t, true)
	case reflect.Array:
		if t.Len() == 0 {
			return nil
		}
		return in.element(t, addressable)
	case reflect.Struct:
		for _, f := range jsonfields.Of(t) {
			if err := in.field(t, &f, addressable); err != nil {
				return err
			}
		}
	}
	return nil
}

// refuse returns the error for a type that cannot be encoded or decoded.
func (in *inspection) refuse(t reflect.Type, why string) error {
	if in.sent {
		return fmt.Errorf("a %v cannot be sent%s", t, why)
	}
	return fmt.Errorf("nothing can be decoded into a %v%s", t, why)
}

// element inspects the elements of t.
func (in *inspection) element(t reflect.Type, addressable bool) error {
	err := in.inspect(t.Elem(), addressable || !in.sent)
	if err != nil && t.Name() != "" {
		return fmt.Errorf("%v: %w", t, err)
	}
	return err
}

// field inspects a field of outer, which may be promoted.
func (in *inspection) field(outer reflect.Type, f *jsonfields.Field, addressable bool) error {
	if f.MayBeAbsent() {
		return nil
	}
	var name string
	hidden := false // embedded by a pointer that cannot be set
	t := outer
	for _, i := range f.Index {
		if t.Kind() == reflect.Pointer {
			t, addressable = t.Elem(), true
		}
		sf := t.Field(i)
		name, t = sf.Name, sf.Type
		hidden = hidden || !sf.IsExported() && t.Kind() == reflect.Pointer
	}
	err := in.inspect(t, addressable)
	switch {
	case err != nil:
	case f.Hidden && implementsAny(t, in.methods()):
		err = fmt.Errorf("the methods of the embedded %v cannot be called, as it is not exported", t)
	case hidden && !in.sent:
		err = errors.New("nothing can be decoded into a struct that is not exported and embedded by a pointer")
	default:
		return nil
	}
	return fmt.Errorf("%v.%s: %w", outer, name, err)
}

// methods are those with which types encode or decode themselves.
func (in *inspection) methods() []reflect.Type {
	if in.sent {
		return marshalers
	}
	return unmarshalers
}

// isKey reports whether values of type t can be the keys of a map.
func (in *inspection) isKey(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.String, reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return true
	}
	if in.sent {
		return t.Implements(textMarshaler)
	}
	return reflect.PointerTo(t).Implements(textUnmarshaler)
}
