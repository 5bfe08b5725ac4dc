// Command server is the conformance server: what the published test suites of
// the Engine.IO 4 and Socket.IO 5 protocols expect to talk to.
//
//	go run ./server -addr 127.0.0.1:3000           # Socket.IO 5, under /socket.io/
//	go run ./server -addr 127.0.0.1:3000 -engine   # Engine.IO 4, under /engine.io/
//
// With -eio3 it accepts clients of revision 3 of Engine.IO, too. The suites expect a
// heartbeat of 300 ms and 200 ms to answer it; -ping-timeout gives other clients more time.
// The program shuts down gracefully on SIGINT and SIGTERM.
package main

import (
	"context"
	"errors"
	"flag"
	"log"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/seed96b07ef8/socketio"
	"github.com/seed96b07ef8/socketio/engine"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:3000", "address to listen on")
	engineOnly := flag.Bool("engine", false, "serve plain Engine.IO that echoes messages")
	eio3 := flag.Bool("eio3", false, "accept clients of Engine.IO 3, too")
	pingTimeout := flag.Duration("ping-timeout", 200*time.Millisecond, "how long a client may take to answer a ping")
	verbose := flag.Bool("v", false, "log protocol chatter")
	flag.Parse()
	if *verbose {
		slog.SetLogLoggerLevel(slog.LevelDebug)
	}
	if err := run(*addr, *engineOnly, options(*eio3, *pingTimeout)); err != nil {
		log.Fatal(err)
	}
}

// options are the settings that the suites expect.
func options(eio3 bool, pingTimeout time.Duration) engine.ServerOptions {
	return engine.ServerOptions{
		PingInterval: 300 * time.Millisecond,
		PingTimeout:  pingTimeout,
		MaxPayload:   1_000_000,
		CORS:         &engine.CORS{},
		AllowEIO3:    eio3,
	}
}

func run(addr string, engineOnly bool, opts engine.ServerOptions) error {
	mux := http.NewServeMux()
	var shutdown func(context.Context) error
	if engineOnly {
		opts.OnConnect = func(*engine.Conn) engine.Handler { return echo{} }
		server, err := engine.NewServer(&opts)
		if err != nil {
			return err
		}
		mux.Handle("/engine.io/", server)
		shutdown = server.Shutdown
	} else {
		io := newServer(opts)
		mux.Handle("/socket.io/", io)
		shutdown = io.Shutdown
	}

	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	log.Printf("listening on %s", listener.Addr())
	server := &http.Server{Handler: mux}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }() // ends with Shutdown below
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return errors.Join(shutdown(ctx), server.Shutdown(ctx))
}

// newServer returns the Socket.IO server of the suite.
func newServer(opts engine.ServerOptions) *socketio.Server {
	io := socketio.NewServer(&socketio.Options{Engine: opts, ConnectTimeout: time.Second})
	for _, n := range []*socketio.Namespace{io.Namespace, io.Of("/custom")} {
		n.OnConnect(func(s *socketio.Socket) {
			auth := map[string]any{}
			if err := s.Handshake().DecodeAuth(&auth); err != nil {
				log.Print(err)
			}
			if err := s.Emit("auth", auth); err != nil {
				log.Print(err)
			}
		})
	}
	io.On("message", func(s *socketio.Socket, args ...any) error { return s.Emit("message-back", args...) })
	io.On("message-with-ack", func(args socketio.Args, ack func(...any)) {
		values := make([]any, args.Len())
		for i := range values {
			if err := args.DecodeAt(i, &values[i]); err != nil {
				log.Print(err)
			}
		}
		ack(values...)
	})
	return io
}

// echo sends every message back.
type echo struct{}

func (echo) OnMessage(c *engine.Conn, data []byte, binary bool) {
	m := engine.NewBinaryMessage(data)
	if !binary {
		m = engine.NewTextMessage(data)
	}
	_ = c.Send(m, 0) // a connection that has ended wants no echo
}

func (echo) OnClose(*engine.Conn, engine.Reason, error) {}
