package socketio_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/seed96b07ef8/socketio"
	"github.com/seed96b07ef8/socketio/adapter"
	"github.com/seed96b07ef8/socketio/internal/wiretest"
)

// Namespaces that clients have left for good do not keep others out.
func TestEmptyNamespacesMakeRoom(t *testing.T) {
	t.Parallel()
	const limit = 4
	io, url, _ := newServer(t, &socketio.Options{MaxDynamicNamespaces: limit})
	rooms := io.OfRegexp(regexp.MustCompile(`^/room-\w+$`))
	c := wiretest.Dial(t, url, "websocket")
	for i := range limit {
		c.Join(fmt.Sprintf("/room-%d", i))
	}
	other := wiretest.Dial(t, url, "websocket")

	// The one that has been empty for longest is removed first.
	leave := func(name string) {
		t.Helper()
		n := child(t, rooms, name)
		c.Send("41" + name + ",")
		waitFor(t, "the end in "+name, func() bool { return len(n.Sockets()) == 0 })
		waitFor(t, "the socket to be forgotten", func() bool { return socketio.Users(n) == 0 })
	}
	leave("/room-2")
	leave("/room-0")
	leave("/room-1")
	c.Join("/room-2") // not empty any more
	other.Join("/room-new")
	if got, want := names(rooms), []string{"/room-1", "/room-2", "/room-3", "/room-new"}; !slices.Equal(got, want) {
		t.Errorf("there are %q, want %q", got, want)
	}
	// One that the application asks for is not the clients' any more.
	io.Of("/room-1")
	other.Join("/room-newer")
	other.Send(`40/room-newest,`, `40/invalid,`) // all have sockets, so this one waits
	other.Expect(`44/invalid,{"message":"Invalid namespace"}`)
	if got, want := names(rooms), []string{"/room-1", "/room-2", "/room-3", "/room-new", "/room-newer"}; !slices.Equal(got, want) {
		t.Errorf("there are %q, want %q", got, want)
	}
	leave("/room-2")
	if answer := other.Read(); !strings.HasPrefix(answer, `40/room-newest,{`) {
		t.Errorf("answered %q", answer)
	}
}

// However many namespaces clients have brought about and left, the next is let in.
func TestNamespacesAreNotUsedUp(t *testing.T) {
	t.Parallel()
	io, url, _ := newServer(t, &socketio.Options{MaxDynamicNamespaces: 10})
	rooms := io.OfRegexp(regexp.MustCompile(`^/room-\d+$`))
	for i := range 5 {
		c := wiretest.Dial(t, url, "websocket")
		for j := range 10 {
			c.Join(fmt.Sprintf("/room-%d", i*10+j))
		}
		c.Leave()
		waitFor(t, "the sockets to leave", func() bool {
			return !slices.ContainsFunc(rooms.Children(), func(n *socketio.Namespace) bool { return socketio.Users(n) > 0 })
		})
	}
	if n := len(rooms.Children()); n != 10 {
		t.Errorf("there are %d children, want 10", n)
	}
}

func child(t *testing.T, p *socketio.ParentNamespace, name string) *socketio.Namespace {
	t.Helper()
	for _, n := range p.Children() { // Of would make it stay
		if n.Name() == name {
			return n
		}
	}
	t.Fatalf("there is no %s", name)
	return nil
}

func names(p *socketio.ParentNamespace) (names []string) {
	for _, n := range p.Children() {
		names = append(names, n.Name())
	}
	slices.Sort(names)
	return names
}

// A client that is in as many namespaces as it may be brings no further one about.
func TestLimitOfTheClientComesFirst(t *testing.T) {
	t.Parallel()
	io, url, _ := newServer(t, &socketio.Options{MaxNamespaces: 2})
	var asked atomic.Int32
	rooms := io.OfFunc(func(string, socketio.Args) bool { asked.Add(1); return true })
	c := wiretest.Dial(t, url, "websocket")
	c.Join("/a")
	c.Join("/b")
	c.Send(`40/c,`)
	c.Expect(`44/c,{"message":"Too many namespaces"}`)
	if n := asked.Load(); n != 2 {
		t.Errorf("the function of OfFunc was called %d times for a client that may be in 2 namespaces", n)
	}
	if got := names(rooms); !slices.Equal(got, []string{"/a", "/b"}) {
		t.Errorf("there are %q", got)
	}
}

func TestMaxNamespaceName(t *testing.T) {
	t.Parallel()
	name := func(n int) string { return "/" + strings.Repeat("x", n-1) }
	for _, test := range []struct {
		opts  *socketio.Options
		limit int
	}{{nil, socketio.DefaultMaxNamespaceName}, {&socketio.Options{MaxNamespaceName: 10}, 10}} {
		io, url, _ := newServer(t, test.opts)
		io.OfFunc(func(string, socketio.Args) bool { return true })
		c := wiretest.Dial(t, url, "websocket")
		c.Join(name(test.limit - 1))
		c.Join(name(test.limit))
		for _, n := range []int{test.limit + 1, 100_000} {
			c.Send("40" + name(n) + ",")
			c.Expect("44" + name(n) + `,{"message":"Invalid namespace: the name is too long"}`)
		}
		// The application may choose names of any length.
		io.Of(name(test.limit + 1))
		c.Join(name(test.limit + 1))
	}
	if _, err := socketio.New(&socketio.Options{MaxNamespaceName: -1}); err == nil {
		t.Error("a negative limit is accepted")
	}
}

// A gatedMemory holds broadcasts up.
type gatedMemory struct {
	*adapter.Memory
	gate *door
}

func (g gatedMemory) Broadcast(p *adapter.Packet, t adapter.Target) error {
	g.gate.pass()
	return g.Memory.Broadcast(p, t)
}

// A broadcast to the children of a parent succeeds if some of them are removed meanwhile.
func TestBroadcastWhileChildrenAreRemoved(t *testing.T) {
	t.Parallel()
	gate := newDoor()
	io, url, _ := newServer(t, &socketio.Options{
		CleanupEmptyChildNamespaces: true,
		Adapter: adapter.Func(func(h adapter.Host) adapter.Adapter {
			return gatedMemory{adapter.NewMemory(h), &gate}
		}),
	})
	rooms := io.OfRegexp(regexp.MustCompile(`^/room-\d$`))
	c := wiretest.Dial(t, url, "websocket")
	c.Join("/room-1")
	c.Join("/room-2")
	sent := make(chan error, 1)
	go func() { sent <- rooms.Emit("news") }()
	receive(t, gate.arrived, "the broadcast to the first of them")
	c.Send("41/room-1,", "41/room-2,")
	waitFor(t, "the end of both", func() bool { return len(rooms.Children()) == 0 })
	gate.open <- struct{}{}
	if err := receive(t, sent, "the end of the broadcast"); err != nil {
		t.Errorf("Emit returned %v", err)
	}
}
