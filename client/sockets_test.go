package client_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/seed96b07ef8/socketio"
	"github.com/seed96b07ef8/socketio/client"
	"github.com/seed96b07ef8/socketio/socketiotest"
)

// A manager forgets the sockets of namespaces that nothing uses any more, and no others.
func TestManagerForgetsSockets(t *testing.T) {
	m := client.NewManager("http://nowhere.test", nowhere())
	end(t, m)
	called := 0
	m.Socket("/handler", nil).OnAnyOutgoing(func(string, []any) { called++ })
	m.Socket("/options", &client.SocketOptions{Retries: 1})
	if err := m.Socket("/waits", nil).Emit("e"); err != nil {
		t.Fatal(err)
	}
	active := m.Socket("/active", nil)
	if err := active.Open(); err != nil {
		t.Fatal(err)
	}
	held := m.Socket("/held", nil)
	visited := func(n int) {
		for i := range n {
			m.Socket(fmt.Sprint("/", i), nil).Disconnect()
			if i%1000 == 0 {
				runtime.GC()
			}
		}
	}
	visited(10_000)
	if kept, idle := m.Sockets(); kept > 200 || idle > 2000 {
		t.Errorf("%d sockets are kept, and %d remembered", kept, idle)
	}
	_ = m.Socket("/handler", nil).Emit("e")
	messages, _, _ := m.Socket("/waits", nil).Waiting()
	if called != 1 || messages != 1 || m.Socket("/active", nil) != active || m.Socket("/held", nil) != held {
		t.Error("a socket that is in use was forgotten")
	}
	visited(1000)
	m.Close()
	if err := held.Emit("e"); !errors.Is(err, client.ErrClosed) {
		t.Errorf("Emit after Close: %v", err)
	}
}

// The first event of a list leaves it without the others being moved: a buffer is
// flushed in linear time.
func TestRemove(t *testing.T) {
	t.Parallel()
	list := make([]*client.Outgoing, 4)
	for i := range list {
		list[i] = new(client.Outgoing)
	}
	second, third, fourth := list[1], list[2], list[3]
	rest := client.Remove(list, list[0])
	if &rest[0] != &list[1] || list[0] != nil || len(rest) != 3 {
		t.Errorf("got %v", rest)
	}
	rest = client.Remove(rest, third)
	if len(rest) != 2 || rest[0] != second || rest[1] != fourth {
		t.Errorf("got %v", rest)
	}
	if rest = client.Remove(client.Remove(rest, second), fourth); rest != nil {
		t.Errorf("got %v", rest)
	}
}

// A logFunc is a handler of log records.
type logFunc func(slog.Record)

func (f logFunc) Enabled(context.Context, slog.Level) bool      { return true }
func (f logFunc) Handle(_ context.Context, r slog.Record) error { f(r); return nil }
func (f logFunc) WithAttrs([]slog.Attr) slog.Handler            { return f }
func (f logFunc) WithGroup(string) slog.Handler                 { return f }

// A logger may ask the client how it is: no lock is held while it is called.
func TestLoggerAsks(t *testing.T) {
	t.Parallel()
	transports(t, overWebSocket.codec, func(t *testing.T, way setting) {
		srv := way.serve(t, nil)
		sockets := make(chan *socketio.Socket, 2)
		srv.OnConnect(func(s *socketio.Socket) { sockets <- s })
		asks := make(chan func(), 1000)
		var messages list[string]
		c := way.client(t, srv, "/", func(o *client.Options) {
			o.NoReconnect = true
			logger := slog.New(logFunc(func(r slog.Record) {
				select {
				case ask := <-asks:
					answered := make(chan bool, 1)
					go func() { ask(); answered <- true }()
					select {
					case <-answered:
						messages.add(r.Message)
					case <-time.After(5 * time.Second):
						t.Errorf("the client does not answer a logger at %q", r.Message)
					}
				default:
				}
			}))
			o.Logger, o.Engine.Logger = logger, logger
		})
		ask := func() {
			c.Manager().Connected()
			c.Connected()
			_ = c.Volatile().Emit("e")
		}
		for range cap(asks) {
			asks <- ask
		}
		gone := make(chan bool, 1)
		c.OnDisconnect(func(client.Reason, error) { gone <- true })
		connect(t, c)
		receive(t, sockets, "the connection").Conn().Close()
		receive(t, gone, "the end")
		socketiotest.WaitFor(t, "the news in the log", func() bool {
			return slices.Contains(messages.get(), "client: connection lost")
		})
	})
}

// Each namespace that is not valid has a socket of its own, whose error names it. The path
// of a Manager's URL is not a namespace, so it need not be valid.
func TestNamespacesThatAreNotValid(t *testing.T) {
	t.Parallel()
	m := client.NewManager("http://h/x,y", nil)
	for _, name := range []string{"/a,b", "/c,d", "/a,b"} {
		s := m.Socket(name, nil)
		if e := errorAs[*client.OptionError](t, s.Emit("e")); e.Value != name || s.Namespace() != name {
			t.Errorf("the namespace of %s is %s, its error %v, want them to name it", name, s.Namespace(), e)
		}
	}
	if err := m.Socket("/", nil).Emit("e"); err != nil {
		t.Errorf("Emit: %v, want no error for the path of the Manager's URL", err)
	}
}
