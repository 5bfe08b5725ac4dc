package engine

import (
	"cmp"
	"errors"
	"log/slog"
	"net/http"

	"github.com/seed96b07ef8/socketio/internal/clip"
	"github.com/seed96b07ef8/socketio/internal/ws"
)

func unknownSession(r *http.Request, sid string) *RequestError {
	return &RequestError{
		Code: CodeUnknownSession, Message: CodeUnknownSession.String(), Context: map[string]any{"sid": sid}, Request: r,
	}
}

// refuse answers a request that failed a check.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request, err *RequestError) {
	status := cmp.Or(err.status, http.StatusBadRequest)
	if err.Code == CodeForbidden && (err.foreign || !ws.IsUpgrade(r)) {
		status = http.StatusForbidden
	}
	s.report(err)
	if ws.IsUpgrade(r) {
		writeUpgradeError(w, status, err.Message)
		return
	}
	writeError(w, status, err.Code, err.Message)
}

// headerError returns the refusal of a handshake whose header exceeds limit bytes.
func headerError(r *http.Request, limit int) *RequestError {
	const status = http.StatusRequestHeaderFieldsTooLarge
	return &RequestError{
		Code: CodeBadRequest, Message: http.StatusText(status), Request: r, status: status,
		Context: map[string]any{"name": "HEADER_TOO_LARGE", "limit": limit},
	}
}

func idError(r *http.Request, err error) *RequestError {
	return &RequestError{
		Code: CodeBadRequest, Message: CodeBadRequest.String(), Request: r,
		Context: map[string]any{"name": "ID_GENERATION_ERROR", "error": err},
	}
}

// report logs a refusal and calls OnConnectionError.
func (s *Server) report(err *RequestError) {
	if log := s.opts.Logger; log.Enabled(err.Request.Context(), slog.LevelDebug) {
		log.Debug("engine: request refused", "code", int(err.Code), "message", clip.Text(err.Message, clip.Report), "context", err.excerpt())
	}
	if s.opts.OnConnectionError != nil {
		s.opts.OnConnectionError(err)
	}
}

// writeError answers a plain request with the JSON object that the protocol
// prescribes.
func writeError(w http.ResponseWriter, status int, code Code, message string) {
	body := marshal(struct {
		Code    Code   `json:"code"`
		Message string `json:"message"`
	}{code, message})
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

// writeUnavailable answers a handshake that exceeds the capacity of the server.
func writeUnavailable(w http.ResponseWriter) {
	w.Header().Set("Retry-After", "1")
	writeError(w, http.StatusServiceUnavailable, CodeBadRequest, "Service unavailable")
}

// writeUpgradeError answers a WebSocket handshake.
func writeUpgradeError(w http.ResponseWriter, status int, message string) {
	h := w.Header()
	h.Set("Connection", "close")
	h.Set("Content-Type", "text/html")
	if status == http.StatusBadRequest {
		h.Set("Sec-Websocket-Version", "13, 8")
	}
	w.WriteHeader(status)
	_, _ = w.Write([]byte(message))
}

// refuseUpgrade answers a WebSocket handshake that violates RFC 6455. After the
// connection was hijacked it cannot answer.
func (s *Server) refuseUpgrade(w http.ResponseWriter, err error) {
	if he, ok := errors.AsType[*ws.HandshakeError](err); ok {
		if he.Hijack != nil {
			s.logHijack(w, he.Hijack)
		}
		writeUpgradeError(w, he.Status, he.Reason)
	}
}
