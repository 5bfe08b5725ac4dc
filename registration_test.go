package socketio_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"testing"

	"github.com/seed96b07ef8/socketio"
	"github.com/seed96b07ef8/socketio/client"
	"github.com/seed96b07ef8/socketio/event"
	"github.com/seed96b07ef8/socketio/internal/wiretest"
)

// panicOf returns what f panics with.
func panicOf(f func()) (message string) {
	defer func() {
		if v := recover(); v != nil {
			message = fmt.Sprint(v)
		}
	}()
	f()
	return ""
}

// Every method that registers a function refuses nil, and names itself.
func TestNilFunctions(t *testing.T) {
	t.Parallel()
	io, url, _ := newServer(t, nil)
	wiretest.Join(t, url, "websocket", "/")
	waitFor(t, "the socket", func() bool { return len(io.Sockets()) == 1 })
	m := client.NewManager("http://localhost", nil)
	tried := 0
	for prefix, v := range map[string]any{
		"socketio: ": io, "socketio:  ": io.Sockets()[0], "socketio:   ": io.OfFunc(func(string, socketio.Args) bool { return false }),
		"client: ": m, "client:  ": m.Socket("/", nil),
	} {
		for method, f := range reflect.ValueOf(v).Methods() {
			if f.Type().NumIn() != 1 || f.Type().IsVariadic() {
				continue
			}
			switch in := f.Type().In(0); {
			case in.Kind() == reflect.Func, method.Name == "OfRegexp":
				tried++
				got := panicOf(func() { f.Call([]reflect.Value{reflect.Zero(in)}) })
				if want := strings.TrimSpace(prefix) + " " + method.Name + ": "; !strings.HasPrefix(got, want) {
					t.Errorf("%s of a %T panics with %q, want %q", method.Name, v, got, want)
				}
			}
		}
	}
	if tried < 40 {
		t.Errorf("only %d methods were found", tried)
	}
}

type (
	withChannel struct {
		Name    string
		Done    chan int
		Ignored func() `json:"-"`
		private chan int
	}
	promoting struct{ *withChannel }
	player    struct {
		*socketio.Socket `json:"-"`
		Name             string
	}
)

// taking returns a function that takes a T by value, which vet would not let through if
// it were written down.
func taking[T any]() any {
	t := reflect.FuncOf([]reflect.Type{reflect.TypeFor[T]()}, nil, false)
	return reflect.MakeFunc(t, func([]reflect.Value) []reflect.Value { return nil }).Interface()
}

// What is wrong with a handler is said when it is registered, and where things belong.
func TestMisplacedParameters(t *testing.T) {
	t.Parallel()
	_ = withChannel{}.private
	io, _, _ := newServer(t, nil)
	c := client.NewManager("http://localhost", nil).Socket("/", nil)
	const first = "the *socketio.Socket has to be the first parameter, or the one behind the context"
	for _, test := range []struct {
		handler any
		want    string
	}{
		{taking[socketio.Socket](), "the socket is a pointer: *socketio.Socket"},
		{func(context.Context, string, *socketio.Socket) {}, first},
		{func(*socketio.Socket, context.Context) {}, "the context has to be the first parameter"},
		{func(*socketio.Socket, *socketio.Socket) {}, first},
		{func(*client.Socket, string) {}, "a *client.Socket is not received; the socket that the event came over is a *socketio.Socket"},
		{taking[client.Socket](), "a client.Socket is not received"},
		{func(socketio.Broadcast) {}, "a socketio.Broadcast is not received"},
		{func(func(), string) {}, "an ack function has to be the last parameter"},
		{func(func(), ...string) {}, "an ack function has to be the last parameter"},
		{func(socketio.Args, string) {}, "it has to be the last parameter"},
		{func([]socketio.Args) {}, "a parser.Args is not part of a value"},
		{func(...chan int) {}, "nothing can be decoded into a chan int"},
		{func(withChannel) {}, "withChannel.Done: nothing can be decoded into a chan int"},
		{func([]*promoting) {}, "promoting.Name: nothing can be decoded into a struct that is not exported and embedded by a pointer"},
		{func(map[complex128]int) {}, "its keys are not strings"},
		{func(struct{ E error }) {}, "nothing can be decoded into the interface error"},
		{func() chan int { return nil }, "result chan int: a chan int cannot be sent"},
		{func() (int, map[string]func()) { return 0, nil }, "a func() cannot be sent"},
		{func() map[complex128]string { return nil }, "its keys are not strings"},
		{func() (withChannel, error) { return withChannel{}, nil }, "withChannel.Done: a chan int cannot be sent"},
		{func() *promoting { return nil }, "promoting.Done: a chan int cannot be sent"},
		{func() *socketio.Socket { return nil }, "a *socketio.Socket is not sent"},
		{func() []*client.Socket { return nil }, "a *client.Socket is not sent"},
		{func(func(chan int)) {}, "its ack function takes a chan int: a chan int cannot be sent"},
		{func(func(int, ...withChannel)) {}, "withChannel.Done: a chan int cannot be sent"},
	} {
		if got := panicOf(func() { io.On("e", test.handler) }); !strings.Contains(got, test.want) {
			t.Errorf("%T: On of a server panics with %q, want %q in it", test.handler, got, test.want)
		}
	}
	for _, test := range []struct {
		handler any
		want    string
	}{
		{taking[client.Socket](), "the socket is a pointer: *client.Socket"},
		{func(*socketio.Socket) {}, "a *socketio.Socket is not received; the socket that the event came over is a *client.Socket"},
		{func(string, *client.Socket) {}, "the *client.Socket has to be the first parameter"},
		{func(withChannel) {}, "withChannel.Done: nothing can be decoded into a chan int"},
	} {
		if got := panicOf(func() { c.On("e", test.handler) }); !strings.Contains(got, test.want) {
			t.Errorf("%T: On of a client panics with %q, want %q in it", test.handler, got, test.want)
		}
	}
	for _, handler := range []any{
		func(struct {
			Name    string
			Ignored chan int `json:"-"`
			Unset   func()   `json:",omitzero"`
		}) {
		},
		func() player { return player{} },
		func(map[int]string, []any, *any) any { return nil },
		func() fmt.Stringer { return nil },
		func(context.Context, *int, ...any) (any, error) { return nil, nil },
		func(socketio.Args, func(socketio.Args)) {},
	} {
		if got := panicOf(func() { io.On("e", handler)(); c.On("e", handler)() }); got != "" {
			t.Errorf("%T: On panics with %q", handler, got)
		}
	}
}

// Reserved names are those that the documentation names. A program that registers
// connection handlers as in JavaScript finds out by the log.
func TestEventNames(t *testing.T) {
	t.Parallel()
	logged := new(logBuffer)
	io, url, _ := newServer(t, &socketio.Options{Logger: slog.New(slog.NewTextHandler(logged, nil))})
	wiretest.Join(t, url, "websocket", "/")
	waitFor(t, "the socket", func() bool { return len(io.Sockets()) == 1 })
	s := io.Sockets()[0]
	for _, name := range []string{"connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"} {
		for what, got := range map[string]string{
			"On of a server":            panicOf(func() { io.On(name, func() {}) }),
			"Once of a socket":          panicOf(func() { s.Once(name, func() {}) }),
			"an event of package event": panicOf(func() { event.New[int](name) }),
		} {
			if !strings.Contains(got, fmt.Sprintf("%q", name)) {
				t.Errorf("%s panics with %q for %q", what, got, name)
			}
		}
		if err := s.Emit(name); !errors.Is(err, socketio.ErrReservedEvent) {
			t.Errorf("Emit of %q returned %v", name, err)
		}
	}
	for _, name := range []string{"", "connection", "new_namespace", "error", "message", "ping", "constructor"} {
		event.On(io, event.New[int](name), func(context.Context, *socketio.Socket, int) error { return nil })
		s.On(name, func() {})
		if err := errors.Join(s.Emit(name), io.Emit(name)); err != nil {
			t.Errorf("Emit of %q returned %v", name, err)
		}
	}
	for hint, n := range map[string]int{"not called when a client connects": 1, "use OnConnect": 1, "use OnNewNamespace": 1, "WARN": 2} {
		if got := strings.Count(logged.String(), hint); got != n {
			t.Errorf("%q is logged %d times, want %d: %s", hint, got, n, logged)
		}
	}
}
