package engine_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/seed96b07ef8/socketio/engine"
)

func TestClientMessages(t *testing.T) {
	t.Parallel()
	overEach(t, func(t *testing.T, h *harness, o *engine.DialOptions) {
		c, s := h.call(o)
		if c.ID() != s.ID() {
			t.Errorf("the client has ID %q, the server %q", c.ID(), s.ID())
		}
		c.text(t, "from the client €")
		s.wantMessage(t, "from the client €")
		s.text(t, "from the server €")
		c.want(t, "from the server €")
		for _, m := range []*engine.Message{
			engine.NewBinaryMessage([]byte{1, 2, 255}),
			engine.NewTextMessage([]byte("two"), []byte("and"), nil, []byte("three")),
			engine.NewTextMessage(nil),
			engine.NewTextMessage([]byte(strings.Repeat("long", 50000))),
			engine.NewBinaryMessage([]byte(strings.Repeat("long", 50000))),
		} {
			if err := s.Send(m, 0); err != nil {
				t.Error(err)
			}
			if err := c.Send(m, 0); err != nil {
				t.Error(err)
			}
		}
		for _, want := range []string{
			binaryMark + "\x01\x02\xff", "two", binaryMark + "and", binaryMark, binaryMark + "three", "",
			strings.Repeat("long", 50000), binaryMark + strings.Repeat("long", 50000),
		} {
			c.want(t, want)
			s.wantMessage(t, want)
		}
		if len(o.Transports) == 2 {
			if tr := receive(t, c.upgraded, "the upgrade"); tr != engine.WebSocket || c.Transport() != tr {
				t.Errorf("upgraded to %s, on %s", tr, c.Transport())
			}
			c.text(t, "after it")
			s.wantMessage(t, "after it")
			s.text(t, "after it")
			c.want(t, "after it")
		}
		c.Close()
		c.wantEnd(t, engine.ForcedClose)
		s.wantClose(t, engine.TransportClose)
	})
}

func TestClientServerCloses(t *testing.T) {
	t.Parallel()
	overEach(t, func(t *testing.T, h *harness, o *engine.DialOptions) {
		c, s := h.call(o)
		if len(o.Transports) == 2 {
			receive(t, c.upgraded, "the upgrade")
		}
		s.text(t, "last words")
		s.Close()
		c.want(t, "last words")
		c.wantEnd(t, engine.TransportClose)
		s.wantClose(t, engine.ForcedClose)
	})
}

// Messages stay in order during an upgrade, and none is lost or duplicated.
func TestClientOrder(t *testing.T) {
	t.Parallel()
	const senders, each = 4, 200
	overEach(t, func(t *testing.T, h *harness, o *engine.DialOptions) {
		c, s := h.call(o)
		send := func(m *engine.Message) error { return c.Send(m, 0) }
		check := func(who string, messages chan string) {
			next := make([]int, senders)
			for range senders * each {
				var sender, n int
				m := receive(t, messages, "a message for the "+who)
				if _, err := fmt.Sscanf(m, "%d:%d", &sender, &n); err != nil || n != next[sender] {
					t.Fatalf("the %s got %q, want message %d of it", who, m, next[sender])
				}
				next[sender]++
				if got := receive(t, messages, "an attachment"); got != binaryMark+m {
					t.Fatalf("the %s got attachment %q of message %q, want %v", who, got, m, binaryMark+m)
				}
			}
		}
		var wg sync.WaitGroup
		for _, send := range []func(*engine.Message) error{send, func(m *engine.Message) error { return s.Send(m, 0) }} {
			for sender := range senders {
				wg.Go(func() {
					for n := range each {
						text := fmt.Appendf(nil, "%d:%d", sender, n)
						if err := send(engine.NewTextMessage(text, text)); err != nil {
							t.Error(err)
						}
					}
				})
			}
		}
		wg.Wait()
		check("client", c.messages)
		check("server", s.messages)
		if len(o.Transports) == 2 {
			receive(t, c.upgraded, "the upgrade")
		}
		if len(c.messages)+len(s.messages) != 0 {
			t.Error("there were more messages")
		}
	})
}

// Messages sent before Close arrive in any state of the transport.
func TestClientCloseFlushes(t *testing.T) {
	t.Parallel()
	overEach(t, func(t *testing.T, h *harness, o *engine.DialOptions) {
		for i := range 10 {
			c, s := h.call(o)
			large := strings.Repeat("x", i*100_000)
			c.text(t, large)
			c.text(t, "last")
			c.Close()
			c.Close()
			s.wantMessage(t, large)
			s.wantMessage(t, "last")
			c.wantEnd(t, engine.ForcedClose)
			s.wantClose(t, engine.TransportClose)
			if c.Writable() || c.Buffered() != 0 {
				t.Error("writable after the end")
			}
		}
	})
}

// Close inside a handler, and a panic of one.
func TestClientEndsInHandler(t *testing.T) {
	t.Parallel()
	for name, reason := range map[string]engine.Reason{"close": engine.ForcedClose, "panic": engine.TransportError} {
		t.Run(name, func(t *testing.T) {
			overEach(t, func(t *testing.T, h *harness, o *engine.DialOptions) {
				c := newCaller()
				c.onMessage = func(client *engine.Client, data string) {
					if name == "panic" {
						panic(data)
					}
					client.Close()
				}
				h.callWith(o, c)
				s := receive(t, h.sessions, "the session")
				if err := s.Send(engine.NewTextMessage([]byte("now")), 0); err != nil {
					t.Fatal(err)
				}
				// It may arrive in one read with the first message, and must not be
				// delivered.
				_ = s.Send(engine.NewTextMessage([]byte("too late")), 0)
				c.wantEnd(t, reason)
				s.wantClose(t, engine.TransportClose)
				for len(c.messages) > 0 {
					if m := <-c.messages; m != "now" {
						t.Errorf("%q was delivered after the end, want %q", m, "now")
					}
				}
			})
		})
	}
}

func TestClientPanicElsewhere(t *testing.T) {
	t.Parallel()
	h := start(t, nil)
	for _, handler := range []engine.ClientHandler{panicsOnUpgrade{}, panicsOnClose{}} {
		o := h.dialOptions()
		o.Transports = nil
		c, err := engine.Dial(context.Background(), h.url, o, handler)
		if err != nil {
			t.Fatal(err)
		}
		s := receive(t, h.sessions, "the session")
		if _, ok := handler.(panicsOnClose); ok {
			c.Close()
		}
		receive(t, c.Done(), "Done")
		receive(t, s.closed, "the server's end")
	}
	c, err := engine.Dial(context.Background(), h.url, h.dialOptions(engine.WebSocket), nil)
	if err != nil {
		t.Fatal(err)
	}
	s := receive(t, h.sessions, "the session")
	s.text(t, "nobody listens")
	s.Close()
	receive(t, c.Done(), "Done")
}

type quiet struct{}

func (quiet) OnMessage(*engine.Client, []byte, bool)       {}
func (quiet) OnClose(*engine.Client, engine.Reason, error) {}

type panicsOnUpgrade struct{ quiet }

func (panicsOnUpgrade) OnUpgrade(*engine.Client, engine.Transport) { panic("upgrade") }

type panicsOnClose struct{ quiet }

func (panicsOnClose) OnClose(*engine.Client, engine.Reason, error) { panic("close") }

// Messages are compressed in both directions if both ends enable it.
func TestClientCompression(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("compress me ", 10000)
	for _, both := range []bool{true, false} {
		var so engine.ServerOptions
		if both {
			so.PerMessageDeflate = new(engine.PerMessageDeflate)
		}
		h := start(t, &so)
		o := h.dialOptions(engine.WebSocket)
		o.PerMessageDeflate = new(engine.PerMessageDeflate)
		var meter meter
		o.DialContext = meter.dial(h)
		c, s := h.call(o)
		for _, m := range []*engine.Message{engine.NewTextMessage([]byte(long), []byte(long)), engine.NewBinaryMessage([]byte(long))} {
			if err := errors.Join(c.Send(m, 0), s.Send(m, 0)); err != nil {
				t.Fatal(err)
			}
		}
		for _, want := range []string{long, binaryMark + long, binaryMark + long} {
			c.want(t, want)
			s.wantMessage(t, want)
		}
		for _, n := range []int64{meter.in.Load(), meter.out.Load()} {
			if small := n < int64(len(long)); small != both {
				t.Errorf("%d bytes went over the wire, compression %v", n, both)
			}
		}
		before := meter.out.Load()
		if err := c.Send(engine.NewTextMessage([]byte(long)), engine.NoCompress); err != nil {
			t.Fatal(err)
		}
		s.wantMessage(t, long)
		waitFor(t, "all bytes", func() bool { return meter.out.Load()-before > int64(len(long)) })
	}
}

// meter counts the bytes of a connection.
type meter struct{ in, out atomic.Int64 }

func (m *meter) dial(h *harness) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, _, _ string) (net.Conn, error) {
		nc, err := h.dial(ctx)
		return &metered{nc, m}, err
	}
}

type metered struct {
	net.Conn
	m *meter
}

func (c *metered) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.m.in.Add(int64(n))
	return n, err
}

func (c *metered) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	c.m.out.Add(int64(n))
	return n, err
}

// Responses to polls may be compressed.
func TestClientGzip(t *testing.T) {
	t.Parallel()
	h := start(t, nil)
	o := h.dialOptions(engine.Polling)
	var meter meter
	o.DialContext = meter.dial(h)
	c, s := h.call(o)
	long := strings.Repeat("compress me ", 10000)
	s.text(t, long)
	c.want(t, long)
	if n := meter.in.Load(); n > int64(len(long)) {
		t.Errorf("%d bytes arrived, want at most %v", n, int64(len(long)))
	}
}

func TestClientForceBase64(t *testing.T) {
	t.Parallel()
	frames := make(chan string, 10)
	h := startFake(t, &fake{websocket: func(p *fakePeer) {
		p.send(openWebSocket, "bAQID")
		for {
			m, err := p.read()
			if err != nil {
				close(frames)
				return
			}
			frames <- m
		}
	}})
	o := h.dialOptions(engine.WebSocket)
	o.ForceBase64 = true
	c := newCaller()
	h.callWith(o, c)
	c.want(t, binaryMark+"\x01\x02\x03")
	if err := c.Send(engine.NewTextMessage([]byte("x"), []byte{4, 5, 6}), 0); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"4x", "bBAUG"} {
		if got := receive(t, frames, "a frame"); got != want {
			t.Errorf("the server got %q, want %q", got, want)
		}
	}
	c.Close()

	// This package's server receives b64 in the query.
	real := start(t, nil)
	o.DialContext = real.dialOptions().DialContext
	c, s := real.call(o)
	if s.Handshake().Query.Get("b64") == "" {
		t.Error("b64 is not in the query of the handshake")
	}
	m := engine.NewBinaryMessage([]byte("both ways"))
	if err := errors.Join(c.Send(m, 0), s.Send(m, 0)); err != nil {
		t.Fatal(err)
	}
	c.want(t, binaryMark+"both ways")
	s.wantMessage(t, binaryMark+"both ways")
}

// Servers in Python take no more than 16 packets at once.
func TestClientBatchesFewPackets(t *testing.T) {
	t.Parallel()
	h, rec, _ := startRecorded(t, nil, (*httptest.Server).Start)
	c, s := h.call(h.dialOptions(engine.Polling))
	c.Cork()
	for i := range 40 {
		c.text(t, fmt.Sprint(i))
	}
	c.Uncork()
	for i := range 40 {
		s.wantMessage(t, fmt.Sprint(i))
	}
	posts := 0
	for _, r := range rec.all() {
		if r.Method == http.MethodPost {
			posts++
		}
	}
	if posts != 3 {
		t.Errorf("%d requests, want 3", posts)
	}
}

// Data requests stay below what the server accepts, also when one message does not.
func TestClientBatches(t *testing.T) {
	t.Parallel()
	const limit = 1000
	h, rec, _ := startRecorded(t, &engine.ServerOptions{MaxPayload: limit}, (*httptest.Server).Start)
	c, s := h.call(h.dialOptions(engine.Polling))
	c.Cork()
	var want []string
	for i := range 100 {
		text := fmt.Sprintf("%d%s", i, strings.Repeat("é", i))
		binary := strings.Repeat(string(rune('a'+i%26)), 7*i)
		want = append(want, text, binaryMark+binary, binaryMark)
		if err := c.Send(engine.NewTextMessage([]byte(text), []byte(binary), nil), 0); err != nil {
			t.Fatal(err)
		}
	}
	c.Uncork()
	for _, m := range want {
		s.wantMessage(t, m)
	}
	posts, total := 0, 0
	for _, r := range rec.all() {
		if r.Method == http.MethodPost {
			posts++
			total += int(r.ContentLength)
			if r.ContentLength > limit {
				t.Errorf("a request of %d bytes, want at most %v", r.ContentLength, limit)
			}
		}
	}
	if best := total / limit; posts > 2*best+2 {
		t.Errorf("%d requests for %d bytes, want at most %v", posts, total, 2*best+2)
	}
}

func TestClientCork(t *testing.T) {
	t.Parallel()
	overEach(t, func(t *testing.T, h *harness, o *engine.DialOptions) {
		c, s := h.call(o)
		if len(o.Transports) == 2 {
			receive(t, c.upgraded, "the upgrade")
		}
		c.Uncork()
		c.Cork()
		c.text(t, "one")
		c.text(t, "two")
		if n := c.Buffered(); n != 2*6 {
			t.Errorf("%d bytes wait, want %v", n, 2*6)
		}
		if len(s.messages) != 0 {
			t.Error("not held back")
		}
		c.Uncork()
		s.wantMessage(t, "one")
		s.wantMessage(t, "two")
		c.Cork()
		c.text(t, strings.Repeat("x", 70_000)) // so much is not held back
		s.wantMessage(t, strings.Repeat("x", 70_000))
		c.text(t, "before the end")
		c.Close()
		s.wantMessage(t, "before the end")
		c.wantEnd(t, engine.ForcedClose)
	})
}

// If the server does not read, the outbox fills and the policy applies.
func TestClientOverflow(t *testing.T) {
	t.Parallel()
	stuck := func(t *testing.T) (h *harness, release func()) {
		read := make(chan struct{})
		return startFake(t, &fake{
			websocket: func(p *fakePeer) {
				p.send(openWebSocket)
				<-read
				_ = p.end()
			},
			polling: func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodGet && r.URL.Query().Get("sid") == "" {
					_, _ = io.WriteString(w, openPolling)
					return
				}
				select {
				case <-read:
				case <-r.Context().Done():
				}
				_, _ = io.WriteString(w, "6")
			},
		}), sync.OnceFunc(func() { close(read) })
	}
	m := engine.NewTextMessage([]byte(strings.Repeat("x", 100_000)))
	for _, tr := range []engine.Transport{engine.Polling, engine.WebSocket} {
		for _, policy := range []engine.Overflow{engine.Disconnect, engine.Refuse, engine.DropNewest, engine.DropOldest} {
			t.Run(fmt.Sprint(tr, policy), func(t *testing.T) {
				h, release := stuck(t)
				o := h.dialOptions(tr)
				o.OutboxBytes, o.Overflow = 1<<20, policy
				c := newCaller()
				h.callWith(o, c)
				t.Cleanup(release)
				var err error
				for i := 0; i < 200 && err == nil; i++ { // 20 MB, more than sockets take
					err = c.Send(m, 0)
				}
				if n := c.Buffered(); n > 1<<20+engine.DefaultMaxPayload {
					t.Errorf("%d bytes wait, want at most %v", n, 1<<20+engine.DefaultMaxPayload)
				}
				if c.Writable() {
					t.Error("writable")
				}
				if err := c.Send(m, engine.Volatile); err != nil {
					t.Errorf("a volatile message: %v", err)
				}
				switch policy {
				case engine.Disconnect, engine.Refuse: // a client does not cut itself off
					if err != engine.ErrOutboxFull {
						t.Errorf("Send returned %v, want %v", err, engine.ErrOutboxFull)
					}
				default:
					if err != nil {
						t.Errorf("Send returned %v", err)
					}
				}
				if len(c.closed) != 0 {
					t.Error("the connection has ended")
				}
			})
		}
	}
}

func TestClientDrain(t *testing.T) {
	t.Parallel()
	for _, way := range clientWays {
		t.Run(way.name, func(t *testing.T) {
			gate := make(chan struct{})
			sessions := make(chan *session, 1)
			h := start(t, &engine.ServerOptions{OnConnect: func(c *engine.Conn) engine.Handler {
				s := newSession(c)
				s.onMessage = func(string) { <-gate }
				sessions <- s
				return s
			}})
			o := h.dialOptions(way.transports...)
			o.OutboxBytes = 64 << 20
			c := newCaller()
			h.callWith(o, c)
			s := receive(t, sessions, "the session")
			if len(way.transports) == 2 {
				receive(t, c.upgraded, "the upgrade")
			}
			large := strings.Repeat("x", 900_000)
			n := 0
			for ; c.Buffered() < 10<<20; n++ { // that is more than the system takes
				c.text(t, large)
			}
			if c.Writable() {
				t.Error("writable")
			}
			for len(c.drained) > 0 {
				<-c.drained // of a backlog that the system took after all
			}
			if err := c.Send(engine.NewTextMessage([]byte("volatile")), engine.Volatile); err != nil {
				t.Error(err)
			}
			close(gate)
			receive(t, c.drained, "OnDrain")
			for range n {
				s.wantMessage(t, large)
			}
			waitFor(t, "the outbox to be empty", func() bool { return c.Buffered() == 0 && c.Writable() })
			if err := c.Send(engine.NewTextMessage([]byte("volatile")), engine.Volatile); err != nil {
				t.Error(err)
			}
			s.wantMessage(t, "volatile") // once
			if len(s.messages) != 0 {
				t.Error("a volatile message was not dropped")
			}
		})
	}
}

// Both transports notice a broken connection.
func TestClientCut(t *testing.T) {
	t.Parallel()
	for _, way := range clientWays {
		t.Run(way.name, func(t *testing.T) {
			h := start(t, nil)
			o := h.dialOptions(way.transports...)
			var mu sync.Mutex
			var conns []net.Conn
			o.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
				nc, err := h.dial(ctx)
				mu.Lock()
				conns = append(conns, nc)
				mu.Unlock()
				return nc, err
			}
			c, s := h.call(o)
			if len(way.transports) == 2 {
				receive(t, c.upgraded, "the upgrade")
			}
			if len(way.transports) == 1 {
				waitFor(t, "the server to have a way to us", s.Writable)
			}
			mu.Lock()
			for _, nc := range conns {
				nc.Close()
			}
			mu.Unlock()
			if err := c.wantEnd(t, engine.TransportError); err == nil {
				t.Error("no cause")
			}
		})
	}
}

// Many connections at once, closed by either side at any time.
func TestClientMany(t *testing.T) {
	t.Parallel()
	h := start(t, nil)
	var wg sync.WaitGroup
	for i := range 60 {
		wg.Go(func() {
			c := newCaller()
			client, err := engine.Dial(context.Background(), h.url, h.dialOptions(clientWays[i%3].transports...), c)
			if err != nil {
				t.Error(err)
				return
			}
			for n := range 20 {
				if err := client.Send(engine.NewTextMessage(fmt.Appendf(nil, "%d", n), []byte("x")), 0); err != nil {
					break
				}
			}
			client.Close()
			receive(t, client.Done(), "Done")
		})
	}
	wg.Go(func() {
		for i := range 60 {
			if s := receive(t, h.sessions, "a session"); i%4 == 0 {
				s.Close()
			}
		}
	})
	wg.Wait()
}

// A client on a WebSocket has one goroutine and none of net/http's.
func TestClientGoroutines(t *testing.T) {
	const n = 20
	for _, way := range clientWays[1:] {
		t.Run(way.name, func(t *testing.T) {
			h := start(t, nil)
			for range n {
				c, _ := h.call(h.dialOptions(way.transports...))
				if len(way.transports) == 2 {
					receive(t, c.upgraded, "the upgrade")
				}
			}
			waitFor(t, "one goroutine for each client", func() bool {
				buf := make([]byte, 4<<20)
				stacks := string(buf[:runtime.Stack(buf, true)])
				return strings.Count(stacks, "created by github.com/seed96b07ef8/socketio/engine.(*Client)") == n &&
					!strings.Contains(stacks, "net/http.(*persistConn)")
			})
		})
	}
}
