package socketio_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed96b07ef8/socketio"
	"github.com/seed96b07ef8/socketio/engine"
	"github.com/seed96b07ef8/socketio/internal/wiretest"
)

// A client that joins and leaves in turns while its handlers wait gets no more of
// them at work than it may have namespaces.
func TestRejoiningIsLimited(t *testing.T) {
	t.Parallel()
	io, url, _ := newServer(t, &socketio.Options{MaxNamespaces: 3})
	release := make(chan struct{})
	io.On("block", func() { <-release })
	c := wiretest.Dial(t, url, "websocket")
	for range 3 {
		c.Join("/")
		c.Send(`42["block"]`, `41`)
	}
	// The next one waits for a handler, and the fourth at once is refused.
	io.Of("/a")
	io.Of("/b")
	io.Of("/c")
	c.Send(`40`, `40/a`, `40/b`, `40/c`)
	c.Expect(`44/c,{"message":"Too many namespaces"}`)
	if n := len(io.Sockets()); n != 0 {
		t.Errorf("%d sockets", n)
	}
	close(release)
	var answers []string
	for range 3 {
		name, _, _ := strings.Cut(c.Read(), "{")
		answers = append(answers, name)
	}
	slices.Sort(answers)
	if want := []string{`40`, `40/a,`, `40/b,`}; !slices.Equal(answers, want) {
		t.Errorf("answered %q, want %q", answers, want)
	}
}

// A client that leaves and joins again with its private ID, over the same
// connection, keeps the connection and gets a new session.
func TestRejoiningWithThePrivateID(t *testing.T) {
	t.Parallel()
	io, url, came, _ := newRecoveringServer(t, socketio.Recovery{})
	release := make(chan struct{})
	defer close(release)
	io.On("block", func() { <-release })
	var s session
	s.connect(t, url, "websocket")
	receive(t, came, "the socket")
	s.client.Send(`42["block"]`, `41`, `40{"pid":"`+s.pid+`"}`)
	if answer := s.client.Read(); !strings.HasPrefix(answer, `40{"sid":`) || strings.Contains(answer, s.sid) {
		t.Errorf("answered %q", answer)
	}
	if receive(t, came, "the socket").Recovered() {
		t.Error("recovered after it had left")
	}
}

// state is a value whose encoding takes a lock, which others hold while they emit.
type state struct {
	mu sync.Mutex
	n  int
}

func (s *state) MarshalJSON() ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return json.Marshal(s.n)
}

// Values are encoded with no lock held, also with recovery.
func TestEncodingThatTakesALock(t *testing.T) {
	t.Parallel()
	io, _, _, _ := newRecoveringServer(t, socketio.Recovery{})
	var s state
	var wg sync.WaitGroup
	wg.Go(func() {
		for range 200 {
			emit(t, io.Emit("state", &s))
		}
	})
	wg.Go(func() {
		for range 200 {
			s.mu.Lock()
			emit(t, io.Emit("number", s.n))
			s.mu.Unlock()
		}
	})
	wg.Wait()
}

// What is emitted to one socket is not for those who join a room of that name.
func TestRecoveryKeepsPrivateEventsPrivate(t *testing.T) {
	t.Parallel()
	io, url, came, left := newRecoveringServer(t, socketio.Recovery{})
	var victim, other session
	victim.connect(t, url, "websocket")
	v := receive(t, came, "the socket")
	other.connect(t, url, "websocket")
	o := receive(t, came, "the other socket")
	emit(t, o.Join(v.ID()))
	emit(t, v.Emit("private"))
	emit(t, io.Emit("public"))
	other.read(t, 1)
	drop(t, other.client, o, left)
	emit(t, v.Emit("private, too"))
	other.connect(t, url, "websocket")
	v.Leave(v.ID())
	emit(t, v.Emit("last"))
	victim.read(t, 4)
	if got := strings.Join(other.events, ","); got != "public" {
		t.Errorf("the other client received %q", got)
	}
	if got := strings.Join(victim.events, ","); got != "private,public,private, too,last" {
		t.Errorf("the client received %q", got)
	}
}

// A client that has filled its inbox and leaves while a handler waits for the end
// of its socket is noticed: the reader is not reading, but the pings fail.
func TestFullInboxOfAClientThatIsGone(t *testing.T) {
	t.Parallel()
	transports(t, func(t *testing.T, transport string) {
		t.Parallel()
		io, url, _ := newServer(t, &socketio.Options{InboxEvents: 1, Engine: engine.ServerOptions{
			PingInterval: 300 * time.Millisecond, PingTimeout: 2 * time.Second,
		}})
		io.On("wait", func(ctx context.Context) { <-ctx.Done() })
		c, _ := wiretest.Join(t, url, transport, "/")
		go c.TrySend(`42["wait"]`, `42["wait"]`, `42["wait"]`, `42["wait"]`)
		waitFor(t, "the handler", func() bool { return io.Stats().PendingEvents > 0 })
		c.Close()
		waitFor(t, "the end of the connection", func() bool { return io.Engine().Len() == 0 && len(io.Sockets()) == 0 })
	})
}

// Hooks that panic end their socket at most, and a handler that ends its goroutine
// is succeeded by another.
func TestHooksThatPanic(t *testing.T) {
	t.Parallel()
	boom := func() { panic("hook") }
	for name, hooks := range map[string]*socketio.Hooks{
		"Connected":    {Connected: func(*socketio.Socket) { boom() }},
		"Disconnected": {Disconnected: func(*socketio.Socket, socketio.Reason) { boom() }},
		"Refused":      {Refused: func(string, error) { boom() }},
	} {
		t.Run(name, func(t *testing.T) {
			io, url, _ := newServer(t, &socketio.Options{Hooks: hooks})
			c := wiretest.Dial(t, url, "websocket")
			c.TrySend(`40`, `40/nowhere,`, `41`)
			c.Leave()
			waitFor(t, "the end of all", func() bool { return io.Engine().Len() == 0 && len(io.Sockets()) == 0 })
		})
	}
	t.Run("OnError", func(t *testing.T) {
		io, url, _ := newServer(t, &socketio.Options{OnError: func(*socketio.Socket, error) { boom() }})
		io.On("fail", func() error { return errors.New("failed") })
		c, _ := wiretest.Join(t, url, "websocket", "/")
		c.Send(`42["fail"]`)
		c.Expect(`41`)
	})
	t.Run("OnRoom", func(t *testing.T) {
		io, url, _ := newServer(t, &socketio.Options{OnError: func(*socketio.Socket, error) { boom() }})
		rooms := make(chan string, 10)
		io.OnRoom(func(e socketio.RoomEvent) {
			if e.Kind != socketio.RoomJoined {
				return
			}
			switch e.Room {
			case "panic":
				boom()
			case "exit":
				runtime.Goexit()
			case "last":
				rooms <- e.Room
			}
		})
		io.On("join", func(s *socketio.Socket, room string) error { return s.Join(room) })
		for _, room := range []string{"panic", "exit", "last"} {
			c, _ := wiretest.Join(t, url, "websocket", "/")
			c.Send(`42["join","` + room + `"]`)
		}
		receive(t, rooms, "the room")
	})
	t.Run("Goexit", func(t *testing.T) {
		io, url, _ := newServer(t, nil)
		io.On("exit", func() { runtime.Goexit() })
		io.On("ping", func() string { return "pong" })
		c, _ := wiretest.Join(t, url, "websocket", "/")
		c.Send(`42["exit"]`, `421["ping"]`)
		c.Expect(`431["pong"]`)
	})
}

// Clients that join and leave in turns, without waiting for answers, while middleware
// decides and the server disconnects some of them, end up where they asked to be: each
// connection of a socket is followed by its disconnection, and nothing is left.
func TestJoiningAndLeavingWithoutWaiting(t *testing.T) {
	t.Parallel()
	transports(t, func(t *testing.T, transport string) {
		t.Parallel()
		for _, recovery := range []*socketio.Recovery{nil, {}} {
			io, url, errs := newServer(t, &socketio.Options{Recovery: recovery, MaxNamespaces: 8})
			n := io.Of("/n")
			var order atomic.Int32
			var connected, disconnected atomic.Int32
			n.Use(func(_ context.Context, s *socketio.Socket) error {
				if order.Add(1)%3 == 0 {
					runtime.Gosched()
				}
				return nil
			})
			n.OnConnect(func(s *socketio.Socket) {
				connected.Add(1)
				if order.Add(1)%7 == 0 {
					s.Disconnect()
				}
			})
			n.OnDisconnect(func(*socketio.Socket, socketio.Reason) { disconnected.Add(1) })
			io.On("echo", func(i int) int { return i })
			var wg sync.WaitGroup
			for range 4 {
				c, _ := wiretest.Join(t, url, transport, "/")
				wg.Go(func() {
					for i := range 30 {
						c.Send(`40/n,`, `41/n,`, fmt.Sprintf(`42%d["echo",%d]`, i, i))
						for want := fmt.Sprintf(`43%d[%d]`, i, i); c.Read() != want; {
						}
					}
				})
			}
			wg.Wait()
			waitFor(t, "the end of the sockets", func() bool { return socketio.Users(n) == 0 })
			if in, out := connected.Load(), disconnected.Load(); in != out {
				t.Errorf("%d sockets were connected and %d disconnected", in, out)
			}
			if got := io.Stats(); got.Sockets != 4 || got.Connections != 4 {
				t.Errorf("left are %+v, want 4 sockets and connections", got)
			}
			if all := errs.all(); len(all) > 0 {
				t.Errorf("errors %v", all)
			}
		}
	})
}
