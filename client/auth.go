package client

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/seed96b07ef8/socketio/engine"
	"github.com/seed96b07ef8/socketio/internal/ctxerr"
	"github.com/seed96b07ef8/socketio/internal/handler"
	"github.com/seed96b07ef8/socketio/parser"
)

// checkAuth refuses what cannot be an Auth.
func checkAuth(v any) error {
	if f, ok := v.(authFunc); ok {
		if f == nil {
			return &OptionError{Field: "Auth", Value: "nil", Reason: "the function is nil"}
		}
		return nil
	}
	if err := checkObject(v); err != nil {
		return &OptionError{Field: "Auth", Value: fmt.Sprintf("of type %T", v), Reason: err.Error()}
	}
	return nil
}

// checkObject rejects values that are not encoded as objects, as far as their types
// show.
func checkObject(v any) error {
	if isNil(v) {
		return nil
	}
	switch v := v.(type) {
	case json.RawMessage:
		var object map[string]json.RawMessage
		return json.Unmarshal(v, &object)
	case json.Marshaler:
		return nil
	}
	t := reflect.TypeOf(v)
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if k := t.Kind(); k != reflect.Struct && k != reflect.Map {
		return errors.New("it has to be encoded as an object, as structs and maps are, or be a func(context.Context) (any, error)")
	}
	return nil
}

// credentials returns what Auth yields, nil for nothing.
func (s *Socket) credentials(ctx context.Context) (v any, err error) {
	v = s.opts.Auth
	if f, ok := v.(authFunc); ok {
		if v, err = f(ctx); err == nil {
			err = checkObject(v)
		}
	}
	if err != nil || isNil(v) {
		return nil, err
	}
	return v, nil
}

// isNil reports whether v is nil or a nil pointer, map or slice, none of which is
// encoded as an object.
func isNil(v any) bool {
	switch rv := reflect.ValueOf(v); rv.Kind() {
	case reflect.Invalid:
		return true
	case reflect.Pointer, reflect.Map, reflect.Slice:
		return rv.IsNil()
	}
	return false
}

var errNoCredentials = errors.New("the function, or a method that encodes the credentials, ended its goroutine")

// ask makes the request to join a namespace, on a goroutine of its own: it calls the
// function of Auth and methods that encode the credentials, and each may block. When ctx
// ends before they return, the goroutine is left behind until they do, and none is called
// again meanwhile.
func (s *Socket) ask(ctx context.Context) (*engine.Message, error) {
	type answer struct {
		msg *engine.Message
		err error
	}
	select {
	case s.asking <- struct{}{}:
	case <-ctx.Done():
		return nil, ctxerr.Of(ctx)
	}
	answers := make(chan answer, 1)
	go func() { // ends when the functions have returned
		a := answer{err: errNoCredentials}
		defer func() {
			<-s.asking
			answers <- a
		}()
		a.err = s.protect("auth", func() (err error) {
			a.msg, err = s.joinRequest(ctx)
			return err
		})
	}()
	select {
	case a := <-answers:
		return a.msg, a.err
	case <-ctx.Done():
		return nil, ctxerr.Of(ctx)
	}
}

// joinRequest encodes the request to join.
func (s *Socket) joinRequest(ctx context.Context) (*engine.Message, error) {
	auth, err := s.credentials(ctx)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	pid, offset := s.pid, s.offset
	s.mu.Unlock()
	payload, err := connectPayload(auth, pid, offset)
	if err != nil {
		return nil, err
	}
	return s.encode(parser.Header{Type: parser.Connect}, "", payload)
}

// connectPayload returns the payload of a request to join: the credentials, and
// beside them what is needed to recover the session (Socket.IO protocol v5,
// "Connection state recovery"). Keys of the credentials win.
func connectPayload(auth any, pid, offset string) ([]any, error) {
	switch {
	case pid == "" && auth == nil:
		return nil, nil
	case pid == "":
		return []any{auth}, nil
	}
	object := map[string]any{"pid": pid}
	if offset != "" {
		object["offset"] = offset
	}
	if err := addMembers(object, auth); err != nil {
		return nil, err
	}
	return []any{object}, nil
}

// addMembers adds the members of the object as which v is encoded, without decoding
// any. A member that is a field of a struct, or an element of a map, is its value, for
// the codec to encode; others are as encoding/json has encoded them.
func addMembers(object map[string]any, v any) error {
	if v == nil {
		return nil
	}
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(data, &members); err != nil {
		return err
	}
	values := memberValues(v)
	for name, encoded := range members {
		if value, ok := values[name]; ok {
			object[name] = value
		} else {
			object[name] = encoded
		}
	}
	return nil
}

// memberValues returns the values of members by their names, of structs and maps that
// do not encode themselves. It leaves out what is not simply a field or an element.
func memberValues(v any) map[string]any {
	values := make(map[string]any)
	rv := reflect.ValueOf(v)
	for {
		if _, ok := reflect.TypeAssert[json.Marshaler](rv); ok {
			return nil
		}
		if rv.Kind() != reflect.Pointer || rv.IsNil() {
			break
		}
		rv = rv.Elem()
	}
	switch rv.Kind() {
	case reflect.Map:
		if rv.Type().Key() == reflect.TypeFor[string]() {
			for key, value := range rv.Seq2() {
				values[key.String()] = value.Interface()
			}
		}
	case reflect.Struct:
		for f, value := range rv.Fields() {
			name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
			if f.IsExported() && !f.Anonymous && !strings.Contains(options, "string") {
				values[cmp.Or(name, f.Name)] = fieldValue(value)
			}
		}
	}
	return values
}

// fieldValue returns what is encoded as the field is where it stands: encoding/json calls
// the methods of pointers for a field of what a pointer leads to, and not for a copy.
func fieldValue(field reflect.Value) any {
	if field.CanAddr() {
		k := field.Kind()
		if k == reflect.Struct || k == reflect.Array || handler.EncodesByPointer(field.Type()) {
			return field.Addr().Interface()
		}
	}
	return field.Interface()
}
