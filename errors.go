package socketio

import (
	"fmt"
	"net"

	"github.com/seed96b07ef8/socketio/engine"
	"github.com/seed96b07ef8/socketio/parser"
	"github.com/seed96b07ef8/socketio/peer"
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
	// TransportClose: the client closed the connection or disappeared.
	TransportClose = engine.TransportClose
	// TransportError: the connection failed, the client broke the rules of the
	// transport, or it did not read what was sent to it.
	TransportError = engine.TransportError
	// ParseError: the client sent something that is not a valid Engine.IO packet.
	ParseError = engine.ParseError
	// ForcedClose: the server closed the connection, for example because the
	// client broke the Socket.IO protocol.
	ForcedClose = engine.ForcedClose
	// ForcedServerClose is ForcedClose for a client on polling that has no request
	// open, so that the server cannot notify it.
	ForcedServerClose Reason = "forced server close"
)

// ErrReservedEvent is returned, wrapped, for event names that the Socket.IO protocol
// reserves; see [parser.IsReserved].
var ErrReservedEvent = peer.ErrReservedEvent

// errServerClosed is returned by operations on the sockets of a namespace that was
// removed or whose server was shut down.
var errServerClosed = fmt.Errorf("socketio: the server was shut down, or the namespace was removed: %w", net.ErrClosed)

// Errors that servers and clients share; see package peer.
type (
	// A ConnectError is returned by middleware to refuse a client. Any other error is
	// treated like one whose Message is the error's text.
	ConnectError = peer.ConnectError
	// A DisconnectError is returned by operations that failed, or were cut short,
	// because the socket is not connected. It matches [net.ErrClosed], and it is the
	// cause of the cancellation of [Socket.Context].
	DisconnectError = peer.DisconnectError
	// A LimitError is returned by operations that would exceed an option of the server.
	LimitError = peer.LimitError
	// An EventError is passed to the error hooks when a handler could not be called,
	// failed or panicked. Err is an [*ArgError] if an argument did not fit its
	// parameter, a [*PanicError] after a panic, and otherwise the handler's error.
	EventError = peer.EventError
	// A PanicError is a panic of a handler. The server disconnects the socket after it,
	// with the reason [ServerNamespaceDisconnect], after which clients do not reconnect
	// by themselves.
	PanicError = peer.PanicError
	// An AckError is an error that a handler returns to the client: its Args are sent
	// as the acknowledgement in place of the handler's results. It is not passed to the
	// error hooks, and has no effect if the client wants no acknowledgement. Other
	// errors are passed to the error hooks, and the client gets no answer.
	AckError = peer.AckError
	// An AnswerError is returned by [Call] if the acknowledgement does not fit the
	// result type.
	AnswerError = peer.AnswerError
)

// checkServerEvent rejects the names of a namespace's own events, which the reference
// implementation reserves.
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
