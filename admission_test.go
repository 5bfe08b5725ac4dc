package socketio_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seed96b07ef8/socketio"
	"github.com/seed96b07ef8/socketio/engine"
	"github.com/seed96b07ef8/socketio/internal/wiretest"
	"github.com/seed96b07ef8/socketio/socketiotest"
)

// newSlowAdmission returns a server on which the admission of a socket waits for
// a test that receives from admitting to send to proceed.
func newSlowAdmission(t *testing.T, opts *socketio.Options) (io *socketio.Server, url string, admitting chan string, proceed chan struct{}) {
	io, url, _ = newServer(t, opts)
	admitting, proceed = make(chan string), make(chan struct{})
	io.OnRoom(func(e socketio.RoomEvent) {
		if e.Kind == socketio.RoomJoined {
			admitting <- e.Socket
			<-proceed
		}
	})
	return io, url, admitting, proceed
}

// What is sent to a socket that the adapter knows already follows the answer
// that its client waits for, in order, and a disconnection behind that. The rooms
// that it is added to meanwhile are its rooms when the client has the answer.
func TestSendingDuringAdmission(t *testing.T) {
	t.Parallel()
	transports(t, func(t *testing.T, transport string) {
		t.Parallel()
		io, url, admitting, proceed := newSlowAdmission(t, nil)
		c := wiretest.Dial(t, url, transport)
		c.Send("40")
		id := receive(t, admitting, "the admission")
		for i := range 3 {
			emit(t, io.Emit("n", i))
			emit(t, io.To(id).Emit("own", i))
		}
		emit(t, io.SocketsJoin("room"))
		proceed <- struct{}{}
		receive(t, admitting, "the room")
		emit(t, io.To("room").Emit("room"))
		io.Socket(id).Disconnect()
		proceed <- struct{}{}
		c.Expect(fmt.Sprintf(`40{"sid":%q}`, id))
		for i := range 3 {
			c.Expect(fmt.Sprintf(`42["n",%d]`, i), fmt.Sprintf(`42["own",%d]`, i))
		}
		c.Expect(`42["room"]`, "41")
	})
}

func TestRoomsRightAfterConnect(t *testing.T) {
	t.Parallel()
	for name, recovery := range map[string]*socketio.Recovery{"plain": nil, "with recovery": {}} {
		t.Run(name, func(t *testing.T) {
			io, url, _ := newServer(t, &socketio.Options{Recovery: recovery})
			for range 100 {
				_, id := wiretest.Join(t, url, "websocket", "/")
				emit(t, io.In(id).SocketsJoin("room"))
				if rooms := io.Socket(id).Rooms(); !slices.Equal(rooms, []string{id, "room"}) {
					t.Fatalf("rooms %q", rooms)
				}
			}
		})
	}
}

// A socket that operations on rooms find is in the rooms, or out of them, when they return:
// also one whose client does not have the answer yet.
func TestRoomOperationsDuringAdmission(t *testing.T) {
	for name, recovery := range map[string]*socketio.Recovery{"memory": nil, "recovery": {}} {
		t.Run(name, func(t *testing.T) {
			io, url, _ := newServer(t, &socketio.Options{Recovery: recovery})
			admitting, proceed := make(chan struct{}), make(chan struct{})
			var first sync.Once
			io.OnRoom(func(socketio.RoomEvent) { first.Do(func() { close(admitting); <-proceed }) })
			io.Use(func(_ context.Context, s *socketio.Socket) error { return s.Join("left", "kept") })
			c := wiretest.Dial(t, url, "websocket")
			c.Send("40")
			receive(t, admitting, "the admission")
			emit(t, io.SocketsJoin("joined"))
			emit(t, io.SocketsLeave("left"))
			for _, room := range []string{"joined", "left", "kept"} {
				emit(t, io.To(room).Emit(room))
			}
			if n := len(io.To("left").Sockets()); n != 0 {
				t.Errorf("%d sockets are in the room that they have left", n)
			}
			close(proceed)
			if got, want := c.Read(), `40{"sid":`; !strings.HasPrefix(got, want) {
				t.Fatalf("answered %q, want %s...", got, want)
			}
			for _, want := range []string{"joined", "kept"} {
				if got := c.Read(); !strings.HasPrefix(got, `42["`+want+`"`) {
					t.Errorf("got %q, want the event %q", got, want)
				}
			}
		})
	}
}

// The outbox's limits hold for what is kept back, too.
func TestTooMuchDuringAdmission(t *testing.T) {
	t.Parallel()
	for name, limits := range map[string]engine.ServerOptions{
		"messages": {OutboxMessages: 10},
		"bytes":    {OutboxBytes: 200},
	} {
		t.Run(name, func(t *testing.T) {
			io, url, admitting, proceed := newSlowAdmission(t, &socketio.Options{Engine: limits})
			c := wiretest.Dial(t, url, "websocket")
			c.Send("40")
			receive(t, admitting, "the admission")
			for i := range 20 {
				emit(t, io.Emit("number", i))
			}
			proceed <- struct{}{}
			c.ExpectClosed()
		})
	}
}

// A client that has the answer gets everything that is sent from then on, also
// when the server is shut down right behind it.
func TestShutdownRightAfterConnect(t *testing.T) {
	t.Parallel()
	for range 100 {
		io := socketiotest.NewServer(t, nil)
		c := socketiotest.Connect(t, io, nil)
		emit(t, io.Emit("bye"))
		ctx, cancel := context.WithTimeout(t.Context(), wiretest.Timeout)
		if err := io.Shutdown(ctx); err != nil {
			t.Error(err)
		}
		cancel()
		c.Expect("bye")
	}
}

// As much as the outbox may hold can be sent while a socket is admitted; the answer
// to the client does not take room of it.
func TestFullOutboxDuringAdmission(t *testing.T) {
	t.Parallel()
	const limit = 10
	for _, policy := range []engine.Overflow{engine.Disconnect, engine.DropOldest, engine.DropNewest, engine.Refuse} {
		io, url, admitting, proceed := newSlowAdmission(t, &socketio.Options{Engine: engine.ServerOptions{OutboxMessages: limit, Overflow: policy}})
		c := wiretest.Dial(t, url, "websocket")
		c.Send("40")
		id := receive(t, admitting, "the admission")
		for i := range limit {
			emit(t, io.Emit("n", i))
		}
		proceed <- struct{}{}
		c.Expect(fmt.Sprintf(`40{"sid":%q}`, id))
		for i := range limit {
			c.Expect(fmt.Sprintf(`42["n",%d]`, i))
		}
	}
}

// What changes about a socket's rooms while the adapter is about to join those of
// middleware counts as if it came after, for the limit, too.
func TestRoomLimitDuringAdmission(t *testing.T) {
	t.Parallel()
	for name, recovery := range map[string]*socketio.Recovery{"memory": nil, "recovery": {}} {
		t.Run(name, func(t *testing.T) {
			io, url, _ := newServer(t, &socketio.Options{MaxRooms: 2, Recovery: recovery})
			var s *socketio.Socket
			io.Use(func(_ context.Context, joining *socketio.Socket) error {
				s = joining
				return s.Join("left", "kept")
			})
			joined := false
			io.OnRoom(func(e socketio.RoomEvent) {
				if e.Room != "left" || e.Kind != socketio.RoomJoined || joined {
					return
				}
				joined = true
				var limit *socketio.LimitError
				if err := s.Join("third"); !errors.As(err, &limit) || limit.Option != "MaxRooms" {
					t.Errorf("a third room: %v", err)
				}
				s.Leave("left")
				emit(t, s.Join("new"))
			})
			admitted := make(chan []string, 1)
			io.OnConnect(func(s *socketio.Socket) { admitted <- s.Rooms()[1:] })
			wiretest.Join(t, url, "websocket", "/")
			rooms := receive(t, admitted, "the socket")
			if slices.Sort(rooms); !slices.Equal(rooms, []string{"kept", "new"}) {
				t.Errorf("in %q, want kept and new", rooms)
			}
		})
	}
}

// A client that asks for a namespace again while middleware decides has one socket there,
// that of the last request, and gets one answer.
func TestAskedAgainWhileMiddlewareDecides(t *testing.T) {
	t.Parallel()
	for _, first := range []error{nil, errors.New("refused")} {
		t.Run(fmt.Sprint(first), func(t *testing.T) {
			io, url, _ := newServer(t, nil)
			asked, came := newDoor(), make(chan *socketio.Socket, 3)
			n := io.Of("/n")
			n.Use(func(ctx context.Context, s *socketio.Socket) error {
				var auth struct{ N int }
				if err := s.Handshake().DecodeAuth(&auth); err != nil {
					t.Error(err)
				}
				if auth.N == 3 {
					return nil
				}
				if auth.N == 1 {
					asked.pass()
				}
				<-ctx.Done()
				return first
			})
			n.OnConnect(func(s *socketio.Socket) { came <- s })
			c, _ := wiretest.Join(t, url, "websocket", "/")
			c.Send(`40/n,{"n":1}`)
			<-asked.arrived
			c.Send(`40/n,{"n":2}`, `40/n,{"n":3}`)
			asked.open <- struct{}{}
			answer := c.Read()
			if s := receive(t, came, "the socket"); !strings.Contains(answer, s.ID()) || !s.Connected() {
				t.Errorf("answered %q", answer)
			}
			c.Send("42[\"e\"]", "41/n,") // the connection stands
			waitFor(t, "the end", func() bool { return socketio.Users(n) == 0 })
			if len(came) > 0 {
				t.Error("another socket was connected")
			}
		})
	}
}

// OnDisconnect of the socket that a client leaves is called before OnConnect of the one with
// which it joins again.
func TestRejoinComesAfterLeaving(t *testing.T) {
	t.Cleanup(socketio.SetFollowPatience(time.Minute)) // behind the end of the server
	io, url, _ := newServer(t, nil)
	order := make(chan string, 2)
	n := io.Of("/n")
	n.On("e", func() {})
	n.OnConnect(func(*socketio.Socket) { order <- "connect" })
	n.OnDisconnect(func(*socketio.Socket, socketio.Reason) { order <- "disconnect" })
	c, _ := wiretest.Join(t, url, "websocket", "/")
	c.Join("/n")
	for range 50 {
		receive(t, order, "the first")
		c.Send(`42/n,["e"]`, "41/n,", "40/n,")
		if what := receive(t, order, "the end"); what != "disconnect" {
			t.Fatal("the new socket was connected before the old one was disconnected")
		}
		c.Read()
	}
}

// A handler that does not return keeps the client out for a short time only.
func TestRejoinDoesNotWaitForHandlersForEver(t *testing.T) {
	t.Cleanup(socketio.SetFollowPatience(time.Millisecond))
	io, url, _ := newServer(t, nil)
	stuck := newDoor()
	n := io.Of("/n")
	n.On("stuck", stuck.pass)
	c, _ := wiretest.Join(t, url, "websocket", "/")
	c.Join("/n")
	c.Send(`42/n,["stuck"]`)
	<-stuck.arrived
	c.Send("41/n,")
	c.Join("/n")
	stuck.open <- struct{}{}
}
