package mountingtest

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"testing"

	"github.com/seed96b07ef8/socketio/examples/mounting/app"
)

// A Server is an example that runs.
type Server struct {
	App  *app.App
	Addr string
	URL  string
	stop func()
}

// Serve runs an example until the end of the test, over TLS if there is a config.
func Serve(t testing.TB, newHandler func(*app.App) http.Handler, opts app.Options, config *tls.Config) *Server {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	opts.Logger = slog.New(slog.DiscardHandler)
	s := &Server{App: app.New(opts), Addr: listener.Addr().String(), URL: "http://" + listener.Addr().String()}
	if config != nil {
		s.URL = "https://" + s.Addr
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- app.Serve(ctx, listener, config, s.App, newHandler(s.App)) }()
	s.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("the server did not end well: %v", err)
		}
		if n := s.App.Connections(); n != 0 {
			t.Errorf("%d connections are left after the shutdown", n)
		}
	})
	t.Cleanup(s.Stop)
	return s
}

// Stop is what a signal does: it shuts the server down gracefully, and waits.
func (s *Server) Stop() { s.stop() }
