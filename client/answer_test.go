package client_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/seed96b07ef8/socketio"
	"github.com/seed96b07ef8/socketio/client"
	"github.com/seed96b07ef8/socketio/engine"
	"github.com/seed96b07ef8/socketio/event"
)

// Every way to ask keeps an acknowledgement that is not of its type: it may be the error of
// the other side.
func TestCallKeepsTheOthersError(t *testing.T) {
	t.Parallel()
	refuse := func() (int, error) {
		return 0, &socketio.AckError{Args: []any{map[string]string{"error": "not enough"}}}
	}
	srv := overWebSocket.serve(t, nil)
	srv.On("sum", refuse)
	c := overWebSocket.client(t, srv, "/", nil)
	c.On("sum", refuse)
	connect(t, c)
	s := srv.Socket(c.ID())
	contract := event.NewCall[event.None, int]("sum")
	for name, call := range map[string]func() (int, error){
		"client.Call":            func() (int, error) { return client.Call[int](within(t), c, "sum") },
		"socketio.Call":          func() (int, error) { return socketio.Call[int](within(t), s, "sum") },
		"event.Call to a server": func() (int, error) { return contract.Call(within(t), c, event.None{}) },
		"event.Call to a client": func() (int, error) { return contract.Call(within(t), s, event.None{}) },
	} {
		_, err := call()
		answer := errorAs[*client.AnswerError](t, err)
		var refusal struct{ Error string }
		if err := answer.Args.DecodeAt(0, &refusal); err != nil || refusal.Error != "not enough" {
			t.Errorf("%s: the answer has %+v, %v, want the error", name, refusal, err)
		}
		errorAs[*client.ArgError](t, err)
		const want = `socketio: event "sum": unexpected acknowledgement `
		if text := err.Error(); !strings.HasPrefix(text, want) || !strings.Contains(text, "not enough") {
			t.Errorf("%s: %q, want one that begins with %q", name, text, want)
		}
	}
}

// Flush and EmitWait say what they are about.
func TestErrorsOfWaits(t *testing.T) {
	t.Parallel()
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
	t.Parallel()
	for _, url := range []string{"127.0.0.1:3000", "localhost:3000"} {
		if err := client.New(url, nil).Open(); !strings.HasSuffix(errorAs[*engine.OptionError](t, err).Error(), "it has to start with https://, http://, wss:// or ws://") {
			t.Errorf("%s: %v", url, err)
		}
	}
	const hint = "(the path of the URL is the namespace; Options.Path says where the server is mounted)"
	srv := overWebSocket.serve(t, nil)
	err := overWebSocket.client(t, srv, "/socket.io/", nil).Connect(within(t))
	errorAs[*client.ConnectError](t, err)
	if !strings.Contains(err.Error(), hint) {
		t.Errorf("with the server's path in the URL Connect returned %q, want it to contain %q", err, hint)
	}
	nothing := httptest.NewServer(http.NotFoundHandler())
	defer nothing.Close()
	err = client.New(nothing.URL+"/ws", nil).Connect(within(t))
	if op := errorAs[*engine.OpError](t, err); op.Status != http.StatusNotFound || !strings.Contains(err.Error(), hint) {
		t.Errorf("without a server at the path Connect returned %q, want it to contain %q", err, hint)
	}
}
