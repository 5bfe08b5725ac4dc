// Package event declares the events of an application once, with their types.
// The compiler then checks that every sender and every handler of an event
// agree on its type.
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
//	event.On(io, contract.ChatMessage, func(ctx context.Context, s *socketio.Socket, m contract.Message) error {
//		return contract.ChatMessage.Emit(s.To(m.Room), m)
//	})
//	event.Answer(io, contract.Sum, func(ctx context.Context, s *socketio.Socket, args contract.SumArgs) (int, error) {
//		return args.A + args.B, nil
//	})
//
// and, to call the peer,
//
//	n, err := contract.Sum.Call(ctx, socket, contract.SumArgs{A: 1, B: 2})
//
// # Model
//
// An [Event] is a name and the type of its arguments. A [Call] is an event with
// an acknowledgement, and has the type of the answer, too. Both are small
// immutable values, made by [New], [NewArgs] and [NewCall] when the program
// starts, and safe for concurrent use. They only add types to the methods of
// packages socketio and client: the wire format is the same, so peers may be
// written in any language and typed and untyped handlers may be mixed.
//
// # Types and arguments
//
// A Socket.IO event has a list of arguments. A type T represents
//
//   - no arguments, if it is [None], which is struct{};
//   - one argument per exported field, in their order, with NewArgs and as the
//     request of a NewCall if it is a struct. The names and json tags of the
//     fields do not matter then, except that a field tagged `json:"-"` is not
//     an argument: it is neither sent nor set. If the last field is a slice
//     tagged `event:"rest"`, it holds all further arguments;
//   - otherwise one argument, the value itself.
//
// A JavaScript client calls NewCall[SumArgs, int]("sum") with socket.emit("sum", 1, 2,
// callback). To send one object as the request of a call, use a pointer to a struct,
// or a struct with one field. A struct that has JSON or text methods, such as
// [time.Time], is one argument, encoded by these methods, including those with a
// pointer receiver, such as those of [math/big.Int].
//
// A received event may have fewer or more arguments than its type: missing ones
// leave zero values, and further ones are ignored. A field can therefore be
// added at the end without breaking older peers. If an argument does not fit
// its type, the handler is not called, and a [*parser.ArgError] with its
// position is reported.
//
// The constructors panic, as regexp.MustCompile does, if the name is reserved
// ([peer.ErrReservedEvent]) or the type cannot be encoded, such as a channel or a
// struct with a channel field. The tag `json:"-"` excludes such a field.
//
// # Interfaces
//
// Servers, namespaces, sockets of both ends, remote sockets and broadcasts
// implement those of the small interfaces [Emitter], [peer.Caller],
// [Broadcaster], [Registrar] and [SocketRegistrar] that apply to them. Test
// fakes may implement them, too.
//
// [On] and [Answer] register a handler that receives the socket: a *socketio.Socket
// on a server and a *client.Socket on a client. A handler for sockets of the other
// end does not compile. The methods named Handle register a handler without a socket
// parameter, at either end.
//
// Package event imports neither end, so a client program that uses contracts does
// not contain the server.
package event
