package client_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/seed96b07ef8/socketio"
	"github.com/seed96b07ef8/socketio/client"
	"github.com/seed96b07ef8/socketio/engine"
	"github.com/seed96b07ef8/socketio/parser"
	"github.com/seed96b07ef8/socketio/socketiotest"
)

type item struct {
	Name string `json:"name"`
	Data []byte `json:"data"`
}

func TestEventsAndAcks(t *testing.T) {
	t.Parallel()
	settings(t, func(t *testing.T, way setting) {
		srv := way.serve(t, nil)
		srv.On("sum", func(a, b int) int { return a + b })
		srv.On("echo", func(s *socketio.Socket, v item) error { return s.Emit("echo", v, v.Name) })
		srv.On("quiet", func() {})
		asked := make(chan string, 1)
		srv.On("ask me", func(ctx context.Context, s *socketio.Socket) error {
			answer, err := socketio.Call[string](ctx, s, "question", "ready?")
			asked <- answer
			return err
		})

		c := way.client(t, srv, "/", nil)
		echoes := make(chan item, 1)
		c.On("echo", func(s *client.Socket, v item, name string) {
			if s != c || name != v.Name {
				t.Errorf("got %q, %v", name, s)
			}
			echoes <- v
		})
		c.On("question", func(q string) string { return q + " yes" })
		connect(t, c)
		if id := c.ID(); !c.Connected() || !c.Active() || srv.Socket(id) == nil {
			t.Errorf("connected: %v, active: %v, ID %q", c.Connected(), c.Active(), id)
		}

		ctx := within(t)
		if sum, err := client.Call[int](ctx, c, "sum", 1, 2); sum != 3 || err != nil {
			t.Errorf("sum: %d, %v", sum, err)
		}
		blob := bytes.Repeat([]byte{0, 1, 2, 255}, 1000)
		if err := c.Emit("echo", item{"blob", blob}); err != nil {
			t.Fatal(err)
		}
		if v := receive(t, echoes, "the echo"); v.Name != "blob" || !bytes.Equal(v.Data, blob) {
			t.Errorf("the echo is %q with %d bytes", v.Name, len(v.Data))
		}
		if err := c.Emit("ask me"); err != nil {
			t.Fatal(err)
		}
		if answer := receive(t, asked, "the answer"); answer != "ready? yes" {
			t.Errorf("the answer is %q", answer)
		}
	})
}

// Data that handlers get lent is right while they run, and so is what they send of it.
func TestBorrowed(t *testing.T) {
	t.Parallel()
	settings(t, func(t *testing.T, way setting) {
		srv := way.serve(t, nil)
		srv.On("both ways", func(s *socketio.Socket, b socketio.Borrowed) error {
			if err := s.Emit("lend", b); err != nil {
				return err
			}
			return s.Emit("keep", b)
		})
		connected := make(chan *socketio.Socket, 1)
		srv.OnConnect(func(s *socketio.Socket) { connected <- s })
		c := way.client(t, srv, "/", nil)
		echoes := make(chan []byte, 1000)
		c.On("lend", func(b client.Borrowed) error {
			echoes <- bytes.Clone(b)
			return c.Emit("result", b)
		})
		c.On("keep", func(b []byte) { echoes <- b })
		c.On("answer", func(b client.Borrowed) client.Borrowed { return b })
		results := make(chan []byte, 1000)
		srv.On("result", func(b []byte) { results <- b })
		connect(t, c)
		s := receive(t, connected, "the connection")

		var kept, want [][]byte
		for i := range 40 {
			data := bytes.Repeat([]byte{byte(i), byte(i + 1), 0xff}, 300+1000*(i%20))
			if err := c.Emit("both ways", client.Borrowed(data)); err != nil {
				t.Fatal(err)
			}
			kept = append(kept, receive(t, echoes, "what is lent"), receive(t, echoes, "what is kept"), receive(t, results, "the result"))
			answer, err := socketio.Call[[]byte](within(t), s, "answer", data)
			if err != nil {
				t.Fatal(err)
			}
			kept, want = append(kept, answer), append(want, data, data, data, data)
		}
		for i := range kept {
			if !bytes.Equal(kept[i], want[i]) {
				t.Fatalf("%d: got %d bytes, or others, want %d", i, len(kept[i]), len(want[i]))
			}
		}
	})
}

func TestNamespacesShareAConnection(t *testing.T) {
	t.Parallel()
	settings(t, func(t *testing.T, way setting) {
		srv := way.serve(t, nil)
		for _, name := range []string{"/", "/a", "/b"} {
			srv.Of(name).On("where", func(s *socketio.Socket) string { return s.Namespace().Name() })
		}
		o := way.options(srv)
		var all []*client.Socket
		for _, name := range []string{"/", "/a", "/b"} {
			c := client.New(srv.URL+name, o)
			all = append(all, c)
			if c.Namespace() != name || c.Manager() != all[0].Manager() {
				t.Errorf("%s has a manager of its own", c.Namespace())
			}
		}
		end(t, all[0].Manager())
		for _, c := range all {
			if got, err := client.Call[string](within(t), connect(t, c), "where"); got != c.Namespace() || err != nil {
				t.Errorf("%s: %q, %v", c.Namespace(), got, err)
			}
		}
		if n := srv.Stats().Connections; n != 1 {
			t.Errorf("there are %d connections", n)
		}
		all[1].Disconnect()
		if all[1].Connected() || all[1].Active() || !all[0].Connected() {
			t.Error("Disconnect has ended something else")
		}
		if got, err := client.Call[string](within(t), all[2], "where"); got != "/b" || err != nil {
			t.Errorf("%q, %v", got, err)
		}
		all[0].Disconnect()
		all[2].Disconnect()
		socketiotest.WaitFor(t, "the end of the connection", func() bool { return srv.Stats().Connections == 0 })
		// They connect again over a new connection.
		if got, err := client.Call[string](within(t), connect(t, all[1]), "where"); got != "/a" || err != nil {
			t.Errorf("%q, %v", got, err)
		}
	})
}

// Events are handled in the order in which they came, also when the inbox is full.
func TestEventsKeepTheirOrder(t *testing.T) {
	settings(t, func(t *testing.T, way setting) {
		srv := way.serve(t, nil)
		const n = 2000
		srv.On("go", func(s *socketio.Socket) error {
			for i := range n {
				if err := s.Emit("n", i); err != nil {
					return err
				}
			}
			return nil
		})
		srv.On("n", func(s *socketio.Socket, i int) error { return s.Emit("back", i) })
		c := way.client(t, srv, "/", func(o *client.Options) { o.InboxEvents = 16 })
		var got, back []int
		done := make(chan bool, 2)
		c.On("n", func(i int) error {
			if got = append(got, i); i == n-1 {
				done <- true
			}
			return c.Emit("n", i)
		})
		c.On("back", func(i int) {
			if back = append(back, i); i == n-1 {
				done <- true
			}
		})
		connect(t, c)
		if err := c.Emit("go"); err != nil {
			t.Fatal(err)
		}
		receive(t, done, "the events")
		receive(t, done, "their echo")
		for _, l := range [][]int{got, back} {
			if len(l) != n || !slices.IsSorted(l) {
				t.Errorf("got %d events, in order: %v", len(l), slices.IsSorted(l))
			}
		}
	})
}

// A handler may wait for an acknowledgement, and holds up no other namespace.
func TestHandlersMayBlock(t *testing.T) {
	t.Parallel()
	srv := overWebSocket.serve(t, nil)
	srv.On("value", func() int { return 42 })
	other := srv.Of("/other")
	other.On("value", func() int { return 43 })
	o := overWebSocket.options(srv)
	c := client.New(srv.URL, o)
	end(t, c.Manager())
	o2 := client.New(srv.URL+"/other", o)
	values, blocked, release := make(chan int, 1), make(chan bool), make(chan bool)
	c.On("ask", func(ctx context.Context, s *client.Socket) error {
		v, err := client.Call[int](ctx, s, "value")
		values <- v
		return err
	})
	c.On("block", func() {
		close(blocked)
		<-release
	})
	connect(t, c)
	connect(t, o2)
	if err := srv.Emit("ask"); err != nil {
		t.Fatal(err)
	}
	if v := receive(t, values, "the value"); v != 42 {
		t.Errorf("got %d", v)
	}
	if err := srv.Emit("block"); err != nil {
		t.Fatal(err)
	}
	receive(t, blocked, "the handler")
	if v, err := client.Call[int](within(t), o2, "value"); v != 43 || err != nil {
		t.Errorf("the other namespace: %d, %v", v, err)
	}
	if v, err := client.Call[int](within(t), c, "value"); v != 42 || err != nil {
		t.Errorf("the namespace itself: %d, %v", v, err)
	}
	close(release)
}

func TestListeners(t *testing.T) {
	t.Parallel()
	srv := overWebSocket.serve(t, nil)
	c := overWebSocket.client(t, srv, "/", nil)
	var got list[string]
	note := func(s string) func() { return func() { got.add(s) } }
	off := c.On("e", note("on"))
	c.Once("e", note("once"))
	c.OnAny(func(event string, args client.Args) { got.add(fmt.Sprint("any ", event, args.Len())) })
	offAny := c.PrependAny(func(event string, args client.Args) { got.add("first") })
	c.OnAnyOutgoing(func(event string, args []any) { got.add(fmt.Sprint("out ", event, args)) })
	c.PrependAnyOutgoing(func(event string, args []any) { got.add("first out") })
	done := make(chan bool, 1)
	c.On("done", func() { done <- true })
	connect(t, c)
	_ = srv.Emit("e", 1)
	_ = srv.Emit("e", 1, 2)
	_ = srv.Emit("done")
	receive(t, done, "the events")
	off()
	offAny()
	_ = srv.Emit("e")
	_ = srv.Emit("done")
	receive(t, done, "the events")
	if err := c.Compress(true).Send("x", 1); err != nil {
		t.Fatal(err)
	}
	want := []string{"first", "any e1", "on", "once", "first", "any e2", "on", "first", "any done0",
		"any e0", "any done0", "first out", "out message[x 1]"}
	if all := got.get(); !slices.Equal(all, want) {
		t.Errorf("got  %q\nwant %q", all, want)
	}
}

func TestHandlersOfTheWrongShape(t *testing.T) {
	t.Parallel()
	c := client.New("http://localhost", nil)
	for _, test := range []struct {
		event   string
		handler any
		want    string
	}{
		{"e", nil, `"e" is nil`},
		{"e", (func())(nil), "it is nil"},
		{"e", func(s *socketio.Socket) {}, "a *socketio.Socket is not received"},
		{"e", func(chan int) {}, "func([ctx context.Context,] [s *client.Socket,] args... [, ack func(...)]) [results...] [error]"},
		{"connect", func() {}, "use OnConnect"},
		{"connect_error", func() {}, "OnConnectError"},
	} {
		t.Run(test.event+test.want, func(t *testing.T) {
			defer func() {
				if v := fmt.Sprint(recover()); !strings.Contains(v, test.want) || !strings.HasPrefix(v, "client: ") {
					t.Errorf("panicked with %s", v)
				}
			}()
			c.On(test.event, test.handler)
		})
	}
}

func TestErrorsOfHandlers(t *testing.T) {
	t.Parallel()
	srv := overWebSocket.serve(t, nil)
	c := overWebSocket.client(t, srv, "/", nil)
	errs := make(chan error, 1)
	c.OnError(func(err error) { errs <- err })
	failure := errors.New("no luck")
	c.On("fail", func() error { return failure })
	c.On("typed", func(s string, n int) {})
	c.On("panic", func() { panic("out of order") })
	c.On("bad answer", func(ack func(any)) { ack(func() {}) })
	c.OnAny(func(event string, args client.Args) {
		if event == "any panic" {
			panic("any")
		}
	})
	c.On("any panic", func() error { return failure })
	connect(t, c)
	next := func(event string, args ...any) *client.EventError {
		if err := srv.Emit(event, args...); err != nil {
			t.Fatal(err)
		}
		err := errorAs[*client.EventError](t, receive(t, errs, "the error"))
		if err.Event != event || !strings.Contains(err.Error(), event) {
			t.Errorf("%s: %v", event, err)
		}
		return err
	}
	if err := next("fail"); !errors.Is(err, failure) {
		t.Error(err)
	}
	if e := errorAs[*client.ArgError](t, next("typed", "x", "y")); e.Index != 1 {
		t.Error(e)
	}
	if e := errorAs[*client.PanicError](t, next("panic")); e.Value != "out of order" || !strings.Contains(string(e.Stack), "events_test.go") {
		t.Errorf("%v at %s", e, e.Stack)
	}
	if e := errorAs[*client.PanicError](t, next("any panic")); e.Value != "any" {
		t.Error(e)
	}
	if err := receive(t, errs, "the error of the handler"); !errors.Is(err, failure) {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	go func() { _, _ = srv.Socket(c.ID()).EmitWithAck(ctx, "bad answer") }()
	if err := receive(t, errs, "the error of the answer"); errorAs[*client.ArgError](t, err).Index != 0 {
		t.Error(err)
	}
	cancel()
	if !c.Connected() {
		t.Error("a panic has ended the connection")
	}
}

// A handler that ends its goroutine, as FailNow does, ends nothing else.
func TestHandlerThatEndsItsGoroutine(t *testing.T) {
	t.Parallel()
	srv := overWebSocket.serve(t, nil)
	c := overWebSocket.client(t, srv, "/", nil)
	got := make(chan int, 3)
	c.On("n", func(n int) {
		got <- n
		runtime.Goexit()
	})
	connect(t, c)
	for n := range 3 {
		if err := srv.Emit("n", n); err != nil {
			t.Fatal(err)
		}
	}
	for n := range 3 {
		if m := receive(t, got, "the event"); m != n {
			t.Errorf("got %d, want %d", m, n)
		}
	}
}

func TestErrorsOfEmit(t *testing.T) {
	t.Parallel()
	srv := overWebSocket.serve(t, nil)
	c := connect(t, overWebSocket.client(t, srv, "/", nil))
	if err := c.Emit("disconnect"); !errors.Is(err, client.ErrReservedEvent) {
		t.Error(err)
	}
	if err := c.Emit("e", 1, func() {}); errorAs[*client.ArgError](t, err).Index != 1 {
		t.Error(err)
	}
	many := make([]any, 11)
	for i := range many {
		many[i] = []byte{1}
	}
	if e := errorAs[*client.LimitError](t, c.Emit("e", many...)); e.Option != "Limits.MaxAttachments" || e.Max != 10 {
		t.Error(e)
	}
	if err := c.Emit("e", many[1:]...); err != nil {
		t.Errorf("Emit with 10 attachments: %v, want no error", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.EmitWithAck(ctx, "nobody answers"); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	c.Manager().Close()
	if err := c.Emit("e"); !errors.Is(err, net.ErrClosed) || !errors.Is(err, client.ErrClosed) {
		t.Error(err)
	}
	if _, err := c.EmitWithAck(t.Context(), "e"); !errors.Is(err, net.ErrClosed) {
		t.Error(err)
	}
	if err := c.Manager().Socket("/late", nil).Emit("e"); !errors.Is(err, client.ErrClosed) {
		t.Error(err)
	}
	if err := c.Connect(t.Context()); !errors.Is(err, client.ErrClosed) {
		t.Error(err)
	}
	if err := c.Open(); !errors.Is(err, client.ErrClosed) {
		t.Error(err)
	}
}

func TestPendingAcksAreBounded(t *testing.T) {
	t.Parallel()
	srv := overWebSocket.serve(t, nil)
	c := connect(t, overWebSocket.client(t, srv, "/", func(o *client.Options) { o.MaxPendingAcks = 2 }))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var refused atomic.Int32
	errs := make(chan error, 3)
	for range 3 {
		go func() {
			_, err := c.EmitWithAck(ctx, "nobody answers")
			if e, ok := errors.AsType[*client.LimitError](err); ok && e.Option == "MaxPendingAcks" {
				refused.Add(1)
				cancel()
			}
			errs <- err
		}()
	}
	for range 3 {
		receive(t, errs, "the end of the wait")
	}
	if refused.Load() != 1 {
		t.Errorf("%d were refused", refused.Load())
	}
}

// A full inbox, whose handler does not return, keeps nothing from ending but the
// handler itself.
func TestCloseWithAFullInbox(t *testing.T) {
	t.Parallel()
	transports(t, parser.JSON, func(t *testing.T, way setting) {
		srv := way.serve(t, nil)
		c := way.client(t, srv, "/", func(o *client.Options) { o.InboxEvents = 2 })
		entered, release := make(chan bool, 1), make(chan bool)
		handled := new(list[int])
		c.On("n", func(ctx context.Context, i int) {
			handled.add(i)
			entered <- true
			<-ctx.Done()
			<-release
		})
		ended := make(chan bool, 1)
		c.OnDisconnect(func(client.Reason, error) { ended <- true })
		connect(t, c)
		e := c.Manager().Engine()
		for i := range 20 {
			if err := srv.Emit("n", i); err != nil {
				t.Fatal(err)
			}
		}
		receive(t, entered, "the handler")
		c.Manager().Close()
		receive(t, e.Done(), "the end of the connection")
		close(release)
		receive(t, ended, "the disconnection")
		if all := handled.get(); len(all) != 1 {
			t.Errorf("events %v were handled", all)
		}
	})
}

// What handlers emit while further events wait leaves together.
func TestEventsOfHandlersLeaveTogether(t *testing.T) {
	t.Parallel()
	const n = 200
	io := socketio.NewServer(&socketio.Options{Logger: slog.New(slog.DiscardHandler)})
	var posts atomic.Int32
	srv := socketiotest.Serve(t, io, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			posts.Add(1)
		}
		io.ServeHTTP(w, r)
	}))
	back := make(chan int, n)
	io.On("n", func(i int) { back <- i })
	c := setting{[]engine.Transport{engine.Polling}, parser.JSON}.client(t, srv, "/", nil)
	begun := make(chan bool)
	c.On("begin", func() { <-begun })
	c.On("n", func(i int) error { return c.Emit("n", i) })
	last := make(chan bool, 1)
	c.OnAny(func(event string, _ client.Args) {
		if event == "last" {
			last <- true
		}
	})
	connect(t, c)
	before := posts.Load()
	_ = io.Emit("begin")
	for i := range n {
		_ = io.Emit("n", i)
	}
	_ = io.Emit("last")
	close(begun)
	for i := range n {
		if got := receive(t, back, "the event"); got != i {
			t.Fatalf("got %d, want %d", got, i)
		}
	}
	receive(t, last, "the last event")
	if posts := posts.Load() - before; posts > n/4 {
		t.Errorf("%d events have left with %d requests", n, posts)
	}
}
