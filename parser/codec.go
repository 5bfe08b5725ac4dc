package parser

import "math"

// Codec is a packet format. Both peers of a connection must use the same one;
// [JSON] is the default everywhere. Its methods are safe for concurrent use.
type Codec interface {
	// Append appends the encoded packet to dst. It returns the extended slice
	// and the attachments, in the order in which they must follow as binary
	// messages. The attachments alias the []byte values of args, which must not
	// be modified until everything is written.
	//
	// event is used for Event packets only and must not be reserved (see
	// [IsReserved]). Connect and ConnectError take at most one argument, their
	// payload, and Disconnect takes none. An Event or Ack that contains binary
	// data is encoded as its Binary type.
	//
	// If an argument cannot be encoded, Append returns an [*ArgError]. On any
	// error the other results are nil, the contents of dst's array beyond its
	// length are undefined, and nothing must be sent.
	Append(dst []byte, h Header, event string, args []any) (data []byte, attachments [][]byte, err error)

	// NewDecoder returns a decoder for one connection.
	NewDecoder(Limits) Decoder

	// Binary reports whether the data that Append returns is sent as a binary
	// message. Otherwise it is sent as text and must be valid UTF-8.
	Binary() bool
}

// Decoder assembles packets from the messages of one connection. It is not safe
// for concurrent use and does not need to be closed.
type Decoder interface {
	// Decode takes the next message, binary or text, and returns the packet
	// that it completes, or nil and no error while attachments are missing. It
	// uses text data only during the call. It takes ownership of binary data,
	// with its memory up to its capacity, which the caller must not use
	// afterwards.
	//
	// For a message that violates the protocol, Decode returns a [*SyntaxError]
	// and resets the decoder. The caller should close the connection, because
	// later messages may belong to the invalid packet.
	Decode(data []byte, binary bool) (*Packet, error)

	// Reset discards a packet whose attachments are missing. Call it when the
	// connection closes.
	Reset()
}

// Limits bounds what a [Decoder] accepts from its peer. Zero and negative
// values mean the defaults.
type Limits struct {
	// MaxAttachments is how many attachments a packet may announce; a packet
	// that announces more is refused at once ("too many attachments"). It is
	// also how many placeholders in the arguments may refer to them, because
	// each is decoded into a copy. Default: 10.
	MaxAttachments int

	// MaxDepth is how deeply arrays and objects may be nested, including the
	// array of the arguments; deeper packets are refused ("invalid payload").
	// Default: 512. Values above 10,000 mean 10,000.
	MaxDepth int

	// MaxEventName is the maximum length of an event name in bytes; a packet
	// with a longer name is refused ("event name too long"). Default: 1024.
	MaxEventName int

	// MaxArguments is the maximum number of arguments of an event or acknowledgement;
	// a packet with more is refused ("too many arguments"). Each argument takes 24
	// bytes of memory in addition to its encoded form. Default: 10,000.
	MaxArguments int
}

// maxNesting is the maximum depth of the JSON library.
const maxNesting = 10000

// WithDefaults returns l with defaults in place of zero and negative values, and
// with values reduced to their maximum. It is meant for implementations of [Codec].
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
	l.MaxArguments = min(l.MaxArguments, math.MaxInt-1) // an event has its name in addition
	return l
}

// SyntaxError reports a message that violates the protocol (Socket.IO protocol
// v5, "Packet encoding"). All errors of a [Decoder] are SyntaxErrors.
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
