package engine_test

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed96b07ef8/socketio/engine"
)

// A nosy middleware, or dialer, uses a connection in each method of what it wraps.
type nosy struct{ look atomic.Pointer[func()] }

func (n *nosy) call() {
	if look := n.look.Load(); look != nil {
		(*look)()
	}
}

func (n *nosy) lookAt(look func()) { n.look.Store(&look) }

type nosyWriter struct {
	http.ResponseWriter
	*nosy
}

func (w nosyWriter) SetReadDeadline(t time.Time) error {
	w.call()
	return http.NewResponseController(w.ResponseWriter).SetReadDeadline(t)
}

func (w nosyWriter) SetWriteDeadline(t time.Time) error {
	w.call()
	return http.NewResponseController(w.ResponseWriter).SetWriteDeadline(t)
}

func (w nosyWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	nc, rw, err := http.NewResponseController(w.ResponseWriter).Hijack()
	return nosyConn{nc, w.nosy}, rw, err
}

type nosyConn struct {
	net.Conn
	*nosy
}

func (c nosyConn) SetDeadline(t time.Time) error      { c.call(); return c.Conn.SetDeadline(t) }
func (c nosyConn) SetReadDeadline(t time.Time) error  { c.call(); return c.Conn.SetReadDeadline(t) }
func (c nosyConn) SetWriteDeadline(t time.Time) error { c.call(); return c.Conn.SetWriteDeadline(t) }
func (c nosyConn) NetConn() net.Conn                  { c.call(); return c.Conn }
func (c nosyConn) Close() error                       { c.call(); return c.Conn.Close() }

func startNosy(t *testing.T, opts *engine.ServerOptions) (*harness, *nosy) {
	t.Helper()
	h, n := newHarness(t, opts), new(nosy)
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.ServeHTTP(nosyWriter{w, n}, r)
	}))
	s.Config.WriteTimeout = patience // so that a waiting poll clears it
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	s.Start()
	t.Cleanup(s.Close)
	h.url = s.URL + "/engine.io/"
	h.dial = dialer(s.Listener.Addr().String())
	h.connect()
	return h, n
}

// The methods of an http.ResponseWriter or net.Conn that an application has wrapped may
// use the connection: none of them is called with the connection's mutex held.
func TestDeadlinesAreSetWithoutMutex(t *testing.T) {
	t.Parallel()
	h, n := startNosy(t, &engine.ServerOptions{PingInterval: 20 * time.Millisecond})
	within := func(t *testing.T, what string, f func()) {
		t.Helper()
		done := make(chan struct{})
		go func() { defer close(done); f() }()
		receive(t, done, what)
	}
	polls := func(t *testing.T) *poller {
		n.look.Store(nil)
		p := h.poll()
		n.lookAt(func() { p.Buffered() })
		return p
	}
	t.Run("poll that waits", func(t *testing.T) {
		p := polls(t)
		answer := p.start()
		within(t, "Close", p.Close)
		receive(t, answer, "the answer")
	})
	t.Run("body that arrives", func(t *testing.T) {
		p := polls(t)
		nc := h.connection()
		_, _ = io.WriteString(nc, "POST /engine.io/?"+p.query+" HTTP/1.1\r\nHost: test\r\nContent-Length: 900000\r\n\r\n"+strings.Repeat("4", 100_000))
		p.awaitPost()
		within(t, "Abort", p.Abort)
		_, _ = io.Copy(io.Discard, nc) // until it is cut off
	})
	t.Run("answer that is written", func(t *testing.T) {
		p := polls(t)
		p.text(t, strings.Repeat("x", 10_000_000))
		nc := h.connection()
		_, _ = io.WriteString(nc, "GET /engine.io/?"+p.query+" HTTP/1.1\r\nHost: test\r\n\r\n")
		if _, err := nc.Read(make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
		within(t, "Abort", p.Abort)
	})
	t.Run("upgrade", func(t *testing.T) {
		p := polls(t)
		w := h.dialWebSocket(strings.Replace(p.query, "polling", "websocket", 1))
		w.send("2probe")
		w.want("3probe")
		w.send("5")
		receive(t, p.upgraded, "the upgrade")
		for range 2 { // whose sending looks at the socket
			w.want("2")
			w.send("3")
		}
		within(t, "Close", p.Close)
	})
	t.Run("upgrade that is dismissed", func(t *testing.T) {
		p := polls(t)
		w := h.dialWebSocket(strings.Replace(p.query, "polling", "websocket", 1))
		waitFor(t, "the upgrade", func() bool { return engine.Probing(p.Conn) })
		within(t, "Abort", p.Abort)
		w.wantEnd(1005)
	})
}

// The same for the net.Conn of a client's DialContext.
func TestClientDeadlinesAreSetWithoutMutex(t *testing.T) {
	t.Parallel()
	h, n := start(t, nil), new(nosy)
	o := h.dialOptions(engine.Polling, engine.WebSocket)
	o.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
		nc, err := h.dial(ctx)
		return nosyConn{nc, n}, err
	}
	c := newCaller()
	h.callWith(o, c)
	n.lookAt(func() { c.Buffered() })
	s := receive(t, h.sessions, "the session")
	if tr := receive(t, c.upgraded, "the upgrade"); tr != engine.WebSocket {
		t.Errorf("upgraded to %s, want %v", tr, engine.WebSocket)
	}
	c.text(t, "after it")
	s.wantMessage(t, "after it")
	c.Close()
	c.wantEnd(t, engine.ForcedClose)
}
