package client_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/seed96b07ef8/socketio"
	"github.com/seed96b07ef8/socketio/client"
	"github.com/seed96b07ef8/socketio/engine"
)

// The path of the requests is what the options say, to the letter with ExactPath.
func TestPathOfRequests(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		path  string
		exact bool
		want  string // "" for a path that is refused
	}{
		{"", false, "/socket.io/"},
		{"chat", false, "/chat/"},
		{"/chat", false, "/chat/"},
		{"/chat", true, "/chat"},
		{"/chat/", true, "/chat/"},
		{"/", true, "/"},
		{"/a%2Fb", true, "/a%2Fb"},
		{"/%7Ea/%C3%A9", true, "/%7Ea/%C3%A9"},
		{"//a", true, "//a"},
		{"", true, ""},
		{"chat", true, ""},
		{"/a b", true, ""},
		{"/a?b", true, ""},
		{"/a#b", true, ""},
		{"/%zz", true, ""},
		{"http://example.com/a", true, ""},
	} {
		for _, transport := range []engine.Transport{engine.Polling, engine.WebSocket} {
			paths := make(chan string, 10)
			srv := serveHandler(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				path, _, _ := strings.Cut(r.RequestURI, "?")
				paths <- path
				w.WriteHeader(http.StatusTeapot)
			}))
			o := setting{transports: []engine.Transport{transport}}.options(srv)
			o.Path, o.ExactPath = test.path, test.exact
			err := client.New(srv.URL, o).Connect(within(t))
			if test.want == "" {
				if e := errorAs[*client.OptionError](t, err); e.Field != "Path" {
					t.Errorf("%q: %v", test.path, err)
				}
				continue
			}
			if e := errorAs[*engine.OpError](t, err); e.Status != http.StatusTeapot {
				t.Errorf("%q: %v", test.path, err)
			} else if got := receive(t, paths, "a request"); got != test.want {
				t.Errorf("%q over %s: the path is %q, want %q", test.path, transport, got, test.want)
			}
		}
	}
}

// What is changed in the options after New has no effect, in maps and slices, too.
func TestOptionsChangedLater(t *testing.T) {
	t.Parallel()
	srv := overWebSocket.serve(t, nil)
	handshakes := make(chan socketio.Handshake, 1)
	srv.Use(func(_ context.Context, s *socketio.Socket) error {
		handshakes <- s.Handshake()
		return nil
	})
	o := overWebSocket.options(srv)
	o.Engine.Header = http.Header{"X": {"before"}}
	o.Engine.Query = url.Values{"q": {"before"}}
	o.Engine.Transports = []engine.Transport{engine.WebSocket}
	c := client.New(srv.URL, o)
	end(t, c.Manager())
	o.Engine.Header["X"][0] = "after"
	o.Engine.Query["q"][0] = "after"
	o.Engine.Transports[0] = "pigeon"
	connect(t, c)
	h := receive(t, handshakes, "the handshake")
	if header, query := h.Header.Get("X"), h.Query.Get("q"); header != "before" || query != "before" {
		t.Errorf("the server got the header %q and the parameter %q, want those of the time of New", header, query)
	}
}
