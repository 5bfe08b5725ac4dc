package client_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/seed96b07ef8/socketio"
	"github.com/seed96b07ef8/socketio/client"
	"github.com/seed96b07ef8/socketio/engine"
	"github.com/seed96b07ef8/socketio/internal/await"
	"github.com/seed96b07ef8/socketio/internal/leakcheck"
	"github.com/seed96b07ef8/socketio/parser"
	"github.com/seed96b07ef8/socketio/parser/msgpack"
	"github.com/seed96b07ef8/socketio/socketiotest"
)

func TestMain(m *testing.M) { os.Exit(leakcheck.Main(m)) }

// A setting is a way to talk to a server.
type setting struct {
	transports []engine.Transport
	codec      parser.Codec
}

// transports runs a test over every transport.
func transports(t *testing.T, codec parser.Codec, f func(t *testing.T, way setting)) {
	for name, transports := range map[string][]engine.Transport{
		"polling":   {engine.Polling},
		"websocket": {engine.WebSocket},
		"upgrade":   {engine.Polling, engine.WebSocket},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f(t, setting{transports, codec})
		})
	}
}

// settings runs a test over every transport with every codec.
func settings(t *testing.T, f func(t *testing.T, way setting)) {
	t.Run("json", func(t *testing.T) { transports(t, parser.JSON, f) })
	t.Run("msgpack", func(t *testing.T) { transports(t, msgpack.Codec, f) })
}

// overWebSocket is the usual setting.
var overWebSocket = setting{transports: []engine.Transport{engine.WebSocket}, codec: parser.JSON}

// serve starts a server. What its handlers report fails the test.
func (w setting) serve(t testing.TB, opts *socketio.Options) *socketiotest.Server {
	t.Helper()
	var o socketio.Options
	if opts != nil {
		o = *opts
	}
	o.Codec = w.codec
	o.Logger = slog.New(slog.DiscardHandler)
	if o.OnError == nil {
		o.OnError = func(_ *socketio.Socket, err error) { t.Errorf("server: %v", err) }
	}
	return socketiotest.NewServer(t, &o)
}

// options returns the options of a client for srv.
func (w setting) options(srv *socketiotest.Server) *client.Options {
	return &client.Options{
		Engine:         engine.DialOptions{Transports: w.transports, DialContext: srv.Dial, Logger: slog.New(slog.DiscardHandler)},
		Codec:          w.codec,
		ReconnectDelay: time.Millisecond,
	}
}

// client returns a client for srv that ends with the test.
func (w setting) client(t testing.TB, srv *socketiotest.Server, namespace string, change func(o *client.Options)) *client.Socket {
	t.Helper()
	o := w.options(srv)
	if change != nil {
		change(o)
	}
	c := client.New(srv.URL+namespace, o)
	end(t, c.Manager())
	return c
}

// end closes a manager at the end of the test.
func end(t testing.TB, m *client.Manager) {
	t.Cleanup(func() {
		e := m.Engine()
		m.Close()
		if e != nil {
			receive(t, e.Done(), "the end of the connection")
		}
	})
}

// connect connects, or fails the test.
func connect(t testing.TB, c *client.Socket) *client.Socket {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), socketiotest.DefaultTimeout)
	defer cancel()
	if err := c.Connect(ctx); err != nil {
		t.Fatalf("Connect: %v", err)
	}
	return c
}

// receive is [await.Receive].
func receive[T any](t testing.TB, c <-chan T, what string) T {
	t.Helper()
	return await.Receive(t, c, what)
}

// within returns a context that ends when a test takes too long.
func within(t testing.TB) context.Context {
	return await.Context(t)
}

// errorAs finds an error of a type, or fails the test.
func errorAs[E error](t testing.TB, err error) (e E) {
	t.Helper()
	if !errors.As(err, &e) {
		t.Fatalf("the error is %#v (%v), not a %T", err, err, e)
	}
	return e
}

// A list is filled by one goroutine and looked at by another.
type list[T any] struct {
	mu  sync.Mutex
	all []T
}

func (l *list[T]) add(v T) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, v)
}

func (l *list[T]) get() []T {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]T(nil), l.all...)
}
