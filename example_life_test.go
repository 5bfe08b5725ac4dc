package socketio_test

import (
	"context"
	"errors"
	"expvar"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync/atomic"
	"time"

	"github.com/seed96b07ef8/socketio"
	"github.com/seed96b07ef8/socketio/socketiotest"
)

// The end of a socket, and why.
func ExampleSocket_OnDisconnect() {
	t := new(exampleTB) // in a test: t *testing.T
	defer t.done()
	io := socketiotest.NewServer(t, nil)

	io.OnConnect(func(s *socketio.Socket) {
		s.Join("tea")
		s.OnDisconnecting(func(reason socketio.Reason) {
			fmt.Println("leaving", s.Rooms()[1:]) // it still is in its rooms
		})
		s.OnDisconnect(func(reason socketio.Reason) {
			switch reason {
			case socketio.ClientNamespaceDisconnect, socketio.ServerNamespaceDisconnect:
				fmt.Println("left on purpose:", reason)
			default:
				fmt.Println("was lost:", reason) // and may come back
			}
		})
	})

	c := socketiotest.Connect(t, io, nil)
	socketiotest.WaitFor(t, "the room", func() bool { return len(io.In("tea").Sockets()) == 1 })
	c.Disconnect()
	socketiotest.WaitFor(t, "the disconnection", func() bool { return len(io.Sockets()) == 0 })
	// Output:
	// leaving [tea]
	// left on purpose: client namespace disconnect
}

// The server disconnects a client; it does not reconnect by itself then.
func ExampleSocket_Disconnect() {
	t := new(exampleTB) // in a test: t *testing.T
	defer t.done()
	io := socketiotest.NewServer(t, nil)

	io.On("logout", func(s *socketio.Socket) { s.Disconnect() })

	c := socketiotest.Connect(t, io, nil)
	c.Emit("logout")
	c.ExpectDisconnect(socketiotest.ServerDisconnect)
	fmt.Println(len(io.Sockets()))
	// Output: 0
}

// Work that ends with the client's connection.
func ExampleSocket_Context() {
	t := new(exampleTB) // in a test: t *testing.T
	defer t.done()
	io := socketiotest.NewServer(t, nil)

	io.On("watch", func(ctx context.Context, s *socketio.Socket) { // ctx is s.Context()
		s.Emit("watching")
		<-ctx.Done()
		cause := context.Cause(ctx)
		var gone *socketio.DisconnectError
		fmt.Println(errors.As(cause, &gone), gone.Reason, errors.Is(cause, net.ErrClosed))
	})

	c := socketiotest.Connect(t, io, nil)
	c.Emit("watch")
	c.Expect("watching")
	c.Disconnect()
	socketiotest.WaitFor(t, "the disconnection", func() bool { return len(io.Sockets()) == 0 })
	// Output: true client namespace disconnect true
}

// A client that reconnects soon gets what it has missed.
func ExampleRecovery() {
	t := new(exampleTB) // in a test: t *testing.T
	defer t.done()
	io := socketiotest.NewServer(t, &socketio.Options{
		Recovery: &socketio.Recovery{MaxDisconnection: 2 * time.Minute},
	})
	io.On("login", func(s *socketio.Socket, name string) error {
		s.SetData(name)
		return nil
	})
	io.On("whoami", func(s *socketio.Socket) any { return s.Data() })
	io.OnConnect(func(s *socketio.Socket) {
		if !s.Recovered() {
			s.Join("news") // ID, rooms and data of one that recovered are there already
		}
		s.Emit("welcome", s.Recovered())
	})

	c := socketiotest.Connect(t, io, nil)
	c.Expect("welcome", false)
	c.Call("login", "Ann")
	c.Close() // the connection is lost
	io.To("news").Emit("item", "missed")

	again := c.Reconnect()
	again.Expect("item", "missed")
	again.Expect("welcome", true)
	fmt.Printf("%v %s\n", again.ID() == c.ID(), again.Call("whoami").Raw(0))
	// Output: true "Ann"
}

// Metrics: what happens, as it happens.
func ExampleHooks() {
	t := new(exampleTB) // in a test: t *testing.T
	defer t.done()
	io := socketiotest.NewServer(t, &socketio.Options{Hooks: &socketio.Hooks{
		Connected:    func(*socketio.Socket) { fmt.Println("connected") },
		Disconnected: func(_ *socketio.Socket, reason socketio.Reason) { fmt.Println("disconnected:", reason) },
		EventReceived: func(_ *socketio.Socket, event string, bytes, ahead int) {
			fmt.Println("received", event, "with", bytes, "bytes")
		},
		EventHandled: func(_ *socketio.Socket, event string, waited, took time.Duration) {
			fmt.Println("handled", event, waited+took < time.Minute)
		},
	}})
	io.OnConnect(func(s *socketio.Socket) { s.Emit("welcome") })
	io.On("sum", func(a, b int) int { return a + b })

	c := socketiotest.Connect(t, io, nil)
	c.Expect("welcome")
	c.Call("sum", 1, 2)
	c.Disconnect()
	socketiotest.WaitFor(t, "the disconnection", func() bool { return len(io.Sockets()) == 0 })
	// Output:
	// connected
	// received sum with 13 bytes
	// handled sum true
	// disconnected: client namespace disconnect
}

// Counters of package expvar, to be scraped.
func ExampleHooks_counters() {
	sockets, events := expvar.NewInt("sockets"), expvar.NewMap("events")
	refused, nanoseconds := expvar.NewInt("refused"), expvar.NewInt("handler_ns")

	io := socketio.NewServer(&socketio.Options{Hooks: &socketio.Hooks{
		Connected:    func(*socketio.Socket) { sockets.Add(1) },
		Disconnected: func(*socketio.Socket, socketio.Reason) { sockets.Add(-1) },
		Refused:      func(namespace string, err error) { refused.Add(1) },
		EventHandled: func(_ *socketio.Socket, event string, waited, took time.Duration) {
			events.Add("handled", 1) // an event's name is the client's choice: not as a label
			nanoseconds.Add(int64(took))
		},
	}})
	expvar.Publish("server", expvar.Func(func() any { return io.Stats() }))
	http.Handle("/socket.io/", io)
}

// Figures for a dashboard.
func ExampleServer_Stats() {
	t := new(exampleTB) // in a test: t *testing.T
	defer t.done()
	io := socketiotest.NewServer(t, nil)
	io.Of("/admin")

	c := socketiotest.Connect(t, io, nil)
	c.Join("/admin", nil)

	stats := io.Stats()
	fmt.Println(stats.Connections, "connection,", stats.Sockets, "sockets in", stats.Namespaces, "namespaces")
	// Output: 1 connection, 2 sockets in 2 namespaces
}

// What DEBUG=socket.io is for a JavaScript server, for a logger of your own.
func ExampleDebugHandler() {
	text := slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{
		Level: slog.LevelDebug,
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{} // for this example
			}
			return a
		},
	})
	logger := slog.New(socketio.DebugHandler("socket.io", text))
	opts := socketio.Options{Logger: logger}

	// What a server with these options logs:
	opts.Logger.Debug("a packet", "scope", "socket.io")
	opts.Logger.Debug("a ping", "scope", "engine")
	opts.Logger.Warn("a handler failed", "scope", "socket.io")
	// Output:
	// level=DEBUG msg="a packet" scope=socket.io
	// level=WARN msg="a handler failed" scope=socket.io
}

// A panic ends its socket and nothing else.
func ExamplePanicError() {
	t := new(exampleTB) // in a test: t *testing.T
	defer t.done()
	io := socketiotest.NewServer(t, &socketio.Options{
		Logger: slog.New(slog.DiscardHandler), // the panic is logged, too, with its stack
		OnError: func(s *socketio.Socket, err error) {
			if p, ok := errors.AsType[*socketio.PanicError](err); ok {
				fmt.Println("panic:", p.Value)
			}
		},
	})
	io.On("fail", func() { panic("a bug") })

	ann := socketiotest.Connect(t, io, nil)
	bob := socketiotest.Connect(t, io, nil)
	ann.Emit("fail")
	ann.ExpectDisconnect(socketiotest.ServerDisconnect)
	io.Emit("hello")
	fmt.Println(bob.Next())
	// Output:
	// panic: a bug
	// "hello" []
}

// Know when a slow client has caught up.
func ExampleSocket_OnDrain() {
	t := new(exampleTB) // in a test: t *testing.T
	defer t.done()
	io := socketiotest.NewServer(t, nil)
	var caughtUp atomic.Bool
	io.OnConnect(func(s *socketio.Socket) {
		s.OnDrain(func() { caughtUp.Store(true) })
	})
	c := socketiotest.Connect(t, io, nil)
	s := io.Socket(c.ID())

	c.StopReading()
	for s.Buffered() < 64<<10 {
		s.Emit("block", make([]byte, 16<<10))
	}
	fmt.Println("behind:", s.Buffered() > 0)

	c.ResumeReading()
	socketiotest.WaitFor(t, "the drain", func() bool { return caughtUp.Load() && s.Buffered() == 0 })
	fmt.Println("behind:", s.Buffered() > 0)
	// Output:
	// behind: true
	// behind: false
}

// Show what has come, for a log.
func ExampleArgs_String() {
	t := new(exampleTB) // in a test: t *testing.T
	defer t.done()
	io := socketiotest.NewServer(t, nil)
	io.OnAny(func(s *socketio.Socket, event string, args socketio.Args) {
		fmt.Println(event, args)
	})
	io.On("done", func() bool { return true })

	c := socketiotest.Connect(t, io, nil)
	c.Emit("note", "buy milk", map[string]int{"litres": 2}, []byte("\x01\x02"))
	c.Call("done")
	// Output:
	// note ["buy milk", {"litres":2}, binary "\x01\x02"]
	// done []
}
