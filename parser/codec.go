package parser

// Codec is a packet format. Both peers of a connection must use the same one;
// [JSON] is the default everywhere. Its methods are safe for concurrent use.
type Codec interface {
	// Append appends the encoded packet to dst and returns the extended slice
	// along with the attachments, in the order in which they have to follow it
	// as binary messages. The attachments alias the []byte values of args:
	// these must not change until everything is written.
	//
	// event is used by Event packets only, where it must not be reserved (see
	// [IsReserved]). Connect and ConnectError take at most one argument, their
	// payload, and Disconnect none. An Event or Ack that holds binary data is
	// promoted to its Binary type.
	//
	// An argument that cannot be encoded yields an [*ArgError]. On any error
	// the results are nil, what dst's array holds beyond its length is
	// undefined, and nothing must be sent.
	Append(dst []byte, h Header, event string, args []any) (data []byte, attachments [][]byte, err error)

	// NewDecoder returns a decoder for one connection.
	NewDecoder(Limits) Decoder

	// Binary reports whether what Append returns as data travels as a binary
	// message. Otherwise it is text, and valid UTF-8.
	Binary() bool
}

// Decoder assembles packets from the messages of one connection. It is not
// safe for concurrent use and needs no closing.
type Decoder interface {
	// Decode takes the next message, binary or text, and returns the packet
	// that it completes, or nil without an error while attachments are
	// outstanding. Text data is only used during the call; binary data is
	// handed over, with its memory up to its capacity: nobody else may use that
	// afterwards.
	//
	// A message that breaks the protocol yields a [*SyntaxError]. The decoder
	// is then as after Reset, but the stream has lost its meaning: the
	// connection should be closed.
	Decode(data []byte, binary bool) (*Packet, error)

	// Reset drops a packet whose attachments are outstanding. It is to be
	// called when the connection closes.
	Reset()
}

// Limits bounds what a [Decoder] accepts from its peer. Zero and negative
// values stand for the defaults.
type Limits struct {
	// MaxAttachments is the number of attachments that a packet may announce;
	// one that announces more is refused at once ("too many attachments"). It is
	// also the number of places in the arguments that may refer to them, as each
	// takes a copy when it is decoded. Default: 10.
	MaxAttachments int

	// MaxDepth is how deep arrays and objects may be nested, counting the
	// array that holds the arguments; deeper packets are refused ("invalid
	// payload"). Default: 512. Values above 10000 count as 10000.
	MaxDepth int

	// MaxEventName is the length of an event name in bytes; a packet with a
	// longer one is refused ("event name too long"). Default: 1024.
	MaxEventName int

	// MaxArguments is the number of arguments of an event or acknowledgement; a
	// packet with more is refused ("too many arguments"). Each is as much as 24 bytes
	// of memory, however short it is on the wire. Default: 10,000.
	MaxArguments int
}

// maxNesting is the depth that the JSON library can follow.
const maxNesting = 10000

// WithDefaults returns the limits that stand for l: defaults where it has none, and
// no more than there may be. It is for implementations of [Codec].
func (l Limits) WithDefaults() Limits {
	if l.MaxAttachments <= 0 {
		l.MaxAttachments = 10
	}
	if l.MaxDepth <= 0 {
		l.MaxDepth = 512
	}
	l.MaxDepth = min(l.MaxDepth, maxNesting)
	if l.MaxEventName <= 0 {
		l.MaxEventName = 1024
	}
	if l.MaxArguments <= 0 {
		l.MaxArguments = 10_000
	}
	return l
}

// SyntaxError reports a message that breaks the protocol. Every error of a
// [Decoder] is one. Socket.IO protocol v5, "Packet encoding".
type SyntaxError struct {
	// Reason says what is wrong. Where the reference implementation has a text
	// for it, this is that text: "unknown packet type 7", "Illegal attachments"
	// (their count), "too many attachments", "invalid payload", "illegal
	// attachments" (a placeholder), "got plaintext data when reconstructing a
	// packet", "got binary data when not reconstructing a packet".
	Reason string
	// Err has the details, if there are any.
	Err error
}

// Error returns the reason and the details.
func (e *SyntaxError) Error() string {
	if e.Err != nil {
		return "parser: " + e.Reason + ": " + e.Err.Error()
	}
	return "parser: " + e.Reason
}

// Unwrap returns the details.
func (e *SyntaxError) Unwrap() error { return e.Err }
