package peer

import (
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/seed96b07ef8/socketio/engine"
	"github.com/seed96b07ef8/socketio/internal/clip"
	"github.com/seed96b07ef8/socketio/internal/errtext"
	"github.com/seed96b07ef8/socketio/parser"
)

// A Reason says why a socket was disconnected. The texts are the protocol's and the same
// in all implementations; packages socketio and client name those that they know.
type Reason = engine.Reason

var (
	// ErrReservedEvent is returned, wrapped, for event names that the protocol reserves;
	// see [parser.IsReserved].
	ErrReservedEvent = errors.New("reserved event name")
	// ErrNotConnected is the cause, perhaps wrapped, in the [DisconnectError] of a socket
	// that has not been connected yet.
	ErrNotConnected = errors.New("socket is not connected")
)

// A DisconnectError is returned by operations that failed, or were cut short, because
// the socket is not connected. It matches [net.ErrClosed], and it is the cause of the
// cancellation of the socket's context.
type DisconnectError struct {
	// Reason is the reason for the disconnection, in the words of the protocol.
	Reason Reason
	// Err is the cause, or nil if only the reason is known.
	Err error
}

// Error names the reason and the cause.
func (e *DisconnectError) Error() string {
	switch {
	case errors.Is(e.Err, ErrNotConnected): // the reason would say that there was a connection
		return "socketio: " + e.Err.Error()
	case e.Err != nil:
		return fmt.Sprintf("socketio: socket disconnected: %s: %s", e.Reason, errtext.Detail(e.Err))
	}
	return "socketio: socket disconnected: " + string(e.Reason)
}

// Unwrap returns the cause.
func (e *DisconnectError) Unwrap() error { return e.Err }

// Is reports whether target is [net.ErrClosed].
func (e *DisconnectError) Is(target error) bool { return target == net.ErrClosed }

// A LimitError is returned by operations that would exceed an option. It matches
// [engine.ErrOutboxFull] if the option is one of a client's connection.
type LimitError struct {
	Option string // the field of the end's Options, such as "MaxPendingAcks"
	Max    int    // its value
	// Size is the number of bytes of an event that exceeds the option by itself,
	// otherwise 0.
	Size int
	// Err is [engine.ErrOutboxFull] when the connection has no room, otherwise nil.
	Err error
}

// Error names the option.
func (e *LimitError) Error() string {
	text := fmt.Sprintf("socketio: %s exceeded: at most %d are allowed", e.Option, e.Max)
	switch {
	case e.Size > 0:
		text += fmt.Sprintf(", and the event has %d", e.Size)
	case e.Err != nil:
		text += "; the server does not read as fast as events are emitted; EmitWait, in place of Emit, waits for it"
	case strings.HasPrefix(e.Option, "Buffer"):
		text += " to wait for the connection or for acknowledgements; EmitWait, in place of Emit, waits for room"
	}
	return text
}

// Unwrap returns Err.
func (e *LimitError) Unwrap() error { return e.Err }

// An EventError is passed to error hooks when a handler could not be called, failed or
// panicked. Err is a [*parser.ArgError] if an argument did not fit its parameter, a
// [*PanicError] after a panic, and otherwise the handler's error.
type EventError struct {
	Event     string // the event's name
	Err       error  // what went wrong
	Namespace string // where it was handled
}

// Error names the event, the beginning of one with a long name, and the cause.
func (e *EventError) Error() string {
	return fmt.Sprintf("socketio: %s: %s", errtext.Event(e.Event, e.Namespace), errtext.Detail(e.Err))
}

// Unwrap returns Err.
func (e *EventError) Unwrap() error { return e.Err }

// A PanicError is a panic of a handler, or of another function of the application.
type PanicError struct {
	Value any    // the value of the panic
	Stack []byte // the stack of the goroutine, as returned by debug.Stack
}

// Error returns the value of the panic; its text is cut after 1024 bytes.
func (e *PanicError) Error() string { return clip.Text(fmt.Sprintf("panic: %v", e.Value), clip.Report) }

// An AckError is an error that a handler returns to the peer: its Args are sent as the
// acknowledgement in place of the handler's results. It is not passed to the error
// hooks, and has no effect if the peer wants no acknowledgement. Other errors are
// passed to the error hooks, and the peer gets no answer.
type AckError struct {
	Args []any // the arguments of the acknowledgement
}

// Error returns the arguments as text, cut after 1024 bytes.
func (e *AckError) Error() string {
	return clip.Text(fmt.Sprint("acknowledgement: ", e.Args), clip.Report)
}

// Acknowledgement returns Args.
func (e *AckError) Acknowledgement() []any { return e.Args }

// An AnswerError is returned by [Call] if the acknowledgement does not fit the result
// type. The acknowledgement may be an error of the peer's handler: one that a Go
// program sent with an [AckError], or the argument with which a JavaScript handler
// called back. The protocol does not distinguish these from other acknowledgements.
type AnswerError struct {
	Event string      // the event's name
	Args  parser.Args // the acknowledgement; decode it into the type of the handler's error
	Err   error       // why it does not fit, a [*parser.ArgError]
}

// Error names the event, the beginning of the acknowledgement and the cause.
func (e *AnswerError) Error() string {
	return fmt.Sprintf("socketio: %s: unexpected acknowledgement %s: %s",
		errtext.Event(e.Event, ""), clip.Text(e.Args.String(), clip.Quote), errtext.Detail(e.Err))
}

// Unwrap returns Err.
func (e *AnswerError) Unwrap() error { return e.Err }
