package socketio_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"testing"

	"github.com/seed96b07ef8/socketio"
	"github.com/seed96b07ef8/socketio/engine"
	"github.com/seed96b07ef8/socketio/event"
	"github.com/seed96b07ef8/socketio/internal/wiretest"
)

// A next is what middleware calls for the rest to be done.
type next = func(context.Context) error

// A trace is the key of a value in contexts: the names of the middleware that they came
// through.
type trace struct{}

func traceOf(ctx context.Context) string {
	names, _ := ctx.Value(trace{}).(string)
	return names
}

// through returns middleware that adds its name to the trace.
func through(name string) socketio.HandlerMiddleware {
	return func(ctx context.Context, _ socketio.EventInfo, next next) error {
		return next(context.WithValue(ctx, trace{}, traceOf(ctx)+"/"+name))
	}
}

// The middleware of the server surrounds that of a parent, and that of a namespace. Packet
// middleware and handlers of all shapes get the context that the innermost passes on.
func TestHandlerMiddlewareNests(t *testing.T) {
	t.Parallel()
	io, url, errs := newServer(t, &socketio.Options{HandlerMiddleware: []socketio.HandlerMiddleware{through("first"), through("second")}})
	parent := io.OfFunc(func(name string, _ socketio.Args) bool { return name == "/child" })
	parent.UseHandler(through("parent"))
	io.OnNewNamespace(func(n *socketio.Namespace) {
		n.UseHandler(through("child"))
		off := n.UseHandler(through("removed"))
		off()
		n.UseHandler(through("last"))
	})
	parent.UsePacket(func(ctx context.Context, s *socketio.Socket, _ string, _ socketio.Args) error {
		s.SetData(traceOf(ctx))
		return nil
	})
	parent.On("packet", func(s *socketio.Socket) any { return s.Data() })
	parent.On("plain", func(ctx context.Context, n int) string { return traceOf(ctx) })
	parent.On("args", func(ctx context.Context, _ *socketio.Socket, args socketio.Args) error {
		return &socketio.AckError{Args: []any{traceOf(ctx)}}
	})
	event.Answer(parent, event.NewCall[int, string]("contract"), func(ctx context.Context, _ *socketio.Socket, _ int) (string, error) {
		return traceOf(ctx), nil
	})
	parent.OnConnect(func(s *socketio.Socket) {
		s.On("socket", func(ctx context.Context, ack func(string)) { ack(traceOf(ctx)) })
	})
	io.On("plain", func(ctx context.Context) string { return traceOf(ctx) })

	c, _ := wiretest.Join(t, url, "websocket", "/child")
	for i, name := range []string{"packet", "plain", "args", "contract", "socket"} {
		c.Send(fmt.Sprintf(`42/child,%d[%q,1]`, i, name))
		c.Expect(fmt.Sprintf(`43/child,%d["/first/second/parent/child/last"]`, i))
	}
	other, _ := wiretest.Join(t, url, "websocket", "/")
	other.Send(`427["plain"]`)
	other.Expect(`437["/first/second"]`)
	if got := errs.all(); len(got) != 0 {
		t.Errorf("errors %v, want none", got)
	}
}

var errNo = errors.New("no")

// refuse refuses all events with err.
func refuse(err error) socketio.HandlerMiddleware {
	return func(context.Context, socketio.EventInfo, next) error { return err }
}

// What middleware returns takes the place of what the handlers have returned.
func TestHandlerMiddlewareDecidesOnErrors(t *testing.T) {
	t.Parallel()
	replace := func(with error) socketio.HandlerMiddleware {
		return func(ctx context.Context, _ socketio.EventInfo, next next) error {
			if next(ctx) == nil {
				return errors.New("next has returned no error")
			}
			return with
		}
	}
	denied := &socketio.AckError{Args: []any{"denied"}}
	for name, c := range map[string]struct {
		middleware socketio.HandlerMiddleware
		event      string
		answer     string // the packets that the client receives
		reported   string // the errors, joined
	}{
		"passes a result on":          {through("x"), "result", `430["fine"]`, ""},
		"passes an error on":          {through("x"), "fail", "", "failed"},
		"passes an AckError on":       {through("x"), "acknowledge", `430["from the handler"]`, ""},
		"passes an ArgError on":       {through("x"), "number", "", "argument 0"},
		"passes packet errors on":     {through("x"), "packet", "", "bad packet"},
		"swallows an error":           {replace(nil), "fail", "", ""},
		"replaces an error":           {replace(errNo), "fail", "", "no"},
		"makes an error an answer":    {replace(denied), "fail", `430["denied"]`, ""},
		"makes an answer an error":    {replace(errNo), "acknowledge", "", "no"},
		"refuses":                     {refuse(errNo), "result", "", "no"},
		"refuses with an answer":      {refuse(denied), "result", `430["denied"]`, ""},
		"refuses with a wrapped one":  {refuse(fmt.Errorf("wrapped: %w", denied)), "result", `430["denied"]`, ""},
		"refuses in silence":          {refuse(nil), "result", "", ""},
		"refuses what has no handler": {refuse(denied), "unknown", `430["denied"]`, ""},
		"fails after a result": {func(ctx context.Context, _ socketio.EventInfo, next next) error {
			_ = next(ctx)
			return denied
		}, "result", `430["fine"]`, ""},
		"answers with what cannot be sent": {refuse(&socketio.AckError{Args: []any{make(chan int)}}), "result", "", "chan int"},
		"sees the first of two errors":     {replace(errNo), "two", "", "second, no"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			io, url, errs := newServer(t, nil)
			io.UsePacket(func(_ context.Context, _ *socketio.Socket, event string, _ socketio.Args) error {
				if event == "packet" {
					return errors.New("bad packet")
				}
				return nil
			})
			io.UseHandler(func(ctx context.Context, e socketio.EventInfo, next next) error {
				if e.Event == "end" {
					return next(ctx)
				}
				return c.middleware(ctx, e, next)
			})
			io.On("result", func() string { return "fine" })
			io.On("fail", func() error { return errors.New("failed") })
			io.On("acknowledge", func() error { return &socketio.AckError{Args: []any{"from the handler"}} })
			io.On("number", func(int) string { return "a number" })
			io.On("two", func() error { return errors.New("first") })
			io.On("two", func() error { return errors.New("second") })
			io.On("end", func() {})
			io.On("end", func() error { return nil })
			client, _ := wiretest.Join(t, url, "websocket", "/")
			client.Send(fmt.Sprintf(`420[%q,"text"]`, c.event), `421["end"]`)
			if c.answer != "" {
				client.Expect(c.answer)
			}
			client.Expect(`431[]`)
			var reported []string
			for _, err := range errs.all() {
				wrapped, ok := errors.AsType[*socketio.EventError](err)
				if !ok || wrapped.Event != c.event || wrapped.Namespace != "/" {
					t.Errorf("reported %#v, want an EventError of the event", err)
					continue
				}
				reported = append(reported, wrapped.Err.Error())
			}
			got := strings.Join(reported, ", ")
			if (got == "") != (c.reported == "") || !strings.Contains(got, c.reported) {
				t.Errorf("reported %q, want %q", got, c.reported)
			}
		})
	}
}

// Middleware sees what the client has sent, which the handlers get, too.
func TestHandlerMiddlewareSeesTheEvent(t *testing.T) {
	t.Parallel()
	io, url, _ := newServer(t, nil)
	seen := make(chan string, 10)
	io.Of("/chat").UseHandler(func(ctx context.Context, e socketio.EventInfo, next next) error {
		defer func() { seen <- fmt.Sprint(e.Event, " ", e.Args, " ", e.WantsAck) }() // after the handlers
		if e.Socket.Namespace().Name() != "/chat" || ctx != e.Socket.Context() {
			t.Errorf("got a socket of %q, or a context that is not the socket's", e.Socket.Namespace().Name())
		}
		return next(ctx)
	})
	io.Of("/chat").On("say", func(text string, data socketio.Borrowed) int { return len(text) + len(data) })
	c, _ := wiretest.Join(t, url, "websocket", "/chat")
	c.Send(`42/chat,1["say","hi"]`)
	c.Expect(`43/chat,1[2]`)
	c.Send(`42/chat,["unknown",true]`)
	for _, want := range []string{`say ["hi"] true`, `unknown [true] false`} {
		if got := receive(t, seen, "the middleware"); got != want {
			t.Errorf("middleware saw %s, want %s", got, want)
		}
	}
}

// An event that is refused reaches nothing that OnAny, UsePacket or Once have registered.
func TestHandlerMiddlewareSurroundsEverything(t *testing.T) {
	t.Parallel()
	io, url, _ := newServer(t, nil)
	var calls []string
	note := func(what string) { calls = append(calls, what) }
	allowed := false
	io.UseHandler(func(ctx context.Context, e socketio.EventInfo, next next) error {
		note("middleware")
		if !allowed {
			allowed = true
			return &socketio.AckError{}
		}
		defer note("end")
		return next(ctx)
	})
	io.OnAny(func(*socketio.Socket, string, socketio.Args) { note("OnAny") })
	io.UsePacket(func(context.Context, *socketio.Socket, string, socketio.Args) error { note("UsePacket"); return nil })
	io.Once("e", func() string { note("Once"); return "handled" })
	c, _ := wiretest.Join(t, url, "websocket", "/")
	c.Send(`420["e"]`, `421["e"]`, `422["e"]`, `423["e"]`)
	io.On("e", func() string { note("On"); return "later" })
	c.Expect(`430[]`, `431["handled"]`, `432["later"]`, `433["later"]`)
	const want = "middleware middleware OnAny UsePacket Once"
	if got := strings.Join(calls, " "); !strings.HasPrefix(got, want) {
		t.Errorf("called %s, want %s", got, want)
	}
}

// A handler whose middleware has set a deadline ends with it.
func TestHandlerMiddlewareSetsADeadline(t *testing.T) {
	t.Parallel()
	io, url, _ := newServer(t, nil)
	io.UseHandler(func(ctx context.Context, _ socketio.EventInfo, next next) error {
		ctx, cancel := context.WithTimeout(ctx, 1)
		defer cancel()
		if err := next(ctx); errors.Is(err, context.DeadlineExceeded) {
			return &socketio.AckError{Args: []any{"too slow"}}
		}
		return nil
	})
	io.On("wait", func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() })
	c, _ := wiretest.Join(t, url, "websocket", "/")
	c.Send(`420["wait"]`)
	c.Expect(`430["too slow"]`)
}

// next calls the handlers once, and not when the middleware has returned.
func TestHandlerMiddlewareCallsNext(t *testing.T) {
	t.Parallel()
	kept := make(chan next, 10)
	entered, leave := make(chan bool, 1), make(chan bool)
	for name, c := range map[string]struct {
		middleware socketio.HandlerMiddleware
		want       string
	}{
		"twice": {func(ctx context.Context, _ socketio.EventInfo, next next) error {
			first, second := next(ctx), next(ctx)
			return &socketio.AckError{Args: []any{first == nil, second != nil}}
		}, `430[1]`},
		"never, then later": {func(_ context.Context, _ socketio.EventInfo, next next) error {
			kept <- next
			return &socketio.AckError{Args: []any{"kept"}}
		}, `430["kept"]`},
		"on another goroutine": {func(ctx context.Context, _ socketio.EventInfo, next next) error {
			done := make(chan error)
			go func() { done <- next(ctx) }()
			return <-done
		}, `430[1]`},
		"on another goroutine, without waiting": {func(ctx context.Context, _ socketio.EventInfo, next next) error {
			go func() { _ = next(context.WithValue(ctx, trace{}, "slow")) }()
			<-entered
			go func() { leave <- true }()
			return errNo
		}, `430[1]`},
		"from within the handler": {func(ctx context.Context, _ socketio.EventInfo, next next) error {
			return next(context.WithValue(ctx, trace{}, next))
		}, `430["again: true"]`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			io, url, _ := newServer(t, nil)
			io.UseHandler(func(ctx context.Context, e socketio.EventInfo, next next) error {
				if e.Event == "end" {
					return next(ctx)
				}
				return c.middleware(ctx, e, next)
			})
			calls := 0
			io.On("e", func(ctx context.Context) any {
				calls++
				switch v := ctx.Value(trace{}).(type) {
				case string:
					entered <- true
					<-leave
				case next:
					return fmt.Sprint("again: ", v(ctx) != nil)
				}
				return calls
			})
			io.On("end", func() int { return calls })
			client, _ := wiretest.Join(t, url, "websocket", "/")
			client.Send(`420["e"]`)
			client.Expect(c.want)
			select {
			case next := <-kept:
				if next(t.Context()) == nil {
					t.Error("next, called too late, returned no error")
				}
			default:
			}
			client.Send(`421["end"]`)
			want := `431[1]`
			if name == "never, then later" {
				want = `431[0]`
			}
			client.Expect(want)
		})
	}
}

// Panics of handlers, and of middleware, are errors for the middleware outside of them.
// They end their socket whatever that returns, and no other.
func TestHandlerMiddlewareAndPanics(t *testing.T) {
	t.Parallel()
	for name, inner := range map[string]socketio.HandlerMiddleware{
		"handler":       through("x"),
		"before next":   func(context.Context, socketio.EventInfo, next) error { panic("boom") },
		"after next":    func(ctx context.Context, _ socketio.EventInfo, next next) error { _ = next(ctx); panic("boom") },
		"a nil context": func(_ context.Context, _ socketio.EventInfo, next next) error { return next(nil) },
		"other goroutine": func(ctx context.Context, _ socketio.EventInfo, next next) error {
			done := make(chan error)
			go func() { done <- next(ctx) }()
			return <-done
		},
		"while next waits": func(ctx context.Context, _ socketio.EventInfo, next next) error {
			go func() { _ = next(ctx) }()
			panic("boom")
		},
	} {
		for _, swallowed := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, swallowed=%v", name, swallowed), func(t *testing.T) {
				t.Parallel()
				io, url, errs := newServer(t, nil)
				seen := make(chan error, 1)
				io.UseHandler(func(ctx context.Context, _ socketio.EventInfo, next next) error {
					err := next(ctx)
					seen <- err
					if swallowed {
						return nil
					}
					return err
				})
				io.UseHandler(inner)
				io.On("e", func() { panic("boom") })
				_, otherID := wiretest.Join(t, url, "websocket", "/")
				c, _ := wiretest.Join(t, url, "websocket", "/")
				c.Send(`420["e"]`)
				c.Expect(`41`)
				if err := receive(t, seen, "the return of next"); !isPanic(err) {
					t.Errorf("next returned %v, want a PanicError", err)
				}
				if got := errs.all(); len(got) > 1 || !swallowed && (len(got) != 1 || !isPanic(got[0])) || swallowed && len(got) != 0 {
					t.Errorf("reported %v; swallowed: %v", got, swallowed)
				}
				if sockets := io.Sockets(); len(sockets) != 1 || sockets[0].ID() != otherID {
					t.Errorf("got %d sockets, want the other one", len(sockets))
				}
			})
		}
	}
}

func isPanic(err error) bool {
	_, ok := errors.AsType[*socketio.PanicError](err)
	return ok
}

// Middleware, and handlers inside of it, may end their goroutine. Later events are handled.
func TestHandlerMiddlewareAndGoexit(t *testing.T) {
	t.Parallel()
	transports(t, func(t *testing.T, transport string) {
		t.Parallel()
		io, url, _ := newServer(t, nil)
		ended := make(chan string, 10)
		io.UseHandler(func(ctx context.Context, e socketio.EventInfo, next next) error {
			defer func() { ended <- e.Event }()
			switch e.Event {
			case "before":
				runtime.Goexit()
			case "after":
				_ = next(ctx)
				runtime.Goexit()
			case "while":
				go func() { _ = next(ctx) }()
				runtime.Goexit()
			case "elsewhere":
				done := make(chan bool)
				go func() { defer close(done); _ = next(ctx) }()
				<-done
				return &socketio.AckError{Args: []any{"gone"}}
			}
			return next(ctx)
		})
		io.On("after", func() int { return 1 })
		io.On("while", func() {})
		io.On("handler", func() { runtime.Goexit() })
		io.On("elsewhere", func() { runtime.Goexit() })
		io.On("end", func() int { return 2 })
		c, _ := wiretest.Join(t, url, transport, "/")
		for _, name := range []string{"before", "after", "while", "handler", "elsewhere"} {
			c.Send(fmt.Sprintf(`420[%q]`, name))
			switch name {
			case "after":
				c.Expect(`430[1]`)
			case "elsewhere":
				c.Expect(`430["gone"]`)
			}
			if got := receive(t, ended, "the end of the middleware"); got != name {
				t.Errorf("%s has ended, want %s", got, name)
			}
			c.Send(`421["end"]`)
			c.Expect(`431[2]`)
			receive(t, ended, "the end of the middleware")
		}
	})
}

// A handler that panics before its middleware ends the goroutine still ends its socket.
func TestHandlerMiddlewareEndsAfterAPanic(t *testing.T) {
	t.Parallel()
	io, url, _ := newServer(t, nil)
	io.UseHandler(func(ctx context.Context, _ socketio.EventInfo, next next) error {
		_ = next(ctx)
		runtime.Goexit()
		return nil
	})
	io.On("e", func() { panic("boom") })
	c, _ := wiretest.Join(t, url, "websocket", "/")
	c.Send(`42["e"]`)
	c.Expect(`41`)
}

// An event that nothing answers is logged once, also inside of middleware, unless the
// middleware refuses it.
func TestHandlerMiddlewareAndUnansweredEvents(t *testing.T) {
	t.Parallel()
	log := new(logBuffer)
	io, url, _ := newServer(t, &socketio.Options{Logger: slog.New(slog.NewTextHandler(log, nil))})
	io.UseHandler(func(ctx context.Context, e socketio.EventInfo, next next) error {
		if e.Event == "refused" {
			return errNo
		}
		return next(ctx)
	})
	io.On("silent", func() {})
	io.On("refused", func() {})
	io.On("end", func() error { return nil })
	c, _ := wiretest.Join(t, url, "websocket", "/")
	c.Send(`420["silent"]`, `421["unknown"]`, `422["refused"]`, `423["end"]`)
	c.Expect(`433[]`)
	text := log.String()
	for event, reason := range map[string]string{"silent": "none of its handlers", "unknown": "no handler"} {
		lines := 0
		for line := range strings.Lines(text) {
			if strings.Contains(line, "event="+event) && strings.Contains(line, reason) {
				lines++
			}
		}
		if lines != 1 {
			t.Errorf("%d lines about %s, want 1:\n%s", lines, event, text)
		}
	}
	if strings.Contains(text, "event=refused") {
		t.Errorf("the refused event was logged as unanswered:\n%s", text)
	}
}

func TestHandlerMiddlewareThatIsNil(t *testing.T) {
	t.Parallel()
	_, err := socketio.New(&socketio.Options{HandlerMiddleware: []socketio.HandlerMiddleware{through("x"), nil}})
	if wrong, ok := errors.AsType[*engine.OptionError](err); !ok || wrong.Field != "HandlerMiddleware[1]" {
		t.Errorf("error %v, want an OptionError about HandlerMiddleware[1]", err)
	}
}
