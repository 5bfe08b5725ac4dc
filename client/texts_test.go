package client_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/seed96b07ef8/socketio"
	"github.com/seed96b07ef8/socketio/client"
	"github.com/seed96b07ef8/socketio/engine"
	"github.com/seed96b07ef8/socketio/parser"
)

// Errors are one line that begins with the package which the application has called,
// names no other, and says what it is about.
func TestErrorsSayWhatTheyAreAbout(t *testing.T) {
	t.Parallel()
	srv := overWebSocket.serve(t, nil)
	srv.Use(func(context.Context, *socketio.Socket) error { return errors.New("not now") })
	page := serveHandler(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusNotFound)
		_, _ = w.Write([]byte("<html>\n<body>\nnothing here\n</body>\n</html>"))
	}))
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	emit := func(c *client.Socket, event string, args ...any) func() error {
		return func() error { return c.Emit(event, args...) }
	}
	ask := func(ctx context.Context, c *client.Socket) func() error {
		return func() error { return second(c.EmitWithAck(ctx, "question")) }
	}
	wait := func(ctx context.Context, c *client.Socket, event string, args ...any) func() error {
		return func() error { return c.EmitWait(ctx, event, args...) }
	}
	away := client.New("http://example.test/admin", nowhere())
	full := nowhere()
	full.BufferMessages = 1
	buffered := client.New("http://example.test/admin", full)
	_ = buffered.Emit("first")
	closed := client.New("http://example.test/admin", nowhere())
	closed.Manager().Close()
	both := overWebSocket.options(page)
	both.Engine.Transports, both.Engine.TryAllTransports = []engine.Transport{engine.Polling, engine.WebSocket}, true
	slow := nothing()
	slow.ConnectTimeout = time.Millisecond
	auth := overWebSocket.options(srv)
	auth.Auth = func(context.Context) (any, error) { return nil, errors.New("no token") }
	for name, test := range map[string]struct {
		fail func() error
		want string
	}{
		"option": {func() error { return client.New("http://h", &client.Options{Retries: -1}).Open() }, "client: option Retries is -1: must not be negative"},
		"option of engine": {func() error {
			return client.New("http://h", &client.Options{Engine: engine.DialOptions{MaxMessage: -1}}).Connect(t.Context())
		}, "client: connecting to / of http://h:80: option MaxMessage is -1: must not be negative"},
		"option of a socket": {func() error {
			return client.NewManager("http://h", nil).Socket("/", &client.SocketOptions{Retries: -1}).Open()
		}, "client: option Retries is -1: must not be negative"},
		"URL":       {func() error { return client.New("ftp://h", nil).Open() }, `client: URL "ftp://h": it has to start with https://, http://, wss:// or ws://`},
		"namespace": {func() error { return client.NewManager("http://h", nil).Socket("/a,b", nil).Open() }, `client: namespace "/a,b": it must not contain a comma`},
		"Dial":      {func() error { return second(engine.Dial(t.Context(), "ftp://h", nil, nil)) }, `engine: URL "ftp://h": the scheme must be http, https, ws or wss`},
		"server":    {func() error { return second(socketio.New(&socketio.Options{MaxNamespaces: -1})) }, "socketio: option MaxNamespaces is -1: "},
		"engine's server": {func() error {
			return second(socketio.New(&socketio.Options{Engine: engine.ServerOptions{MaxPayload: -1}}))
		}, "socketio: option Engine.MaxPayload is -1: "},
		"no route":          {func() error { return away.Connect(t.Context()) }, "client: connecting to /admin: handshake over websocket with http://example.test:80/socket.io/ failed: no route"},
		"canceled":          {func() error { return client.New("http://example.test/admin", nothing()).Connect(canceled) }, "client: connecting to /admin of http://example.test:80: context canceled"},
		"canceled manager":  {func() error { return client.NewManager("http://example.test", nothing()).Connect(canceled) }, "client: connecting to http://example.test:80: context canceled"},
		"timeout":           {func() error { return client.New("http://example.test", slow).Connect(t.Context()) }, "client: connecting to /: connecting took too long: handshake over websocket with http://example.test:80/socket.io/ failed: context deadline exceeded"},
		"refused":           {func() error { return overWebSocket.client(t, srv, "/", nil).Connect(within(t)) }, "client: connecting to / of http://"},
		"auth":              {func() error { return client.New(srv.URL, auth).Connect(within(t)) }, "client: connecting to / of http://"},
		"page":              {func() error { return client.New(page.URL, both).Connect(within(t)) }, "client: connecting to / (the path of the URL is the namespace; Options.Path says where the server is mounted): handshake over polling with http://"},
		"reserved":          {emit(away, "connect"), `client: event "connect" of /admin: reserved event name: the protocol keeps it for itself; choose another name`},
		"argument":          {emit(away, "e", make(chan int)), `client: event "e" of /admin: argument 0 (chan int): `},
		"full":              {emit(buffered, "e"), `client: event "e" of /admin: BufferMessages exceeded: at most 1 are allowed`},
		"closed":            {emit(closed, "e"), `client: event "e" of /admin: socket disconnected: io client disconnect: manager closed: use of closed network connection`},
		"waiting, reserved": {wait(t.Context(), away, "connect"), `client: event "connect" of /admin: reserved event name: the protocol keeps it for itself; choose another name`},
		"waiting, argument": {wait(t.Context(), away, "e", make(chan int)), `client: event "e" of /admin: argument 0 (chan int): `},
		"waiting, canceled": {wait(canceled, away, "e"), `client: event "e" of /admin: context canceled`},
		"question canceled": {ask(canceled, away), `client: event "question" of /admin: context canceled`},
	} {
		err := test.fail()
		if err == nil {
			t.Errorf("%s: no error", name)
			continue
		}
		text := err.Error()
		if !strings.HasPrefix(text, test.want) {
			t.Errorf("%s: %q, want %q", name, text, test.want)
		}
		for _, wrong := range []string{"\n", "engine: ", "client: ", "parser: ", "socketio: "} {
			if strings.LastIndex(text, wrong) > 0 {
				t.Errorf("%s: %q has %q in it", name, text, wrong)
			}
		}
	}
	if !errors.As(away.Emit("e", make(chan int)), new(*parser.ArgError)) || !errors.Is(away.Emit("connect"), client.ErrReservedEvent) {
		t.Error("the errors are not wrapped")
	}
}
