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
// as long as the connection lives: a few strings instead of the request.
type handshake struct {
	time       time.Time
	remoteAddr string
	host       string
	url        string
	header     string // name and value of each line, each followed by a zero byte
	tls        *tls.ConnectionState
}

func newHandshake(r *http.Request) *handshake {
	size := 0
	for name, values := range r.Header {
		for _, v := range values {
			size += len(name) + len(v) + 2
		}
	}
	var b strings.Builder
	b.Grow(size)
	for name, values := range r.Header {
		for _, v := range values {
			b.WriteString(name)
			b.WriteByte(0)
			b.WriteString(v)
			b.WriteByte(0)
		}
	}
	target := r.RequestURI
	if target == "" {
		target = r.URL.RequestURI()
	}
	return &handshake{
		time:       time.Now(),
		remoteAddr: r.RemoteAddr,
		host:       strings.Clone(r.Host),
		url:        target,
		header:     b.String(),
		tls:        r.TLS,
	}
}

// Handshake returns the facts of the request that opened the connection. The
// caller may keep and modify what it gets.
func (c *Conn) Handshake() Handshake {
	h := c.handshake
	out := Handshake{
		Time:       h.time,
		RemoteAddr: h.remoteAddr,
		Host:       h.host,
		URL:        h.url,
		Header:     make(http.Header),
		Query:      url.Values{},
		TLS:        h.tls,
	}
	for rest := h.header; rest != ""; {
		var name, value string
		name, rest, _ = strings.Cut(rest, "\x00")
		value, rest, _ = strings.Cut(rest, "\x00")
		out.Header[name] = append(out.Header[name], value)
	}
	if _, query, ok := strings.Cut(h.url, "?"); ok {
		// What cannot be parsed is left out, as it was when the request came.
		out.Query, _ = url.ParseQuery(query)
	}
	return out
}
