package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
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
		return &OptionError{Field: "Auth", Value: fmt.Sprintf("a %T", v), Reason: err.Error()}
	}
	return nil
}

// checkObject refuses values that are not encoded as objects, as far as that can
// be told from their types.
func checkObject(v any) error {
	switch v := v.(type) {
	case nil:
		return nil
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

// credentials returns what Auth yields.
func (s *Socket) credentials(ctx context.Context) (v any, err error) {
	v = s.opts.Auth
	if f, ok := v.(authFunc); ok {
		err = s.protect("auth", func() error {
			v, err = f(ctx)
			return err
		})
		if err == nil {
			err = checkObject(v)
		}
	}
	if err != nil {
		return nil, &AuthError{Err: err}
	}
	return v, nil
}

// connectPayload returns the payload of a request to join: the credentials, and
// behind them what is needed to recover the session (Socket.IO protocol v5,
// "Connection state recovery"). Keys of the credentials win.
func connectPayload(auth any, pid, offset string) ([]any, error) {
	if pid == "" {
		if auth == nil {
			return nil, nil
		}
		return []any{auth}, nil
	}
	object := map[string]any{"pid": pid}
	if offset != "" {
		object["offset"] = offset
	}
	switch auth := auth.(type) {
	case nil:
	case map[string]any:
		maps.Copy(object, auth)
	default:
		b, err := json.Marshal(auth)
		if err == nil {
			err = json.Unmarshal(b, &object)
		}
		if err != nil {
			return nil, &AuthError{Err: err}
		}
	}
	return []any{object}, nil
}
