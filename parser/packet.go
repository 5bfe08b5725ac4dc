package parser

import "strconv"

// Type is the type of a packet, the first character of its text form (Socket.IO
// protocol v5, "Packet types").
type Type uint8

// The packet types. Applications use the first five. The Binary types are the
// encoded types of Event and Ack packets with attachments: decoders do not
// return them, and encoders choose them automatically.
const (
	// Connect asks to join a namespace (from the client) or confirms that (from
	// the server). Its payload is an object or absent.
	Connect Type = iota
	// Disconnect leaves a namespace. It has no payload.
	Disconnect
	// Event is an event name with its arguments. With an ID it requests an Ack.
	Event
	// Ack answers the Event with the same ID.
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

// Header holds the fields that all packets have (Socket.IO protocol v5, "Packet
// format").
type Header struct {
	// Type is the packet type.
	Type Type
	// Namespace starts with a slash. When encoding, "" means the main namespace
	// "/". Decoders always set it, verbatim: clients of protocol 4 append a
	// query ("/chat?token=1").
	Namespace string
	// ID links an Ack to its Event. It is valid if HasID is set.
	ID uint64
	// HasID reports whether the packet has an ID. Decoders accept an ID on any
	// type; it has a meaning only for Event and Ack.
	HasID bool
}

// Packet is a received packet. Decoders never return the Binary types: they
// rewrite them to Event and Ack.
type Packet struct {
	Header

	// Event is the name of an Event packet and "" for other types. A name that
	// is a number, which the protocol permits, is converted to decimal text:
	// 2[1,"x"] is the event "1".
	Event string

	// Args holds the arguments behind the name of an Event, all arguments of
	// an Ack, and the payload of a Connect or ConnectError, if there is one,
	// as the only argument.
	Args Args

	memory *packetMemory // of the packet; nil if it is not reused
}

// IsReserved reports whether an event name is reserved for implementations of
// the protocol, so that applications must not emit it and peers must not send
// it: connect, connect_error, disconnect, disconnecting, newListener and
// removeListener. Socket.IO protocol v5, "Packet types", and its reference
// implementation.
func IsReserved(event string) bool {
	switch event {
	case "connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener":
		return true
	}
	return false
}
