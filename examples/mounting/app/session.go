package app

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	sessionCookie   = "session"
	sessionLifetime = 12 * time.Hour
)

// Sessions is ordinary HTTP middleware that stores the user in the request's
// context. It refuses no requests: the handlers do, because they know the form
// of the response.
func (a *App) Sessions(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c, err := r.Cookie(sessionCookie); err == nil {
			if user, ok := a.verify(c.Value, time.Now()); ok {
				r = r.WithContext(withUser(r.Context(), user))
			}
		}
		next.ServeHTTP(w, r)
	})
}

type userKey struct{}

func withUser(ctx context.Context, user string) context.Context {
	return context.WithValue(ctx, userKey{}, user)
}

// User returns the logged-in user, or "" if there is none. It accepts the context
// of a request that passed Sessions, and that of a socket and its handlers.
func User(ctx context.Context) string {
	user, _ := ctx.Value(userKey{}).(string)
	return user
}

// Login serves POST /login with the form value user. This is where a password
// would be checked.
func (a *App) Login(w http.ResponseWriter, r *http.Request) {
	a.addCORS(w.Header(), r)
	if !a.allowsOrigin(r) { // otherwise a page could log its visitors in as another user
		http.Error(w, errOrigin.Error(), http.StatusForbidden)
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, 1<<10)
	user := strings.TrimSpace(r.PostFormValue("user"))
	if user == "" {
		http.Error(w, "user is missing", http.StatusBadRequest)
		return
	}
	http.SetCookie(w, &http.Cookie{
		Name:     sessionCookie,
		Value:    a.sign(user, time.Now().Add(sessionLifetime)),
		Path:     "/",
		MaxAge:   int(sessionLifetime / time.Second),
		HttpOnly: true,
		Secure:   a.scheme(r) == "https",
		// Pages of other sites need SameSite=None, which needs Secure. Another
		// subdomain of the same site does not count as one.
		SameSite: http.SameSiteLaxMode,
	})
	w.WriteHeader(http.StatusNoContent)
}

// A session cookie contains the user, its expiry time, and a signature of both.

func (a *App) sign(user string, end time.Time) string {
	payload := base64.RawURLEncoding.EncodeToString([]byte(user)) + "." + strconv.FormatInt(end.Unix(), 10)
	return payload + "." + base64.RawURLEncoding.EncodeToString(a.mac(payload))
}

func (a *App) verify(cookie string, now time.Time) (user string, ok bool) {
	i := strings.LastIndexByte(cookie, '.')
	if i < 0 {
		return "", false
	}
	payload := cookie[:i]
	mac, err := base64.RawURLEncoding.DecodeString(cookie[i+1:])
	if err != nil || !hmac.Equal(mac, a.mac(payload)) {
		return "", false
	}
	// From here on it is what sign has made.
	name, end, _ := strings.Cut(payload, ".")
	seconds, err := strconv.ParseInt(end, 10, 64)
	if err != nil || now.Unix() >= seconds {
		return "", false
	}
	b, err := base64.RawURLEncoding.DecodeString(name)
	return string(b), err == nil
}

func (a *App) mac(payload string) []byte {
	h := hmac.New(sha256.New, a.opts.Key)
	h.Write([]byte(payload))
	return h.Sum(nil)
}

func randomKey() []byte {
	key := make([]byte, 32)
	rand.Read(key) // never fails
	return key
}
