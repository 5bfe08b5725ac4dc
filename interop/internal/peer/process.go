// Package peer runs real Socket.IO clients for the interop tests: JavaScript
// clients, of several versions, in one Node process that the tests share.
//
// A test writes both sides of its scenario in one place: the handlers of the Go
// server, and the JavaScript that a user would write, which Client.Run evaluates.
package peer

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"sync"
)

// A Process is a Node process with the driver, js/driver.mjs. Its methods may be
// called concurrently.
type Process struct {
	cmd  *exec.Cmd
	gone chan struct{} // closed when its output has ended

	mu      sync.Mutex // guards what follows
	in      io.WriteCloser
	next    int
	calls   map[int]chan<- answer
	clients map[string]*Client
}

// request is a command for the driver.
type request struct {
	ID        int               `json:"id"`
	Do        string            `json:"do"`
	Client    string            `json:"client,omitempty"`
	Library   string            `json:"library,omitempty"`
	URL       string            `json:"url,omitempty"`
	Options   string            `json:"options,omitempty"`
	Sharing   string            `json:"sharing,omitempty"`
	Namespace string            `json:"namespace,omitempty"`
	Code      string            `json:"code,omitempty"`
	Args      []json.RawMessage `json:"args,omitempty"`
}

type answer struct {
	Value json.RawMessage
	Error string
}

// StartNode starts the driver in the folder of the interop module, after it has
// seen to it that the packages are installed as the lock file says.
func StartNode(dir string) (*Process, error) {
	if err := install(dir); err != nil {
		return nil, err
	}
	cmd := exec.Command("node", "js/driver.mjs")
	cmd.Dir = dir
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
	p := &Process{
		cmd:     cmd,
		gone:    make(chan struct{}),
		in:      in,
		calls:   make(map[int]chan<- answer),
		clients: make(map[string]*Client),
	}
	go p.read(out) // ends with the process, for which Stop waits
	return p, nil
}

// Stop ends the process and waits for it.
func (p *Process) Stop() error {
	p.mu.Lock()
	p.in.Close() // the driver ends with its input
	p.mu.Unlock()
	<-p.gone
	return p.cmd.Wait()
}

// read hands out what the driver writes.
func (p *Process) read(out io.Reader) {
	defer close(p.gone)
	lines := bufio.NewReader(out)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return
		}
		var m struct {
			ID     int
			Value  json.RawMessage
			Error  string
			Client string
			Event  string
			Args   json.RawMessage
		}
		if err := json.Unmarshal(line, &m); err != nil {
			fmt.Fprintf(os.Stderr, "node: %s", line)
			continue
		}
		p.mu.Lock()
		if call := p.calls[m.ID]; call != nil {
			delete(p.calls, m.ID)
			call <- answer{m.Value, m.Error}
		} else if c := p.clients[m.Client]; c != nil {
			c.happened(Event{m.Event, m.Args})
		}
		p.mu.Unlock()
	}
}

var errGone = errors.New("the Node process has ended; its standard error is above")

// start sends a command; the answer comes through the channel.
func (p *Process) start(r request) (<-chan answer, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.next++
	r.ID = p.next
	line, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	call := make(chan answer, 1)
	p.calls[r.ID] = call
	if _, err := p.in.Write(append(line, '\n')); err != nil {
		return nil, errGone
	}
	return call, nil
}

// add gives a client its name.
func (p *Process) add(c *Client) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.next++
	c.name = "c" + strconv.Itoa(p.next)
	p.clients[c.name] = c
}

func (p *Process) remove(c *Client) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.clients, c.name)
}
