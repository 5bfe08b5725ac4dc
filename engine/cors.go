package engine

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// CORS configures which pages of other origins may connect and read the responses to
// polling requests (Fetch standard, section 3.2).
//
// The server refuses requests of other pages, see [ServerOptions].CORS. Origins and
// AllowOrigin are equivalent ways to allow an origin.
type CORS struct {
	// Origins lists the allowed origins in the form that browsers send (RFC 6454,
	// section 6.2): scheme, host, and port unless it is the default, such as
	// "https://example.com" or "http://localhost:5173". A nil list, or one that
	// contains "*", allows all origins. Sandboxed frames and local files of any site
	// send "null"; local files in Chromium send "file://" when they open a WebSocket.
	// With Credentials neither is allowed.
	Origins []string
	// AllowOrigin, if set, decides instead of Origins.
	AllowOrigin func(origin string, r *http.Request) bool
	// Credentials allows pages to send cookies. It requires named Origins, because
	// browsers do not accept "*" with credentials.
	Credentials bool
	// Methods is the value of Access-Control-Allow-Methods. Default:
	// GET,HEAD,PUT,PATCH,POST,DELETE.
	Methods []string
	// AllowedHeaders is the value of Access-Control-Allow-Headers. Default: the
	// headers that the browser requests.
	AllowedHeaders []string
	// ExposedHeaders is the value of Access-Control-Expose-Headers. Default: none.
	ExposedHeaders []string
	// MaxAge is how many seconds a browser may cache the response to a preflight
	// request. Default 0: the browser decides.
	MaxAge int
}

// Handle adds the CORS headers for r to the response. It returns true if it has
// answered r, a preflight request of an allowed origin. A [Server] calls it for its
// own requests; use it for other handlers of the same http.Server.
func (c *CORS) Handle(w http.ResponseWriter, r *http.Request) (answered bool) {
	if !c.apply(w.Header(), r) || !isPreflight(r) {
		return false
	}
	c.answerPreflight(w, r)
	return true
}

// isPreflight reports whether r, which a page sent, is a preflight request (Fetch
// standard, section 3.2.2).
func isPreflight(r *http.Request) bool { return r.Method == http.MethodOptions }

// apply adds the CORS headers for r to h. It reports whether r is the request of a
// page whose origin is allowed.
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
