package engine

import (
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
	status := http.StatusBadRequest
	if err.Code == CodeForbidden && (err.foreign || !ws.IsUpgrade(r)) {
		status = http.StatusForbidden
	}
	s.refuseWith(w, r, err, status)
}

// refuseHeader answers a handshake of which too much would have to be kept.
func (s *Server) refuseHeader(w http.ResponseWriter, r *http.Request) {
	const status = http.StatusRequestHeaderFieldsTooLarge
	s.logHeader(r)
	s.refuseWith(w, r, &RequestError{
		Code: CodeBadRequest, Message: http.StatusText(status), Request: r,
		Context: map[string]any{"name": "HEADER_TOO_LARGE", "limit": s.opts.MaxHeaderBytes},
	}, status)
}

func (s *Server) refuseID(w http.ResponseWriter, r *http.Request, err error) {
	s.refuse(w, r, idError(r, err))
}

func idError(r *http.Request, err error) *RequestError {
	return &RequestError{
		Code: CodeBadRequest, Message: CodeBadRequest.String(), Request: r,
		Context: map[string]any{"name": "ID_GENERATION_ERROR", "error": err},
	}
}

// refuseWith answers a request with an HTTP status.
func (s *Server) refuseWith(w http.ResponseWriter, r *http.Request, err *RequestError, status int) {
	s.report(err)
	if ws.IsUpgrade(r) {
		writeUpgradeError(w, status, err.Message)
		return
	}
	writeError(w, status, err.Code, err.Message)
}

// report logs a refusal and calls the application's hook.
func (s *Server) report(err *RequestError) {
	if log := s.opts.Logger; log.Enabled(err.Request.Context(), slog.LevelDebug) {
		log.Debug("engine: request refused", "code", int(err.Code), "message", clip.Text(err.Message, clip.Report), "context", err.excerpt())
	}
	if s.opts.OnConnectionError != nil {
		s.opts.OnConnectionError(err)
	}
}

// writeError answers a plain request as the protocol prescribes.
func writeError(w http.ResponseWriter, status int, code Code, message string) {
	body := marshal(struct {
		Code    Code   `json:"code"`
		Message string `json:"message"`
	}{code, message})
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

// writeUnavailable answers a handshake that the server has no room for.
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

// refuseUpgrade answers a WebSocket handshake that breaks RFC 6455. When the
// connection is taken over already, there is nobody left to answer.
func (s *Server) refuseUpgrade(w http.ResponseWriter, err error) {
	var he *ws.HandshakeError
	if errors.As(err, &he) {
		if he.Hijack != nil {
			s.logHijack(w, he.Hijack)
		}
		writeUpgradeError(w, he.Status, he.Reason)
	}
}
