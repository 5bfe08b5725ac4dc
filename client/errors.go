package client

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/seed96b07ef8/socketio/engine"
	"github.com/seed96b07ef8/socketio/internal/clip"
	"github.com/seed96b07ef8/socketio/internal/errtext"
	"github.com/seed96b07ef8/socketio/parser"
)

// A Reason says why a socket was disconnected, or a connection ended. The texts
// are the protocol's and the same in all implementations.
type Reason = engine.Reason

// The reasons that a client sees. After the first two a socket stays
// disconnected until Connect or Open is called again; after the others it
// reconnects by itself.
const (
	// ServerDisconnect: the server disconnected the socket.
	ServerDisconnect Reason = "io server disconnect"
	// ClientDisconnect: [Socket.Disconnect] or [Manager.Close] was called.
	ClientDisconnect Reason = "io client disconnect"
	// PingTimeout: nothing was heard of the server for longer than its heartbeat
	// allows.
	PingTimeout = engine.PingTimeout
	// TransportClose: the server, or the network, closed the connection.
	TransportClose = engine.TransportClose
	// TransportError: the connection failed.
	TransportError = engine.TransportError
	// ParseError: the server sent something that is no packet, or a packet that is
	// out of place.
	ParseError = engine.ParseError
	// ForcedClose: this side closed the connection.
	ForcedClose = engine.ForcedClose
)

// Errors of clients.
var (
	// ErrReservedEvent is returned, wrapped, for event names that the protocol
	// keeps for itself; see [parser.IsReserved].
	ErrReservedEvent = errors.New("reserved event name")
	// ErrServerVersion says that a server has answered like one of Socket.IO 2,
	// whose protocol is another.
	ErrServerVersion = errors.New("client: this seems to be a server of Socket.IO 2, which clients of version 3 and later cannot talk to; update the server, or let it accept older clients and use one")
	// ErrClosed is why a [Manager] that was closed does nothing any more. It
	// matches [net.ErrClosed].
	ErrClosed = fmt.Errorf("client: manager closed: %w", net.ErrClosed)
	// ErrConnectTimeout says that an attempt to connect took longer than
	// [Options.ConnectTimeout].
	// It matches [context.DeadlineExceeded].
	ErrConnectTimeout error = connectTimeout{}
)

type connectTimeout struct{}

func (connectTimeout) Error() string { return "client: connecting took too long" }

func (connectTimeout) Is(target error) bool { return target == context.DeadlineExceeded }

// A ConnectError is what the server says when it does not let a socket into its
// namespace: there is none of that name, or the server's middleware is against
// it. The socket does not try again by itself.
type ConnectError struct {
	// Message is the server's, "Invalid namespace" for example. It is cut after
	// 4096 bytes.
	Message string
	// Data is what the server sent besides, decoded as into an any. It is nil if
	// there is nothing, and if the whole answer has more than 64 KiB, which any
	// could multiply; [ConnectError.DecodeData] decodes it all the same.
	Data any

	payload parser.Args
}

// Error returns the message; what is longer than 256 bytes is cut.
func (e *ConnectError) Error() string { return clip.Text(e.Message, clip.Quote) }

// DecodeData decodes what the server sent besides the message into what v points
// to, which stays as it is when there is nothing.
func (e *ConnectError) DecodeData(v any) error {
	if e.payload.Len() == 0 {
		return nil
	}
	payload := struct {
		Data any `json:"data"`
	}{v}
	return e.payload.DecodeAt(0, &payload)
}

const (
	// maxRefusalData is the length of the longest payload whose data is decoded
	// unasked. Decoded, it may take up 50 times as much.
	maxRefusalData = 64 << 10
	// maxRefusalMessage is the length of the longest message that is kept.
	maxRefusalMessage = 4 << 10
)

// newConnectError returns what the payload of a CONNECT_ERROR says. Servers of
// protocol 4 send a string instead of an object.
func newConnectError(p *parser.Packet) *ConnectError {
	e := new(ConnectError)
	var payload struct {
		Message string `json:"message"`
	}
	switch {
	case p.Args.DecodeAt(0, &payload) == nil:
		e.Message, e.payload = payload.Message, p.Args
		if len(p.Args.Raw(0)) <= maxRefusalData {
			_ = e.DecodeData(&e.Data) // it is nil otherwise
		}
	case p.Args.DecodeAt(0, &e.Message) != nil:
		e.Message = string(p.Args.Raw(0)[:min(len(p.Args.Raw(0)), maxRefusalMessage+1)])
	}
	if len(e.Message) > maxRefusalMessage {
		e.Message = strings.ToValidUTF8(e.Message[:maxRefusalMessage], "") + "..."
	}
	if e.Message == "" {
		e.Message = "the server refuses the connection and gives no reason"
	}
	return e
}

// An AckError is an error that a handler returns for the server to know: Args are
// the acknowledgement, in place of the handler's results. Other errors go to
// [Socket.OnError], and the server gets no answer.
type AckError struct {
	Args []any // the arguments of the acknowledgement
}

// Error says what the acknowledgement is; what is longer than 1024 bytes is cut.
func (e *AckError) Error() string {
	return clip.Text(fmt.Sprint("acknowledgement: ", e.Args), clip.Report)
}

// Acknowledgement returns Args.
func (e *AckError) Acknowledgement() []any { return e.Args }

// An AnswerError says that an acknowledgement is not what [Call] was to return. It may
// be an error of the server's handler: one that a server in Go sends with an AckError,
// or the argument with which a server in JavaScript calls back. On the wire these look
// like any other acknowledgement.
type AnswerError struct {
	Event string // the event's name
	Args  Args   // the acknowledgement; decode it into the type of the server's error
	Err   error  // why it does not fit, an [*ArgError]
}

// Error names the event, the beginning of the acknowledgement and the cause.
func (e *AnswerError) Error() string {
	return fmt.Sprintf("client: %s: unexpected acknowledgement %s: %s",
		eventName(e.Event, ""), clip.Text(e.Args.String(), clip.Quote), errtext.Detail(e.Err))
}

// Unwrap returns Err.
func (e *AnswerError) Unwrap() error { return e.Err }

// A DisconnectError says that an operation was cut short, or cannot be carried
// out, because the socket is not connected. It matches [net.ErrClosed], and it is
// the cause of the end of [Socket.Context].
type DisconnectError struct {
	// Reason is the protocol's name for what has happened.
	Reason Reason
	// Err is what is known of the cause, or nil.
	Err error
}

// errNotConnected is the cause of a socket that has not been connected yet.
var errNotConnected = errors.New("socket is not connected: call Connect or Open")

// Error names the reason and the cause.
func (e *DisconnectError) Error() string {
	switch {
	case e.Err == errNotConnected: // the reason would say that there was a connection
		return "client: " + e.Err.Error()
	case e.Err != nil:
		return fmt.Sprintf("client: socket disconnected: %s: %s", e.Reason, errtext.Detail(e.Err))
	}
	return "client: socket disconnected: " + string(e.Reason)
}

// Unwrap returns the cause.
func (e *DisconnectError) Unwrap() error { return e.Err }

// Is reports whether target is [net.ErrClosed].
func (e *DisconnectError) Is(target error) bool { return target == net.ErrClosed }

// An AuthError says that [Options.Auth] did not yield what can be sent. Err is
// the function's error, or says what is wrong with the value.
type AuthError struct {
	Err error // why
}

// Error names the cause.
func (e *AuthError) Error() string { return "client: auth: " + errtext.Detail(e.Err) }

// Unwrap returns Err.
func (e *AuthError) Unwrap() error { return e.Err }

// A LimitError says that an operation was refused because it would exceed an
// option. It matches [engine.ErrOutboxFull] when that is one of the connection.
type LimitError struct {
	Option string // the field of Options, such as "MaxPendingAcks"
	Max    int    // its value
	// Err is [engine.ErrOutboxFull] when the connection has no room, otherwise nil.
	Err error
}

// Error names the option.
func (e *LimitError) Error() string {
	text := fmt.Sprintf("client: %s exceeded: at most %d are allowed", e.Option, e.Max)
	switch {
	case e.Err != nil:
		text += "; the server does not read as fast as events are emitted, EmitWait waits for it"
	case strings.HasPrefix(e.Option, "Buffer"):
		text += " to wait for the connection or for acknowledgements; EmitWait waits for room"
	}
	return text
}

// Unwrap returns Err.
func (e *LimitError) Unwrap() error { return e.Err }

// A RetryError says that the server has not acknowledged an event that was sent
// as often as [Options.Retries] allows. Whether it has handled the event is not
// known.
type RetryError struct {
	Namespace string // of the socket
	Event     string // the event's name
	Sent      int    // how often it was sent
	Err       error  // why the last attempt failed: a timeout, or a disconnection
}

// Error names the event and the cause.
func (e *RetryError) Error() string {
	return fmt.Sprintf("client: %s was sent %d times and not acknowledged (does the server have a handler that acknowledges it?): %s", eventName(e.Event, e.Namespace), e.Sent, errtext.Detail(e.Err))
}

// Unwrap returns Err.
func (e *RetryError) Unwrap() error { return e.Err }

// An EventError is what the error hook receives when a handler could not be
// called, failed, or panicked. Err is an [*ArgError] when an argument did not fit
// its parameter, a [*PanicError] after a panic, otherwise what the handler
// returned.
type EventError struct {
	Event     string // the event's name
	Err       error  // what went wrong
	Namespace string // of the socket
}

// Error names the event, the beginning of one with a long name, and the cause.
func (e *EventError) Error() string {
	return fmt.Sprintf("client: %s: %s", eventName(e.Event, e.Namespace), errtext.Detail(e.Err))
}

// Unwrap returns Err.
func (e *EventError) Unwrap() error { return e.Err }

// A PanicError is a panic of a handler, a hook or an auth function.
type PanicError struct {
	Value any    // what it panicked with
	Stack []byte // where
}

// Error returns what it panicked with; what is longer than 1024 bytes is cut.
func (e *PanicError) Error() string { return clip.Text(fmt.Sprintf("panic: %v", e.Value), clip.Report) }

// An ArgError says which argument could not be decoded or encoded.
type ArgError = parser.ArgError

// An OptionError says which option, or part of the URL, has a value that is not
// possible.
type OptionError = engine.OptionError

// Args are the arguments of an event or an acknowledgement as they were
// received; Decode turns them into Go values.
type Args = parser.Args

// Borrowed is the type of a parameter for large binary data that a handler does not
// keep: the bytes as they were received, valid until the handler returns.
type Borrowed = parser.Borrowed

func checkEvent(event string) error {
	if parser.IsReserved(event) {
		return ErrReservedEvent
	}
	return nil
}

// eventName names an event in an error, with the namespace if that is known.
func eventName(event, namespace string) string {
	name := fmt.Sprintf("event %q", clip.Text(event, clip.Quote))
	if namespace != "" {
		name += " of " + namespace
	}
	return name
}

// emitFailed names the event that could not be sent, or was not acknowledged.
func (s *Socket) emitFailed(event string, err error) error {
	if err == nil || err == s.err {
		return err
	}
	return errtext.Prefix("client: "+eventName(event, s.namespace), err)
}

// connectFailed names what Connect could not connect to.
func (s *Socket) connectFailed(err error) error {
	where := s.namespace
	if failed, ok := errors.AsType[*engine.OpError](err); !ok || failed.URL == "" {
		where += " of " + s.manager.target.String()
	}
	if s.misplacedPath(err) {
		where += " (the path of the URL is the namespace; Options.Path says where the server is mounted)"
	}
	return errtext.Prefix("client: connecting to "+where, err)
}

// misplacedPath reports whether a server has refused a namespace that looks like the
// path at which servers are mounted.
func (s *Socket) misplacedPath(err error) bool {
	_, refused := errors.AsType[*ConnectError](err)
	return refused && strings.HasSuffix(strings.TrimRight(s.namespace, "/"), "/socket.io")
}
