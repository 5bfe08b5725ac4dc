package socketio_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/seed96b07ef8/socketio"
	"github.com/seed96b07ef8/socketio/adapter"
	"github.com/seed96b07ef8/socketio/engine"
	"github.com/seed96b07ef8/socketio/internal/wiretest"
)

// busybody is an application that does, wherever it is called, what takes locks.
type busybody struct {
	io    atomic.Pointer[socketio.Server]
	depth atomic.Int32

	mu    sync.Mutex
	calls map[string]int
}

// at is called in a function of the application.
func (b *busybody) at(place string) {
	b.mu.Lock()
	b.calls[place]++
	often := b.calls[place] > 10 // for what it does is seen by it: it emits when it hears of a drain
	b.mu.Unlock()
	io := b.io.Load()
	defer b.depth.Add(-1)
	if b.depth.Add(1) > 3 || io == nil || often {
		return
	}
	io.Engine().Len()
	io.Stats()
	_ = io.Emit("all")
	_ = io.To("room").Volatile().Emit("room")
	for _, s := range io.Sockets() {
		_ = s.Emit("one", place)
		_ = s.Join("room", place)
		s.Leave(place)
		s.Data()
		s.Context()
		s.Conn().Buffered()
	}
}

// Enabled, Handle, WithAttrs and WithGroup implement [slog.Handler].
func (b *busybody) Enabled(context.Context, slog.Level) bool { return true }
func (b *busybody) Handle(_ context.Context, r slog.Record) error {
	b.at("log: " + r.Message)
	return nil
}
func (b *busybody) WithAttrs([]slog.Attr) slog.Handler { return b }
func (b *busybody) WithGroup(string) slog.Handler      { return b }

// options returns options with a function wherever there may be one.
func (b *busybody) options() *socketio.Options {
	return &socketio.Options{
		Logger: slog.New(b),
		Adapter: adapter.Func(func(h adapter.Host) adapter.Adapter {
			b.at("Adapter")
			return adapter.NewMemory(h)
		}),
		OnError:                     func(*socketio.Socket, error) { b.at("Options.OnError") },
		CleanupEmptyChildNamespaces: true,
		Hooks: &socketio.Hooks{
			Connected:     func(*socketio.Socket) { b.at("Connected") },
			Disconnected:  func(*socketio.Socket, socketio.Reason) { b.at("Disconnected") },
			Refused:       func(string, error) { b.at("Refused") },
			EventReceived: func(*socketio.Socket, string, int, int) { b.at("EventReceived") },
			EventSent:     func(*socketio.Socket, string, int) { b.at("EventSent") },
			AckReceived:   func(*socketio.Socket, int) { b.at("AckReceived") },
			AckSent:       func(*socketio.Socket, int) { b.at("AckSent") },
			Dropped:       func(*engine.Conn, int) { b.at("Dropped") },
		},
		Engine: engine.ServerOptions{
			Context:           func(*http.Request) context.Context { b.at("Context"); return context.Background() },
			AllowRequest:      func(*http.Request) error { b.at("AllowRequest"); return nil },
			InitialHeaders:    func(http.Header, *http.Request) { b.at("InitialHeaders") },
			Headers:           func(http.Header, *http.Request) { b.at("Headers") },
			OnConnectionError: func(*engine.RequestError) { b.at("OnConnectionError") },
			GenerateID:        func(*http.Request) (string, error) { b.at("GenerateID"); return engine.NewID(), nil },
		},
	}
}

// register registers a function of each kind.
func (b *busybody) register(io *socketio.Server) {
	io.OnNewNamespace(func(*socketio.Namespace) { b.at("OnNewNamespace") })
	io.OfFunc(func(name string, _ socketio.Args) bool { b.at("OfFunc"); return name == "/dynamic" })
	io.Use(func(context.Context, *socketio.Socket) error { b.at("Use"); return nil })
	io.UsePacket(func(context.Context, *socketio.Socket, string, socketio.Args) error { b.at("UsePacket"); return nil })
	io.UseHandler(func(ctx context.Context, _ socketio.EventInfo, next func(context.Context) error) error {
		b.at("UseHandler")
		defer b.at("UseHandler")
		return next(ctx)
	})
	io.OnAny(func(*socketio.Socket, string, socketio.Args) { b.at("OnAny") })
	io.OnAnyOutgoing(func(*socketio.Socket, string, []any) { b.at("OnAnyOutgoing") })
	io.OnDisconnecting(func(*socketio.Socket, socketio.Reason) { b.at("OnDisconnecting") })
	io.OnDisconnect(func(*socketio.Socket, socketio.Reason) { b.at("OnDisconnect") })
	io.OnError(func(*socketio.Socket, error) { b.at("OnError") })
	io.OnDrain(func(*socketio.Socket) { b.at("OnDrain") })
	io.OnRoom(func(socketio.RoomEvent) { b.at("OnRoom") })
	io.OnConnect(func(s *socketio.Socket) {
		b.at("OnConnect")
		s.Use(func(context.Context, string, socketio.Args) error { b.at("Socket.Use"); return nil })
		s.OnDisconnecting(func(socketio.Reason) { b.at("Socket.OnDisconnecting") })
		s.OnDisconnect(func(socketio.Reason) { b.at("Socket.OnDisconnect") })
		s.OnError(func(error) { b.at("Socket.OnError") })
		s.OnDrain(func() { b.at("Socket.OnDrain") })
	})
	io.On("echo", func(v any) any { b.at("handler"); return v })
	io.On("fail", func() error { b.at("handler"); return errors.New("failed") })
	io.On("panic", func() { panic("in a handler") })
	io.On("ask", func(ctx context.Context, s *socketio.Socket) error {
		_, err := s.Timeout(wiretest.Timeout).EmitWithAck(ctx, "question")
		return err
	})
}

// No function of the application, the logger included, is called with a lock held that
// emitting, joining or looking at the server takes.
func TestApplicationMayDoAnythingAnywhere(t *testing.T) {
	t.Parallel()
	transports(t, func(t *testing.T, transport string) {
		t.Parallel()
		b := &busybody{calls: make(map[string]int)}
		io, url, _ := newServer(t, b.options())
		b.register(io)
		b.io.Store(io)
		done := make(chan struct{})
		go func() {
			defer close(done)
			use(t, io, url, transport)
		}()
		receive(t, done, "the end, which a deadlock keeps from coming")
		waitFor(t, "the end of the connections", func() bool { return io.Engine().Len() == 0 })
		if err := io.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}

		b.mu.Lock()
		defer b.mu.Unlock()
		for _, place := range []string{
			"Adapter", "Options.OnError", "Connected", "Disconnected", "Refused", "EventReceived", "EventSent",
			"AckReceived", "AckSent", "Dropped", "Context", "AllowRequest", "InitialHeaders", "Headers",
			"OnConnectionError", "GenerateID", "OnNewNamespace", "OfFunc", "Use", "UsePacket", "UseHandler", "OnAny",
			"OnAnyOutgoing", "OnDisconnecting", "OnDisconnect", "OnError", "OnRoom", "OnConnect",
			"Socket.Use", "Socket.OnDisconnecting", "Socket.OnDisconnect", "Socket.OnError",
			"handler", "log: engine: connection closed", "log: socketio: protocol violation", "log: socketio: panic in a handler",
		} {
			if b.calls[place] == 0 {
				t.Errorf("%s was not called; those that were: %v", place, slices.Sorted(keys(b.calls)))
			}
		}
	})
}

func keys(m map[string]int) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

// use has a few clients do what there is to do.
func use(t *testing.T, io *socketio.Server, url, transport string) {
	resp, err := http.Get(url + "/socket.io/?EIO=4&transport=unknown")
	if err != nil {
		t.Error(err)
		return
	}
	resp.Body.Close()
	silent := wiretest.Dial(t, url, "polling")
	silent.Join("/")
	for _, last := range []string{`41`, `42["panic"]`, `not a packet`, `42/nowhere,["event"]`} {
		c := wiretest.Dial(t, url, transport)
		expect := func(want func(packet string) bool) (packet string) {
			for packet = c.Read(); packet != "" && !want(packet); packet = c.Read() {
			}
			return packet
		}
		begins := func(prefix string) func(string) bool {
			return func(p string) bool { return len(p) >= len(prefix) && p[:len(prefix)] == prefix }
		}
		c.Send(`40`)
		expect(begins(`40{`))
		c.Send(`40/dynamic,`, `40/unknown,`)
		expect(begins(`44/unknown`))
		c.Send(`421["echo",1]`, `42["fail"]`, `42["ask"]`)
		question := expect(func(p string) bool { return len(p) > 12 && p[len(p)-12:] == `["question"]` })
		if question == "" {
			t.Error("there was no question")
			return
		}
		c.Send(`43` + question[2:len(question)-12] + `[]`)
		for _, s := range io.Sockets() {
			for range 10 {
				_ = s.Volatile().Emit("volatile")
			}
		}
		c.TrySend(last)
		c.Leave()
	}
	silent.Leave()
}
