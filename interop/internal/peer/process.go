// Package peer runs real Socket.IO clients for the interop tests: JavaScript
// clients, of several versions, in one Node process that the tests share.
//
// A test writes both sides of its scenario in one place: the handlers of the Go
// server, and the JavaScript that a user would write, which Client.Run evaluates.
package peer

import (
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"sync"

	"github.com/seed96b07ef8/socketio/internal/nodepeer"
)

// A Process is a Node process with the driver, js/driver.mjs. Its methods may be
// called concurrently.
type Process struct {
	*nodepeer.Process

	mu      sync.Mutex // guards what follows
	last    int        // the number of the last client
	clients map[string]*Client
}

// StartNode starts the driver in the folder of the interop module.
func StartNode(dir string) (*Process, error) {
	p := &Process{clients: make(map[string]*Client)}
	var err error
	p.Process, err = nodepeer.Driver{Dir: dir, File: "js/driver.mjs", Notify: p.happened}.Start()
	return p, err
}

// happened hands out what happens on the clients.
func (p *Process) happened(message json.RawMessage) {
	var m struct {
		Client string
		Event  string
		Args   json.RawMessage
	}
	if err := json.Unmarshal(message, &m); err != nil {
		fmt.Fprintf(os.Stderr, "node: %s: %v\n", message, err)
		return
	}
	p.mu.Lock()
	c := p.clients[m.Client]
	p.mu.Unlock()
	if c != nil {
		c.happened(Event{m.Event, m.Args})
	}
}

// add gives a client its name.
func (p *Process) add(c *Client) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.last++
	c.name = "c" + strconv.Itoa(p.last)
	p.clients[c.name] = c
}

func (p *Process) remove(c *Client) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.clients, c.name)
}
