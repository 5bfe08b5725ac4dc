package engine_test

import (
	"context"
	"errors"
	"net/http"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed96b07ef8/socketio/engine"
	"github.com/seed96b07ef8/socketio/internal/ws"
)

// flushing calls Flush in the background.
func flushing(ctx context.Context, c *caller) <-chan error {
	flushed := make(chan error, 1)
	go func() { flushed <- c.Flush(ctx) }()
	return flushed
}

// wantFlush checks what Flush has returned by now.
func wantFlush(t *testing.T, flushed <-chan error, when string, want error) {
	t.Helper()
	synctest.Wait()
	select {
	case err := <-flushed:
		if !errors.Is(err, want) {
			t.Errorf("%s: Flush returned %v, want %v", when, err, want)
		}
	default:
		t.Errorf("%s: Flush waits, want %v", when, want)
	}
}

func wantFlushing(t *testing.T, flushed <-chan error, when string) {
	t.Helper()
	synctest.Wait()
	select {
	case err := <-flushed:
		t.Errorf("%s: Flush returned %v, want it to wait", when, err)
	default:
	}
}

// Of two calls of Flush that wait for the same answer, one may give up without an effect on
// the other, even if the answer is late.
func TestFlushOfTwo(t *testing.T) {
	t.Parallel()
	for _, late := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			c, p := fenced(t, nil)
			c.send(t, "first", 0)
			ctx, cancel := context.WithCancel(context.Background())
			impatient, patient := flushing(ctx, c), flushing(context.Background(), c)
			p.want(t, "4first")
			pong := p.question(t)
			if late {
				time.Sleep(11 * time.Second)
			}
			cancel()
			wantFlush(t, impatient, "after the end of its context", context.Canceled)
			wantFlushing(t, patient, "before the answer")
			_, _ = p.Write(pong)
			wantFlush(t, patient, "after the answer", nil)
			c.Close()
		})
	}
}

// Unanswered pings do not mean that the server has read anything. An answer confirms only
// what was sent before its ping.
func TestFlushOfUnansweredQuestions(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, p := fenced(t, nil)
		c.send(t, "first", 0)
		first := flushing(context.Background(), c)
		p.want(t, "4first")
		pong := p.question(t)
		time.Sleep(11 * time.Second) // that is too late

		c.send(t, "second", 0)
		second := flushing(context.Background(), c)
		p.want(t, "4second")
		p.question(t)
		time.Sleep(time.Second)
		wantFlushing(t, first, "without an answer")
		wantFlushing(t, second, "without an answer")

		_, _ = p.Write(pong)
		wantFlush(t, first, "after the answer to its question", nil)
		wantFlushing(t, second, "after the answer to the question before")
		_ = p.Close()
		wantFlush(t, second, "after the end", engine.ErrClosed)
	})
}

// The timeout for an answer starts when the ping has been written, because a server that
// reads slowly cannot answer before it has received the ping.
func TestFenceBehindASlowWrite(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, p := fenced(t, nil)
		clk := newClock(t)
		c.send(t, "first", 0)
		c.send(t, "behind", engine.Fence)
		p.want(t, "4first")
		clk.until(15 * time.Second) // the question is being written
		p.question(t)
		p.want(t, "4behind")
		if d := time.Since(clk.start); d < 15*time.Second || d > 16*time.Second {
			t.Errorf("what is behind the fence left after %v, want 15 s and a bit", d)
		}
		c.Close()
	})
}

// A session that was closed while only a call of Flush waited ends with the answer, and
// one whose answer to a heartbeat is being written then ends behind that.
func TestCloseWhileFlushWaits(t *testing.T) {
	t.Parallel()
	for _, writes := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			c, p := fenced(t, nil)
			clk := newClock(t)
			c.send(t, "first", 0)
			flushed := flushing(context.Background(), c)
			p.want(t, "4first")
			pong := p.question(t)
			synctest.Wait()
			if writes {
				p.send("2")
				synctest.Wait()
			}
			c.Close()
			_, _ = p.Write(pong)
			wantFlush(t, flushed, "after the answer", nil)
			if writes {
				p.want(t, "3")
			}
			var ce *ws.CloseError
			if _, err := p.read(); !errors.As(err, &ce) {
				t.Errorf("the server got %v, want a close frame", err)
			}
			clk.want(0, "the end")
			_ = p.Close()
			<-c.Done()
		})
	}
}

// A call of Flush while nothing but the answer to a heartbeat waits.
func TestFlushBehindAPong(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, p := fenced(t, nil)
		p.send("2", "2") // the second answer waits for the first, which is being written
		synctest.Wait()
		flushed := flushing(context.Background(), c)
		synctest.Wait()
		p.want(t, "3")
		p.want(t, "3")
		wantFlush(t, flushed, "with nothing sent", nil)
		c.Close()
	})
}

// Calls of Flush that have given up leave nothing behind, whatever the server does not
// answer.
func TestFlushThatGivesUpIsForgotten(t *testing.T) {
	const calls, most = 50_000, 2 << 20 // bytes; each would leave more than 100
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	giveUp := func(t *testing.T, c *caller) {
		t.Helper()
		before := heap()
		for range calls {
			if err := c.Flush(ended); !errors.Is(err, context.Canceled) {
				t.Fatalf("Flush returned %v, want %v", err, context.Canceled)
			}
		}
		if n := heap() - before; n > most {
			t.Errorf("%d calls of Flush have left %d bytes, want at most %d", calls, n, most)
		}
	}
	t.Run("polling", func(t *testing.T) {
		p := &posts{gate: make(chan struct{})}
		h := startFake(t, &fake{polling: p.serve})
		c := newCaller()
		h.callWith(h.dialOptions(engine.Polling), c)
		t.Cleanup(func() { close(p.gate) })
		c.text(t, "under way")
		waitFor(t, "a request", func() bool { return p.all() != "" })
		c.text(t, "waits")
		giveUp(t, c)
	})
	t.Run("websocket", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			c, p := fenced(t, nil)
			c.send(t, "first", 0)
			flushed := flushing(context.Background(), c)
			p.want(t, "4first")
			p.question(t)
			time.Sleep(11 * time.Second) // the server is late, and in doubt from now on
			synctest.Wait()
			giveUp(t, c)
			_ = p.Close()
			wantFlush(t, flushed, "after the end", engine.ErrClosed)
		})
	})
}

// heap returns the bytes that are in use.
func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// contexts notes the context of each GET of a client.
type contexts struct {
	next http.RoundTripper
	seen chan context.Context
}

func (c *contexts) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method == http.MethodGet {
		c.seen <- r.Context()
	}
	return c.next.RoundTrip(r)
}

// A poll leaves nothing behind: its context has ended when the next one begins.
func TestPollsAreReleased(t *testing.T) {
	t.Parallel()
	h := start(t, nil)
	o := h.dialOptions(engine.Polling)
	seen := &contexts{h.client.Transport, make(chan context.Context, 100)}
	o.RoundTripper = seen
	c, s := h.call(o)
	for range 2 {
		s.text(t, "x")
		c.want(t, "x")
		before := receive(t, seen.seen, "a poll")
		waitFor(t, "the next poll", func() bool { return len(seen.seen) > 0 })
		if before.Err() == nil {
			t.Error("the context of a poll has not ended when the next one begins")
		}
	}
}
