package socketio_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed96b07ef8/socketio"
	"github.com/seed96b07ef8/socketio/adapter"
	"github.com/seed96b07ef8/socketio/engine"
	"github.com/seed96b07ef8/socketio/internal/wiretest"
)

// A gate is a Recovery that holds sockets up before and while they are admitted.
type gate struct {
	*adapter.Recovery
	before, during door
}

// A door lets one goroutine pass for each value in open. The zero door is open.
type door struct{ arrived, open chan struct{} }

func newDoor() door { return door{make(chan struct{}), make(chan struct{})} }

func (d door) pass() {
	if d.arrived != nil {
		d.arrived <- struct{}{}
		<-d.open
	}
}

func (g *gate) Admit(s adapter.Socket, pid string, session *adapter.Session, rooms []string, connect func([]*adapter.Packet)) bool {
	g.before.pass()
	return g.Recovery.Admit(s, pid, session, rooms, func(missed []*adapter.Packet) {
		g.during.pass()
		connect(missed)
	})
}

// newGatedServer starts a server whose main namespace has a gate.
func newGatedServer(t *testing.T, g *gate, limits adapter.RecoveryOptions, recovery socketio.Recovery) (*socketio.Server, string) {
	io, url, _ := newServer(t, &socketio.Options{
		Recovery: &recovery,
		Adapter: func(h adapter.Host) adapter.Adapter {
			g.Recovery = adapter.NewRecovery(h, limits)
			return g
		},
	})
	return io, url
}

// answer reads up to the answer to CONNECT and returns the private ID in it, if any,
// and the packets before it.
func answer(t *testing.T, c *wiretest.Client) (pid string, before []string) {
	t.Helper()
	for {
		p := c.Read()
		if strings.HasPrefix(p, "40") || strings.HasPrefix(p, "44") {
			if _, rest, ok := strings.Cut(p, `"pid":"`); ok {
				pid = rest[:20]
			}
			return pid, before
		}
		before = append(before, p)
	}
}

// A socket that ends while it is being admitted, and whose client will not come back,
// leaves no session behind with which the client could pass by the middleware.
func TestEndForGoodDuringAdmission(t *testing.T) {
	for name, leave := range map[string]func(s *socketio.Socket, c *wiretest.Client){
		"disconnected by the server": func(s *socketio.Socket, _ *wiretest.Client) { s.Disconnect() },
		"left by the client":         func(_ *socketio.Socket, c *wiretest.Client) { c.Send("41") },
	} {
		t.Run(name, func(t *testing.T) {
			g := &gate{before: newDoor()}
			io, url := newGatedServer(t, g, adapter.RecoveryOptions{}, socketio.Recovery{})
			asked, left := make(chan *socketio.Socket, 2), make(chan struct{}, 2)
			io.Use(func(_ context.Context, s *socketio.Socket) error {
				asked <- s
				if len(asked) > 1 {
					return errors.New("banned")
				}
				return nil
			})
			io.OnDisconnect(func(*socketio.Socket, socketio.Reason) { left <- struct{}{} })
			c := wiretest.Dial(t, url, "websocket")
			c.Send("40")
			<-g.before.arrived
			s := <-asked
			leave(s, c)
			waitFor(t, "the end", func() bool { return !s.Connected() })
			asked <- s // it counts
			g.before.open <- struct{}{}
			pid, _ := answer(t, c)
			receive(t, left, "the disconnection")

			again := wiretest.Dial(t, url, "websocket")
			again.Send(`40{"pid":"` + pid + `"}`)
			again.Expect(`44{"message":"banned"}`)
			if session := g.Restore(pid, ""); session != nil {
				t.Errorf("the session is there: %+v", session)
			}
		})
	}
}

// The client of a socket that was disconnected for good is not recovered while the
// handlers of that socket still run either.
func TestNotRecoveredBeforeTheEndIsHandled(t *testing.T) {
	g := &gate{during: newDoor()}
	io, url := newGatedServer(t, g, adapter.RecoveryOptions{}, socketio.Recovery{})
	sockets := make(chan *socketio.Socket, 2)
	io.Use(func(_ context.Context, s *socketio.Socket) error { sockets <- s; return nil })
	c := wiretest.Dial(t, url, "websocket")
	c.Send("40")
	<-g.during.arrived
	g.during.open <- struct{}{}
	pid, _ := answer(t, c)
	first := <-sockets
	waitFor(t, "the socket", first.Connected)

	// The client comes back, is recovered, and is disconnected during its admission, when
	// the adapter has its session and it knows the private ID.
	c.Close()
	waitFor(t, "the end", func() bool { return !first.Connected() && len(io.Sockets()) == 0 })
	c = wiretest.Dial(t, url, "websocket")
	c.Send(`40{"pid":"` + pid + `"}`)
	<-g.during.arrived
	io.Sockets()[0].Disconnect()
	third := wiretest.Dial(t, url, "websocket")
	third.Send(`40{"pid":"` + pid + `"}`)
	<-g.during.arrived
	g.during.open <- struct{}{}
	g.during.open <- struct{}{}
	if other, _ := answer(t, third); other == pid {
		t.Error("recovered")
	}
}

// Packets that are dropped while a client is being recovered make it a new client.
func TestIncompleteAtAdmission(t *testing.T) {
	for _, run := range []bool{false, true} {
		t.Run(fmt.Sprintf("RunMiddleware=%v", run), func(t *testing.T) {
			g := &gate{}
			io, url := newGatedServer(t, g, adapter.RecoveryOptions{MaxBytes: 4000}, socketio.Recovery{RunMiddleware: run})
			var asked []*socketio.Socket
			came, left := make(chan *socketio.Socket, 3), make(chan *socketio.Socket, 3)
			io.Use(func(_ context.Context, s *socketio.Socket) error { asked = append(asked, s); return nil })
			io.OnConnect(func(s *socketio.Socket) { came <- s })
			io.OnDisconnect(func(s *socketio.Socket, _ socketio.Reason) { left <- s })
			c := wiretest.Dial(t, url, "websocket")
			c.Send("40")
			pid, _ := answer(t, c)
			first := receive(t, came, "the socket")
			first.SetData("the first")
			emit(t, first.Join("room"))
			c.Close()
			receive(t, left, "the disconnection")
			emit(t, io.Emit("missed"))

			g.before = newDoor()
			c = wiretest.Dial(t, url, "websocket")
			c.Send(`40{"pid":"` + pid + `"}`)
			<-g.before.arrived
			for range 100 {
				emit(t, io.Emit("more than is kept"))
			}
			g.before.open <- struct{}{}
			<-g.before.arrived // the new socket
			g.before.open <- struct{}{}
			again, missed := answer(t, c)
			s := receive(t, came, "the new socket")
			if again == pid || len(missed) > 0 || s.Recovered() || s.ID() == first.ID() || s.Data() != nil || len(s.Rooms()) != 1 {
				t.Errorf("recovered %v, ID %s of %s, data %v, rooms %v, missed %q", s.Recovered(), s.ID(), first.ID(), s.Data(), s.Rooms(), missed)
			}
			if want := map[bool]int{false: 2, true: 3}[run]; len(asked) != want || asked[len(asked)-1] != s {
				t.Errorf("the middleware ran %d times, want %d", len(asked), want)
			}
			c.Send("41")
			if receive(t, left, "the disconnection") != s {
				t.Error("another socket has left")
			}
			if len(came)+len(left) > 0 {
				t.Error("the application knows the socket that was not admitted")
			}
		})
	}
}

// The connection may end while it turns out that the client cannot be recovered.
func TestEndWhileIncomplete(t *testing.T) {
	g := &gate{}
	io, url := newGatedServer(t, g, adapter.RecoveryOptions{MaxBytes: 4000}, socketio.Recovery{})
	came, left := make(chan *socketio.Socket, 3), make(chan *socketio.Socket, 3)
	io.OnConnect(func(s *socketio.Socket) { came <- s })
	io.OnDisconnect(func(s *socketio.Socket, _ socketio.Reason) { left <- s })
	c := wiretest.Dial(t, url, "websocket")
	c.Send("40")
	pid, _ := answer(t, c)
	receive(t, came, "the socket")
	c.Close()
	receive(t, left, "the disconnection")
	g.before = newDoor()
	c = wiretest.Dial(t, url, "websocket")
	c.Send(`40{"pid":"` + pid + `"}`)
	<-g.before.arrived
	for range 100 {
		emit(t, io.Emit("more than is kept"))
	}
	c.Close()
	waitFor(t, "the end of the connection", func() bool { return io.Engine().Len() == 0 })
	g.before.open <- struct{}{}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := io.Shutdown(ctx); err != nil {
		t.Error(err)
	}
	if len(came)+len(left) > 0 {
		t.Error("the application knows the socket that was not admitted")
	}
}

// So may the application disconnect the socket: then the client is refused.
func TestDisconnectedWhileIncomplete(t *testing.T) {
	g := &gate{}
	io, url := newGatedServer(t, g, adapter.RecoveryOptions{MaxBytes: 4000}, socketio.Recovery{RunMiddleware: true})
	asked, left := make(chan *socketio.Socket, 2), make(chan struct{}, 2)
	io.Use(func(_ context.Context, s *socketio.Socket) error { asked <- s; return nil })
	io.OnDisconnect(func(*socketio.Socket, socketio.Reason) { left <- struct{}{} })
	c := wiretest.Dial(t, url, "websocket")
	c.Send("40")
	pid, _ := answer(t, c)
	<-asked
	c.Close()
	receive(t, left, "the disconnection")
	g.before = newDoor()
	c = wiretest.Dial(t, url, "websocket")
	c.Send(`40{"pid":"` + pid + `"}`)
	<-g.before.arrived
	for range 100 {
		emit(t, io.Emit("more than is kept"))
	}
	receive(t, asked, "the socket").Disconnect()
	g.before.open <- struct{}{}
	c.Expect(`44{"message":"server namespace disconnect"}`)
}

// What the client does not receive counts as missed, room by room: not what was said
// before it joined, and all that was before it left.
func TestRecoveryOfRoomsThatChanged(t *testing.T) {
	transports(t, func(t *testing.T, transport string) {
		io, url, came, left := newRecoveringServer(t, socketio.Recovery{})
		var c session
		c.connect(t, url, transport)
		s := receive(t, came, "the socket")
		emit(t, s.Emit("first"))
		c.read(t, 1)
		emit(t, s.Join("left")) // from here on the client reads nothing
		emit(t, io.To("joined").Emit("before it joined"))
		emit(t, io.To("left").Emit("before it left"))
		emit(t, io.Except("joined").Emit("except, before it joined"))
		emit(t, s.Join("joined"))
		s.Leave("left")
		emit(t, io.To("joined").Emit("after it joined"))
		emit(t, io.To("left").Emit("after it left"))
		emit(t, io.Except("joined").Emit("except, after it joined"))
		if transport == "polling" {
			s.Conn().Close()
			receive(t, left, "the disconnection")
		} else {
			drop(t, c.client, s, left)
		}
		c.connect(t, url, transport)
		if want := []string{"first", "before it left", "except, before it joined", "after it joined"}; !slices.Equal(c.events, want) {
			t.Errorf("received %q, want %q", c.events, want)
		}
	})
}

// Middleware that takes a recovered socket out of a room keeps from it what is said
// there from then on.
func TestMiddlewareOfARecoveredSocketChangesRooms(t *testing.T) {
	io, url, came, left := newRecoveringServer(t, socketio.Recovery{RunMiddleware: true})
	io.Use(func(_ context.Context, s *socketio.Socket) error {
		if s.Recovered() {
			s.Leave("private")
			emit(t, io.To("private").Emit("after it has left"))
			return s.Join("public")
		}
		return s.Join("private")
	})
	var c session
	c.connect(t, url, "websocket")
	drop(t, c.client, receive(t, came, "the socket"), left)
	emit(t, io.To("private").Emit("missed"))
	c.connect(t, url, "websocket")
	s := receive(t, came, "the recovered socket")
	emit(t, io.To("private").Emit("later"))
	emit(t, io.To("public").Emit("public"))
	c.read(t, 1)
	rooms := s.Rooms()
	if !s.Recovered() || !slices.Equal(c.events, []string{"missed", "public"}) || !slices.Equal(rooms, []string{s.ID(), "public"}) {
		t.Errorf("received %q, is in %q", c.events, rooms)
	}
}

// Rooms that change while a socket is being admitted are what its methods say.
func TestRoomsDuringAdmission(t *testing.T) {
	g := &gate{during: newDoor()}
	io, url, _ := newServer(t, &socketio.Options{
		MaxRooms: 3,
		Recovery: &socketio.Recovery{},
		Adapter: func(h adapter.Host) adapter.Adapter {
			g.Recovery = adapter.NewRecovery(h, adapter.RecoveryOptions{})
			return g
		},
	})
	sockets := make(chan *socketio.Socket, 1)
	io.Use(func(_ context.Context, s *socketio.Socket) error { sockets <- s; return s.Join("a", "b") })
	c := wiretest.Dial(t, url, "websocket")
	c.Send("40")
	<-g.during.arrived
	s := <-sockets
	var limit *socketio.LimitError
	if err := s.Join("c", "d"); !errors.As(err, &limit) {
		t.Errorf("beyond the limit: %v", err)
	}
	s.Leave("a")
	emit(t, s.Join("c", "e"))
	if err := s.Join("f"); !errors.As(err, &limit) {
		t.Errorf("beyond the limit: %v", err)
	}
	g.during.open <- struct{}{}
	answer(t, c)
	waitFor(t, "all rooms", func() bool {
		rooms := s.Rooms()
		slices.Sort(rooms[1:])
		return slices.Equal(rooms, []string{s.ID(), "b", "c", "e"})
	})
}

// An event that Emit has refused does not arrive later.
func TestRefusedEmitDoesNotArrive(t *testing.T) {
	for _, policy := range []engine.Overflow{engine.Disconnect, engine.Refuse} {
		t.Run(fmt.Sprint("policy ", policy), func(t *testing.T) {
			io, url, _ := newServer(t, &socketio.Options{
				Recovery: &socketio.Recovery{},
				Engine:   engine.ServerOptions{OutboxMessages: 3, Overflow: policy},
			})
			came, left := make(chan *socketio.Socket, 2), make(chan socketio.Reason, 2)
			io.OnConnect(func(s *socketio.Socket) { came <- s })
			io.OnDisconnect(func(_ *socketio.Socket, reason socketio.Reason) { left <- reason })
			p := newIdlePolling(t, url)
			p.post("40")
			s := receive(t, came, "the socket")
			c := session{sid: s.ID()}
			if _, rest, ok := strings.Cut(p.do(http.Get(p.url)), `"pid":"`); ok {
				c.pid = rest[:20]
			}
			var accepted []string
			for i := range 100 {
				event := fmt.Sprint(i)
				err := s.Emit(event)
				if err == nil {
					accepted = append(accepted, event)
				} else if !errors.Is(err, engine.ErrOutboxFull) && !errors.Is(err, net.ErrClosed) {
					t.Fatal(err)
				}
			}
			if len(accepted) == 100 {
				t.Fatal("nothing was refused")
			}
			c.connect(t, url, "websocket")
			if again := receive(t, came, "the socket"); !again.Recovered() || !slices.Equal(c.events, accepted) {
				t.Errorf("recovered %v, received %q, want %q", again.Recovered(), c.events, accepted)
			}
		})
	}
}

// A chatty is a slog.Handler that does something with each record.
type chatty struct{ do *atomic.Pointer[func()] }

func (c chatty) Enabled(context.Context, slog.Level) bool { return true }
func (c chatty) WithAttrs([]slog.Attr) slog.Handler       { return c }
func (c chatty) WithGroup(string) slog.Handler            { return c }

func (c chatty) Handle(context.Context, slog.Record) error {
	if f := c.do.Load(); f != nil {
		(*f)()
	}
	return nil
}

// A logger may emit, also about a client that is too slow for a broadcast.
func TestLoggerThatEmitsWithRecovery(t *testing.T) {
	var do atomic.Pointer[func()]
	io, url, _ := newServer(t, &socketio.Options{
		Recovery: &socketio.Recovery{},
		Logger:   slog.New(chatty{&do}),
		Engine:   engine.ServerOptions{OutboxMessages: 4},
	})
	came, left := make(chan *socketio.Socket, 2), make(chan socketio.Reason, 2)
	io.OnConnect(func(s *socketio.Socket) { came <- s })
	io.OnDisconnect(func(_ *socketio.Socket, reason socketio.Reason) { left <- reason })
	slow := newIdlePolling(t, url)
	slow.post("40")
	receive(t, came, "the slow socket")
	wiretest.Join(t, url, "websocket", "/")
	watcher := receive(t, came, "the watcher")
	var logged atomic.Int32
	f := func() { logged.Add(1); emit(t, watcher.Emit("log")) }
	do.Store(&f)
	defer do.Store(nil)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 10 {
			emit(t, io.Emit("news"))
		}
	}()
	receive(t, done, "the end of the broadcasts")
	receive(t, left, "the end of the slow client")
	if logged.Load() == 0 {
		t.Error("nothing was logged")
	}
}

// A client that is disconnected for good while it is away does not pass by the middleware
// when it comes back.
func TestDisconnectedWhileAway(t *testing.T) {
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

// A session whose socket is refused is gone at once.
func TestRefusedWhileRestored(t *testing.T) {
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
	if g.Restore(pid, "") != nil {
		t.Error("the session is there")
	}
}

// An old socket does not end the session that another one has taken over.
func TestDisconnectOfASupersededSocket(t *testing.T) {
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
