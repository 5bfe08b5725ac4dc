package cluster

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/seed96b07ef8/socketio/adapter"
	"github.com/seed96b07ef8/socketio/engine"
	"github.com/seed96b07ef8/socketio/parser"
)

// A Message is what nodes of a cluster send to each other. [Kind] says which fields matter; a
// [Codec] ignores the others.
type Message struct {
	// Kind is what the message means.
	Kind Kind
	// Sender is the ID of the node, "emitter" for a process that only emits, or empty if
	// the message does not say, as answers of the classic Redis adapter.
	Sender string
	// Namespace begins with a slash. A decoded Message has an empty one if the wire does
	// not name it; then it is that of the channel.
	Namespace string
	// RequestID connects a request and its answers. It is empty if no answer is wanted.
	RequestID string

	// Target selects the sockets. Its Rooms are nil or not empty. Local is not sent.
	Target adapter.Target
	// Flags apply to each delivery: [engine.Volatile] and [engine.NoCompress].
	Flags engine.Flags
	// Timeout is how long the sender of a Broadcast waits for acknowledgements, or 0. It
	// has milliseconds on the wire.
	Timeout time.Duration
	// Body has the event and its arguments, or the result as the only element of the array.
	Body parser.Body
	// AckID is the ID that the client acknowledges with, if HasAckID. Members of the
	// reference implementation send it with a socket's own event when connection state
	// recovery is on. Such an event is not recoverable.
	AckID    uint64
	HasAckID bool

	// Rooms are the names of rooms to join or leave, or the names of an answer.
	Rooms []string
	// CloseConn closes the connection rather than leaving the namespace.
	CloseConn bool
	// ClientCount is the number of clients.
	ClientCount int
	// Sockets are descriptions of sockets.
	Sockets []Socket

	// Seq numbers the events of a sender, from 1, so that duplicates can be recognized. It
	// is 0 if the sender does not number them.
	Seq uint64
	// Part is the position of an answer that was sent in several messages, and More says
	// that others follow. Only [Native] sends them.
	Part uint64
	More bool
}

// A Socket describes a socket to other nodes.
type Socket struct {
	// ID is the socket's ID.
	ID string
	// Handshake is the JSON object that members of the reference implementation expect;
	// binary data is base64 text.
	Handshake json.RawMessage
	// Rooms are the rooms of the socket, its own first.
	Rooms []string
	// Data is what the application attached to the socket, as JSON.
	Data json.RawMessage
}

// Errors of Append. ErrInvalid is wrapped with what is wrong.
var (
	// ErrInvalid means that a Message does not make sense, and could harm its receivers.
	ErrInvalid = errors.New("cluster: invalid message")
	// ErrUnsupported means that the codec has no form for the kind of message.
	ErrUnsupported = errors.New("cluster: kind of message that this codec does not have")
	// ErrBinary means that the codec has no form for binary data.
	ErrBinary = errors.New("cluster: binary data in a codec for text")
)

var (
	errNamespace = fmt.Errorf("%w: a namespace begins with a slash", ErrInvalid)
	errRequestID = fmt.Errorf("%w: no request ID", ErrInvalid)
	errTarget    = fmt.Errorf("%w: the target selects no socket", ErrInvalid)
	errEvent     = fmt.Errorf("%w: not an event", ErrInvalid)
	errResult    = fmt.Errorf("%w: not a list of arguments", ErrInvalid)
	errAckID     = fmt.Errorf("%w: acknowledgement ID that JavaScript cannot count to", ErrInvalid)
	errCount     = fmt.Errorf("%w: negative number", ErrInvalid)
)

// maxAckID is Number.MAX_SAFE_INTEGER.
const maxAckID = 1<<53 - 1

// Validate returns an error that wraps ErrInvalid if m lacks a field that its kind needs, or has
// a value that no member sends. Members of the reference implementation do not check messages:
// some that Validate refuses end their process, others make clients close their connection.
// Validate does not check the grammar of JSON without attachments, and an empty Namespace is
// valid.
func (m *Message) Validate() error {
	switch {
	case !m.Kind.Known():
		return fmt.Errorf("%w: %v", ErrInvalid, m.Kind)
	case m.Namespace != "" && m.Namespace[0] != '/':
		return errNamespace
	case m.RequestID == "" && m.Kind.is(asks|answers):
		return errRequestID
	case m.Kind.is(targeted) && m.Target.Rooms != nil && len(m.Target.Rooms) == 0:
		return errTarget
	case m.Kind.is(hasEvent) && !isEvent(m.Body.JSON):
		return errEvent
	case m.Kind.is(hasResult) && (len(m.Body.JSON) < 2 || m.Body.JSON[0] != '['):
		return errResult
	case m.ClientCount < 0 || m.Timeout < 0:
		return errCount
	case m.AckID > maxAckID:
		return errAckID
	}
	if err := m.Body.CheckPlaceholders(); err != nil {
		return fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return nil
}

// isEvent reports whether a JSON array begins with the name of an event. Socket.IO clients
// disconnect when they receive another array (protocol v5, "Event"; the reserved names are those
// of the reference implementation). White space at the beginning is not expected: no
// implementation writes it.
func isEvent(body []byte) bool {
	if len(body) < 3 || body[0] != '[' {
		return false
	}
	if c := body[1]; c == '-' || '0' <= c && c <= '9' {
		return true
	}
	name := body[1:]
	if name[0] != '"' {
		return false
	}
	for i, c := range name[1:] {
		switch c {
		case '\\':
			return isEscapedEvent(name)
		case '"':
			return !parser.IsReserved(string(name[1 : 1+i]))
		}
	}
	return false
}

// isEscapedEvent is isEvent for a name with escapes.
func isEscapedEvent(name []byte) bool {
	for i := 1; i < len(name); i++ {
		switch name[i] {
		case '\\':
			i++
		case '"':
			var s string
			return json.Unmarshal(name[:i+1], &s) == nil && !parser.IsReserved(s)
		}
	}
	return false
}

// Emitter is the Sender of processes that only emit. They are not nodes.
const Emitter = "emitter"
