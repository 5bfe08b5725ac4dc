package goclient

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/seed96b07ef8/socketio/client"
	"github.com/seed96b07ef8/socketio/internal/faultproxy"
	"github.com/seed96b07ef8/socketio/interop/internal/peer"
)

// Acknowledgements in both directions, also when each waits for the other.
func TestAck(t *testing.T) {
	each(t, func(t *testing.T, w way) {
		srv := w.serve(t, peer.Config{})
		c := w.client(t, srv.URL(), nil)
		answers := make(chan client.Args, 1)
		c.On("answered", func(args client.Args) { answers <- args })
		shape := 0
		var off func()
		question := func(handler any) {
			t.Helper()
			if off != nil {
				off()
			}
			shape++
			off = c.On("question", handler)
		}
		w.join(t, c)

		for _, test := range []struct {
			handler any
			want    string
		}{
			{func(text string, data []byte) (string, []byte) { slices.Reverse(data); return text + "!", data }, `["ready?!", {"$bytes": "AwIB"}]`},
			{func() error { return nil }, `[]`},
			{func(text string, ack func(string, int)) { ack(text, 1) }, `["ready?", 1]`},
			{func(_ string, _ []byte, ack func(...any)) {
				go ack(1, nil, map[string]any{"a": []any{}}) // ends at once
			}, `[1, null, {"a": []}]`},
			{func(_ *client.Socket, args client.Args) []any { return []any{args.Len()} }, `[[2]]`},
			// The handler asks the server before it answers.
			{func(ctx context.Context, s *client.Socket, text string) (string, error) {
				return client.Call[string](ctx, s, "ask", text+" asked")
			}, `["ready? asked"]`},
		} {
			question(test.handler)
			emit(t, c, "question", "ready?", []byte{1, 2, 3})
			args := receive(t, answers, fmt.Sprint("the answer to question ", shape))
			var all []any
			ok := false
			if err := args.DecodeAt(0, &ok); err != nil || !ok {
				t.Fatalf("question %d: %v, %v", shape, ok, err)
			}
			for i := 1; i < args.Len(); i++ {
				var v any
				if err := args.DecodeAt(i, &v); err != nil {
					t.Error(err)
				}
				if b, ok := v.([]byte); ok {
					v = map[string]any{"$bytes": b}
				}
				all = append(all, v)
			}
			if all == nil {
				all = []any{}
			}
			equal(t, marshal(t, all), test.want)
		}

		// Several arguments, and none.
		args, err := c.EmitWithAck(within(t), "ask", 1, "two", []byte{3})
		if err != nil {
			t.Fatal(err)
		}
		var one int
		var two string
		var three []byte
		if err := args.Decode(&one, &two, &three); err != nil || one != 1 || two != "two" || string(three) != "\x03" {
			t.Errorf("%v, %v, %v, %v", one, two, three, err)
		}
	})
}

// Many questions at once, from many goroutines.
func TestAckConcurrently(t *testing.T) {
	each(t, func(t *testing.T, w way) {
		srv := w.serve(t, peer.Config{})
		c := w.dial(t, srv.URL(), nil)
		ctx := within(t)
		var wg sync.WaitGroup
		for i := range 20 {
			wg.Go(func() {
				for j := range 10 {
					data := pattern(i * j * 10)
					args, err := c.EmitWithAck(ctx, "ask", i, j, data)
					var gi, gj int
					var gd []byte
					if err == nil {
						err = args.Decode(&gi, &gj, &gd)
					}
					if err != nil || gi != i || gj != j || !slices.Equal(gd, data) {
						t.Errorf("%d, %d: %v, %v, %d bytes, %v", i, j, gi, gj, len(gd), err)
					}
				}
			})
		}
		wg.Wait()
	})
}

// A server that does not answer.
func TestAckTimeout(t *testing.T) {
	each(t, func(t *testing.T, w way) {
		srv := w.serve(t, peer.Config{})
		c := w.dial(t, srv.URL(), func(o *client.Options) { o.AckTimeout = 30 * time.Millisecond })
		if _, err := c.EmitWithAck(within(t), "quiet"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("AckTimeout: %v", err)
		}
		srv.Expect("quiet")
		if _, err := c.Timeout(time.Millisecond).EmitWithAck(within(t), "quiet"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Timeout: %v", err)
		}
		srv.Expect("quiet")
		ctx, cancel := context.WithCancel(within(t))
		time.AfterFunc(5*time.Millisecond, cancel)
		if _, err := c.Timeout(0).EmitWithAck(ctx, "quiet"); !errors.Is(err, context.Canceled) {
			t.Errorf("canceled: %v", err)
		}
		srv.Expect("quiet")
		// The socket is as good as before.
		if got, err := client.Call[string](within(t), c.Timeout(0), "ask", "x"); got != "x" || err != nil {
			t.Errorf("%q, %v", got, err)
		}
	})
}

// The loss of the connection is the end of what was asked over it.
func TestAckCut(t *testing.T) {
	each(t, func(t *testing.T, w way) {
		srv := w.serve(t, peer.Config{})
		p := faultproxy.Start(t, srv.Addr())
		c := w.dial(t, srv.URL(), func(o *client.Options) { o.Engine.DialContext = p.Dial })
		ctx := within(t)
		lost := make(chan error, 1)
		go func() {
			_, err := c.EmitWithAck(ctx, "quiet")
			lost <- err
		}()
		srv.Expect("quiet")
		p.Refuse(true)
		p.Cut()
		err := receive(t, lost, "the end of the question")
		end := errorAs[*client.DisconnectError](t, err)
		if end.Reason != client.TransportClose && end.Reason != client.TransportError || !errors.Is(err, net.ErrClosed) {
			t.Errorf("got error %v", err)
		}
		// A question that is asked now waits for the next connection.
		answered := make(chan string, 1)
		go func() {
			got, err := client.Call[string](ctx, c, "ask", "later")
			if err != nil {
				t.Error(err)
			}
			answered <- got
		}()
		p.Refuse(false)
		same(t, "the answer", receive(t, answered, "the answer"), "later")
	})
}

// The server's question has a deadline of its own, and the late answer does no harm.
func TestLateAnswer(t *testing.T) {
	eachNode(t, func(t *testing.T, w way) {
		srv := w.serve(t, peer.Config{})
		c := w.client(t, srv.URL(), nil)
		asked, release := make(chan bool, 1), make(chan struct{})
		c.On("late", func() string {
			asked <- true
			<-release
			return "too late"
		})
		w.join(t, c)
		srv.Expect("connect")
		equal(t, srv.Run(`io.timeout(50).emitWithAck("late").then(() => "answered", (err) => [err.message, err.responses])`),
			`["operation has timed out", []]`)
		receive(t, asked, "the question")
		close(release)
		same(t, "the ID", call[identity](t, c, "who").ID, c.ID())
		equal(t, srv.Run(`io.timeout(20000).emitWithAck("late")`), `["too late"]`)
	})
}
