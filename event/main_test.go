package event_test

import (
	"context"
	"log/slog"
	"os"
	"testing"

	"github.com/seed96b07ef8/socketio"
	"github.com/seed96b07ef8/socketio/internal/await"
	"github.com/seed96b07ef8/socketio/internal/leakcheck"
	"github.com/seed96b07ef8/socketio/internal/wiretest"
)

func TestMain(m *testing.M) { os.Exit(leakcheck.Main(m)) }

// transports runs a test over each transport.
func transports(t *testing.T, f func(t *testing.T, transport string)) {
	for _, transport := range []string{"polling", "websocket"} {
		t.Run(transport, func(t *testing.T) { f(t, transport) })
	}
}

// newServer starts a server that ends with the test. The errors that it reports
// go to errs.
func newServer(t *testing.T) (io *socketio.Server, url string, errs chan error) {
	t.Helper()
	errs = make(chan error, 16)
	io = socketio.NewServer(&socketio.Options{
		OnError: func(_ *socketio.Socket, err error) { errs <- err },
		Logger:  slog.New(slog.DiscardHandler),
	})
	url = wiretest.Serve(t, io)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), wiretest.Timeout)
		defer cancel()
		if err := io.Shutdown(ctx); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
		if t.Failed() {
			return
		}
		select {
		case err := <-errs:
			t.Errorf("the error hook got: %v", err)
		default:
		}
	})
	return io, url, errs
}

// receive is [await.Receive].
func receive[T any](t testing.TB, c <-chan T, what string) T {
	t.Helper()
	return await.Receive(t, c, what)
}

// deadline returns a context for something that should not take long.
func deadline(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), wiretest.Timeout)
	t.Cleanup(cancel)
	return ctx
}

// join connects a client and returns it together with its socket, which is ready
// for broadcasts.
func join(t *testing.T, io *socketio.Server, url, transport string) (*wiretest.Client, *socketio.Socket) {
	t.Helper()
	connected := make(chan *socketio.Socket, 1)
	off := io.OnConnect(func(s *socketio.Socket) { connected <- s })
	defer off()
	c, _ := wiretest.Join(t, url, transport, "/")
	return c, receive(t, connected, "the socket")
}
