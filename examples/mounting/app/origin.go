package app

import (
	"net"
	"net/http"
	"slices"

	"github.com/seed96b07ef8/socketio"
)

// allowsOrigin reports whether the request is from one of our own pages or from a
// program. Browsers send the page's origin with all cross-origin requests and
// with every WebSocket. Programs need not send an origin, and control their
// cookies themselves anyway.
func (a *App) allowsOrigin(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	return origin == "" || origin == a.scheme(r)+"://"+r.Host || a.isOther(origin, r)
}

// isOther reports whether origin is one of the others that are allowed.
func (a *App) isOther(origin string, _ *http.Request) bool {
	return slices.Contains(a.opts.Origins, origin)
}

// addCORS lets pages of other origins that are allowed see an answer of Login.
// For the paths of Socket.IO, engine.CORS does more of this.
func (a *App) addCORS(h http.Header, r *http.Request) {
	h.Add("Vary", "Origin")
	if origin := r.Header.Get("Origin"); a.isOther(origin, r) {
		h.Set("Access-Control-Allow-Origin", origin)
		h.Set("Access-Control-Allow-Credentials", "true")
	}
}

// scheme returns how the client reached us, or our proxy.
func (a *App) scheme(r *http.Request) string {
	if r.TLS != nil || a.opts.TrustProxy && r.Header.Get("X-Forwarded-Proto") == "https" {
		return "https"
	}
	return "http"
}

// address returns where the client is.
func (a *App) address(h socketio.Handshake) string {
	if forwarded := h.Header.Get("X-Forwarded-For"); a.opts.TrustProxy && forwarded != "" {
		return forwarded
	}
	host, _, err := net.SplitHostPort(h.RemoteAddr)
	if err != nil {
		return h.RemoteAddr
	}
	return host
}
