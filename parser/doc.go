// Package parser encodes and decodes Socket.IO packets. It translates between
// the events, acknowledgements and namespaces of an application and the text
// and binary messages that Engine.IO carries.
//
// [JSON] implements the default format (Socket.IO protocol v5, sections "Packet
// encoding" and "Packet format"), which every Socket.IO peer supports. Other
// formats implement [Codec]. Both ends of a connection must use the same
// format.
//
// # Model
//
// A [Packet] consists of a [Header] (type, namespace, acknowledgement ID), an
// event name and arguments. The default codec encodes it as one text message,
//
//	2/admin,7["message",{"text":"hi"}]
//
// followed by one binary message for each []byte in the arguments. In the text,
// a placeholder object takes the place of each []byte:
//
//	51-["upload",{"_placeholder":true,"num":0}]
//
// [Codec.Append] encodes Go values as messages and changes the packet to its
// binary type if they contain binary data. A [Decoder], one per connection,
// decodes messages and collects the attachments of a packet. Received arguments
// stay encoded in [Args] until the caller decodes them into Go values.
//
// # Go values and JSON
//
// Arguments follow the rules of [encoding/json], including struct tags and
// methods, with these differences, which the protocol or the peers require:
//
//   - A non-nil []byte anywhere in a value is sent as an attachment, without
//     base64, and so is any slice type with byte elements that has no JSON or
//     text methods. A nil []byte is null. Byte arrays such as [16]byte are
//     arrays of numbers.
//   - An attachment decodes into any such slice type, and into a value of type
//     any as a []byte, but not into a struct or map that is an argument.
//   - NaN and infinities are encoded as null, as by JSON.stringify; encoding/json
//     returns an error.
//   - The methods MarshalJSONTo, UnmarshalJSONFrom and AppendText are called, too, as in
//     encoding/json/v2.
//   - An argument that is an [encoding/json.RawMessage] keeps the white space within it.
//   - <, >, & and U+2028, U+2029 are not escaped.
//   - Negative zero is 0 in an argument, []any or map[string]any. Behind other
//     types, struct fields for example, it is -0, which is the same number.
//
// As in encoding/json, map keys are strings, integers, or have text methods. Strings are
// encoded as they are, even if they have a MarshalText method. A map[float64]T or
// map[any]T is an error in both directions.
//
// A [time.Time] is encoded as RFC 3339 text; the JSON form of a JavaScript Date is a special case
// of it. 64-bit integers, [encoding/json.Number] and [encoding/json.RawMessage] are preserved
// exactly. (JavaScript peers round integers beyond 2^53, and python-socketio drops packets with
// integers of more than 100 digits.) Invalid UTF-8 is replaced by U+FFFD in both directions.
// Encoding reads values and never changes them.
//
// The protocol cannot distinguish a placeholder from an object of the application
// that has the same form. In packets without attachments such an object is left as
// it is. Beside binary data, encoding it returns an [*ArgError], because the peer
// would replace the object or close the connection.
//
// To pass received arguments on, use [Args] among the arguments of an event or
// acknowledgement: they are sent as their values, in their place and in their
// encoded form, including binary data. As part of another value they are encoded as
// an array.
//
// # Limits
//
// A decoder holds only the packet whose attachments have not all arrived: at
// most [Limits].MaxAttachments messages, each within the size that the layer
// below allows. It runs in time linear in the size of its input and with a
// bounded stack. For a message that violates the protocol it returns a
// [*SyntaxError], after which the connection must be closed (Socket.IO protocol
// v5). An argument that is valid but does not fit a Go type is an [*ArgError]
// and affects only that packet.
package parser
