package socketio

import (
	"context"
	"sync"
	"testing"

	"github.com/seed96b07ef8/socketio/internal/await"
	"github.com/seed96b07ef8/socketio/internal/wiretest"
)

func TestBudgetHasRoom(t *testing.T) {
	t.Parallel()
	const limit = 1000
	for _, test := range []struct {
		name     string
		held     int // of it:
		auth     int
		handling []int // by the sockets
		n        int
		want     bool
	}{
		{"nothing is held, below the limit", 0, 0, []int{0}, limit - 1, true},
		{"nothing is held, at the limit", 0, 0, []int{0}, limit, true},
		{"nothing is held, above the limit", 0, 0, []int{0}, 5 * limit, true},
		{"an event waits, below the limit", 600, 0, []int{0}, 399, true},
		{"an event waits, at the limit", 600, 0, []int{0}, 400, true},
		{"an event waits, above the limit", 600, 0, []int{0}, 401, false},
		{"an event is handled, at the limit", 600, 0, []int{600}, limit, true},
		{"an event is handled, above the limit", 600, 0, []int{600}, 5 * limit, true},
		{"a large event is handled, none waits", 9000, 0, []int{9000}, limit, true},
		{"a large event is handled, others wait, at the limit", 9900, 0, []int{9000}, 100, true},
		{"a large event is handled, others wait, above the limit", 9900, 0, []int{9000}, 101, false},
		{"two are handled, at the limit", 9900, 0, []int{900, 9000}, 100, true},
		{"two are handled, above the limit", 9900, 0, []int{900, 9000}, 101, false},
		{"one is handled by a socket that has left", 9900, 0, []int{0}, 1, false},
		{"auth leaves room, at the limit", 600, 600, []int{0}, 400, true},
		{"auth only, above the limit", 600, 600, []int{0}, 5 * limit, true},
		{"auth and an event, above the limit", 700, 600, []int{0}, 301, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := &conn{server: &Server{opts: &Options{InboxBytes: limit}}, auth: test.auth}
			c.hold(test.held)
			for _, n := range test.handling {
				s := &Socket{conn: c}
				s.inbox.handling = n
				c.sockets = append(c.sockets, s)
			}
			if got := c.hasRoom(test.n); got != test.want {
				t.Errorf("hasRoom(%d) is %v", test.n, got)
			}
		})
	}
}

func TestBudgetOfAuth(t *testing.T) {
	t.Parallel()
	c := &conn{server: &Server{opts: &Options{InboxBytes: 1000}}}
	for i, step := range []struct {
		n    int
		want bool
	}{
		{5000, true}, // alone
		{1, false},
		{-5000, true},
		{400, true},
		{599, true},
		{2, false},
		{1, true},
		{1, false},
	} {
		if step.n < 0 {
			n := -step.n
			c.forgetAuthLocked(&n)
			continue
		}
		if got := c.keepAuth(step.n); got != step.want {
			t.Errorf("step %d: keeping %d bytes is %v", i, step.n, got)
		}
	}
	if got := c.budget.bytes(); got != 1000 {
		t.Errorf("%d bytes are counted", got)
	}
}

// A reader that waits for room gets that of auth which is released.
func TestReleasedAuthMakesRoom(t *testing.T) {
	t.Parallel()
	c := &conn{server: &Server{opts: &Options{InboxBytes: 1000}}, auth: 800}
	c.hold(1100)
	checked, done := make(chan struct{}, 1), make(chan struct{})
	go func() {
		defer close(done)
		c.budget.await(func() bool {
			room := c.hasRoom(500)
			select {
			case checked <- struct{}{}:
			default:
			}
			return room
		})
	}()
	await.Receive(t, checked, "the first look")
	c.forgetAuth(&Socket{conn: c, authCost: 800})
	await.Receive(t, done, "room for the reader")
}

// What several goroutines take back at the same time is not counted for the server any
// more.
func TestBudgetReportsWhatIsTakenBack(t *testing.T) {
	t.Parallel()
	io := NewServer(nil)
	t.Cleanup(func() { _ = io.Shutdown(context.Background()) })
	came := make(chan *Socket, 1)
	io.OnConnect(func(s *Socket) { came <- s })
	wiretest.Join(t, wiretest.Serve(t, io), "websocket", "/")
	c := (<-came).conn
	const goroutines, size = 4, 100_000
	for range 50_000 {
		c.hold(goroutines * size)
		var wg sync.WaitGroup
		for range goroutines {
			wg.Go(func() { c.hold(-size) })
		}
		wg.Wait()
		if held := io.Engine().Held(); held != 0 {
			t.Fatalf("%d bytes are counted and none held", held)
		}
	}
}
