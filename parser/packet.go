package parser

import "strconv"

// Type is the type of a packet: the first character of its text form.
// Socket.IO protocol v5, "Packet types".
type Type uint8

// The packet types. Applications deal with the first five; the Binary types
// are the forms in which Event and Ack travel when they carry attachments, and
// appear neither in decoded packets nor need they be given to an encoder.
const (
	// Connect asks for a namespace (from the client) or grants it (from the
	// server). Its payload is an object or nothing.
	Connect Type = iota
	// Disconnect leaves a namespace. It has no payload.
	Disconnect
	// Event is an event name with its arguments. With an id it wants an Ack.
	Event
	// Ack answers the Event with the same id.
	Ack
	// ConnectError refuses a Connect. Its payload is an object, or a string
	// from and to peers of protocol 4.
	ConnectError
	// BinaryEvent is an Event with attachments.
	BinaryEvent
	// BinaryAck is an Ack with attachments.
	BinaryAck
)

var typeNames = [...]string{
	Connect:      "CONNECT",
	Disconnect:   "DISCONNECT",
	Event:        "EVENT",
	Ack:          "ACK",
	ConnectError: "CONNECT_ERROR",
	BinaryEvent:  "BINARY_EVENT",
	BinaryAck:    "BINARY_ACK",
}

// String returns the protocol's name of the type, such as "CONNECT_ERROR".
func (t Type) String() string {
	if int(t) < len(typeNames) {
		return typeNames[t]
	}
	return "Type(" + strconv.Itoa(int(t)) + ")"
}

// Header is what every packet has, whatever it carries.
// Socket.IO protocol v5, "Packet format".
type Header struct {
	// Type is the packet type.
	Type Type
	// Namespace starts with a slash. When encoding, "" stands for the main
	// namespace "/"; when decoding it is always set, and verbatim: clients of
	// protocol 4 append a query ("/chat?token=1").
	Namespace string
	// ID links an Ack to its Event. It counts if HasID is set.
	ID uint64
	// HasID reports whether the packet has an ID. Decoders accept and report
	// an id on any type; it means something on Event and Ack only.
	HasID bool
}

// Packet is a received packet. Decoders never return the Binary types: they
// rewrite them to Event and Ack.
type Packet struct {
	Header

	// Event is the name of an Event packet and "" for other types. The
	// protocol also permits a number as name; it is kept as its decimal text,
	// so that 2[1,"x"] is the event "1".
	Event string

	// Args holds the arguments behind the name of an Event, all arguments of
	// an Ack, and the payload of a Connect or ConnectError, if there is one,
	// as the only argument.
	Args Args

	memory *packetMemory // that it is in; nil if it is not to be used again
}

// IsReserved reports whether an event name belongs to the protocol's
// implementations, so that no application may emit it and no peer may send it:
// connect, connect_error, disconnect, disconnecting, newListener and
// removeListener. Socket.IO protocol v5, "Packet types", and its reference
// implementation.
func IsReserved(event string) bool {
	switch event {
	case "connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener":
		return true
	}
	return false
}
