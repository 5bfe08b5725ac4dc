package engine

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"

	"github.com/seed96b07ef8/socketio/internal/clip"
)

// A Reason says why a connection ended. Its text is part of Socket.IO's API (the
// reason of a disconnect event).
type Reason string

// The reasons of the Engine.IO layer.
const (
	// TransportError: reading or writing failed, or the peer violated the protocol of
	// the transport.
	TransportError Reason = "transport error"
	// TransportClose: the peer closed the connection.
	TransportClose Reason = "transport close"
	// PingTimeout: the peer did not answer the heartbeat in time.
	PingTimeout Reason = "ping timeout"
	// ParseError: the peer sent something that is not a valid packet.
	ParseError Reason = "parse error"
	// ForcedClose: this side closed the connection.
	ForcedClose Reason = "forced close"
)

// Errors of a connection. ErrClosed matches [net.ErrClosed].
var (
	// ErrClosed is returned by operations on a connection that has ended.
	ErrClosed = fmt.Errorf("engine: connection closed: %w", net.ErrClosed)
	// ErrOutboxFull is returned by Send if the outbox is full and the policy is
	// Refuse. It is the cause with which a connection ends if the policy is
	// Disconnect.
	ErrOutboxFull = errors.New("engine: outbox full: the peer does not read as fast as it is written to")
	// ErrServerClosed is returned by operations on a server that was shut down.
	ErrServerClosed = fmt.Errorf("engine: server closed: %w", net.ErrClosed)
)

// Code identifies a refused request (Engine.IO protocol v4, "Handshake").
type Code int

// The error codes of the protocol.
const (
	CodeUnknownTransport    Code = 0
	CodeUnknownSession      Code = 1
	CodeBadHandshakeMethod  Code = 2
	CodeBadRequest          Code = 3
	CodeForbidden           Code = 4
	CodeUnsupportedProtocol Code = 5
)

var codeMessages = [...]string{
	CodeUnknownTransport:    "Transport unknown",
	CodeUnknownSession:      "Session ID unknown",
	CodeBadHandshakeMethod:  "Bad handshake method",
	CodeBadRequest:          "Bad request",
	CodeForbidden:           "Forbidden",
	CodeUnsupportedProtocol: "Unsupported protocol version",
}

// String returns the message that the protocol assigns to the code.
func (c Code) String() string {
	if c < 0 || int(c) >= len(codeMessages) {
		return fmt.Sprintf("Code(%d)", int(c))
	}
	return codeMessages[c]
}

// A RequestError describes a request that the server refused.
// [ServerOptions.OnConnectionError] receives it.
type RequestError struct {
	// Code is the kind of refusal.
	Code Code
	// Message is the text sent to the client: that of the code, or the text of
	// AllowRequest's error.
	Message string
	// Context holds details. Its keys are those of the reference server (name,
	// transport, sid, method, ...). Text from the client is not shortened here; Error
	// shortens it.
	Context map[string]any
	// Request is the refused request. It is valid only during the call.
	Request *http.Request

	foreign bool // the page's origin is not allowed
	status  int  // HTTP status, if it does not follow from Code
}

// excerpt returns a copy of Context for a log, with the client's text shortened.
func (e *RequestError) excerpt() map[string]any {
	short := maps.Clone(e.Context)
	for key, v := range short {
		if text, ok := v.(string); ok {
			short[key] = clip.Text(text, clip.Quote)
		}
	}
	return short
}

// Error returns the message, the code and the context.
func (e *RequestError) Error() string {
	return fmt.Sprintf("engine: request refused: %s (%d) %v", clip.Text(e.Message, clip.Report), e.Code, e.excerpt())
}
