package cluster

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed96b07ef8/socketio/adapter"
)

// A laneTest is a lane to a bus that it controls.
type laneTest struct {
	*lane
	mu      sync.Mutex
	err     error // of publish, instead of accepting
	accept  int   // messages to accept in spite of err
	hang    bool  // until the context ends
	sent    []string
	batches []int
	states  []string
	dropped []string
}

func startLane(t *testing.T, limits laneLimits) *laneTest {
	l := new(laneTest)
	if limits.bytes == 0 {
		limits.bytes = 1 << 20
	}
	if limits.messages == 0 {
		limits.messages = 1000
	}
	if limits.age == 0 {
		limits.age = 5 * time.Second
	}
	limits.timeout = 2 * time.Second
	l.lane = newLane(limits, l.publish, func(err error) {
		l.mu.Lock()
		defer l.mu.Unlock()
		if s := fmt.Sprint(err); len(l.states) == 0 || l.states[len(l.states)-1] != s {
			l.states = append(l.states, s)
		}
	}, func(o Outgoing, reason DropReason, _ error) {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.dropped = append(l.dropped, fmt.Sprint(string(o.Wire), ": ", reason))
	})
	t.Cleanup(func() { _ = l.close(t.Context()) })
	return l
}

func (l *laneTest) publish(ctx context.Context, messages []Outgoing) (int, error) {
	l.mu.Lock()
	hang, err, n := l.hang, l.err, len(messages)
	if err != nil {
		n = min(l.accept, n)
	}
	if !hang {
		for _, o := range messages[:n] {
			l.sent = append(l.sent, string(o.Wire))
		}
		l.batches = append(l.batches, n)
	}
	l.mu.Unlock()
	if hang {
		<-ctx.Done()
		return 0, ctx.Err()
	}
	return n, err
}

// set changes what the bus does.
func (l *laneTest) set(err error, accept int, hang bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.err, l.accept, l.hang = err, accept, hang
}

func (l *laneTest) put(t *testing.T, wires ...string) {
	t.Helper()
	for _, w := range wires {
		if err := l.add(Outgoing{Wire: []byte(w)}, strings.HasPrefix(w, "v")); err != nil {
			t.Errorf("adding %q: %v", w, err)
		}
	}
}

func (l *laneTest) expect(t *testing.T, what string, got *[]string, want ...string) {
	t.Helper()
	synctest.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	if !slices.Equal(*got, want) {
		t.Errorf("%s: %q, want %q", what, *got, want)
	}
	*got = nil
}

var errDown = errors.New("down")

func TestLaneKeepsTheOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := startLane(t, laneLimits{})
		l.set(errDown, 0, false)
		var want []string
		for i := range 200 {
			want = append(want, fmt.Sprint(i))
			l.put(t, want[i])
		}
		time.Sleep(time.Second)
		l.set(errDown, 3, false) // three at a time
		time.Sleep(2 * time.Second)
		l.set(nil, 0, false)
		time.Sleep(time.Second)
		l.expect(t, "states", &l.states, "down", "<nil>")
		for _, n := range l.batches {
			if n > batchMessages {
				t.Errorf("a batch of %d messages", n)
			}
		}
		l.expect(t, "sent", &l.sent, want...)
		l.expect(t, "dropped", &l.dropped)
		if l.bytes != 0 || l.volatile != 0 {
			t.Errorf("%d bytes and %d volatile messages are left", l.bytes, l.volatile)
		}
	})
}

func TestLaneDropsWhatIsOld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := startLane(t, laneLimits{})
		l.set(nil, 0, true)
		l.put(t, "a", "v", "b")
		time.Sleep(4 * time.Second)
		if lag := l.lag(time.Now()); lag != 4*time.Second {
			t.Errorf("the lag is %v, want 4 s", lag)
		}
		l.put(t, "c")
		time.Sleep(2500 * time.Millisecond) // the attempt under way ends after 2 s
		l.set(nil, 0, false)
		time.Sleep(3 * time.Second)
		l.expect(t, "sent", &l.sent, "c")
		l.expect(t, "dropped", &l.dropped, "a: too long in the publish queue", "v: too long in the publish queue", "b: too long in the publish queue")
		if l.lag(time.Now()) != 0 {
			t.Error("an empty queue has a lag")
		}
	})
}

func TestLaneIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := startLane(t, laneLimits{messages: 4, bytes: 20})
		l.set(nil, 0, true)
		l.put(t, "v0")
		synctest.Wait() // it is in flight, so it stays
		l.put(t, "a", "v1", "v2", "b")
		l.expect(t, "dropped", &l.dropped, "v1: publish queue full", "v2: publish queue full")
		l.put(t, "c")
		if err := l.add(Outgoing{Wire: []byte("d")}, false); err != adapter.ErrQueueFull {
			t.Errorf("one message too many: %v", err)
		}
		l.set(nil, 0, false)
		time.Sleep(3 * time.Second)
		l.expect(t, "sent", &l.sent, "v0", "a", "b", "c")
		if err := l.add(Outgoing{Wire: make([]byte, 21)}, false); err != adapter.ErrQueueFull {
			t.Errorf("more bytes than there is room for: %v", err)
		}
		l.put(t, "fits")
		l.expect(t, "sent", &l.sent, "fits")
	})
}

// What may have been sent is not sent again, and neither is what will never be accepted.
func TestLaneAmbiguousAndRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := startLane(t, laneLimits{})
		l.set(errDown, 0, false)
		l.put(t, "a", "b", "c", "d")
		synctest.Wait()
		l.set(fmt.Errorf("timeout: %w", ErrAmbiguous), 1, false)
		time.Sleep(60 * time.Millisecond)
		l.expect(t, "dropped", &l.dropped, "b: perhaps not sent")
		l.set(fmt.Errorf("too large: %w", ErrRefused), 0, false)
		time.Sleep(100 * time.Millisecond)
		l.expect(t, "dropped", &l.dropped, "c: refused by the bus", "d: refused by the bus")
		l.set(nil, 0, false)
		l.put(t, "e")
		l.expect(t, "sent", &l.sent, "a", "e")
	})
}

func TestLaneCloseSendsTheRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := startLane(t, laneLimits{})
		l.set(errDown, 0, false)
		l.put(t, "a", "b")
		go func() {
			time.Sleep(time.Second)
			l.set(nil, 0, false)
		}()
		if err := l.close(t.Context()); err != nil {
			t.Errorf("close returned %v", err)
		}
		l.expect(t, "sent", &l.sent, "a", "b")
		if err := l.add(Outgoing{}, false); err != net.ErrClosed {
			t.Errorf("a closed lane returned %v", err)
		}

		l = startLane(t, laneLimits{})
		l.set(nil, 0, true)
		l.put(t, "a")
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := l.close(ctx); err != context.DeadlineExceeded {
			t.Errorf("close returned %v", err)
		}
		l.expect(t, "dropped", &l.dropped, "a: not sent before the shutdown")
		if err := l.close(t.Context()); err != nil {
			t.Errorf("closing again returned %v", err)
		}
	})
}
