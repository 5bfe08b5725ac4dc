package socketio_test

import (
	"io"
	"net/http"
	"testing"
	"testing/fstest"

	"github.com/seed96b07ef8/socketio"
	"github.com/seed96b07ef8/socketio/engine"
)

// The server serves the client beside the connections, with the same CORS headers.
func TestServeClient(t *testing.T) {
	_, url, _ := newServer(t, &socketio.Options{
		ServeClient: fstest.MapFS{"socket.io.js": {Data: []byte("the client")}},
		Engine:      engine.ServerOptions{CORS: &engine.CORS{Origins: []string{"https://example.com"}}},
	})
	for _, c := range []struct {
		method, path string
		status       int
		body         string
	}{
		{"GET", "/socket.io/socket.io.js", 200, "the client"},
		{"GET", "/socket.io/socket.io.js?v=1", 200, "the client"},
		{"OPTIONS", "/socket.io/socket.io.js", 204, ""},
		{"GET", "/socket.io/socket.io.min.js", 404, "404 page not found\n"},
		{"GET", "/socket.io/other.js", 400, `{"code":0,"message":"Transport unknown"}`},
	} {
		req, err := http.NewRequest(c.method, url+c.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Origin", "https://example.com")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != c.status || string(body) != c.body {
			t.Errorf("%s %s: %s %q %v", c.method, c.path, resp.Status, body, err)
		}
		if got := resp.Header.Get("Access-Control-Allow-Origin"); got != "https://example.com" {
			t.Errorf("%s %s: allows origin %q", c.method, c.path, got)
		}
	}
}
