package socketio_test

import (
	"context"
	"errors"
	"fmt"
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
	"github.com/seed96b07ef8/socketio/socketiotest"
)

// Handlers that run when Shutdown is called finish, ask their clients, and answer; so do
// those of events that have arrived. Later events are not taken.
func TestShutdownLetsHandlersFinish(t *testing.T) {
	t.Parallel()
	transports(t, func(t *testing.T, transport string) {
		t.Parallel()
		io, url, _ := newServer(t, nil)
		reasons := make(chan socketio.Reason, 1)
		io.OnDisconnect(func(_ *socketio.Socket, reason socketio.Reason) { reasons <- reason })
		started, release := make(chan struct{}, 2), make(chan struct{})
		io.On("work", func(ctx context.Context, s *socketio.Socket, n int) (int, error) {
			started <- struct{}{}
			<-release
			if _, err := s.EmitWithAck(deadline(t), "question", n); err != nil {
				t.Errorf("asking the client: %v", err)
			}
			return n, ctx.Err()
		})
		late := make(chan struct{}, 1)
		io.On("late", func() { late <- struct{}{} })
		shutdown := make(chan struct{})
		io.OnShutdown(func() { close(shutdown) })
		c, _ := wiretest.Join(t, url, transport, "/")
		c.Send(`421["work",1]`, `422["work",2]`)
		receive(t, started, "the handler")
		waitFor(t, "the second event", func() bool { return socketio.Pending(io.Sockets()[0]) == 1 })

		done := make(chan error, 1)
		go func() { done <- io.Shutdown(deadline(t)) }()
		receive(t, shutdown, "the begin of Shutdown")
		if err := io.Emit("last", "words"); err != nil {
			t.Error(err)
		}
		c.Expect(`42["last","words"]`)
		c.Send(`423["late"]`, `42["late"]`)
		close(release)
		for n := 1; n <= 2; n++ {
			c.Send(`43` + ackID(t, c.Read(), fmt.Sprintf(`["question",%d]`, n)) + `[]`)
			c.Expect(fmt.Sprintf(`43%d[%d]`, n, n))
		}
		c.ExpectClosed()
		if err := receive(t, done, "the end of Shutdown"); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
		if reason := receive(t, reasons, "the disconnection"); reason != socketio.ServerShuttingDown {
			t.Errorf("reason %q, want %q", reason, socketio.ServerShuttingDown)
		}
		if len(late) > 0 {
			t.Error("an event that came after Shutdown was handled")
		}
		if n := io.Engine().Len(); n != 0 {
			t.Errorf("%d connections left", n)
		}
	})
}

// A client that has nothing to wait for is let go at once, so that it finds another server.
func TestShutdownLetsIdleClientsGo(t *testing.T) {
	t.Parallel()
	transports(t, func(t *testing.T, transport string) {
		t.Parallel()
		io, url, _ := newServer(t, nil)
		io.Of("/other")
		started, release := make(chan struct{}), make(chan struct{})
		io.On("work", func() bool { close(started); <-release; return true })
		busy, _ := wiretest.Join(t, url, transport, "/")
		busy.Join("/other")
		busy.Send(`421["work"]`)
		receive(t, started, "the handler")
		idle, _ := wiretest.Join(t, url, transport, "/")
		done := make(chan error, 1)
		go func() { done <- io.Shutdown(deadline(t)) }()
		idle.ExpectClosed()
		if len(done) > 0 {
			t.Error("Shutdown has not waited for the handler")
		}
		close(release)
		busy.Expect(`431[true]`)
		busy.ExpectClosed()
		if err := receive(t, done, "the end of Shutdown"); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
	})
}

// A client that is in no namespace any more, or that asks for its first, is let go while
// handlers of others run, too: nothing but the end of the connection makes it look for
// another server.
func TestShutdownLetsClientsWithoutSocketsGo(t *testing.T) {
	t.Parallel()
	for name, last := range map[string]func(s *socketio.Socket){
		"disconnected by the server": (*socketio.Socket).Disconnect,
		"after a panic":              func(*socketio.Socket) { panic("in the handler") },
		"asking":                     nil,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			io, url, _ := newServer(t, nil)
			other := io.Of("/other")
			started, release, releaseLong := make(chan struct{}), make(chan struct{}), make(chan struct{})
			io.On("long", func() { started <- struct{}{}; <-releaseLong })
			io.On("work", func(s *socketio.Socket) { started <- struct{}{}; <-release; last(s) })
			busy, _ := wiretest.Join(t, url, "websocket", "/")
			busy.Send(`42["long"]`)
			receive(t, started, "the handler of another client")

			c := wiretest.Dial(t, url, "websocket")
			if last != nil {
				c.Join("/")
				c.Join("/other")
				c.Send(`42["work"]`)
				receive(t, started, "the handler")
			}
			shutdown, done := make(chan struct{}), make(chan error, 1)
			io.OnShutdown(func() { close(shutdown) })
			go func() { done <- io.Shutdown(deadline(t)) }()
			receive(t, shutdown, "the begin of Shutdown")
			waitFor(t, "the end of the idle socket", func() bool { return len(other.Sockets()) == 0 })
			close(release)
			if last != nil {
				c.Expect("41")
			} else {
				c.Send("40")
			}
			c.ExpectClosed()
			if len(done) > 0 {
				t.Error("Shutdown has not waited for the other handler")
			}
			close(releaseLong)
			if err := receive(t, done, "the end of Shutdown"); err != nil {
				t.Errorf("Shutdown: %v", err)
			}
		})
	}
}

// A handler that ends its goroutine, or panics, does not hold Shutdown up.
func TestShutdownWithHandlersThatDoNotReturn(t *testing.T) {
	t.Parallel()
	for how, fail := range notReturning {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			io, url, _ := newServer(t, nil)
			started, release := make(chan struct{}), make(chan struct{})
			io.On("work", func() { close(started); <-release; fail() })
			io.OnShutdown(func() { close(release); fail() })
			c, _ := wiretest.Join(t, url, "websocket", "/")
			c.Send(`42["work"]`)
			receive(t, started, "the handler")
			if err := io.Shutdown(deadline(t)); err != nil {
				t.Errorf("Shutdown: %v", err)
			}
		})
	}
}

// When the context of Shutdown ends, those of the handlers do, and it returns.
func TestShutdownGivesUpWithItsContext(t *testing.T) {
	t.Parallel()
	io, url, _ := newServer(t, nil)
	started, causes, release := make(chan struct{}), make(chan error, 1), make(chan struct{})
	io.On("work", func(ctx context.Context) {
		close(started)
		<-ctx.Done()
		causes <- context.Cause(ctx)
		<-release
	})
	c, _ := wiretest.Join(t, url, "websocket", "/")
	c.Send(`42["work"]`)
	receive(t, started, "the handler")
	ctx, cancel := context.WithCancel(t.Context())
	io.OnShutdown(cancel)
	if err := io.Shutdown(ctx); !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "handlers still run") {
		t.Errorf("Shutdown returned %v, want that handlers still run", err)
	}
	var de *socketio.DisconnectError
	if err := receive(t, causes, "the end of the handler's context"); !errors.As(err, &de) || de.Reason != socketio.ServerShuttingDown {
		t.Errorf("the handler's context ended with %v, want %q", err, socketio.ServerShuttingDown)
	}
	close(release)
}

// The error says what Shutdown has waited for: a client that does not read, and not
// handlers, which have returned.
func TestShutdownSaysWhatItHasWaitedFor(t *testing.T) {
	t.Parallel()
	for i := range 8 { // which of two ends it saw first was left to chance
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			var at atomic.Pointer[stop]
			io := socketiotest.NewServer(t, &socketio.Options{Adapter: adapter.Func(func(h adapter.Host) adapter.Adapter {
				return stoppableAdapter{adapter.NewMemory(h), &at}
			})})
			c := socketiotest.Connect(t, io, nil)
			c.StopReading()
			s := io.Socket(c.ID())
			waitFor(t, "a backlog", func() bool {
				emit(t, s.Emit("news", strings.Repeat("x", 64<<10)))
				return s.Buffered() > 0
			})
			waiting := &stop{reached: make(chan struct{}), release: make(chan struct{})}
			waiting.skip.Store(1) // when Shutdown begins; the next time the handlers have returned
			at.Store(waiting)
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error, 1)
			go func() { done <- io.Shutdown(ctx) }()
			receive(t, waiting.reached, "the end of the handlers")
			close(waiting.release)
			cancel()
			err := receive(t, done, "the end of Shutdown")
			if want := "connections were cut off"; !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), want) {
				t.Errorf("Shutdown returned %v, want that %s", err, want)
			}
		})
	}
}

// A client whose middleware lets it in after Shutdown has begun is not answered.
func TestShutdownWhileMiddlewareDecides(t *testing.T) {
	t.Parallel()
	io, url, came, _ := newRecoveringServer(t, socketio.Recovery{})
	shutdown := make(chan struct{})
	io.OnShutdown(func() { close(shutdown) })
	asked := make(chan struct{})
	io.Use(func(context.Context, *socketio.Socket) error { close(asked); <-shutdown; return nil })
	c := wiretest.Dial(t, url, "websocket")
	c.Send("40")
	receive(t, asked, "the middleware")
	if err := io.Shutdown(deadline(t)); err != nil {
		t.Errorf("Shutdown: %v", err)
	}
	c.ExpectClosed()
	if len(came) > 0 {
		t.Error("a socket was connected after Shutdown had begun")
	}
	if n := socketio.Users(io.Of("/")); n != 0 {
		t.Errorf("%d users are left, want none", n)
	}
}

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
	t.Parallel()
	var at atomic.Pointer[stop]
	asked, answer := make(chan struct{}), make(chan error)
	transports(t, func(t *testing.T, transport string) {
		io, url, _ := newServer(t, &socketio.Options{Adapter: adapter.Func(func(h adapter.Host) adapter.Adapter {
			return stoppableAdapter{adapter.NewMemory(h), &at}
		})})
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
	t.Parallel()
	var at atomic.Pointer[stop]
	var log logBuffer
	io, url, _ := newServer(t, &socketio.Options{
		Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Adapter: adapter.Func(func(h adapter.Host) adapter.Adapter {
			return stoppableAdapter{adapter.NewMemory(h), &at}
		}),
	})
	io.Of("/other")
	var sockets []*socketio.Socket
	c, _ := wiretest.Join(t, url, "websocket", "/")
	c.Join("/other")
	sockets = append(io.Sockets(), io.Of("/other").Sockets()...)
	waitFor(t, "the sockets to be idle", func() bool { return socketio.Idle(sockets[0]) && socketio.Idle(sockets[1]) })
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
	t.Parallel()
	failures := map[string]func(){
		"panics": func() { panic("no connection to the database") },
		"exits":  runtime.Goexit,
	}
	for how, fail := range failures {
		var failing atomic.Bool
		opts := &socketio.Options{
			CleanupEmptyChildNamespaces: true,
			Adapter: adapter.Func(func(h adapter.Host) adapter.Adapter {
				if failing.Load() && strings.HasPrefix(h.Name(), "/adapter") {
					fail()
				}
				return adapter.NewMemory(h)
			}),
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
	t.Parallel()
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
	t.Parallel()
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

// Without connections, Shutdown succeeds even if its context has ended, as in net/http.
func TestShutdownOfAnIdleServerWithAnEndedContext(t *testing.T) {
	t.Parallel()
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	io, err := socketio.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := io.Shutdown(ended); err != nil {
		t.Errorf("Shutdown: got %v, want nil", err)
	}
}
