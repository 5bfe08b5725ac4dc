package await_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed96b07ef8/socketio/internal/await"
)

// A recorder keeps the failure of the test that it stands for.
type recorder struct {
	testing.TB
	failure string
}

func (r *recorder) Helper() {}

func (r *recorder) Fatalf(format string, args ...any) {
	r.failure = fmt.Sprintf(format, args...)
	runtime.Goexit()
}

// failure returns how f fails a test, or "" if it does not. Time is fake.
func failure(t *testing.T, f func(t testing.TB)) string {
	r := &recorder{TB: t}
	synctest.Test(t, func(*testing.T) {
		done := make(chan struct{})
		go func() {
			defer close(done)
			f(r)
		}()
		<-done
	})
	return r.failure
}

func TestFailuresSayWhatWasWanted(t *testing.T) {
	t.Parallel()
	for want, f := range map[string]func(t testing.TB){
		"": func(t testing.TB) {
			c := make(chan int, 1)
			time.AfterFunc(await.Patience-time.Second, func() { c <- 1 })
			if got := await.Receive(t, c, "a number"); got != 1 {
				t.Errorf("got %d, want 1", got)
			}
			await.Until(t, "a value in the channel", func() bool { c <- 2; return len(c) == 1 })
		},
		"timed out after 1m0s waiting for a number": func(t testing.TB) {
			await.Receive(t, make(chan int), "a number")
		},
		"timed out after 1m0s waiting for the end": func(t testing.TB) {
			await.Until(t, "the end", func() bool { return false })
		},
		"timed out after 1m0s waiting for 3 events; last state: 2": func(t testing.TB) {
			events := 0
			await.Until(t, "3 events", func() bool { events = 2; return false }, func() any { return events })
		},
	} {
		if got := failure(t, f); got != want {
			t.Errorf("the test failed with %q, want %q", got, want)
		}
	}
}

func TestContextEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		ctx := await.Context(t)
		<-ctx.Done()
		if got := time.Since(start); got != await.Patience || !errors.Is(ctx.Err(), context.DeadlineExceeded) {
			t.Errorf("the context ended after %v with %v, want %v and %v", got, ctx.Err(), await.Patience, context.DeadlineExceeded)
		}
	})
}
