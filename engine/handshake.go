package engine

import (
	"crypto/tls"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// A Handshake describes the request that opened a connection. It is a snapshot: an
// upgrade does not change it.
type Handshake struct {
	// Time is when the request was received.
	Time time.Time
	// RemoteAddr is the network address of the peer, as in [http.Request]. Behind a
	// proxy it is the address of the proxy.
	RemoteAddr string
	// Host is the requested host, as in [http.Request].
	Host string
	// URL is the request target: path and query.
	URL string
	// Header holds the headers of the request.
	Header http.Header
	// Query holds the query parameters.
	Query url.Values
	// TLS is the state of the TLS connection, nil without TLS.
	TLS *tls.ConnectionState
}

// handshake is the compact form of a Handshake that a connection keeps: one string
// instead of the request. Most connections never need more.
type handshake struct {
	received int64 // Unix time in nanoseconds
	// lines holds the remote address, the host, the request target, and the name and
	// value of each header line, each followed by a zero byte.
	lines string
	tls   *tls.ConnectionState
}

// newHandshake returns the compact form of a request. It returns false if that
// exceeds limit bytes.
func newHandshake(r *http.Request, limit int) (handshake, bool) {
	target := r.RequestURI
	if target == "" {
		target = r.URL.RequestURI()
	}
	size := len(r.RemoteAddr) + len(r.Host) + len(target) + 3
	for name, values := range r.Header {
		for _, v := range values {
			size += len(name) + len(v) + 2
		}
	}
	if size > limit {
		return handshake{}, false
	}
	var b strings.Builder
	b.Grow(size)
	add := func(line string) {
		b.WriteString(line)
		b.WriteByte(0)
	}
	add(r.RemoteAddr)
	add(r.Host)
	add(target)
	for name, values := range r.Header {
		for _, v := range values {
			add(name)
			add(v)
		}
	}
	return handshake{received: time.Now().UnixNano(), lines: b.String(), tls: r.TLS}, true
}

// Handshake returns a description of the request that opened the connection. The
// caller may keep and modify it.
func (c *Conn) Handshake() Handshake {
	rest := c.handshake.lines
	line := func() (s string) {
		s, rest, _ = strings.Cut(rest, "\x00")
		return s
	}
	out := Handshake{
		Time:       time.Unix(0, c.handshake.received),
		RemoteAddr: line(),
		Host:       line(),
		URL:        line(),
		Header:     make(http.Header),
		Query:      url.Values{},
		TLS:        c.handshake.tls,
	}
	for rest != "" {
		name := line()
		out.Header[name] = append(out.Header[name], line())
	}
	if _, query, ok := strings.Cut(out.URL, "?"); ok {
		// Invalid parameters are omitted, as they were when the request arrived.
		out.Query, _ = url.ParseQuery(query)
	}
	return out
}
