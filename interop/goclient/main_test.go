// Package goclient tests the Go client with real servers of other implementations:
// socket.io for Node, and python-socketio.
package goclient

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/seed96b07ef8/socketio/client"
	"github.com/seed96b07ef8/socketio/engine"
	"github.com/seed96b07ef8/socketio/internal/await"
	"github.com/seed96b07ef8/socketio/internal/faultproxy"
	"github.com/seed96b07ef8/socketio/internal/leakcheck"
	"github.com/seed96b07ef8/socketio/internal/nodepeer"
	"github.com/seed96b07ef8/socketio/interop/internal/peer"
)

// The processes that run the servers of all tests. There is no python when its
// packages are missing; noPython says why.
var (
	node, python *peer.Host
	noPython     error
)

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	// The tests wait for servers most of the time.
	if err := flag.Set("test.parallel", "8"); err != nil {
		panic(err)
	}
	var err error
	if node, err = peer.StartNodeServers(".."); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	var interpreter string
	if interpreter, noPython = peer.FindPython("socketio, aiohttp"); noPython == nil {
		if python, err = peer.StartPythonServers("..", interpreter); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	return leakcheck.Main(session{m})
}

// session runs the tests, and then stops the processes.
type session struct{ tests *testing.M }

func (s session) Run() int {
	code := s.tests.Run()
	for _, host := range []*peer.Host{node, python} {
		if host == nil {
			continue
		}
		if err := host.Stop(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	return code
}

// A way is a server and how the client uses transports.
type way struct{ server, transport string }

const (
	polling   = "polling"
	websocket = "websocket"
	upgraded  = "upgraded"  // the test begins after the upgrade
	upgrading = "upgrading" // the test and the upgrade run at the same time
)

var transports = []string{polling, websocket, upgraded, upgrading}

// each runs a test with every server over every transport.
func each(t *testing.T, test func(t *testing.T, w way)) {
	t.Helper()
	t.Parallel()
	over(t, []string{"node", "python"}, transports, test)
}

// eachNode runs a test with Node over every transport.
func eachNode(t *testing.T, test func(t *testing.T, w way)) {
	t.Helper()
	t.Parallel()
	over(t, []string{"node"}, transports, test)
}

func over(t *testing.T, servers, transports []string, test func(t *testing.T, w way)) {
	t.Helper()
	for _, server := range servers {
		for _, transport := range transports {
			t.Run(server+"/"+transport, func(t *testing.T) {
				t.Parallel()
				test(t, way{server, transport})
			})
		}
	}
}

func (w way) isNode() bool { return w.server == "node" }

// serve starts a server.
func (w way) serve(t *testing.T, config peer.Config) *peer.Server {
	t.Helper()
	if w.isNode() {
		return node.Open(t, config)
	}
	if python == nil {
		t.Fatal(noPython)
	}
	return python.Open(t, config)
}

// options returns the options of a client.
func (w way) options() *client.Options {
	return &client.Options{
		Engine: engine.DialOptions{
			Transports: map[string][]engine.Transport{
				polling:   {engine.Polling},
				websocket: {engine.WebSocket},
			}[w.transport],
		},
		ReconnectDelay:    5 * time.Millisecond,
		ReconnectDelayMax: 50 * time.Millisecond,
		Logger:            slog.New(slog.DiscardHandler),
	}
}

// client makes a client for a URL that ends with the test. What its handlers report
// fails the test.
func (w way) client(t *testing.T, url string, change func(o *client.Options)) *client.Socket {
	t.Helper()
	o := w.options()
	if change != nil {
		change(o)
	}
	return newClient(t, url, o)
}

func newClient(t *testing.T, url string, o *client.Options) *client.Socket {
	t.Helper()
	c := client.New(url, o)
	c.OnError(func(err error) { t.Errorf("error of a handler: %v", err) })
	t.Cleanup(func() {
		e := c.Manager().Engine()
		c.Manager().Close()
		if e != nil {
			receive(t, e.Done(), "the end of the connection")
		}
	})
	return c
}

// join connects a client, and waits for the upgrade if the test begins after it.
func (w way) join(t *testing.T, c *client.Socket) *client.Socket {
	t.Helper()
	connect(t, c)
	if w.transport == upgraded {
		await.Until(t, "the upgrade", func() bool {
			e := c.Manager().Engine()
			return e != nil && e.Transport() == engine.WebSocket
		})
	}
	return c
}

// dial makes a client and connects it.
func (w way) dial(t *testing.T, url string, change func(o *client.Options)) *client.Socket {
	t.Helper()
	return w.join(t, w.client(t, url, change))
}

func connect(t *testing.T, c *client.Socket) {
	t.Helper()
	if err := c.Connect(within(t)); err != nil {
		t.Fatalf("Connect: %v", err)
	}
}

// within returns a context that ends when a test takes too long.
func within(t *testing.T) context.Context {
	t.Helper()
	return await.Context(t)
}

// receive is [await.Receive].
func receive[T any](t testing.TB, c <-chan T, what string) T {
	t.Helper()
	return await.Receive(t, c, what)
}

// equal compares JSON.
var equal = nodepeer.Equal

// same compares Go values.
func same(t *testing.T, what string, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s: got %#v, want %#v", what, got, want)
	}
}

// errorAs finds an error of a type, or fails the test.
func errorAs[E error](t *testing.T, err error) (e E) {
	t.Helper()
	if !errors.As(err, &e) {
		t.Fatalf("the error is %#v (%v), not a %T", err, err, e)
	}
	return e
}

// call asks the server and decodes the first argument of its answer.
func call[R any](t *testing.T, c client.Caller, event string, args ...any) R {
	t.Helper()
	r, err := client.Call[R](within(t), c, event, args...)
	if err != nil {
		t.Fatalf("%s: %v", event, err)
	}
	return r
}

func emit(t *testing.T, c *client.Socket, event string, args ...any) {
	t.Helper()
	if err := c.Emit(event, args...); err != nil {
		t.Fatalf("%s: %v", event, err)
	}
}

// A list is filled by one goroutine and looked at by another.
type list[T any] struct {
	mu  sync.Mutex
	all []T
}

func (l *list[T]) add(v T) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, v)
}

func (l *list[T]) get() []T {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]T(nil), l.all...)
}

func (l *list[T]) len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.all)
}

// numbers returns from, from+1, ..., to-1.
func numbers(from, to int) []int {
	n := make([]int, 0, to-from)
	for i := from; i < to; i++ {
		n = append(n, i)
	}
	return n
}

// disconnection is what OnDisconnect receives.
type disconnection struct {
	reason client.Reason
	err    error
}

// disconnections returns a channel with what OnDisconnect receives.
func disconnections(c *client.Socket) <-chan disconnection {
	ends := make(chan disconnection, 100)
	c.OnDisconnect(func(reason client.Reason, err error) { ends <- disconnection{reason, err} })
	return ends
}

// connections returns a channel that receives a value for each connection.
func connections(c *client.Socket) <-chan bool {
	begins := make(chan bool, 100)
	c.OnConnect(func() { begins <- c.Recovered() })
	return begins
}

// lose makes a client lose its connection for good: without a poll under way, a client
// that polls would not notice that its network connections were cut.
func lose(t *testing.T, p *faultproxy.Proxy, c *client.Socket) {
	t.Helper()
	lost := make(chan bool, 1)
	off := c.Manager().OnClose(func(client.Reason, error) { lost <- true })
	defer off()
	p.Refuse(true)
	p.Cut()
	receive(t, lost, "the loss of the connection")
	p.Refuse(false)
}

// decode decodes JSON of the server.
func decode[T any](t *testing.T, raw json.RawMessage) (v T) {
	t.Helper()
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatalf("%s: %v", raw, err)
	}
	return v
}

func marshal(t *testing.T, v any) json.RawMessage {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// pattern returns the bytes that bytes(n) is in JavaScript.
func pattern(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i*7 + i>>8)
	}
	return b
}
