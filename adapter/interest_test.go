package adapter

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
)

// interests records what an adapter wants of other nodes.
type interests struct {
	t  *testing.T
	mu sync.Mutex
	on map[string]bool
}

func (i *interests) set(room string, on bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.on[room] == on {
		i.t.Errorf("the interest in %s is %v twice", room, on)
	}
	i.on[room] = on
}

// Goroutines that move sockets about leave the interest in each room as it must be, and
// it alternates on the way. Some rooms have the names of sockets.
func TestInterestFollowsTheRooms(t *testing.T) {
	i := &interests{t: t, on: make(map[string]bool)}
	a := NewMemoryWith(new(fakeHost), MemoryOptions{Interest: i.set})
	const sockets = 8
	names := []string{"red", "green"}
	for s := range sockets {
		names = append(names, fmt.Sprint("s", s))
	}
	check := func() {
		t.Helper()
		for _, room := range names {
			if has := a.Has(room); has != i.on[room] || has != a.Matches(Target{Rooms: []string{room}}) {
				t.Errorf("%s has sockets: %v; interest: %v", room, has, i.on[room])
			}
		}
	}
	var movers sync.WaitGroup
	for n := range sockets {
		s := &fakeSocket{id: fmt.Sprint("s", n), a: a}
		movers.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(n), 1))
			for range 500 {
				switch room := names[rng.IntN(len(names))]; rng.IntN(8) {
				case 0:
					a.Add(s)
				case 1:
					a.Remove(s)
				case 2:
					a.Leave(s, s.id)
				case 3:
					a.Join(s, 100, s.id)
				case 4, 5:
					a.Leave(s, room)
				default:
					a.Join(s, 100, room)
				}
			}
		})
	}
	movers.Wait()
	check()
	for n := range sockets {
		if s := a.Socket(fmt.Sprint("s", n)); s != nil {
			a.Remove(s)
		}
	}
	check()
	for room, on := range i.on {
		if on {
			t.Errorf("the interest in %s stays", room)
		}
	}
}

func TestMatches(t *testing.T) {
	a := NewMemory(new(fakeHost))
	if a.Matches(Target{}) {
		t.Error("an empty namespace has a socket")
	}
	for _, id := range []string{"a", "b"} {
		s := &fakeSocket{id: id, a: a}
		a.Add(s)
		a.Join(s, 10, "both")
	}
	for _, test := range []struct {
		target Target
		want   bool
	}{
		{Target{}, true},
		{Target{Rooms: []string{}}, false},
		{Target{Rooms: []string{"none", "a"}}, true},
		{Target{Rooms: []string{"none"}}, false},
		{Target{Except: []string{"a"}}, true},
		{Target{Except: []string{"both"}}, false},
		{Target{Rooms: []string{"a"}, Except: []string{"a"}}, false},
		{Target{Rooms: []string{"both"}, Except: []string{"a"}}, true},
	} {
		if got := a.Matches(test.target); got != test.want {
			t.Errorf("%+v matches: %v", test.target, got)
		}
	}
}

// What another node sends to rooms without sockets here costs no allocation.
func TestUnwantedAllocations(t *testing.T) {
	a := NewMemory(new(fakeHost))
	a.Add(&fakeSocket{id: "a", a: a})
	target, p := Target{Rooms: []string{"none"}, Except: []string{"a"}}, &Packet{Event: "news"}
	if n := testing.AllocsPerRun(100, func() {
		if a.Matches(target) {
			t.Error("a room without sockets matches")
		}
		_ = a.Deliver(p, target)
	}); n > 0.1 {
		t.Errorf("%v allocations, want none", n)
	}
}
