package event

import (
	"errors"
	"fmt"
	"reflect"

	"github.com/seed96b07ef8/socketio/internal/handler"
	"github.com/seed96b07ef8/socketio/parser"
	"github.com/seed96b07ef8/socketio/peer"
)

// A shape describes how the values of a type are represented as arguments. The
// constructors compile it.
type shape struct {
	kind   kind
	fields []int // of a struct: the index of the field for each argument
	rest   int   // the index of the field for all further arguments, or -1

	// byPointer says that the value, or a part of it, is encoded by methods of its
	// pointer. encoding/json does not call these for the value, so the pointer is sent.
	byPointer bool
	// fieldByPointer is byPointer for the fields of a struct, by their indexes, and for
	// the elements of the field for all further arguments.
	fieldByPointer []bool
}

// A kind says what the arguments are.
type kind uint8

const (
	nothing kind = iota // there are none
	value               // the value is the only one
	fields              // the fields of the value
)

// compile checks the name of an event and returns the shape of a type. It panics if the
// name is reserved or the type cannot be sent.
func compile(name string, of func() (*shape, error)) *shape {
	if parser.IsReserved(name) {
		panic(fmt.Sprintf("event: %q: %v", name, peer.ErrReservedEvent))
	}
	s, err := of()
	if err != nil {
		panic(fmt.Sprintf("event: %q: %v", name, err))
	}
	return s
}

// ready returns the shape. It panics if no constructor has made the Event or Call.
func (s *shape) ready() *shape {
	if s == nil {
		panic("event: the zero value of an Event or Call is not usable; make one with New, NewArgs or NewCall")
	}
	return s
}

// encode returns v as arguments.
func encode[T any](s *shape, v T) []any {
	switch s.kind {
	case nothing:
		return nil
	case value:
		return []any{argument(s, v)}
	}
	p := new(T)
	*p = v
	return s.fieldArguments(reflect.ValueOf(p).Elem())
}

// fieldArguments returns the fields of v, which is addressable, as arguments.
func (s *shape) fieldArguments(v reflect.Value) []any {
	n := len(s.fields)
	if s.rest >= 0 {
		n += v.Field(s.rest).Len()
	}
	args := make([]any, 0, n)
	for _, i := range s.fields {
		args = append(args, fieldArgument(v.Field(i), s.fieldByPointer[i]))
	}
	if s.rest >= 0 {
		rest := v.Field(s.rest)
		for i := range rest.Len() {
			args = append(args, fieldArgument(rest.Index(i), s.fieldByPointer[s.rest]))
		}
	}
	return args
}

// argument returns v as an argument of its own, if the shape has one.
func argument[T any](s *shape, v T) any {
	if s.byPointer {
		p := new(T) // so that v does not escape in the other cases
		*p = v
		return p
	}
	return v
}

// fieldArgument is argument for a field.
func fieldArgument(v reflect.Value, byPointer bool) any {
	if byPointer {
		v = v.Addr()
	}
	return v.Interface()
}

// decode decodes the arguments of an event into a T. The error matches a *parser.ArgError.
func decode[T any](s *shape, args handler.Taker) (T, error) {
	var v, none T
	var err error
	switch s.kind {
	case nothing:
		err = args.Take()
	case value:
		err = args.Take(&v)
	case fields:
		err = s.decodeFields(reflect.ValueOf(&v).Elem(), args)
	}
	if err != nil {
		return none, s.inContract(reflect.TypeFor[T](), err)
	}
	return v, nil
}

// inContract adds to err the name of the field of a contract that the argument does not
// fit.
func (s *shape) inContract(t reflect.Type, err error) error {
	arg, ok := errors.AsType[*parser.ArgError](err)
	if s.kind != fields || !ok {
		return err
	}
	i := s.rest
	if arg.Index < len(s.fields) {
		i = s.fields[arg.Index]
	}
	if i < 0 {
		return err
	}
	return fmt.Errorf("event: field %s of %v, whose fields are the arguments one by one (for one object, declare the contract with a *%v): %w",
		t.Field(i).Name, t, t, err)
}

// decodeFields decodes the arguments into the fields of v.
func (s *shape) decodeFields(v reflect.Value, args handler.Taker) error {
	ptrs := make([]any, len(s.fields), len(s.fields)+1)
	for pos, i := range s.fields {
		ptrs[pos] = v.Field(i).Addr().Interface()
	}
	if s.rest < 0 {
		return args.Take(ptrs...)
	}
	if n := args.Len() - len(s.fields); n > 0 {
		rest := v.Field(s.rest)
		rest.Set(reflect.MakeSlice(rest.Type(), n, n))
		for i := range n {
			ptrs = append(ptrs, rest.Index(i).Addr().Interface())
		}
	}
	return args.Take(ptrs...)
}

// single returns the shape of a T that is one argument, or of None.
func single[T any]() (*shape, error) {
	t := reflect.TypeFor[T]()
	if t == reflect.TypeFor[None]() {
		return &shape{kind: nothing}, nil
	}
	return &shape{kind: value, byPointer: handler.NeedsPointer(t)}, check(t)
}

// positional returns the shape of a struct whose fields are the arguments.
func positional[T any]() (*shape, error) {
	t := reflect.TypeFor[T]()
	if t.Kind() != reflect.Struct {
		return nil, fmt.Errorf("%v is not a struct whose fields could be the arguments", t)
	}
	if t.NumField() == 0 {
		return &shape{kind: nothing}, nil
	}
	if handler.EncodesItself(t) {
		return nil, fmt.Errorf("%v is one value, its fields cannot be the arguments", t)
	}
	s := &shape{kind: fields, rest: -1, fieldByPointer: make([]bool, t.NumField())}
	for i := range t.NumField() {
		f := t.Field(i)
		tag, tagged := f.Tag.Lookup("event")
		if tagged && tag != "rest" {
			return nil, fmt.Errorf(`%v.%s has the tag event:%q; there only is event:"rest"`, t, f.Name, tag)
		}
		if f.Anonymous {
			return nil, fmt.Errorf("%v embeds %v; give the field a name, or its fields a place of their own", t, f.Type)
		}
		if !f.IsExported() {
			if tagged {
				return nil, fmt.Errorf("%v.%s is not exported", t, f.Name)
			}
			continue
		}
		if f.Tag.Get("json") == "-" {
			if tagged {
				return nil, fmt.Errorf(`%v.%s has the tags event:"rest" and json:"-"`, t, f.Name)
			}
			continue
		}
		if s.rest >= 0 {
			return nil, fmt.Errorf("%v.%s takes the rest of the arguments, nothing is left for %s", t, t.Field(s.rest).Name, f.Name)
		}
		ft := f.Type
		if tagged {
			if ft.Kind() != reflect.Slice || ft.Elem().Kind() == reflect.Uint8 {
				return nil, fmt.Errorf("%v.%s has to be a slice of arguments, not a %v", t, f.Name, ft)
			}
			s.rest, ft = i, ft.Elem()
		} else {
			s.fields = append(s.fields, i)
		}
		s.fieldByPointer[i] = handler.NeedsPointer(ft)
		if err := check(ft); err != nil {
			return nil, fmt.Errorf("%v.%s: %w", t, f.Name, err)
		}
	}
	if len(s.fields) == 0 && s.rest < 0 {
		return nil, fmt.Errorf("%v has no exported field that is sent", t)
	}
	return s, nil
}

// request returns the shape of the request of a call.
func request[T any]() (*shape, error) {
	t := reflect.TypeFor[T]()
	if t.Kind() == reflect.Struct && !handler.EncodesItself(t) && t != reflect.TypeFor[parser.Args]() {
		return positional[T]()
	}
	return single[T]()
}

// check returns an error if values of a type cannot be encoded, or cannot be decoded.
func check(t reflect.Type) error {
	if t == reflect.TypeFor[parser.Args]() {
		return fmt.Errorf("a %v is not sent", t)
	}
	sent := t
	if handler.NeedsPointer(t) {
		sent = reflect.PointerTo(t)
	}
	if err := handler.Sendable(sent); err != nil {
		return err
	}
	return handler.Receivable(t)
}

// checkHandler panics if the handler of an event is nil.
func checkHandler(name string, isNil bool) {
	if isNil {
		panic(fmt.Sprintf("event: the handler of %q is nil", name))
	}
}
