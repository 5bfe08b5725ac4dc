package adapter

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
)

// slowHost is a fakeHost that is held up by its first room event. It keeps books of the
// rooms, and says when an event does not fit them.
type slowHost struct {
	fakeHost
	once            sync.Once
	called, release chan struct{}

	rooms map[string]map[string]bool
	wrong []RoomEvent
	told  int
}

func (h *slowHost) RoomEvent(e RoomEvent) {
	h.once.Do(func() {
		close(h.called)
		<-h.release
	})
	h.told++
	members, exists := h.rooms[e.Room]
	fits := false
	switch e.Kind {
	case RoomCreated:
		fits = !exists
		h.rooms[e.Room] = make(map[string]bool)
	case RoomJoined:
		if fits = exists && !members[e.Socket]; fits {
			members[e.Socket] = true
		}
	case RoomLeft:
		fits = members[e.Socket]
		delete(members, e.Socket)
	case RoomDeleted:
		fits = exists && len(members) == 0
		delete(h.rooms, e.Room)
	}
	if !fits {
		h.wrong = append(h.wrong, e)
	}
}

// However many changes there are while the application is busy with one, those that wait
// are as few as the memberships, and they add up to what there is.
func TestRoomEventsOfASlowHost(t *testing.T) {
	h := &slowHost{called: make(chan struct{}), release: make(chan struct{}), rooms: make(map[string]map[string]bool)}
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
	// Memberships that hooks have seen, and those that exist, with rooms: at most as many
	// again may gather before they are looked through.
	if limit := max(maxRoomEvents, 2*2*(sockets+1)*(rooms+2)) + 4; most > limit {
		t.Errorf("%d events have waited, want at most %d", most, limit)
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
