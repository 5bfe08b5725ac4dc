package client_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/seed96b07ef8/socketio"
	"github.com/seed96b07ef8/socketio/client"
	"github.com/seed96b07ef8/socketio/engine"
)

// Emit refuses what the connection has no room for; EmitWait waits for it.
func ExampleSocket_EmitWait() {
	const events = 10_000
	srv := socketio.NewServer(nil)
	sum, done := 0, make(chan int, 1)
	srv.On("number", func(n int) {
		if sum += n; n == events {
			done <- sum
		}
	})
	opts, stop := start(srv)
	defer stop()
	opts.Engine.OutboxMessages = 100

	c := client.New("http://example.com", opts)
	defer c.Manager().Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := c.Connect(ctx); err != nil {
		log.Fatal(err)
	}
	for n := 1; n <= events; n++ {
		if err := c.EmitWait(ctx, "number", n); err != nil {
			log.Fatal(err)
		}
	}
	fmt.Println(<-done)
	// Output: 50005000
}

// A program that must not wait does something else until there is room.
func ExampleSocket_OnDrain() {
	opts, stop := start(socketio.NewServer(nil))
	defer stop()
	opts.Engine.OutboxMessages = 10

	c := client.New("http://example.com", opts)
	defer c.Manager().Close()
	room := make(chan bool, 1)
	c.OnDrain(func() {
		select {
		case room <- true:
		default:
		}
	})
	if err := c.Connect(context.Background()); err != nil {
		log.Fatal(err)
	}
	for n := 0; n < 1000; {
		err := c.Emit("position", n)
		switch {
		case err == nil:
			n++
		case errors.Is(err, engine.ErrOutboxFull):
			<-room
		default:
			log.Fatal(err)
		}
	}
	fmt.Println("all positions were emitted")
	// Output: all positions were emitted
}

// What was emitted before Shutdown reaches the server.
func ExampleManager_Shutdown() {
	srv := socketio.NewServer(nil)
	last := make(chan string, 1)
	srv.On("log", func(line string) { last <- line })
	opts, stop := start(srv)
	defer stop()

	c := client.New("http://example.com", opts)
	if err := c.Connect(context.Background()); err != nil {
		log.Fatal(err)
	}
	_ = c.Emit("log", "the program ends")
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	fmt.Println(c.Manager().Shutdown(ctx))
	fmt.Println(<-last)
	// Output:
	// <nil>
	// the program ends
}
