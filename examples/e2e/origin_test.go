package e2e

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// A browser lets the pages of any site open a WebSocket to the chat; the server does not.
// The chat's own page is let in.
func TestPagesOfOtherOrigins(t *testing.T) {
	browser := startBrowser(t, require(t))
	server := start(t, buildChat(t), "127.0.0.1:0")
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte("<!doctype html><title>another site</title>"))
	}))
	t.Cleanup(other.Close)

	socket := "ws" + strings.TrimPrefix(server.url, "http") + "/socket.io/?EIO=4&transport=websocket"
	for page, want := range map[string]string{server.url: "open", other.URL: "refused"} {
		p := open(t, browser, page, page)
		evaluate[string](p, `
			window.outcome = "";
			const socket = new WebSocket(`+js(socket)+`);
			socket.onmessage = () => { window.outcome ||= "open"; socket.close(); };
			socket.onerror = () => { window.outcome ||= "refused"; };
			""`)
		p.wait("the outcome", `window.outcome !== ""`)
		if got := evaluate[string](p, `window.outcome`); got != want {
			t.Errorf("a WebSocket of %s: %s, want %s", page, got, want)
		}
	}
}
