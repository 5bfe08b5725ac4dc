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

// DefaultTimeout is how long something that is expected may take.
const DefaultTimeout = 10 * time.Second

// TB is the part of [testing.TB] that this package uses. Fatalf must not return.
type TB interface {
	Helper()
	Cleanup(f func())
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// A Server is a Socket.IO server on a network in memory.
type Server struct {
	*socketio.Server
	// URL is where HTTPClient finds the server: scheme and host.
	URL string

	listener *memnet.Listener
}

// NewServer starts a server with the given options, nil for the defaults, that
// ends with the test.
func NewServer(t TB, opts *socketio.Options) *Server {
	t.Helper()
	srv, err := socketio.New(opts)
	if err != nil {
		t.Fatalf("socketiotest: %v", err)
	}
	return Serve(t, srv, nil)
}

// Serve starts a server that exists already; it is shut down at the end of the
// test, and so must not be used in another one. Requests are handled by h, a mux
// that srv is mounted in, for example; nil stands for srv itself.
func Serve(t TB, srv *socketio.Server, h http.Handler) *Server {
	t.Helper()
	if h == nil {
		h = srv
	}
	s := &Server{Server: srv, URL: "http://socketio.test", listener: memnet.Listen()}
	// What net/http has to say of connections that tests cut off is of no interest.
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

// stop shuts the server down and fails the test when something is left of it.
func (s *Server) stop(t TB) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), DefaultTimeout)
	defer cancel()
	if err := s.Shutdown(ctx); err != nil {
		t.Errorf("socketiotest: the server does not come to rest (%v). Does a handler not return?\n\n%s", err, stacks())
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
	for _, stack := range strings.Split(string(buf), "\n\n") {
		if strings.Contains(stack, "socketio.(*Socket).work(") {
			handlers = append(handlers, stack)
		}
	}
	return strings.Join(handlers, "\n\n")
}

// Dial connects with the server, whatever the address; it is what a Transport's
// or a client's DialContext may be set to.
func (s *Server) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	return s.listener.Dial(ctx)
}

// HTTPClient returns a client whose requests go to the server.
func (s *Server) HTTPClient() *http.Client {
	return &http.Client{Transport: &http.Transport{DialContext: s.Dial}}
}

// WaitFor waits until cond returns true; what says what for, if that does not
// happen within DefaultTimeout. It is meant for what no client can see; where
// there is an event or a channel to wait for, do that.
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
			t.Fatalf("socketiotest: waited in vain for %s", what)
			return
		}
	}
}
