package client_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/seed96b07ef8/socketio"
	"github.com/seed96b07ef8/socketio/client"
	"github.com/seed96b07ef8/socketio/peer"
)

// limit is middleware for servers and clients: it logs each event, and bounds the time for
// its handlers.
func limit[S any](ctx context.Context, e peer.EventInfo[S], next func(context.Context) error) error {
	fmt.Printf("%T in %s: %s%v\n", e.Socket, e.Namespace, e.Event, e.Args)
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	return next(ctx)
}

// Middleware around handlers may refuse an event, pass on another context, and see what
// the handlers return. A generic function can be middleware of both ends.
func ExampleSocket_UseHandler() {
	srv := socketio.NewServer(nil)
	srv.UseHandler(limit)
	srv.On("ask", func(ctx context.Context, s *socketio.Socket) (string, error) {
		return socketio.Call[string](ctx, s, "name")
	})
	opts, stop := start(srv)
	defer stop()

	c := client.New("http://example.com", opts)
	defer c.Manager().Close()
	c.UseHandler(limit)
	c.On("name", func(ctx context.Context) string {
		_, limited := ctx.Deadline()
		return fmt.Sprint("Ann, limited: ", limited)
	})
	if err := c.Connect(context.Background()); err != nil {
		log.Fatal(err)
	}
	name, err := client.Call[string](context.Background(), c, "ask")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(name)
	// Output:
	// *socketio.Socket in /: ask[]
	// *client.Socket in /: name[]
	// Ann, limited: true
}
