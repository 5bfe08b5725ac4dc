package engine

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// CORS says which pages of other origins may connect, and lets their browsers show
// them the answers to polling requests.
//
// The requests of other pages are refused, see [ServerOptions].CORS. It does not matter
// whether Origins or AllowOrigin allows an origin.
type CORS struct {
	// Origins are the allowed origins, as browsers send them: scheme, host, and port
	// unless it is the default one, such as "https://example.com" or
	// "http://localhost:5173". A nil list, or one that holds "*", allows all. "null" is
	// what sandboxed frames and local files send, of whatever site.
	Origins []string
	// AllowOrigin, if set, decides instead of Origins.
	AllowOrigin func(origin string, r *http.Request) bool
	// Credentials lets pages send cookies. With it, name the Origins: browsers do
	// not accept "*" then.
	Credentials bool
	// Methods are those of Access-Control-Allow-Methods.
	// Default GET,HEAD,PUT,PATCH,POST,DELETE.
	Methods []string
	// AllowedHeaders are those of Access-Control-Allow-Headers. Default: whatever
	// the browser asks for.
	AllowedHeaders []string
	// ExposedHeaders are those of Access-Control-Expose-Headers. Default: none.
	ExposedHeaders []string
	// MaxAge is how many seconds a browser may keep the answer to a preflight
	// request. Default 0: the browser decides.
	MaxAge int
}

// Handle adds the headers for r to the answer. It returns true when that was all:
// r was a preflight request of an allowed origin and is answered. A [Server] does it
// for the requests that it serves; Handle is for what is served beside it.
func (c *CORS) Handle(w http.ResponseWriter, r *http.Request) (answered bool) {
	if !c.apply(w.Header(), r) || !isPreflight(r) {
		return false
	}
	c.answerPreflight(w, r)
	return true
}

// isPreflight reports whether a browser asks on behalf of a page whether it may make a
// request (Fetch, section 3.2.2).
func isPreflight(r *http.Request) bool {
	return r.Method == http.MethodOptions && r.Header.Get("Origin") != ""
}

// apply adds the headers for r to h. It reports whether r comes from a page whose
// origin is allowed.
func (c *CORS) apply(h http.Header, r *http.Request) (allowed bool) {
	origin := r.Header.Get("Origin")
	if c.allowsAll() {
		h.Set("Access-Control-Allow-Origin", "*")
	} else {
		h.Add("Vary", "Origin")
		if origin == "" || !c.allows(origin, r) {
			return false
		}
		h.Set("Access-Control-Allow-Origin", origin)
	}
	if c.Credentials {
		h.Set("Access-Control-Allow-Credentials", "true")
	}
	if len(c.ExposedHeaders) > 0 {
		h.Set("Access-Control-Expose-Headers", strings.Join(c.ExposedHeaders, ","))
	}
	return origin != ""
}

// answerPreflight answers a preflight request of an allowed origin.
func (c *CORS) answerPreflight(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	methods := "GET,HEAD,PUT,PATCH,POST,DELETE"
	if len(c.Methods) > 0 {
		methods = strings.Join(c.Methods, ",")
	}
	h.Set("Access-Control-Allow-Methods", methods)
	if len(c.AllowedHeaders) > 0 {
		h.Set("Access-Control-Allow-Headers", strings.Join(c.AllowedHeaders, ","))
	} else {
		h.Add("Vary", "Access-Control-Request-Headers")
		if wanted := r.Header.Get("Access-Control-Request-Headers"); wanted != "" {
			h.Set("Access-Control-Allow-Headers", wanted)
		}
	}
	if c.MaxAge > 0 {
		h.Set("Access-Control-Max-Age", strconv.Itoa(c.MaxAge))
	}
	h.Set("Content-Length", "0")
	w.WriteHeader(http.StatusNoContent)
}

func (c *CORS) allowsAll() bool {
	return c.AllowOrigin == nil && (c.Origins == nil || slices.Contains(c.Origins, "*"))
}

func (c *CORS) allows(origin string, r *http.Request) bool {
	if c.AllowOrigin != nil {
		return c.AllowOrigin(origin, r)
	}
	return slices.Contains(c.Origins, origin)
}
