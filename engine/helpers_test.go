package engine_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/seed96b07ef8/socketio/engine"
	"github.com/seed96b07ef8/socketio/internal/await"
	"github.com/seed96b07ef8/socketio/internal/leakcheck"
	"github.com/seed96b07ef8/socketio/internal/memnet"
)

func TestMain(m *testing.M) { os.Exit(leakcheck.Main(m)) }

// patience bounds each wait for a required event.
const patience = await.Patience

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

// session is the server's end of a connection: a Handler that reports its calls to
// the test.
type session struct {
	*engine.Conn
	messages chan string // binary ones start with binaryMark
	closed   chan ending
	upgraded chan engine.Transport
	drained  chan struct{}
	// onMessage, if set, is called for each message.
	onMessage func(data string)
}

type ending struct {
	reason engine.Reason
	err    error
}

const binaryMark = "\x00"

func newSession(c *engine.Conn) *session {
	return &session{
		Conn:     c,
		messages: make(chan string, 1<<16),
		closed:   make(chan ending, 10),
		upgraded: make(chan engine.Transport, 10),
		drained:  make(chan struct{}, 1<<16),
	}
}

func (s *session) OnMessage(_ *engine.Conn, data []byte, binary bool) {
	text := string(data)
	if binary {
		text = binaryMark + text
	}
	if s.onMessage != nil {
		s.onMessage(text)
	}
	s.messages <- text
}
func (s *session) OnClose(_ *engine.Conn, reason engine.Reason, err error) {
	s.closed <- ending{reason, err}
}
func (s *session) OnUpgrade(_ *engine.Conn, tr engine.Transport) { s.upgraded <- tr }
func (s *session) OnDrain(*engine.Conn)                          { s.drained <- struct{}{} }

// text sends a text message.
func (s *session) text(t testing.TB, text string) {
	t.Helper()
	if err := s.Send(engine.NewTextMessage([]byte(text)), 0); err != nil {
		t.Fatalf("Send: %v", err)
	}
}

// wantClose waits for the end of the session and checks its reason.
func (s *session) wantClose(t testing.TB, reason engine.Reason) error {
	t.Helper()
	e := receive(t, s.closed, "the end of the session")
	if e.reason != reason {
		t.Errorf("the session ended with %q (%v), want %q", e.reason, e.err, reason)
	}
	if len(s.closed) > 0 {
		t.Errorf("OnClose was called again, with %v", <-s.closed)
	}
	return e.err
}

// wantMessage waits for a message of the client.
func (s *session) wantMessage(t testing.TB, want string) {
	t.Helper()
	if got := receive(t, s.messages, fmt.Sprintf("the message %.50q", want)); got != want {
		t.Errorf("got message %.100q, want %.100q", got, want)
	}
}

// harness is a running server.
type harness struct {
	t testing.TB
	*engine.Server
	url      string
	dial     func(ctx context.Context) (net.Conn, error)
	client   *http.Client
	sessions chan *session
	fakeTime bool

	mu      sync.Mutex
	refused []*engine.RequestError
}

// start runs a server on a loopback address. The default of its OnConnect makes
// a session.
func start(t testing.TB, opts *engine.ServerOptions) *harness {
	t.Helper()
	h := newHarness(t, opts)
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	h.url = s.URL + "/engine.io/"
	h.dial = dialer(s.Listener.Addr().String())
	h.connect()
	return h
}

// startInMemory is start for tests with fake time, within synctest.Test.
func startInMemory(t testing.TB, opts *engine.ServerOptions) *harness {
	t.Helper()
	h := newHarness(t, opts)
	l := memnet.Listen()
	s := &http.Server{Handler: h, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)}
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	t.Cleanup(func() {
		s.Close()
		<-served
	})
	h.fakeTime = true
	h.url = "http://mem/engine.io/"
	h.dial = l.Dial
	h.connect()
	return h
}

func newHarness(t testing.TB, opts *engine.ServerOptions) *harness {
	t.Helper()
	var o engine.ServerOptions
	if opts != nil {
		o = *opts
	}
	h := &harness{t: t, sessions: make(chan *session, 1<<12)}
	if o.OnConnect == nil {
		o.OnConnect = func(c *engine.Conn) engine.Handler {
			s := newSession(c)
			h.sessions <- s
			return s
		}
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.OnConnectionError == nil {
		o.OnConnectionError = func(err *engine.RequestError) {
			h.mu.Lock()
			defer h.mu.Unlock()
			h.refused = append(h.refused, err)
		}
	}
	var err error
	if h.Server, err = engine.NewServer(&o); err != nil {
		t.Fatal(err)
	}
	return h
}

// connect connects a client that is closed with the sessions at the end of the test.
func (h *harness) connect() {
	transport := &http.Transport{
		DialContext:        func(ctx context.Context, _, _ string) (net.Conn, error) { return h.dial(ctx) },
		DisableCompression: true,
	}
	h.client = &http.Client{Transport: transport}
	h.t.Cleanup(func() {
		// The client no longer fetches the rest of lingering sessions.
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_ = h.Shutdown(ctx)
		if n := h.Len(); n != 0 {
			h.t.Errorf("%d sessions are left, want 0", n)
		}
		transport.CloseIdleConnections()
	})
}

func (h *harness) lastRefusal() *engine.RequestError {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.refused) == 0 {
		return nil
	}
	return h.refused[len(h.refused)-1]
}

// reply is a response, read to its end.
type reply struct {
	status int
	header http.Header
	body   string
}

func (h *harness) do(req *http.Request) (reply, error) {
	resp, err := h.client.Do(req)
	if err != nil {
		return reply{}, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return reply{resp.StatusCode, resp.Header, string(body)}, err
}

// request performs a request; headers are pairs of name and value.
func (h *harness) request(method, query, body string, headers ...string) reply {
	h.t.Helper()
	r, err := h.try(method, query, body, headers...)
	if err != nil {
		h.t.Fatalf("%s %s: %v", method, query, err)
	}
	return r
}

func (h *harness) try(method, query, body string, headers ...string) (reply, error) {
	var reader io.Reader
	if body != "" {
		reader = strings.NewReader(body)
	}
	req, err := http.NewRequest(method, h.url+"?"+query, reader)
	if err != nil {
		return reply{}, err
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Add(headers[i], headers[i+1])
	}
	return h.do(req)
}

// poller is a client on polling that does only what the test requests.
type poller struct {
	h *harness
	*session
	query string
}

// poll performs the handshake over polling.
func (h *harness) poll(extra ...string) *poller {
	h.t.Helper()
	query := strings.Join(append([]string{"EIO=4&transport=polling"}, extra...), "&")
	r := h.request("GET", query, "")
	if r.status != http.StatusOK || !strings.HasPrefix(r.body, "0{") {
		h.t.Fatalf("handshake: %d %s", r.status, r.body)
	}
	s := receive(h.t, h.sessions, "the session")
	if id := openSID(h.t, r.body); id != s.ID() {
		h.t.Fatalf("the client got session ID %q, the server has %q", id, s.ID())
	}
	return &poller{h: h, session: s, query: query + "&sid=" + s.ID()}
}

func openSID(t testing.TB, packet string) string {
	t.Helper()
	first, _, _ := strings.Cut(packet, "\x1e")
	var open struct{ SID string }
	if !strings.HasPrefix(first, "0") || json.Unmarshal([]byte(first[1:]), &open) != nil {
		t.Fatalf("%q is not a handshake", packet)
	}
	return open.SID
}

func (p *poller) get() reply             { p.h.t.Helper(); return p.h.request("GET", p.query, "") }
func (p *poller) post(body string) reply { p.h.t.Helper(); return p.h.request("POST", p.query, body) }

// want performs a poll and checks the payload.
func (p *poller) want(payload string) {
	p.h.t.Helper()
	if r := p.get(); r.status != http.StatusOK || r.body != payload {
		p.h.t.Errorf("poll: got %d %.200q, want %.200q", r.status, r.body, payload)
	}
}

// pending starts a poll and returns when the server is waiting in it.
func (p *poller) pending() <-chan reply {
	p.h.t.Helper()
	c := p.start()
	waitFor(p.h.t, "the poll to wait", p.Writable)
	return c
}

func (p *poller) start() <-chan reply {
	c := make(chan reply, 1)
	go func() {
		r, err := p.h.try("GET", p.query, "")
		if err != nil {
			r.body = err.Error()
		}
		c <- r
	}()
	return c
}

// drop ends a session with nothing left to wait for.
func (p *poller) drop() { p.post("1") }

func wantReply(t testing.TB, r reply, status int, body string) {
	t.Helper()
	if r.status != status || r.body != body {
		t.Errorf("got %d %.200q, want %d %.200q", r.status, r.body, status, body)
	}
}

func dialer(addr string) func(context.Context) (net.Conn, error) {
	return func(ctx context.Context) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp", addr)
	}
}

// awaitPost waits until the server reads the body of a POST.
func (p *poller) awaitPost() {
	p.h.t.Helper()
	waitFor(p.h.t, "the server to read the POST", func() bool { return engine.Posting(p.Conn) })
}
