package socketio_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/seed96b07ef8/socketio"
	"github.com/seed96b07ef8/socketio/adapter"
	"github.com/seed96b07ef8/socketio/internal/wiretest"
)

// stoppableAdapter is an adapter whose list of sockets can be held up: that is where
// Shutdown is between its phases.
type stoppableAdapter struct {
	*adapter.Memory
	stop *atomic.Pointer[stop]
}

type stop struct {
	skip             atomic.Int32 // calls that are let pass
	reached, release chan struct{}
}

func (a stoppableAdapter) Sockets(t adapter.Target) []adapter.Socket {
	if s := a.stop.Load(); s != nil && s.skip.Add(-1) == -1 {
		close(s.reached)
		<-s.release
	}
	return a.Memory.Sockets(t)
}

// beginShutdown starts a Shutdown and returns when it is about to disconnect the
// sockets of a namespace, after those of some others. finish lets it go on and waits
// for it.
func beginShutdown(t *testing.T, io *socketio.Server, at *atomic.Pointer[stop], others int32) (finish func()) {
	t.Helper()
	s := &stop{reached: make(chan struct{}), release: make(chan struct{})}
	s.skip.Store(others)
	at.Store(s)
	done := make(chan error, 1)
	go func() { done <- io.Shutdown(t.Context()) }()
	receive(t, s.reached, "Shutdown")
	return func() {
		close(s.release)
		if err := receive(t, done, "the end of Shutdown"); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
	}
}

// Clients take a CONNECT_ERROR as final, so none may be sent because of a shutdown.
func TestShutdownRefusesNoClient(t *testing.T) {
	var at atomic.Pointer[stop]
	asked, answer := make(chan struct{}), make(chan error)
	transports(t, func(t *testing.T, transport string) {
		io, url, _ := newServer(t, &socketio.Options{Adapter: func(h adapter.Host) adapter.Adapter {
			return stoppableAdapter{adapter.NewMemory(h), &at}
		}})
		io.OfFunc(func(name string, _ socketio.Args) bool { return strings.HasPrefix(name, "/dynamic") })
		io.Of("/slow").Use(func(context.Context, *socketio.Socket) error {
			asked <- struct{}{}
			return <-answer
		})
		reasons := make(chan socketio.Reason, 2)
		io.OnDisconnect(func(_ *socketio.Socket, r socketio.Reason) { reasons <- r })

		fresh := wiretest.Dial(t, url, transport)
		unknown := wiretest.Dial(t, url, transport)
		dynamic := wiretest.Dial(t, url, transport)
		connecting := wiretest.Dial(t, url, transport)
		connecting.Send("40/slow,")
		receive(t, asked, "the middleware")
		connected, _ := wiretest.Join(t, url, transport, "/")

		finish := beginShutdown(t, io, &at, 0)
		fresh.Send("40")
		unknown.Send("40/unknown,")
		dynamic.Send("40/dynamic,")
		answer <- errors.New("the database is closed")
		resp, err := http.Get(url + "/socket.io/?EIO=4&transport=polling")
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusServiceUnavailable {
			t.Errorf("a handshake is answered %s", resp.Status)
		}
		finish()
		for _, c := range []*wiretest.Client{fresh, unknown, dynamic, connecting, connected} {
			c.ExpectClosed()
		}
		if r := receive(t, reasons, "the disconnection"); r != socketio.ServerShuttingDown {
			t.Errorf("reason %q", r)
		}
	})
}

// What a client sends while Shutdown is under way does not break the protocol: it
// cannot know that its socket has ended.
func TestEventsDuringShutdownAreNoViolation(t *testing.T) {
	var at atomic.Pointer[stop]
	var log logBuffer
	io, url, _ := newServer(t, &socketio.Options{
		Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Adapter: func(h adapter.Host) adapter.Adapter {
			return stoppableAdapter{adapter.NewMemory(h), &at}
		},
	})
	io.Of("/other")
	var sockets []*socketio.Socket
	c, _ := wiretest.Join(t, url, "websocket", "/")
	c.Join("/other")
	sockets = append(io.Sockets(), io.Of("/other").Sockets()...)
	finish := beginShutdown(t, io, &at, 1)
	// One of the two has ended, which one is not known.
	if sockets[0].Connected() == sockets[1].Connected() {
		t.Error("Shutdown is not where it should be")
	}
	before := io.Engine().Len()
	c.Send(`42["event"]`, `42/other,["event"]`, `43/other,1[]`, `431[]`)
	c.Send(`40/unknown`) // when this is read, the others have been
	finish()
	c.ExpectClosed()
	if before != 1 || strings.Contains(log.String(), "violation") {
		t.Errorf("the log has a violation:\n%s", log.String())
	}
}

// A namespace whose adapter cannot be made, or that the application could not set up,
// does not exist: clients come back and ask again, nothing is left, and Stats and
// Shutdown work.
func TestNamespaceThatCannotBeMade(t *testing.T) {
	failures := map[string]func(){
		"panics": func() { panic("no connection to the database") },
		"exits":  runtime.Goexit,
	}
	for how, fail := range failures {
		var failing atomic.Bool
		opts := &socketio.Options{
			CleanupEmptyChildNamespaces: true,
			Adapter: func(h adapter.Host) adapter.Adapter {
				if failing.Load() && strings.HasPrefix(h.Name(), "/adapter") {
					fail()
				}
				return adapter.NewMemory(h)
			},
		}
		for _, name := range []string{"/adapter", "/setup"} {
			t.Run(name[1:]+" "+how, func(t *testing.T) {
				transports(t, func(t *testing.T, transport string) {
					failing.Store(true)
					io, url, _ := newServer(t, opts)
					io.OfFunc(func(string, socketio.Args) bool { return true })
					io.OnNewNamespace(func(n *socketio.Namespace) {
						if failing.Load() && n.Name() == "/setup" {
							fail()
						}
					})
					c := wiretest.Dial(t, url, transport)
					c.TrySend("40" + name + ",")
					c.ExpectClosed()
					if n := io.Stats().Namespaces; n != 1 {
						t.Errorf("%d namespaces", n)
					}
					failing.Store(false)
					c, _ = wiretest.Join(t, url, transport, name)
					c.Leave()
					waitFor(t, "the end of the namespace", func() bool { return io.Stats().Namespaces == 1 })
				})
			})
		}
	}
}

// Clients that wait for a namespace which another client makes are not refused, and
// not let into what could not be made.
func TestNamespaceThatFailsForOneClient(t *testing.T) {
	making, release := make(chan struct{}), make(chan struct{})
	var once sync.Once
	io, url, _ := newServer(t, nil)
	io.OfFunc(func(string, socketio.Args) bool { return true })
	io.OnNewNamespace(func(n *socketio.Namespace) {
		once.Do(func() {
			close(making)
			<-release
			panic("for the first client")
		})
		n.On("made", func() bool { return true })
	})
	first := wiretest.Dial(t, url, "websocket")
	first.Send("40/n,")
	receive(t, making, "the namespace")
	var others []*wiretest.Client
	for range 3 {
		c := wiretest.Dial(t, url, "websocket")
		c.Send("40/n,")
		others = append(others, c)
	}
	of := make(chan *socketio.Namespace, 1)
	close(release)
	go func() { of <- io.Of("/n") }()
	first.ExpectClosed()
	for _, c := range others {
		if answer := c.Read(); !strings.HasPrefix(answer, "40/n,{") {
			t.Fatalf("answered %q", answer)
		}
		c.Send(`42/n,1["made"]`)
		c.Expect(`43/n,1[true]`)
	}
	receive(t, of, "the namespace")
	waitFor(t, "three sockets", func() bool { return len(io.Of("/n").Sockets()) == 3 })
}

// A server whose namespaces are used up lets clients wait, which they do not notice.
func TestFullServerLetsClientsWait(t *testing.T) {
	io, url, _ := newServer(t, &socketio.Options{MaxDynamicNamespaces: 1, CleanupEmptyChildNamespaces: true})
	var asked atomic.Int32
	io.OfFunc(func(name string, _ socketio.Args) bool { asked.Add(1); return strings.HasPrefix(name, "/n") })
	holder, _ := wiretest.Join(t, url, "websocket", "/n1")
	c, _ := wiretest.Join(t, url, "websocket", "/")
	gone := wiretest.Dial(t, url, "websocket")
	c.Send("40/n2,", "40/other,")
	c.Expect(`44/other,{"message":"Invalid namespace"}`)
	c.Send("40/n2,{}") // asks once more: one request
	gone.Send("40/n3,")
	waitFor(t, "both to ask", func() bool { return asked.Load() >= 5 })
	gone.Leave()
	waitFor(t, "the end of the one that is gone", func() bool { return io.Engine().Len() == 2 })
	holder.Leave()
	if answer := c.Read(); !strings.HasPrefix(answer, "40/n2,{") {
		t.Fatalf("answered %q", answer)
	}
	c.Send("41/n2,", "40")
	c.ExpectClosed() // the main namespace joined twice: nothing else was sent
}
