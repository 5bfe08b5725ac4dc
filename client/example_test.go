package client_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"time"

	"github.com/seed96b07ef8/socketio"
	"github.com/seed96b07ef8/socketio/client"
	"github.com/seed96b07ef8/socketio/engine"
	"github.com/seed96b07ef8/socketio/event"
	"github.com/seed96b07ef8/socketio/internal/memnet"
)

// start serves on a network in memory and returns the options of clients that find
// the server there. In a test, package socketiotest does this.
func start(srv *socketio.Server) (opts *client.Options, stop func()) {
	l := memnet.Listen()
	web := &http.Server{Handler: srv}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := web.Serve(l); !errors.Is(err, net.ErrClosed) && !errors.Is(err, http.ErrServerClosed) {
			log.Print(err)
		}
	}()
	opts = &client.Options{
		Engine: engine.DialOptions{
			DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return l.Dial(ctx) },
		},
		ReconnectDelay: time.Millisecond,
	}
	return opts, func() {
		_ = srv.Shutdown(context.Background())
		web.Close()
		<-done
	}
}

func Example() {
	srv := socketio.NewServer(nil)
	srv.On("sum", func(a, b int) int { return a + b })
	srv.OnConnect(func(s *socketio.Socket) { _ = s.Emit("news", "the server is up") })
	opts, stop := start(srv)
	defer stop()

	c := client.New("http://example.com", opts)
	defer c.Manager().Close()
	news := make(chan string)
	c.On("news", func(text string) { news <- text })

	ctx := context.Background()
	if err := c.Connect(ctx); err != nil {
		log.Fatal(err)
	}
	fmt.Println(<-news)
	total, err := client.Call[int](ctx, c, "sum", 1, 2)
	fmt.Println(total, err)
	// Output:
	// the server is up
	// 3 <nil>
}

// The path of the URL is the namespace. Sockets made with the same options share a
// connection.
func ExampleNew() {
	srv := socketio.NewServer(nil)
	srv.Of("/admin").On("whoami", func(s *socketio.Socket) string { return "you are in " + s.Namespace().Name() })
	opts, stop := start(srv)
	defer stop()

	c := client.New("http://example.com", opts)
	admin := client.New("http://example.com/admin", opts)
	defer c.Manager().Close()
	fmt.Println(c.Manager() == admin.Manager())

	if err := admin.Connect(context.Background()); err != nil {
		log.Fatal(err)
	}
	fmt.Println(client.Call[string](context.Background(), admin, "whoami"))
	// Output:
	// true
	// you are in /admin <nil>
}

// A server that refuses a client says why. The function of Auth is asked again at
// each attempt.
func ExampleConnectError() {
	srv := socketio.NewServer(nil)
	srv.Use(func(ctx context.Context, s *socketio.Socket) error {
		var auth struct {
			Token string `json:"token"`
		}
		if err := s.Handshake().DecodeAuth(&auth); err != nil || auth.Token != "secret 2" {
			return &socketio.ConnectError{Message: "not authorized", Data: map[string]any{"retry": true}}
		}
		return nil
	})
	opts, stop := start(srv)
	defer stop()

	n := 0
	opts.Auth = func(ctx context.Context) (any, error) {
		n++
		return map[string]any{"token": fmt.Sprint("secret ", n)}, nil
	}
	c := client.New("http://example.com", opts)
	defer c.Manager().Close()
	err := c.Connect(context.Background())
	if refusal, ok := errors.AsType[*client.ConnectError](err); ok {
		var data struct {
			Retry bool `json:"retry"`
		}
		fmt.Println(refusal.Message, refusal.DecodeData(&data), data.Retry)
	}
	fmt.Println(c.Connect(context.Background()))
	// Output:
	// not authorized <nil> true
	// <nil>
}

// Open connects in the background. What is emitted meanwhile waits.
func ExampleSocket_Open() {
	srv := socketio.NewServer(nil)
	done := make(chan bool)
	srv.On("hello", func(name string) {
		fmt.Println("hello", name)
		close(done)
	})
	opts, stop := start(srv)
	defer stop()

	c := client.New("http://example.com", opts)
	defer c.Manager().Close()
	if err := c.Emit("hello", "world"); err != nil {
		log.Fatal(err)
	}
	if err := c.Open(); err != nil {
		log.Fatal(err)
	}
	<-done
	// Output: hello world
}

// A client that loses its connection gets another one by itself.
func ExampleManager_OnReconnect() {
	srv := socketio.NewServer(nil)
	opts, stop := start(srv)
	defer stop()

	c := client.New("http://example.com", opts)
	defer c.Manager().Close()
	connected := make(chan bool, 1)
	c.OnConnect(func() { connected <- true })
	c.OnDisconnect(func(reason client.Reason, err error) {
		if reason != client.ClientDisconnect {
			fmt.Println("disconnected, active:", c.Active())
		}
	})
	reconnected := make(chan bool, 1)
	c.Manager().OnReconnect(func(attempt int) {
		fmt.Println("reconnected at attempt", attempt)
		reconnected <- true
	})
	if err := c.Connect(context.Background()); err != nil {
		log.Fatal(err)
	}
	<-connected
	srv.Socket(c.ID()).Conn().Close()
	<-connected
	<-reconnected
	// Unordered output:
	// disconnected, active: true
	// reconnected at attempt 1
}

// With Retries an event is sent until the server has acknowledged it.
func ExampleOptions_retries() {
	srv := socketio.NewServer(nil)
	n := 0
	srv.On("order", func(what string, ack func(string)) {
		if n++; n == 3 {
			ack(fmt.Sprint(what, " received at attempt ", n))
		}
	})
	opts, stop := start(srv)
	defer stop()

	opts.Retries = 100
	opts.AckTimeout = 50 * time.Millisecond
	c := client.New("http://example.com", opts)
	defer c.Manager().Close()
	if err := c.Connect(context.Background()); err != nil {
		log.Fatal(err)
	}
	fmt.Println(client.Call[string](context.Background(), c, "order", "tea"))
	// Output: tea received at attempt 3 <nil>
}

// The missed events of a short disconnection come before the socket is connected
// again, if the server offers recovery.
func ExampleSocket_Recovered() {
	srv := socketio.NewServer(&socketio.Options{Recovery: &socketio.Recovery{}})
	opts, stop := start(srv)
	defer stop()
	gone := make(chan bool, 2)
	srv.OnDisconnect(func(s *socketio.Socket, _ socketio.Reason) {
		_ = srv.Emit("news", "while you were away")
		gone <- true
	})

	opts.ReconnectDelay = 100 * time.Millisecond
	c := client.New("http://example.com", opts)
	defer c.Manager().Close()
	connected := make(chan bool, 1)
	c.OnConnect(func() {
		fmt.Println("recovered:", c.Recovered())
		connected <- true
	})
	c.On("news", func(text string) { fmt.Println(text) })
	if err := c.Connect(context.Background()); err != nil {
		log.Fatal(err)
	}
	<-connected
	srv.Socket(c.ID()).Conn().Close()
	<-gone
	<-connected
	// Output:
	// recovered: false
	// while you were away
	// recovered: true
}

// The server's question is answered by what the handler returns; a handler may ask
// back.
func ExampleSocket_On() {
	srv := socketio.NewServer(nil)
	srv.On("factor", func() int { return 2 })
	opts, stop := start(srv)
	defer stop()

	c := client.New("http://example.com", opts)
	defer c.Manager().Close()
	c.On("double", func(ctx context.Context, s *client.Socket, n int) (int, error) {
		factor, err := client.Call[int](ctx, s, "factor")
		return factor * n, err
	})
	if err := c.Connect(context.Background()); err != nil {
		log.Fatal(err)
	}
	fmt.Println(socketio.Call[int](context.Background(), srv.Socket(c.ID()), "double", 21))
	// Output: 42 <nil>
}

// A deadline, or a context, bounds the wait for an acknowledgement.
func ExampleEmitter_Timeout() {
	opts, stop := start(socketio.NewServer(nil))
	defer stop()

	c := client.New("http://example.com", opts)
	defer c.Manager().Close()
	if err := c.Connect(context.Background()); err != nil {
		log.Fatal(err)
	}
	_, err := c.Timeout(10*time.Millisecond).EmitWithAck(context.Background(), "nobody answers")
	fmt.Println(errors.Is(err, context.DeadlineExceeded))
	// Output: true
}

// A contract that both ends share.
func ExampleSocket_contract() {
	type Sum struct{ A, B int }
	sum := event.NewCall[Sum, int]("sum")
	news := event.New[string]("news")

	srv := socketio.NewServer(nil)
	event.Answer(srv, sum, func(_ context.Context, s *socketio.Socket, args Sum) (int, error) {
		return args.A + args.B, news.Emit(s, "the client can count")
	})
	opts, stop := start(srv)
	defer stop()

	c := client.New("http://example.com", opts)
	defer c.Manager().Close()
	told := make(chan string, 1)
	news.Handle(c, func(_ context.Context, text string) error {
		told <- text
		return nil
	})
	if err := c.Connect(context.Background()); err != nil {
		log.Fatal(err)
	}
	fmt.Println(sum.Call(context.Background(), c, Sum{1, 2}))
	fmt.Println(<-told)
	// Output:
	// 3 <nil>
	// the client can count
}
