package main

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/seed96b07ef8/socketio"
	"github.com/seed96b07ef8/socketio/internal/faultproxy"
	"github.com/seed96b07ef8/socketio/internal/nodepeer"
	"github.com/seed96b07ef8/socketio/parser/msgpack"
)

// web starts a web server.
func web(t *testing.T, handler http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(handler)
	t.Cleanup(s.Close)
	return s.URL
}

// silent starts a server that accepts connections, says so, and nothing to them.
func silent(t *testing.T) (url string, accepted <-chan struct{}) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done, connections := make(chan struct{}), make(chan struct{}, 100)
	go func() { // ends with the listener
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			defer c.Close()
			connections <- struct{}{}
		}
	}()
	t.Cleanup(func() {
		l.Close()
		<-done
	})
	return "http://" + l.Addr().String(), connections
}

// An interrupt ends the command at any time.
func TestInterruptedWhileConnecting(t *testing.T) {
	t.Parallel()
	url, accepted := silent(t)
	for command, code := range map[string]int{"connect": exitInterrupted, "emit": exitInterrupted, "listen": exitOK} {
		args := []string{command, url}
		if command == "emit" {
			args = append(args, "hi")
		}
		p := start(t, args...)
		receive(t, accepted)
		p.signal(os.Interrupt)
		if r := p.wait(); r.code != code || r.err != "" {
			t.Errorf("%s: code %d: %s", command, r.code, r.err)
		}
	}
}

// Common mistakes and their error messages.
func TestWrongServers(t *testing.T) {
	t.Parallel()
	good := goServer(t, nil, func(io *socketio.Server) {
		io.Of("/members").Use(func(context.Context, *socketio.Socket) error {
			return &socketio.ConnectError{Message: "not authorized", Data: map[string]any{"retry": false}}
		})
	})
	packed := goServer(t, &socketio.Options{Codec: msgpack.Codec}, func(*socketio.Server) {})
	old := openNode(t, `return Server2(http)`).url
	chatty := openNode(t, `const s = new WebSocketServer({ server: http }); s.on("connection", (c) => c.send("hello")); return s`).url
	quietly := openNode(t, `return new WebSocketServer({ server: http })`).url
	strict := openNode(t, `const io = new Server(http, { allowRequest: (req, done) => done("not you", false) }); return io`).url
	webSocketOnly := openNode(t, `return new Server(http, { transports: ["websocket"] })`).url
	files := t.TempDir()
	static := web(t, http.FileServer(http.Dir(files)).ServeHTTP)
	page := web(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<!DOCTYPE html>") })
	secured := serveIO(t, nil, func(io *socketio.Server) { io.On("hi", func() int { return 1 }) }, func(h http.Handler) *httptest.Server {
		s := httptest.NewUnstartedServer(h)
		s.Config.ErrorLog = log.New(io.Discard, "", 0) // it complains of the handshakes
		s.StartTLS()
		return s
	})
	answering := func(status int) string {
		return web(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "https://example.com/")
			w.WriteHeader(status)
		})
	}
	closed := faultproxy.Nobody(t)
	mute, _ := silent(t)
	certificate := filepath.Join(files, "ca.pem")
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secured.Certificate().Raw})
	if err := os.WriteFile(certificate, block, 0o600); err != nil {
		t.Fatal(err)
	}
	_, port, err := net.SplitHostPort(secured.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	const plain = "is a plain WebSocket server: it does not speak Socket.IO"
	for _, test := range []struct {
		name string
		args string
		code int
		err  string
	}{
		{"refused", closed, exitNoConnection, "connection refused: nothing listens at " + closed},
		{"no host", "host.invalid", exitNoConnection, "there is no host host.invalid"},
		{"namespace", good + "/nope", exitRefused, "the server has no namespace /nope (Invalid namespace); the path of the URL is the namespace"},
		{"namespace flag", good + " -n nope", exitRefused, "the server has no namespace /nope (Invalid namespace)"},
		{"engine path as URL", good + "/socket.io/", exitRefused, "the server has no namespace /socket.io/"},
		{"middleware", good + "/members", exitRefused, `refused by the server: not authorized {"retry":false}`},
		{"path", good + " --path /ws", exitNoConnection, "(404): is the server mounted at /ws/? (see --path)"},
		{"static", static, exitNoConnection, "nothing at " + strings.TrimPrefix(static, "http://") + "/socket.io/ (404)"},
		{"page", page, exitNoConnection, "is a web server but no Socket.IO server"},
		{"page websocket", page + " --transport websocket", exitNoConnection, "is a web server but no Socket.IO server"},
		{"plain", chatty, exitNoConnection, plain},
		{"plain websocket", chatty + " --transport websocket", exitNoConnection, plain},
		{"plain polling", answering(426) + " --transport polling", exitNoConnection, plain},
		{"plain silent", quietly + " --transport websocket --timeout 300ms", exitNoConnection, plain},
		{"EIO3", old, exitNoConnection, "the server speaks Engine.IO 3"},
		{"EIO3 websocket", old + " --transport websocket", exitNoConnection, "the server speaks Engine.IO 3"},
		{"forbidden", strict, exitRefused, "refused by the server: not you"},
		{"transport", webSocketOnly + " --transport polling", exitNoConnection, "the server does not allow the transport polling"},
		{"silent", mute + " --timeout 300ms", exitTimeout, "within 300ms: is it a Socket.IO server, mounted at /socket.io/?"},
		{"unauthorized", answering(401), exitRefused, "refused by the server: 401 Unauthorized (see --header)"},
		{"redirect", answering(302), exitNoConnection, "redirected to https://example.com/"},
		{"gateway", answering(502), exitNoConnection, "answers 502 Bad Gateway: the server behind the proxy does not run"},
		{"other status", answering(418), exitNoConnection, "answers 418 I'm a teapot"},
		{"certificate", secured.URL, exitNoConnection, "is not to be trusted"},
		{"certificate hint", secured.URL, exitNoConnection, "--insecure accepts any certificate"},
		{"certificate websocket", secured.URL + " --transport websocket", exitNoConnection, "is not to be trusted"},
		{"wrong name", "https://localhost:" + port + " --cacert " + certificate, exitNoConnection, "is for another name"},
		{"TLS to plain", strings.Replace(good, "http", "https", 1), exitNoConnection, "does not speak TLS: try http://"},
		{"TLS to plain websocket", strings.Replace(good, "http", "https", 1) + " --transport websocket", exitNoConnection, "does not speak TLS: try http://"},
		{"plain to TLS", strings.Replace(secured.URL, "https", "http", 1), exitNoConnection, "speaks TLS: try https://"},
		{"msgpack to JSON", good + " --msgpack", exitNoConnection, "closes the connection at once"},
		{"JSON to msgpack", packed, exitNoConnection, "closes the connection at once"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			for _, command := range [][]string{{"emit", "hi"}, {"listen"}, {"connect"}} {
				args := append([]string{command[0]}, strings.Fields(test.args)...)
				run1(t, append(args, command[1:]...)...).want(t, test.code, "", test.err)
			}
		})
	}
	for _, flags := range []string{"--insecure", "--cacert " + certificate} {
		for _, transport := range []string{"polling", "websocket"} {
			args := append([]string{"emit", secured.URL, "hi", "--transport", transport}, strings.Fields(flags)...)
			run1(t, args...).want(t, exitOK, "[1]\n", "")
		}
	}
}

// A WebSocket-only server is reached without an option.
func TestOtherTransport(t *testing.T) {
	t.Parallel()
	url := openNode(t, `const io = new Server(http, { transports: ["websocket"] });
		io.on("connection", (s) => s.on("hi", (ack) => ack(s.conn.transport.name)));
		return io;`).url
	run1(t, "emit", url, "hi").want(t, exitOK, "[\"websocket\"]\n", "")
}

// What the flags say reaches the server.
func TestSettingsArrive(t *testing.T) {
	t.Parallel()
	type seen struct {
		Header, Query, Token, Path, Namespace string
	}
	opts := &socketio.Options{Logger: quiet}
	s := socketio.NewServer(opts)
	what := func(c *socketio.Socket) seen {
		var auth struct{ Token string }
		h := c.Handshake()
		if err := h.DecodeAuth(&auth); err != nil {
			t.Error(err)
		}
		return seen{h.Header.Get("X-One"), h.Query.Get("k"), auth.Token, h.URL, c.Namespace().Name()}
	}
	s.Of("/admin").On("what", what)
	mux := http.NewServeMux()
	mux.Handle("/ws/", s)
	server := httptest.NewServer(mux)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), nodepeer.Patience)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Error(err)
		}
		server.Close()
	})
	file := filepath.Join(t.TempDir(), "auth.json")
	if err := os.WriteFile(file, []byte(`{"token":"t"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, url := range []string{server.URL + "/admin", server.URL + "/ignored?k=0", strings.TrimPrefix(server.URL, "http://") + "/admin"} {
		args := []string{"emit", url, "what", "--path", "/ws", "-H", "X-One: 1", "--query", "k=v", "--auth", "@" + file}
		if strings.Contains(url, "ignored") {
			args = append(args, "-n", "admin")
		}
		r := run1(t, args...)
		var got []seen
		if err := json.Unmarshal([]byte(r.out), &got); err != nil {
			t.Fatal(errors.Join(err, errors.New(r.err)))
		}
		if g := got[0]; g.Header != "1" || g.Token != "t" || !strings.HasPrefix(g.Path, "/ws/?") || g.Namespace != "/admin" {
			t.Errorf("%s: the server saw %+v", url, g)
		}
		if g := got[0]; g.Query != "v" {
			t.Errorf("%s: the server saw k=%s", url, g.Query)
		}
	}
}

// --verbose says what happens, to standard error.
func TestVerbose(t *testing.T) {
	t.Parallel()
	url := goServer(t, nil, func(io *socketio.Server) { io.On("hi", func() error { return nil }) })
	run1(t, "emit", url, "hi", "--verbose").want(t, exitOK, "[]\n", "level=DEBUG")
}
