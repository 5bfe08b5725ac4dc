// Package event declares the events of an application once, with their types,
// for everybody who sends or handles them: the compiler then checks that both
// sides mean the same.
//
//	package contract
//
//	var (
//		ChatMessage = event.New[Message]("chat message")
//		Sum         = event.NewCall[SumArgs, int]("sum")
//	)
//
//	type SumArgs struct{ A, B int }
//
// and then, on the server,
//
//	contract.ChatMessage.On(io, func(ctx context.Context, s *socketio.Socket, m contract.Message) error {
//		return contract.ChatMessage.Emit(s.To(m.Room), m)
//	})
//	contract.Sum.On(io, func(ctx context.Context, s *socketio.Socket, args contract.SumArgs) (int, error) {
//		return args.A + args.B, nil
//	})
//
// and wherever somebody is to be asked,
//
//	n, err := contract.Sum.Call(ctx, socket, contract.SumArgs{A: 1, B: 2})
//
// # Model
//
// An [Event] is a name and the type of what travels with it; a [Call] is an
// event that is answered, with the type of the answer. Both are small immutable
// values, made by [New], [NewArgs] and [NewCall] when the program starts, and
// used by any number of goroutines. They add types to the methods of package
// socketio and nothing else: on the wire, and for peers in other languages,
// there is no difference, and typed and untyped handlers may be mixed.
//
// # Types and arguments
//
// Socket.IO events have a list of arguments. A type T stands for
//
//   - no argument, if it is [None], which is struct{};
//   - one argument per exported field, in their order, with NewArgs, and as the
//     request of a NewCall when it is a struct. Names and json tags of the
//     fields do not matter then, except that a field with the tag `json:"-"` is
//     no argument: it is neither sent nor set. A last field with the tag
//     `event:"rest"`, a slice, stands for all further arguments;
//   - one argument, the value itself, otherwise.
//
// So NewCall[SumArgs, int]("sum") is what a JavaScript client calls as
// socket.emit("sum", 1, 2, callback). To send one object as the request of a
// call, use a pointer to a struct, or a struct with one field. A struct that has
// JSON or text methods of its own, such as [time.Time], is one argument.
//
// When an event is received, arguments that are missing leave zero values and
// those that are left over are ignored, so that a field can be added at the end
// without breaking older peers. An argument that does not fit its type is a
// [*socketio.ArgError] with its position; the handler is not called then.
//
// The constructors panic, as regexp.MustCompile does, when the name is reserved
// ([socketio.ErrReservedEvent]) or the type has no encoded form, such as a
// channel, or a struct with a field that is one: the tag `json:"-"` leaves the field
// out.
//
// # Who takes part
//
// The methods take small interfaces: [Registrar], [OnceRegistrar], [Emitter],
// [socketio.Caller] and [Broadcaster]. Servers, namespaces, sockets, remote
// sockets and broadcasts implement those of them that make sense, and so may
// clients and the fakes of tests. On and Once register handlers of a server,
// which are told the socket; Handle registers one for whoever has just one
// socket, such as a client.
package event
