package engine_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/seed96b07ef8/socketio/engine"
)

func TestCORS(t *testing.T) {
	const (
		handshake = "EIO=4&transport=polling"
		ours      = "https://ours.example"
		other     = "https://other.example"
		methods   = "GET,HEAD,PUT,PATCH,POST,DELETE"
	)
	list := &engine.CORS{Origins: []string{ours, "https://second.example"}}
	function := &engine.CORS{AllowOrigin: func(origin string, r *http.Request) bool {
		return origin == ours && r.URL.Query().Get("EIO") == "4"
	}}
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
		want    map[string]string // of the headers that concern CORS, all there are
	}{
		{"off by default", nil, "GET", []string{"Origin", ours}, 200, nil},
		{"preflight when off", nil, "OPTIONS", []string{"Origin", ours}, 400, nil},
		{"all", &engine.CORS{}, "GET", []string{"Origin", ours}, 200, map[string]string{"Allow-Origin": "*"}},
		{"all without an origin", &engine.CORS{}, "GET", nil, 200, map[string]string{"Allow-Origin": "*"}},
		{"star in a list", &engine.CORS{Origins: []string{ours, "*"}}, "GET", []string{"Origin", other}, 200, map[string]string{"Allow-Origin": "*"}},
		{"preflight", &engine.CORS{}, "OPTIONS", []string{"Origin", ours}, 204, map[string]string{
			"Allow-Origin": "*", "Allow-Methods": methods, "Vary": "Access-Control-Request-Headers"}},
		{"preflight with headers", &engine.CORS{}, "OPTIONS", []string{"Origin", ours, "Access-Control-Request-Headers", "x-a, x-b"}, 204, map[string]string{
			"Allow-Origin": "*", "Allow-Methods": methods, "Allow-Headers": "x-a, x-b", "Vary": "Access-Control-Request-Headers"}},
		{"listed", list, "GET", []string{"Origin", ours}, 200, map[string]string{"Allow-Origin": ours, "Vary": "Origin"}},
		{"not listed", list, "GET", []string{"Origin", other}, 200, map[string]string{"Vary": "Origin"}},
		{"similar", list, "GET", []string{"Origin", ours + ".evil.example"}, 200, map[string]string{"Vary": "Origin"}},
		{"null origin", list, "GET", []string{"Origin", "null"}, 200, map[string]string{"Vary": "Origin"}},
		{"list without an origin", list, "GET", nil, 200, map[string]string{"Vary": "Origin"}},
		{"nobody", &engine.CORS{Origins: []string{}}, "GET", []string{"Origin", ours}, 200, map[string]string{"Vary": "Origin"}},
		{"empty origin is no match", &engine.CORS{Origins: []string{""}}, "GET", nil, 200, map[string]string{"Vary": "Origin"}},
		{"function agrees", function, "GET", []string{"Origin", ours}, 200, map[string]string{"Allow-Origin": ours, "Vary": "Origin"}},
		{"function refuses", function, "GET", []string{"Origin", other}, 200, map[string]string{"Vary": "Origin"}},
		{"function refuses a preflight", function, "OPTIONS", []string{"Origin", other}, 400, map[string]string{"Vary": "Origin"}},
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
				// net/http strips the Content-Length of a 204, as RFC 9110 wants.
				t.Errorf("got body %q, header %v", r.body, r.header)
			}
			wantCORS(t, r.header, test.want)
		})
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
