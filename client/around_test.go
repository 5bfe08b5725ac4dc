package client_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/seed96b07ef8/socketio"
	"github.com/seed96b07ef8/socketio/client"
	"github.com/seed96b07ef8/socketio/peer"
)

type next = func(context.Context) error

// A trace is the key of a value in contexts: the names of the middleware that they came
// through.
type trace struct{}

func tagging(name string) client.HandlerMiddleware {
	return func(ctx context.Context, _ client.EventInfo, next next) error {
		names, _ := ctx.Value(trace{}).(string)
		return next(context.WithValue(ctx, trace{}, names+"/"+name))
	}
}

// asked returns what c answers to a question of srv, in one line.
func asked(t *testing.T, s *socketio.Socket, event string, args ...any) string {
	t.Helper()
	answer, err := s.EmitWithAck(within(t), event, args...)
	return fmt.Sprint(answer, err)
}

// The middleware of the options surrounds that of the socket. Handlers get the context
// that the innermost passes on.
func TestHandlerMiddlewareNests(t *testing.T) {
	t.Parallel()
	srv := overWebSocket.serve(t, nil)
	list := []client.HandlerMiddleware{tagging("first"), tagging("second")}
	c := overWebSocket.client(t, srv, "/", func(o *client.Options) { o.HandlerMiddleware = list })
	list[0] = tagging("changed later")
	c.UseHandler(tagging("third"))
	off := c.UseHandler(tagging("removed"))
	c.UseHandler(tagging("last"))
	off()
	c.On("trace", func(ctx context.Context) string { return fmt.Sprint(ctx.Value(trace{})) })
	connect(t, c)
	if got, want := asked(t, srv.Socket(c.ID()), "trace"), `["/first/second/third/last"] <nil>`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// Middleware gets the event and the first error of what it surrounds, which it can
// replace. Further errors are reported, and the functions after a failed one are called.
func TestHandlerMiddlewareSeesErrors(t *testing.T) {
	t.Parallel()
	srv := overWebSocket.serve(t, nil)
	c := overWebSocket.client(t, srv, "/n", nil)
	srv.Of("/n")
	var calls list[string]
	c.UseHandler(func(ctx context.Context, e client.EventInfo, next next) error {
		if e.Event == "refused" {
			return &client.AckError{Args: []any{"no"}}
		}
		err := next(ctx)
		calls.add(fmt.Sprintf("%s %s %v %v %v: %v", e.Namespace, e.Event, e.Args, e.WantsAck, e.Socket == c, err))
		if e.Event == "replaced" {
			return &client.AckError{Args: []any{"instead"}}
		}
		return err
	})
	errs := make(chan error, 10)
	c.OnError(func(err error) { errs <- err })
	var seen list[string]
	c.OnAny(func(event string, _ client.Args) { seen.add(event) })
	c.On("refused", func() { t.Error("the handler of a refused event was called") })
	c.On("replaced", func(int) error { return errors.New("first") })
	c.On("replaced", func(int) error { return errors.New("second") })
	c.On("acked", func() error { return &client.AckError{Args: []any{1}} })
	c.On("panics", func() { panic("boom") })
	c.On("panics", func() int { return 2 })
	connect(t, c)
	s := srv.Of("/n").Socket(c.ID())
	for _, test := range []struct{ event, want string }{
		{"refused", `["no"] <nil>`}, {"replaced", `["instead"] <nil>`}, {"acked", `[1] <nil>`}, {"panics", `[2] <nil>`},
	} {
		if got := asked(t, s, test.event, 7); got != test.want {
			t.Errorf("%s: the answer is %s, want %s", test.event, got, test.want)
		}
	}
	if err := receive(t, errs, "the second error"); errorAs[*client.EventError](t, err).Err.Error() != "second" {
		t.Errorf("reported %v, want the second error", err)
	}
	errorAs[*client.PanicError](t, receive(t, errs, "the panic"))
	want := []string{
		"/n replaced [7] true true: first", "/n acked [7] true true: acknowledgement: [1]", "/n panics [7] true true: panic: boom",
	}
	if got := calls.get(); !slices.Equal(got, want) {
		t.Errorf("middleware saw %q, want %q", got, want)
	}
	if got := seen.get(); !slices.Equal(got, []string{"replaced", "acked", "panics"}) {
		t.Errorf("OnAny was called for %q", got)
	}
	if len(errs) > 0 || !c.Connected() {
		t.Errorf("%d further errors, connected %v", len(errs), c.Connected())
	}
}

// A panic of middleware is reported, next works once, and middleware that ends its
// goroutine holds up no later event. An event without a handler passes through it, too.
func TestHandlerMiddlewareThatFails(t *testing.T) {
	t.Parallel()
	srv := overWebSocket.serve(t, nil)
	c := overWebSocket.client(t, srv, "/", nil)
	passed := make(chan string, 10)
	c.UseHandler(func(ctx context.Context, e client.EventInfo, next next) error {
		passed <- e.Event
		switch e.Event {
		case "panics":
			panic("boom")
		case "exits":
			runtime.Goexit()
		case "exits later":
			go func() { _ = next(ctx) }()
			runtime.Goexit()
		case "twice":
			first := next(ctx)
			return errors.Join(first, next(ctx))
		}
		return next(ctx)
	})
	errs := make(chan error, 10)
	c.OnError(func(err error) { errs <- err })
	c.On("end", func() int { return 1 })
	connect(t, c)
	s := srv.Socket(c.ID())
	for _, event := range []string{"panics", "exits", "exits later", "twice", "unknown"} {
		if err := s.Emit(event); err != nil {
			t.Fatal(err)
		}
		if got := asked(t, s, "end"); got != "[1] <nil>" {
			t.Errorf("after %s: %s", event, got)
		}
		for _, want := range []string{event, "end"} {
			if got := receive(t, passed, "the event"); got != want {
				t.Errorf("%s passed, want %s", got, want)
			}
		}
	}
	errorAs[*client.PanicError](t, receive(t, errs, "the panic"))
	if err := receive(t, errs, "the error of next"); errorAs[*client.EventError](t, err).Event != "twice" {
		t.Error(err)
	}
	if len(errs) > 0 {
		t.Errorf("reported %v, too", <-errs)
	}
}

// retrace is middleware for both ends.
func retrace[S any](ctx context.Context, e peer.EventInfo[S], next next) error {
	return next(context.WithValue(ctx, trace{}, e.Namespace+" "+e.Event))
}

func TestHandlerMiddlewareForBothEnds(t *testing.T) {
	t.Parallel()
	srv := overWebSocket.serve(t, nil)
	c := overWebSocket.client(t, srv, "/", nil)
	srv.UseHandler(retrace)
	c.UseHandler(retrace)
	traced := func(ctx context.Context) string { return fmt.Sprint(ctx.Value(trace{})) }
	srv.On("up", traced)
	c.On("down", traced)
	connect(t, c)
	if got, err := client.Call[string](within(t), c, "up"); err != nil || got != "/ up" {
		t.Errorf("the server answers %q, %v", got, err)
	}
	if got := asked(t, srv.Socket(c.ID()), "down"); got != `["/ down"] <nil>` {
		t.Errorf("the client answers %s", got)
	}
}

// A nil function is an error of the options, and panics in UseHandler.
func TestNilHandlerMiddleware(t *testing.T) {
	t.Parallel()
	m := client.NewManager("http://example.test", &client.Options{HandlerMiddleware: []client.HandlerMiddleware{tagging("a"), nil}})
	if err := m.Connect(t.Context()); errorAs[*client.OptionError](t, err).Field != "HandlerMiddleware[1]" {
		t.Error(err)
	}
	defer func() {
		if v := fmt.Sprint(recover()); v != "client: UseHandler: the function is nil" {
			t.Errorf("the panic is %q", v)
		}
	}()
	m.Socket("/", nil).UseHandler(nil)
}

// A socket with middleware of its own is not forgotten by a manager with many.
func TestSocketWithMiddlewareIsKept(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := client.NewManager("http://example.test", nothing())
		defer m.Close()
		m.Socket("/kept", nil).UseHandler(tagging("kept"))
		for i := range 200 {
			m.Socket(fmt.Sprint("/", i), nil)
		}
		if !m.Keeps("/kept") || m.Keeps("/0") {
			t.Errorf("keeps the socket with middleware: %v, another: %v, want true and false", m.Keeps("/kept"), m.Keeps("/0"))
		}
	})
}
