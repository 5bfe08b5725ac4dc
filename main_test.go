package socketio_test

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"sync"
	"testing"

	"github.com/seed96b07ef8/socketio"
	"github.com/seed96b07ef8/socketio/engine"
	"github.com/seed96b07ef8/socketio/internal/await"
	"github.com/seed96b07ef8/socketio/internal/leakcheck"
	"github.com/seed96b07ef8/socketio/internal/wiretest"
)

// TestMain fails the run when goroutines of the library are left at its end.
func TestMain(m *testing.M) { os.Exit(leakcheck.Main(m)) }

// transports runs a test over each transport.
func transports(t *testing.T, f func(t *testing.T, transport string)) {
	for _, transport := range []string{"polling", "websocket"} {
		t.Run(transport, func(t *testing.T) { f(t, transport) })
	}
}

// newServer starts a server that ends with the test. What it reports as errors
// is appended to the returned list.
func newServer(t testing.TB, opts *socketio.Options) (io *socketio.Server, url string, errs *errorList) {
	t.Helper()
	var o socketio.Options
	if opts != nil {
		o = *opts
	}
	errs = new(errorList)
	if o.OnError == nil {
		o.OnError = func(_ *socketio.Socket, err error) { errs.add(err) }
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Engine.MaxPayload == 0 {
		o.Engine.MaxPayload = engine.DefaultMaxPayload
	}
	io = socketio.NewServer(&o)
	url = wiretest.Serve(t, io)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), wiretest.Timeout)
		defer cancel()
		if err := io.Shutdown(ctx); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
	})
	return io, url, errs
}

// errorList collects errors from handlers.
type errorList struct {
	mu   sync.Mutex
	errs []error
}

func (l *errorList) add(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.errs = append(l.errs, err)
}

func (l *errorList) all() []error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]error(nil), l.errs...)
}

// waitFor is [await.Until].
func waitFor(t testing.TB, what string, cond func() bool) {
	t.Helper()
	await.Until(t, what, cond)
}

// receive is [await.Receive].
func receive[T any](t testing.TB, c <-chan T, what string) T {
	t.Helper()
	return await.Receive(t, c, what)
}

// logBuffer is a log that can be read while it is written.
type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
