package engine

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
)

func TestCookiesAreBounded(t *testing.T) {
	t.Parallel()
	u, _ := url.Parse("http://example.com/engine.io/")
	numbered := func(n, size int) (all []*http.Cookie) {
		for i := range n {
			name := fmt.Sprint("c", 100+i)
			all = append(all, &http.Cookie{Name: name, Value: strings.Repeat("x", size-len(name)), Path: "/"})
		}
		return all
	}
	cookie := func(name, value string) *http.Cookie { return &http.Cookie{Name: name, Value: value, Path: "/"} }
	for name, test := range map[string]struct {
		cookies []*http.Cookie
		want    int
	}{
		"as many as may be":  {numbered(50, 10), 50},
		"too many":           {numbered(51, 10), 50},
		"as large as may be": {numbered(16, 1<<10), 16},
		"too large":          {append(numbered(16, 1<<10), cookie("a", "")), 16},
		"too large alone":    {[]*http.Cookie{cookie("a", strings.Repeat("x", 16<<10))}, 0},
		"replaced":           {append(numbered(50, 10), cookie("c100", "new")), 50},
		"deleted": {append(numbered(50, 10),
			&http.Cookie{Name: "c100", Path: "/", MaxAge: -1}, cookie("a", "1"), cookie("b", "1")), 50},
		"of other paths": {[]*http.Cookie{
			{Name: "a", Path: "/other"}, {Name: "b", Path: "/engine"}, {Name: "c", Path: "/engine.io/deeper"},
			{Name: "d", Path: "/engine.io"}, {Name: "e", Path: "/engine.io/"}, {Name: "f", Path: "/"}, {Name: "g"}, {Name: "h", Path: "relative"},
		}, 5},
		"secure":           {[]*http.Cookie{{Name: "a", Secure: true}}, 0},
		"of another host":  {[]*http.Cookie{{Name: "a", Domain: "example.org"}}, 0},
		"of many paths":    {[]*http.Cookie{cookie("a", strings.Repeat("x", 10<<10)), {Name: "a", Value: strings.Repeat("x", 10<<10), Path: "/engine.io/"}, {Name: "a", Value: strings.Repeat("x", 10<<10), Path: "/engine.io"}}, 2},
		"of the same name": {[]*http.Cookie{cookie("a", "1"), cookie("a", "2"), cookie("a", "3")}, 1},
	} {
		jar := newBoundedJar()
		jar.SetCookies(u, test.cookies)
		if got := jar.Cookies(u); len(got) != test.want {
			t.Errorf("%s: %d cookies are kept, want %d", name, len(got), test.want)
		}
	}
	jar := newBoundedJar()
	jar.SetCookies(u, append(numbered(50, 10), cookie("c100", "new")))
	if got := jar.Cookies(u); got[0].Value != "new" && got[len(got)-1].Value != "new" {
		t.Error("a full jar does not replace a cookie")
	}
}

// What a server sets with every answer to a poll does not grow.
func TestHostileCookies(t *testing.T) {
	t.Parallel()
	var polls, largest atomic.Int64
	enough := make(chan bool, 1)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		largest.Store(max(largest.Load(), int64(len(r.Header.Get("Cookie")))))
		if r.URL.Query().Get("sid") == "" {
			http.SetCookie(w, &http.Cookie{Name: "route", Value: "a"})
			fmt.Fprint(w, `0{"sid":"s","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}`)
			return
		}
		if c, err := r.Cookie("route"); err != nil || c.Value != "a" {
			t.Errorf("the cookie that routes is %v, %v", c, err)
		}
		n := polls.Add(1)
		for i := range 50 {
			http.SetCookie(w, &http.Cookie{Name: fmt.Sprintf("c%d.%d", n, i), Value: strings.Repeat("x", 1000), Path: "/"})
		}
		fmt.Fprint(w, "6")
		if n == 30 {
			enough <- true
		}
	}))
	defer srv.Close()
	defer srv.CloseClientConnections()
	c, err := Dial(context.Background(), srv.URL, &DialOptions{Transports: []Transport{Polling}, Logger: slog.New(slog.DiscardHandler)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	<-enough
	c.Close()
	<-c.Done()
	if n := int(largest.Load()); n > maxCookieBytes+maxCookies*len("=; ") {
		t.Errorf("a request has %d bytes of cookies", n)
	}
}
