package client_test

import (
	"context"
	"fmt"
	"time"

	"github.com/seed96b07ef8/socketio/client"
	"github.com/seed96b07ef8/socketio/engine"
	"github.com/seed96b07ef8/socketio/socketiotest"
)

type Message struct{ Room, Text string }

// What docs/client.md shows.
func Example_documentation() {
	_ = func(ctx context.Context) error {
		c := client.New("https://example.com/admin", &client.Options{ // the path is the namespace
			Auth: func(ctx context.Context) (any, error) { // asked again at each connect
				return map[string]string{"token": "secret"}, nil
			},
		})
		c.On("news", func(text string) { fmt.Println("news:", text) })
		if err := c.Connect(ctx); err != nil {
			return err
		}

		c.On("question", func(text string) (string, error) { return "an answer to " + text, nil }) // the acknowledgement
		c.On("file", func(name string, data []byte) { fmt.Println(name, len(data)) })

		if err := c.Emit("chat message", Message{Room: "lobby", Text: "hi"}); err != nil {
			return err
		}
		total, err := client.Call[int](ctx, c, "sum", 1, 2) // waits for the acknowledgement
		fmt.Println(total)

		c.OnConnect(func() { fmt.Println("connected, recovered:", c.Recovered()) }) // and again after each loss
		c.OnDisconnect(func(reason client.Reason, err error) {
			if !c.Active() {
				fmt.Println("for good:", reason)
			}
		})
		c.Manager().OnReconnectAttempt(func(attempt int) { fmt.Println("attempt", attempt) })
		return err
	}
	_ = func(ctx context.Context, c *client.Socket, events int) error {
		for n := 1; n <= events; n++ {
			if err := c.EmitWait(ctx, "number", n); err != nil { // waits for room
				return err
			}
		}
		return nil
	}
	_ = func(c *client.Socket) error {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		err := c.Manager().Shutdown(ctx) // or Shutdown of one socket
		return err
	}
}

// In a test, the server is on a network in memory.
func Example_testing() {
	t := new(exampleTB) // in a test: t *testing.T
	defer t.done()

	io := socketiotest.NewServer(t, nil)
	io.On("sum", func(a, b int) int { return a + b })

	c := client.New(io.URL, &client.Options{Engine: engine.DialOptions{DialContext: io.Dial}})
	defer c.Manager().Close()

	fmt.Println(c.Connect(context.Background()))
	fmt.Println(client.Call[int](context.Background(), c, "sum", 1, 2))
	// Output:
	// <nil>
	// 3 <nil>
}

// exampleTB stands for the *testing.T of a test.
type exampleTB struct{ cleanups []func() }

func (t *exampleTB) Helper()                           {}
func (t *exampleTB) Cleanup(f func())                  { t.cleanups = append([]func(){f}, t.cleanups...) }
func (t *exampleTB) Errorf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }
func (t *exampleTB) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }

func (t *exampleTB) done() {
	for _, f := range t.cleanups {
		f()
	}
}
