// Package mountingtest tests the examples with the JavaScript client.
package mountingtest

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"
)

// Patience is how long a test waits for what has to happen. Nothing that works
// takes this long, not even on a busy machine with the race detector.
const Patience = 20 * time.Second

// Node is a process that runs JavaScript clients, see driver.mjs. All methods may
// be called concurrently.
type Node struct {
	cmd  *exec.Cmd
	gone chan struct{} // closed when its output has ended

	mu    sync.Mutex // guards what follows
	in    io.WriteCloser
	next  int
	calls map[int]chan<- answer
}

type answer struct {
	Value json.RawMessage
	Error string
}

// StartNode starts the process. root is the folder of the module; the process
// trusts the certificate in the given file.
func StartNode(root, certFile string) (*Node, error) {
	if err := install(root); err != nil {
		return nil, err
	}
	cmd := exec.Command("node", filepath.Join("internal", "mountingtest", "driver.mjs"))
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "NODE_EXTRA_CA_CERTS="+certFile)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	n := &Node{cmd: cmd, gone: make(chan struct{}), in: in, calls: make(map[int]chan<- answer)}
	go n.read(out) // ends with the process, for which Stop waits
	return n, nil
}

// Stop ends the process and waits for it.
func (n *Node) Stop() error {
	n.mu.Lock()
	n.in.Close() // the driver ends with its input
	n.mu.Unlock()
	<-n.gone
	return n.cmd.Wait()
}

// read hands out the answers.
func (n *Node) read(out io.Reader) {
	defer close(n.gone)
	lines := bufio.NewReader(out)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return
		}
		var m struct {
			ID int
			answer
		}
		if err := json.Unmarshal(line, &m); err != nil {
			fmt.Fprintf(os.Stderr, "node: %s", line)
			continue
		}
		n.mu.Lock()
		if call := n.calls[m.ID]; call != nil {
			delete(n.calls, m.ID)
			call <- m.answer
		}
		n.mu.Unlock()
	}
}

// request is a command for the driver.
type request struct {
	ID     int    `json:"id"`
	Do     string `json:"do"`
	Client string `json:"client,omitempty"`
	Event  string `json:"event,omitempty"`
	Args   []any  `json:"args"`
	User   string `json:"user,omitempty"`
	Dialer
}

var errGone = errors.New("the Node process has ended; its standard error is above")

func (n *Node) start(r request) (<-chan answer, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.next++
	r.ID = n.next
	if r.Args == nil {
		r.Args = []any{}
	}
	line, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	call := make(chan answer, 1)
	n.calls[r.ID] = call
	if _, err := n.in.Write(append(line, '\n')); err != nil {
		return nil, errGone
	}
	return call, nil
}

// do sends a command and stores its answer in what value points to, unless that is
// nil.
func (n *Node) do(t testing.TB, r request, value any) {
	t.Helper()
	call, err := n.start(r)
	if err != nil {
		t.Fatal(err)
	}
	select {
	case a := <-call:
		if a.Error != "" {
			t.Fatalf("JavaScript: %s", a.Error)
		}
		if value == nil {
			return
		}
		if err := json.Unmarshal(a.Value, value); err != nil {
			t.Fatalf("JavaScript: %s %s answered %s: %v", r.Do, r.Event, a.Value, err)
		}
	case <-n.gone:
		t.Fatal(errGone)
	case <-time.After(Patience):
		t.Fatalf("JavaScript: %s %s did not finish", r.Do, r.Event)
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
// and the status and the text of the server's answer, as far as it tells.
type Problem struct {
	Message string
	Status  int
	Body    string
}

// Login logs a user in and returns the cookies to connect with.
func (n *Node) Login(t testing.TB, d Dialer, user string) (cookies string) {
	t.Helper()
	n.do(t, request{Do: "login", User: user, Dialer: d}, &cookies)
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
	n.mu.Lock()
	n.next++
	c := &Client{n, "c" + strconv.Itoa(n.next)}
	n.mu.Unlock()
	var p Problem
	n.do(t, request{Do: "connect", Client: c.name, Dialer: d}, &p)
	t.Cleanup(func() { n.do(t, request{Do: "close", Client: c.name}, nil) })
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
	c.node.do(t, request{Do: "ask", Client: c.name, Event: event, Args: args}, answer)
}

// Emit sends an event.
func (c *Client) Emit(t testing.TB, event string, args ...any) {
	t.Helper()
	c.node.do(t, request{Do: "emit", Client: c.name, Event: event, Args: args}, nil)
}

// Next waits for an event, or for connect, disconnect or ping, and stores its
// arguments in what args points to.
func (c *Client) Next(t testing.TB, args any, event string) {
	t.Helper()
	c.node.do(t, request{Do: "next", Client: c.name, Event: event}, args)
}

// AwaitUpgrade waits until the client uses a WebSocket.
func (c *Client) AwaitUpgrade(t testing.TB) {
	t.Helper()
	c.node.do(t, request{Do: "upgraded", Client: c.name}, nil)
}
