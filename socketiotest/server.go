package socketiotest

import (
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"runtime"
	"strings"
	"time"

	"github.com/seed96b07ef8/socketio"
	"github.com/seed96b07ef8/socketio/internal/memnet"
)

// DefaultTimeout is the default of [ClientOptions.Timeout].
const DefaultTimeout = 10 * time.Second

// TB is the part of [testing.TB] that this package uses. Fatalf must not return.
type TB interface {
	Helper()
	Cleanup(f func())
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// A Server is a Socket.IO server on an in-memory network.
type Server struct {
	*socketio.Server
	// URL is the base URL of the server for HTTPClient: scheme and host.
	URL string

	listener *memnet.Listener
}

// NewServer starts a server with the given options; nil means the defaults. The
// server is shut down at the end of the test.
func NewServer(t TB, opts *socketio.Options) *Server {
	t.Helper()
	srv, err := socketio.New(opts)
	if err != nil {
		t.Fatalf("socketiotest: %v", err)
	}
	return Serve(t, srv, nil)
}

// Serve runs an existing server. It shuts srv down at the end of the test, so
// srv must not be used in another test. Requests are handled by h, such as a mux
// in which srv is mounted; nil means srv itself.
func Serve(t TB, srv *socketio.Server, h http.Handler) *Server {
	t.Helper()
	if h == nil {
		h = srv
	}
	s := &Server{Server: srv, URL: "http://socketio.test", listener: memnet.Listen()}
	// Discard net/http's messages about connections that tests close abruptly.
	web := &http.Server{Handler: h, ErrorLog: log.New(io.Discard, "", 0)}
	done := make(chan struct{})
	go func() { // ends with the listener
		defer close(done)
		_ = web.Serve(s.listener)
	}()
	t.Cleanup(func() {
		t.Helper()
		s.stop(t)
		web.Close()
		<-done
	})
	return s
}

// stop shuts the server down and fails the test if anything is left of it.
func (s *Server) stop(t TB) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), DefaultTimeout)
	defer cancel()
	if err := s.Shutdown(ctx); err != nil {
		t.Errorf("socketiotest: the server does not shut down (%v). Does a handler not return?\n\n%s", err, stacks())
		return
	}
	if left := s.Stats(); left.Sockets != 0 || left.PendingEvents != 0 || left.PendingAcks != 0 || left.Connections != 0 {
		t.Errorf("socketiotest: the server was shut down, and has %+v", left)
	}
}

// stacks returns the stacks of the goroutines that run handlers.
func stacks() string {
	buf := make([]byte, 1<<20)
	buf = buf[:runtime.Stack(buf, true)]
	var handlers []string
	for stack := range strings.SplitSeq(string(buf), "\n\n") {
		if strings.Contains(stack, "socketio.(*Socket).work(") {
			handlers = append(handlers, stack)
		}
	}
	return strings.Join(handlers, "\n\n")
}

// Dial connects to the server and ignores the address. Use it as the
// DialContext of an http.Transport or a client.
func (s *Server) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	return s.listener.Dial(ctx)
}

// HTTPClient returns a client that sends all requests to the server.
func (s *Server) HTTPClient() *http.Client {
	return &http.Client{Transport: &http.Transport{DialContext: s.Dial}}
}

// WaitFor waits until cond returns true. If that does not happen within
// DefaultTimeout, it fails the test with what, which describes the condition.
// Use it only for conditions without an event or a channel to wait for.
func WaitFor(t TB, what string, cond func() bool) {
	t.Helper()
	timeout := time.NewTimer(DefaultTimeout)
	defer timeout.Stop()
	again := time.NewTicker(time.Millisecond)
	defer again.Stop()
	for !cond() {
		select {
		case <-again.C:
		case <-timeout.C:
			t.Fatalf("socketiotest: timed out after %v waiting for %s", DefaultTimeout, what)
			return
		}
	}
}
