package cluster

import (
	"fmt"
	"testing"
	"time"
)

func TestJoins(t *testing.T) {
	var j joins
	now := time.Now()
	expect := func(room string, want bool) {
		t.Helper()
		if got := j.has(room, now); got != want {
			t.Errorf("has(%q) = %v, want %v", room, got, want)
		}
	}
	expect("a", false)
	j.add([]string{"a"}, now)
	now = now.Add(joinTime / 2)
	j.add([]string{"b"}, now)
	expect("a", true)
	now = now.Add(joinTime / 2)
	expect("a", false)
	expect("b", true)
	j.prune(now)
	if len(j.until) != 1 {
		t.Errorf("%d rooms are left, want b", len(j.until))
	}
	for i := range 2 * maxJoins {
		j.add([]string{fmt.Sprint(i)}, now)
	}
	expect("any", true)
	if len(j.until) > maxJoins {
		t.Errorf("%d rooms are kept", len(j.until))
	}
	now = now.Add(joinTime)
	expect("any", false)
	j.prune(now)
	if j.some.Load() || len(j.until) != 0 {
		t.Error("old rooms are kept")
	}
}
