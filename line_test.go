package socketio_test

import (
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seed96b07ef8/socketio"
	"github.com/seed96b07ef8/socketio/internal/wiretest"
)

// crowdedServer returns a server on which one client holds the only place for a dynamic
// namespace, and a channel of the names of those that come after it.
func crowdedServer(t *testing.T, opts *socketio.Options) (io *socketio.Server, url string, holder *wiretest.Client, made chan string) {
	t.Helper()
	opts.MaxDynamicNamespaces, opts.CleanupEmptyChildNamespaces = 1, true
	io, url, _ = newServer(t, opts)
	io.OfFunc(func(name string, _ socketio.Args) bool { return strings.HasPrefix(name, "/n") })
	holder, _ = wiretest.Join(t, url, "websocket", "/n")
	made = make(chan string, 8)
	io.OnNewNamespace(func(n *socketio.Namespace) { made <- n.Name() })
	return io, url, holder, made
}

// lineUp connects a client that waits for a namespace.
func lineUp(t *testing.T, io *socketio.Server, url, nsp string) *wiretest.Client {
	t.Helper()
	c, _ := wiretest.Join(t, url, "websocket", "/")
	before := socketio.Waiting(io)
	c.Send("40" + nsp + ",")
	waitFor(t, "the request for "+nsp, func() bool { return socketio.Waiting(io) == before+1 })
	return c
}

// A client that waits for a namespace is not overtaken by those that ask after it.
func TestWaitingClientsAreServedInOrder(t *testing.T) {
	t.Parallel()
	io, url, holder, made := crowdedServer(t, new(socketio.Options))
	var clients []*wiretest.Client
	want := []string{"/n1", "/n2", "/n3"}
	for _, name := range want {
		clients = append(clients, lineUp(t, io, url, name))
	}
	late, _ := wiretest.Join(t, url, "websocket", "/")
	holder.Leave()
	var got []string
	for i, c := range clients {
		got = append(got, receive(t, made, "a namespace"))
		if answer := c.Read(); !strings.HasPrefix(answer, "40"+want[i]+",{") {
			t.Fatalf("answered %q", answer)
		}
		if i == 0 {
			late.Send("40/n4,")
			waitFor(t, "the late request", func() bool { return socketio.Waiting(io) == 3 })
		}
		c.Send("41" + want[i] + ",")
	}
	if !slices.Equal(got, want) {
		t.Errorf("served in the order %q, want %q", got, want)
	}
	if answer := late.Read(); !strings.HasPrefix(answer, "40/n4,{") {
		t.Errorf("the last one is answered %q", answer)
	}
}

// A request whose client leaves the namespace, or the server, does not wait any more.
func TestAbandonedRequestsAreDropped(t *testing.T) {
	t.Parallel()
	io, url, holder, made := crowdedServer(t, new(socketio.Options))
	io.On("ping", func() bool { return true })
	left := lineUp(t, io, url, "/n1")
	gone := lineUp(t, io, url, "/n2")
	again := lineUp(t, io, url, "/n3")
	next := lineUp(t, io, url, "/n4")

	left.Send("41/n1,", `420["ping"]`)
	left.Expect("430[true]") // leaving is not a violation of the protocol
	gone.Leave()
	waitFor(t, "two requests to be dropped", func() bool { return socketio.Waiting(io) == 2 })
	again.Send("41/n3,", "40/n3,", `420["ping"]`) // the last in line now
	again.Expect("430[true]")
	holder.Leave()
	if name := receive(t, made, "a namespace"); name != "/n4" {
		t.Errorf("%s was made, want /n4", name)
	}
	if answer := next.Read(); !strings.HasPrefix(answer, "40/n4,{") {
		t.Errorf("answered %q", answer)
	}
	next.Leave()
	if answer := again.Read(); !strings.HasPrefix(answer, "40/n3,{") {
		t.Errorf("answered %q", answer)
	}
	if n := socketio.Waiting(io); n != 0 {
		t.Errorf("%d requests wait, want none", n)
	}
}

func TestWaitingClientIsLogged(t *testing.T) {
	t.Parallel()
	var log logBuffer
	io, url, _, _ := crowdedServer(t, &socketio.Options{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	lineUp(t, io, url, "/n1")
	waitFor(t, "a warning that names the namespace", func() bool {
		return strings.Contains(log.String(), "level=WARN") && strings.Contains(log.String(), "nsp=/n1")
	})
}

// A request is tried as soon as there is room for it, also if an earlier request of its client
// is being granted then.
func TestRoomWhileARequestIsGranted(t *testing.T) {
	defer socketio.SetAskInterval(time.Hour)()
	io, url, _ := newServer(t, &socketio.Options{MaxDynamicNamespaces: 2, CleanupEmptyChildNamespaces: true})
	io.OfFunc(func(name string, _ socketio.Args) bool { return strings.HasPrefix(name, "/n") })
	first, _ := wiretest.Join(t, url, "websocket", "/n")
	second, _ := wiretest.Join(t, url, "websocket", "/n0")
	making := newDoor()
	io.OnNewNamespace(func(n *socketio.Namespace) {
		if n.Name() == "/n1" {
			making.pass()
		}
	})
	c, id := wiretest.Join(t, url, "websocket", "/")
	c.Send("40/n1,")
	waitFor(t, "the first request", func() bool { return socketio.Waiting(io) == 1 })
	first.Leave()
	receive(t, making.arrived, "the namespace")
	c.Send("40/n2,")
	waitFor(t, "the second request", func() bool { return socketio.Waiting(io) == 1 })
	second.Leave()
	waitFor(t, "room for it", func() bool { return socketio.AsksNext(io.Socket(id)) })
	close(making.open)
	joined := make(map[string]bool)
	for range 2 {
		name, _, _ := strings.Cut(c.Read(), ",")
		joined[name] = true
	}
	if !joined["40/n1"] || !joined["40/n2"] {
		t.Errorf("answered %v, want both namespaces", joined)
	}
}
