package cluster

import "errors"

// A Codec has the form of messages on one kind of bus. Its methods are pure functions: safe for
// concurrent use, without state.
//
// Wires come from other processes, some of which may be broken or hostile. Header and Decode
// do not panic, take time linear in the size of the wire, and allocate a small multiple of it
// at most.
type Codec interface {
	// Append appends the wire of m, which refers to nothing of m. The error wraps
	// ErrInvalid, ErrUnsupported or ErrBinary. Append never writes a message that
	// [Message.Validate] refuses, or a value of which a member of the reference
	// implementation only expects that it is absent.
	Append(dst []byte, m *Message) ([]byte, error)
	// Header reads into h what decides whether a message concerns a node, without decoding
	// the rest. It does not allocate if h was used before. The error wraps ErrMalformed,
	// ErrUnknown or ErrLimit. A wire that Decode accepts has a Header, with the same values.
	Header(h *Header, wire []byte, lim Limits) error
	// Decode returns a Message, which Validate accepts. The Message refers to wire, which
	// must not be modified afterwards. Errors are those of Header.
	Decode(wire []byte, lim Limits) (*Message, error)
}

// A Header is what decides whether a message concerns a node. All slices are valid until the
// Header is used again, or the wire is modified.
type Header struct {
	// Kind is that of the [Message].
	Kind Kind
	// Sender, Namespace and RequestID are those of the Message.
	Sender, Namespace, RequestID []byte
	// Rooms and Except are those of the Message's Target. No Rooms means all sockets.
	Rooms, Except [][]byte
	// Seq is that of the Message.
	Seq uint64

	// Buffer is for codecs: it has texts that are not part of the wire.
	Buffer []byte
}

// Reset clears h, except for the memory of its slices. Codecs call it first.
func (h *Header) Reset() {
	*h = Header{Rooms: h.Rooms[:0], Except: h.Except[:0], Buffer: h.Buffer[:0]}
}

// Errors of Header and Decode, wrapped with what is wrong.
var (
	// ErrMalformed means that the wire does not have the form that the codec expects.
	ErrMalformed = errors.New("cluster: malformed message")
	// ErrUnknown means that the wire has a kind or version that the codec does not know.
	// Members of other versions send it; it should be ignored.
	ErrUnknown = errors.New("cluster: message of an unknown kind or version")
	// ErrLimit means that the wire exceeds one of the Limits.
	ErrLimit = errors.New("cluster: message exceeds a limit")
)

// Limits bound what a decoder accepts. Values of 0 or less are the defaults.
type Limits struct {
	// Bytes is the size of a wire. The default is 16 MiB.
	Bytes int
	// Depth is how deeply arrays and objects may be nested in an argument, or in the Data
	// of a socket. The default is 512, as for packets of clients, so that what a client sent
	// to one node reaches the others.
	Depth int
	// Rooms is the length of a list of rooms. The default is 10,000.
	Rooms int
	// Attachments is the number of attachments of a Body. The default is 1,000.
	Attachments int
	// Sockets is the number of sockets that an answer describes, which may have ten times as
	// many rooms altogether. The default is 100,000.
	Sockets int
}

// OrDefaults returns l with the defaults in place of values of 0 or less.
func (l Limits) OrDefaults() Limits {
	return Limits{
		Bytes:       positive(l.Bytes, 16<<20),
		Depth:       positive(l.Depth, 512),
		Rooms:       positive(l.Rooms, 10_000),
		Attachments: positive(l.Attachments, 1_000),
		Sockets:     positive(l.Sockets, 100_000),
	}
}

// positive returns n, or def if n is not positive.
func positive(n, def int) int {
	if n > 0 {
		return n
	}
	return def
}
