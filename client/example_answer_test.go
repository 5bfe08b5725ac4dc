package client_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/seed96b07ef8/socketio"
	"github.com/seed96b07ef8/socketio/client"
)

// A server in Go sends an error with an AckError, which the client reads so.
func ExampleAnswerError() {
	srv := socketio.NewServer(nil)
	srv.On("withdraw", func(amount int) (int, error) {
		return 0, &socketio.AckError{Args: []any{map[string]string{"error": "not enough"}}}
	})
	opts, stop := start(srv)
	defer stop()

	c := client.New("http://example.com", opts)
	defer c.Manager().Close()
	if err := c.Connect(context.Background()); err != nil {
		log.Fatal(err)
	}
	_, err := client.Call[int](context.Background(), c, "withdraw", 100)
	if answer, ok := errors.AsType[*client.AnswerError](err); ok {
		var refusal struct{ Error string }
		if err := answer.Args.DecodeAt(0, &refusal); err != nil {
			log.Fatal(err)
		}
		fmt.Println(refusal.Error)
	}
	// Output: not enough
}
