package engine_test

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"testing"

	"github.com/seed96b07ef8/socketio/engine"
)

// caller is the client's end of a connection: a ClientHandler that reports its calls
// to the test.
type caller struct {
	*engine.Client
	messages chan string // binary ones start with binaryMark
	closed   chan ending
	upgraded chan engine.Transport
	pinged   chan struct{}
	drained  chan struct{}
	// onMessage, if set, is called for each message.
	onMessage func(c *engine.Client, data string)
}

func newCaller() *caller {
	return &caller{
		messages: make(chan string, 1<<16),
		closed:   make(chan ending, 10),
		upgraded: make(chan engine.Transport, 10),
		pinged:   make(chan struct{}, 1000),
		drained:  make(chan struct{}, 1<<16),
	}
}

func (c *caller) OnMessage(client *engine.Client, data []byte, binary bool) {
	text := string(data)
	if binary {
		text = binaryMark + text
	}
	if c.onMessage != nil {
		c.onMessage(client, text)
	}
	c.messages <- text
}
func (c *caller) OnClose(_ *engine.Client, reason engine.Reason, err error) {
	c.closed <- ending{reason, err}
}
func (c *caller) OnUpgrade(_ *engine.Client, t engine.Transport) { c.upgraded <- t }
func (c *caller) OnPing(*engine.Client)                          { c.pinged <- struct{}{} }
func (c *caller) OnDrain(*engine.Client)                         { c.drained <- struct{}{} }

func (c *caller) text(t testing.TB, text string) {
	t.Helper()
	if err := c.Send(engine.NewTextMessage([]byte(text)), 0); err != nil {
		t.Fatalf("Send: %v", err)
	}
}

func (c *caller) want(t testing.TB, want string) {
	t.Helper()
	if got := receive(t, c.messages, fmt.Sprintf("the message %.50q", want)); got != want {
		t.Errorf("the client got message %.100q, want %.100q", got, want)
	}
}

// wantEnd waits for the end of the connection and of its goroutines.
func (c *caller) wantEnd(t testing.TB, reason engine.Reason) error {
	t.Helper()
	e := receive(t, c.closed, "the client's end")
	if e.reason != reason {
		t.Errorf("the client ended with %q (%v), want %q", e.reason, e.err, reason)
	}
	receive(t, c.Done(), "Done")
	if len(c.closed) > 0 {
		t.Errorf("OnClose was called again, with %v", <-c.closed)
	}
	if err := c.Send(engine.NewTextMessage(nil), 0); err != engine.ErrClosed {
		t.Errorf("Send after the end returned %v, want %v", err, engine.ErrClosed)
	}
	return e.err
}

// dialOptions returns options with which Dial reaches the harness.
func (h *harness) dialOptions(transports ...engine.Transport) *engine.DialOptions {
	return &engine.DialOptions{
		Transports:  transports,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return h.dial(ctx) },
		Logger:      slog.New(slog.DiscardHandler),
	}
}

// call dials and returns both ends. The client is closed at the end of the test.
func (h *harness) call(o *engine.DialOptions) (*caller, *session) {
	h.t.Helper()
	c := newCaller()
	h.callWith(o, c)
	return c, receive(h.t, h.sessions, "the session")
}

func (h *harness) callWith(o *engine.DialOptions, c *caller) {
	h.t.Helper()
	var err error
	if c.Client, err = engine.Dial(context.Background(), h.url, o, c); err != nil {
		h.t.Fatalf("Dial: %v", err)
	}
	h.t.Cleanup(func() {
		c.Close()
		receive(h.t, c.Done(), "Done")
	})
}

// fails calls Dial, which must fail, and returns the error.
func (h *harness) fails(ctx context.Context, o *engine.DialOptions) error {
	h.t.Helper()
	c := newCaller()
	client, err := engine.Dial(ctx, h.url, o, c)
	if err == nil {
		client.Close()
		h.t.Fatal("Dial succeeded, want an error")
	}
	if client != nil || len(c.closed) != 0 || len(c.messages) != 0 {
		h.t.Errorf("Dial failed (%v), but the handler was called", err)
	}
	return err
}

var clientWays = []struct {
	name       string
	transports []engine.Transport
}{
	{"polling", []engine.Transport{engine.Polling}},
	{"websocket", []engine.Transport{engine.WebSocket}},
	{"upgrade", []engine.Transport{engine.Polling, engine.WebSocket}},
}

// overEach runs a test over each transport and over both, on sockets with and without
// a file descriptor.
func overEach(t *testing.T, run func(t *testing.T, h *harness, o *engine.DialOptions)) {
	for _, way := range clientWays {
		t.Run(way.name, func(t *testing.T) {
			h := start(t, nil)
			run(t, h, h.dialOptions(way.transports...))
		})
		t.Run(way.name+" in memory", func(t *testing.T) {
			h := startInMemory(t, nil)
			h.fakeTime = false
			run(t, h, h.dialOptions(way.transports...))
		})
	}
}
