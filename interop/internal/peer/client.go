package peer

import (
	"encoding/json"
	"sync"
	"testing"
	"time"

	"github.com/seed96b07ef8/socketio/internal/nodepeer"
)

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

// request has the arguments of the driver's commands.
type request struct {
	Client    string `json:"client"`
	Library   string `json:"library,omitempty"`
	URL       string `json:"url,omitempty"`
	Options   string `json:"options,omitempty"`
	Sharing   string `json:"sharing,omitempty"`
	Namespace string `json:"namespace,omitempty"`
	Code      string `json:"code,omitempty"`
	Args      []any  `json:"args,omitempty"`
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
	r.Client = c.name
	c.do("open", r)
	t.Cleanup(func() {
		c.do("close", request{Client: c.name})
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
	return c.Go(code, args...)()
}

// Go is Run without waiting for the end: the function that it returns does.
func (c *Client) Go(code string, args ...any) (wait func() json.RawMessage) {
	call := c.process.Go("run", request{Client: c.name, Code: code, Args: args})
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

func (c *Client) do(command string, r request) json.RawMessage {
	c.t.Helper()
	return c.wait(c.process.Go(command, r), command)
}

func (c *Client) wait(call *nodepeer.Call, what string) json.RawMessage {
	c.t.Helper()
	value, err := call.Wait()
	if err != nil {
		c.t.Fatalf("JavaScript: %s\n%v\nevents not expected: %s", what, err, c.unexpected())
	}
	return value
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
	deadline := time.After(nodepeer.Patience)
	for {
		if e, ok := c.take(name); ok {
			return e.Args
		}
		select {
		case <-c.more:
		case <-c.process.Gone():
			c.t.Fatal(nodepeer.ErrGone)
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
	return c.do("versions", request{})
}

// OpenEngine makes a client of the layer below, engine.io-client, that opens its
// connection at once. Its events are open, message, upgrade, ping, pong, error and
// close; its socket has no emit and no Connect.
func (p *Process) OpenEngine(t testing.TB, url, options string) *Client {
	t.Helper()
	return p.open(t, request{Library: "engine.io-client", URL: url, Options: options})
}
