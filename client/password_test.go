package client_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/seed96b07ef8/socketio/client"
	"github.com/seed96b07ef8/socketio/engine"
)

// No error and no line of a log has a password of a URL.
func TestPasswordsAreRedacted(t *testing.T) {
	t.Parallel()
	check := func(t *testing.T, what, text string) {
		t.Helper()
		if strings.Contains(text, "secret") {
			t.Errorf("%s: %s", what, text)
		}
	}
	for _, rawURL := range []string{
		"htp://user:secret@example.com", "http://user:secret@exa mple.com/", "http://user:secret@example.com:port/",
		"http://user:secret@/x", "user:secret@example.com", "http://user:secret/@example.com", "http://user:secret%zz@example.com",
		"http://user:secret@example.com/" + strings.Repeat("x", 9000), "http://user:secret@example.com/a,b",
		"http://user:secret@example.com/?%zz",
	} {
		for what, err := range map[string]error{
			"New":  client.New(rawURL, nowhere()).Connect(within(t)),
			"Dial": second(engine.Dial(context.Background(), rawURL, &nowhere().Engine, nil)),
		} {
			if err == nil {
				t.Errorf("%s: %s was accepted", what, rawURL)
			} else {
				check(t, what, err.Error())
			}
		}
	}
	proxyErr := errors.New("proxyhost")
	through := func(proxy string) func(*http.Request) (*url.URL, error) {
		return func(*http.Request) (*url.URL, error) { return url.Parse(proxy) }
	}
	for name, proxy := range map[string]func(*http.Request) (*url.URL, error){
		"parse": through("http://user:secret@pro xy"),
		"port":  through("http://user:secret@proxy:port"),
		"other": through("gopher://user:secret@proxy"),
		"dial":  through("http://user:secret@proxy"),
		"socks": through("socks5://user:secret@proxy"),
		"own":   func(*http.Request) (*url.URL, error) { return nil, proxyErr },
	} {
		for _, transport := range []engine.Transport{engine.Polling, engine.WebSocket} {
			var log bytes.Buffer
			o := nowhere()
			o.Engine.Transports, o.Engine.Proxy = []engine.Transport{transport}, proxy
			o.NoReconnect = true
			o.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
			err := client.New("http://user:secret@example.test/", o).Connect(within(t))
			if err == nil || name == "own" && !errors.Is(err, proxyErr) {
				t.Fatalf("%s over %s: %v", name, transport, err)
			}
			check(t, name+" over "+string(transport), err.Error())
			check(t, "the log", log.String())
		}
	}
	// Nor that of a redirection.
	srv := serveHandler(t, http.RedirectHandler("http://user:secret@example.com/", http.StatusFound))
	err := overWebSocket.client(t, srv, "/", nil).Connect(within(t))
	if err == nil || !strings.Contains(err.Error(), "example.com") {
		t.Errorf("redirected: %v", err)
	}
	check(t, "redirected", err.Error())
}
