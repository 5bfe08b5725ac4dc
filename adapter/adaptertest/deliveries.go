package adaptertest

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"

	"github.com/seed96b07ef8/socketio/adapter"
)

// reach waits until what from sends to rooms arrives everywhere: a node may need a moment to make
// known that it wants it. Nothing else may be under way.
func (s *suite) reach(from *namespace, rooms ...string) {
	s.Helper()
	for _, room := range rooms {
		members := s.members(from.name, room)
		probe := fmt.Sprintf(`["probe",%q]`, room)
		var missing []string
		s.until("rooms to be reached", func() bool {
			from.emit(adapter.Target{Rooms: []string{room}}, "probe", room)
			missing = nil
			for _, sock := range members {
				if !slices.Contains(sock.events(), probe) {
					missing = append(missing, sock.id)
				}
			}
			return len(missing) == 0
		}, func() any { return missing })
	}
	s.fence(from)
}

// members returns the sockets that are in a room of a namespace on any node, or all.
func (s *suite) members(namespace string, rooms ...string) (members []*socket) {
	for _, n := range s.nodes {
		nsp := n.spaces[namespace]
		if nsp == nil {
			continue
		}
		for _, sock := range nsp.sockets {
			if len(rooms) == 0 || slices.ContainsFunc(nsp.Rooms(sock), func(r string) bool { return slices.Contains(rooms, r) }) {
				members = append(members, sock)
			}
		}
	}
	return members
}

// fence waits until all sockets have what from has sent, and forgets it.
func (s *suite) fence(from *namespace) {
	s.Helper()
	from.emit(adapter.Target{}, "fence")
	for _, sock := range s.members(from.name) {
		s.until("a fence", func() bool { return slices.Contains(sock.events(), `["fence"]`) }, func() any { return sock.events() })
		sock.mu.Lock()
		sock.got = nil
		sock.mu.Unlock()
	}
}

// testTargets sends to combinations of rooms from each node.
func testTargets(s *suite) {
	nodes := s.start(3)
	for i, sockets := range []map[string][]string{
		{"a": {"r1"}, "b": {"r1", "r2"}},
		{"c": {"r1"}, "d": {"r2", "r3"}},
		{"e": {"r3"}, "f": nil},
	} {
		for id, rooms := range sockets {
			nodes[i].of("/").connect(id, rooms...)
		}
	}
	own := []string{string(nodes[0].id), string(nodes[1].id), string(nodes[2].id)}
	for i, n := range nodes {
		s.reach(n.of("/"), "r1", "r2", "r3", "a", "b", "c", "d", "e", "f")
		local := [][]string{{"a", "b"}, {"c"}, nil}[i]
		want := make(map[string][]string)
		for j, test := range []struct {
			target adapter.Target
			ids    []string
		}{
			{adapter.Target{}, append([]string{"a", "b", "c", "d", "e", "f"}, own...)},
			{adapter.Target{Rooms: []string{"r1"}}, []string{"a", "b", "c"}},
			{adapter.Target{Rooms: []string{"r1", "r2"}}, []string{"a", "b", "c", "d"}},
			{adapter.Target{Rooms: []string{"r1", "r3"}, Except: []string{"r2"}}, []string{"a", "c", "e"}},
			{adapter.Target{Except: []string{"r1", "e"}}, append([]string{"d", "f"}, own...)},
			{adapter.Target{Rooms: []string{"f", "r1", "none"}}, []string{"a", "b", "c", "f"}},
			{adapter.Target{Rooms: []string{"d"}, Except: []string{"d"}}, nil},
			{adapter.Target{Rooms: []string{"none"}}, nil},
			{adapter.Target{Rooms: []string{}}, nil},
			{adapter.Target{Rooms: []string{"r1"}, Local: true}, local},
			{adapter.Target{Rooms: []string{"d"}}, []string{"d"}},
		} {
			n.of("/").emit(test.target, "n", j)
			for _, id := range test.ids {
				want[id] = append(want[id], fmt.Sprintf(`["n",%d]`, j))
			}
		}
		n.of("/").emit(adapter.Target{}, "end")
		for _, sock := range s.members("/") {
			s.expect(sock, "targets", append(want[sock.id], `["end"]`)...)
		}
	}
}

// names are names of rooms that are special somewhere.
var names = []string{
	"", "0", "42", "-1", "1e3", " ", "a b", "a.b", "a*", "*", ">", "#", "a#b#", "?", "[a]", `\`, `"`, "'", ";--", "a\nb",
	"é", "\u65e5\u672c", "🙂", "null", "__proto__", "/", "/nsp", "$", "%", "%20", "=", "=2F", "abcdefghij0123456789",
	strings.Repeat("long ", 200),
}

// testRoomNames sends to rooms with unusual names.
func testRoomNames(s *suite) {
	nodes := s.start(2)
	here, there := nodes[0].of("/"), nodes[1].of("/")
	sock := there.connect("s", names...)
	s.reach(here, names...)
	for _, name := range names {
		here.emit(adapter.Target{Rooms: []string{name}}, "in", name)
		here.emit(adapter.Target{Rooms: []string{name + "x"}}, "beside")
		here.emit(adapter.Target{Except: []string{name}}, "except")
		here.emit(adapter.Target{Rooms: []string{"s"}}, "end")
		body, err := here.Body("in", []any{name})
		if err != nil {
			s.Fatal(err)
		}
		s.expect(sock, fmt.Sprintf("the room %q", name), string(body.JSON), `["end"]`)
	}
}

// testValues compares what arrives at another node with what arrives here.
func testValues(s *suite) {
	nodes := s.start(2)
	here, there := nodes[0].of("/"), nodes[1].of("/")
	local, remote := here.connect("local"), there.connect("remote")
	large := make([]byte, 300_000)
	for i := range large {
		large[i] = byte(i * i)
	}
	events := [][]any{
		{},
		{nil, true, "text", 1.5, -0.1, int64(math.MaxInt64), int64(math.MinInt64), uint64(math.MaxUint64)},
		{"<b>&amp;</b> \u2028 \x00 é 🙂 \\ \""},
		{map[string]any{"a": []any{1, map[string]any{"b": nil}}, "": "", "__proto__": 1}},
		{[]byte("binary"), map[string]any{"deep": []any{[]byte{0, 255}, []byte{}}}},
		{map[string]any{"_placeholder": false, "num": 1}, []byte{1}},
		{large},
		{strings.Repeat("x", 200_000)},
		{[]any{[]any{[]any{[]any{}}}}},
	}
	target := adapter.Target{Rooms: []string{"local", "remote"}}
	for i, args := range events {
		here.emit(target, fmt.Sprintf("event %d", i), args...)
		s.until("the event", func() bool { return len(remote.events()) == i+1 }, func() any { return i })
	}
	here.emit(target, "42", "a number as name")
	s.until("the last event", func() bool { return len(remote.events()) == len(events)+1 }, func() any { return len(remote.events()) })
	for i, got := range remote.events() {
		if want := local.events()[i]; got != want {
			s.Errorf("event %d arrived as %.200q, want %.200q", i, got, want)
		}
	}
}

// testOrder has each node send many events from one goroutine.
func testOrder(s *suite) {
	nodes := s.start(3)
	const events = 500
	var senders sync.WaitGroup
	for i, n := range nodes {
		senders.Go(func() {
			for j := range events {
				n.of("/").emit(adapter.Target{}, fmt.Sprint("n", i), j)
			}
		})
	}
	senders.Wait()
	for _, sock := range s.members("/") {
		s.until("all events", func() bool { return len(sock.events()) >= len(nodes)*events }, func() any { return len(sock.events()) })
		next := make([]int, len(nodes))
		for _, e := range sock.events() {
			var from, number int
			if _, err := fmt.Sscanf(e, `["n%d",%d]`, &from, &number); err != nil {
				s.Fatalf("the event %q: %v", e, err)
			}
			if number != next[from] {
				s.Fatalf("the event %d of node %d arrived instead of %d", number, from, next[from])
			}
			next[from]++
		}
	}
}

// testTooLarge sends an event that the bus does not take: no socket receives it.
func testTooLarge(s *suite) {
	if s.cluster.MaxMessage == 0 {
		s.Skip("the bus has no limit")
	}
	nodes := s.start(2)
	here := nodes[0].of("/")
	err := here.Broadcast(&adapter.Packet{Event: "large", Args: []any{strings.Repeat("x", s.cluster.MaxMessage)}}, adapter.Target{})
	var tooLarge *adapter.TooLargeError
	if !errors.As(err, &tooLarge) || tooLarge.Size <= tooLarge.Max {
		s.Errorf("Broadcast returned %v, want a TooLargeError", err)
	}
	here.emit(adapter.Target{}, "end")
	for _, sock := range s.members("/") {
		s.expect(sock, "after an event that is too large", `["end"]`)
	}
}
