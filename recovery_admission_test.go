package socketio_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
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

func (g *gate) Admit(s adapter.Socket, pid string, session *adapter.Session, connect func([]*adapter.Packet)) bool {
	g.before.pass()
	return g.Recovery.Admit(s, pid, session, func(missed []*adapter.Packet) {
		g.during.pass()
		connect(missed)
	})
}

// newGatedServer starts a server whose main namespace has a gate.
func newGatedServer(t *testing.T, g *gate, limits adapter.RecoveryOptions, recovery socketio.Recovery) (*socketio.Server, string) {
	io, url, _ := newServer(t, &socketio.Options{
		Recovery: &recovery,
		Adapter: adapter.Func(func(h adapter.Host) adapter.Adapter {
			g.Recovery = adapter.NewRecovery(h, limits)
			return g
		}),
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
	t.Parallel()
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
			if session := g.Restore(context.Background(), pid, ""); session != nil {
				t.Errorf("the session is there: %+v", session)
			}
		})
	}
}

// The client of a socket that was disconnected for good is not recovered while the
// handlers of that socket still run either.
func TestNotRecoveredBeforeTheEndIsHandled(t *testing.T) {
	t.Parallel()
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

	// The client reconnects, is recovered, and is disconnected during its admission, when
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
	t.Parallel()
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
	t.Parallel()
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
	t.Parallel()
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
	t.Parallel()
	transports(t, func(t *testing.T, transport string) {
		t.Parallel()
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
	t.Parallel()
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
	t.Parallel()
	g := &gate{during: newDoor()}
	io, url, _ := newServer(t, &socketio.Options{
		MaxRooms: 3,
		Recovery: &socketio.Recovery{},
		Adapter: adapter.Func(func(h adapter.Host) adapter.Adapter {
			g.Recovery = adapter.NewRecovery(h, adapter.RecoveryOptions{})
			return g
		}),
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

// What a goroutine that middleware has started emits to a recovered socket arrives once,
// also if the adapter does not have the socket yet.
func TestEmitBeforeARecoveredSocketIsAdmitted(t *testing.T) {
	t.Parallel()
	g := new(gate)
	io, url := newGatedServer(t, g, adapter.RecoveryOptions{}, socketio.Recovery{RunMiddleware: true})
	sockets, left := make(chan *socketio.Socket, 2), make(chan struct{}, 2)
	io.Use(func(_ context.Context, s *socketio.Socket) error { sockets <- s; return nil })
	io.OnDisconnect(func(*socketio.Socket, socketio.Reason) { left <- struct{}{} })
	c := wiretest.Dial(t, url, "websocket")
	c.Send("40")
	pid, _ := answer(t, c)
	receive(t, sockets, "the first socket")
	c.Leave()
	receive(t, left, "the disconnection")

	g.before = newDoor()
	again := wiretest.Dial(t, url, "websocket")
	again.Send(`40{"pid":"` + pid + `"}`)
	receive(t, g.before.arrived, "the admission")
	s := receive(t, sockets, "the recovered socket")
	emit(t, s.Emit("early", 1))
	g.before.open <- struct{}{}
	if _, before := answer(t, again); len(before) > 0 || !s.Recovered() {
		t.Errorf("recovered: %t; before the answer: %q", s.Recovered(), before)
	}
	again.Expect(`42["early",1]`)
	emit(t, s.Emit("late"))
	if got := again.Read(); !strings.HasPrefix(got, `42["late","`) {
		t.Errorf("received %q, want the late event with its offset", got)
	}
}

// A replacing is a gate that loses the sessions of all sockets that are recovered, and asks
// each of these sockets for an acknowledgement before.
type replacing struct {
	*gate
	sink adapter.AckSink
}

func (r *replacing) Admit(s adapter.Socket, pid string, session *adapter.Session, connect func([]*adapter.Packet)) bool {
	if session != nil {
		p := &adapter.Packet{HasAck: true, Message: engine.NewTextMessage([]byte(`420["question"]`))}
		s.DeliverWithAck(context.Background(), p, r.sink)
		r.Forget(s, pid, nil)
	}
	return r.gate.Admit(s, pid, session, connect)
}

// A sink calls a function for each acknowledgement.
type sink func()

func (f sink) Expect(int)      {}
func (f sink) Ack(adapter.Ack) { f() }
func (f sink) Complete(error)  {}

// A client that leaves while its socket, which cannot be recovered, is replaced by a new one
// has left.
func TestClientLeavesWhileItsSocketIsReplaced(t *testing.T) {
	t.Parallel()
	r := &replacing{gate: new(gate)}
	io, url, _ := newServer(t, &socketio.Options{Recovery: new(socketio.Recovery), Adapter: adapter.Func(func(h adapter.Host) adapter.Adapter {
		r.Recovery = adapter.NewRecovery(h, adapter.RecoveryOptions{})
		return r
	})})
	left := make(chan struct{}, 2)
	io.OnDisconnect(func(*socketio.Socket, socketio.Reason) { left <- struct{}{} })
	c := wiretest.Dial(t, url, "websocket")
	c.Send("40")
	pid, _ := answer(t, c)
	c.Leave()
	receive(t, left, "the disconnection")

	again := wiretest.Dial(t, url, "websocket")
	replaced := make(chan struct{})
	r.sink = sink(func() { // the end of the first socket
		defer close(replaced)
		again.Send("41", "40/none,")
		again.Expect(`44/none,{"message":"Invalid namespace"}`) // the server has read both
	})
	again.Send(`40{"pid":"` + pid + `"}`)
	receive(t, replaced, "the end of the socket")
	waitFor(t, "the namespace to be empty", func() bool { return socketio.Users(io.Namespace) == 0 })
}
