package engine_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http/httptest"
	"strings"

	"github.com/seed96b07ef8/socketio/engine"
)

// printer prints what a client receives, and closes the connection then.
type printer struct{}

func (printer) OnMessage(c *engine.Client, data []byte, _ bool) {
	fmt.Printf("got %s\n", data)
	c.Close()
}

func (printer) OnClose(_ *engine.Client, reason engine.Reason, _ error) {
	fmt.Println("the client is closed:", reason)
}

// A client of an echo server.
func ExampleDial() {
	server, err := engine.NewServer(&engine.ServerOptions{
		OnConnect: func(*engine.Conn) engine.Handler { return repeat{} },
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	s := httptest.NewServer(server)
	defer s.Close()

	c, err := engine.Dial(context.Background(), s.URL, nil, printer{})
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := c.Send(engine.NewTextMessage([]byte("hello")), 0); err != nil {
		fmt.Println(err)
	}
	<-c.Done()
	fmt.Println(c.Send(engine.NewTextMessage(nil), 0))
	// Output:
	// got hello
	// the client is closed: forced close
	// engine: connection closed: use of closed network connection
}

// repeat answers each message with itself.
type repeat struct{}

func (repeat) OnMessage(c *engine.Conn, data []byte, _ bool) {
	// It fails when the connection has ended meanwhile, which this example ignores.
	_ = c.Send(engine.NewTextMessage(data), 0)
}

func (repeat) OnClose(*engine.Conn, engine.Reason, error) {}

// What an error of Dial says about the server.
func ExampleOpError() {
	s := httptest.NewServer(nil) // which has nothing at any path
	defer s.Close()
	_, err := engine.Dial(context.Background(), s.URL, nil, printer{})
	var oe *engine.OpError
	switch {
	case errors.Is(err, engine.ErrRevision3):
		fmt.Println("This is a server of Socket.IO 2.")
	case errors.Is(err, engine.ErrNoHandshake):
		fmt.Println("This is no Engine.IO server.")
	case errors.As(err, &oe) && oe.Code != engine.NoCode:
		fmt.Println("The server refuses us:", oe.Description)
	case errors.As(err, &oe) && oe.Status != 0:
		fmt.Println("There is something else at this path:", oe.Status)
	}
	fmt.Println(strings.ReplaceAll(err.Error(), s.URL, "http://example.com"))
	// Output:
	// There is something else at this path: 404
	// engine: handshake over polling with http://example.com/engine.io/ failed: status 404: 404 page not found
}

// SendWait waits for room in the outbox, and Flush until the server has read all.
func ExampleClient_Flush() {
	read := make(chan string, 3)
	srv, err := engine.NewServer(&engine.ServerOptions{OnConnect: func(*engine.Conn) engine.Handler { return noter(read) }})
	if err != nil {
		log.Fatal(err)
	}
	web := httptest.NewServer(srv)
	defer web.Close()
	defer srv.Shutdown(context.Background())

	ctx := context.Background()
	c, err := engine.Dial(ctx, web.URL, nil, nil)
	if err != nil {
		log.Fatal(err)
	}
	for _, text := range []string{"one", "two", "three"} {
		if err := c.SendWait(ctx, engine.NewTextMessage([]byte(text)), 0); err != nil {
			log.Fatal(err)
		}
	}
	fmt.Println(c.Flush(ctx))
	fmt.Println(<-read, <-read, <-read)
	c.Close()
	<-c.Done()
	// Output:
	// <nil>
	// one two three
}

type noter chan string

func (n noter) OnMessage(_ *engine.Conn, data []byte, _ bool)    { n <- string(data) }
func (n noter) OnClose(_ *engine.Conn, _ engine.Reason, _ error) {}
