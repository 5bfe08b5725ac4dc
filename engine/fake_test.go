package engine_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"

	"github.com/seed96b07ef8/socketio/engine"
	"github.com/seed96b07ef8/socketio/internal/memnet"
	"github.com/seed96b07ef8/socketio/internal/ws"
)

// fake is a server whose behavior the test supplies.
type fake struct {
	polling   http.HandlerFunc
	websocket func(p *fakePeer)
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !ws.IsUpgrade(r) {
		if f.polling == nil {
			http.NotFound(w, r)
			return
		}
		f.polling(w, r)
		return
	}
	if f.websocket == nil {
		http.NotFound(w, r)
		return
	}
	u, err := ws.Upgrade(w, r, nil, false, patience)
	if err != nil {
		return
	}
	defer u.Conn.Close()
	p := &fakePeer{Conn: u.Conn, scratch: make([]byte, 1<<16), in: ws.Reader{MaxMessage: 1 << 30}}
	if len(u.Early) > 0 {
		p.in.Push(u.Early)
	}
	f.websocket(p)
}

// fakePeer is the server's end of a WebSocket.
type fakePeer struct {
	net.Conn
	in      ws.Reader
	scratch []byte
}

func (p *fakePeer) send(packets ...string) {
	for _, text := range packets {
		_, _ = p.Write(ws.AppendFrame(nil, ws.Text, []byte(text)))
	}
}

// read returns the next message, or the error that ended the connection.
func (p *fakePeer) read() (string, error) {
	for {
		m, ok, err := p.in.Next()
		if err != nil {
			return "", err
		}
		if ok && m.Op == ws.Text {
			return string(m.Data), nil
		}
		if ok {
			return fmt.Sprintf("%x:%s", byte(m.Op), m.Data), nil
		}
		p.in.Park()
		space := p.in.Space(p.scratch)
		n, err := p.Conn.Read(space)
		if err != nil {
			return "", err
		}
		p.in.Push(space[:n])
	}
}

// end reads to the end and returns the error that ended the connection.
func (p *fakePeer) end() error {
	for {
		if _, err := p.read(); err != nil {
			return err
		}
	}
}

const (
	openPolling   = `0{"sid":"fake","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}`
	openUpgrade   = `0{"sid":"fake","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}`
	openWebSocket = openPolling
)

func startFake(t testing.TB, f *fake) *harness {
	t.Helper()
	s := httptest.NewServer(f)
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	t.Cleanup(s.Close)
	return &harness{t: t, url: s.URL + "/engine.io/", dial: dialer(s.Listener.Addr().String())}
}

// startFakeInMemory is for tests with fake time.
func startFakeInMemory(t testing.TB, f http.Handler) *harness {
	t.Helper()
	l := memnet.Listen()
	s := &http.Server{Handler: f, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)}
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	t.Cleanup(func() {
		s.Close()
		<-served
	})
	return &harness{t: t, url: "http://mem/engine.io/", dial: l.Dial}
}

func answer(status int, body string, headers ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func gzipped(body io.Reader) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = io.Copy(z, body)
	_ = z.Close()
	return b.String()
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }

// listen serves each connection to an address with serve.
func listen(t testing.TB, serve func(net.Conn)) (addr string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer nc.Close()
				serve(nc)
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		wg.Wait()
	})
	return l.Addr().String()
}

// recorder records the requests that a server receives.
type recorder struct {
	mu       sync.Mutex
	requests []*http.Request
}

func (rec *recorder) wrap(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rec.mu.Lock()
		rec.requests = append(rec.requests, r.Clone(context.Background()))
		rec.mu.Unlock()
		h.ServeHTTP(w, r)
	})
}

func (rec *recorder) all() []*http.Request {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	return slices.Clone(rec.requests)
}

// handshakes returns the requests that open a session. Requests that a client has given up may
// arrive later.
func (rec *recorder) handshakes() []*http.Request {
	return slices.DeleteFunc(rec.all(), func(r *http.Request) bool { return r.URL.Query().Has("sid") })
}

func (rec *recorder) forget() {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	rec.requests = nil
}

// startRecorded is start with a recorder in front of the server.
func startRecorded(t testing.TB, opts *engine.ServerOptions, serve func(*httptest.Server)) (*harness, *recorder, *httptest.Server) {
	t.Helper()
	h := newHarness(t, opts)
	rec := new(recorder)
	s := httptest.NewUnstartedServer(rec.wrap(h))
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	serve(s)
	t.Cleanup(s.Close)
	h.url = s.URL + "/engine.io/"
	h.dial = dialer(s.Listener.Addr().String())
	h.connect()
	return h, rec, s
}
