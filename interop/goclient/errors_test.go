package goclient

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/seed96b07ef8/socketio/client"
	"github.com/seed96b07ef8/socketio/engine"
	"github.com/seed96b07ef8/socketio/internal/faultproxy"
	"github.com/seed96b07ef8/socketio/interop/internal/peer"
)

// What Connect says of servers that are something else.
func TestOtherServers(t *testing.T) {
	const (
		page     = `http.removeAllListeners("request"); http.on("request", (req, res) => res.end("<html>0{</html>"))`
		json     = `http.removeAllListeners("request"); http.on("request", (req, res) => res.end('{"ok":true}'))`
		redirect = `http.removeAllListeners("request"); http.on("request", (req, res) => res.writeHead(302, { Location: "https://example.com/" }).end())`
		refusal  = `http.removeAllListeners("request"); http.on("request", (req, res) => res.writeHead(503).end("come back later"));
			http.on("upgrade", (req, socket) => socket.end("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 15\r\n\r\ncome back later"))`
		greets = `io.on("connection", (socket) => socket.send("welcome"))`
		leaves = `io.on("connection", (socket) => socket.close(4000, "wrong door"))`
	)
	for name, test := range map[string]struct {
		config    peer.Config
		transport string
		status    int
		err       error  // that it is
		text      string // that it has
	}{
		"WebSocket server/polling":  {peer.Config{Library: "ws"}, polling, 404, nil, "nothing here"},
		"silent WebSocket server":   {peer.Config{Library: "ws"}, websocket, 0, engine.ErrNoHandshake, "a WebSocket that sends nothing"},
		"greeting WebSocket server": {peer.Config{Library: "ws", Code: greets}, websocket, 0, engine.ErrNoHandshake, ""},
		"closing WebSocket server":  {peer.Config{Library: "ws", Code: leaves}, websocket, 0, engine.ErrNoHandshake, "4000"},
		"web server/polling":        {peer.Config{Library: "none"}, polling, 404, nil, "nothing here"},
		"web server/websocket":      {peer.Config{Library: "none"}, websocket, 404, nil, "nothing here"},
		"page":                      {peer.Config{Library: "none", Code: page}, polling, 0, engine.ErrNoHandshake, ""},
		"JSON":                      {peer.Config{Library: "none", Code: json}, polling, 0, engine.ErrNoHandshake, ""},
		"redirect":                  {peer.Config{Library: "none", Code: redirect}, polling, 302, nil, "redirected to https://example.com/"},
		"redirected WebSocket":      {peer.Config{Library: "none", Code: redirect}, websocket, 302, nil, "redirected to https://example.com/"},
		"refusal/polling":           {peer.Config{Library: "none", Code: refusal}, polling, 503, nil, "come back later"},
		"refusal/websocket":         {peer.Config{Library: "none", Code: refusal}, websocket, 503, nil, "come back later"},
		"wrong path":                {peer.Config{Path: "/other/"}, polling, 404, nil, "nothing here"},
		"wrong path of WebSocket":   {peer.Config{Path: "/other/", Options: `{ destroyUpgradeTimeout: 20 }`}, websocket, 0, io.ErrUnexpectedEOF, ""},
		"version 2":                 {peer.Config{Library: "ss250"}, polling, 0, engine.ErrRevision3, ""},
		"no permission":             {peer.Config{Options: `{ allowRequest: (req, next) => next("not you", false) }`}, polling, 403, nil, "not you"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := way{"node", test.transport}
			srv := w.serve(t, test.config)
			c := w.client(t, srv.URL(), func(o *client.Options) { o.ConnectTimeout = 10 * time.Second })
			if name == "silent WebSocket server" {
				c = w.client(t, srv.URL(), func(o *client.Options) { o.ConnectTimeout = time.Second })
			}
			err := c.Connect(within(t))
			failed := errorAs[*engine.OpError](t, err)
			same(t, "the operation", failed.Op, "handshake")
			same(t, "the transport", string(failed.Transport), test.transport)
			same(t, "the status", failed.Status, test.status)
			if test.err != nil && !errors.Is(err, test.err) || !strings.Contains(err.Error(), test.text) {
				t.Errorf("got error %v", err)
			}
			same(t, "Active", c.Active(), false)
			same(t, "Engine", c.Manager().Engine(), (*engine.Client)(nil))
		})
	}
}

// A server of version 2 gives itself away in the handshake of polling; over
// WebSocket, by letting everybody in unasked.
func TestVersion2(t *testing.T) {
	over(t, []string{"node"}, []string{polling, websocket, upgrading}, func(t *testing.T, w way) {
		srv := w.serve(t, peer.Config{Library: "ss250", Code: `io.of("/chat")`})
		for _, namespace := range []string{"/", "/chat", "/unknown"} {
			c := w.client(t, srv.URL()+namespace, func(o *client.Options) { o.ConnectTimeout = 10 * time.Second })
			refusals := make(chan error, 10)
			c.OnConnectError(func(err error) { refusals <- err })
			err := c.Connect(within(t))
			want := engine.ErrRevision3
			if w.transport == websocket {
				want = client.ErrServerVersion
			}
			if !errors.Is(err, want) {
				t.Errorf("%s: got error %v, want %v", namespace, err, want)
			}
			if refusal := receive(t, refusals, "OnConnectError"); !errors.Is(refusal, want) {
				t.Errorf("%s: OnConnectError was told %v", namespace, refusal)
			}
			same(t, "Active", c.Active(), false)
		}
	})
}

// No server listens there.
func TestNoServer(t *testing.T) {
	over(t, []string{"node"}, []string{polling, websocket}, func(t *testing.T, w way) {
		c := w.client(t, "http://"+faultproxy.Nobody(t), nil)
		var refused *net.OpError
		if err := c.Connect(within(t)); !errors.As(err, &refused) {
			t.Errorf("got error %v", err)
		}
	})
}

// A server that refuses every client.
func TestNoAnswer(t *testing.T) {
	eachNode(t, func(t *testing.T, w way) {
		srv := w.serve(t, peer.Config{Code: `io.of("/slow").use(() => tell("waits"))`})
		o := w.options()
		o.ConnectTimeout = 2 * time.Second
		c := newClient(t, srv.URL()+"/slow", o)
		if err := c.Connect(within(t)); !errors.Is(err, client.ErrConnectTimeout) {
			t.Errorf("got error %v", err)
		}
		same(t, "Active", c.Active(), false)
		srv.Expect("waits")
		// Another namespace is not concerned.
		other := newClient(t, srv.URL(), o)
		w.join(t, other)
		ctx, cancel := context.WithCancel(t.Context())
		result := make(chan error, 1)
		go func() { result <- c.Connect(ctx) }()
		srv.Expect("waits")
		cancel()
		if err := receive(t, result, "the end of Connect"); !errors.Is(err, context.Canceled) {
			t.Errorf("got error %v", err)
		}
		same(t, "the other", call[identity](t, other, "who").ID, other.ID())
	})
}
