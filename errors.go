package socketio

import (
	"errors"
	"fmt"
	"net"

	"github.com/seed96b07ef8/socketio/engine"
	"github.com/seed96b07ef8/socketio/internal/clip"
	"github.com/seed96b07ef8/socketio/parser"
)

// A Reason says why a socket was disconnected. The texts are the protocol's and
// the same in all implementations.
type Reason = engine.Reason

// The reasons that a server sees.
const (
	// ClientNamespaceDisconnect: the client left the namespace.
	ClientNamespaceDisconnect Reason = "client namespace disconnect"
	// ServerNamespaceDisconnect: the server disconnected the socket.
	ServerNamespaceDisconnect Reason = "server namespace disconnect"
	// ServerShuttingDown: [Server.Shutdown] was called.
	ServerShuttingDown Reason = "server shutting down"
	// PingTimeout: the client did not answer the heartbeat in time.
	PingTimeout = engine.PingTimeout
	// TransportClose: the client closed the connection, or went away.
	TransportClose = engine.TransportClose
	// TransportError: the connection failed, the client broke the rules of the
	// transport, or it did not read what was sent to it.
	TransportError = engine.TransportError
	// ParseError: the client sent something that is no Engine.IO packet.
	ParseError = engine.ParseError
	// ForcedClose: the server closed the connection, for example because the
	// client broke the Socket.IO protocol.
	ForcedClose = engine.ForcedClose
	// ForcedServerClose is ForcedClose for a client on polling that has no
	// request open through which it could be told.
	ForcedServerClose Reason = "forced server close"
)

// Errors of operations on sockets.
var (
	// ErrReservedEvent is returned, wrapped, for event names that the protocol
	// keeps for itself; see [parser.IsReserved].
	ErrReservedEvent = errors.New("reserved event name")
)

// errServerClosed is returned by what would reach the sockets of a namespace that
// does not exist any more.
var errServerClosed = fmt.Errorf("socketio: the server was shut down, or the namespace was removed: %w", net.ErrClosed)

// A ConnectError is returned by middleware to refuse a client. Any other error
// is treated like one whose Message is the error's text.
type ConnectError struct {
	// Message is what the client's connect_error event gets as its message.
	Message string
	// Data, if not nil, is what it gets as its data.
	Data any
}

// Error returns the message.
func (e *ConnectError) Error() string { return e.Message }

// A DisconnectError says that an operation could not be carried out, or was
// cut short, because the socket is not connected any more. It matches
// [net.ErrClosed], and it is the cause of the end of [Socket.Context].
type DisconnectError struct {
	// Reason is the protocol's name for what has happened.
	Reason Reason
	// Err is what is known of the cause, or nil.
	Err error
}

// Error names the reason and the cause.
func (e *DisconnectError) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("socketio: socket disconnected: %s: %v", e.Reason, e.Err)
	}
	return "socketio: socket disconnected: " + string(e.Reason)
}

// Unwrap returns the cause.
func (e *DisconnectError) Unwrap() error { return e.Err }

// Is reports whether target is [net.ErrClosed].
func (e *DisconnectError) Is(target error) bool { return target == net.ErrClosed }

// A LimitError says that an operation was refused because it would exceed an
// option of the server.
type LimitError struct {
	Option string // the field of Options, such as "MaxPendingAcks"
	Max    int    // its value
}

// Error names the option.
func (e *LimitError) Error() string {
	return fmt.Sprintf("socketio: %s exceeded: at most %d are allowed", e.Option, e.Max)
}

// An EventError is what the error hook receives when a handler could not be
// called, failed, or panicked. Err is an [*ArgError] when an argument did not fit
// its parameter, a [*PanicError] after a panic, otherwise what the handler
// returned.
type EventError struct {
	Event string // the event's name
	Err   error  // what went wrong
}

// Error names the event, the beginning of one with a long name, and the cause.
func (e *EventError) Error() string {
	return fmt.Sprintf("socketio: event %q: %v", clip.Text(e.Event, clip.Quote), e.Err)
}

// Unwrap returns Err.
func (e *EventError) Unwrap() error { return e.Err }

// An AckError is an error that a handler returns for the client to know: Args are
// the acknowledgement, in place of the handler's results. Other errors go to the
// error hook, and the client gets no answer. An AckError does not go there; it does
// nothing when the client wants no acknowledgement.
type AckError struct {
	Args []any // the arguments of the acknowledgement
}

// Error says what the acknowledgement is; what is longer than 1024 bytes is cut.
func (e *AckError) Error() string {
	return clip.Text(fmt.Sprint("acknowledgement: ", e.Args), clip.Report)
}

// Acknowledgement returns Args.
func (e *AckError) Acknowledgement() []any { return e.Args }

// A PanicError is a panic of a handler. The socket is disconnected after it, with
// the reason [ServerNamespaceDisconnect]: clients do not reconnect by themselves
// then.
type PanicError struct {
	Value any    // what it panicked with
	Stack []byte // where
}

// Error returns what the handler panicked with; what is longer than 1024 bytes is cut.
func (e *PanicError) Error() string { return clip.Text(fmt.Sprintf("panic: %v", e.Value), clip.Report) }

// An ArgError says which argument could not be decoded or encoded.
type ArgError = parser.ArgError

// Args are the arguments of an event or an acknowledgement as they were
// received; Decode turns them into Go values.
type Args = parser.Args

// Borrowed is the type of a parameter for large binary data that a handler does not
// keep: the bytes as they were received, valid until the handler returns.
type Borrowed = parser.Borrowed

// checkServerEvent refuses the names of what a namespace itself goes through.
func checkServerEvent(event string) error {
	switch event {
	case "connect", "connection", "new_namespace":
		return fmt.Errorf("socketio: %q: %w", event, ErrReservedEvent)
	}
	return nil
}

func checkEvent(event string) error {
	if parser.IsReserved(event) {
		return fmt.Errorf("socketio: event %q: %w: clients emit it themselves; choose another name", event, ErrReservedEvent)
	}
	return nil
}
