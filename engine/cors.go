package engine

import (
	"net/http"
	"strconv"
	"strings"
)

// CORS says which pages of other origins may use polling. Without it no CORS
// headers are sent, so that browsers refuse them.
//
// CORS protects the user's browser, not the server: a request from an origin
// that is not allowed is still served, and WebSockets are not subject to it. Use
// [ServerOptions.AllowRequest] to turn requests away.
type CORS struct {
	// Origins are the allowed origins, such as "https://example.com". A nil list,
	// or one that holds "*", allows all.
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
// r was a preflight request and is answered. A [Server] does it for the requests
// that it serves; Handle is for what is served beside it.
func (c *CORS) Handle(w http.ResponseWriter, r *http.Request) (answered bool) {
	if !c.apply(w.Header(), r) {
		return false
	}
	w.Header().Set("Content-Length", "0")
	w.WriteHeader(http.StatusNoContent)
	return true
}

// apply adds the headers for r to h. It reports whether r was a preflight
// request, which is to be answered 204 and nothing else.
func (c *CORS) apply(h http.Header, r *http.Request) (preflight bool) {
	origin := r.Header.Get("Origin")
	switch {
	case c.AllowOrigin != nil:
		h.Add("Vary", "Origin")
		if origin == "" || !c.AllowOrigin(origin, r) {
			return false
		}
		h.Set("Access-Control-Allow-Origin", origin)
	case c.allowsAll():
		h.Set("Access-Control-Allow-Origin", "*")
	default:
		h.Add("Vary", "Origin")
		if c.allows(origin) {
			h.Set("Access-Control-Allow-Origin", origin)
		}
	}
	if c.Credentials {
		h.Set("Access-Control-Allow-Credentials", "true")
	}
	if len(c.ExposedHeaders) > 0 {
		h.Set("Access-Control-Expose-Headers", strings.Join(c.ExposedHeaders, ","))
	}
	if r.Method != http.MethodOptions {
		return false
	}

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
	return true
}

func (c *CORS) allowsAll() bool {
	if c.Origins == nil {
		return true
	}
	for _, o := range c.Origins {
		if o == "*" {
			return true
		}
	}
	return false
}

func (c *CORS) allows(origin string) bool {
	for _, o := range c.Origins {
		if o == origin {
			return origin != ""
		}
	}
	return false
}
