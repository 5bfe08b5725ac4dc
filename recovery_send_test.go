package socketio_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/seed96b07ef8/socketio"
	"github.com/seed96b07ef8/socketio/adapter"
	"github.com/seed96b07ef8/socketio/engine"
	"github.com/seed96b07ef8/socketio/internal/wiretest"
)

// An event that Emit has refused does not arrive later.
func TestRefusedEmitDoesNotArrive(t *testing.T) {
	t.Parallel()
	for _, policy := range []engine.Overflow{engine.Disconnect, engine.Refuse} {
		t.Run(fmt.Sprint("policy ", policy), func(t *testing.T) {
			io, url, _ := newServer(t, &socketio.Options{
				Recovery: &socketio.Recovery{},
				Engine:   engine.ServerOptions{OutboxMessages: 3, Overflow: policy},
			})
			came, left := make(chan *socketio.Socket, 2), make(chan socketio.Reason, 2)
			io.OnConnect(func(s *socketio.Socket) { came <- s })
			io.OnDisconnect(func(_ *socketio.Socket, reason socketio.Reason) { left <- reason })
			p := newIdlePolling(t, url)
			p.post("40")
			s := receive(t, came, "the socket")
			c := session{sid: s.ID()}
			if _, rest, ok := strings.Cut(p.do(http.Get(p.url)), `"pid":"`); ok {
				c.pid = rest[:20]
			}
			var accepted []string
			for i := range 100 {
				event := fmt.Sprint(i)
				err := s.Emit(event)
				if err == nil {
					accepted = append(accepted, event)
				} else if !errors.Is(err, engine.ErrOutboxFull) && !errors.Is(err, net.ErrClosed) {
					t.Fatal(err)
				}
			}
			if len(accepted) == 100 {
				t.Fatal("nothing was refused")
			}
			c.connect(t, url, "websocket")
			if again := receive(t, came, "the socket"); !again.Recovered() || !slices.Equal(c.events, accepted) {
				t.Errorf("recovered %v, received %q, want %q", again.Recovered(), c.events, accepted)
			}
		})
	}
}

// A chatty is a slog.Handler that does something with each record.
type chatty struct{ do *atomic.Pointer[func()] }

func (c chatty) Enabled(context.Context, slog.Level) bool { return true }

func (c chatty) WithAttrs([]slog.Attr) slog.Handler { return c }

func (c chatty) WithGroup(string) slog.Handler { return c }

func (c chatty) Handle(context.Context, slog.Record) error {
	if f := c.do.Load(); f != nil {
		(*f)()
	}
	return nil
}

// A logger may emit, also about a client that is too slow for a broadcast.
func TestLoggerThatEmitsWithRecovery(t *testing.T) {
	t.Parallel()
	var do atomic.Pointer[func()]
	io, url, _ := newServer(t, &socketio.Options{
		Recovery: &socketio.Recovery{},
		Logger:   slog.New(chatty{&do}),
		Engine:   engine.ServerOptions{OutboxMessages: 4},
	})
	came, left := make(chan *socketio.Socket, 2), make(chan socketio.Reason, 2)
	io.OnConnect(func(s *socketio.Socket) { came <- s })
	io.OnDisconnect(func(_ *socketio.Socket, reason socketio.Reason) { left <- reason })
	slow := newIdlePolling(t, url)
	slow.post("40")
	receive(t, came, "the slow socket")
	wiretest.Join(t, url, "websocket", "/")
	watcher := receive(t, came, "the watcher")
	var logged atomic.Int32
	f := func() { logged.Add(1); emit(t, watcher.Emit("log")) }
	do.Store(&f)
	defer do.Store(nil)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 10 {
			emit(t, io.Emit("news"))
		}
	}()
	receive(t, done, "the end of the broadcasts")
	receive(t, left, "the end of the slow client")
	if logged.Load() == 0 {
		t.Error("nothing was logged")
	}
}

// Functions of OnAnyOutgoing see no event that cannot be encoded.
func TestUnencodableEventsAreNotSeen(t *testing.T) {
	t.Parallel()
	for name, opts := range map[string]*socketio.Options{"without recovery": nil, "with recovery": {Recovery: new(socketio.Recovery)}} {
		io, url, _ := newServer(t, opts)
		c, id := wiretest.Join(t, url, "websocket", "/")
		waitFor(t, "the socket", func() bool { return io.Socket(id) != nil })
		s := io.Socket(id)
		var seen []string
		io.OnAnyOutgoing(func(_ *socketio.Socket, event string, _ []any) { seen = append(seen, event) })
		for form, emit := range map[string]func(event string, args ...any) error{
			"Emit": s.Emit, "Volatile": s.Volatile().Emit, "a broadcast": io.Emit, "a volatile broadcast": io.Volatile().Emit,
		} {
			if err := emit("bad", make(chan int)); err == nil {
				t.Errorf("%s, %s: no error", name, form)
			}
			if err := emit("good"); err != nil {
				t.Errorf("%s, %s: %v", name, form, err)
			}
			if !strings.HasPrefix(c.Read(), `42["good"`) || !slices.Equal(seen, []string{"good"}) {
				t.Errorf("%s, %s: seen %q", name, form, seen)
			}
			seen = nil
		}
	}
}

// A silent is a Recoverer that sends nothing and reports no error.
type silent struct{ *adapter.Recovery }

func (silent) Emit(adapter.Socket, *adapter.Packet, func(*adapter.Packet) error) error { return nil }

// An event that the adapter has not encoded is not measured.
func TestEventWithoutMessageIsNotMeasured(t *testing.T) {
	t.Parallel()
	io, url, _ := newServer(t, &socketio.Options{
		Recovery: new(socketio.Recovery),
		Adapter:  adapter.Func(func(h adapter.Host) adapter.Adapter { return silent{adapter.NewRecovery(h, *h.Recovery())} }),
		Hooks: &socketio.Hooks{EventSent: func(_ *socketio.Socket, event string, _ int) {
			if event == "lost" {
				t.Error("the event counts as sent")
			}
		}},
	})
	c, s := joinedSocket(t, io, url)
	emit(t, s.Emit("lost"))
	emit(t, io.Emit("sent"))
	if got := c.Read(); !strings.HasPrefix(got, `42["sent"`) {
		t.Errorf("received %q", got)
	}
}
