package socketio_test

import (
	"fmt"
	"reflect"
	"slices"
	"testing"

	"github.com/seed96b07ef8/socketio"
	"github.com/seed96b07ef8/socketio/internal/wiretest"
)

// observer returns Hooks whose functions all call note with the name of their field.
func observer(note func(field string)) *socketio.Hooks {
	h := new(socketio.Hooks)
	v := reflect.ValueOf(h).Elem()
	for i := range v.NumField() {
		name := v.Type().Field(i).Name
		v.Field(i).Set(reflect.MakeFunc(v.Field(i).Type(), func([]reflect.Value) []reflect.Value {
			note(name)
			return nil
		}))
	}
	return h
}

// callAll calls each function of h with zero values, and returns the names of the fields.
// It recovers panics.
func callAll(t *testing.T, h *socketio.Hooks) (fields []string) {
	t.Helper()
	v := reflect.ValueOf(h).Elem()
	for i := range v.NumField() {
		name, f := v.Type().Field(i).Name, v.Field(i)
		fields = append(fields, name)
		if f.IsNil() {
			t.Errorf("the joined Hooks have no %s", name)
			continue
		}
		args := make([]reflect.Value, f.Type().NumIn())
		for i := range args {
			args[i] = reflect.Zero(f.Type().In(i))
		}
		func() {
			defer func() { _ = recover() }()
			f.Call(args)
		}()
	}
	return fields
}

// Each function of each observer is called, in the order of the observers, also when one
// before it panics.
func TestJoinedHooks(t *testing.T) {
	t.Parallel()
	for _, panicking := range []int{-1, 0, 1, 2} {
		t.Run(fmt.Sprint(panicking), func(t *testing.T) {
			t.Parallel()
			var got, want []string
			numbered := func(n int) *socketio.Hooks {
				return observer(func(field string) {
					got = append(got, fmt.Sprint(field, n))
					if n == panicking {
						panic("an observer panics")
					}
				})
			}
			for _, field := range callAll(t, socketio.JoinHooks(numbered(0), nil, numbered(1), new(socketio.Hooks), numbered(2))) {
				want = append(want, field+"0", field+"1", field+"2")
			}
			if !slices.Equal(got, want) {
				t.Errorf("called %q, want %q", got, want)
			}
		})
	}
}

// A function that no observer sets is not called for, and one that a single observer sets
// is not wrapped.
func TestJoinedHooksThatAreNil(t *testing.T) {
	t.Parallel()
	if got := socketio.JoinHooks(nil, new(socketio.Hooks)); !reflect.ValueOf(*got).IsZero() {
		t.Errorf("observers without functions were joined to %+v, want the zero Hooks", *got)
	}
	one := observer(func(string) {})
	joined := socketio.JoinHooks(new(socketio.Hooks), one, nil)
	v, w := reflect.ValueOf(*joined), reflect.ValueOf(*one)
	for i := range v.NumField() {
		if v.Field(i).UnsafePointer() != w.Field(i).UnsafePointer() {
			t.Errorf("%s is not the function of the only observer", v.Type().Field(i).Name)
		}
	}
}

// A panic of one observer ends the socket, as without others, which see the event.
func TestJoinedHooksOfAServer(t *testing.T) {
	t.Parallel()
	seen := make(chan string, 1)
	_, url, _ := newServer(t, &socketio.Options{Hooks: socketio.JoinHooks(
		&socketio.Hooks{Connected: func(*socketio.Socket) { panic("in Connected") }},
		&socketio.Hooks{Connected: func(s *socketio.Socket) { seen <- s.Namespace().Name() }},
	)})
	c, _ := wiretest.Join(t, url, "websocket", "/")
	if got := receive(t, seen, "the call of the second observer"); got != "/" {
		t.Errorf("the second observer saw a socket of %q, want /", got)
	}
	c.Expect("41")
}
