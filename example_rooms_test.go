package socketio_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"regexp"
	"time"

	"github.com/seed96b07ef8/socketio"
	"github.com/seed96b07ef8/socketio/socketiotest"
)

// A socket is in any number of rooms, and in one that has its ID as name.
func ExampleSocket_Join() {
	t := new(exampleTB) // in a test: t *testing.T
	defer t.done()
	io := socketiotest.NewServer(t, nil)

	io.On("subscribe", func(s *socketio.Socket, rooms []string) (int, error) {
		if err := s.Join(rooms...); err != nil {
			return 0, err
		}
		return len(s.Rooms()), nil
	})
	io.On("unsubscribe", func(s *socketio.Socket, room string) []string {
		s.Leave(room)
		return s.Rooms()[1:] // the first is its own
	})

	c := socketiotest.Connect(t, io, nil)
	fmt.Printf("%s\n", c.Call("subscribe", []string{"news", "weather"}).Raw(0))
	fmt.Printf("%s\n", c.Call("unsubscribe", "news").Raw(0))
	// Output:
	// 3
	// ["weather"]
}

// To the others in a room.
func ExampleSocket_To() {
	t := new(exampleTB) // in a test: t *testing.T
	defer t.done()
	io := socketiotest.NewServer(t, nil)

	io.On("join", func(s *socketio.Socket, room string) error { return s.Join(room) })
	io.On("say", func(s *socketio.Socket, room, text string) error {
		return s.To(room).Emit("said", text)
	})
	io.On("whisper", func(s *socketio.Socket, id, text string) error {
		return s.To(id).Emit("whispered", s.ID(), text) // a socket's ID is a room, too
	})

	ann := socketiotest.Connect(t, io, nil)
	bob := socketiotest.Connect(t, io, nil)
	ann.Call("join", "tea")
	bob.Call("join", "tea")
	ann.Emit("say", "tea", "hello")
	fmt.Println(bob.Next())
	bob.Emit("whisper", ann.ID(), "hi")
	fmt.Println(ann.Expect("whispered", bob.ID(), "hi").Name)
	// Output:
	// "said" ["hello"]
	// whispered
}

// To everybody but the sender.
func ExampleSocket_Broadcast() {
	t := new(exampleTB) // in a test: t *testing.T
	defer t.done()
	io := socketiotest.NewServer(t, nil)

	io.On("typing", func(s *socketio.Socket) error { return s.Broadcast().Emit("somebody types") })

	ann := socketiotest.Connect(t, io, nil)
	bob := socketiotest.Connect(t, io, nil)
	ann.Call("typing")
	fmt.Println(bob.Next())
	_, got := ann.TryNext()
	fmt.Println(got)
	// Output:
	// "somebody types" []
	// false
}

// A broadcast is a value, which may be kept and used again.
func ExampleBroadcast() {
	t := new(exampleTB) // in a test: t *testing.T
	defer t.done()
	io := socketiotest.NewServer(t, nil)
	io.On("join", func(s *socketio.Socket, rooms ...string) error { return s.Join(rooms...) })

	readers := io.To("news", "sports").Except("muted")

	ann := socketiotest.Connect(t, io, nil)
	bob := socketiotest.Connect(t, io, nil)
	ann.Call("join", "news", "sports")
	bob.Call("join", "news", "muted")

	readers.Emit("item", 1)
	readers.Emit("item", 2)
	io.Emit("done")
	fmt.Println(ann.Next(), ann.Next(), ann.Next())
	fmt.Println(bob.Next())
	// Output:
	// "item" [1] "item" [2] "done" []
	// "done" []
}

// Ask all clients in a room; the answers come one by one.
func ExampleBroadcast_EmitWithAck() {
	t := new(exampleTB) // in a test: t *testing.T
	defer t.done()
	io := socketiotest.NewServer(t, nil)
	ann := socketiotest.Connect(t, io, nil)
	bob := socketiotest.Connect(t, io, nil)

	acks := io.Timeout(5*time.Second).EmitWithAck(context.Background(), "ready?")

	ann.Expect("ready?").Ack("yes")
	bob.Disconnect()

	yes := 0
	for ack, err := range acks {
		var answer string
		switch {
		case err != nil: // this client has not answered
			fmt.Println(ack.Socket == bob.ID(), errors.Is(err, net.ErrClosed))
		case ack.Decode(&answer) == nil && answer == "yes":
			yes++
		}
	}
	fmt.Println(yes)
	// Output:
	// true true
	// 1
}

// Wait for all answers.
func ExampleCollect() {
	t := new(exampleTB) // in a test: t *testing.T
	defer t.done()
	io := socketiotest.NewServer(t, nil)
	ann := socketiotest.Connect(t, io, nil)
	bob := socketiotest.Connect(t, io, nil)

	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	acks := io.EmitWithAck(ctx, "ping")
	ann.Expect("ping").Ack()
	bob.Expect("ping").Ack()

	answers, err := socketio.Collect(acks)
	fmt.Println(len(answers), err)
	// Output: 2 <nil>
}

// A broadcast with acknowledgements needs a deadline: some client never answers.
func ExampleBroadcast_Timeout() {
	io := socketio.NewServer(nil)
	for _, err := range io.To("room").EmitWithAck(context.Background(), "ping") {
		fmt.Println(errors.Is(err, socketio.ErrNoDeadline))
	}
	for _, err := range io.To("room").Timeout(time.Second).EmitWithAck(context.Background(), "ping") {
		fmt.Println(err) // never: the room is empty
	}
	// Output: true
}

// The sockets of a room, wherever in a cluster they are.
func ExampleBroadcast_FetchSockets() {
	t := new(exampleTB) // in a test: t *testing.T
	defer t.done()
	io := socketiotest.NewServer(t, nil)

	io.On("enter", func(s *socketio.Socket, room, name string) error {
		s.SetData(name)
		return s.Join(room)
	})
	io.On("who", func(ctx context.Context, room string) (names []string, err error) {
		sockets, err := io.In(room).FetchSockets(ctx)
		for _, s := range sockets {
			var name string
			if err := s.DecodeData(&name); err != nil {
				return nil, err
			}
			names = append(names, name)
		}
		return names, err
	})

	c := socketiotest.Connect(t, io, nil)
	c.Call("enter", "tea", "Ann")
	fmt.Printf("%s\n", c.Call("who", "tea").Raw(0))
	// Output: ["Ann"]
}

// Messages of which only the latest counts may get lost when a client is slow.
func ExampleBroadcast_Volatile() {
	t := new(exampleTB) // in a test: t *testing.T
	defer t.done()
	io := socketiotest.NewServer(t, nil)
	c := socketiotest.Connect(t, io, nil)

	for x := range 3 {
		io.Volatile().Emit("cursor", x, 0)
	}
	io.Emit("clicked", 2, 0)

	fmt.Println(c.Await("clicked")) // arrives for certain, whatever arrived before
	// Output: "clicked" [2, 0]
}

// Sockets can be moved and disconnected without a look at each.
func ExampleBroadcast_SocketsJoin() {
	t := new(exampleTB) // in a test: t *testing.T
	defer t.done()
	io := socketiotest.NewServer(t, nil)
	io.On("join", func(s *socketio.Socket, room string) error { return s.Join(room) })

	ann := socketiotest.Connect(t, io, nil)
	bob := socketiotest.Connect(t, io, nil)
	ann.Call("join", "waiting")

	io.In("waiting").SocketsJoin("game")
	io.In("game").SocketsLeave("waiting")
	io.To("game").Emit("start")
	fmt.Println(ann.Next())

	io.Except("game").DisconnectSockets(false)
	bob.ExpectDisconnect(socketiotest.ServerDisconnect)
	fmt.Println(len(io.Sockets()))
	// Output:
	// "start" []
	// 1
}

// Sockets of this server only; in a cluster the others are left alone.
func ExampleNamespace_Local() {
	t := new(exampleTB) // in a test: t *testing.T
	defer t.done()
	io := socketiotest.NewServer(t, nil)
	c := socketiotest.Connect(t, io, nil)

	io.Local().Emit("restart", "in a minute")
	fmt.Println(c.Next())
	// Output: "restart" ["in a minute"]
}

// Observe which sockets join a room, and when a room is empty.
func ExampleNamespace_OnRoom() {
	t := new(exampleTB) // in a test: t *testing.T
	defer t.done()
	io := socketiotest.NewServer(t, nil)
	c := socketiotest.Connect(t, io, nil)

	off := io.OnRoom(func(e socketio.RoomEvent) {
		switch e.Kind {
		case socketio.RoomCreated:
			fmt.Println(e.Room, "is created")
		case socketio.RoomJoined:
			fmt.Println(e.Room, "is joined", e.Socket == c.ID())
		case socketio.RoomLeft:
			fmt.Println(e.Room, "is left", e.Socket == c.ID())
		case socketio.RoomDeleted:
			fmt.Println(e.Room, "is deleted")
		}
	})

	s := io.Socket(c.ID())
	s.Join("tea")
	s.Leave("tea")
	off() // the room with the socket's ID would be next
	// Output:
	// tea is created
	// tea is joined true
	// tea is left true
	// tea is deleted
}

// One socket by its ID: on this server, or, as a room, wherever it is.
func ExampleNamespace_Socket() {
	t := new(exampleTB) // in a test: t *testing.T
	defer t.done()
	io := socketiotest.NewServer(t, nil)
	c := socketiotest.Connect(t, io, nil)

	if s := io.Socket(c.ID()); s != nil {
		s.Emit("hello", 1)
	}
	io.To(c.ID()).Emit("hello", 2)
	fmt.Println(c.Next(), c.Next())
	// Output: "hello" [1] "hello" [2]
}

// What can be done to a socket that may be connected to another server.
func ExampleRemoteSocket() {
	t := new(exampleTB) // in a test: t *testing.T
	defer t.done()
	io := socketiotest.NewServer(t, nil)
	c := socketiotest.Connect(t, io, nil)

	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	sockets, err := io.FetchSockets(ctx)
	for _, s := range sockets {
		s.Emit("hello", "from afar")
		s.Join("tea")
		io.To("tea").Emit("tea is ready")
		s.Disconnect(false)
	}
	fmt.Println(len(sockets), err)
	fmt.Println(c.Next(), c.Next())
	c.ExpectDisconnect(socketiotest.ServerDisconnect)
	// Output:
	// 1 <nil>
	// "hello" ["from afar"] "tea is ready" []
}

// What is done to a parent is done to all of its namespaces.
func ExampleParentNamespace() {
	t := new(exampleTB) // in a test: t *testing.T
	defer t.done()
	io := socketiotest.NewServer(t, nil)

	tenants := io.OfRegexp(regexp.MustCompile(`^/tenant-\d+$`))
	one := socketiotest.Connect(t, io, &socketiotest.ClientOptions{Namespace: "/tenant-1"})
	two := one.Join("/tenant-2", nil)

	tenants.On("hello", func(s *socketio.Socket) error { // also for those that exist
		return s.Emit("hello from", s.Namespace().Name())
	})
	tenants.Emit("maintenance", "at noon")
	fmt.Println(one.Next(), two.Next())
	two.Emit("hello")
	fmt.Println(two.Next())
	// Output:
	// "maintenance" ["at noon"] "maintenance" ["at noon"]
	// "hello from" ["/tenant-2"]
}
