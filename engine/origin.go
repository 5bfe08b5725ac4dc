package engine

import (
	"cmp"
	"net/http"
	"strings"

	"github.com/seed96b07ef8/socketio/internal/clip"
)

// The check of origins. Browsers send the origin of a page in each WebSocket
// handshake and in each polling request to another origin (RFC 6454, section 7; Fetch
// standard, section 3.2), and add the cookies of the server. CORS only keeps a page
// from reading responses, and does not apply to WebSockets at all. Without this
// check, pages of any site could act as the users who visit them. Programs need not
// send an Origin and are not affected. See docs/decisions/0017-origins.md.

// foreign reports whether a page sent r that is neither of this host nor allowed by
// the options. cors is the result of the CORS check.
func (s *Server) foreign(r *http.Request, cors bool) bool {
	origin := r.Header.Get("Origin")
	return origin != "" && !cors && !s.opts.AllowAnyOrigin && !sameHost(origin, r.Host)
}

// sameHost reports whether origin has the host and port of host, which has the form
// of Host in [http.Request]. It does not compare the scheme, because behind a proxy
// that terminates TLS the server does not know its own.
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

// defaultPort returns the default port of a scheme. It includes ws and wss, because
// some programs derive an origin from the URL of the server.
func defaultPort(scheme string) string {
	switch strings.ToLower(scheme) {
	case "http", "ws":
		return "80"
	case "https", "wss":
		return "443"
	}
	return ""
}

// splitPort separates a host, which may be an IPv6 address in brackets, from its
// port, if any.
func splitPort(host string) (name, port string) {
	i := strings.LastIndexByte(host, ':')
	if i < 0 || i < strings.LastIndexByte(host, ']') {
		return host, ""
	}
	return host[:i], host[i+1:]
}

// foreignOrigin returns the refusal of a foreign request. Its text does not quote the
// client, because a browser may show it as a page.
func foreignOrigin(r *http.Request) *RequestError {
	return &RequestError{
		Code: CodeForbidden, Message: "Origin not allowed", Request: r, foreign: true,
		Context: map[string]any{"name": "ORIGIN_NOT_ALLOWED", "origin": r.Header.Get("Origin"), "host": r.Host},
	}
}

// logForeign logs the refusal at a level that operators see, because it may affect
// their own pages, for example behind a proxy that changes Host.
func (s *Server) logForeign(r *http.Request) {
	if n := s.logged.foreigners.next(); n > 0 {
		s.opts.Logger.Warn("engine: pages of another origin were refused; to allow them, set ServerOptions.CORS, "+
			"or AllowAnyOrigin if no cookies authenticate; behind a proxy, let it pass the Host header on (docs/security.md)",
			"origin", clip.Text(r.Header.Get("Origin"), clip.Quote), "host", clip.Text(r.Host, clip.Quote), "refused", n)
	}
}
