package socketio_test

import (
	"context"
	"errors"
	"net"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/seed96b07ef8/socketio"
	"github.com/seed96b07ef8/socketio/adapter"
	"github.com/seed96b07ef8/socketio/internal/wiretest"
)

// A client that is disconnected for good while it is away does not pass by the middleware
// when it reconnects.
func TestDisconnectedWhileAway(t *testing.T) {
	t.Parallel()
	for name, disconnect := range map[string]func(io *socketio.Server, s *socketio.Socket) error{
		"the socket":           func(_ *socketio.Server, s *socketio.Socket) error { s.Disconnect(); return nil },
		"the connection":       func(_ *socketio.Server, s *socketio.Socket) error { s.DisconnectConn(); return nil },
		"the sockets of an ID": func(io *socketio.Server, s *socketio.Socket) error { return io.In(s.ID()).DisconnectSockets(true) },
		"the sockets of a room": func(io *socketio.Server, _ *socketio.Socket) error {
			return io.In("room").DisconnectSockets(false)
		},
	} {
		t.Run(name, func(t *testing.T) {
			io, url, came, left := newRecoveringServer(t, socketio.Recovery{})
			var asked atomic.Int32
			io.Use(func(context.Context, *socketio.Socket) error { asked.Add(1); return nil })
			var c session
			c.connect(t, url, "websocket")
			s := receive(t, came, "the socket")
			emit(t, s.Join("room"))
			drop(t, c.client, s, left)
			emit(t, disconnect(io, s))
			c.connect(t, url, "websocket")
			if again := receive(t, came, "the socket"); again.Recovered() || asked.Load() != 2 {
				t.Errorf("recovered %v, the middleware ran %d times", again.Recovered(), asked.Load())
			}
			s.Disconnect() // of a socket whose client has another one
			drop(t, c.client, io.Sockets()[0], left)
			c.connect(t, url, "websocket")
			if again := receive(t, came, "the socket"); !again.Recovered() {
				t.Error("not recovered")
			}
		})
	}
}

// A socket that has ended and whose handlers still run joins rooms like one that is away.
func TestJoinBeforeTheEndIsHandled(t *testing.T) {
	t.Parallel()
	io, url, came, left := newRecoveringServer(t, socketio.Recovery{})
	slow := newDoor()
	io.On("slow", slow.pass)
	var c session
	c.connect(t, url, "websocket")
	s := receive(t, came, "the socket")
	c.client.Send(`42["slow"]`)
	<-slow.arrived
	c.client.Close()
	waitFor(t, "the end of the connection", func() bool { return !s.Connected() })
	emit(t, io.In(s.ID()).SocketsJoin("room"))
	emit(t, io.To("room").Emit("news"))
	if err := s.Join("other"); !errors.Is(err, net.ErrClosed) {
		t.Errorf("the socket's own Join: %v", err)
	}
	slow.open <- struct{}{}
	receive(t, left, "the disconnection")
	c.connect(t, url, "websocket")
	if again := receive(t, came, "the socket"); !slices.Equal(again.Rooms(), []string{s.ID(), "room"}) || !slices.Equal(c.events, []string{"news"}) {
		t.Errorf("in %q, received %q", again.Rooms(), c.events)
	}
}

// A client that is disconnected for good while it is being recovered does not pass by the
// middleware either, whatever its middleware waits for.
func TestDisconnectedWhileRestored(t *testing.T) {
	t.Parallel()
	for name, disconnect := range map[string]func(io *socketio.Server, s *socketio.Socket) error{
		"the socket":            func(_ *socketio.Server, s *socketio.Socket) error { s.Disconnect(); return nil },
		"the sockets of a room": func(io *socketio.Server, _ *socketio.Socket) error { return io.In("room").DisconnectSockets(true) },
	} {
		t.Run(name, func(t *testing.T) {
			io, url, came, left := newRecoveringServer(t, socketio.Recovery{RunMiddleware: true})
			asked := newDoor()
			io.Use(func(_ context.Context, s *socketio.Socket) error {
				if s.Recovered() {
					asked.pass()
				}
				return nil
			})
			var c session
			c.connect(t, url, "websocket")
			s := receive(t, came, "the socket")
			emit(t, s.Join("room"))
			drop(t, c.client, s, left)
			go func() {
				<-asked.arrived
				emit(t, disconnect(io, s))
				asked.open <- struct{}{}
			}()
			c.connect(t, url, "websocket")
			if again := receive(t, came, "the socket"); again.Recovered() || again.ID() == s.ID() || len(again.Rooms()) != 1 {
				t.Errorf("recovered %v, in %q", again.Recovered(), again.Rooms())
			}
		})
	}
}

// A client whose connection is lost again while middleware runs for it recovers with its
// next attempt, even if that middleware has not returned.
func TestConnectionLostWhileRestored(t *testing.T) {
	t.Parallel()
	io, url, came, left := newRecoveringServer(t, socketio.Recovery{RunMiddleware: true})
	asked := newDoor()
	var attempts atomic.Int32
	io.Use(func(_ context.Context, s *socketio.Socket) error {
		if attempts.Add(1) == 2 {
			asked.pass()
		}
		return nil
	})
	var c session
	c.connect(t, url, "websocket")
	s := receive(t, came, "the socket")
	drop(t, c.client, s, left)
	emit(t, io.Emit("news", "missed"))

	lost := wiretest.Dial(t, url, "websocket")
	lost.Send(`40{"pid":"` + c.pid + `"}`)
	receive(t, asked.arrived, "the middleware")
	lost.Close()
	waitFor(t, "the end of the connection", func() bool { return socketio.Users(io.Of("/")) == 0 })
	c.connect(t, url, "websocket")
	again := receive(t, came, "the socket")
	close(asked.open)
	if !again.Recovered() || again.ID() != s.ID() {
		t.Errorf("recovered %v with the ID %s, want the socket %s", again.Recovered(), again.ID(), s.ID())
	}
	if len(c.events) != 1 {
		t.Errorf("received %q, want the missed event", c.events)
	}
}

// A client whose connection is lost again while middleware runs for it, which the server
// does not notice, recovers with its next attempt. What that middleware decides is not about
// the new connection.
func TestRestoredOverAThirdConnection(t *testing.T) {
	t.Parallel()
	disconnect := func(s *socketio.Socket) error { s.Disconnect(); return nil }
	disconnectConn := func(s *socketio.Socket) error { s.DisconnectConn(); return nil }
	for name, test := range map[string]struct {
		late    bool // the new socket is connected before that middleware decides
		decide  func(s *socketio.Socket) error
		sockets int // connected in the end
	}{
		"admitted":          {false, func(*socketio.Socket) error { return nil }, 2},
		"admitted late":     {true, func(*socketio.Socket) error { return nil }, 2},
		"refused":           {false, func(*socketio.Socket) error { return errors.New("banned") }, 1},
		"disconnected":      {false, disconnect, 1},
		"disconnected late": {true, disconnect, 1},
		"closed":            {false, disconnectConn, 1},
	} {
		t.Run(name, func(t *testing.T) {
			io, url, came, left := newRecoveringServer(t, socketio.Recovery{RunMiddleware: true})
			second, third := newDoor(), newDoor()
			var attempts atomic.Int32
			io.Use(func(_ context.Context, s *socketio.Socket) error {
				switch attempts.Add(1) {
				case 2:
					second.pass()
					return test.decide(s)
				case 3:
					third.pass()
				}
				return nil
			})
			var c session
			c.connect(t, url, "websocket")
			s := receive(t, came, "the socket")
			emit(t, s.Join("room"))
			drop(t, c.client, s, left)
			emit(t, io.To("room").Emit("news"))

			lost, again := wiretest.Dial(t, url, "websocket"), wiretest.Dial(t, url, "websocket")
			lost.Send(`40{"pid":"` + c.pid + `"}`)
			receive(t, second.arrived, "the second middleware")
			again.Send(`40{"pid":"` + c.pid + `"}`)
			receive(t, third.arrived, "the third middleware")
			decide := func() {
				close(second.open)
				lost.Read()
			}
			if !test.late {
				decide()
			}
			close(third.open)
			pid, before := answer(t, again)
			if pid != c.pid || len(before) != 1 {
				t.Errorf("recovered %t, with %q, want the missed event", pid == c.pid, before)
			}
			if test.late {
				decide()
			}
			recovered := 0
			for range test.sockets {
				if got := receive(t, came, "the socket"); got.Recovered() {
					recovered++
					if got.ID() != s.ID() {
						t.Errorf("recovered %s, want %s", got.ID(), s.ID())
					}
				}
			}
			if recovered != 1 {
				t.Errorf("%d sockets were recovered, want one", recovered)
			}
		})
	}
}

// A session whose socket is refused is removed at once.
func TestRefusedWhileRestored(t *testing.T) {
	t.Parallel()
	g := &gate{}
	io, url := newGatedServer(t, g, adapter.RecoveryOptions{}, socketio.Recovery{RunMiddleware: true})
	left := make(chan struct{}, 1)
	io.OnDisconnect(func(*socketio.Socket, socketio.Reason) { left <- struct{}{} })
	io.Use(func(_ context.Context, s *socketio.Socket) error {
		if s.Recovered() {
			return errors.New("banned")
		}
		return nil
	})
	c := wiretest.Dial(t, url, "websocket")
	c.Send("40")
	pid, _ := answer(t, c)
	c.Close()
	receive(t, left, "the disconnection")
	c = wiretest.Dial(t, url, "websocket")
	c.Send(`40{"pid":"` + pid + `"}`)
	c.Expect(`44{"message":"banned"}`)
	if g.Restore(context.Background(), pid, "") != nil {
		t.Error("the session is there")
	}
}

// An old socket does not end the session that another one has taken over.
func TestDisconnectOfASupersededSocket(t *testing.T) {
	t.Parallel()
	io, url, came, left := newRecoveringServer(t, socketio.Recovery{})
	var c session
	c.connect(t, url, "websocket")
	old := receive(t, came, "the socket")
	drop(t, c.client, old, left)
	c.connect(t, url, "websocket")
	s := receive(t, came, "the recovered socket")
	old.Disconnect()
	drop(t, c.client, s, left)
	c.connect(t, url, "websocket")
	if again := receive(t, came, "the socket"); !again.Recovered() || len(io.Sockets()) != 1 {
		t.Errorf("recovered %v", again.Recovered())
	}
}

// DisconnectSockets of clients that are away ends their sessions in the namespace that it
// is called for, and no others.
func TestDisconnectedInOneNamespaceWhileAway(t *testing.T) {
	t.Parallel()
	io, url, _, _ := newRecoveringServer(t, socketio.Recovery{})
	other := io.Of("/other")
	left, recovered := make(chan struct{}, 2), make(chan bool, 2)
	other.OnConnect(func(s *socketio.Socket) { recovered <- s.Recovered() })
	other.OnDisconnect(func(*socketio.Socket, socketio.Reason) { left <- struct{}{} })
	c, _ := wiretest.Join(t, url, "websocket", "/")
	c.Send("40/other,")
	pid, _ := answer(t, c)
	receive(t, recovered, "the socket")
	c.Close()
	receive(t, left, "the end of the socket")
	waitFor(t, "the end of both", func() bool {
		return io.Stats().Sockets == 0 && socketio.Users(other) == 0 && socketio.Users(io.Of("/")) == 0
	})
	emit(t, io.DisconnectSockets(true))
	again := wiretest.Dial(t, url, "websocket")
	again.Send(`40/other,{"pid":"` + pid + `"}`)
	if !receive(t, recovered, "the socket") {
		t.Error("the session of another namespace has ended, too")
	}
	emit(t, other.DisconnectSockets(true))
}

// A client that leaves while its session is looked for, perhaps on other nodes, ends the
// search.
func TestRestoreEndsWithItsConnection(t *testing.T) {
	t.Parallel()
	searching, ended := make(chan struct{}), make(chan struct{})
	_, url, _ := newServer(t, &socketio.Options{
		Recovery: new(socketio.Recovery),
		Adapter: adapter.Func(func(h adapter.Host) adapter.Adapter {
			return slowRecoverer{adapter.NewRecovery(h, *h.Recovery()), searching, ended}
		}),
	})
	c := wiretest.Dial(t, url, "websocket")
	c.Send(`40{"pid":"p","offset":"o"}`)
	receive(t, searching, "the search")
	c.Close()
	receive(t, ended, "the end of the search")
}

// A slowRecoverer looks for sessions until the end of the context.
type slowRecoverer struct {
	*adapter.Recovery
	searching, ended chan struct{}
}

func (r slowRecoverer) Restore(ctx context.Context, pid, offset string) *adapter.Session {
	close(r.searching)
	<-ctx.Done()
	close(r.ended)
	return nil
}
