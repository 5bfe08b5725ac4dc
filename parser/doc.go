// Package parser encodes and decodes Socket.IO packets: it is the layer
// between the events, acknowledgements and namespaces that an application
// sees and the text and binary messages that Engine.IO carries.
//
// It implements the Socket.IO protocol v5, "Packet encoding" and "Packet
// format", with the parser that every Socket.IO peer speaks by default
// ([JSON]). Other formats plug in by implementing [Codec]; both ends of a
// connection have to use the same one.
//
// # Model
//
// A [Packet] is a [Header] (type, namespace, acknowledgement id), an event
// name and arguments. On the wire of the default codec it is one text message,
//
//	2/admin,7["message",{"text":"hi"}]
//
// and, if there is binary data in the arguments, one binary message per
// []byte behind it. The text then has a placeholder object in the place of
// each of them:
//
//	51-["upload",{"_placeholder":true,"num":0}]
//
// [Codec.Append] turns Go values into messages and promotes the packet to
// its binary form by itself; a [Decoder], one per connection, turns messages
// into packets, collecting the attachments. Received arguments stay encoded
// in [Args] until somebody knows the Go types to decode them into.
//
// # Go values and JSON
//
// Arguments follow the rules of [encoding/json], struct tags and methods
// included, with these differences, which are the protocol's or those of the
// peers:
//
//   - A non-nil []byte is binary wherever it is found, and so is any slice
//     type with byte elements that has no JSON or text methods of its own:
//     it travels as an attachment, without base64. A nil one is null. Byte
//     arrays such as [16]byte are arrays of numbers.
//   - When decoding, an attachment fits into any such slice type and, in a
//     value of type any, becomes a []byte.
//   - NaN and infinities are null, as JSON.stringify has them, where encoding/json
//     returns an error.
//   - An argument that is an [encoding/json.RawMessage] keeps the white space within it.
//   - <, >, & and U+2028, U+2029 are not escaped.
//   - Negative zero is 0 in an argument, []any or map[string]any. Behind other
//     types, struct fields for example, it is -0, which is the same number.
//
// Maps have keys that are strings, integers, or have text methods, as there: strings are
// encoded as they are, even if they have a MarshalText method, and a map[float64]T or
// map[any]T is an error in both directions.
//
// A [time.Time] is its RFC 3339 text, of which the form that a JavaScript Date
// has is a special case. 64-bit integers, [encoding/json.Number] and
// [encoding/json.RawMessage] survive exactly (JavaScript peers round integers
// beyond 2^53). Invalid UTF-8 becomes U+FFFD in both directions. The values
// are only read, never changed.
//
// The protocol cannot tell an object that merely looks like a placeholder from
// a placeholder. In packets without attachments such objects are left alone;
// an application that sends one next to a []byte confuses its peer.
//
// [Args] among the arguments of an event or of an acknowledgement are sent as their
// values, at their place and in their encoded form, binary data included: what was
// received can be passed on. As part of another value they are an array.
//
// # Limits
//
// A decoder keeps nothing but the packet whose attachments are outstanding: at
// most [Limits].MaxAttachments messages, each no larger than what the layer
// below lets through. It works in time linear in the size of its input and with
// a bounded stack. A message that breaks the protocol is a [*SyntaxError];
// the protocol wants the connection closed then. An argument that is valid
// but does not fit a Go type is an [*ArgError] and concerns nobody else.
package parser
