package adapter

import (
	"strings"
	"testing"
)

// HasBytes agrees with Has, and does not allocate.
func TestHasBytes(t *testing.T) {
	a := NewMemory(new(fakeHost))
	long := strings.Repeat("a long name ", 20)
	s := add(a, "s", "room", "", long)
	left := add(a, "left")
	a.Leave(left, "left")
	for room, want := range map[string]bool{"s": true, "room": true, "": true, long: true, "left": false, "none": false, long + "x": false} {
		name := []byte(room)
		if a.Has(room) != want || a.HasBytes(name) != want {
			t.Errorf("%q: Has returned %v and HasBytes %v, want %v", room, a.Has(room), a.HasBytes(name), want)
		}
		if n := testing.AllocsPerRun(100, func() { a.HasBytes(name) }); n != 0 {
			t.Errorf("%q: %v allocations", room, n)
		}
	}
	a.Remove(s)
	if a.HasBytes([]byte("room")) || a.HasBytes([]byte("s")) {
		t.Error("a room has a socket that was removed")
	}
}
