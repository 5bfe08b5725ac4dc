package engine

import (
	"crypto/tls"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// A Handshake is what is known of the request that opened a connection. It is
// a snapshot: an upgrade does not change it.
type Handshake struct {
	// Time is when the request was received.
	Time time.Time
	// RemoteAddr is the address of the network peer, as in [http.Request]. Behind
	// a proxy that is the proxy.
	RemoteAddr string
	// Host is the host that was asked for.
	Host string
	// URL is the request target: path and query.
	URL string
	// Header holds the request's headers.
	Header http.Header
	// Query holds the query parameters.
	Query url.Values
	// TLS is the state of the TLS connection, nil without TLS.
	TLS *tls.ConnectionState
}

// handshake is a Handshake in the form in which it waits, mostly for nothing,
// as long as the connection lives: one string instead of the request.
type handshake struct {
	time time.Time
	// lines holds the remote address, the host, the request target, and name and
	// value of each line of the header, each followed by a zero byte.
	lines string
	tls   *tls.ConnectionState
}

// newHandshake returns what is kept of a request. It returns false if that is more
// than limit bytes.
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
	return handshake{time: time.Now(), lines: b.String(), tls: r.TLS}, true
}

// Handshake returns the facts of the request that opened the connection. The
// caller may keep and modify what it gets.
func (c *Conn) Handshake() Handshake {
	rest := c.handshake.lines
	line := func() (s string) {
		s, rest, _ = strings.Cut(rest, "\x00")
		return s
	}
	out := Handshake{
		Time:       c.handshake.time,
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
		// What cannot be parsed is left out, as it was when the request came.
		out.Query, _ = url.ParseQuery(query)
	}
	return out
}
