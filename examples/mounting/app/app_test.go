package app

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestSessionCookie(t *testing.T) {
	a, b := New(Options{Key: []byte("a")}), New(Options{Key: []byte("b")})
	now := time.Now()
	for _, user := range []string{"ada", "Zoë.Ω; \"x\"", strings.Repeat("x", 200)} {
		cookie := a.sign(user, now.Add(time.Hour))
		if got, ok := a.verify(cookie, now); !ok || got != user {
			t.Errorf("got %q, %v, want %q", got, ok, user)
		}
		if (&http.Cookie{Name: sessionCookie, Value: cookie}).Valid() != nil {
			t.Errorf("%q cannot be the value of a cookie", cookie)
		}
		payload, mac := cookie[:strings.LastIndexByte(cookie, '.')], cookie[strings.LastIndexByte(cookie, '.'):]
		for name, forged := range map[string]string{
			"expired":         a.sign(user, now),
			"another key":     b.sign(user, now.Add(time.Hour)),
			"another user":    "x" + cookie,
			"extended":        payload + "0" + mac,
			"another mac":     payload + mac[:len(mac)-4] + "AAAA",
			"short mac":       cookie[:len(cookie)-4],
			"no mac":          payload,
			"an empty mac":    payload + ".",
			"nothing":         "",
			"not base64":      payload + ".???",
			"only the name":   user,
			"mac and nothing": mac,
		} {
			if got, ok := a.verify(forged, now); ok {
				t.Errorf("%s: %q is accepted as %q", name, forged, got)
			}
		}
	}
}

func TestScheme(t *testing.T) {
	r, err := http.NewRequest("GET", "/", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Forwarded-Proto", "https")
	if got := New(Options{}).scheme(r); got != "http" {
		t.Errorf("got %s: anybody can send this header", got)
	}
	if got := New(Options{TrustProxy: true}).scheme(r); got != "https" {
		t.Errorf("got %s behind our proxy", got)
	}
}

func TestServe(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listener.Close()
	a := New(Options{})
	if err := Serve(t.Context(), listener, nil, a, a); !errors.Is(err, net.ErrClosed) {
		t.Errorf("with a closed listener: %v", err)
	}
	if listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := Serve(ctx, listener, nil, a, a); err != nil {
		t.Errorf("asked to end: %v", err)
	}
}
