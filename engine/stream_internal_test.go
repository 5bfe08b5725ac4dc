package engine

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed96b07ef8/socketio/internal/ws"
)

// memory is a transport that this package does not know: pipes in memory. A transport in
// a module of its own relies on what its tests show.
const memory Transport = "memory"

// memoryEnd records the events at one end of a connection.
type memoryEnd struct {
	messages chan string
	upgraded chan Transport
	closed   chan Reason
	dropped  chan int
	conn     *Conn // at the server's end
}

func newMemoryEnd() *memoryEnd {
	return &memoryEnd{make(chan string, 100), make(chan Transport, 1), make(chan Reason, 2), make(chan int, 100), nil}
}

func (e *memoryEnd) note(data []byte, binary bool) {
	text := string(data)
	if binary {
		text = "binary " + text
	}
	e.messages <- text
}

func (e *memoryEnd) want(t *testing.T, messages ...string) {
	t.Helper()
	for _, want := range messages {
		if got := await(t, e.messages, "message "+want); got != want {
			t.Errorf("got message %.50q, want %.50q", got, want)
		}
	}
}

func (e *memoryEnd) wantClosed(t *testing.T, want Reason) {
	t.Helper()
	if got := await(t, e.closed, "the end"); got != want {
		t.Errorf("the connection ended with %q, want %q", got, want)
	}
}

func await[T any](t *testing.T, c <-chan T, what string) (v T) {
	t.Helper()
	select {
	case v = <-c:
	case <-time.After(time.Minute):
		t.Fatalf("no %s within a minute", what)
	}
	return v
}

type memoryHandler struct{ *memoryEnd }

func (h memoryHandler) OnMessage(_ *Conn, data []byte, binary bool) { h.note(data, binary) }
func (h memoryHandler) OnClose(_ *Conn, r Reason, _ error)          { h.closed <- r }
func (h memoryHandler) OnUpgrade(_ *Conn, t Transport)              { h.upgraded <- t }
func (h memoryHandler) OnDrop(_ *Conn, n int)                       { h.dropped <- n }

type memoryClient struct{ *memoryEnd }

func (h memoryClient) OnMessage(_ *Client, data []byte, binary bool) { h.note(data, binary) }
func (h memoryClient) OnClose(_ *Client, r Reason, _ error)          { h.closed <- r }
func (h memoryClient) OnUpgrade(_ *Client, t Transport)              { h.upgraded <- t }

// startMemory runs a server that also accepts sessions in memory.
func startMemory(t *testing.T, o *ServerOptions) (s *Server, ends <-chan *memoryEnd) {
	t.Helper()
	c := make(chan *memoryEnd, 10)
	o.streams, o.Logger = []Transport{memory}, slog.New(slog.DiscardHandler)
	if o.Transports == nil {
		o.Transports = []Transport{Polling, WebSocket, memory}
	}
	o.OnConnect = func(conn *Conn) Handler {
		e := newMemoryEnd()
		e.conn = conn
		c <- e
		return memoryHandler{e}
	}
	s, err := NewServer(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return s, c
}

// memoryDialer returns functions that open streams to s, as the module of a transport
// does.
func (s *Server) memoryDialer() map[Transport]dialStream {
	return map[Transport]dialStream{memory: func(_ context.Context, r *http.Request, sid string) (net.Conn, error) {
		near, far := net.Pipe()
		served := make(chan error, 1)
		go func() { served <- s.serveStream(stream{memory, far, r, sid}) }()
		if err := <-served; err != nil {
			near.Close()
			return nil, err
		}
		return near, nil
	}}
}

func (s *Server) dialMemory(t *testing.T, url string, transports ...Transport) (*Client, *memoryEnd) {
	t.Helper()
	e := newMemoryEnd()
	c, err := Dial(context.Background(), url, &DialOptions{
		Transports: transports, streams: s.memoryDialer(), Logger: slog.New(slog.DiscardHandler),
	}, memoryClient{e})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(); await(t, c.Done(), "Done") })
	return c, e
}

// A session is opened on a stream, takes messages of all kinds in both directions, and
// ends when one side closes it.
func TestStreamOpenToClose(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		end                func(c *Client, s *memoryEnd)
		atClient, atServer Reason
	}{
		"by the client": {func(c *Client, _ *memoryEnd) { c.Close() }, ForcedClose, TransportClose},
		"by the server": {func(_ *Client, s *memoryEnd) { s.conn.Close() }, TransportClose, ForcedClose},
	} {
		t.Run(name, func(t *testing.T) {
			s, ends := startMemory(t, &ServerOptions{})
			c, atClient := s.dialMemory(t, "http://example.com", memory)
			atServer := await(t, ends, "connection")
			if c.Transport() != memory || atServer.conn.Transport() != memory {
				t.Errorf("the client is on %q, the server on %q, want memory", c.Transport(), atServer.conn.Transport())
			}
			long := strings.Repeat("long", 100_000)
			for _, m := range []*Message{NewTextMessage([]byte("text"), []byte("data")), NewTextMessage([]byte(long)), NewBinaryMessage([]byte(long))} {
				for _, err := range []error{c.Send(m, 0), atServer.conn.Send(m, 0)} {
					if err != nil {
						t.Error(err)
					}
				}
			}
			for _, e := range []*memoryEnd{atClient, atServer} {
				e.want(t, "text", "binary data", long, "binary "+long)
			}
			if err := c.Flush(context.Background()); err != nil {
				t.Errorf("Flush: %v", err)
			}
			if err := atServer.conn.Send(NewTextMessage([]byte("last")), 0); err != nil {
				t.Error(err)
			}
			if name == "by the client" {
				atClient.want(t, "last")
			}
			test.end(c, atServer)
			if name == "by the server" {
				atClient.want(t, "last")
			}
			atClient.wantClosed(t, test.atClient)
			atServer.wantClosed(t, test.atServer)
		})
	}
}

// A session moves from polling to a stream, and loses nothing.
func TestStreamUpgrade(t *testing.T) {
	t.Parallel()
	s, ends := startMemory(t, &ServerOptions{})
	web := httptest.NewServer(s)
	t.Cleanup(web.Close)
	c, atClient := s.dialMemory(t, web.URL, Polling, memory)
	atServer := await(t, ends, "connection")
	var want []string
	send := func(text string) {
		want = append(want, text)
		for _, err := range []error{c.Send(NewTextMessage([]byte(text)), 0), atServer.conn.Send(NewTextMessage([]byte(text)), 0)} {
			if err != nil {
				t.Error(err)
			}
		}
	}
	for range 5 {
		send("meanwhile")
	}
	for _, e := range []*memoryEnd{atClient, atServer} {
		if got := await(t, e.upgraded, "upgrade"); got != memory {
			t.Errorf("upgraded to %q, want memory", got)
		}
	}
	send("after it")
	atClient.want(t, want...)
	atServer.want(t, want...)
	c.Close()
	atClient.wantClosed(t, ForcedClose)
	atServer.wantClosed(t, TransportClose)
}

// A stream that cannot be opened, or breaks before the session has moved to it, does not
// affect the session.
func TestStreamUpgradeFails(t *testing.T) {
	t.Parallel()
	for name, open := range map[string]func(s *Server, r *http.Request, sid string) (net.Conn, error){
		"refused": func(*Server, *http.Request, string) (net.Conn, error) { return nil, errors.New("no route") },
		"unknown session": func(s *Server, r *http.Request, _ string) (net.Conn, error) {
			return s.memoryDialer()[memory](r.Context(), r, "unknown")
		},
		"broken": func(s *Server, r *http.Request, sid string) (net.Conn, error) {
			nc, err := s.memoryDialer()[memory](r.Context(), r, sid)
			if err == nil {
				nc.Close()
			}
			return nc, err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, ends := startMemory(t, &ServerOptions{})
			web := httptest.NewServer(s)
			t.Cleanup(web.Close)
			tried := make(chan struct{})
			e := newMemoryEnd()
			c, err := Dial(context.Background(), web.URL, &DialOptions{
				Transports: []Transport{Polling, memory}, Logger: slog.New(slog.DiscardHandler),
				streams: map[Transport]dialStream{memory: func(_ context.Context, r *http.Request, sid string) (net.Conn, error) {
					defer close(tried)
					return open(s, r, sid)
				}},
			}, memoryClient{e})
			if err != nil {
				t.Fatal(err)
			}
			atServer := await(t, ends, "connection")
			await(t, tried, "attempt to upgrade")
			for _, err := range []error{c.Send(NewTextMessage([]byte("still here")), 0), atServer.conn.Send(NewTextMessage([]byte("still here")), 0)} {
				if err != nil {
					t.Error(err)
				}
			}
			e.want(t, "still here")
			atServer.want(t, "still here")
			if c.Transport() != Polling || atServer.conn.Transport() != Polling {
				t.Errorf("the client is on %q, the server on %q, want polling", c.Transport(), atServer.conn.Transport())
			}
			c.Close()
			await(t, c.Done(), "Done")
			atServer.wantClosed(t, TransportClose)
		})
	}
}

// The handshake over polling names the transports that a session can move to.
func TestOpenPacketNamesUpgrades(t *testing.T) {
	t.Parallel()
	for want, o := range map[string]*ServerOptions{
		`"upgrades":["websocket","memory"],`: {},
		`"upgrades":["memory"],`:             {Transports: []Transport{memory, Polling}},
		`"upgrades":[],`:                     {DisableUpgrades: true},
	} {
		s, _ := startMemory(t, o)
		w := httptest.NewRecorder()
		s.ServeHTTP(w, httptest.NewRequest("GET", "/?EIO=4&transport=polling", nil))
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("got %s, want %s in it", w.Body, want)
		}
		for c := range slices.Values(s.snapshot()) {
			c.Abort()
		}
	}
}

// A client that does not read its stream is subject to the same policies as others.
func TestStreamOverflow(t *testing.T) {
	t.Parallel()
	for policy, want := range map[Overflow][]string{
		DropOldest: {"4first", "4c", "4d"}, DropNewest: {"4first", "4a", "4b"}, Refuse: {"4first", "4a", "4b"}, Disconnect: nil,
	} {
		t.Run(policy.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, ends := startMemory(t, &ServerOptions{OutboxMessages: 2, Overflow: policy})
				near, far := net.Pipe()
				if err := s.serveStream(stream{memory, far, httptest.NewRequest("CONNECT", "/", nil), ""}); err != nil {
					t.Fatal(err)
				}
				e := <-ends
				p := &memoryPeer{Conn: near, in: ws.Reader{MaxMessage: 1 << 20, Client: true}}
				if open := p.read(t); !strings.HasPrefix(open, `0{"sid":"`) || !strings.Contains(open, `"upgrades":[],`) {
					t.Errorf("got %s, want an open packet without upgrades", open)
				}
				synctest.Wait()
				for _, text := range []string{"first", "a", "b", "volatile", "c", "d"} {
					flags := Flags(0)
					if text == "volatile" {
						flags = Volatile
					}
					_ = e.conn.Send(NewTextMessage([]byte(text)), flags)
					synctest.Wait()
				}
				if got := s.Dropped(); got != 3 && policy != Disconnect {
					t.Errorf("%d messages were dropped, want 3", got)
				}
				for _, text := range want {
					if got := p.read(t); got != text {
						t.Errorf("got %q, want %q", got, text)
					}
				}
				near.Close()
				reason := TransportClose
				if policy == Disconnect {
					reason = TransportError
				}
				e.wantClosed(t, reason)
			})
		})
	}
}

// A client that does not answer the heartbeat on its stream loses its session.
func TestStreamHeartbeat(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, ends := startMemory(t, &ServerOptions{})
		near, far := net.Pipe()
		if err := s.serveStream(stream{memory, far, httptest.NewRequest("CONNECT", "/", nil), ""}); err != nil {
			t.Fatal(err)
		}
		e := <-ends
		p := &memoryPeer{Conn: near, in: ws.Reader{MaxMessage: 1 << 20, Client: true}}
		p.read(t)
		for range 2 {
			if got := p.read(t); got != "2" {
				t.Errorf("got %q, want a ping", got)
			}
			_, _ = near.Write(ws.AppendFrame(nil, ws.Text, []byte("3")))
		}
		if got := p.read(t); got != "2" {
			t.Errorf("got %q, want a ping", got)
		}
		e.wantClosed(t, PingTimeout)
		near.Close()
	})
}

// memoryPeer is a client that sends only what the test writes.
type memoryPeer struct {
	net.Conn
	in      ws.Reader
	scratch [1 << 10]byte
}

func (p *memoryPeer) read(t *testing.T) string {
	t.Helper()
	for {
		m, ok, err := p.in.Next()
		if ok {
			return string(m.Data)
		}
		p.in.Park()
		space := p.in.Space(p.scratch[:])
		n, readErr := p.Read(space)
		if err != nil || readErr != nil {
			t.Fatalf("reading from the stream: %v", errors.Join(err, readErr))
		}
		p.in.Push(space[:n])
	}
}

// Requests for a session on a stream are refused for the same reasons as others, and
// those over HTTP cannot name its transport.
func TestStreamRefused(t *testing.T) {
	t.Parallel()
	var refused []string
	o := &ServerOptions{OnConnectionError: func(err *RequestError) { refused = append(refused, err.Message) }}
	o.AllowRequest = func(r *http.Request) error {
		if r.Header.Get("Authorization") == "" {
			return errors.New("who are you?")
		}
		return nil
	}
	s, ends := startMemory(t, o)
	request := func(headers ...string) *http.Request {
		r := httptest.NewRequest("CONNECT", "https://example.com/engine.io/", nil)
		for i := 0; i < len(headers); i += 2 {
			r.Header.Set(headers[i], headers[i+1])
		}
		return r
	}
	for _, test := range []struct {
		want string
		st   stream
	}{
		{"who are you?", stream{transport: memory, request: request()}},
		{"Origin not allowed", stream{transport: memory, request: request("Authorization", "x", "Origin", "https://evil.example")}},
		{CodeUnknownSession.String(), stream{transport: memory, request: request("Authorization", "x"), sid: "unknown"}},
		{CodeUnknownTransport.String(), stream{transport: "other", request: request("Authorization", "x")}},
		{CodeUnknownTransport.String(), stream{transport: WebSocket, request: request("Authorization", "x")}},
	} {
		near, far := net.Pipe()
		test.st.conn = far
		refused = nil
		err := s.serveStream(test.st)
		var re *RequestError
		if !errors.As(err, &re) || re.Message != test.want || !slices.Equal(refused, []string{test.want}) {
			t.Errorf("got error %v and the refusals %q, want %q", err, refused, test.want)
		}
		if _, err := near.Read(make([]byte, 1)); err == nil {
			t.Error("the stream was not closed")
		}
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest("GET", "/?EIO=4&transport=memory", nil))
	if want := `{"code":0,"message":"Transport unknown"}`; w.Body.String() != want {
		t.Errorf("a request over HTTP got %s, want %s", w.Body, want)
	}
	if _, err := NewServer(&ServerOptions{Transports: []Transport{memory}}); err == nil {
		t.Error("a transport that is not registered was accepted")
	}

	// A session that is on a stream cannot move to another.
	near, far := net.Pipe()
	go func() { _ = s.serveStream(stream{memory, far, request("Authorization", "x"), ""}) }()
	e := await(t, ends, "connection")
	(&memoryPeer{Conn: near, in: ws.Reader{MaxMessage: 1 << 20, Client: true}}).read(t) // the open packet
	again, farAgain := net.Pipe()
	go func() { _ = s.serveStream(stream{memory, farAgain, request("Authorization", "x"), e.conn.ID()}) }()
	p := &memoryPeer{Conn: again, in: ws.Reader{MaxMessage: 1 << 20, Client: true}}
	if _, _, err := p.next(); err == nil {
		t.Error("the second stream was not closed")
	}
	again.Close()
	near.Close()
	e.wantClosed(t, TransportClose)
}

// next reads once.
func (p *memoryPeer) next() (ws.Message, bool, error) {
	space := p.in.Space(p.scratch[:])
	n, err := p.Read(space)
	if err != nil {
		return ws.Message{}, false, err
	}
	p.in.Push(space[:n])
	return p.in.Next()
}

// A stream has no pings with which the server could confirm what it has read, so Flush
// and fences wait until the messages before them have been written.
func TestStreamFlush(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		p := &memoryPeer{Conn: far, in: ws.Reader{MaxMessage: 1 << 20, Client: true}}
		go func() {
			open := `0{"sid":"x","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":100}`
			_, _ = far.Write(ws.AppendFrame(nil, ws.Text, []byte(open)))
		}()
		e := newMemoryEnd()
		c, err := Dial(context.Background(), "http://example.com", &DialOptions{
			Transports: []Transport{memory}, Logger: slog.New(slog.DiscardHandler),
			streams: map[Transport]dialStream{memory: func(context.Context, *http.Request, string) (net.Conn, error) { return near, nil }},
		}, memoryClient{e})
		if err != nil {
			t.Fatal(err)
		}
		begin := time.Now()
		for _, flags := range []Flags{0, Fence, 0} {
			if err := c.Send(NewTextMessage([]byte("text")), flags); err != nil {
				t.Error(err)
			}
		}
		flushed := make(chan error, 1)
		go func() { flushed <- c.Flush(context.Background()) }()
		for i := range 3 {
			synctest.Wait()
			if len(flushed) > 0 && i < 2 { // the last two arrive together
				t.Errorf("Flush returned when the server had read %d messages, want 3", i)
			}
			if got := p.read(t); got != "4text" {
				t.Errorf("got %q, want 4text", got)
			}
		}
		if err := <-flushed; err != nil {
			t.Errorf("Flush: %v", err)
		}
		if d := time.Since(begin); d != 0 {
			t.Errorf("Flush took %v, want no time", d)
		}
		far.Close()
		e.wantClosed(t, TransportClose)
		<-c.Done()
	})
}

// A function of the options that panics does not leave a stream open.
func TestStreamClosedAfterPanic(t *testing.T) {
	t.Parallel()
	s, _ := startMemory(t, &ServerOptions{AllowRequest: func(*http.Request) error { panic("oops") }})
	near, far := net.Pipe()
	defer near.Close()
	func() {
		defer func() {
			if v := recover(); v != "oops" {
				t.Errorf("serveStream panicked with %v, want oops", v)
			}
		}()
		_ = s.serveStream(stream{memory, far, httptest.NewRequest("GET", "/", nil), ""})
	}()
	if err := far.SetDeadline(time.Time{}); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("using the stream after the panic: %v, want %v", err, io.ErrClosedPipe)
	}
}

// A stream whose session ID another handshake has taken meanwhile is reported like other
// refused requests.
func TestStreamWithTakenIDIsReported(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var ids atomic.Int32
		var s *Server
		reported := make(chan *RequestError, 1)
		s, _ = startMemory(t, &ServerOptions{
			GenerateID: func(*http.Request) (string, error) { ids.Add(1); return "same", nil },
			// Runs between the choice of the ID and the registration.
			Context: func(*http.Request) context.Context {
				if ids.Load() == 1 {
					s.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/?EIO=4&transport=polling", nil))
				}
				return context.Background()
			},
			OnConnectionError: func(err *RequestError) { reported <- err },
		})
		near, far := net.Pipe()
		defer near.Close()
		if err := s.serveStream(stream{memory, far, httptest.NewRequest("GET", "/", nil), ""}); !errors.As(err, new(*RequestError)) {
			t.Fatalf("serveStream returned %v, want a RequestError", err)
		}
		select {
		case err := <-reported:
			if err.Context["name"] != "ID_GENERATION_ERROR" {
				t.Errorf("reported %v, want ID_GENERATION_ERROR", err.Context)
			}
		default:
			t.Error("the refusal was not reported")
		}
	})
}
