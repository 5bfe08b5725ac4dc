package adaptertest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"

	"github.com/seed96b07ef8/socketio/adapter"
	"github.com/seed96b07ef8/socketio/parser"
)

// testSilentNode pauses a node: nothing waits for it longer than it must, and results say that
// it is missing.
func testSilentNode(s *suite) {
	if s.cluster.Pause == nil {
		s.Skip("the nodes cannot be paused")
	}
	nodes := s.start(3)
	here, silent := nodes[0].of("/"), nodes[2]
	s.cluster.Pause(silent.id)

	here.emit(adapter.Target{}, "event")
	for _, sock := range s.members("/")[:2] {
		s.expect(sock, "while a node is silent", `["event"]`)
	}
	s.missing(silent, func(ctx context.Context) (int, error) {
		infos, err := here.FetchSockets(ctx, adapter.Target{})
		return len(infos), err
	}, 2)
	s.missing(silent, func(ctx context.Context) (int, error) {
		k := here.ask(ctx, adapter.Target{})
		answers, err := k.result(s)
		return len(answers), err
	}, 2)
	nodes[1].of("/").serve(func(_ string, _ parser.Args, answer func(...any)) { answer("here") })
	s.missing(silent, func(ctx context.Context) (int, error) {
		k := newSink()
		if err := here.ServerSideEmit(ctx, "event", nil, k); err != nil {
			return 0, err
		}
		answers, err := k.result(s)
		return len(answers), err
	}, 1)

	s.cluster.Resume(silent.id) // and its late answers arrive, or do not
	nodes[1].of("/").serve(nil)
	s.settle()
	s.reach(here, string(silent.id))
	s.reach(silent.of("/"), string(nodes[0].id))
}

// missing checks an operation that one node does not answer, or which the others know to be
// gone by now: then it is not missing.
func (s *suite) missing(silent *node, operate func(ctx context.Context) (results int, err error), want int) {
	s.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 500*time.Millisecond)
	defer cancel()
	n, err := operate(ctx)
	if n != want {
		s.Errorf("%d results, want those of %d nodes", n, want)
	}
	var partial *adapter.PartialError
	switch {
	case err == nil: // the others have noticed its silence already
	case !errors.As(err, &partial):
		s.Errorf("the error is %v, want a PartialError", err)
	case !slices.Equal(partial.Missing, []adapter.NodeID{silent.id}) && partial.Unknown != 1:
		s.Errorf("missing are %q and %d others, want %q", partial.Missing, partial.Unknown, silent.id)
	}
}

// testCutNode breaks the connection of a node, which notices.
func testCutNode(s *suite) {
	if s.cluster.Cut == nil {
		s.Skip("the nodes cannot be cut off")
	}
	nodes := s.start(2)
	here, there := nodes[0].of("/"), nodes[1].of("/")
	a := here.connect("a", "room")
	there.connect("b", "room")
	s.cluster.Cut(nodes[0].id)
	s.until("the node to notice", func() bool { return nodes[0].link() == adapter.LinkDown }, func() any { return nodes[0].link() })

	here.emit(adapter.Target{Rooms: []string{"room"}}, "event")
	s.expect(a, "of its own node", `["event"]`)
	var partial *adapter.PartialError
	ids, err := here.fetch(patience, adapter.Target{Rooms: []string{"room"}})
	if !slices.Equal(ids, []string{"a"}) || !errors.As(err, &partial) || !errors.Is(err, adapter.ErrUnavailable) {
		s.Errorf("fetched %q, %v, want the local socket and ErrUnavailable", ids, err)
	}
	answers, err := here.ask(s.context(), adapter.Target{Rooms: []string{"room"}}).result(s)
	if !slices.Equal(answers, []string{"from a"}) || !errors.Is(err, adapter.ErrUnavailable) {
		s.Errorf("acknowledged: %q, %v", answers, err)
	}
	if err := here.JoinSockets(adapter.Target{Rooms: []string{"room"}}, "joined"); !errors.Is(err, adapter.ErrUnavailable) {
		s.Errorf("JoinSockets returned %v, want ErrUnavailable", err)
	}
	if rooms := here.Rooms(a); !slices.Contains(rooms, "joined") {
		s.Errorf("the local socket has the rooms %q", rooms)
	}

	s.cluster.Heal(nodes[0].id)
	s.until("the node to be back", func() bool { return nodes[0].link() == adapter.LinkUp }, func() any { return nodes[0].link() })
	s.settle()
	s.reach(here, "room")
	s.reach(there, "room")
	if ids, err := there.fetch(patience, adapter.Target{Rooms: []string{"room"}}); err != nil || !slices.Equal(ids, []string{"a", "b"}) {
		s.Errorf("fetched %q, %v", ids, err)
	}
	if err := here.JoinSockets(adapter.Target{Rooms: []string{"room"}}, "again"); err != nil {
		s.Errorf("JoinSockets: %v", err)
	}
}

// testDisturbed has messages arrive late, twice, and out of order: the results are right
// nevertheless.
func testDisturbed(s *suite) {
	if s.cluster.Disturb == nil {
		s.Skip("the bus cannot be disturbed")
	}
	nodes := s.start(3)
	for i, n := range nodes {
		n.of("/").connect(fmt.Sprint("s", i), "room")
		n.of("/").serve(func(event string, _ parser.Args, answer func(...any)) {
			n.of("/").mu.Lock()
			n.of("/").events = append(n.of("/").events, event)
			n.of("/").mu.Unlock()
			if answer != nil {
				answer(strconv.Itoa(i))
			}
		})
	}
	here := nodes[0].of("/")
	s.reach(here, "room")
	for _, n := range nodes {
		s.cluster.Disturb(n.id)
	}
	for i := range 20 {
		here.emit(adapter.Target{Rooms: []string{"room"}}, "event", i)
		ids, err := here.fetch(patience, adapter.Target{Rooms: []string{"room"}})
		if err != nil || !slices.Equal(ids, []string{"s0", "s1", "s2"}) {
			s.Errorf("fetched %q, %v", ids, err)
		}
		if !s.cluster.Numbered {
			continue // a client's answer that arrives twice counts as two
		}
		answers, err := here.ask(s.context(), adapter.Target{Rooms: []string{"s1", "s2"}}).result(s)
		if err != nil || !slices.Equal(answers, []string{"from s1", "from s2"}) {
			s.Errorf("acknowledged: %q, %v", answers, err)
		}
		k := newSink()
		if err := here.ServerSideEmit(s.context(), "server event", nil, k); err != nil {
			s.Fatal(err)
		}
		if answers, err := k.result(s); err != nil || !slices.Equal(answers, []string{"1", "2"}) {
			s.Errorf("answered: %q, %v", answers, err)
		}
	}
	if !s.cluster.Numbered {
		return
	}
	var want []string
	for i := range 20 {
		want = append(want, fmt.Sprintf(`["event",%d]`, i), `["ask","question"]`)
	}
	slices.Sort(want)
	for _, sock := range s.members("/", "s1", "s2") {
		s.until("all events", func() bool { return len(sock.events()) >= len(want) }, func() any { return sock.events() })
		time.Sleep(2 * time.Second) // in which repeated messages arrive
		got := sock.events()
		slices.Sort(got)
		if !slices.Equal(got, want) {
			s.Errorf("the socket %s received %q, want %q", sock.id, got, want)
		}
		if n := len(sock.nsp.received()); n != 20 {
			s.Errorf("%d server events, want 20", n)
		}
	}
}

// testMalformed publishes what no node has written.
func testMalformed(s *suite) {
	if s.cluster.Inject == nil {
		s.Skip("nothing can be injected")
	}
	nodes := s.start(2)
	here := nodes[0].of("/")
	r := rand.NewChaCha8([32]byte{1})
	wires := [][]byte{nil, {}, {0}, {1}, []byte("{}"), []byte(`{"type":3}`), []byte(`{"uid":"x","nsp":"/","type":3,"data":null}`),
		[]byte("null"), []byte("[]"), {0xdf, 0xff, 0xff, 0xff, 0xff}, {0x93, 0xc6, 0xff, 0xff, 0xff, 0xff}}
	for range 2000 {
		wire := make([]byte, r.Uint64()%64)
		for i := range wire {
			wire[i] = byte(r.Uint64())
		}
		if len(wire) > 4 && r.Uint64()%2 == 0 {
			wire[0], wire[1] = 1, byte(r.Uint64()%14) // as the native codec begins
		}
		wires = append(wires, wire)
	}
	for _, wire := range wires {
		s.cluster.Inject("/", wire)
		s.cluster.Inject("", wire)
	}
	here.emit(adapter.Target{}, "end")
	for _, sock := range s.members("/") {
		s.until("the end", func() bool { return slices.Contains(sock.events(), `["end"]`) }, func() any { return sock.events() })
	}
	s.settle()
}
