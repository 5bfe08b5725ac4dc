package client

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"

	"github.com/seed96b07ef8/socketio/engine"
	"github.com/seed96b07ef8/socketio/internal/errtext"
	"github.com/seed96b07ef8/socketio/parser"
	"github.com/seed96b07ef8/socketio/peer"
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
	// ParseError: the server sent something that is not a valid packet, or a packet
	// that is out of place.
	ParseError = engine.ParseError
	// ForcedClose: this side closed the connection.
	ForcedClose = engine.ForcedClose
)

// Errors of clients.
var (
	// ErrReservedEvent is returned, wrapped, for event names that the protocol
	// keeps for itself; see [parser.IsReserved].
	ErrReservedEvent = peer.ErrReservedEvent
	// ErrNotConnected is the cause, wrapped, in the [DisconnectError] of a socket that has
	// not been connected yet.
	ErrNotConnected = peer.ErrNotConnected
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

// The errors that a client has in common with a server: see package peer.
type (
	// A ConnectError is returned if the server refuses a socket (CONNECT_ERROR in the
	// Socket.IO protocol): the namespace does not exist, or middleware returned an
	// error. The socket does not try again by itself.
	ConnectError = peer.ConnectError
	// A DisconnectError is returned by operations that failed, or were cut short,
	// because the socket is not connected. It matches [net.ErrClosed], and it is the
	// cause of the cancellation of [Socket.Context].
	DisconnectError = peer.DisconnectError
	// A LimitError is returned by operations that would exceed an option. It matches
	// [engine.ErrOutboxFull] if the option is one of the connection.
	LimitError = peer.LimitError
	// An EventError is passed to the error hook when a handler could not be called,
	// failed or panicked. Err is an [*ArgError] if an argument did not fit its
	// parameter, a [*PanicError] after a panic, and otherwise the handler's error.
	EventError = peer.EventError
	// A PanicError is a panic of a handler, a hook or an auth function.
	PanicError = peer.PanicError
	// An AckError is an error that a handler returns to the server: its Args are sent
	// as the acknowledgement in place of the handler's results. Other errors are passed
	// to [Socket.OnError], and the server gets no answer.
	AckError = peer.AckError
	// An AnswerError is returned by [Call] if the acknowledgement does not fit the
	// result type. The acknowledgement may be an error of the server's handler.
	AnswerError = peer.AnswerError
)

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
		e.Message, e.Payload = payload.Message, p.Args
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

// errNotConnected is the cause of a socket that has not been connected yet.
var errNotConnected = fmt.Errorf("%w: call Connect or Open", ErrNotConnected)

// errConnecting is the cause of a socket that is active and not connected.
var errConnecting = fmt.Errorf("%w yet", ErrNotConnected)

// An AuthError says that [Options.Auth] did not yield what can be sent. Err is
// the function's error, or says what is wrong with the value.
type AuthError struct {
	Err error // why
}

// Error names the cause.
func (e *AuthError) Error() string { return "client: auth: " + errtext.Detail(e.Err) }

// Unwrap returns Err.
func (e *AuthError) Unwrap() error { return e.Err }

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
	return fmt.Sprintf("client: %s was sent %d times and not acknowledged (does the server have a handler that acknowledges it?): %s", errtext.Event(e.Event, e.Namespace), e.Sent, errtext.Detail(e.Err))
}

// Unwrap returns Err.
func (e *RetryError) Unwrap() error { return e.Err }

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
		return fmt.Errorf("%w: the protocol keeps it for itself; choose another name", ErrReservedEvent)
	}
	return nil
}

// emitFailed names the event that could not be sent, or was not acknowledged.
func (s *Socket) emitFailed(event string, err error) error {
	if err == nil || err == s.err {
		return err
	}
	if _, named := err.(*RetryError); named {
		return err // it names the event itself
	}
	return errtext.Prefix("client: "+errtext.Event(event, s.namespace), err)
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

// misplacedPath reports whether no server is at Options.Path, or a server has refused a
// namespace that looks like the path at which servers are mounted.
func (s *Socket) misplacedPath(err error) bool {
	if failed, ok := errors.AsType[*engine.OpError](err); ok && failed.Op == "handshake" && failed.Status == http.StatusNotFound {
		return true
	}
	_, refused := errors.AsType[*ConnectError](err)
	return refused && strings.HasSuffix(strings.TrimRight(s.namespace, "/"), "/socket.io")
}
