package client_test

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed96b07ef8/socketio/client"
)

// EmitWait has room again when the server has acknowledged what Retries keeps.
func TestEmitWaitWithRetries(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv, c := bubble(t, nil, func(o *client.Options) {
			o.Retries, o.AckTimeout, o.BufferMessages = 1, time.Second, 1
		})
		got := forgetful(srv, 2)
		connect(t, c)
		for i := range 3 {
			if err := c.EmitWait(t.Context(), "n", i); err != nil {
				t.Errorf("EmitWait of event %d: %v", i, err)
			}
		}
		if err := c.Flush(t.Context()); err != nil {
			t.Errorf("Flush: %v", err)
		}
		if all, want := got.get(), []int{0, 0, 1, 1, 2, 2}; !slices.Equal(all, want) {
			t.Errorf("the server got %v, want %v", all, want)
		}
	})
}

// EmitWait does not wait for room that an event cannot have: what Retries keeps must fit
// in the buffer, also while the socket is connected.
func TestEmitWaitRefusesWhatNeverFits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		_, c := bubble(t, nil, func(o *client.Options) { o.Retries, o.BufferBytes = 1, 1000 })
		for range 2 {
			err := c.EmitWait(t.Context(), "large", strings.Repeat("x", 1001))
			if limit := errorAs[*client.LimitError](t, err); limit.Option != "BufferBytes" || limit.Max != 1000 {
				t.Errorf("EmitWait: %#v, want one of BufferBytes", limit)
			}
			want := `client: event "large" of /: BufferBytes exceeded: at most 1000 are allowed, and the event has 1020`
			if err.Error() != want {
				t.Errorf("EmitWait: %v, want %s", err, want)
			}
			if err := c.Emit("large", strings.Repeat("x", 1001)); err == nil || err.Error() != want {
				t.Errorf("Emit: %v, want %s", err, want)
			}
			connect(t, c)
		}
	})
}

// Without Retries such an event waits for the connection, which takes it.
func TestEmitWaitOfMoreThanTheBuffer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv, c := bubble(t, nil, func(o *client.Options) { o.BufferBytes = 1000 })
		got := make(chan int, 1)
		srv.On("large", func(text string) { got <- len(text) })
		result := make(chan error, 1)
		go func() { result <- c.EmitWait(t.Context(), "large", strings.Repeat("x", 1001)) }()
		synctest.Wait()
		connect(t, c)
		if err := receive(t, result, "the end of EmitWait"); err != nil {
			t.Errorf("EmitWait: %v", err)
		}
		if n := receive(t, got, "the event"); n != 1001 {
			t.Errorf("the server got %d bytes, want 1001", n)
		}
	})
}
