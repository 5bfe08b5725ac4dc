package socketiotest_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"net/http"
	"net/url"
	"os"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed96b07ef8/socketio"
	"github.com/seed96b07ef8/socketio/engine"
	"github.com/seed96b07ef8/socketio/event"
	"github.com/seed96b07ef8/socketio/internal/leakcheck"
	"github.com/seed96b07ef8/socketio/parser"
	"github.com/seed96b07ef8/socketio/parser/msgpack"
	"github.com/seed96b07ef8/socketio/socketiotest"
)

func TestMain(m *testing.M) { os.Exit(leakcheck.Main(m)) }

var (
	_ event.Emitter   = (*socketiotest.Client)(nil)
	_ socketio.Caller = (*socketiotest.Client)(nil)
)

// transports runs a test over each transport, with real time and in a bubble with
// fake time.
func transports(t *testing.T, f func(t *testing.T, transport engine.Transport)) {
	for _, transport := range []engine.Transport{engine.Polling, engine.WebSocket} {
		t.Run(string(transport), func(t *testing.T) { f(t, transport) })
		t.Run(string(transport)+" in a bubble", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { f(t, transport) })
		})
	}
}

func TestConversation(t *testing.T) {
	t.Parallel()
	transports(t, func(t *testing.T, transport engine.Transport) {
		io := socketiotest.NewServer(t, nil)
		io.On("hello", func(s *socketio.Socket, name string) error { return s.Emit("greeting", "hi "+name, []byte{1}) })
		io.On("sum", func(a, b int) int { return a + b })
		answers := make(chan string, 1)
		io.On("ask me", func(ctx context.Context, s *socketio.Socket) error {
			answer, err := socketio.Call[string](ctx, s, "question", map[string]any{"n": 1})
			answers <- answer
			return err
		})

		c := socketiotest.Connect(t, io, &socketiotest.ClientOptions{Transport: transport})
		c.Emit("hello", "you")
		c.Expect("greeting", "hi you", []byte{1})

		var sum int
		if err := c.Call("sum", 1, 2).Decode(&sum); err != nil || sum != 3 {
			t.Errorf("the sum is %d, %v", sum, err)
		}
		sum, err := event.NewCall[struct{ A, B int }, int]("sum").Call(t.Context(), c, struct{ A, B int }{3, 4})
		if err != nil || sum != 7 {
			t.Errorf("the typed sum is %d, %v", sum, err)
		}

		c.Emit("ask me")
		question := c.Expect("question", struct {
			N int `json:"n"`
		}{1})
		if !question.WantsAck() {
			t.Error("the question wants no acknowledgement")
		}
		question.Ack("because")
		if answer := <-answers; answer != "because" {
			t.Errorf("the answer is %q", answer)
		}
	})
}

func TestNextAndAwait(t *testing.T) {
	t.Parallel()
	transports(t, func(t *testing.T, transport engine.Transport) {
		io := socketiotest.NewServer(t, nil)
		io.On("count", func(s *socketio.Socket, n int) error {
			for i := range n {
				if err := s.Emit("number", i); err != nil {
					return err
				}
			}
			return s.Emit("done")
		})
		c := socketiotest.Connect(t, io, &socketiotest.ClientOptions{Transport: transport})
		c.Emit("count", 2)
		for want := range 2 {
			e, got := c.Next(), -1
			if e.Decode(&got); e.Name != "number" || got != want || e.WantsAck() {
				t.Errorf("got %v, want number %d", e, want)
			}
		}
		c.Expect("done")
		c.Emit("count", 3)
		if e := c.Await("done"); e.Args.Len() != 0 {
			t.Errorf("awaited %v", e)
		}
		if e, ok := c.TryNext(); ok {
			t.Errorf("something is left: %v", e)
		}
		c.Call("count", 0)
		if e, ok := c.TryNext(); !ok || e.Name != "done" {
			t.Errorf("TryNext returned %v, %v before the acknowledgement that followed", e, ok)
		}
	})
}

func TestHandshake(t *testing.T) {
	t.Parallel()
	transports(t, func(t *testing.T, transport engine.Transport) {
		srv := socketio.NewServer(nil)
		mux := http.NewServeMux()
		mux.Handle("/chat/", srv)
		io := socketiotest.Serve(t, srv, mux)
		admin := io.Of("/admin")
		admin.Use(func(_ context.Context, s *socketio.Socket) error {
			var auth struct{ Token string }
			h := s.Handshake()
			if err := h.DecodeAuth(&auth); err != nil {
				return err
			}
			return s.Emit("seen", auth.Token, h.Header.Get("X-Test"), h.Query.Get("q"), s.Conn().Transport())
		})
		c := socketiotest.Connect(t, io, &socketiotest.ClientOptions{
			Namespace: "/admin",
			Auth:      map[string]string{"token": "secret"},
			Transport: transport,
			Path:      "/chat/",
			Header:    http.Header{"X-Test": {"header"}},
			Query:     url.Values{"q": {"query"}},
		})
		c.Expect("seen", "secret", "header", "query", string(transport))
		socketiotest.WaitFor(t, "the socket", func() bool { return admin.Socket(c.ID()) != nil })
	})
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	transports(t, func(t *testing.T, transport engine.Transport) {
		io := socketiotest.NewServer(t, &socketio.Options{Engine: engine.ServerOptions{
			AllowRequest: func(r *http.Request) error {
				if r.URL.Query().Get("banned") != "" {
					return errors.New("go away")
				}
				return nil
			},
		}})
		io.Use(func(context.Context, *socketio.Socket) error {
			return &socketio.ConnectError{Message: "not authorized", Data: map[string]any{"retry": false}}
		})
		refused := socketiotest.ExpectConnectError(t, io, &socketiotest.ClientOptions{Transport: transport})
		data, _ := refused.Data.(map[string]any)
		if refused.Message != "not authorized" || len(data) != 1 || data["retry"] != false {
			t.Errorf("refused with %v", refused)
		}
		refused = socketiotest.ExpectConnectError(t, io, &socketiotest.ClientOptions{Transport: transport, Namespace: "/none"})
		if refused.Message != "Invalid namespace" || refused.Data != nil {
			t.Errorf("refused with %v", refused)
		}
		refused = socketiotest.ExpectConnectError(t, io, &socketiotest.ClientOptions{Transport: transport, Query: url.Values{"banned": {"1"}}})
		if refused.Message != "go away" {
			t.Errorf("refused with %v", refused)
		}
	})
}

func TestNamespacesOfOneConnection(t *testing.T) {
	t.Parallel()
	transports(t, func(t *testing.T, transport engine.Transport) {
		io := socketiotest.NewServer(t, nil)
		reasons := make(chan string, 2)
		for _, n := range []*socketio.Namespace{io.Of("/"), io.Of("/other")} {
			n.On("where", func(s *socketio.Socket) string { return s.Namespace().Name() })
			n.OnDisconnect(func(s *socketio.Socket, reason socketio.Reason) {
				reasons <- s.Namespace().Name() + ": " + string(reason)
			})
		}
		c := socketiotest.Connect(t, io, &socketiotest.ClientOptions{Transport: transport})
		other := c.Join("/other", nil)
		var where string
		if err := other.Call("where").Decode(&where); err != nil || where != "/other" {
			t.Errorf("asked %q, %v", where, err)
		}
		if other.ID() == c.ID() || len(other.ID()) != 20 {
			t.Errorf("the IDs are %q and %q", c.ID(), other.ID())
		}
		other.Disconnect()
		if got := <-reasons; got != "/other: client namespace disconnect" {
			t.Errorf("the server saw %q", got)
		}
		other.Disconnect() // once more, for nothing
		if err := c.Call("where").Decode(&where); err != nil || where != "/" {
			t.Errorf("asked %q, %v", where, err)
		}
		c.Disconnect()
		if got := <-reasons; got != "/: client namespace disconnect" {
			t.Errorf("the server saw %q", got)
		}
		socketiotest.WaitFor(t, "the end of the connection", func() bool { return io.Engine().Len() == 0 })
	})
}

func TestDisconnectedByTheServer(t *testing.T) {
	t.Parallel()
	transports(t, func(t *testing.T, transport engine.Transport) {
		io := socketiotest.NewServer(t, nil)
		io.On("leave", func(s *socketio.Socket, conn bool) {
			if conn {
				s.DisconnectConn()
			} else {
				s.Disconnect()
			}
		})
		c := socketiotest.Connect(t, io, &socketiotest.ClientOptions{Transport: transport})
		c.Emit("leave", false)
		c.ExpectDisconnect(socketiotest.ServerDisconnect)

		_, err := c.EmitWithAck(t.Context(), "anybody?")
		var gone *socketio.DisconnectError
		if !errors.As(err, &gone) || gone.Reason != socketiotest.ServerDisconnect || !errors.Is(err, net.ErrClosed) {
			t.Errorf("EmitWithAck of a disconnected client: %v", err)
		}

		c = socketiotest.Connect(t, io, &socketiotest.ClientOptions{Transport: transport})
		other := socketiotest.Connect(t, io, &socketiotest.ClientOptions{Transport: transport})
		asked, waiting := make(chan struct{}), make(chan error, 1)
		io.Once("anybody?", func(ack func()) { close(asked) })
		go func() {
			_, err := c.EmitWithAck(context.Background(), "anybody?")
			waiting <- err
		}()
		<-asked
		c.Emit("leave", true)
		c.ExpectDisconnect(socketiotest.ServerDisconnect)
		if err := <-waiting; !errors.Is(err, net.ErrClosed) {
			t.Errorf("EmitWithAck during the disconnection: %v", err)
		}

		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		if _, err := other.EmitWithAck(ctx, "anybody?"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("EmitWithAck without an answer: %v", err)
		}
	})
}

func TestAbruptEnd(t *testing.T) {
	t.Parallel()
	io := socketiotest.NewServer(t, nil)
	reasons := make(chan socketio.Reason, 1)
	io.OnDisconnect(func(_ *socketio.Socket, reason socketio.Reason) { reasons <- reason })
	c := socketiotest.Connect(t, io, nil)
	c.Close()
	if reason := <-reasons; reason != socketio.TransportClose {
		t.Errorf("the server saw %q", reason)
	}
	c.ExpectDisconnect(socketio.TransportClose)
}

func TestReconnect(t *testing.T) {
	t.Parallel()
	transports(t, func(t *testing.T, transport engine.Transport) {
		for _, auth := range []any{nil, map[string]string{"token": "secret"}} {
			io := socketiotest.NewServer(t, &socketio.Options{Recovery: new(socketio.Recovery)})
			gone := make(chan struct{}, 2)
			io.OnDisconnect(func(*socketio.Socket, socketio.Reason) { gone <- struct{}{} })
			io.On("auth", func(s *socketio.Socket) (auth map[string]any, err error) {
				err = s.Handshake().DecodeAuth(&auth)
				return auth, err
			})
			c := socketiotest.Connect(t, io, &socketiotest.ClientOptions{Transport: transport, Auth: auth})
			if err := io.Emit("before", 1, "text"); err != nil {
				t.Fatal(err)
			}
			c.Expect("before", 1, "text")
			id := c.ID()
			// The last string of an event with an acknowledgement is not an
			// offset.
			asked := make(chan error, 1)
			go func() {
				_, err := io.Socket(id).EmitWithAck(t.Context(), "question", "text")
				asked <- err
			}()
			c.Expect("question", "text").Ack()
			if err := <-asked; err != nil {
				t.Fatal(err)
			}
			io.Socket(id).Conn().Close() // for the client the connection is lost
			<-gone
			c.ExpectDisconnect(socketio.TransportClose)
			if err := io.To(id).Emit("missed"); err != nil {
				t.Fatal(err)
			}

			c = c.Reconnect()
			if !c.Recovered() || c.ID() != id {
				t.Errorf("recovered: %v, from %q to %q", c.Recovered(), id, c.ID())
			}
			c.Expect("missed")
			var seen map[string]any
			if err := c.Call("auth").Decode(&seen); err != nil || auth != nil && seen["token"] != "secret" {
				t.Errorf("the server saw %v, %v", seen, err)
			}
			c.Disconnect()
			<-gone
			if c = c.Reconnect(); c.Recovered() || c.ID() == id {
				t.Errorf("recovered after it has left: %v, from %q to %q", c.Recovered(), id, c.ID())
			}
		}
	})
}

// Integers are compared exactly, and structs in their JSON form.
func TestExpectExactly(t *testing.T) {
	t.Parallel()
	for _, codec := range []parser.Codec{parser.JSON, msgpack.Codec} {
		io := socketiotest.NewServer(t, &socketio.Options{Codec: codec})
		c := socketiotest.Connect(t, io, &socketiotest.ClientOptions{Codec: codec})
		for _, args := range [][]any{
			{int64(1<<53 + 1), uint64(math.MaxUint64), []byte{1}}, {[]any{1, 2.5, 1e300, nil}, map[string]any{"n": int64(math.MinInt64), "b": []byte{2}}},
			{struct{ A, B any }{int64(-1<<53 - 1), struct{}{}}},
		} {
			if err := io.Emit("e", args...); err != nil {
				t.Fatal(err)
			}
			c.Expect("e", args...)
		}
		if err := io.Emit("e", struct{ N int64 }{1<<53 + 1}); err != nil {
			t.Fatal(err)
		}
		c.Expect("e", map[string]any{"N": int64(1<<53 + 1)})
	}
}

func TestReconnectWithoutRecovery(t *testing.T) {
	t.Parallel()
	io := socketiotest.NewServer(t, nil)
	c := socketiotest.Connect(t, io, nil)
	id := c.ID()
	c.Close()
	if c = c.Reconnect(); c.Recovered() || c.ID() == id {
		t.Errorf("recovered: %v, from %q to %q", c.Recovered(), id, c.ID())
	}
}

// TestHeartbeat waits for the heartbeat's 25 + 20 s in fake time.
func TestHeartbeat(t *testing.T) {
	t.Parallel()
	for _, transport := range []engine.Transport{engine.Polling, engine.WebSocket} {
		t.Run(string(transport), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				io := socketiotest.NewServer(t, nil)
				reasons := make(chan socketio.Reason, 2)
				io.OnDisconnect(func(_ *socketio.Socket, reason socketio.Reason) { reasons <- reason })
				alive := socketiotest.Connect(t, io, &socketiotest.ClientOptions{Transport: transport})
				dead := socketiotest.Connect(t, io, &socketiotest.ClientOptions{Transport: transport})
				dead.Hang()
				start := time.Now()
				if reason := <-reasons; reason != socketio.PingTimeout {
					t.Errorf("disconnected with %q", reason)
				}
				if took := time.Since(start); took != 45*time.Second {
					t.Errorf("it took %v", took)
				}
				dead.ExpectDisconnect(socketio.TransportClose)

				time.Sleep(time.Hour) // of fake time
				if e, ok := alive.TryNext(); ok {
					t.Errorf("received %v", e)
				}
				alive.Disconnect()
				if reason := <-reasons; reason != socketio.ClientNamespaceDisconnect {
					t.Errorf("the one that answers was disconnected with %q", reason)
				}
			})
		})
	}
}

func TestHTTPClient(t *testing.T) {
	t.Parallel()
	srv := socketio.NewServer(nil)
	mux := http.NewServeMux()
	mux.Handle("/socket.io/", srv)
	mux.HandleFunc("POST /notify", func(w http.ResponseWriter, r *http.Request) {
		if err := srv.Emit("notified", r.FormValue("text")); err != nil {
			t.Error(err)
		}
	})
	io := socketiotest.Serve(t, srv, mux)
	c := socketiotest.Connect(t, io, nil)
	socketiotest.WaitFor(t, "the socket", func() bool { return io.Socket(c.ID()) != nil })
	resp, err := io.HTTPClient().PostForm(io.URL+"/notify", url.Values{"text": {"hi"}})
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("POST: %v, %v", resp, err)
	}
	resp.Body.Close()
	c.Expect("notified", "hi")
}

// EmitWithAck may be called on any goroutine. Over polling, a server ends a session that
// sends two requests with data at the same time.
func TestConcurrentCalls(t *testing.T) {
	t.Parallel()
	for _, transport := range []engine.Transport{engine.Polling, engine.WebSocket} {
		io := socketiotest.NewServer(t, nil)
		io.On("double", func(n int) int { return 2 * n })
		c := socketiotest.Connect(t, io, &socketiotest.ClientOptions{Transport: transport})
		var calls sync.WaitGroup
		for i := range 20 {
			calls.Go(func() {
				for range 20 {
					if n, err := socketio.Call[int](t.Context(), c, "double", i); err != nil || n != 2*i {
						t.Errorf("%s: got %d, %v", transport, n, err)
						return
					}
				}
			})
		}
		calls.Wait()
	}
}

// The client answers a heartbeat while the test sends something.
func TestHeartbeatWhileSending(t *testing.T) {
	t.Parallel()
	for _, transport := range []engine.Transport{engine.Polling, engine.WebSocket} {
		synctest.Test(t, func(t *testing.T) {
			io := socketiotest.NewServer(t, nil)
			io.On("now", func() error { return nil })
			c := socketiotest.Connect(t, io, &socketiotest.ClientOptions{Transport: transport})
			for range 100 {
				time.Sleep(25 * time.Second) // when the heartbeat arrives
				c.Call("now")
			}
		})
	}
}

// Time passes in a bubble while sending waits for the server, which then receives all.
func TestSendingToASlowServer(t *testing.T) {
	t.Parallel()
	for _, transport := range []engine.Transport{engine.Polling, engine.WebSocket} {
		synctest.Test(t, func(t *testing.T) {
			io := socketiotest.NewServer(t, &socketio.Options{InboxEvents: 1})
			handled := 0
			io.On("slow", func() int {
				time.Sleep(time.Minute)
				handled++
				return handled
			})
			c := socketiotest.Connect(t, io, &socketiotest.ClientOptions{Transport: transport, Timeout: time.Hour})
			for range 5 {
				c.Emit("slow")
			}
			var n int
			if err := c.Call("slow").Decode(&n); err != nil || n != 6 {
				t.Errorf("%s: the server handled %d of 6 events; %v", transport, n, err)
			}
		})
	}
}

type point struct{ X int }

func (p point) MarshalJSON() ([]byte, error) { return fmt.Appendf(nil, `{"x":%d}`, p.X), nil }

// A server with recovery marks volatile events by a null, which Expect does not need.
func TestExpectVolatileEvents(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		io := socketiotest.NewServer(t, &socketio.Options{Recovery: &socketio.Recovery{}})
		c := socketiotest.Connect(t, io, nil)
		for _, args := range [][]any{{}, {"text"}, {point{1}}, {1}} {
			synctest.Wait() // until nothing is being written, or the event is dropped
			if err := io.Volatile().Emit("e", args...); err != nil {
				t.Fatal(err)
			}
			c.Expect("e", args...)
		}
	})
}

// Taking an event does not copy those that wait behind it, which would make a test of
// many events take minutes.
func TestTakingOneOfManyEvents(t *testing.T) {
	const events = 5000
	var o socketio.Options
	o.Engine.OutboxMessages = events
	io := socketiotest.NewServer(t, &o)
	io.On("count", func(s *socketio.Socket) error {
		for i := range events {
			if err := s.Emit("n", i); err != nil {
				return err
			}
		}
		return nil
	})
	c := socketiotest.Connect(t, io, nil)
	c.Call("count") // its answer comes behind the events
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range events {
		if _, ok := c.TryNext(); !ok {
			t.Fatal("an event is missing")
		}
	}
	runtime.ReadMemStats(&after)
	if n := (after.TotalAlloc - before.TotalAlloc) / events; n > 10_000 {
		t.Errorf("taking an event allocates %d bytes", n)
	}
}
