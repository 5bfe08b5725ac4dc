package client_test

import (
	"context"
	"errors"
	"net"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed96b07ef8/socketio"
	"github.com/seed96b07ef8/socketio/client"
	"github.com/seed96b07ef8/socketio/socketiotest"
)

// notes makes a server note the first argument of every event "n".
func notes(srv *socketiotest.Server) *list[int] {
	got := new(list[int])
	srv.On("n", func(i int) int { got.add(i); return i })
	return got
}

// settled waits until the server has handled what was sent before.
func settled(t testing.TB, c *client.Socket) {
	t.Helper()
	if _, err := c.Timeout(0).EmitWithAck(within(t), "n", -1); err != nil {
		t.Fatal(err)
	}
}

func numbers(from, to int) (all []int) {
	for i := from; i < to; i++ {
		all = append(all, i)
	}
	return append(all, -1)
}

func TestEventsWaitForTheConnection(t *testing.T) {
	t.Parallel()
	settings(t, func(t *testing.T, way setting) {
		srv := way.serve(t, nil)
		got := notes(srv)
		c := way.client(t, srv, "/", nil)
		for i := range 50 {
			if err := c.Emit("n", i); err != nil {
				t.Fatal(err)
			}
			if err := c.Volatile().Emit("n", 1000); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := c.Volatile().EmitWithAck(t.Context(), "n", 1000); !errors.Is(err, net.ErrClosed) {
			t.Errorf("a volatile event that wants an answer: %v", err)
		}
		result := make(chan error, 1)
		go func() {
			v, err := client.Call[int](within(t), c, "n", 50)
			if v != 50 {
				t.Errorf("got %d", v)
			}
			result <- err
		}()
		socketiotest.WaitFor(t, "the event", func() bool { n, _, _ := c.Waiting(); return n == 51 })
		connect(t, c)
		for i := 51; i < 60; i++ {
			if err := c.Emit("n", i); err != nil {
				t.Fatal(err)
			}
		}
		settled(t, c)
		if err := receive(t, result, "the answer"); err != nil {
			t.Error(err)
		}
		if all := got.get(); !slices.Equal(all, numbers(0, 60)) {
			t.Errorf("the server got %v", all)
		}
		if messages, bytes, acks := c.Waiting(); messages+bytes+acks != 0 {
			t.Errorf("%d messages, %d bytes, %d acks are left", messages, bytes, acks)
		}
	})
}

func TestBufferIsBounded(t *testing.T) {
	t.Parallel()
	srv := overWebSocket.serve(t, nil)
	for _, test := range []struct {
		name   string
		change func(*client.Options)
		option string // of the error, if there is one
		want   []int
	}{
		{"refuse", func(o *client.Options) { o.BufferMessages = 3 }, "BufferMessages", []int{0, 1, 2, -1}},
		{"drop oldest", func(o *client.Options) { o.BufferMessages, o.Overflow = 3, client.DropOldest }, "", []int{7, 8, 9, -1}},
		{"drop newest", func(o *client.Options) { o.BufferMessages, o.Overflow = 3, client.DropNewest }, "", []int{0, 1, 2, -1}},
		{"bytes", func(o *client.Options) { o.BufferBytes = 30 }, "BufferBytes", []int{0, 1, -1}},
		{"retries", func(o *client.Options) { o.BufferMessages, o.Retries = 3, 1 }, "BufferMessages", []int{0, 1, 2, -1}},
		{"retries, oldest", func(o *client.Options) { o.BufferMessages, o.Retries, o.Overflow = 3, 1, client.DropOldest }, "", []int{7, 8, 9, -1}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := new(list[int])
			off := srv.On("n", func(i int) int { got.add(i); return i })
			defer off()
			c := overWebSocket.client(t, srv, "/", test.change)
			c.OnError(func(error) {}) // of what the queue drops
			var refused error
			for i := range 10 {
				if err := c.Emit("n", i); err != nil {
					refused = err
				}
			}
			if test.option == "" && refused != nil || test.option != "" && errorAs[*client.LimitError](t, refused).Option != test.option {
				t.Error(refused)
			}
			connect(t, c)
			socketiotest.WaitFor(t, "the acknowledgements", func() bool { n, _, _ := c.Waiting(); return n == 0 })
			settled(t, c)
			if all := got.get(); !slices.Equal(all, test.want) {
				t.Errorf("the server got %v, want %v", all, test.want)
			}
		})
	}
	// The caller that waits for an answer gets an error.
	for _, policy := range []client.Overflow{client.DropOldest, client.DropNewest} {
		c := overWebSocket.client(t, srv, "/", func(o *client.Options) { o.BufferMessages, o.Overflow = 1, policy })
		results := make(chan error, 2)
		for range 2 {
			go func() {
				_, err := c.EmitWithAck(t.Context(), "n", 1)
				results <- err
			}()
		}
		if e := errorAs[*client.LimitError](t, receive(t, results, "the error")); e.Option != "BufferMessages" {
			t.Error(e)
		}
		c.Manager().Close()
		receive(t, results, "the end")
		if err := overWebSocket.client(t, srv, "/", func(o *client.Options) { o.BufferBytes, o.Overflow = 1, client.DropOldest }).Emit("n", 1); err == nil {
			t.Error("a message larger than the buffer was accepted")
		}
	}
}

// The error of a question that was not sent says so.
func TestErrorsOfQuestionsWithoutAConnection(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		_, c := bubble(t, nil, func(o *client.Options) { o.AckTimeout = time.Second })
		check := func(state string, c *client.Socket, cause error, want string) {
			t.Helper()
			_, err := c.EmitWithAck(t.Context(), "q")
			if !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, client.ErrNotConnected) != (cause != nil) {
				t.Errorf("%s: got %v, want one that matches %v and %v", state, err, context.DeadlineExceeded, cause)
			}
			if want = `client: event "q" of /: context deadline exceeded` + want; err.Error() != want {
				t.Errorf("%s: got %q, want %q", state, err, want)
			}
		}
		const inactive = ": socket is not connected: call Connect or Open"
		check("new", c, client.ErrNotConnected, inactive)
		connect(t, c)
		check("connected", c, nil, "")
		c.Disconnect()
		check("disconnected", c, client.ErrNotConnected, inactive)
		opts := nowhere()
		opts.AckTimeout = time.Second
		away := client.New("http://example.test", opts)
		defer away.Manager().Close()
		if err := away.Open(); err != nil {
			t.Fatal(err)
		}
		check("connecting", away, client.ErrNotConnected, ": socket is not connected yet")
	})
}

func TestAckTimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv, c := bubble(t, nil, func(o *client.Options) { o.AckTimeout = 3 * time.Second })
		got := notes(srv)
		start := time.Now()
		// One that waits for the connection is not sent any more.
		if _, err := c.EmitWithAck(t.Context(), "n", 1); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != 3*time.Second {
			t.Errorf("%v after %v", err, time.Since(start))
		}
		connect(t, c)
		for _, test := range []struct {
			wait func() error
			took time.Duration
			want error
		}{
			{func() error { return second(c.EmitWithAck(t.Context(), "nobody")) }, 3 * time.Second, context.DeadlineExceeded},
			{func() error { return second(c.Timeout(time.Second).EmitWithAck(t.Context(), "nobody")) }, time.Second, context.DeadlineExceeded},
			{func() error {
				return second(c.Compress(false).Timeout(2*time.Second).EmitWithAck(t.Context(), "nobody"))
			}, 2 * time.Second, context.DeadlineExceeded},
			{func() error {
				ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
				defer cancel()
				return second(c.EmitWithAck(ctx, "nobody"))
			}, 500 * time.Millisecond, context.DeadlineExceeded},
		} {
			start := time.Now()
			if err := test.wait(); !errors.Is(err, test.want) || time.Since(start) != test.took {
				t.Errorf("%v after %v, want %v", err, time.Since(start), test.took)
			}
		}
		settled(t, c)
		if messages, bytes, acks := c.Waiting(); messages+bytes+acks != 0 {
			t.Errorf("%d messages, %d bytes, %d acks are left", messages, bytes, acks)
		}
		if all := got.get(); !slices.Equal(all, []int{-1}) {
			t.Errorf("the server got %v", all)
		}
	})
}

// A caller that waits for an answer gets an error when the connection ends.
func TestAcksEndWithTheConnection(t *testing.T) {
	t.Parallel()
	settings(t, func(t *testing.T, way setting) {
		srv := way.serve(t, nil)
		asked := make(chan bool, 1)
		srv.On("ask", func(ack func()) { asked <- true })
		c := connect(t, way.client(t, srv, "/", nil))
		for what, test := range map[string]struct {
			end  func()
			want client.Reason
		}{
			"lost":                       {func() { srv.Socket(c.ID()).Conn().Close() }, ""},
			"disconnected by the server": {func() { srv.Socket(c.ID()).Disconnect() }, client.ServerDisconnect},
			"disconnected":               {func() { c.Disconnect() }, client.ClientDisconnect},
		} {
			connect(t, c)
			result := make(chan error, 1)
			go func() {
				_, err := c.EmitWithAck(within(t), "ask")
				result <- err
			}()
			receive(t, asked, "the question")
			test.end()
			e := errorAs[*client.DisconnectError](t, receive(t, result, what))
			if test.want != "" && e.Reason != test.want || !errors.Is(e, net.ErrClosed) {
				t.Errorf("%s: %v", what, e)
			}
		}
	})
}

// A handler's answer does not go out over a later connection.
func TestLateAnswers(t *testing.T) {
	t.Parallel()
	srv := overWebSocket.serve(t, nil)
	c := overWebSocket.client(t, srv, "/", nil)
	entered, release, contexts := make(chan bool, 1), make(chan bool), make(chan error, 1)
	c.On("ask", func(ctx context.Context) int {
		entered <- true
		<-release
		contexts <- context.Cause(ctx)
		return 1
	})
	connected := make(chan bool, 2)
	srv.OnConnect(func(s *socketio.Socket) { connected <- true })
	c.OnError(func(err error) { t.Error(err) })
	connect(t, c)
	receive(t, connected, "the connection")
	s := srv.Socket(c.ID())
	answer := make(chan error, 1)
	go func() {
		_, err := s.EmitWithAck(within(t), "ask")
		answer <- err
	}()
	receive(t, entered, "the question")
	s.Conn().Close()
	if err := receive(t, answer, "the end of the wait"); !errors.Is(err, net.ErrClosed) {
		t.Error(err)
	}
	receive(t, connected, "the reconnection")
	close(release)
	if e := errorAs[*client.DisconnectError](t, receive(t, contexts, "the cause")); e.Reason == "" {
		t.Error(e)
	}
	socketiotest.WaitFor(t, "the client", c.Connected)
}
