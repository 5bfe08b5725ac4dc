package socketio_test

import (
	"context"
	"fmt"
	"time"

	"github.com/seed96b07ef8/socketio"
)

// All the ways to emit; the guide has the JavaScript beside it.
func Example_emitCheatSheet() {
	io := socketio.NewServer(nil)
	ctx := context.Background()

	io.OnConnect(func(s *socketio.Socket) {
		// To one client.
		s.Emit("hello", 1, "2", map[string]any{"3": "4", "5": []byte{6}})

		// To one client, and wait for its answer.
		args, err := s.EmitWithAck(ctx, "hello", "world")
		answer, err := socketio.Call[string](ctx, s, "hello", "world")
		args, err = s.Timeout(5*time.Second).EmitWithAck(ctx, "hello", "world")
		fmt.Println(args.Len(), answer, err)

		// To all but the sender.
		s.Broadcast().Emit("hello")
		s.To("my room").Emit("hello")
		s.Except("my room").Emit("hello")

		// To all but the sender, and wait for their answers.
		acks := s.Timeout(5*time.Second).To("room1").To("room2", "room3").Except("room4").EmitWithAck(ctx, "hello")
		answers, err := socketio.Collect(acks)
		fmt.Println(len(answers), err)

		// To one client, in certain ways.
		s.Volatile().Emit("hello")
		s.Compress(false).Emit("hello")
		s.Send("hello")
	})

	// To all clients.
	io.Emit("hello")
	io.Send("hello")
	for ack, err := range io.Timeout(5*time.Second).EmitWithAck(ctx, "hello", "world") {
		fmt.Println(ack.Socket, ack.Args.Len(), err)
	}

	// To some clients.
	io.To("my room").Emit("hello")
	io.Except("my room").Emit("hello")
	io.To("room1").To("room2", "room3").Except("room4").Emit("hello")
	io.Of("/my-namespace").Emit("hello")
	io.To("some socket's ID").Emit("hello")

	// In certain ways.
	io.Volatile().Emit("hello")
	io.Local().Emit("hello")
	io.Compress(false).Emit("hello")

	// To the other servers of a cluster.
	io.ServerSideEmit("hello", "world")
	answers, err := io.ServerSideEmitWithAck(ctx, "hello", "world")
	fmt.Println(len(answers), err)
	io.OnServerEvent("hello", func(value string) string { return "hi" })

	// About sockets, wherever in the cluster they are.
	sockets, err := io.In("my room").FetchSockets(ctx)
	fmt.Println(len(sockets), err)
	io.In("my room").SocketsJoin("other room")
	io.In("my room").SocketsLeave("other room")
	io.In("my room").DisconnectSockets(true)
}
