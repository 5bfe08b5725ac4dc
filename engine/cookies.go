package engine

import (
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"sync"
)

// Bounds of what a server's cookies may make a connection hold and send. RFC 6265,
// section 6.1, asks for 50 cookies; most servers refuse a larger head.
const (
	maxCookies     = 50
	maxCookieBytes = 16 << 10
)

// A boundedJar keeps the cookies of one connection. All its requests have the same
// origin and path, so a cookie that does not apply to them is not kept, nor one for
// which there is no room.
type boundedJar struct {
	mu  sync.Mutex
	jar *cookiejar.Jar
}

func newBoundedJar() *boundedJar {
	jar, _ := cookiejar.New(nil) // it has no error to return
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

// applies reports whether a cookie is sent with requests for u (RFC 6265, section
// 5.4), as far as its path and its Secure attribute say. The jar looks at its domain.
func applies(c *http.Cookie, u *url.URL) bool {
	if c.Secure && u.Scheme != "https" {
		return false
	}
	if !strings.HasPrefix(c.Path, "/") {
		return true // its path is that of u
	}
	rest, ok := strings.CutPrefix(u.Path, c.Path)
	return ok && (rest == "" || rest[0] == '/' || strings.HasSuffix(c.Path, "/"))
}

// fits reports whether there is room for a cookie, in place of one with its name or
// beside the others.
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
