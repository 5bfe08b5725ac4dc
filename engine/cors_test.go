package engine_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/seed96b07ef8/socketio/engine"
)

func TestCORS(t *testing.T) {
	t.Parallel()
	const (
		handshake = "EIO=4&transport=polling"
		ours      = "https://ours.example"
		other     = "https://other.example"
		methods   = "GET,HEAD,PUT,PATCH,POST,DELETE"
	)
	list := &engine.CORS{Origins: []string{ours, "https://second.example"}}
	full := &engine.CORS{
		Origins: []string{ours}, Credentials: true, Methods: []string{"GET", "POST"},
		AllowedHeaders: []string{"X-A", "X-B"}, ExposedHeaders: []string{"X-C", "X-D"}, MaxAge: 60,
	}
	for _, test := range []struct {
		name    string
		cors    *engine.CORS
		method  string
		headers []string
		status  int
		want    map[string]string // all CORS headers of the response
	}{
		{"off by default", nil, "GET", []string{"Origin", ours}, 403, nil},
		{"preflight when off", nil, "OPTIONS", []string{"Origin", ours}, 403, nil},
		{"all", &engine.CORS{}, "GET", []string{"Origin", ours}, 200, map[string]string{"Allow-Origin": "*"}},
		{"all without an origin", &engine.CORS{}, "GET", nil, 200, map[string]string{"Allow-Origin": "*"}},
		{"star in a list", &engine.CORS{Origins: []string{ours, "*"}}, "GET", []string{"Origin", other}, 200, map[string]string{"Allow-Origin": "*"}},
		{"preflight", &engine.CORS{}, "OPTIONS", []string{"Origin", ours}, 204, map[string]string{
			"Allow-Origin": "*", "Allow-Methods": methods, "Vary": "Access-Control-Request-Headers"}},
		{"preflight with headers", &engine.CORS{}, "OPTIONS", []string{"Origin", ours, "Access-Control-Request-Headers", "x-a, x-b"}, 204, map[string]string{
			"Allow-Origin": "*", "Allow-Methods": methods, "Allow-Headers": "x-a, x-b", "Vary": "Access-Control-Request-Headers"}},
		{"listed", list, "GET", []string{"Origin", ours}, 200, map[string]string{"Allow-Origin": ours, "Vary": "Origin"}},
		{"similar", list, "GET", []string{"Origin", ours + ".evil.example"}, 403, map[string]string{"Vary": "Origin"}},
		{"none", &engine.CORS{Origins: []string{}}, "GET", []string{"Origin", ours}, 403, map[string]string{"Vary": "Origin"}},
		{"none, without an origin", &engine.CORS{Origins: []string{}}, "GET", nil, 200, map[string]string{"Vary": "Origin"}},
		{"everything", full, "GET", []string{"Origin", ours}, 200, map[string]string{
			"Allow-Origin": ours, "Allow-Credentials": "true", "Expose-Headers": "X-C,X-D", "Vary": "Origin"}},
		{"everything, preflight", full, "OPTIONS", []string{"Origin", ours}, 204, map[string]string{
			"Allow-Origin": ours, "Allow-Credentials": "true", "Expose-Headers": "X-C,X-D", "Vary": "Origin",
			"Allow-Methods": "GET,POST", "Allow-Headers": "X-A,X-B", "Max-Age": "60"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := start(t, &engine.ServerOptions{CORS: test.cors})
			r := h.request(test.method, handshake, "", test.headers...)
			if r.status != test.status {
				t.Errorf("got %d %s, want %d", r.status, r.body, test.status)
			}
			if r.status == http.StatusNoContent && (r.body != "" || r.header.Get("Content-Length") != "") {
				// RFC 9110, section 8.6: an answer with 204 has neither.
				t.Errorf("got body %q, header %v, want no body and no Content-Length", r.body, r.header)
			}
			wantCORS(t, r.header, test.want)
		})
	}

	// A list and a function that allow the same origins are the same, for every kind of
	// request.
	for name, cors := range map[string]*engine.CORS{
		"list":     {Origins: []string{ours}, Credentials: true, ExposedHeaders: []string{"X-C"}},
		"function": {AllowOrigin: func(origin string, _ *http.Request) bool { return origin == ours }, Credentials: true, ExposedHeaders: []string{"X-C"}},
	} {
		for _, test := range []struct {
			name, method, query            string
			allowed, foreign, own, without int // status, by origin
		}{
			{"handshake", "GET", handshake, 200, 403, 200, 200},
			{"preflight", "OPTIONS", handshake, 204, 403, 400, 400},
			{"unknown session", "GET", handshake + "&sid=x", 400, 403, 400, 400},
			{"data for an unknown session", "POST", handshake + "&sid=x", 400, 403, 400, 400},
			{"preflight with a session", "OPTIONS", handshake + "&sid=x", 204, 403, 400, 400},
			{"wrong method", "PUT", handshake, 400, 403, 400, 400},
			{"revision 3", "GET", "EIO=3&transport=polling", 400, 403, 400, 400},
		} {
			t.Run(name+"/"+test.name, func(t *testing.T) {
				h := start(t, &engine.ServerOptions{CORS: cors})
				_, host, _ := strings.Cut(strings.TrimSuffix(h.url, "/engine.io/"), "://")
				for origin, status := range map[string]int{
					ours: test.allowed, other: test.foreign, "null": test.foreign, "https://" + host: test.own, "": test.without,
				} {
					var headers []string
					if origin != "" {
						headers = []string{"Origin", origin, "Access-Control-Request-Method", "POST"}
					}
					r := h.request(test.method, test.query, "", headers...)
					if r.status != status {
						t.Errorf("origin %q: got %d %s, want %d", origin, r.status, r.body, status)
					}
					want := map[string]string{"Vary": "Origin"}
					if origin == ours {
						want = map[string]string{"Allow-Origin": ours, "Allow-Credentials": "true", "Expose-Headers": "X-C", "Vary": "Origin"}
					}
					if r.status == http.StatusNoContent {
						want["Allow-Methods"] = methods
					}
					wantCORS(t, r.header, want)
				}
			})
		}
	}

	t.Run("errors", func(t *testing.T) {
		h := start(t, &engine.ServerOptions{CORS: list})
		r := h.request("GET", handshake+"&sid=unknown", "", "Origin", ours)
		wantReply(t, r, 400, `{"code":1,"message":"Session ID unknown"}`)
		wantCORS(t, r.header, map[string]string{"Allow-Origin": ours, "Vary": "Origin"})
	})
	t.Run("session and WebSocket", func(t *testing.T) {
		h := start(t, &engine.ServerOptions{CORS: list})
		p := h.poll()
		want := map[string]string{"Allow-Origin": ours, "Vary": "Origin"}
		r := h.request("POST", p.query, "4x", "Origin", ours)
		wantReply(t, r, 200, "ok")
		wantCORS(t, r.header, want)
		wantCORS(t, h.dialWebSocket("EIO=4&transport=websocket", "Origin", ours).resp.Header, want)
	})
}

// AllowOrigin is called only for requests of pages, so that it may take any origin apart,
// and requests without an origin get no Access-Control-Allow-Origin.
func TestAllowOriginWithoutOrigin(t *testing.T) {
	t.Parallel()
	h := start(t, &engine.ServerOptions{CORS: &engine.CORS{AllowOrigin: func(origin string, _ *http.Request) bool {
		if origin == "" {
			t.Error("AllowOrigin was called for a request without an origin")
		}
		return true
	}}})
	r := h.request("GET", "EIO=4&transport=polling", "")
	if r.status != 200 {
		t.Errorf("got %d %s, want 200", r.status, r.body)
	}
	wantCORS(t, r.header, map[string]string{"Vary": "Origin"})
}

// Handle answers preflight requests of allowed origins, and leaves all others, with the
// headers that they need, to the handler behind it.
func TestCORSHandle(t *testing.T) {
	t.Parallel()
	const ours = "https://ours.example"
	allowed := map[string]string{"Allow-Origin": ours, "Vary": "Origin"}
	preflight := map[string]string{
		"Allow-Origin": ours, "Vary": "Origin; Access-Control-Request-Headers", "Allow-Methods": "GET,HEAD,PUT,PATCH,POST,DELETE",
	}
	cors := &engine.CORS{Origins: []string{ours}}
	for _, test := range []struct {
		method, origin string
		answered       bool
		want           map[string]string
	}{
		{"OPTIONS", ours, true, preflight},
		{"GET", ours, false, allowed},
		{"OPTIONS", "https://other.example", false, map[string]string{"Vary": "Origin"}},
		{"OPTIONS", "", false, map[string]string{"Vary": "Origin"}},
	} {
		r, w := newRequest(test.method, "")
		if test.origin != "" {
			r.Header.Set("Origin", test.origin)
		}
		answered := cors.Handle(w, r)
		if answered != test.answered || answered && w.Code != http.StatusNoContent {
			t.Errorf("%s from %q: answered %v with %d, want %v", test.method, test.origin, answered, w.Code, test.answered)
		}
		if n, ok := w.Header()["Content-Length"]; ok {
			t.Errorf("%s from %q: got Content-Length %v, want none", test.method, test.origin, n)
		}
		wantCORS(t, w.Header(), test.want)
	}
}

func wantCORS(t *testing.T, h http.Header, want map[string]string) {
	t.Helper()
	got := make(map[string]string)
	for name, values := range h {
		if short, ok := strings.CutPrefix(name, "Access-Control-"); ok {
			got[short] = strings.Join(values, "; ")
		}
	}
	if vary := h.Values("Vary"); len(vary) > 0 {
		got["Vary"] = strings.Join(vary, "; ")
	}
	if len(got) != len(want) {
		t.Errorf("got %v, want %v", got, want)
		return
	}
	for name, value := range want {
		if name == "Vary" && slices.Contains(h.Values("Vary"), value) {
			continue
		}
		if got[name] != value {
			t.Errorf("%s: got %q, want %q", name, got[name], value)
		}
	}
}
