// Package misuse holds what must not compile. Each line that is wrong says which
// error it is, all others are right.
package misuse

import (
	"context"

	"github.com/seed96b07ef8/socketio"
	"github.com/seed96b07ef8/socketio/client"
	"github.com/seed96b07ef8/socketio/event"
)

type Message struct{ Text string }

type SumArgs struct{ A, B int }

var (
	Chat  = event.New[Message]("chat message")
	Leave = event.New[event.None]("leave")
	Sum   = event.NewCall[SumArgs, int]("sum")

	unnamed = event.New[Message]()   // ERROR "not enough arguments"
	untyped = event.New("chat")      // ERROR "cannot infer T"
	halfway = event.NewCall[int]("") // ERROR "cannot infer Res"
)

func emit(ctx context.Context, io *socketio.Server, s *socketio.Socket) {
	_ = Chat.Emit(io.To("room"), Message{"hi"})
	_ = Chat.Emit(s, Message{"hi"})
	_ = Chat.Emit(io, "hi")                  // ERROR "cannot use \"hi\" .* as Message value"
	_ = Chat.Emit(io, &Message{"hi"})        // ERROR "cannot use &Message.* as Message value"
	_ = Chat.Emit(io, Message{"a"}, "b")     // ERROR "too many arguments"
	_ = Chat.Emit(io)                        // ERROR "not enough arguments"
	_ = Chat.Emit("room", Message{"hi"})     // ERROR "does not implement event.Emitter"
	_ = Chat.Emit(io.To, Message{"hi"})      // ERROR "does not implement event.Emitter"
	_ = Leave.Emit(io, 1)                    // ERROR "cannot use 1 .* as .* value"
	_, _ = Chat.Call(ctx, s, Message{"hi"})  // ERROR "Chat.Call undefined"
	_ = Sum.Emit(s, SumArgs{1, 2})           // ERROR "Sum.Emit undefined"
	var _ event.Event[Message] = Leave       // ERROR "cannot use Leave"
	var _ event.Call[SumArgs, int] = Chat    // ERROR "cannot use Chat"
	_ = event.Event[Message]{name: "forged"} // ERROR "name"
	_ = event.New[Message]("x") == Leave     // ERROR "mismatched types|cannot compare"
	_, _ = Leave.Emit(io, event.None{}), Chat.Name()
}

func handle(io *socketio.Server, s *socketio.Socket) {
	event.On(io, Chat, func(context.Context, *socketio.Socket, Message) error { return nil })
	event.Once(s, Chat, func(context.Context, *socketio.Socket, Message) error { return nil })
	Chat.Handle(io, func(context.Context, Message) error { return nil })
	event.Answer(io.Of("/"), Sum, func(_ context.Context, _ *socketio.Socket, args SumArgs) (int, error) { return args.A, nil })
	event.AnswerOnce(io, Sum, func(_ context.Context, _ *socketio.Socket, args SumArgs) (int, error) { return args.A, nil })
	event.On(io, Chat, func(context.Context, *socketio.Socket, string) error { return nil })                   // ERROR "does not match|cannot use"
	event.On(io, Chat, func(context.Context, *socketio.Socket, *Message) error { return nil })                 // ERROR "does not match|cannot use"
	event.On(io, Chat, func(context.Context, Message) error { return nil })                                    // ERROR "does not match|cannot use"
	event.On(io, Chat, func(context.Context, *socketio.Socket, Message) {})                                    // ERROR "does not match|cannot use"
	event.On(io, Chat, func(context.Context, *socketio.Socket, Message) (int, error) { return 0, nil })        // ERROR "does not match|cannot use"
	event.On(io.To("room"), Chat, func(context.Context, *socketio.Socket, Message) error { return nil })       // ERROR "does not implement|missing method Register|does not match"
	event.On(io, Sum, func(context.Context, *socketio.Socket, SumArgs) error { return nil })                   // ERROR "does not match|cannot use"
	event.Once(s, Chat, func(context.Context, *socketio.Socket, int) error { return nil })                     // ERROR "does not match|cannot use"
	Chat.Handle(io, func(context.Context, string) error { return nil })                                        // ERROR "cannot use .func"
	event.Answer(io, Sum, func(context.Context, *socketio.Socket, SumArgs) (string, error) { return "", nil }) // ERROR "does not match|cannot use"
	event.Answer(io, Sum, func(context.Context, *socketio.Socket, SumArgs) error { return nil })               // ERROR "does not match|cannot use"
	event.Answer(io, Sum, func(context.Context, *socketio.Socket, int, int) (int, error) { return 0, nil })    // ERROR "does not match|cannot use"
	event.Answer(io, Chat, func(context.Context, *socketio.Socket, Message) (int, error) { return 0, nil })    // ERROR "does not match|cannot use"
	Sum.Handle(io, func(context.Context, SumArgs) (float64, error) { return 0, nil })                          // ERROR "cannot use .func"
}

// A handler is called with a socket of the end that it is registered at.
func ends(io *socketio.Server, s *socketio.Socket, c *client.Socket) {
	event.On(c, Chat, func(context.Context, *client.Socket, Message) error { return nil })
	event.Answer(c, Sum, func(context.Context, *client.Socket, SumArgs) (int, error) { return 0, nil })
	Chat.Handle(c, func(context.Context, Message) error { return nil })
	event.On(c, Chat, func(context.Context, *socketio.Socket, Message) error { return nil })                     // ERROR "client.Socket"
	event.Once(c, Chat, func(context.Context, *socketio.Socket, Message) error { return nil })                   // ERROR "client.Socket"
	event.Answer(c, Sum, func(context.Context, *socketio.Socket, SumArgs) (int, error) { return 0, nil })        // ERROR "client.Socket"
	event.AnswerOnce(c, Sum, func(context.Context, *socketio.Socket, SumArgs) (int, error) { return 0, nil })    // ERROR "client.Socket"
	event.On(io, Chat, func(context.Context, *client.Socket, Message) error { return nil })                      // ERROR "client.Socket"
	event.On(s, Chat, func(context.Context, *client.Socket, Message) error { return nil })                       // ERROR "client.Socket"
	event.Answer(io.Of("/"), Sum, func(context.Context, *client.Socket, SumArgs) (int, error) { return 0, nil }) // ERROR "client.Socket"
	event.On[*socketio.Socket](c, Chat, nil)                                                                     // ERROR "client.Socket"
	_ = event.Handler[*client.Socket]{call: 1}                                                                   // ERROR "call"
}

func ask(ctx context.Context, io *socketio.Server, s *socketio.Socket) {
	n, _ := Sum.Call(ctx, s, SumArgs{1, 2})
	_ = n + 1
	var text string
	text, _ = Sum.Call(ctx, s, SumArgs{1, 2}) // ERROR "cannot use Sum.Call.* in assignment"
	_, _ = Sum.Call(ctx, s, 1, 2)             // ERROR "too many arguments|cannot use 1"
	_, _ = Sum.Call(ctx, s, Message{"hi"})    // ERROR "cannot use Message.* as SumArgs value"
	_, _ = Sum.Call(ctx, io, SumArgs{1, 2})   // ERROR "does not implement peer.Caller"
	_ = Sum.CallAll(ctx, s, SumArgs{1, 2})    // ERROR "does not implement event.Broadcaster"
	_ = Sum.CallAll(ctx, io, 1)               // ERROR "cannot use 1"
	for reply, err := range Sum.CallAll(ctx, io.To("room"), SumArgs{1, 2}) {
		_, _ = reply.Value+1, err
		text = reply.Value // ERROR "cannot use reply.Value"
	}
	_ = text
}
