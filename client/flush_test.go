package client_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed96b07ef8/socketio"
	"github.com/seed96b07ef8/socketio/client"
	"github.com/seed96b07ef8/socketio/engine"
	"github.com/seed96b07ef8/socketio/parser"
	"github.com/seed96b07ef8/socketio/socketiotest"
)

// Shutdown returns when the server has read everything, of a socket that shares its
// connection, of the last one, and of a manager.
func TestShutdown(t *testing.T) {
	t.Parallel()
	transports(t, parser.JSON, func(t *testing.T, way setting) {
		srv := way.serve(t, nil)
		var got list[int]
		reasons := make(chan socketio.Reason, 10)
		for _, name := range []string{"/", "/chat"} {
			nsp := srv.Of(name)
			nsp.On("n", func(n int) int { got.add(n); return n })
			nsp.OnDisconnect(func(_ *socketio.Socket, r socketio.Reason) { reasons <- r })
		}
		root := way.client(t, srv, "/", nil)
		m := root.Manager()
		chat := m.Socket("/chat", &client.SocketOptions{Retries: 1, AckTimeout: time.Minute})
		want := 0
		burst := func(s *client.Socket) {
			for range 50 {
				if err := s.Emit("n", want); err != nil {
					t.Fatal(err)
				}
				want++
			}
		}
		end := func(shutdown func(context.Context) error) {
			t.Helper()
			if err := shutdown(within(t)); err != nil {
				t.Errorf("Shutdown: %v", err)
			}
			if r := receive(t, reasons, "the end"); r != socketio.ClientNamespaceDisconnect {
				t.Errorf("the server knows of %q", r)
			}
		}
		burst(chat) // waits for the connection
		connect(t, root)
		connect(t, chat)
		end(chat.Shutdown)
		if !root.Connected() || chat.Active() {
			t.Errorf("connected %v, active %v", root.Connected(), chat.Active())
		}
		burst(root)
		conn := m.Engine()
		end(root.Shutdown)
		receive(t, conn.Done(), "the end of the connection")
		if err := root.Shutdown(within(t)); err != nil {
			t.Errorf("Shutdown without a connection: %v", err)
		}
		connect(t, root)
		burst(root)
		end(m.Shutdown)
		if err := root.Connect(within(t)); !errors.Is(err, client.ErrClosed) {
			t.Errorf("Connect after Shutdown: %v", err)
		}
		if all := got.get(); fmt.Sprint(all) != fmt.Sprint(numbers(0, want)[:want]) {
			t.Errorf("%d of %d events arrived, or in another order: %v", len(all), want, all)
		}
	})
}

// Shutdown ends with its context, and what it was to end ends all the same.
func TestShutdownEnds(t *testing.T) {
	t.Parallel()
	m := client.NewManager("http://nowhere.test", nowhere())
	s := m.Socket("/", nil)
	_ = s.Emit("waits")
	if err := s.Flush(within(t)); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Flush of what nothing sends: %v", err)
	}
	if err := s.Open(); err != nil {
		t.Fatal(err)
	}
	cause := errors.New("no time")
	ctx, cancel := context.WithCancelCause(context.Background())
	flushed := make(chan error, 1)
	go func() { flushed <- s.Flush(ctx) }()
	cancel(cause)
	if err := receive(t, flushed, "the end of Flush"); !errors.Is(err, context.Canceled) || !errors.Is(err, cause) {
		t.Errorf("Flush: %v", err)
	}
	if err := s.Shutdown(ctx); !errors.Is(err, cause) || s.Active() {
		t.Errorf("Shutdown: %v, active %v", err, s.Active())
	}
	_ = s.Open()
	go func() { flushed <- s.Flush(context.Background()) }()
	if err := m.Shutdown(ctx); !errors.Is(err, cause) {
		t.Errorf("Shutdown: %v", err)
	}
	if err := s.Open(); !errors.Is(err, client.ErrClosed) {
		t.Errorf("Open: %v", err)
	}
	if err := receive(t, flushed, "the end of Flush"); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Flush when the manager was closed: %v", err)
	}
}

// A burst is refused in part, with an error that says why, and costs nothing else. With
// EmitWait all of it arrives, and OnDrain reports when Emit may continue.
func TestBurst(t *testing.T) {
	t.Parallel()
	transports(t, parser.JSON, func(t *testing.T, way setting) {
		srv := way.serve(t, nil)
		var got list[int]
		srv.On("n", func(n int) { got.add(n) })
		c := way.client(t, srv, "/", func(o *client.Options) { o.Engine.OutboxMessages = 8 })
		drained, ends := make(chan bool, 1000), make(chan error, 10)
		c.OnDrain(func() { drained <- true })
		c.OnDisconnect(func(_ client.Reason, err error) { ends <- err })
		connect(t, c)
		var want []int
		refused := 0
		conn := c.Manager().Engine()
		conn.Cork() // nothing leaves meanwhile
		for n := 0; n < 5000 && refused < 10; n++ {
			err := c.Emit("n", n)
			if err == nil {
				want = append(want, n)
				continue
			}
			refused++
			if le := errorAs[*client.LimitError](t, err); !errors.Is(err, engine.ErrOutboxFull) || le.Option != "Engine.OutboxMessages" || le.Max != 8 {
				t.Fatalf("Emit: %v", err)
			}
		}
		conn.Uncork()
		if refused == 0 || len(want) == 0 {
			t.Fatalf("%d events were refused, and %d were not", refused, len(want))
		}
		receive(t, drained, "OnDrain")
		ended, cancel := context.WithCancel(context.Background())
		cancel()
		if err := c.EmitWait(ended, "n", -1); !errors.Is(err, context.Canceled) {
			t.Errorf("EmitWait: %v", err)
		}
		for n := 5000; n < 6000; n++ {
			if err := c.EmitWait(within(t), "n", n); err != nil {
				t.Fatalf("EmitWait: %v", err)
			}
			want = append(want, n)
		}
		if err := c.Shutdown(within(t)); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
		if receive(t, ends, "the end") != nil || len(ends) > 0 {
			t.Error("the connection was lost")
		}
		socketiotest.WaitFor(t, "the events", func() bool { return len(got.get()) >= len(want) })
		if all := got.get(); fmt.Sprint(all) != fmt.Sprint(want) {
			t.Errorf("%d events arrived, want %d", len(all), len(want))
		}
	})
}

// What is larger than the outbox is sent with EmitWithAck, which waits for room.
func TestLargeBinaries(t *testing.T) {
	transports(t, parser.JSON, func(t *testing.T, way setting) {
		srv := way.serve(t, nil)
		srv.On("picture", func(b []byte) int { return len(b) })
		c := way.client(t, srv, "/", func(o *client.Options) { o.Engine.OutboxBytes = 100_000 })
		c.OnDisconnect(func(r client.Reason, err error) {
			if r != client.ClientDisconnect {
				t.Errorf("disconnected: %v: %v", r, err)
			}
		})
		connect(t, c)
		results := make(chan string, 15)
		for i := range cap(results) {
			go func() {
				n, err := client.Call[int](within(t), c, "picture", make([]byte, 70_000+i))
				results <- fmt.Sprint(n-i, err)
			}()
		}
		for range cap(results) {
			if r := receive(t, results, "an answer"); r != "70000<nil>" && r != "70000 <nil>" {
				t.Error(r)
			}
		}
	})
}

// EmitWait waits for the buffer, too, whatever the policy is, in order.
func TestEmitWaitOffline(t *testing.T) {
	t.Parallel()
	for _, retries := range []int{0, 1} {
		srv := overWebSocket.serve(t, nil)
		got := notes(srv)
		c := overWebSocket.client(t, srv, "/", func(o *client.Options) {
			o.BufferMessages, o.Retries, o.Overflow = 2, retries, client.DropOldest
		})
		_ = c.Emit("n", 0)
		_ = c.Emit("n", 1)
		done := make(chan error, 1)
		go func() {
			for n := 2; n < 20; n++ {
				if err := c.EmitWait(within(t), "n", n); err != nil {
					done <- err
					return
				}
			}
			done <- nil
		}()
		connect(t, c)
		if err := receive(t, done, "the end of the waits"); err != nil {
			t.Errorf("EmitWait: %v", err)
		}
		if err := c.Flush(within(t)); err != nil {
			t.Errorf("Flush: %v", err)
		}
		socketiotest.WaitFor(t, "the events", func() bool { return len(got.get()) >= 20 })
		if all := got.get(); fmt.Sprint(all) != fmt.Sprint(numbers(0, 20)[:20]) {
			t.Errorf("retries %d: got %v", retries, all)
		}
	}
}

// A buffer much larger than the outbox arrives whole and in order.
func TestFlushOfManyEvents(t *testing.T) {
	transports(t, parser.JSON, func(t *testing.T, way setting) {
		const n = 20_000
		srv := way.serve(t, nil)
		var got list[int]
		srv.On("n", func(n int) { got.add(n) })
		c := way.client(t, srv, "/", func(o *client.Options) { o.BufferMessages, o.Engine.OutboxMessages = n, 1000 })
		for i := range n {
			if err := c.Emit("n", i); err != nil {
				t.Fatal(err)
			}
		}
		connect(t, c)
		if err := c.Shutdown(within(t)); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
		socketiotest.WaitFor(t, "the events", func() bool { return len(got.get()) >= n })
		for i, m := range got.get() {
			if i != m {
				t.Fatalf("event %d came after %d others", m, i)
			}
		}
	})
}

// What is larger than the server accepts is refused where it is emitted, or reported
// when it was kept for the connection, and costs nothing else.
func TestTooLarge(t *testing.T) {
	t.Parallel()
	for _, retries := range []int{0, 1} {
		srv := overWebSocket.serve(t, &socketio.Options{Engine: engine.ServerOptions{MaxPayload: 10_000}})
		var got list[int]
		srv.On("n", func(n int, _ string) int { got.add(n); return n })
		c := overWebSocket.client(t, srv, "/", func(o *client.Options) { o.Retries = retries })
		reports := make(chan error, 10)
		c.OnError(func(err error) { reports <- err })
		large := strings.Repeat("x", 20_000)
		check := func(err error) {
			t.Helper()
			if e := errorAs[*engine.TooLargeError](t, err); e.Max != 10_000 || e.Size < 20_000 || !strings.Contains(err.Error(), `"n"`) {
				t.Errorf("got %v", err)
			}
		}
		asked := make(chan error, 1)
		_ = c.Emit("n", 0, "")
		_ = c.Emit("n", -1, large)
		go func() {
			_, err := c.EmitWithAck(within(t), "n", -2, large)
			asked <- err
		}()
		socketiotest.WaitFor(t, "the events", func() bool { n, _, _ := c.Waiting(); return n == 3 })
		_ = c.Emit("n", 1, "")
		connect(t, c)
		check(receive(t, reports, "the report"))
		check(receive(t, asked, "the answer"))
		if _, err := c.EmitWithAck(within(t), "n", 2, ""); err != nil {
			t.Errorf("EmitWithAck: %v", err)
		}
		_, err := c.EmitWithAck(within(t), "n", -3, large)
		check(err)
		if err := c.Emit("n", -4, large); retries == 0 {
			check(err)
		} else {
			check(receive(t, reports, "the report"))
		}
		if all := got.get(); fmt.Sprint(all) != "[0 1 2]" {
			t.Errorf("the server got %v", all)
		}
		if n, bytes, acks := c.Waiting(); n != 0 || bytes != 0 || acks != 0 {
			t.Errorf("%d events of %d bytes wait, and %d acknowledgements", n, bytes, acks)
		}
	}
}

// A volatile event that is dropped has no answer, so there is nothing to wait for.
func TestVolatileDroppedWithAck(t *testing.T) {
	t.Parallel()
	joined := make(chan bool, 1)
	posted, release := make(chan bool, 10), make(chan bool)
	srv := serveHandler(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Query().Get("sid") == "":
			_, _ = io.WriteString(w, `0{"sid":"s","upgrades":[],"pingInterval":25000,"pingTimeout":20000}`)
		case r.Method == http.MethodPost:
			body, _ := io.ReadAll(r.Body)
			if string(body) == "40" {
				joined <- true
				return
			}
			posted <- true
			<-release // the request stays under way
		default:
			select {
			case <-joined:
				_, _ = io.WriteString(w, "4"+granted)
			case <-r.Context().Done():
			}
		}
	}))
	way := setting{[]engine.Transport{engine.Polling}, parser.JSON}
	c := client.New(srv.URL, way.options(srv))
	connect(t, c)
	_ = c.Emit("under way")
	receive(t, posted, "the request")
	if _, err := c.Volatile().EmitWithAck(within(t), "dropped"); !errors.Is(err, client.ErrDropped) {
		t.Errorf("EmitWithAck: %v", err)
	}
	if err := c.Volatile().Emit("dropped"); err != nil {
		t.Errorf("Emit: %v", err)
	}
	if _, _, acks := c.Waiting(); acks != 0 {
		t.Errorf("%d acknowledgements are awaited", acks)
	}
	e := c.Manager().Engine()
	c.Manager().Close()
	close(release)
	receive(t, e.Done(), "the end")
}

// A timeout that is over when it begins sends nothing.
func TestNegativeTimeout(t *testing.T) {
	t.Parallel()
	srv := overWebSocket.serve(t, nil)
	var got atomic.Int32
	srv.On("e", func() int { return int(got.Add(1)) })
	c := connect(t, overWebSocket.client(t, srv, "/", nil))
	if _, err := c.Timeout(-time.Nanosecond).EmitWithAck(within(t), "e"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("EmitWithAck: %v", err)
	}
	if n, err := client.Call[int](within(t), c, "e"); n != 1 || err != nil {
		t.Errorf("the server has got %d events, %v", n, err)
	}
}

// A panic of a function of OnAnyOutgoing is reported, and the event is sent.
func TestOutgoingHookPanics(t *testing.T) {
	t.Parallel()
	srv := overWebSocket.serve(t, nil)
	srv.On("e", func() int { return 1 })
	c := connect(t, overWebSocket.client(t, srv, "/", nil))
	reports := make(chan error, 1)
	c.OnError(func(err error) { reports <- err })
	c.OnAnyOutgoing(func(string, []any) { panic("hook") })
	if n, err := client.Call[int](within(t), c, "e"); n != 1 || err != nil {
		t.Errorf("got %d, %v", n, err)
	}
	if p := errorAs[*client.PanicError](t, receive(t, reports, "the report")); p.Value != "hook" {
		t.Errorf("got %v", p)
	}
}

// An event that waited for the connection was sent, but the server closed the connection
// without reading it: Flush must not take the event for read, however quickly the
// connection has ended, or been replaced.
func TestFlushOverALostConnection(t *testing.T) {
	t.Parallel()
	for name, noReconnect := range map[string]bool{"reconnects": false, "stays away": true} {
		t.Run(name, func(t *testing.T) {
			for range 100 {
				synctest.Test(t, func(t *testing.T) {
					admit := make(chan struct{})
					f := newFake(t, func(c *engine.Conn, message string) {
						if message == "0" {
							<-admit
							say(c, granted)
						} else {
							c.Close()
						}
					})
					c := overWebSocket.client(t, f.Server, "/", func(o *client.Options) { o.NoReconnect = noReconnect })
					if err := c.Emit("lost"); err != nil {
						t.Fatal(err)
					}
					if err := c.Open(); err != nil {
						t.Fatal(err)
					}
					flushed := make(chan error, 1)
					go func() { flushed <- c.Flush(t.Context()) }()
					synctest.Wait()
					close(admit)
					if err := <-flushed; !errors.Is(err, net.ErrClosed) {
						t.Errorf("Flush: %v", err)
					}
				})
			}
		})
	}
}
