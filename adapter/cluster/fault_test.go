package cluster_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed96b07ef8/socketio"
	"github.com/seed96b07ef8/socketio/adapter"
	"github.com/seed96b07ef8/socketio/adapter/cluster"
	"github.com/seed96b07ef8/socketio/adapter/cluster/memorybus"
	"github.com/seed96b07ef8/socketio/socketiotest"
)

// A bubbleNode is a server with a client, in a bubble of synctest.
type bubbleNode struct {
	*socketiotest.Server
	client   *socketiotest.Client
	provider *cluster.Provider

	mu    sync.Mutex
	links []string
}

func (n *bubbleNode) id() adapter.NodeID { return n.provider.Stats().Self }

// states returns the states of links that were reported since the last call.
func (n *bubbleNode) states() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	states := n.links
	n.links = nil
	return states
}

// inBubble runs a test with servers that know each other.
func inBubble(t *testing.T, n int, busOpts *memorybus.Options, opts *cluster.Options, f func(t *testing.T, bus *memorybus.Bus, nodes []*bubbleNode)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		bus := memorybus.New(busOpts)
		nodes := make([]*bubbleNode, n)
		for i := range nodes {
			node := &bubbleNode{provider: bus.Provider(opts)}
			node.Server = socketiotest.NewServer(t, &socketio.Options{
				Adapter: node.provider, CleanupEmptyChildNamespaces: true,
				Logger: slog.New(slog.DiscardHandler),
				Hooks: socketio.JoinHooks(&socketio.Hooks{Link: func(e adapter.LinkEvent) {
					node.mu.Lock()
					defer node.mu.Unlock()
					node.links = append(node.links, fmt.Sprint(e.Link, " ", e.State))
				}}),
			})
			node.client = socketiotest.Connect(t, node.Server, nil)
			nodes[i] = node
		}
		synctest.Wait()
		f(t, bus, nodes)
	})
}

// fetch returns how many sockets a node finds in a time, and which nodes are missing.
func (n *bubbleNode) fetch(t *testing.T, timeout time.Duration) (found int, missing []adapter.NodeID, unknown int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	sockets, err := n.FetchSockets(ctx)
	if partial := new(adapter.PartialError); errors.As(err, &partial) {
		return len(sockets), partial.Missing, partial.Unknown
	}
	if err != nil {
		t.Errorf("FetchSockets: %v", err)
	}
	return len(sockets), nil, 0
}

func (n *bubbleNode) expect(t *testing.T, timeout time.Duration, found int, missing ...adapter.NodeID) {
	t.Helper()
	got, gotMissing, unknown := n.fetch(t, timeout)
	if got != found || !slices.Equal(gotMissing, missing) || unknown != 0 {
		t.Errorf("found %d sockets, missing %q and %d others; want %d, missing %q", got, gotMissing, unknown, found, missing)
	}
}

// A node that is silent is waited for until it counts as gone. When it speaks again, it belongs
// to all namespaces again, without a message of its own for each.
func TestNodeIsSilentForAWhile(t *testing.T) {
	for _, opts := range []*memorybus.Options{nil, {NamespaceHeartbeats: true}} {
		inBubble(t, 3, opts, nil, func(t *testing.T, bus *memorybus.Bus, nodes []*bubbleNode) {
			for _, n := range nodes {
				n.Of("/chat")
			}
			silent := nodes[2].id()
			bus.SetFault(silent, memorybus.Fault{Paused: true})
			nodes[0].expect(t, time.Second, 2, silent)
			begun := time.Now()
			time.Sleep(8 * time.Second)
			nodes[0].expect(t, time.Second, 2)
			if took := time.Since(begun); took != 8*time.Second {
				t.Errorf("waited %v for a node that is gone", took-8*time.Second)
			}
			if got := nodes[0].provider.Stats().Nodes; !slices.Equal(got, []adapter.NodeID{nodes[1].id()}) {
				t.Errorf("the nodes are %q", got)
			}
			bus.SetFault(silent, memorybus.Fault{})
			time.Sleep(3 * time.Second)
			for _, n := range nodes {
				n.expect(t, time.Second, 3)
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				if answers, err := n.Of("/chat").ServerSideEmitWithAck(ctx, "event"); err == nil || len(answers) > 0 {
					t.Errorf("servers without a handler answered: %v, %v", answers, err)
				} else if partial := new(adapter.PartialError); !errors.As(err, &partial) || len(partial.Missing) != 2 {
					t.Errorf("the namespace has not two other nodes: %v", err)
				}
				cancel()
			}
		})
	}
}

// A node whose last message for a namespace is lost is not waited for again and again.
func TestEndOfNamespaceIsLost(t *testing.T) {
	inBubble(t, 2, nil, nil, func(t *testing.T, bus *memorybus.Bus, nodes []*bubbleNode) {
		here, there := nodes[0], nodes[1]
		here.Of("/room")
		there.OfFunc(func(string, socketio.Args) bool { return true })
		c := there.client.Join("/room", nil)
		synctest.Wait()
		bus.SetFault(here.id(), memorybus.Fault{Deaf: true})
		c.Disconnect()
		synctest.Wait()
		bus.SetFault(here.id(), memorybus.Fault{})
		for i, want := range []time.Duration{time.Second, 0} {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			begun := time.Now()
			_, err := here.Of("/room").FetchSockets(ctx)
			if took := time.Since(begun); took != want || (err == nil) != (want == 0) {
				t.Errorf("request %d took %v, %v, want %v", i, took, err, want)
			}
			cancel()
			time.Sleep(7 * time.Second)
		}
	})
}

// A node that hears nothing notices that, although none of its connections fails.
func TestDeafNode(t *testing.T) {
	inBubble(t, 2, nil, nil, func(t *testing.T, bus *memorybus.Bus, nodes []*bubbleNode) {
		time.Sleep(10 * time.Second)
		if got := nodes[0].states(); got != nil {
			t.Errorf("reported %q", got)
		}
		bus.SetFault(nodes[0].id(), memorybus.Fault{Deaf: true})
		time.Sleep(5 * time.Second)
		if got := nodes[0].states(); !slices.Equal(got, []string{"cluster down"}) {
			t.Errorf("reported %q", got)
		}
		if err := nodes[0].SocketsJoin("room"); !errors.Is(err, adapter.ErrUnavailable) {
			t.Errorf("SocketsJoin returned %v", err)
		}
		begun := time.Now()
		nodes[0].fetch(t, time.Minute)
		if took := time.Since(begun); took != 0 {
			t.Errorf("a request of a deaf node took %v", took)
		}
		time.Sleep(5 * time.Second) // the other node counts as gone
		bus.SetFault(nodes[0].id(), memorybus.Fault{})
		time.Sleep(3 * time.Second)
		if got := nodes[0].states(); !slices.Equal(got, []string{"cluster up"}) {
			t.Errorf("reported %q", got)
		}
		for _, n := range nodes {
			n.expect(t, time.Second, 2)
		}
	})
}

// members returns how many other nodes have a namespace: those that do not answer a server event
// because they have no handler for it.
func (n *bubbleNode) members(t *testing.T, namespace string) int {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	_, err := n.Of(namespace).ServerSideEmitWithAck(ctx, "unhandled")
	partial := new(adapter.PartialError)
	if err != nil && !errors.As(err, &partial) {
		t.Errorf("ServerSideEmitWithAck: %v", err)
	}
	return len(partial.Missing)
}

// A namespace that begins while its announcement cannot be published is announced later.
func TestAnnouncementIsNotPublished(t *testing.T) {
	inBubble(t, 2, nil, &cluster.Options{QueueAge: time.Second}, func(t *testing.T, bus *memorybus.Bus, nodes []*bubbleNode) {
		bus.SetFault(nodes[0].id(), memorybus.Fault{Refuse: errors.New("read-only")})
		nodes[0].Of("/new")
		nodes[1].Of("/new")
		synctest.Wait()
		time.Sleep(2500 * time.Millisecond) // too short for the other node to miss this one
		bus.SetFault(nodes[0].id(), memorybus.Fault{})
		time.Sleep(2 * time.Second)
		if n := nodes[1].members(t, "/new"); n != 1 {
			t.Errorf("the namespace has %d other nodes, want 1", n)
		}
		if n := nodes[0].members(t, "/new"); n != 1 {
			t.Errorf("the namespace has %d other nodes, want 1", n)
		}
	})
}

// A namespace of another node that has begun while this node was deaf is found later.
func TestAnnouncementIsNotHeard(t *testing.T) {
	inBubble(t, 2, nil, nil, func(t *testing.T, bus *memorybus.Bus, nodes []*bubbleNode) {
		nodes[0].Of("/new")
		time.Sleep(500 * time.Millisecond)
		bus.SetFault(nodes[0].id(), memorybus.Fault{Deaf: true})
		nodes[1].Of("/new")
		time.Sleep(4 * time.Second)
		bus.SetFault(nodes[0].id(), memorybus.Fault{})
		time.Sleep(2 * time.Second)
		if n := nodes[0].members(t, "/new"); n != 1 {
			t.Errorf("the namespace has %d other nodes, want 1", n)
		}
	})
}

// While publishing fails, messages wait for a while, and their loss is counted. Local delivery
// does not wait.
func TestPublishingFails(t *testing.T) {
	inBubble(t, 2, nil, &cluster.Options{QueueMessages: 100, QueueAge: 3 * time.Second}, func(t *testing.T, bus *memorybus.Bus, nodes []*bubbleNode) {
		here, there := nodes[0], nodes[1]
		bus.SetFault(here.id(), memorybus.Fault{Refuse: errors.New("read-only")})
		for i := range 3 {
			if err := here.Emit("news", i); err != nil {
				t.Error(err)
			}
			here.client.Expect("news", i)
		}
		time.Sleep(time.Second)
		if got := here.states(); !slices.Equal(got, []string{"cluster degraded"}) {
			t.Errorf("reported %q", got)
		}
		bus.SetFault(here.id(), memorybus.Fault{})
		time.Sleep(2 * time.Second)
		for i := range 3 {
			there.client.Expect("news", i)
		}
		if got := here.states(); !slices.Equal(got, []string{"cluster up"}) {
			t.Errorf("reported %q", got)
		}

		bus.SetFault(here.id(), memorybus.Fault{Refuse: errors.New("read-only")})
		if err := here.Emit("old"); err != nil {
			t.Error(err)
		}
		here.client.Expect("old")
		for range 200 {
			if err := here.Volatile().Emit("many"); err != nil {
				t.Error(err)
			}
		}
		if err := here.SocketsJoin("room"); err != nil { // in the place of a volatile message
			t.Error(err)
		}
		for range 200 {
			_ = here.Emit("many")
		}
		if err := here.SocketsJoin("room"); !errors.Is(err, adapter.ErrQueueFull) {
			t.Errorf("SocketsJoin returned %v", err)
		}
		time.Sleep(5 * time.Second)
		stats := here.provider.Stats()
		if stats.Dropped[cluster.DropTooOld] == 0 || stats.Dropped[cluster.DropQueueFull] < 200 || stats.Queued > 100 {
			t.Errorf("the numbers are %+v", stats)
		}
		bus.SetFault(here.id(), memorybus.Fault{})
		time.Sleep(time.Second)
		if e, ok := there.client.TryNext(); ok {
			t.Errorf("the old message %v was delivered", e)
		}
	})
}

// A node that receives slowly delays neither the others nor their clients.
func TestSlowNode(t *testing.T) {
	inBubble(t, 3, nil, nil, func(t *testing.T, bus *memorybus.Bus, nodes []*bubbleNode) {
		bus.SetFault(nodes[2].id(), memorybus.Fault{Rate: 10_000})
		text := strings.Repeat("x", 1000)
		begun := time.Now()
		for i := range 20 {
			if err := nodes[0].Emit("news", i, text); err != nil {
				t.Error(err)
			}
		}
		for i := range 20 {
			nodes[0].client.Expect("news", i, text)
			nodes[1].client.Expect("news", i, text)
		}
		if took := time.Since(begun); took != 0 {
			t.Errorf("the others have waited for %v", took)
		}
		time.Sleep(5 * time.Second)
		for i := range 20 {
			nodes[2].client.Expect("news", i, text)
		}
	})
}

// With Strict, the sender is told when other nodes are not reached.
func TestStrict(t *testing.T) {
	inBubble(t, 2, nil, &cluster.Options{Strict: true}, func(t *testing.T, bus *memorybus.Bus, nodes []*bubbleNode) {
		if err := nodes[0].Emit("news"); err != nil {
			t.Error(err)
		}
		bus.SetFault(nodes[0].id(), memorybus.Fault{Cut: true})
		if err := nodes[0].Emit("news"); !errors.Is(err, adapter.ErrUnavailable) {
			t.Errorf("Emit returned %v", err)
		}
		if err := nodes[0].ServerSideEmit("news"); !errors.Is(err, adapter.ErrUnavailable) {
			t.Errorf("ServerSideEmit returned %v", err)
		}
		nodes[0].client.Expect("news")
		nodes[0].client.Expect("news")
	})
}

// Answers that arrive after the deadline are counted, and change nothing.
func TestLateAnswers(t *testing.T) {
	inBubble(t, 2, nil, nil, func(t *testing.T, bus *memorybus.Bus, nodes []*bubbleNode) {
		bus.SetFault(nodes[0].id(), memorybus.Fault{Delay: 1500 * time.Millisecond})
		nodes[0].expect(t, time.Second, 1, nodes[1].id())
		nodes[0].expect(t, 2*time.Second, 2)
		if stats := nodes[0].provider.Stats(); stats.Dropped[cluster.DropLate] != 1 || stats.Pending != 0 {
			t.Errorf("the numbers are %+v", stats)
		}
	})
}

// The names of nodes that do not count their clients arrive before the deadline.
func TestAcksOfSilentNode(t *testing.T) {
	inBubble(t, 2, nil, nil, func(t *testing.T, bus *memorybus.Bus, nodes []*bubbleNode) {
		bus.SetFault(nodes[1].id(), memorybus.Fault{Paused: true})
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		acks := nodes[0].EmitWithAck(ctx, "question")
		nodes[0].client.Next().Ack("answer")
		var answers int
		var partial *adapter.PartialError
		for ack, err := range acks {
			switch {
			case err == nil:
				answers++
			case !errors.As(err, &partial):
				t.Errorf("acknowledged %v, %v", ack, err)
			}
		}
		if answers != 1 || partial == nil || !slices.Equal(partial.Missing, []adapter.NodeID{nodes[1].id()}) {
			t.Errorf("%d answers, and the error %v", answers, partial)
		}
	})
}

// A subscriber that never answers delays one request until its deadline, and the next ones for a
// short time.
func TestMuteSubscriber(t *testing.T) {
	inBubble(t, 2, &memorybus.Options{Counted: true}, nil, func(t *testing.T, bus *memorybus.Bus, nodes []*bubbleNode) {
		bus.SetMute(1)
		for _, want := range []time.Duration{2 * time.Second, 500 * time.Millisecond, 500 * time.Millisecond} {
			begun := time.Now()
			found, missing, unknown := nodes[0].fetch(t, 2*time.Second)
			if found != 2 || len(missing) > 0 || unknown != 1 {
				t.Errorf("found %d sockets, missing %q and %d others", found, missing, unknown)
			}
			if took := time.Since(begun); took != want {
				t.Errorf("took %v, want %v", took, want)
			}
		}
		bus.SetMute(0)
		begun := time.Now()
		nodes[0].expect(t, 2*time.Second, 2)
		if took := time.Since(begun); took != 0 {
			t.Errorf("took %v without a mute subscriber", took)
		}
		bus.SetMute(1)
		time.Sleep(2 * time.Minute)
		begun = time.Now()
		nodes[0].fetch(t, 2*time.Second)
		if took := time.Since(begun); took != 2*time.Second {
			t.Errorf("took %v after the first one was forgotten", took)
		}
	})
}

// A bus that does not count its nodes delays no emit, and results say so.
func TestBusDoesNotCount(t *testing.T) {
	inBubble(t, 2, &memorybus.Options{Counted: true}, nil, func(t *testing.T, bus *memorybus.Bus, nodes []*bubbleNode) {
		for _, fault := range []memorybus.Fault{{Paused: true}, {Refuse: errors.New("no permission")}} {
			bus.SetFault(nodes[0].id(), fault)
			begun := time.Now()
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			acks := nodes[0].EmitWithAck(ctx, "question")
			if took := time.Since(begun); took != 0 {
				t.Errorf("EmitWithAck took %v", took)
			}
			nodes[0].client.Next().Ack("answer")
			_, err := socketio.Collect(acks)
			if partial := new(adapter.PartialError); !errors.As(err, &partial) || !errors.Is(err, adapter.ErrUnavailable) {
				t.Errorf("the acknowledgements have the error %v", err)
			}
			if took := time.Since(begun); took > 2*time.Second { // the time-out of publishing
				t.Errorf("took %v", took)
			}
			cancel()
			bus.SetFault(nodes[0].id(), memorybus.Fault{})
			time.Sleep(5 * time.Second)
		}
		nodes[0].expect(t, time.Second, 2)
	})
}

// What a node queues is sent before the server has shut down.
func TestShutdownSendsTheRest(t *testing.T) {
	inBubble(t, 2, nil, nil, func(t *testing.T, bus *memorybus.Bus, nodes []*bubbleNode) {
		for i := range 500 {
			if err := nodes[0].Emit("news", i); err != nil {
				t.Fatal(err)
			}
		}
		if err := nodes[0].Shutdown(t.Context()); err != nil {
			t.Fatal(err)
		}
		for i := range 500 {
			nodes[1].client.Expect("news", i)
		}
		synctest.Wait()
		if got := nodes[1].provider.Stats().Nodes; len(got) > 0 {
			t.Errorf("the nodes are %q", got)
		}
		nodes[1].expect(t, time.Second, 1)
	})
}
