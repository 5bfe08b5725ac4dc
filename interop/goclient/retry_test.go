package goclient

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/seed96b07ef8/socketio/client"
	"github.com/seed96b07ef8/socketio/internal/faultproxy"
	"github.com/seed96b07ef8/socketio/internal/nodepeer"
	"github.com/seed96b07ef8/socketio/interop/internal/peer"
)

// With Retries every event arrives, in order, however often the connection is lost.
// One that was in flight then may arrive twice, no other.
func TestRetries(t *testing.T) {
	each(t, func(t *testing.T, w way) {
		const n, per = 40, 8
		srv := w.serve(t, peer.Config{})
		p := faultproxy.Start(t, srv.Addr())
		c := w.client(t, srv.URL(), func(o *client.Options) {
			o.Engine.DialContext = p.Dial
			o.Retries, o.AckTimeout = 100, nodepeer.Patience
		})
		begins, ends := connections(c), disconnections(c)
		for i := range per {
			emit(t, c, "item", i) // before there is a connection
		}
		w.join(t, c)
		cuts := 0
		for i := per; i < n; i++ {
			emit(t, c, "item", i)
			if i%per != 0 {
				continue
			}
			// Somewhere in the middle: an event may be on its way, or its answer. What
			// arrived before the cut of the last round may be all that is expected
			// here, so that the client has to be waited for, too.
			receive(t, begins, "OnConnect")
			for range per / 2 {
				srv.Expect("item")
			}
			cuts++
			p.Refuse(true)
			if cuts%2 == 0 {
				p.Reset()
			} else {
				p.Cut()
			}
			receive(t, ends, "OnDisconnect")
			p.Refuse(false)
		}
		last, err := client.Call[int](within(t), c, "item", n)
		if err != nil || last != n {
			t.Errorf("the last is %v, %v", last, err)
		}
		items := call[[]int](t, c, "items")
		twice := len(items) - len(slices.Compact(slices.Clone(items)))
		same(t, "the items", slices.Compact(items), numbers(0, n+1))
		if twice > cuts {
			t.Errorf("%d events came twice, after %d cuts", twice, cuts)
		}
	})
}

// An event whose answer does not come is sent again, but no more often than is
// allowed.
func TestRetriesWithoutAnswer(t *testing.T) {
	each(t, func(t *testing.T, w way) {
		srv := w.serve(t, peer.Config{})
		c := w.dial(t, srv.URL(), func(o *client.Options) { o.Retries, o.AckTimeout = 500, 60*time.Millisecond })
		ctx := within(t)
		// The first is answered when it arrives for the third time.
		if _, err := c.EmitWithAck(ctx, "nth", 1, 3); err != nil {
			t.Error(err)
		}
		// What is volatile is not sent again.
		if err := c.Volatile().Emit("nth", 3, 100); err != nil {
			t.Error(err)
		}
		once := call[[]int](t, c, "items")
		n := len(slices.DeleteFunc(slices.Clone(once), func(i int) bool { return i != 1 }))
		if n < 3 || len(once) > n+1 {
			t.Errorf("the items are %v", once)
		}
		// This one is never answered, and sent four times.
		c = w.dial(t, srv.URL(), func(o *client.Options) { o.Retries, o.AckTimeout = 3, 60*time.Millisecond })
		_, err := c.EmitWithAck(ctx, "nth", 2, 100)
		retry := errorAs[*client.RetryError](t, err)
		same(t, "the error", *retry, client.RetryError{Namespace: "/", Event: "nth", Sent: 4, Err: context.DeadlineExceeded})
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		// It does not hold up what is behind it any more.
		got, err := client.Call[[]int](ctx, c.Timeout(nodepeer.Patience), "items")
		if err != nil {
			t.Fatal(err)
		}
		same(t, "the items", slices.DeleteFunc(got, func(i int) bool { return i != 2 }), []int{2, 2, 2, 2})
	})
}

// Failures of events that no caller waits for are reported to OnError.
func TestRetriesInVain(t *testing.T) {
	over(t, []string{"node", "python"}, []string{polling, websocket}, func(t *testing.T, w way) {
		srv := w.serve(t, peer.Config{})
		o := w.options()
		o.Retries, o.AckTimeout = 1, 20*time.Millisecond
		c := client.New(srv.URL(), o)
		t.Cleanup(c.Manager().Close)
		failures := make(chan error, 10)
		c.OnError(func(err error) { failures <- err })
		w.join(t, c)
		for i := range 3 {
			emit(t, c, "quiet", i)
		}
		for range 3 {
			same(t, "how often it was sent", errorAs[*client.RetryError](t, receive(t, failures, "an error")).Sent, 2)
			srv.Expect("quiet")
			srv.Expect("quiet")
		}
		e := c.Manager().Engine()
		c.Disconnect()
		receive(t, e.Done(), "the end of the connection")
	})
}
