// Package interop tests the Go server with real clients of other implementations.
package interop

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"reflect"
	"testing"

	"github.com/seed96b07ef8/socketio"
	"github.com/seed96b07ef8/socketio/internal/await"
	"github.com/seed96b07ef8/socketio/internal/nodepeer"
	"github.com/seed96b07ef8/socketio/interop/internal/peer"
)

// node runs all JavaScript clients.
var node *peer.Process

// scratch is a folder for what the tests build.
var scratch string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	var err error
	if scratch, err = os.MkdirTemp("", "interop"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(scratch)
	if node, err = peer.StartNode("."); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return node.Run(m)
}

// The client libraries, by the names that package.json gives them.
const (
	current = "socket.io-client" // 4.8.4
	v4      = "sc403"            // 4.0.2
	v3      = "sc313"            // 3.1.3
	v2      = "sc250"            // 2.5.0, for servers with AllowEIO3
)

// A variant is a client library and the way it uses transports.
type variant struct{ library, transport string }

// The ways of using transports.
const (
	polling   = "polling"
	websocket = "websocket"
	upgraded  = "upgraded"  // the scenario begins after the upgrade
	upgrading = "upgrading" // the scenario and the upgrade run at the same time
)

var transports = []string{polling, websocket, upgraded, upgrading}

// each runs a scenario with the current client over every transport.
func each(t *testing.T, scenario func(t *testing.T, v variant)) {
	t.Helper()
	over(t, []string{current}, transports, scenario)
}

// eachVersion runs a scenario with every client version over every transport.
func eachVersion(t *testing.T, scenario func(t *testing.T, v variant)) {
	t.Helper()
	over(t, []string{current, v4, v3}, transports, scenario)
}

// over runs a scenario with the given clients over the given transports.
func over(t *testing.T, libraries, transports []string, scenario func(t *testing.T, v variant)) {
	t.Helper()
	t.Parallel()
	for _, library := range libraries {
		for _, transport := range transports {
			t.Run(library+"/"+transport, func(t *testing.T) {
				t.Parallel()
				scenario(t, variant{library, transport})
			})
		}
	}
}

// oneByOne is each without other tests at the same time, for servers whose deadlines
// are tight.
func oneByOne(t *testing.T, scenario func(t *testing.T, v variant)) {
	t.Helper()
	for _, transport := range transports {
		t.Run(transport, func(t *testing.T) { scenario(t, variant{current, transport}) })
	}
}

// open makes a client that is not connected yet. The options are JavaScript.
func (v variant) open(t *testing.T, io *server, options string) *peer.Client {
	t.Helper()
	return node.Open(t, v.library, io.url, v.options(options))
}

// options adds options, in JavaScript, to those for the transports.
func (v variant) options(options string) string {
	list := `["polling", "websocket"]`
	if v.transport == polling || v.transport == websocket {
		list = `["` + v.transport + `"]`
	}
	if options == "" {
		options = "{}"
	}
	return fmt.Sprintf("{ transports: %s, ...(%s) }", list, options)
}

// connect makes a client and connects it.
func (v variant) connect(t *testing.T, io *server, options string) *peer.Client {
	t.Helper()
	c := v.open(t, io, options)
	v.join(t, c)
	return c
}

// join connects a client that open has made.
func (v variant) join(t *testing.T, c *peer.Client) {
	t.Helper()
	c.Connect()
	if v.transport == upgraded {
		awaitUpgrade(t, c)
	}
	if v.transport == upgrading {
		// Whatever else the scenario is about, the upgrade has to succeed.
		t.Cleanup(func() {
			if !t.Failed() && string(c.Run(`socket.connected`)) == "true" {
				awaitUpgrade(t, c)
			}
		})
	}
}

func awaitUpgrade(t *testing.T, c *peer.Client) {
	t.Helper()
	c.Run(`
		const upgraded = () => manager.engine.transport.name === "websocket";
		await wait(() => upgraded() || manager.engine.readyState !== "open");
		assert.ok(upgraded(), "the connection ended before the upgrade");
		return;
	`)
}

// A server is the Go server of one test.
type server struct {
	*socketio.Server
	url  string
	http *http.Server
}

// serve starts a server. Errors of handlers fail the test unless opts has an
// OnError. The end of the test shuts it down.
func serve(t *testing.T, opts *socketio.Options) *server {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return serveOn(t, listener, opts)
}

func serveOn(t *testing.T, listener net.Listener, opts *socketio.Options) *server {
	t.Helper()
	o := socketio.Options{}
	if opts != nil {
		o = *opts
	}
	if o.OnError == nil {
		o.OnError = func(_ *socketio.Socket, err error) { t.Errorf("error of a handler: %v", err) }
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	s := &server{Server: socketio.NewServer(&o), url: "http://" + listener.Addr().String()}
	mux := http.NewServeMux()
	mux.Handle("/socket.io/", s.Server)
	s.http = &http.Server{Handler: mux}
	done := make(chan error, 1)
	go func() { done <- s.http.Serve(listener) }() // ends with stop
	t.Cleanup(func() {
		s.stop(t)
		if err := <-done; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
	return s
}

// stop shuts the server down, once or more.
func (s *server) stop(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), nodepeer.Patience)
	defer cancel()
	if err := s.Shutdown(ctx); err != nil {
		t.Errorf("Shutdown: %v", err)
	}
	if n := s.Engine().Len(); n != 0 {
		t.Errorf("%d connections are left after Shutdown", n)
	}
	// The last answers are on their way: Close would cut them off.
	if err := s.http.Shutdown(ctx); err != nil {
		t.Error(err)
	}
}

// socket returns the server's side of a connected client.
func (s *server) socket(t *testing.T, c *peer.Client) *socketio.Socket {
	t.Helper()
	id := c.ID()
	var found *socketio.Socket
	await.Until(t, "the server's socket of "+id, func() bool {
		found = s.Socket(id)
		return found != nil
	})
	return found
}

// receive waits for a value that a handler has to send.
func receive[T any](t *testing.T, c <-chan T) T {
	t.Helper()
	return await.Receive(t, c, fmt.Sprintf("a value of type %T", *new(T)))
}

// equal compares a value of JavaScript with JSON.
var equal = nodepeer.Equal

// same compares Go values.
func same(t *testing.T, what string, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s: got %#v, want %#v", what, got, want)
	}
}

// pattern returns the bytes that bytes(n) is in JavaScript.
func pattern(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i*7 + i>>8)
	}
	return b
}

func TestClientVersions(t *testing.T) {
	got := node.Versions(t)
	want := `{"socket.io-client": "4.8.4", "sc403": "4.0.2", "sc313": "3.1.3", "sc250": "2.5.0", "engine.io-client": "6.6.8"}`
	equal(t, got, want)
}
