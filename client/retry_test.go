package client_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed96b07ef8/socketio"
	"github.com/seed96b07ef8/socketio/client"
	"github.com/seed96b07ef8/socketio/socketiotest"
)

// forgetful makes a server acknowledge an event "n" only when it has come so many
// times, and note all.
func forgetful(srv *socketiotest.Server, times int) *list[int] {
	got := new(list[int])
	seen := make(map[int]int)
	srv.On("n", func(i int, ack func(int)) {
		got.add(i)
		if seen[i]++; seen[i] == times || i < 0 {
			ack(i)
		}
	})
	return got
}

func TestRetries(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv, c := bubble(t, nil, func(o *client.Options) { o.Retries, o.AckTimeout = 2, time.Second })
		got := forgetful(srv, 3)
		start := time.Now()
		connect(t, c)
		for i := range 3 {
			if err := c.Emit("n", i); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait() // until nothing is being written
		if err := c.Volatile().Emit("n", 100); err != nil {
			t.Fatal(err)
		}
		answer, err := client.Call[int](t.Context(), c, "n", 3)
		if answer != 3 || err != nil || time.Since(start) != 8*time.Second {
			t.Errorf("%d, %v after %v", answer, err, time.Since(start))
		}
		// One at a time and in order; what is volatile does not wait.
		if all := got.get(); !slices.Equal(all, []int{0, 100, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3}) {
			t.Errorf("the server got %v", all)
		}
	})
}

func TestRetriesInVain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv, c := bubble(t, nil, func(o *client.Options) { o.Retries, o.AckTimeout = 1, time.Second })
		got := forgetful(srv, 3)
		errs := make(chan error, 10)
		c.OnError(func(err error) { errs <- err })
		connect(t, c)
		if err := c.Emit("n", 1); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Timeout(2*time.Second).EmitWithAck(t.Context(), "n", 2); errorAs[*client.RetryError](t, err).Sent != 2 || !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		} else if text := err.Error(); strings.Count(text, `event "n"`) != 1 {
			t.Errorf("EmitWithAck returned %q, want the event named once", text)
		}
		if e := errorAs[*client.RetryError](t, <-errs); e.Event != "n" || e.Sent != 2 || !errors.Is(e, context.DeadlineExceeded) {
			t.Error(e)
		}
		// A caller that stops waiting takes the event back.
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		if _, err := c.EmitWithAck(ctx, "n", 3); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		settled(t, c)
		if all := got.get(); !slices.Equal(all, []int{1, 1, 2, 2, 3, -1}) {
			t.Errorf("the server got %v", all)
		}
		if messages, bytes, acks := c.Waiting(); messages+bytes+acks != 0 {
			t.Errorf("%d messages, %d bytes, %d acks are left", messages, bytes, acks)
		}
	})
}

// An answer that arrives after its timeout is an answer all the same.
func TestLateAcknowledgement(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv, c := bubble(t, nil, func(o *client.Options) { o.Retries, o.AckTimeout = 3, time.Second })
		n := 0
		srv.On("slow", func(ack func(int)) {
			n++
			answer := n
			time.AfterFunc(2500*time.Millisecond, func() { ack(answer) })
		})
		connect(t, c)
		if got, err := client.Call[int](t.Context(), c, "slow"); got != 1 || err != nil {
			t.Errorf("%d, %v", got, err)
		}
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if n != 3 {
			t.Errorf("the event was sent %d times", n)
		}
	})
}

// What was in flight when the connection went is sent again as soon as there is
// another, and everything behind it.
func TestRetriesAcrossConnections(t *testing.T) {
	t.Parallel()
	settings(t, func(t *testing.T, way setting) {
		srv := way.serve(t, nil)
		got := new(list[int])
		cut := make(map[int]bool)
		srv.On("n", func(s *socketio.Socket, i int, ack func()) {
			got.add(i)
			if i%5 == 0 && !cut[i] {
				cut[i] = true
				s.Conn().Close()
				return
			}
			ack()
		})
		c := way.client(t, srv, "/", func(o *client.Options) { o.Retries = 1 })
		c.OnError(func(err error) { t.Error(err) })
		for i := range 3 {
			if err := c.Emit("n", i); err != nil {
				t.Fatal(err)
			}
		}
		connect(t, c)
		for i := 3; i < 12; i++ {
			if err := c.Emit("n", i); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := c.EmitWithAck(within(t), "n", 12); err != nil {
			t.Fatal(err)
		}
		want := []int{0, 0, 1, 2, 3, 4, 5, 5, 6, 7, 8, 9, 10, 10, 11, 12}
		if all := got.get(); !slices.Equal(all, want) {
			t.Errorf("the server got %v, want %v", all, want)
		}
	})
}

// Connections that are lost count like timeouts.
func TestRetriesEndWithTheConnections(t *testing.T) {
	t.Parallel()
	srv := overWebSocket.serve(t, nil)
	n := 0
	srv.On("n", func(s *socketio.Socket, ack func()) {
		n++
		s.Conn().Close()
	})
	c := connect(t, overWebSocket.client(t, srv, "/", func(o *client.Options) { o.Retries = 2 }))
	_, err := c.EmitWithAck(within(t), "n")
	if e := errorAs[*client.RetryError](t, err); e.Sent != 3 || n != 3 || errorAs[*client.DisconnectError](t, e).Reason == "" {
		t.Errorf("%v; the server got it %d times", e, n)
	}
}
