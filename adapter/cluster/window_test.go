package cluster

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"
)

func TestWindow(t *testing.T) {
	var w window
	for _, step := range []struct {
		number uint64
		want   bool
	}{
		{5, false}, {5, true}, {3, false}, {3, true}, {4, false}, {6, false},
		{5 + windowSize, false}, // 6 is the oldest that is known
		{6, true}, {7, false}, {7, true},
		{5, false}, {5, false}, // too old to know
		{1 << 40, false}, {1 << 40, true}, {1<<40 - 1, false}, {1<<40 - 1, true},
		{1<<40 - windowSize + 1, false}, {1<<40 - windowSize + 1, true},
	} {
		if got := w.duplicate(step.number); got != step.want {
			t.Fatalf("duplicate(%d) = %v, want %v", step.number, got, step.want)
		}
	}
}

// A window agrees with a set for messages that are a little out of order.
func TestWindowOutOfOrder(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var w window
	seen := make(map[uint64]bool)
	newest := uint64(1)
	for range 200_000 {
		n := newest + uint64(r.IntN(5))
		if back := uint64(r.IntN(windowSize)); back < n {
			n -= back
		}
		newest = max(newest, n)
		if got := w.duplicate(n); got != seen[n] {
			t.Fatalf("duplicate(%d) = %v, want %v; the newest is %d", n, got, seen[n], newest)
		}
		seen[n] = true
	}
}

func TestRecentRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r recent
		see := func(id string, want bool) {
			t.Helper()
			if got := r.duplicate(requestKey{"node", id}, time.Now()); got != want {
				t.Fatalf("duplicate(%q) = %v, want %v", id, got, want)
			}
		}
		see("a", false)
		see("a", true)
		time.Sleep(ringAge)
		see("a", false) // now at two places
		see("a", true)
		for i := range ringSize - 1 {
			see(fmt.Sprint(i), false)
		}
		see("a", true) // the older place was reused, the newer was not
		see("z", false)
		see("a", false)
		if n := len(r.present); n > ringSize {
			t.Errorf("%d requests are kept", n)
		}
	})
}
