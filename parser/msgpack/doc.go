// Package msgpack is the Socket.IO packet codec in which a packet is one
// binary message of MessagePack, compatible with socket.io-msgpack-parser 3.
// Both ends of a connection have to use it: it goes into the options of a
// server,
//
//	io := socketio.NewServer(&socketio.Options{Codec: msgpack.Codec})
//
// and its clients are made with io(url, { parser: require("socket.io-msgpack-parser") }).
// A client with the default parser is disconnected, and so is one of
// Socket.IO 2, whose msgpack parser has another format.
//
// # Go values
//
// Handlers and emitters need not know which codec they are used with: Go
// values follow the rules of package [parser], and so those of
// [encoding/json], struct tags and methods included. A type with a JSON or text
// form of its own travels as what is in that form. What differs is what the
// format has and JSON lacks:
//
//   - Binary data is part of the packet. There are no attachments, and the
//     payload of a Connect may have binary data, too.
//   - A [time.Time] travels as a JavaScript Date: a point in time, to the
//     millisecond. A Date decodes into a time.Time in UTC and, as JSON has it, into
//     a string or a value of type any as the text of Date.prototype.toJSON. A
//     string decodes into a time.Time as in JSON. This is about the type
//     time.Time itself: types that embed it are their text.
//   - NaN and infinities are numbers. A float32 travels as it is, not as its
//     shortest decimal digits.
//   - Numbers of [encoding/json.Number] and [encoding/json.RawMessage] are exact
//     only if they are 64-bit integers; others become float64. A number that
//     arrives as an integral float decodes into an integer type, too: for
//     JavaScript it is the same number, and it is sent as an integer.
//   - What has no JSON form is null in a json.RawMessage and for an UnmarshalJSON
//     method; binary data is base64 text there. A RawMessage must be valid
//     JSON and is not preserved byte by byte.
//   - When decoding into a slice that has elements, they are replaced and not
//     decoded into.
//
// Numbers decode into values of type any as float64, always, like those of the
// default codec: handlers need one case, and JavaScript peers have no other
// numbers. undefined is null as an argument and in arrays, and a member that is
// undefined is absent, as for JSON.stringify. An extension of a type other
// than 0 decodes, into any only, to a []any of its type and its data, as the
// reference implementation has it.
//
// Maps are encoded in the order of their keys, which are strings on the wire.
// A map type without strings, integers or an [encoding.TextMarshaler] as keys
// is an error.
//
// # Packets and limits
//
// A message that breaks the protocol is a [parser.SyntaxError], with the texts
// of the reference implementation: "Could not parse" (which includes text
// messages), "3 trailing bytes", "invalid packet type", "invalid namespace",
// "invalid payload", "invalid packet id". Members of a packet come in any order;
// unknown ones are ignored. Where the reference is laxer than the default codec,
// this one is not: an event needs a name, which is a string or a number and not
// a reserved one (see [parser.IsReserved]), and a namespace starts with a
// slash.
//
// Of [parser.Limits], MaxDepth counts as for the default codec, from the
// array of the arguments; MaxEventName and MaxArguments are the same; and MaxAttachments does not
// apply, binary data being bounded by the size of the message like
// everything else in it. Lengths that a message claims cost nothing until the
// bytes are there. A decoder works in time linear in the size of the message
// and keeps nothing. The message is handed over to the packet, whose arguments
// refer to it until they are decoded: into copies.
package msgpack
