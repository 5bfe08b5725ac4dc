package adapter

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed96b07ef8/socketio/engine"
	"github.com/seed96b07ef8/socketio/parser"
)

// fakeHost is a namespace that encodes an event as its name and arguments.
type fakeHost struct {
	encoded atomic.Int64 // packets

	mu     sync.Mutex
	events []RoomEvent
}

func (h *fakeHost) Name() string { return "/" }

func (h *fakeHost) Node() NodeID { return "0123456789abcdef" }

func (h *fakeHost) Recovery() *RecoveryOptions { return nil }

func (h *fakeHost) Encode(p *Packet) error {
	if p.Event == "unencodable" {
		return errors.New("cannot be encoded")
	}
	args := p.Args
	if p.Offset != "" {
		args = append(slices.Clip(args), p.Offset)
	}
	p.Message = engine.NewTextMessage([]byte(fmt.Sprint(p.Event, args)))
	h.encoded.Add(1)
	return nil
}

func (h *fakeHost) Body(event string, args []any) (*parser.Body, error) {
	return parser.EncodeBody(event, args)
}

func (h *fakeHost) RoomEvent(e RoomEvent) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.events = append(h.events, e)
}

func (h *fakeHost) WantsRoomEvents() bool { return true }

func (h *fakeHost) ServerEvent(string, parser.Args, func(...any)) {}

// fakeSocket records the calls of its methods.
type fakeSocket struct {
	id    string
	a     Adapter
	rooms []string // to hand over

	mu     sync.Mutex
	got    []string
	warmed int
}

func (s *fakeSocket) HandOver() []string { return s.rooms }

func (s *fakeSocket) note(what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.got = append(s.got, what)
}

func (s *fakeSocket) ID() string                 { return s.id }
func (s *fakeSocket) Deliver(p *Packet)          { s.note(p.Event) }
func (s *fakeSocket) Flush(engine.Flags)         {}
func (s *fakeSocket) Join(rooms ...string) error { s.a.Join(s, 1000, rooms...); return nil }
func (s *fakeSocket) Leave(room string)          { s.a.Leave(s, room) }
func (s *fakeSocket) Connected() bool            { return true }
func (s *fakeSocket) Disconnect()                { s.note("disconnect") }
func (s *fakeSocket) DisconnectConn()            { s.note("disconnect connection") }
func (s *fakeSocket) Info() SocketInfo           { return SocketInfo{ID: s.id, Rooms: s.a.Rooms(s)} }
func (s *fakeSocket) Warm() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.warmed++
}

func (s *fakeSocket) DeliverWithAck(_ context.Context, p *Packet, sink AckSink) {
	s.note(p.Event)
	sink.Ack(Ack{Socket: s.id})
}

func add(a Adapter, id string, rooms ...string) *fakeSocket {
	s := &fakeSocket{id: id, a: a}
	a.Add(s)
	a.Join(s, 1000, rooms...)
	return s
}

// An eagerSocket changes its rooms as soon as it has handed them over.
type eagerSocket struct {
	fakeSocket
	done sync.WaitGroup
}

func (s *eagerSocket) HandOver() []string {
	s.done.Go(func() {
		s.a.Leave(s, "left")
		s.a.Join(s, 10, "joined")
	})
	for range 100 { // the goroutine may be done, unless it has to wait
		runtime.Gosched()
	}
	return []string{"left", "kept"}
}

// Changes of a socket's rooms after HandOver take effect after the socket was added.
func TestRoomsChangeAfterHandOver(t *testing.T) {
	for range 100 {
		memory, recovery := NewMemory(new(fakeHost)), NewRecovery(new(fakeHost), RecoveryOptions{})
		for _, test := range []struct {
			name  string
			a     Adapter
			admit func(s Socket)
		}{
			{"memory", memory, memory.Add},
			{"recovery", recovery, func(s Socket) { recovery.Admit(s, "p", nil, func([]*Packet) {}) }},
		} {
			s := &eagerSocket{fakeSocket: fakeSocket{id: "s", a: test.a}}
			test.admit(s)
			s.done.Wait()
			rooms := test.a.Rooms(s)
			slices.Sort(rooms)
			if want := []string{"joined", "kept", "s"}; !slices.Equal(rooms, want) {
				t.Fatalf("%s: in %q, want %q", test.name, rooms, want)
			}
		}
	}
}

func ids(sockets []Socket) string {
	var all []string
	for _, s := range sockets {
		all = append(all, s.ID())
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

func TestTargets(t *testing.T) {
	t.Parallel()
	m := NewMemory(new(fakeHost))
	add(m, "a", "x", "y")
	add(m, "b", "x")
	add(m, "c", "y")
	d := add(m, "d", "a") // a room named by another socket's ID
	for _, c := range []struct {
		t    Target
		want string
	}{
		{Target{}, "a b c d"},
		{Target{Rooms: []string{"x"}}, "a b"},
		{Target{Rooms: []string{"x", "y", "x"}}, "a b c"},
		{Target{Rooms: []string{"x"}, Except: []string{"y"}}, "b"},
		{Target{Except: []string{"x", "y"}}, "d"},
		{Target{Rooms: []string{"a"}}, "a d"},
		{Target{Rooms: []string{"b"}}, "b"},
		{Target{Rooms: []string{"b"}, Except: []string{"b"}}, ""},
		{Target{Except: []string{"a"}}, "b c"},
		{Target{Except: []string{"nobody"}}, "a b c d"},
		{Target{Rooms: []string{"nobody"}}, ""},
		{Target{Rooms: []string{}}, ""},
		{Target{Rooms: []string{}, Except: []string{"x"}}, ""},
		{Target{Except: []string{}}, "a b c d"},
	} {
		if got := ids(m.Sockets(c.t)); got != c.want {
			t.Errorf("%+v selects %q, want %q", c.t, got, c.want)
		}
	}
	m.Remove(d)
	m.Remove(d)
	m.Join(d, 10, "x")
	m.Leave(d, "x")
	if got := ids(m.Sockets(Target{})); got != "a b c" || len(m.Rooms(d)) != 0 {
		t.Errorf("after a removal: %q, rooms %v", got, m.Rooms(d))
	}
}

// Each socket is warmed once and receives the packet once, for any number of sockets.
func TestWarm(t *testing.T) {
	t.Parallel()
	m := NewMemory(new(fakeHost))
	var sockets []*fakeSocket
	for i := range 2*warmGroup + 3 {
		sockets = append(sockets, add(m, fmt.Sprint(i)))
	}
	if err := m.Broadcast(&Packet{Event: "x"}, Target{}); err != nil {
		t.Fatal(err)
	}
	for _, s := range sockets {
		if s.warmed != 1 || len(s.got) != 1 {
			t.Errorf("%s was warmed %d times and got %q", s.id, s.warmed, s.got)
		}
	}
}

func TestOperationsOnTargets(t *testing.T) {
	t.Parallel()
	m := NewMemory(new(fakeHost))
	a, b := add(m, "a", "x"), add(m, "b")
	x := Target{Rooms: []string{"x"}}
	if err := m.Broadcast(&Packet{Event: "unencodable"}, x); err == nil {
		t.Error("no error for an event that cannot be encoded")
	}
	if err := m.Broadcast(&Packet{Event: "hello"}, x); err != nil {
		t.Error(err)
	}
	if err := m.JoinSockets(Target{}, "y", "z"); err != nil {
		t.Error(err)
	}
	if err := m.LeaveSockets(x, "y", "z"); err != nil {
		t.Error(err)
	}
	if got := ids(m.Sockets(Target{Rooms: []string{"y", "z"}})); got != "b" {
		t.Errorf("in y or z: %q", got)
	}
	infos, err := m.FetchSockets(t.Context(), x)
	if err != nil || len(infos) != 1 || infos[0].ID != "a" || !slices.Equal(infos[0].Rooms, []string{"a", "x"}) {
		t.Errorf("fetched %v %v", infos, err)
	}
	if err := m.DisconnectSockets(x, false); err != nil {
		t.Error(err)
	}
	if err := m.DisconnectSockets(Target{Rooms: []string{"b"}}, true); err != nil {
		t.Error(err)
	}
	if want := []string{"hello", "disconnect"}; !slices.Equal(a.got, want) {
		t.Errorf("a got calls %q, want %q", a.got, want)
	}
	if want := []string{"disconnect connection"}; !slices.Equal(b.got, want) {
		t.Errorf("b got calls %q, want %q", b.got, want)
	}
}

func TestRoomLimit(t *testing.T) {
	t.Parallel()
	m := NewMemory(new(fakeHost))
	s := add(m, "a")
	if !m.Join(s, 2, "x", "y", "x", "a") || m.Join(s, 2, "y", "z") || !m.Join(s, 2, "x", "y") {
		t.Errorf("rooms %v", m.Rooms(s))
	}
	m.Leave(s, "x")
	if !m.Join(s, 2, "z") {
		t.Error("no room after leaving one")
	}
}

// The rooms of two successive sockets with the same ID are not mixed up.
func TestSuccessorWithTheSameID(t *testing.T) {
	t.Parallel()
	m := NewMemory(new(fakeHost))
	old := add(m, "a", "x")
	m.Remove(old)
	successor := add(m, "a", "y")
	m.Remove(old)
	m.Join(old, 10, "z")
	if got := m.Rooms(successor); !slices.Equal(got, []string{"a", "y"}) || len(m.Rooms(old)) != 0 {
		t.Errorf("rooms %v and %v", got, m.Rooms(old))
	}
}

// After sockets join, leave and are removed concurrently, no rooms and members
// remain, and the room events are balanced.
func TestMembershipUnderConcurrency(t *testing.T) {
	t.Parallel()
	h := new(fakeHost)
	m := NewMemory(h)
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 200 {
				s := add(m, fmt.Sprintf("%d-%d", g, i), "shared", fmt.Sprint("r", i%3))
				var inner sync.WaitGroup
				inner.Go(func() { m.Join(s, 10, "late", "shared") })
				inner.Go(func() { m.Leave(s, "shared") })
				inner.Go(func() { m.Sockets(Target{Rooms: []string{"shared", "late"}}) })
				inner.Go(func() { m.Remove(s) })
				inner.Wait()
			}
		})
	}
	wg.Wait()
	for i := range m.shards {
		if sh := &m.shards[i]; len(sh.rooms) != 0 || len(sh.members) != 0 {
			t.Errorf("shard %d has %d rooms and %d members", i, len(sh.rooms), len(sh.members))
		}
	}
	balance := map[RoomEventKind]int{}
	for _, e := range h.events {
		balance[e.Kind]++
	}
	if balance[RoomCreated] != balance[RoomDeleted] || balance[RoomJoined] != balance[RoomLeft] {
		t.Errorf("room events %v", balance)
	}
}

// Events are reported in the order of the changes, regardless of the goroutine: a
// room is created before a socket joins it, and is not deleted while a socket is in
// it.
func TestRoomEventsAreInOrder(t *testing.T) {
	t.Parallel()
	h := new(fakeHost)
	m := NewMemory(h)
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			s := &fakeSocket{id: fmt.Sprint("s", i), a: m}
			m.Add(s)
			for range 500 {
				m.Join(s, 10, "shared")
				m.Leave(s, "shared")
			}
			m.Remove(s)
		})
	}
	wg.Wait()
	in := map[string]int{} // sockets of a room
	for _, e := range h.events {
		n, exists := in[e.Room]
		switch e.Kind {
		case RoomCreated:
			if exists {
				t.Fatalf("%s is created twice", e.Room)
			}
			in[e.Room] = 0
		case RoomDeleted:
			if !exists || n != 0 {
				t.Fatalf("%s is deleted with %d sockets in it", e.Room, n)
			}
			delete(in, e.Room)
		case RoomJoined:
			in[e.Room] = n + 1
		case RoomLeft:
			in[e.Room] = n - 1
		}
	}
	if len(in) != 0 || len(h.events) == 0 {
		t.Errorf("left over: %v, of %d events", in, len(h.events))
	}
}

// exitingHost ends the goroutine that calls RoomEvent, once leave is closed.
type exitingHost struct {
	fakeHost
	entered, leave chan struct{}
	told           chan string
}

func (h *exitingHost) RoomEvent(e RoomEvent) {
	if e.Kind != RoomJoined {
		return
	}
	if e.Room == "exit" {
		close(h.entered)
		<-h.leave
		runtime.Goexit()
	}
	h.told <- e.Room
}

// Room events are not lost if a function ends the goroutine that reports them.
func TestRoomEventsAfterGoexit(t *testing.T) {
	t.Parallel()
	h := &exitingHost{entered: make(chan struct{}), leave: make(chan struct{}), told: make(chan string, 10)}
	m := NewMemory(h)
	s := &fakeSocket{id: "s", a: m}
	m.Add(s)
	go m.Join(s, 10, "exit")
	<-h.entered
	m.Join(s, 10, "next") // the other goroutine reports this
	close(h.leave)
	if got := []string{<-h.told, <-h.told}; !slices.Equal(got, []string{"s", "next"}) {
		t.Errorf("got room events %v", got)
	}
}

// BenchmarkNamespaceSize measures a broadcast to a small room, joining and leaving
// a small and a large room, and a disconnection, beside many sockets and rooms.
func BenchmarkNamespaceSize(b *testing.B) {
	for _, n := range []int{1_000, 10_000, 100_000} {
		m := NewMemory(new(fakeHost))
		for i := range n {
			add(m, fmt.Sprint("s", i), fmt.Sprint("ten-", i/10), "large")
		}
		quiet := &quietSocket{id: "quiet"}
		m.Add(quiet)
		b.Run(fmt.Sprintf("join-leave/%d", n), func(b *testing.B) {
			for b.Loop() {
				m.Join(quiet, 10, "ten-7")
				m.Leave(quiet, "ten-7")
			}
		})
		b.Run(fmt.Sprintf("join-leave-large/%d", n), func(b *testing.B) {
			for b.Loop() {
				m.Join(quiet, 10, "large")
				m.Leave(quiet, "large")
			}
		})
		b.Run(fmt.Sprintf("select-10/%d", n), func(b *testing.B) {
			for b.Loop() {
				m.choose(Target{Rooms: []string{"ten-7"}}).release()
			}
		})
		b.Run(fmt.Sprintf("add-remove/%d", n), func(b *testing.B) {
			for b.Loop() {
				s := &quietSocket{id: "another"}
				m.Add(s)
				m.Join(s, 10, "ten-7", "ten-8", "large")
				m.Remove(s)
			}
		})
	}
}

// quietSocket does nothing with what it receives.
type quietSocket struct {
	fakeSocket
	id string
}

func (s *quietSocket) ID() string      { return s.id }
func (s *quietSocket) Deliver(*Packet) {}

// flagSocket records the flags of delivered packets.
type flagSocket struct {
	fakeSocket
	flags []engine.Flags
}

func (s *flagSocket) Deliver(p *Packet) { s.flags = append(s.flags, p.Flags) }

// Only messages of large broadcasts that follow each other closely may wait for
// more.
func TestBursts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := NewMemory(&fakeHost{})
		first := &flagSocket{fakeSocket: fakeSocket{id: "first", a: m}}
		m.Add(first)
		m.Join(first, 1, "small")
		for i := range burstSize {
			add(m, fmt.Sprint(i))
		}
		broadcast := func(t Target, flags engine.Flags) {
			p := &Packet{Event: "e", Flags: flags}
			_ = m.Broadcast(p, t)
			if p.Flags != flags {
				panic("the caller's packet was changed")
			}
		}
		all, small := Target{}, Target{Rooms: []string{"small"}}
		broadcast(all, 0)
		broadcast(all, engine.Volatile)
		broadcast(small, 0)
		broadcast(all, 0)
		time.Sleep(burstGap)
		broadcast(all, 0) // after a burst, another is expected
		time.Sleep(burstGap - 1)
		broadcast(all, 0)
		time.Sleep(burstGap)
		broadcast(all, 0) // but this one stays alone,
		time.Sleep(burstGap)
		broadcast(all, 0) // so nothing is expected here
		want := []engine.Flags{0, engine.Volatile | engine.Lazy, 0, engine.Lazy, engine.Lazy, engine.Lazy, engine.Lazy, 0}
		if !slices.Equal(first.flags, want) {
			t.Errorf("got flags %v, want %v", first.flags, want)
		}
	})
}

// A packet that concerns no socket is not encoded, and one that has its message is not
// encoded again.
func TestDeliverEncodesOnlyWhatIsWanted(t *testing.T) {
	h := new(fakeHost)
	a := NewMemory(h)
	deliver := func(p *Packet, room string, want int64) {
		t.Helper()
		if err := a.Deliver(p, Target{Rooms: []string{room}}); err != nil {
			t.Error(err)
		}
		if n := h.encoded.Load(); n != want {
			t.Errorf("encoded %d packets, want %d", n, want)
		}
	}
	s := &fakeSocket{id: "s", a: a}
	a.Add(s)
	p := &Packet{Event: "news"}
	deliver(p, "empty", 0)
	if p.Message != nil {
		t.Error("a packet that concerns no socket has a message")
	}
	deliver(p, "s", 1)
	deliver(p, "s", 1)
	if want := []string{"news", "news"}; !slices.Equal(s.got, want) {
		t.Errorf("delivered %q, want %q", s.got, want)
	}
	if err := a.Deliver(&Packet{Event: "unencodable"}, Target{}); err == nil {
		t.Error("Deliver has not returned the error of the encoding")
	}
}

// The clients that a question is for are announced, also none, and it is encoded only for
// some.
func TestDeliverWithAck(t *testing.T) {
	h := new(fakeHost)
	a := NewMemory(h)
	a.Add(&fakeSocket{id: "s", a: a})
	for room, want := range map[string]int{"s": 1, "none": 0} {
		h.encoded.Store(0)
		sink := &expectations{}
		if err := a.DeliverWithAck(t.Context(), &Packet{Event: "q", HasAck: true}, Target{Rooms: []string{room}}, sink); err != nil {
			t.Error(err)
		}
		if sink.calls != 1 || sink.expected != want || h.encoded.Load() != int64(want) {
			t.Errorf("%s: %d clients announced by %d calls, %d packets encoded", room, sink.expected, sink.calls, h.encoded.Load())
		}
	}
	if err := a.DeliverWithAck(t.Context(), &Packet{Event: "unencodable"}, Target{}, &expectations{}); err == nil {
		t.Error("DeliverWithAck has not returned the error of the encoding")
	}
}

// expectations counts announced clients.
type expectations struct{ expected, calls int }

func (e *expectations) Expect(n int)   { e.expected, e.calls = e.expected+n, e.calls+1 }
func (e *expectations) Ack(Ack)        {}
func (e *expectations) Complete(error) {}
