package client_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"

	"github.com/seed96b07ef8/socketio"
	"github.com/seed96b07ef8/socketio/client"
	"github.com/seed96b07ef8/socketio/engine"
)

// Call keeps an acknowledgement that is not of its type: it may be the server's error.
func TestCallKeepsTheServersError(t *testing.T) {
	srv := overWebSocket.serve(t, nil)
	srv.On("sum", func() (int, error) {
		return 0, &socketio.AckError{Args: []any{map[string]string{"error": "not enough"}}}
	})
	c := connect(t, overWebSocket.client(t, srv, "/", nil))
	_, err := client.Call[int](within(t), c, "sum")
	answer := errorAs[*client.AnswerError](t, err)
	var refusal struct{ Error string }
	if err := answer.Args.DecodeAt(0, &refusal); err != nil || refusal.Error != "not enough" {
		t.Errorf("got %+v, %v", refusal, err)
	}
	errorAs[*client.ArgError](t, err)
	if text := err.Error(); !strings.HasPrefix(text, `client: event "sum": unexpected acknowledgement `) || !strings.Contains(text, "not enough") {
		t.Errorf("got %q", text)
	}
}

// Flush and EmitWait say what they are about.
func TestErrorsOfWaits(t *testing.T) {
	opts := nowhere()
	opts.BufferMessages = 1
	c := client.New("http://example.test", opts)
	if err := c.EmitWait(t.Context(), "first"); err != nil {
		t.Fatal(err)
	}
	for range 2 { // before Connect, and after one has failed
		err := c.Flush(t.Context())
		if want := "client: flushing /: socket is not connected: call Connect or Open"; !errors.Is(err, net.ErrClosed) || err.Error() != want {
			t.Errorf("Flush: %v, want %s", err, want)
		}
		if err := c.Connect(t.Context()); err == nil {
			t.Error("connected to nowhere")
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- c.EmitWait(ctx, "second") }()
	cancel()
	err := receive(t, done, "the end of EmitWait")
	if !errors.Is(err, context.Canceled) || !strings.HasPrefix(err.Error(), `client: event "second" of /: context canceled`) {
		t.Errorf("EmitWait: %v", err)
	}
}

// A URL without a scheme, or with the server's path, leads to an error that helps.
func TestHelpWithURLs(t *testing.T) {
	for _, url := range []string{"127.0.0.1:3000", "localhost:3000"} {
		if err := client.New(url, nil).Open(); !strings.HasSuffix(errorAs[*engine.OptionError](t, err).Error(), "it has to start with https://, http://, wss:// or ws://") {
			t.Errorf("%s: %v", url, err)
		}
	}
	srv := overWebSocket.serve(t, nil)
	err := overWebSocket.client(t, srv, "/socket.io/", nil).Connect(within(t))
	errorAs[*client.ConnectError](t, err)
	if !strings.Contains(err.Error(), "Options.Path says where the server is mounted") {
		t.Errorf("got %v", err)
	}
}
