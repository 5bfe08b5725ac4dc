package socketio_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/seed96b07ef8/socketio"
	"github.com/seed96b07ef8/socketio/engine"
	"github.com/seed96b07ef8/socketio/event"
	"github.com/seed96b07ef8/socketio/internal/wiretest"
	"github.com/seed96b07ef8/socketio/parser/msgpack"
)

// loggingServer returns a server whose log, at debug level, is returned, too.
func loggingServer(t *testing.T) (io *socketio.Server, url string, log *logBuffer) {
	t.Helper()
	log = new(logBuffer)
	io = socketio.NewServer(&socketio.Options{Logger: slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	url = wiretest.Serve(t, io)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), wiretest.Timeout)
		defer cancel()
		if err := io.Shutdown(ctx); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
	})
	return io, url, log
}

// An acknowledgement that no handler gives is logged, once for each event.
func TestMissingAcknowledgementIsLogged(t *testing.T) {
	t.Parallel()
	io, url, log := loggingServer(t)
	io.On("silent", func(string) {})
	io.On("later", func(_ string, ack func(string)) {})
	io.On("failing", func() error { return errors.New("sorry") })
	io.On("answered", func() int { return 1 })
	c, _ := wiretest.Join(t, url, "websocket", "/")
	for range 2 {
		c.Send(`421["unknown"]`, `422["silent","x"]`, `423["later","x"]`, `424["failing"]`, `42["unknown too"]`, `420["answered"]`)
		c.Expect(`430[1]`)
	}
	const missing = "waits for an acknowledgement"
	for text, n := range map[string]int{missing: 2, "event=unknown nsp": 1, "has no handler": 1, "event=silent nsp": 1, "take an ack function": 1} {
		if got := strings.Count(log.String(), text); got != n {
			t.Errorf("%q is logged %d times, want %d:\n%s", text, got, n, log)
		}
	}
	for i := range 200 {
		c.Send(fmt.Sprintf(`421["name %d"]`, i))
	}
	c.Send(`420["answered"]`)
	c.Expect(`430[1]`)
	if got := strings.Count(log.String(), missing); got != 64 {
		t.Errorf("%d events are logged, want 64", got)
	}
}

// A handler that returns the error of its own socket's end has not failed; a
// panic is logged once.
func TestLogOfHandlersThatWereCutShort(t *testing.T) {
	t.Parallel()
	for name, handler := range map[string]func(ctx context.Context, s *socketio.Socket) error{
		"context": func(ctx context.Context, _ *socketio.Socket) error { return ctx.Err() },
		"emit":    func(_ context.Context, s *socketio.Socket) error { return fmt.Errorf("answering: %w", s.Emit("x")) },
	} {
		t.Run(name, func(t *testing.T) {
			io, url, log := loggingServer(t)
			entered := make(chan struct{})
			io.On("wait", func(ctx context.Context, s *socketio.Socket) error {
				close(entered)
				<-ctx.Done()
				return handler(ctx, s)
			})
			c, _ := wiretest.Join(t, url, "websocket", "/")
			c.Send(`420["wait"]`)
			receive(t, entered, "the handler")
			c.Leave()
			waitFor(t, "the end of the socket", func() bool { return socketio.Users(io.Of("/")) == 0 })
			if got := log.String(); strings.Contains(got, "level=WARN") || !strings.Contains(got, `level=DEBUG msg="socketio: handling an event failed"`) {
				t.Errorf("the log is\n%s", got)
			}
		})
	}
}

func TestPanicIsLoggedOnce(t *testing.T) {
	t.Parallel()
	io, url, log := loggingServer(t)
	gone := make(chan socketio.Reason, 1)
	io.OnDisconnect(func(_ *socketio.Socket, r socketio.Reason) { gone <- r })
	io.On("panic", func() { panic("oh") })
	c, _ := wiretest.Join(t, url, "websocket", "/")
	c.Send(`42["panic"]`)
	receive(t, gone, "the end of the socket")
	if got := log.String(); strings.Count(got, "level=ERROR") != 1 || strings.Contains(got, "level=WARN") {
		t.Errorf("the log is\n%s", got)
	}
}

// Errors say which event they are about, and what to do.
func TestTextsForNewcomers(t *testing.T) {
	t.Parallel()
	io, url, errs := newServer(t, &socketio.Options{Engine: engine.ServerOptions{Overflow: engine.Refuse, OutboxMessages: 1}})
	type Login struct {
		Room string `json:"room"`
		Text string `json:"text"`
	}
	event.Answer(io, event.NewCall[Login, int]("login"), func(context.Context, *socketio.Socket, Login) (int, error) { return 0, nil })
	c, sid := wiretest.Join(t, url, "polling", "/")
	waitFor(t, "the socket", func() bool { return io.Socket(sid) != nil })
	s := io.Socket(sid)
	expect := func(err error, texts ...string) {
		t.Helper()
		for _, text := range texts {
			if err == nil || !strings.Contains(err.Error(), text) {
				t.Errorf("got %v, want it to contain %q", err, text)
			}
		}
	}
	expect(s.Emit("q", 1, func(string) {}), `event "q" of /: `, "argument 1 (func(string))", "use EmitWithAck or Call")
	expect(io.Emit("q", make(chan int)), `event "q" of /: `, "argument 0 (chan int)")
	expect(s.Emit("connect"), `"connect"`, "choose another name")
	c.Send(`420["login",{"room":"r"}]`)
	waitFor(t, "the error", func() bool { return len(errs.all()) == 1 })
	expect(errs.all()[0], "field Room of socketio_test.Login", "*socketio_test.Login", "argument 0 (string)")

	var full error
	for range 100 {
		if full = s.Emit("news", strings.Repeat("x", 100)); full != nil {
			break
		}
	}
	expect(full, `event "news" to `+sid, "OutboxMessages")
	if !errors.Is(full, engine.ErrOutboxFull) {
		t.Errorf("got %v, want ErrOutboxFull", full)
	}
}

// A name that no client could send is a mistake of the program.
func TestNamespaceWithAComma(t *testing.T) {
	t.Parallel()
	io, _, _ := newServer(t, nil)
	const want = `socketio: Of("/a,b"): no client could join this namespace: `
	if got := panicOf(func() { io.Of("a,b") }); !strings.HasPrefix(got, want) || !strings.Contains(got, "comma") {
		t.Errorf("Of panics with %q, want %q and why", got, want)
	}
	packed, _, _ := newServer(t, &socketio.Options{Codec: msgpack.Codec})
	if got := packed.Of("a,b").Name(); got != "/a,b" {
		t.Errorf("with a codec that can encode a comma, got the namespace %q, want /a,b", got)
	}
}

// What packet middleware returns is answered or reported like what handlers return,
// whether there is middleware around them or not.
func TestPacketMiddlewareAnswers(t *testing.T) {
	t.Parallel()
	for name, surround := range map[string]bool{"alone": false, "inside of handler middleware": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			io, url, errs := newServer(t, nil)
			if surround {
				io.UseHandler(func(ctx context.Context, _ socketio.EventInfo, next next) error { return next(ctx) })
			}
			io.UsePacket(func(context.Context, *socketio.Socket, string, socketio.Args) error {
				return fmt.Errorf("refused: %w", &socketio.AckError{Args: []any{"log in first"}})
			})
			io.On("n", func() { t.Error("a refused event was handled") })
			c, _ := wiretest.Join(t, url, "websocket", "/")
			c.Send(`42["n"]`, `421["n"]`)
			c.Expect(`431["log in first"]`)
			if got := errs.all(); len(got) > 0 {
				t.Errorf("reported %v, want nothing", got)
			}
		})
	}
}

// A refusal is not logged as the failure of a handler, which did not run.
func TestLogOfPacketMiddleware(t *testing.T) {
	t.Parallel()
	io, url, log := loggingServer(t)
	io.UsePacket(func(_ context.Context, _ *socketio.Socket, event string, _ socketio.Args) error {
		if event == "refused" {
			return errors.New("not now")
		}
		return nil
	})
	io.On("end", func() int { return 1 })
	c, _ := wiretest.Join(t, url, "websocket", "/")
	c.Send(`42["refused"]`, `421["end"]`)
	c.Expect(`431[1]`)
	if got := log.String(); !strings.Contains(got, `msg="socketio: handling an event failed"`) || !strings.Contains(got, "not now") {
		t.Errorf("got the log\n%s\nwant the refusal as that of an event", got)
	}
}
