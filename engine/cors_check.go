package engine

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// validated returns a copy of c, or an [*OptionError] that names an entry that
// browsers would not honor.
func (c *CORS) validated() (*CORS, error) {
	out := *c
	if c.Credentials && c.AllowOrigin == nil && c.Origins == nil {
		return nil, &OptionError{"CORS.Credentials", true, "all origins are allowed, for which browsers do not accept credentials: set Origins or AllowOrigin"}
	}
	out.Origins = slices.Clone(c.Origins)
	for _, origin := range out.Origins {
		reason := invalidOrigin(origin)
		if c.Credentials && (origin == "*" || isOpaque(origin)) {
			reason = "stands for pages of any site, which must not send credentials: name the origins"
		}
		if reason != "" {
			return nil, &OptionError{"CORS.Origins", strconv.Quote(origin), reason}
		}
	}
	for _, f := range []struct {
		name string
		list *[]string
	}{
		{"CORS.Methods", &out.Methods},
		{"CORS.AllowedHeaders", &out.AllowedHeaders},
		{"CORS.ExposedHeaders", &out.ExposedHeaders},
	} {
		*f.list = slices.Clone(*f.list)
		for _, entry := range *f.list {
			if !isToken(entry) {
				return nil, &OptionError{f.name, strconv.Quote(entry), "must be a single name"}
			}
			if c.Credentials && entry == "*" {
				return nil, &OptionError{f.name, strconv.Quote(entry), "browsers take it literally together with Credentials: list the names"}
			}
		}
	}
	if c.MaxAge < 0 {
		return nil, &OptionError{"CORS.MaxAge", c.MaxAge, "must not be negative"}
	}
	return &out, nil
}

// invalidOrigin returns what is wrong with an origin of the options, or "". An origin
// must equal the ASCII serialization that browsers send (RFC 6454, section 6.2).
func invalidOrigin(origin string) string {
	if origin == "*" || isOpaque(origin) {
		return ""
	}
	scheme, host, ok := strings.Cut(origin, "://")
	_, port := splitPort(host)
	switch {
	case strings.Contains(origin, "*"):
		return "patterns are not supported: use AllowOrigin"
	case !ok || scheme == "":
		return "the scheme is missing, such as https://"
	case strings.ContainsAny(host, "/?#@,"):
		return "must be one scheme, host and perhaps port, without a path and without a slash at the end"
	case strings.IndexFunc(origin, func(c rune) bool { return c <= ' ' || c >= 0x7f }) >= 0:
		return "must consist of printable ASCII: browsers send the names of other hosts as xn--"
	case origin != strings.ToLower(origin):
		return "browsers send origins in lower case"
	case port != "" && port == defaultPort(scheme):
		return "browsers leave the default port out"
	case !validHost(origin, host, port):
		return "the host or the port is not valid"
	}
	return ""
}

// isOpaque reports whether an origin is shared by pages of any site: sandboxed frames
// and local files. Local files in Chromium send "file://" when they open a WebSocket
// and "null" when they poll; Cordova on Android also sends "file://".
func isOpaque(origin string) bool { return origin == "null" || origin == "file://" }

func validHost(origin, host, port string) bool {
	if port != "" {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return false
		}
	}
	u, err := url.Parse(origin)
	return err == nil && u.Host == host && u.Hostname() != "" && !strings.HasSuffix(host, ":")
}

// isToken reports whether s is a token (RFC 9110, section 5.6.2), as the names of
// methods and headers are.
func isToken(s string) bool {
	return s != "" && strings.Trim(s, "!#$%&'*+-.^_`|~0123456789"+
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") == ""
}
