package engine

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/seed96b07ef8/socketio/internal/ws"
)

// ServeHTTP serves a request of an Engine.IO client: a handshake, a poll, a data
// request or an upgrade.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	allowed := false
	if cors := s.opts.CORS; cors != nil {
		if allowed = cors.apply(w.Header(), r); allowed && isPreflight(r) {
			cors.answerPreflight(w, r)
			return
		}
	}
	if r.ContentLength != 0 {
		// Applies to the body of a data request, and to other bodies, which net/http
		// reads before it responds.
		setReadTimeout(w, s.opts.RequestTimeout)
	}
	q := parseQuery(r.URL.RawQuery)
	q.foreign = s.foreign(r, allowed)
	if q.sid == "" {
		s.handshake(w, r, q)
		return
	}
	c, err := s.verify(r, q)
	switch {
	case err != nil:
		s.refuse(w, r, err)
	case ws.IsUpgrade(r):
		s.upgrade(w, r, q, c)
	default:
		s.serveSession(w, r, c)
	}
}

// A query holds the known parameters of a request.
type query struct {
	transport Transport
	sid       string
	protocol  int
	base64    bool
	jsonp     bool   // j is present, which requests JSONP
	callback  string // the value of j
	foreign   bool   // a page that the options do not allow sent the request
	stream    bool   // the request is for a stream
}

// parseQuery parses the known parameters. The last of repeated ones counts. Any
// revision except 4 is 3, because that is how old clients appear. It is
// url.ParseQuery without the map, since every request has a query, and without a
// limit on the number, which the size of a request bounds. A value with an invalid
// escape is used as it is, as in the reference server: a session ID that cannot be
// decoded is an unknown one, not a handshake.
func parseQuery(raw string) query {
	q := query{protocol: 3}
	for pair := range strings.SplitSeq(raw, "&") {
		name, value, _ := strings.Cut(pair, "=")
		name, value = unescape(name), unescape(value)
		switch name {
		case "transport":
			q.transport = Transport(value)
		case "sid":
			q.sid = value
		case "EIO":
			if q.protocol = 3; value == "4" {
				q.protocol = 4
			}
		case "b64":
			q.base64 = value != ""
		case "j":
			q.jsonp, q.callback = true, value
		}
	}
	return q
}

// unescape decodes s, or returns s if an escape is invalid.
func unescape(s string) string {
	if decoded, err := url.QueryUnescape(s); err == nil {
		return decoded
	}
	return s
}

// verify applies the checks in the order of the protocol. It returns the session of
// the request, or nil for a handshake.
func (s *Server) verify(r *http.Request, q query) (*Conn, *RequestError) {
	refused := func(code Code, context map[string]any) (*Conn, *RequestError) {
		return nil, &RequestError{Code: code, Message: code.String(), Context: context, Request: r}
	}
	if !slices.Contains(s.opts.Transports, q.transport) || q.stream != slices.Contains(s.opts.streams, q.transport) {
		return refused(CodeUnknownTransport, map[string]any{"transport": string(q.transport)})
	}
	if origin := r.Header.Get("Origin"); !validHeaderValue(origin) {
		return refused(CodeBadRequest, map[string]any{"name": "INVALID_ORIGIN", "origin": origin})
	}
	if q.foreign {
		s.logForeign(r)
		return nil, foreignOrigin(r)
	}
	upgrade := q.stream || ws.IsUpgrade(r)
	if q.sid != "" {
		c := s.find(q.sid)
		if c == nil {
			return nil, unknownSession(r, q.sid)
		}
		if current := c.Transport(); !upgrade && q.transport != current {
			return refused(CodeBadRequest, map[string]any{
				"name": "TRANSPORT_MISMATCH", "transport": string(q.transport), "previousTransport": string(current),
			})
		}
		if q.protocol != c.Protocol() {
			return refused(CodeBadRequest, map[string]any{
				"name": "PROTOCOL_MISMATCH", "protocol": q.protocol, "previousProtocol": c.Protocol(),
			})
		}
		return c, nil
	}
	if r.Method != http.MethodGet && !q.stream {
		return refused(CodeBadHandshakeMethod, map[string]any{"method": r.Method})
	}
	if upgrade != (q.transport != Polling) {
		return refused(CodeBadRequest, map[string]any{"name": "TRANSPORT_HANDSHAKE_ERROR"})
	}
	if s.opts.AllowRequest != nil {
		if err := s.opts.AllowRequest(r); err != nil {
			_, refusal := refused(CodeForbidden, map[string]any{"message": err.Error()})
			refusal.Message = err.Error()
			return nil, refusal
		}
	}
	if q.protocol != 4 && !s.opts.AllowEIO3 {
		s.logOldRevision(r)
		return refused(CodeUnsupportedProtocol, map[string]any{"protocol": q.protocol})
	}
	return nil, nil
}

// validHeaderValue reports whether v is a valid header value (RFC 9110, section 5.5).
func validHeaderValue(v string) bool {
	return strings.IndexFunc(v, func(c rune) bool { return c < ' ' && c != '\t' || c == 0x7f }) < 0
}

func (s *Server) addHeaders(h http.Header, r *http.Request, initial bool) {
	if initial && s.opts.InitialHeaders != nil {
		s.opts.InitialHeaders(h, r)
	}
	if s.opts.Headers != nil {
		s.opts.Headers(h, r)
	}
}

// serveSession serves a polling request of a session.
func (s *Server) serveSession(w http.ResponseWriter, r *http.Request, c *Conn) {
	s.addHeaders(w.Header(), r, false)
	switch {
	case c.Transport() != Polling:
		writeError(w, http.StatusBadRequest, CodeBadRequest, CodeBadRequest.String())
	case r.Method == http.MethodGet:
		c.servePoll(w, r)
	case r.Method == http.MethodPost:
		c.servePost(w, r)
	default:
		w.Header().Set("Allow", "GET, POST")
		w.WriteHeader(http.StatusMethodNotAllowed)
	}
}
