package adapter

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
)

// slowHost is a fakeHost that blocks in the first event of a room. It tracks the rooms and
// records events that do not fit them.
type slowHost struct {
	fakeHost
	slow            string // the room
	once            sync.Once
	called, release chan struct{}

	rooms map[string]map[string]bool
	last  map[string]RoomEventKind // of each room
	wrong []RoomEvent
	told  int
}

func (h *slowHost) RoomEvent(e RoomEvent) {
	if e.Room == h.slow {
		h.once.Do(func() {
			close(h.called)
			<-h.release
		})
	}
	h.told++
	members, exists := h.rooms[e.Room]
	fits := false
	switch e.Kind {
	case RoomCreated:
		fits = !exists
		h.rooms[e.Room] = make(map[string]bool)
	case RoomJoined:
		// A room whose last socket has left is deleted before another joins.
		if fits = exists && !members[e.Socket] && (len(members) > 0 || h.last[e.Room] == RoomCreated); fits {
			members[e.Socket] = true
		}
	case RoomLeft:
		fits = members[e.Socket]
		delete(members, e.Socket)
	case RoomDeleted:
		fits = exists && len(members) == 0
		delete(h.rooms, e.Room)
	}
	h.last[e.Room] = e.Kind
	if !fits {
		h.wrong = append(h.wrong, e)
	}
}

func newSlowHost(room string) *slowHost {
	return &slowHost{
		slow: room, called: make(chan struct{}), release: make(chan struct{}),
		rooms: make(map[string]map[string]bool), last: make(map[string]RoomEventKind),
	}
}

// While the application handles one event, the waiting events stay bounded by the
// memberships and lead to the current state, regardless of the number of changes.
func TestRoomEventsOfASlowHost(t *testing.T) {
	t.Parallel()
	h := newSlowHost("first")
	a := NewMemory(h)
	done := make(chan struct{})
	go func() {
		defer close(done)
		add(a, "first")
	}()
	<-h.called

	const sockets, rooms = 20, 10
	random := rand.New(rand.NewPCG(1, 2))
	present := make(map[string]*fakeSocket)
	most := 0
	for range 200_000 {
		id, room := fmt.Sprint("socket", random.IntN(sockets)), fmt.Sprint("room", random.IntN(rooms))
		s := present[id]
		switch n := random.IntN(20); {
		case s == nil:
			present[id] = add(a, id, room)
		case n == 0:
			a.Remove(s)
			delete(present, id)
		case n < 10:
			s.Leave(room)
		default:
			if err := s.Join(room); err != nil {
				t.Fatal(err)
			}
		}
		most = max(most, len(a.events.queue)) // no hook is called meanwhile
	}
	// The memberships that hooks have seen and those that exist, with rooms; as many
	// again may gather before they are compacted.
	if limit := max(maxRoomEvents, 2*2*(sockets+1)*(rooms+2)) + 4; most > limit {
		t.Errorf("%d events waited, want at most %d", most, limit)
	}
	close(h.release)
	<-done

	if len(h.wrong) > 0 {
		t.Errorf("%d of %d events are wrong: %v", len(h.wrong), h.told, h.wrong[:min(len(h.wrong), 10)])
	}
	want := map[string][]string{"first": {"first"}}
	for id := range present {
		want[id] = []string{id}
	}
	for _, room := range a.RoomNames() {
		for _, s := range a.Sockets(Target{Rooms: []string{room}}) {
			want[room] = append(want[room], s.ID())
		}
	}
	got := make(map[string][]string)
	for room, members := range h.rooms {
		got[room] = slices.Collect(maps.Keys(members))
	}
	sortAll := func(rooms map[string][]string) map[string][]string {
		for _, ids := range rooms {
			slices.Sort(ids)
		}
		return rooms
	}
	if !maps.EqualFunc(sortAll(got), sortAll(want), slices.Equal) {
		t.Errorf("the application knows %v, want %v", got, want)
	}
}

// When a room is deleted and created again while events wait, and neither is reported, the
// socket that joins comes before the one that leaves: the room is never without any.
func TestRoomEventsOfARoomThatComesBack(t *testing.T) {
	t.Parallel()
	h := newSlowHost("first")
	a := NewMemory(h)
	leaving, joining, other := add(a, "leaving", "room"), add(a, "joining"), add(a, "other")
	done := make(chan struct{})
	go func() {
		defer close(done)
		add(a, "first")
	}()
	<-h.called
	leaving.Leave("room")
	if err := joining.Join("room"); err != nil {
		t.Fatal(err)
	}
	for range maxRoomEvents {
		if err := other.Join("elsewhere"); err != nil {
			t.Fatal(err)
		}
		other.Leave("elsewhere")
	}
	close(h.release)
	<-done
	if len(h.wrong) > 0 {
		t.Errorf("the events %v are wrong", h.wrong)
	}
	if got := slices.Collect(maps.Keys(h.rooms["room"])); !slices.Equal(got, []string{"joining"}) {
		t.Errorf("the application knows that %q are in the room, want joining", got)
	}
}
