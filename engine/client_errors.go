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

// Causes of an [OpError] that say what is at the other end. Use [errors.Is].
var (
	// ErrNoHandshake: the server answered, but not with an Engine.IO handshake. It is
	// a plain web server, or a plain WebSocket server.
	ErrNoHandshake = errors.New("this is no Engine.IO handshake")
	// ErrRevision3: the server speaks revision 3 of the protocol, which is that of
	// Socket.IO 2, and Dial revision 4.
	ErrRevision3 = errors.New("the server speaks revision 3 of the Engine.IO protocol")
	// ErrBadHandshake: the server's handshake lacks what is needed, or has values out
	// of range.
	ErrBadHandshake = errors.New("invalid Engine.IO handshake")
)

// NoCode is the Code of an [OpError] without one.
const NoCode Code = -1

// An OpError is an operation of a [Client] that failed: what Dial returns, and the
// cause with which a connection ends over a transport's failure.
type OpError struct {
	// Op is what failed: "handshake", "upgrade", "poll", "post", "read" or "write".
	Op string
	// Transport is that over which it was tried.
	Transport Transport
	// Status is the HTTP status of the answer, if that was not what it should be;
	// 0 otherwise. 404 means that nothing is at the path.
	Status int
	// Code is the Engine.IO error in the answer, or [NoCode].
	Code Code
	// Description is the answer's text: the message of the Engine.IO error, or the
	// beginning of the body.
	Description string
	// Err is the cause, whose text is cut if it is long; it is nil when Status says all that there is to say.
	Err error
	// URL is where a handshake was tried, without user and query; "" for other
	// operations.
	URL string
}

// Error says what failed, where, and why, in one line.
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
	return b.String()
}

// Unwrap returns the cause.
func (e *OpError) Unwrap() error { return e.Err }

func opError(op string, t Transport, err error) *OpError {
	return &OpError{Op: op, Transport: t, Code: NoCode, Err: clip.Error(err, clip.Report)}
}

// Text of an answer that is no JSON is quoted up to this length.
const maxDescription = 200

// answerError makes an error of an answer that is not what it should be.
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
		// Here the code's text is all there is.
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
