// Package misuse holds what must not compile. Each line that is wrong says which
// error it is, all others are right.
package misuse

import (
	"context"

	"github.com/seed96b07ef8/socketio"
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
	Chat.On(io, func(context.Context, *socketio.Socket, Message) error { return nil })
	Chat.On(s, func(context.Context, *socketio.Socket, Message) error { return nil })
	Chat.Handle(io, func(context.Context, Message) error { return nil })
	Sum.On(io, func(_ context.Context, _ *socketio.Socket, args SumArgs) (int, error) { return args.A, nil })
	Chat.On(io, func(context.Context, *socketio.Socket, string) error { return nil })               // ERROR "cannot use .func"
	Chat.On(io, func(context.Context, *socketio.Socket, *Message) error { return nil })             // ERROR "cannot use .func"
	Chat.On(io, func(context.Context, Message) error { return nil })                                // ERROR "cannot use .func"
	Chat.On(io, func(context.Context, *socketio.Socket, Message) {})                                // ERROR "cannot use .func"
	Chat.On(io, func(context.Context, *socketio.Socket, Message) (int, error) { return 0, nil })    // ERROR "cannot use .func"
	Chat.On(io.To("room"), func(context.Context, *socketio.Socket, Message) error { return nil })   // ERROR "does not implement event.Registrar"
	Chat.Once(s, func(context.Context, *socketio.Socket, int) error { return nil })                 // ERROR "cannot use .func"
	Chat.Handle(io, func(context.Context, string) error { return nil })                             // ERROR "cannot use .func"
	Sum.On(io, func(context.Context, *socketio.Socket, SumArgs) (string, error) { return "", nil }) // ERROR "cannot use .func"
	Sum.On(io, func(context.Context, *socketio.Socket, SumArgs) error { return nil })               // ERROR "cannot use .func"
	Sum.On(io, func(context.Context, *socketio.Socket, int, int) (int, error) { return 0, nil })    // ERROR "cannot use .func"
	Sum.Handle(io, func(context.Context, SumArgs) (float64, error) { return 0, nil })               // ERROR "cannot use .func"
}

func ask(ctx context.Context, io *socketio.Server, s *socketio.Socket) {
	n, _ := Sum.Call(ctx, s, SumArgs{1, 2})
	_ = n + 1
	var text string
	text, _ = Sum.Call(ctx, s, SumArgs{1, 2}) // ERROR "cannot use Sum.Call.* in assignment"
	_, _ = Sum.Call(ctx, s, 1, 2)             // ERROR "too many arguments|cannot use 1"
	_, _ = Sum.Call(ctx, s, Message{"hi"})    // ERROR "cannot use Message.* as SumArgs value"
	_, _ = Sum.Call(ctx, io, SumArgs{1, 2})   // ERROR "does not implement socketio.Caller"
	_ = Sum.CallAll(ctx, s, SumArgs{1, 2})    // ERROR "does not implement event.Broadcaster"
	_ = Sum.CallAll(ctx, io, 1)               // ERROR "cannot use 1"
	for reply, err := range Sum.CallAll(ctx, io.To("room"), SumArgs{1, 2}) {
		_, _ = reply.Value+1, err
		text = reply.Value // ERROR "cannot use reply.Value"
	}
	_ = text
}
