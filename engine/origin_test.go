package engine_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed96b07ef8/socketio/engine"
)

// Browsers let the pages of any site open WebSockets, and send the cookies of the server
// along, so it is the server that has to refuse them.
func TestForeignOrigin(t *testing.T) {
	t.Parallel()
	const page, evil = "https://page.example", "https://evil.example"
	for name, opts := range map[string]engine.ServerOptions{
		"default":        {},
		"list":           {CORS: &engine.CORS{Origins: []string{page}, Credentials: true}},
		"function":       {CORS: &engine.CORS{AllowOrigin: func(o string, _ *http.Request) bool { return o == page }}},
		"all":            {CORS: &engine.CORS{}},
		"local files":    {CORS: &engine.CORS{Origins: []string{page, "null", "file://"}}},
		"AllowAnyOrigin": {AllowAnyOrigin: true},
	} {
		t.Run(name, func(t *testing.T) {
			h := start(t, &opts)
			for origin, allowed := range map[string]bool{
				"":                 true,
				"https://test":     true, // the host of these requests
				"http://test":      true,
				page:               name != "default",
				evil:               name == "all" || name == "AllowAnyOrigin",
				"null":             name == "all" || name == "AllowAnyOrigin" || name == "local files",
				"file://":          name == "all" || name == "AllowAnyOrigin" || name == "local files",
				"https://test:444": name == "all" || name == "AllowAnyOrigin",
			} {
				for _, request := range []string{"handshake", "WebSocket", "poll", "data", "upgrade"} {
					status := h.fromOrigin(request, origin)
					want := http.StatusForbidden
					if allowed {
						want = http.StatusOK
					}
					if status != want {
						t.Errorf("%s of %q: got %d, want %d", request, origin, status, want)
					}
				}
			}
		})
	}
}

// fromOrigin makes a request of some kind with an Origin. It returns the status, that of
// an opened WebSocket being 200.
func (h *harness) fromOrigin(request, origin string) int {
	h.t.Helper()
	const polling, websocket = "EIO=4&transport=polling", "EIO=4&transport=websocket"
	plain := func(method, query, body string) int {
		req, err := http.NewRequest(method, h.url+"?"+query, strings.NewReader(body))
		if err != nil {
			h.t.Fatal(err)
		}
		if req.Host = "test"; origin != "" {
			req.Header.Set("Origin", origin)
		}
		r, err := h.do(req)
		if err != nil {
			h.t.Fatal(err)
		}
		if r.status == http.StatusForbidden && r.body != `{"code":4,"message":"Origin not allowed"}` {
			h.t.Errorf("%s of %q: got %s", request, origin, r.body)
		}
		return r.status
	}
	open := func(query string) int {
		w, err := h.tryWebSocket(query, "Origin", origin)
		if refused, ok := errors.AsType[*refusedError](err); ok {
			return refused.status
		}
		if err != nil {
			h.t.Fatal(err)
		}
		w.nc.Close()
		return http.StatusOK
	}
	opened := func(status int) int {
		if status == http.StatusOK {
			receive(h.t, h.sessions, "the session")
		}
		return status
	}
	switch request {
	case "handshake":
		return opened(plain("GET", polling, ""))
	case "WebSocket":
		return opened(open(websocket))
	}
	p := h.poll()
	switch request {
	case "poll":
		p.text(h.t, "x")
		return plain("GET", p.query, "")
	case "data":
		return plain("POST", p.query, "4x")
	default:
		return open(websocket + "&sid=" + p.ID())
	}
}

// A refusal is visible without debugging, and says what to do; a client that repeats it
// does not fill the log.
func TestForeignOriginIsLogged(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		logged := new(lineCounter)
		h := startInMemory(t, &engine.ServerOptions{Logger: logged.logger()})
		evil := "https://" + strings.Repeat("e", 10_000) + ".example"
		for minute := range 3 {
			for range 50 {
				wantReply(t, h.request("GET", "EIO=4&transport=polling", "", "Origin", evil), 403, `{"code":4,"message":"Origin not allowed"}`)
			}
			if n := logged.count("WARN"); n != minute+1 {
				t.Errorf("%d warnings after %d minutes, want %v", n, minute, minute+1)
			}
			time.Sleep(time.Minute)
		}
		for _, text := range []string{"ServerOptions.CORS", "AllowAnyOrigin", "https://eee", "host=mem"} {
			if n := logged.count(text); n < 3 {
				t.Errorf("%q is in %d lines, want at least 3", text, n)
			}
		}
		if n := logged.count("refused=50"); n != 2 {
			t.Errorf("%d lines say how many were refused since the last, want 2", n)
		}
		if n := logged.count(strings.Repeat("e", 300)); n != 0 {
			t.Errorf("%d lines quote the client at length, want 0", n)
		}
	})
}
