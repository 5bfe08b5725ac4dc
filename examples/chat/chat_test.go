package main

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
)

func TestCheckText(t *testing.T) {
	for _, test := range []struct{ text, tidy, problem string }{
		{" hello\nworld ", "hello\nworld", ""},
		{strings.Repeat("é", maxText), strings.Repeat("é", maxText), ""},
		{strings.Repeat("é", maxText+1), "", "this one has 1001"},
		{"  ", "", "nothing to send"},
	} {
		tidy, problem := checkText(test.text)
		if tidy != test.tidy || !matches(problem, test.problem) {
			t.Errorf("checkText(%.20q) = %.20q, %q, want %.20q, %q", test.text, tidy, problem, test.tidy, test.problem)
		}
	}
}

func TestCheckImage(t *testing.T) {
	png := "\x89PNG\r\n\x1a\n"
	for _, test := range []struct{ data, mediaType, problem string }{
		{png, "image/png", ""},
		{png + strings.Repeat("x", maxImage-len(png)), "image/png", ""},
		{png + strings.Repeat("x", maxImage), "", "at most 1024 KiB"},
		{"GIF89a", "image/gif", ""},
		{`<svg xmlns="http://www.w3.org/2000/svg"/>`, "", "Only PNG"},
		{"", "", "Only PNG"},
	} {
		mediaType, problem := checkImage([]byte(test.data))
		if mediaType != test.mediaType || !matches(problem, test.problem) {
			t.Errorf("checkImage(%.20q) = %q, %q, want %q, %q", test.data, mediaType, problem, test.mediaType, test.problem)
		}
	}
}

// matches reports whether problem is what is wanted; none is wanted with "".
func matches(problem, want string) bool {
	return want == "" && problem == "" || want != "" && strings.Contains(problem, want)
}

func TestHandler(t *testing.T) {
	c := newChat()
	client := fstest.MapFS{"socket.io.esm.min.js": {Data: []byte("export {}")}}
	server := httptest.NewServer(newHandler(c, client))
	t.Cleanup(func() {
		if err := c.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		server.Close()
	})
	for _, test := range []struct {
		path        string
		status      int
		contentType string
		body        string
	}{
		{"/", 200, "text/html", "<title>Chat</title>"},
		{"/app.js", 200, "text/javascript", "import { io }"},
		{"/client/socket.io.esm.min.js", 200, "text/javascript", "export {}"},
		{"/client/missing.js", 404, "text/plain", "not found"},
		{"/socket.io/?EIO=4&transport=pigeon", 400, "application/json", `"Transport unknown"`}, // from the chat
	} {
		response, err := http.Get(server.URL + test.path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		contentType := response.Header.Get("Content-Type")
		if response.StatusCode != test.status || !strings.HasPrefix(contentType, test.contentType) || !strings.Contains(string(body), test.body) {
			t.Errorf("GET %s: %s, %s, %.80q, want %d, %s, %q", test.path, response.Status, contentType, body, test.status, test.contentType, test.body)
		}
		if policy := response.Header.Get("Content-Security-Policy"); !strings.Contains(policy, "default-src 'self'") {
			t.Errorf("GET %s has the security policy %q", test.path, policy)
		}
	}
}

func TestRun(t *testing.T) {
	if err := run(t.Context(), "127.0.0.1:0", t.TempDir()); err == nil || !strings.Contains(err.Error(), "npm ci") {
		t.Errorf("without the JavaScript client: %v, want the advice to install it", err)
	}

	client := t.TempDir()
	if err := os.WriteFile(filepath.Join(client, "socket.io.esm.min.js"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := run(t.Context(), "127.0.0.1:no-port", client); err == nil {
		t.Error("listening at an address that there is not: no error")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := run(ctx, "127.0.0.1:0", client); err != nil {
		t.Errorf("asked to end: %v", err)
	}
}

func TestURL(t *testing.T) {
	for _, test := range []struct {
		addr net.TCPAddr
		want string
	}{
		{net.TCPAddr{IP: net.IPv6unspecified, Port: 3000}, "http://localhost:3000"},
		{net.TCPAddr{IP: net.IPv4zero, Port: 80}, "http://localhost:80"},
		{net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 3000}, "http://127.0.0.1:3000"},
		{net.TCPAddr{IP: net.IPv6loopback, Port: 3000}, "http://[::1]:3000"},
	} {
		if got := url(&test.addr); got != test.want {
			t.Errorf("url(%v) = %s, want %s", &test.addr, got, test.want)
		}
	}
}
