// Package mountingtest tests the examples with the JavaScript client.
package mountingtest

import (
	"encoding/json"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/seed96b07ef8/socketio/internal/nodepeer"
)

// Node is a process that runs JavaScript clients, see driver.mjs. All methods may
// be called concurrently.
type Node struct {
	process *nodepeer.Process
	clients atomic.Int64 // how many there have been
}

// request has the arguments of the driver's commands.
type request struct {
	Client string `json:"client,omitempty"`
	Event  string `json:"event,omitempty"`
	Args   []any  `json:"args,omitempty"`
	User   string `json:"user,omitempty"`
	Dialer
}

// do sends a command and stores its answer in what value points to, unless that is
// nil.
func (n *Node) do(t testing.TB, command string, r request, value any) {
	t.Helper()
	answer, err := n.process.Call(command, r)
	if err == nil && value != nil {
		err = json.Unmarshal(answer, value)
	}
	if err != nil {
		t.Fatalf("JavaScript: %s %s: %v", command, r.Event, err)
	}
}

// A Dialer says how clients connect.
type Dialer struct {
	URL        string   `json:"url,omitempty"`
	Path       string   `json:"path,omitempty"`
	Transports []string `json:"transports,omitempty"`
	// Cookie and Origin are sent as headers, if they are not empty.
	Cookie string `json:"cookie,omitempty"`
	Origin string `json:"origin,omitempty"`
	// From is the local address to connect from, "" for any.
	From string `json:"from,omitempty"`
	// Reconnect makes the client come back when it loses its connection.
	Reconnect bool `json:"reconnect,omitempty"`
}

// A Problem is why a client could not connect: the message of its connect_error,
// and the status and the text of the server's response, if available.
type Problem struct {
	Message string
	Status  int
	Body    string
}

// Login logs a user in and returns the cookies to connect with.
func (n *Node) Login(t testing.TB, d Dialer, user string) (cookies string) {
	t.Helper()
	n.do(t, "login", request{User: user, Dialer: d}, &cookies)
	return cookies
}

// A Client is a JavaScript client. The end of the test closes it.
type Client struct {
	node *Node
	name string
}

// TryConnect connects a client, or says why it could not.
func (n *Node) TryConnect(t testing.TB, d Dialer) (*Client, Problem) {
	t.Helper()
	if d.Path == "" {
		d.Path = "/socket.io/"
	}
	c := &Client{n, fmt.Sprint("c", n.clients.Add(1))}
	var p Problem
	n.do(t, "connect", request{Client: c.name, Dialer: d}, &p)
	t.Cleanup(func() { n.do(t, "close", request{Client: c.name}, nil) })
	return c, p
}

// Connect is TryConnect for clients that have to get in.
func (n *Node) Connect(t testing.TB, d Dialer) *Client {
	t.Helper()
	c, p := n.TryConnect(t, d)
	if p != (Problem{}) {
		t.Fatalf("cannot connect to %s%s over %v: %+v", d.URL, d.Path, d.Transports, p)
	}
	return c
}

// Ask sends an event and stores the acknowledgement in what answer points to.
func (c *Client) Ask(t testing.TB, answer any, event string, args ...any) {
	t.Helper()
	c.node.do(t, "ask", request{Client: c.name, Event: event, Args: args}, answer)
}

// Emit sends an event.
func (c *Client) Emit(t testing.TB, event string, args ...any) {
	t.Helper()
	c.node.do(t, "emit", request{Client: c.name, Event: event, Args: args}, nil)
}

// Next waits for an event, or for connect, disconnect or ping, and stores its
// arguments in what args points to.
func (c *Client) Next(t testing.TB, args any, event string) {
	t.Helper()
	c.node.do(t, "next", request{Client: c.name, Event: event}, args)
}

// AwaitUpgrade waits until the client uses a WebSocket.
func (c *Client) AwaitUpgrade(t testing.TB) {
	t.Helper()
	c.node.do(t, "upgraded", request{Client: c.name}, nil)
}
