package adaptertest

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/seed96b07ef8/socketio/adapter"
)

// testCommands changes sockets of other nodes.
func testCommands(s *suite) {
	nodes := s.start(2)
	here, there := nodes[0].of("/"), nodes[1].of("/")
	a, b, c := here.connect("a", "room"), there.connect("b", "room"), there.connect("c")
	rooms := func(sock *socket, want ...string) {
		s.Helper()
		slices.Sort(want)
		var got []string
		s.until("changed rooms", func() bool {
			got = sock.nsp.Rooms(sock)
			slices.Sort(got)
			return slices.Equal(got, want)
		}, func() any { return fmt.Sprint(sock.id, got) })
	}
	must := func(err error) {
		s.Helper()
		if err != nil {
			s.Error(err)
		}
	}
	must(here.JoinSockets(adapter.Target{Rooms: []string{"room"}}, "x", "y"))
	rooms(a, "a", "room", "x", "y")
	rooms(b, "b", "room", "x", "y")
	rooms(c, "c")
	must(there.LeaveSockets(adapter.Target{Except: []string{"b"}}, "x", "none"))
	rooms(a, "a", "room", "y")
	rooms(b, "b", "room", "x", "y")
	must(here.JoinSockets(adapter.Target{Rooms: []string{"c"}, Node: nodes[1].id}, "z"))
	rooms(c, "c", "z")
	must(here.JoinSockets(adapter.Target{Local: true, Rooms: []string{"a", "b"}}, "local"))
	must(here.JoinSockets(adapter.Target{Rooms: []string{}}, "nobody"))
	must(here.DisconnectSockets(adapter.Target{Rooms: []string{"x"}}, true))
	s.until("the disconnection", func() bool { return !b.Connected() }, func() any { return "connected" })
	rooms(a, "a", "room", "y", "local")
	if !a.Connected() || !c.Connected() {
		s.Error("a socket was disconnected that should not")
	}
	if ids, err := here.fetch(patience, adapter.Target{Rooms: []string{"room", "c", "local", "nobody"}}); err != nil || !slices.Equal(ids, []string{"a", "c"}) {
		s.Errorf("fetched %q, %v", ids, err)
	}
}

// testJoinThenEmit sends to a room that the sender has just made sockets of other nodes join.
func testJoinThenEmit(s *suite) {
	nodes := s.start(2)
	here, there := nodes[0].of("/"), nodes[1].of("/")
	sock := there.connect("s")
	s.reach(here, "s")
	for i := range 20 {
		room := fmt.Sprint("room ", i)
		if err := here.JoinSockets(adapter.Target{Rooms: []string{"s"}}, room); err != nil {
			s.Error(err)
		}
		here.emit(adapter.Target{Rooms: []string{room}}, "welcome", i)
	}
	for i := range 20 {
		s.until("the event to the room", func() bool { return len(sock.events()) > i }, func() any { return sock.events() })
		if got, want := sock.events()[i], fmt.Sprintf(`["welcome",%d]`, i); got != want {
			s.Errorf("received %q, want %q", got, want)
		}
	}
}

// testNamespaces checks that namespaces do not mix.
func testNamespaces(s *suite) {
	nodes := s.start(2)
	spaces := []string{"/", "/a", "/a#b", "/*", "/a*", "/é", `/"; DROP TABLE x; --`, "/a/b"}
	for _, name := range spaces {
		for i, n := range nodes {
			n.of(name).connect(fmt.Sprint("s", i), "room")
		}
	}
	for _, name := range spaces {
		s.until("the namespace", func() bool {
			ids, err := nodes[0].of(name).fetch(time.Second, adapter.Target{Rooms: []string{"room"}})
			return err == nil && len(ids) == 2
		}, func() any { return name })
		s.reach(nodes[0].of(name), "room")
	}
	for _, name := range spaces {
		nodes[0].of(name).emit(adapter.Target{Rooms: []string{"room"}}, "in", name)
	}
	for _, name := range spaces {
		nodes[0].of(name).emit(adapter.Target{Rooms: []string{"room"}}, "end")
		body, err := nodes[0].of(name).Body("in", []any{name})
		if err != nil {
			s.Fatal(err)
		}
		for _, sock := range s.members(name, "room") {
			s.expect(sock, name, string(body.JSON), `["end"]`)
		}
	}
}

// testManyNamespaces has namespaces come and go.
func testManyNamespaces(s *suite) {
	nodes := s.start(2)
	last := s.cluster.Namespaces - 1
	for i := range last + 1 {
		name := fmt.Sprint("/", i)
		for _, n := range nodes {
			n.of(name)
		}
		if i%3 == 0 {
			continue
		}
		for _, n := range nodes {
			n.of(name).close()
		}
	}
	here, there := nodes[0].of("/0"), nodes[1].of(fmt.Sprint("/", last))
	sock := nodes[0].of(fmt.Sprint("/", last)).connect("s")
	s.reach(there, "s")
	there.emit(adapter.Target{}, "event")
	s.expect(sock, "one of many namespaces", `["event"]`)
	if ids, err := here.fetch(patience, adapter.Target{}); err != nil || len(ids) > 0 {
		s.Errorf("fetched %q of an empty namespace, %v", ids, err)
	}
}

// testNamespaceBeginsAgain makes a namespace anew, before and after its predecessor was closed.
func testNamespaceBeginsAgain(s *suite) {
	nodes := s.start(2)
	here := nodes[0].of("/chat")
	for round := range 3 {
		before := nodes[1].of("/chat")
		before.connect("old", "room")
		if round == 0 {
			before.close()
		} else {
			delete(nodes[1].spaces, "/chat")
		}
		there := nodes[1].of("/chat")
		sock := there.connect("new", "room")
		if round > 0 {
			before.close()
			nodes[1].spaces["/chat"] = there
		}
		s.until("the new socket", func() bool {
			ids, err := here.fetch(time.Second, adapter.Target{Rooms: []string{"room"}})
			return err == nil && slices.Equal(ids, []string{"new"})
		}, func() any { return round })
		s.reach(here, "room")
		here.emit(adapter.Target{Rooms: []string{"room"}}, "event", round)
		there.emit(adapter.Target{Rooms: []string{"room"}}, "own", round)
		s.until("both events", func() bool { return len(sock.events()) >= 2 }, func() any { return sock.events() })
		there.close()
	}
}

// testNodeLeaves ends a node: no request waits for it.
func testNodeLeaves(s *suite) {
	nodes := s.start(3)
	s.leave(nodes[2])
	for _, n := range s.nodes {
		// What the node has said last may need a moment.
		s.until("a complete result", func() bool {
			ids, err := n.of("/").fetch(time.Second, adapter.Target{})
			return err == nil && len(ids) == 2
		}, func() any { return n.id })
		k := newSink()
		if err := n.of("/").ServerSideEmit(s.context(), "event", nil, k); err != nil {
			s.Error(err)
		}
		answers, err := n.of("/").ask(s.context(), adapter.Target{}).result(s)
		if err != nil || len(answers) != 2 {
			s.Errorf("acknowledged: %q, %v", answers, err)
		}
	}
}

// testNodeJoins starts a node when others have been there for a while.
func testNodeJoins(s *suite) {
	nodes := s.start(2)
	nodes[0].of("/").connect("a", "room")
	for range 3 {
		n := s.startOne()
		n.of("/").connect("new "+string(n.id), "room")
		s.settle()
	}
	for _, n := range s.nodes {
		ids, err := n.of("/").fetch(patience, adapter.Target{Rooms: []string{"room"}})
		if err != nil || len(ids) != 4 {
			s.Errorf("fetched %q, %v", ids, err)
		}
		s.reach(n.of("/"), "room")
	}
}

// testConcurrency uses one namespace from many goroutines.
func testConcurrency(s *suite) {
	nodes := s.start(2)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var all sync.WaitGroup
	for i, n := range nodes {
		nsp := n.of("/")
		for j := range 4 {
			all.Go(func() {
				room := fmt.Sprint("room", j%2)
				for k := range 25 {
					sock := nsp.connect(fmt.Sprint("s", i, j, k), room)
					nsp.emit(adapter.Target{Rooms: []string{room}}, "event", k)
					_ = nsp.JoinSockets(adapter.Target{Rooms: []string{room}}, "joined")
					_ = nsp.LeaveSockets(adapter.Target{Rooms: []string{"joined"}}, room)
					if _, err := nsp.FetchSockets(ctx, adapter.Target{Rooms: []string{room}}); err != nil {
						s.Errorf("FetchSockets: %v", err)
					}
					nsp.ask(ctx, adapter.Target{Rooms: []string{"joined"}})
					_ = nsp.ServerSideEmit(ctx, "event", nil, nil)
					sock.Disconnect()
				}
			})
		}
	}
	all.Wait()
	for _, n := range nodes {
		n.of("/").mu.Lock()
		n.of("/").sockets = n.of("/").sockets[:1]
		n.of("/").mu.Unlock()
	}
	s.settle()
}

// testClose closes adapters while they are used, and uses them when they are closed.
func testClose(s *suite) {
	nodes := s.start(2)
	nsp := nodes[1].of("/")
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	var users sync.WaitGroup
	for range 4 {
		users.Go(func() {
			for i := range 50 {
				_ = nsp.Broadcast(&adapter.Packet{Event: "event", Args: []any{i}}, adapter.Target{})
				_, _ = nsp.FetchSockets(ctx, adapter.Target{})
				_ = nsp.JoinSockets(adapter.Target{}, "room")
				_ = nsp.ServerSideEmit(ctx, "event", nil, nil)
			}
		})
	}
	s.leave(nodes[1])
	users.Wait()
	k := newSink()
	if err := nsp.BroadcastWithAck(ctx, &adapter.Packet{Event: "event", HasAck: true}, adapter.Target{}, k); err == nil {
		<-k.done // at the latest when ctx ends
	}
	if _, err := nodes[1].provider.Namespace(&namespace{node: nodes[1], name: "/late"}); err == nil {
		s.Error("a closed provider has made an adapter")
	}
	if err := nsp.Close(); err != nil {
		s.Errorf("closing again: %v", err)
	}
}
