package socketio_test

import (
	"context"
	"errors"
	"net"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/seed96b07ef8/socketio"
	"github.com/seed96b07ef8/socketio/adapter"
	"github.com/seed96b07ef8/socketio/internal/wiretest"
)

// After Shutdown, everything that would reach sockets says that there are none any
// more. Handlers for which Shutdown waits can still emit.
func TestEmitAfterShutdown(t *testing.T) {
	t.Parallel()
	io, url, _ := newServer(t, nil)
	parent, childless := io.OfRegexp(regexp.MustCompile("^/room-")), io.OfRegexp(regexp.MustCompile("^/empty-"))
	child := io.Of("/room-1")
	wiretest.Join(t, url, "websocket", "/")
	before := make(chan error, 1)
	io.OnDisconnect(func(*socketio.Socket, socketio.Reason) { before <- errors.Join(io.Emit("bye"), parent.Emit("bye")) })
	if err := io.Shutdown(deadline(t)); err != nil {
		t.Fatal(err)
	}
	if err := receive(t, before, "the end of the socket"); err != nil {
		t.Errorf("Emit in a handler for which Shutdown waits: %v", err)
	}
	late := io.Of("/made-afterwards")
	for name, b := range map[string]socketio.Broadcast{
		"main": io.Local(), "room": io.To("x"), "child": child.Local(), "parent": parent.Local(), "childless": childless.To("x"), "late": late.Local(),
	} {
		_, fetched := b.FetchSockets(t.Context())
		_, asked := socketio.Collect(b.Timeout(wiretest.Timeout).EmitWithAck(t.Context(), "q"))
		for what, err := range map[string]error{
			"Emit": b.Emit("m"), "EmitWithAck": asked, "FetchSockets": fetched,
			"SocketsJoin": b.SocketsJoin("x"), "SocketsLeave": b.SocketsLeave("x"), "DisconnectSockets": b.DisconnectSockets(true),
		} {
			if !errors.Is(err, net.ErrClosed) {
				t.Errorf("%s: %s returned %v, want net.ErrClosed", name, what, err)
			}
		}
		if err := b.Emit("connect"); !errors.Is(err, socketio.ErrReservedEvent) {
			t.Errorf("%s: a reserved name: %v", name, err)
		}
	}
	_, asked := io.ServerSideEmitWithAck(deadline(t), "q")
	if err := io.ServerSideEmit("m"); !errors.Is(err, net.ErrClosed) || !errors.Is(asked, net.ErrClosed) {
		t.Errorf("ServerSideEmit returned %v, ServerSideEmitWithAck %v", err, asked)
	}
}

// A namespace that was removed because it was empty has no sockets, even if a caller still
// holds it; the next one of that name is another.
func TestEmitToARemovedNamespace(t *testing.T) {
	t.Parallel()
	io, url, _ := newServer(t, &socketio.Options{CleanupEmptyChildNamespaces: true})
	io.OfFunc(func(name string, _ socketio.Args) bool { return strings.HasPrefix(name, "/room-") })
	made := make(chan *socketio.Namespace, 2)
	io.OnNewNamespace(func(n *socketio.Namespace) { made <- n })
	c, _ := wiretest.Join(t, url, "websocket", "/room-1")
	n := receive(t, made, "the namespace")
	if err := n.Emit("m"); err != nil {
		t.Fatal(err)
	}
	c.Leave()
	waitFor(t, "the removal of the namespace", func() bool { return errors.Is(n.Emit("m"), net.ErrClosed) })
	c, _ = wiretest.Join(t, url, "websocket", "/room-1")
	if err := receive(t, made, "its successor").Emit("m"); err != nil {
		t.Fatal(err)
	}
	c.Expect(`42/room-1,["m"]`)
}

// Join on a socket that has ended says so, whether it still is in its rooms or not; an
// operation on many sockets leaves it out.
func TestJoinAfterTheEnd(t *testing.T) {
	t.Parallel()
	transports(t, func(t *testing.T, transport string) {
		t.Parallel()
		io, url, _ := newServer(t, nil)
		type result struct {
			join, many error
		}
		ends := make(chan result, 3)
		note := func(s *socketio.Socket, _ socketio.Reason) {
			ends <- result{s.Join("late"), io.To("early").SocketsJoin("late")}
		}
		joined := make(chan error, 1)
		io.OnConnect(func(s *socketio.Socket) { joined <- s.Join("early") })
		io.OnDisconnecting(note)
		io.OnDisconnect(note)
		c, id := wiretest.Join(t, url, transport, "/")
		s := io.Socket(id)
		if err := receive(t, joined, "OnConnect"); err != nil {
			t.Fatalf("Join of a connected socket: %v", err)
		}
		c.Leave()
		for _, when := range []string{"OnDisconnecting", "OnDisconnect"} {
			got := receive(t, ends, when)
			var gone *socketio.DisconnectError
			if !errors.As(got.join, &gone) || !errors.Is(got.join, net.ErrClosed) || gone.Reason == "" {
				t.Errorf("%s: Join returned %v", when, got.join)
			}
			if got.many != nil {
				t.Errorf("%s: SocketsJoin returned %v", when, got.many)
			}
		}
		if err := s.Join("later"); !errors.Is(err, context.Cause(s.Context())) {
			t.Errorf("afterwards: Join returned %v, the socket ended with %v", err, context.Cause(s.Context()))
		}
		if rooms := io.Rooms(); len(rooms) != 0 {
			t.Errorf("rooms that are left: %q", rooms)
		}
	})
}

// deadline returns a context for something that should not take long.
func deadline(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), wiretest.Timeout)
	t.Cleanup(cancel)
	return ctx
}

// closingAdapter is an adapter that counts how many are open.
type closingAdapter struct {
	*adapter.Memory
	open *atomic.Int32
}

func (a closingAdapter) Close() error {
	a.open.Add(-1)
	return a.Memory.Close()
}

// The adapter of a namespace that the application asks for after Shutdown, or while that is
// under way, is closed like all others, once.
func TestAdaptersOfLateNamespacesAreClosed(t *testing.T) {
	t.Parallel()
	var open atomic.Int32
	making, release := make(chan struct{}), make(chan struct{})
	io := socketio.NewServer(&socketio.Options{Adapter: adapter.Func(func(h adapter.Host) adapter.Adapter {
		open.Add(1)
		if h.Name() == "/slow" {
			close(making)
			<-release
		}
		return closingAdapter{adapter.NewMemory(h), &open}
	})})
	made := make(chan *socketio.Namespace)
	go func() { made <- io.Of("/slow") }()
	receive(t, making, "the adapter")
	if err := io.Shutdown(deadline(t)); err != nil {
		t.Fatalf("Shutdown: %v", err)
	}
	close(release)
	slow := receive(t, made, "the namespace")
	for _, n := range []*socketio.Namespace{slow, io.Of("/late")} {
		if err := n.Emit("news"); !errors.Is(err, net.ErrClosed) {
			t.Errorf("Emit to %s returned %v, want net.ErrClosed", n.Name(), err)
		}
	}
	if err := io.Shutdown(deadline(t)); err != nil {
		t.Errorf("Shutdown once more: %v", err)
	}
	if n := open.Load(); n != 0 {
		t.Errorf("%d more adapters were made than closed, want none", n)
	}
}

// Disconnect drops the events of a socket whose client has left, too: here that of a handler
// that panics.
func TestDisconnectAfterTheClientHasLeft(t *testing.T) {
	t.Parallel()
	transports(t, func(t *testing.T, transport string) {
		t.Parallel()
		io, url, _ := newServer(t, nil)
		begun, release := make(chan struct{}), make(chan struct{})
		var handled atomic.Int32
		io.On("e", func() {
			if handled.Add(1) == 1 {
				close(begun)
				<-release
				panic("the first event")
			}
		})
		c, _ := wiretest.Join(t, url, transport, "/")
		c.Send(`42["e"]`, `42["e"]`, `42["e"]`, "41")
		receive(t, begun, "the first event")
		waitFor(t, "the end of the socket", func() bool { return len(io.Sockets()) == 0 })
		close(release)
		waitFor(t, "the end of its handlers", func() bool { return socketio.Users(io.Namespace) == 0 })
		if n := handled.Load(); n != 1 {
			t.Errorf("%d events were handled, want 1", n)
		}
	})
}
