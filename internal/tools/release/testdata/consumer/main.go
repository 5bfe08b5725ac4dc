// A program outside of the repository, which uses the core and the client.
package main

import (
	"context"
	"fmt"
	"log"
	"net/http/httptest"
	"time"

	"github.com/seed96b07ef8/socketio"
	"github.com/seed96b07ef8/socketio/client"
)

func main() {
	if err := run(); err != nil {
		log.Fatal(err)
	}
}

// run has a client ask a server for a sum.
func run() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	io := socketio.NewServer(nil)
	defer io.Shutdown(ctx)
	io.On("sum", func(a, b int) int { return a + b })
	web := httptest.NewServer(io)
	defer web.Close()

	c := client.New(web.URL, nil)
	defer c.Manager().Close()
	if err := c.Connect(ctx); err != nil {
		return err
	}
	answer, err := c.EmitWithAck(ctx, "sum", 1, 2)
	if err != nil {
		return err
	}
	fmt.Println("1 + 2 =", answer)
	return nil
}
