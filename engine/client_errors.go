package engine

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/seed96b07ef8/socketio/internal/clip"
	"github.com/seed96b07ef8/socketio/internal/errtext"
	"github.com/seed96b07ef8/socketio/internal/redact"
)

// Causes of an [OpError] that identify the peer. Use [errors.Is].
var (
	// ErrNoHandshake: the server's response is not an Engine.IO handshake. The peer
	// is an ordinary web server or WebSocket server.
	ErrNoHandshake = errors.New("this is not a valid Engine.IO handshake")
	// ErrRevision3: the server speaks protocol revision 3, which Socket.IO 2 uses.
	// Dial supports only revision 4.
	ErrRevision3 = errors.New("the server speaks revision 3 of the Engine.IO protocol")
	// ErrBadHandshake: the server's handshake lacks required values or has values out
	// of range.
	ErrBadHandshake = errors.New("invalid Engine.IO handshake")
)

// NoCode is the Code of an [OpError] whose response has no Engine.IO error code.
const NoCode Code = -1

// An OpError describes a failed operation of a [Client]. Dial returns it, and OnClose
// receives it as the cause if a transport fails.
type OpError struct {
	// Op is the operation: "handshake", "upgrade", "poll", "post", "read" or "write".
	Op string
	// Transport is the transport of the operation.
	Transport Transport
	// Status is the HTTP status of an unexpected response, or 0. 404 means that the
	// server has no handler for the path.
	Status int
	// Code is the Engine.IO error code of the response, or [NoCode].
	Code Code
	// Description is the text of the response: the message of the Engine.IO error, or
	// the beginning of the body.
	Description string
	// Err is the cause, with its text shortened if it is long. It is nil if Status is
	// the only information.
	Err error
	// URL is the URL of a handshake, without user and query, or "" for other
	// operations.
	URL string
}

// Error returns the operation, the place and the cause in one line.
func (e *OpError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "engine: %s over %s", e.Op, e.Transport)
	if e.URL != "" {
		fmt.Fprintf(&b, " with %s", e.URL)
	}
	b.WriteString(" failed")
	if e.Status != 0 {
		fmt.Fprintf(&b, ": status %d", e.Status)
	}
	if e.Code != NoCode {
		fmt.Fprintf(&b, ", code %d", int(e.Code))
	}
	if e.Description != "" {
		fmt.Fprintf(&b, ": %s", strings.Join(strings.Fields(e.Description), " "))
	}
	if e.Err != nil {
		fmt.Fprintf(&b, ": %s", errtext.Detail(e.Err))
	}
	if e.Op == "handshake" && e.Code == CodeUnknownTransport {
		fmt.Fprintf(&b, " (the server does not offer %s: DialOptions.Transports and TryAllTransports select others)", e.Transport)
	}
	return b.String()
}

// Unwrap returns the cause.
func (e *OpError) Unwrap() error { return e.Err }

func opError(op string, t Transport, err error) *OpError {
	return &OpError{Op: op, Transport: t, Code: NoCode, Err: clip.Error(err, clip.Report)}
}

// maxDescription is the maximum length of a quoted response that is not JSON.
const maxDescription = 200

// answerError returns the error for an unexpected response.
func answerError(op string, t Transport, status int, h http.Header, body []byte) *OpError {
	e := &OpError{Op: op, Transport: t, Status: status, Code: NoCode}
	var refusal struct {
		Code    *Code
		Message string
	}
	text := strings.ToValidUTF8(strings.TrimSpace(string(body)), "\uFFFD")
	switch {
	case json.Unmarshal(body, &refusal) == nil && refusal.Code != nil:
		e.Code, e.Description = max(*refusal.Code, NoCode), refusal.Message
	case t == WebSocket && status == http.StatusBadRequest:
		// Over WebSocket, the body is only the message of the code.
		e.Description = text
		for c := CodeUnknownTransport; c <= CodeUnsupportedProtocol; c++ {
			if text == c.String() {
				e.Code = c
			}
		}
	default:
		e.Description = text
	}
	if location := h.Get("Location"); location != "" && status/100 == 3 {
		e.Description = "redirected to " + redact.URL(location)
	}
	if len(e.Description) > maxDescription {
		e.Description = strings.ToValidUTF8(e.Description[:maxDescription], "") + "..."
	}
	return e
}
