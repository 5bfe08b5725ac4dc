package handler

import (
	"context"
	"reflect"

	"github.com/seed96b07ef8/socketio/internal/jsonfields"
	"github.com/seed96b07ef8/socketio/parser"
)

var (
	contextType = reflect.TypeFor[context.Context]()
	argsType    = reflect.TypeFor[parser.Args]()
	errorType   = reflect.TypeFor[error]()
	emitters    = []reflect.Type{reflect.TypeFor[interface {
		Emit(event string, args ...any) error
	}]()}
)

// isEmitter reports whether t is a socket of either end, or another emitter, which
// cannot be sent as an argument.
func isEmitter(t reflect.Type) bool {
	if !implementsAny(t, emitters) {
		return false
	}
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t.Kind() != reflect.Struct || len(jsonfields.Of(t)) == 0
}

// staysZero reports whether t is a struct, or a pointer to one, that has fields and none
// that could be decoded, such as a [database/sql.DB]. A handler with such a parameter
// expects something else than an argument of an event.
func staysZero(t reflect.Type) bool {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t.Kind() == reflect.Struct && t.NumField() > 0 && len(jsonfields.Of(t)) == 0 &&
		!implementsAny(t, unmarshalers) && !implementsAny(t, binaryUnmarshaler)
}

// selfMade reports whether methods of t, or of its parts, decode a value of type
// t. These methods may make the value point into itself, so it cannot be copied.
func selfMade(t reflect.Type) bool {
	if implementsAny(t, unmarshalers) || implementsAny(t, binaryUnmarshaler) {
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
