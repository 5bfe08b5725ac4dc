package engine

import (
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"sync"
)

// Limits of the cookies that a connection stores and sends. RFC 6265, section 6.1,
// requires at least 50 cookies; most servers refuse a header larger than this.
const (
	maxCookies     = 50
	maxCookieBytes = 16 << 10
)

// A boundedJar stores the cookies of one connection. All its requests have the same
// origin and path, so it drops cookies that do not apply to them, and cookies that
// exceed its limits.
type boundedJar struct {
	mu  sync.Mutex
	jar *cookiejar.Jar
}

func newBoundedJar() *boundedJar {
	jar, _ := cookiejar.New(nil) // New never returns an error
	return &boundedJar{jar: jar}
}

// Cookies implements [http.CookieJar].
func (b *boundedJar) Cookies(u *url.URL) []*http.Cookie { return b.jar.Cookies(u) }

// SetCookies implements [http.CookieJar].
func (b *boundedJar) SetCookies(u *url.URL, cookies []*http.Cookie) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, cookie := range cookies {
		if applies(cookie, u) && b.fits(cookie, u) {
			b.jar.SetCookies(u, []*http.Cookie{cookie})
		}
	}
}

// applies reports whether the path and the Secure attribute of a cookie allow sending
// it with requests for u (RFC 6265, section 5.4). The jar checks its domain.
func applies(c *http.Cookie, u *url.URL) bool {
	if c.Secure && u.Scheme != "https" {
		return false
	}
	if !strings.HasPrefix(c.Path, "/") {
		return true // the default path matches u
	}
	rest, ok := strings.CutPrefix(u.Path, c.Path)
	return ok && (rest == "" || rest[0] == '/' || strings.HasSuffix(c.Path, "/"))
}

// fits reports whether a cookie fits, replacing one of the same name or in addition
// to the others.
func (b *boundedJar) fits(c *http.Cookie, u *url.URL) bool {
	n, bytes := 1, len(c.Name)+len(c.Value)
	replaced := false
	for _, other := range b.jar.Cookies(u) {
		if other.Name == c.Name && !replaced {
			replaced = true
			continue
		}
		n++
		bytes += len(other.Name) + len(other.Value)
	}
	return n <= maxCookies && bytes <= maxCookieBytes
}
