package client

import (
	"net"
	"net/url"
	"strings"

	"github.com/seed96b07ef8/socketio/internal/redact"
)

// maxURL is the length of the longest URL that is accepted.
const maxURL = 8000

// schemeNeeded is what is wrong with a URL without a scheme, or with another one.
const schemeNeeded = "it has to start with https://, http://, wss:// or ws://"

// A target is what a URL says.
type target struct {
	scheme    string // http or https
	user      *url.Userinfo
	host      string // with the port
	query     url.Values
	namespace string
}

// parseURL takes a URL apart. The path is the namespace of [New]; where the server is
// mounted is an option.
func parseURL(raw string) (*target, error) {
	bad := func(reason string) (*target, error) {
		return nil, &OptionError{Field: "url", Value: shorten(redact.URL(raw)), Reason: reason}
	}
	if len(raw) > maxURL {
		return bad("it is too long")
	}
	u, err := url.Parse(raw)
	if err != nil {
		if !strings.Contains(raw, "://") { // "127.0.0.1:3000"; the parser speaks of path segments
			return bad(schemeNeeded)
		}
		return bad(redact.Reason(err))
	}
	t := &target{user: u.User, query: u.Query()}
	port := "80"
	switch u.Scheme {
	case "http", "ws":
		t.scheme = "http"
	case "https", "wss":
		t.scheme, port = "https", "443"
	default:
		return bad(schemeNeeded)
	}
	if u.Hostname() == "" {
		return bad("it names no host")
	}
	if u.Port() != "" {
		port = u.Port()
	}
	t.host = net.JoinHostPort(strings.ToLower(u.Hostname()), port)
	// Servers compare names of namespaces as they are on the wire, so the path is
	// taken as it was written.
	_, rest, _ := strings.Cut(raw, "//")
	if i := strings.IndexAny(rest, "?#"); i >= 0 {
		rest = rest[:i]
	}
	if i := strings.IndexByte(rest, '/'); i >= 0 {
		t.namespace = rest[i:]
	}
	return t, nil
}

// parseSocketURL is parseURL for a URL whose path has to be a valid namespace.
func parseSocketURL(raw string) (*target, error) {
	t, err := parseURL(raw)
	if err == nil {
		t.namespace, err = namespaceName(t.namespace)
	}
	return t, err
}

// namespaceName returns the name of a namespace as it is on the wire, also of one that is
// not valid, so that each has a socket with an error of its own.
func namespaceName(name string) (string, error) {
	if !strings.HasPrefix(name, "/") {
		name = "/" + name
	}
	if strings.Contains(name, ",") {
		return name, &OptionError{Field: "namespace", Value: name, Reason: "it must not contain a comma"}
	}
	return name, nil
}

// engineURL returns where the server's connections are opened. With exact, path is in
// the form that it has in URLs.
func (t *target) engineURL(path string, exact bool) string {
	u := url.URL{Scheme: t.scheme, User: t.user, Host: t.host, Path: path}
	if exact {
		u.Path = ""
		return u.String() + path
	}
	return u.String()
}

// String returns the URL without user, path and query.
func (t *target) String() string { return t.scheme + "://" + t.host }

// key identifies a server: sockets with the same key may share a connection.
func (t *target) key(path string) string {
	return t.engineURL(path, false) + "?" + t.query.Encode()
}

func shorten(s string) string {
	if len(s) > 100 {
		return s[:100] + "..."
	}
	return s
}
