package cluster_test

import (
	"context"
	"slices"
	"testing"

	"github.com/seed96b07ef8/socketio"
	"github.com/seed96b07ef8/socketio/adapter/cluster"
	"github.com/seed96b07ef8/socketio/adapter/cluster/memorybus"
	"github.com/seed96b07ef8/socketio/client"
	"github.com/seed96b07ef8/socketio/engine"
	"github.com/seed96b07ef8/socketio/internal/await"
	"github.com/seed96b07ef8/socketio/internal/leakcheck"
	"github.com/seed96b07ef8/socketio/socketiotest"
)

// A realNode is a server of a cluster with clients of this module.
type realNode struct {
	*socketiotest.Server
	provider *cluster.Provider
}

// startNodes starts servers on a bus, calls setup for each, and waits until they know each other.
func startNodes(t *testing.T, n int, setup func(i int, io *socketio.Server)) (*memorybus.Bus, []*realNode) {
	t.Helper()
	leakcheck.Check(t)
	bus := memorybus.New(nil)
	nodes := make([]*realNode, n)
	for i := range nodes {
		p := bus.Provider(nil)
		io, err := socketio.New(&socketio.Options{Adapter: p})
		if err != nil {
			t.Fatal(err)
		}
		setup(i, io)
		nodes[i] = &realNode{socketiotest.Serve(t, io, nil), p}
	}
	for _, node := range nodes {
		await.Until(t, "the other nodes", func() bool { return len(node.provider.Stats().Nodes) == n-1 })
	}
	return bus, nodes
}

// connect connects a client of package client, whose events are passed to a channel.
func (n *realNode) connect(t *testing.T, events ...string) (*client.Socket, <-chan string) {
	t.Helper()
	received := make(chan string, 1000)
	s := client.New(n.URL, &client.Options{Engine: engine.DialOptions{DialContext: n.Dial}, ForceNew: true})
	for _, e := range events {
		s.On(e, func(text string) string {
			received <- e + " " + text
			return "got " + text
		})
	}
	if err := s.Connect(await.Context(t)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Manager().Close() })
	return s, received
}

// Two servers with clients of package client: what a client does at one reaches those of the
// other.
func TestTwoServers(t *testing.T) {
	_, nodes := startNodes(t, 2, func(_ int, io *socketio.Server) {
		io.On("join", func(s *socketio.Socket, room string) error { return s.Join(room) })
		io.On("say", func(s *socketio.Socket, room, text string) error { return s.To(room).Emit("said", text) })
	})
	ann, toAnn := nodes[0].connect(t, "said")
	bob, toBob := nodes[1].connect(t, "said")
	ctx := await.Context(t)
	for _, s := range []*client.Socket{ann, bob} {
		if _, err := s.EmitWithAck(ctx, "join", "tea"); err != nil {
			t.Fatal(err)
		}
	}
	if err := ann.Emit("say", "tea", "hello"); err != nil {
		t.Fatal(err)
	}
	if got := await.Receive(t, toBob, "the message"); got != "said hello" {
		t.Errorf("Bob received %q", got)
	}
	if err := bob.Emit("say", "tea", "hi"); err != nil {
		t.Fatal(err)
	}
	if got := await.Receive(t, toAnn, "the answer"); got != "said hi" { // and not her own
		t.Errorf("Ann received %q", got)
	}
}

// Three servers: every operation on sockets of all nodes, and events between servers.
func TestThreeServers(t *testing.T) {
	_, nodes := startNodes(t, 3, func(i int, io *socketio.Server) {
		io.Use(func(_ context.Context, s *socketio.Socket) error {
			s.SetData(map[string]int{"node": i})
			return nil
		})
		io.OnServerEvent("load", func(factor int) int { return factor * i })
	})
	ctx := await.Context(t)
	var sockets []*client.Socket
	var events []<-chan string
	for _, n := range nodes {
		s, received := n.connect(t, "news")
		sockets, events = append(sockets, s), append(events, received)
	}
	io := nodes[0]
	if err := io.SocketsJoin("all"); err != nil {
		t.Fatal(err)
	}
	if err := io.To("all").Emit("news", "one"); err != nil {
		t.Fatal(err)
	}
	for _, received := range events {
		if got := await.Receive(t, received, "the news"); got != "news one" {
			t.Errorf("received %q", got)
		}
	}

	acks, err := socketio.Collect(io.To("all").EmitWithAck(ctx, "news", "two"))
	if err != nil || len(acks) != 3 {
		t.Errorf("%d acknowledgements, %v", len(acks), err)
	}
	for _, a := range acks {
		var text string
		if err := a.Decode(&text); err != nil || text != "got two" {
			t.Errorf("acknowledged %q, %v", text, err)
		}
	}

	remote, err := io.FetchSockets(ctx)
	if err != nil {
		t.Fatal(err)
	}
	var ids, want []string
	for _, r := range remote {
		ids = append(ids, r.ID())
		var data map[string]int
		if err := r.DecodeData(&data); err != nil {
			t.Error(err)
		}
		if i := slices.IndexFunc(sockets, func(s *client.Socket) bool { return s.ID() == r.ID() }); i < 0 || data["node"] != i {
			t.Errorf("the socket %s of node %d has the data %v", r.ID(), i, data)
		}
		if !slices.Contains(r.Rooms(), "all") || r.Handshake().URL == "" {
			t.Errorf("the socket has the rooms %q and the URL %q", r.Rooms(), r.Handshake().URL)
		}
	}
	for _, s := range sockets {
		want = append(want, s.ID())
	}
	slices.Sort(ids)
	slices.Sort(want)
	if !slices.Equal(ids, want) {
		t.Errorf("fetched %q, want %q", ids, want)
	}

	loads, err := io.ServerSideEmitWithAck(ctx, "load", 10)
	var sum int
	for _, l := range loads {
		var load int
		if err := l.Decode(&load); err != nil {
			t.Error(err)
		}
		sum += load
	}
	if err != nil || len(loads) != 2 || sum != 30 {
		t.Errorf("the loads of %d servers are %d, %v", len(loads), sum, err)
	}

	gone := make(chan struct{})
	sockets[2].OnDisconnect(func(client.Reason, error) { close(gone) })
	if err := io.In(sockets[2].ID()).DisconnectSockets(false); err != nil {
		t.Fatal(err)
	}
	await.Receive(t, gone, "the end of the socket")
}
