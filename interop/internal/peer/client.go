package peer

import (
	"encoding/json"
	"sync"
	"testing"
	"time"
)

// Patience is how long a test waits for what has to happen. Nothing that works
// takes this long, not even on a busy machine with the race detector.
const Patience = 20 * time.Second

// A Client is a socket of a JavaScript client: one namespace of one Manager.
type Client struct {
	t       testing.TB
	process *Process
	name    string

	mu     sync.Mutex // guards what follows
	events []Event    // not yet expected
	more   chan struct{}
}

// An Event is something that happened on a client: an event of the server, or
// connect, connect_error and disconnect. Args is a JSON array, with binary data as
// {"$binary":"<base64>"} and errors as {"$error":"<message>"}.
type Event struct {
	Name string
	Args json.RawMessage
}

// Open makes a client that is not connected yet. The library is the name of an
// npm package, options is JavaScript: the second argument of io(). The test's end
// closes the client.
func (p *Process) Open(t testing.TB, library, url, options string) *Client {
	t.Helper()
	return p.open(t, request{Library: library, URL: url, Options: options})
}

// Namespace makes another client that uses the same Manager, and thereby the same
// connection.
func (c *Client) Namespace(namespace, options string) *Client {
	c.t.Helper()
	return c.process.open(c.t, request{Sharing: c.name, Namespace: namespace, Options: options})
}

func (p *Process) open(t testing.TB, r request) *Client {
	t.Helper()
	c := &Client{t: t, process: p, more: make(chan struct{}, 1)}
	p.add(c)
	r.Do, r.Client = "open", c.name
	c.do(r)
	t.Cleanup(func() {
		c.do(request{Do: "close", Client: c.name})
		p.remove(c)
	})
	return c
}

// Connect calls socket.connect() and waits until the client is connected.
func (c *Client) Connect() {
	c.t.Helper()
	c.Run(`socket.connect(); return`)
	c.Expect("connect")
}

// Run evaluates JavaScript, an expression or the body of an async function, and
// returns its value as JSON. It sees socket and manager, args, the arguments of
// Run, ask(event, ...args), which resolves with the arguments of the
// acknowledgement, and what scope in the driver holds. An exception fails the test.
func (c *Client) Run(code string, args ...any) json.RawMessage {
	c.t.Helper()
	return c.do(c.code(code, args))
}

// Go is Run without waiting for the end: the function that it returns does.
func (c *Client) Go(code string, args ...any) (wait func() json.RawMessage) {
	c.t.Helper()
	call, err := c.process.start(c.code(code, args))
	if err != nil {
		c.t.Fatal(err)
	}
	return func() json.RawMessage {
		c.t.Helper()
		return c.wait(call, code)
	}
}

// ID returns the socket's ID.
func (c *Client) ID() string {
	c.t.Helper()
	var id string
	if err := json.Unmarshal(c.Run(`socket.id`), &id); err != nil {
		c.t.Fatal(err)
	}
	return id
}

func (c *Client) code(code string, args []any) request {
	c.t.Helper()
	r := request{Do: "run", Client: c.name, Code: code}
	for _, arg := range args {
		b, err := json.Marshal(arg)
		if err != nil {
			c.t.Fatal(err)
		}
		r.Args = append(r.Args, b)
	}
	return r
}

func (c *Client) do(r request) json.RawMessage {
	c.t.Helper()
	call, err := c.process.start(r)
	if err != nil {
		c.t.Fatal(err)
	}
	what := r.Do
	if r.Code != "" {
		what = r.Code
	}
	return c.wait(call, what)
}

func (c *Client) wait(call <-chan answer, what string) json.RawMessage {
	c.t.Helper()
	select {
	case a := <-call:
		if a.Error != "" {
			c.t.Fatalf("JavaScript: %s\n%s", what, a.Error)
		}
		return a.Value
	case <-c.process.gone:
		c.t.Fatal(errGone)
	case <-time.After(Patience):
		c.t.Fatalf("JavaScript did not finish: %s\nevents not expected: %s", what, c.unexpected())
	}
	return nil
}

// happened appends an event.
func (c *Client) happened(e Event) {
	c.mu.Lock()
	c.events = append(c.events, e)
	c.mu.Unlock()
	select {
	case c.more <- struct{}{}:
	default:
	}
}

// Expect waits for the next event with the given name and returns its arguments.
// Events of other names stay for other calls.
func (c *Client) Expect(name string) json.RawMessage {
	c.t.Helper()
	deadline := time.After(Patience)
	for {
		if e, ok := c.take(name); ok {
			return e.Args
		}
		select {
		case <-c.more:
		case <-c.process.gone:
			c.t.Fatal(errGone)
		case <-deadline:
			c.t.Fatalf("no %q came; events not expected: %s", name, c.unexpected())
		}
	}
}

func (c *Client) take(name string) (Event, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, e := range c.events {
		if e.Name == name {
			c.events = append(c.events[:i:i], c.events[i+1:]...)
			return e, true
		}
	}
	return Event{}, false
}

// Events returns the names of the events that have come and that no Expect has
// taken.
func (c *Client) Events() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	names := []string{}
	for _, e := range c.events {
		names = append(names, e.Name)
	}
	return names
}

func (c *Client) unexpected() []string {
	names := c.Events()
	if len(names) > 20 {
		names = append(names[:20:20], "...")
	}
	return names
}

// Versions returns the versions of the installed packages, a JSON object.
func (p *Process) Versions(t testing.TB) json.RawMessage {
	t.Helper()
	c := &Client{t: t, process: p}
	return c.do(request{Do: "versions"})
}

// OpenEngine makes a client of the layer below, engine.io-client, that opens its
// connection at once. Its events are open, message, upgrade, ping, pong, error and
// close; its socket has no emit and no Connect.
func (p *Process) OpenEngine(t testing.TB, url, options string) *Client {
	t.Helper()
	return p.open(t, request{Library: "engine.io-client", URL: url, Options: options})
}
