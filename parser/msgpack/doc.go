// Package msgpack implements a Socket.IO packet codec that encodes each packet
// as one binary MessagePack message. It is compatible with
// socket.io-msgpack-parser 3. Both ends of a connection must use it. Set it in
// the options of a server,
//
//	io := socketio.NewServer(&socketio.Options{Codec: msgpack.Codec})
//
// and create JavaScript clients with io(url, { parser:
// require("socket.io-msgpack-parser") }). The server disconnects clients that use the
// default parser, and clients of Socket.IO 2, whose msgpack parser has a different
// format.
//
// # Go values
//
// Handlers and emitters do not depend on the codec: Go values follow the rules
// of package [parser], and so those of [encoding/json], including struct tags
// and methods. A type with JSON or text methods is encoded as the value that
// these methods produce. The differences are what MessagePack can express and
// JSON cannot:
//
//   - Binary data is part of the packet. There are no attachments, and the
//     payload of a Connect packet may contain binary data, too.
//   - A [time.Time] is encoded as a JavaScript Date, with millisecond precision. A
//     Date decodes into a time.Time in UTC, and into a string or a value of type
//     any as the text of Date.prototype.toJSON. A string decodes into a time.Time
//     as in JSON. This applies to the type time.Time itself; types that embed it
//     are encoded as text.
//   - NaN and infinities are numbers. A float32 is encoded as it is, not as its
//     shortest decimal digits.
//   - Numbers in [encoding/json.Number] and [encoding/json.RawMessage] are exact
//     only if they are 64-bit integers; others become float64. The same applies to
//     a [math/big.Int]: a larger one is rounded, and from 10^21 on it cannot be
//     decoded into a big.Int. Send its text instead. A float without a
//     fractional part decodes into an integer type, too: JavaScript does not
//     distinguish the two, and it is encoded as an integer.
//   - In a json.RawMessage and for an UnmarshalJSON method, binary data is base64
//     text, and values without a JSON form are null. A RawMessage must be valid
//     JSON and is not preserved byte by byte.
//   - Decoding into a slice that has elements replaces them; it does not decode
//     into them.
//
// A number always decodes into a value of type any as float64, as with the
// default codec, so handlers need one case only; JavaScript peers have no other
// numbers. As for JSON.stringify, undefined is null as an argument and in
// arrays, and a member that is undefined is absent. An extension of a type
// other than 0 decodes only into any, as a []any of its type and its data, as
// in the reference implementation.
//
// Maps are encoded in the order of their keys, which are strings on the wire.
// Encoding a map whose keys are not strings, integers or an
// [encoding.TextMarshaler] is an error.
//
// # Packets and limits
//
// For a message that violates the protocol, the decoder returns a
// [parser.SyntaxError] with a text of the reference implementation: "Could not
// parse" (which includes text messages), "3 trailing bytes", "invalid packet
// type", "invalid namespace", "invalid payload", "invalid packet id". The
// members of a packet may have any order, and unknown members are ignored.
// Unlike the reference, this codec is as strict as the default one: an event
// must have a name, which is a string or a number and not reserved (see
// [parser.IsReserved]), and a namespace must start with a slash.
//
// Of [parser.Limits], MaxDepth counts from the array of the arguments, as for the default codec,
// and MaxEventName and MaxArguments have the same meaning. MaxAttachments does not apply: the
// size of the message bounds its binary data. The decoder allocates memory for the bytes that are
// there, not for the lengths that a message claims. It runs in time linear in the size of the
// message and keeps no state. The packet takes ownership of the message: its arguments refer to
// the message until they are decoded, which copies them.
package msgpack
