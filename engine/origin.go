package engine

import (
	"cmp"
	"net/http"
	"strings"

	"github.com/seed96b07ef8/socketio/internal/clip"
)

// The check of origins. Browsers name the origin of a page in each WebSocket handshake
// and in each polling request to another origin (RFC 6454, section 7; Fetch, section
// 3.2), and add the cookies of the server that is asked. CORS only keeps a page from
// seeing answers, and does not apply to WebSockets at all: without this check the pages
// of any site could act as the users who visit them. Programs, which need not send an
// Origin, are not concerned.
// See docs/decisions/0017-origins.md.

// foreign reports whether r comes from a page that is neither served by this host nor
// allowed by the options. cors says whether CORS allows it.
func (s *Server) foreign(r *http.Request, cors bool) bool {
	origin := r.Header.Get("Origin")
	return origin != "" && !cors && !s.opts.AllowAnyOrigin && !sameHost(origin, r.Host)
}

// sameHost reports whether origin has the host and port that host, as in
// [http.Request], names. The scheme is not compared: behind a proxy that terminates TLS
// the server does not know its own.
func sameHost(origin, host string) bool {
	scheme, authority, _ := strings.Cut(origin, "://")
	port := defaultPort(scheme)
	if port == "" {
		return false
	}
	originName, originPort := splitPort(authority)
	name, hostPort := splitPort(host)
	return name != "" && strings.EqualFold(originName, name) && cmp.Or(originPort, port) == cmp.Or(hostPort, port)
}

// defaultPort returns the port of a scheme that pages, or programs that make an origin
// of the server's URL, use.
func defaultPort(scheme string) string {
	switch strings.ToLower(scheme) {
	case "http", "ws":
		return "80"
	case "https", "wss":
		return "443"
	}
	return ""
}

// splitPort splits a host, which may be an IPv6 address in brackets, from its port, if
// there is one.
func splitPort(host string) (name, port string) {
	i := strings.LastIndexByte(host, ':')
	if i < 0 || i < strings.LastIndexByte(host, ']') {
		return host, ""
	}
	return host[:i], host[i+1:]
}

// foreignOrigin is the refusal of a request that is foreign. Its text does not repeat
// what the client sent, as it may be shown as a page.
func foreignOrigin(r *http.Request) *RequestError {
	return &RequestError{
		Code: CodeForbidden, Message: "Origin not allowed", Request: r, foreign: true,
		Context: map[string]any{"name": "ORIGIN_NOT_ALLOWED", "origin": r.Header.Get("Origin"), "host": r.Host},
	}
}

// logForeign logs the refusal where operators see it: it also concerns pages of theirs
// that have another origin than they think, such as behind a proxy that changes Host.
func (s *Server) logForeign(r *http.Request) {
	if n := s.logged.foreigners.next(); n > 0 {
		s.opts.Logger.Warn("engine: pages of another origin were refused; to allow them, set ServerOptions.CORS, "+
			"or AllowAnyOrigin if no cookies authenticate; behind a proxy, let it pass the Host header on (docs/security.md)",
			"origin", clip.Text(r.Header.Get("Origin"), clip.Quote), "host", clip.Text(r.Host, clip.Quote), "refused", n)
	}
}
