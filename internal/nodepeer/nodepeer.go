// Package nodepeer runs JavaScript for tests. A Node process executes the commands
// of a driver, which is a module of the tests that calls serve, of driver.mjs in this
// folder; the tests send commands and wait for their answers.
//
// Several modules of this repository use it. It needs Node 20, and npm for packages
// that are not installed; when they are missing, starting a process fails.
package nodepeer

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/big"
	"os"
	"os/exec"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/seed96b07ef8/socketio/internal/leakcheck"
)

// Patience is how long a test waits before it fails. It is long enough for a busy
// machine with the race detector.
const Patience = time.Minute

// patience is Patience, but in the tests of this package.
var patience = Patience

// ErrGone is the error of commands when the process has ended.
var ErrGone = errors.New("the Node process has ended; its standard error is above")

// A Driver describes the program to run.
type Driver struct {
	// Dir is the folder of the driver's npm package: it has package-lock.json. The
	// process runs in it.
	Dir string
	// File is the driver, relative to Dir.
	File string
	// Env is added to the environment of the process.
	Env []string
	// Notify is called with each message of the driver that is not an answer, in
	// order with the answers. It must not block.
	Notify func(message json.RawMessage)
}

// A Process is a Node process. Its methods may be called concurrently.
type Process struct {
	cmd    *exec.Cmd
	notify func(json.RawMessage)
	gone   chan struct{} // closed when its output has ended

	writing sync.Mutex // held while a command is written to in
	in      io.WriteCloser

	mu    sync.Mutex // guards what follows
	last  int        // the ID of the last call
	calls map[int]*Call
}

// Start installs the packages of package-lock.json, unless they are installed, and
// starts the process. Its standard error is that of the tests.
func (d Driver) Start() (*Process, error) {
	if err := install(d.Dir); err != nil {
		return nil, err
	}
	cmd := exec.Command("node", d.File)
	cmd.Dir = d.Dir
	cmd.Env = append(os.Environ(), d.Env...)
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
	p := &Process{cmd: cmd, notify: d.Notify, gone: make(chan struct{}), in: in, calls: make(map[int]*Call)}
	go p.read(out) // ends with the process, for which Stop waits
	return p, nil
}

// Run is for TestMain: it runs the tests, eight at a time unless the command line
// says otherwise, stops the process, and returns the exit code. That is not zero
// either when the process did not end well, or goroutines of this repository are left.
func (p *Process) Run(m interface{ Run() int }) int {
	// The tests wait for Node most of the time.
	if err := flag.Set("test.parallel", "8"); err != nil {
		panic(err)
	}
	return leakcheck.Main(session{m, p})
}

// session runs tests, and then stops a process.
type session struct {
	tests   interface{ Run() int }
	process *Process
}

func (s session) Run() int {
	code := s.tests.Run()
	if err := s.process.Stop(); err != nil {
		fmt.Fprintln(os.Stderr, "node:", err)
		code = 1
	}
	return code
}

// Stop ends the process and waits for it. A driver that does not end is killed.
func (p *Process) Stop() error {
	p.in.Close() // the driver ends with its input
	kill := time.AfterFunc(patience, func() { p.cmd.Process.Kill() })
	defer kill.Stop()
	<-p.gone
	return p.cmd.Wait()
}

// Gone returns a channel that is closed when the process ends.
func (p *Process) Gone() <-chan struct{} { return p.gone }

// read dispatches the output of the driver.
func (p *Process) read(out io.Reader) {
	defer close(p.gone)
	lines := bufio.NewReader(out)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return
		}
		var m struct {
			ID    int
			Value json.RawMessage
			Error string
		}
		if err := json.Unmarshal(line, &m); err != nil {
			fmt.Fprintf(os.Stderr, "node: %s", line) // console.log in a test
			continue
		}
		if m.ID == 0 {
			if p.notify != nil {
				p.notify(line)
			}
			continue
		}
		p.mu.Lock()
		call := p.calls[m.ID]
		delete(p.calls, m.ID)
		p.mu.Unlock()
		if call == nil {
			continue
		}
		if m.Error != "" {
			call.err = errors.New(m.Error)
		}
		call.value = m.Value
		close(call.done)
	}
}

// A Call is a command that the driver executes.
type Call struct {
	process *Process
	done    chan struct{} // closed when the fields that follow are set
	value   json.RawMessage
	err     error
}

// Go sends a command: its name, and a value that is encoded as JSON. Commands are
// executed at the same time.
func (p *Process) Go(command string, args any) *Call {
	call := &Call{process: p, done: make(chan struct{})}
	p.mu.Lock()
	p.last++
	id := p.last
	p.calls[id] = call
	p.mu.Unlock()
	err := p.send(map[string]any{"id": id, "do": command, "args": args})
	if err == nil {
		return call
	}
	p.mu.Lock()
	delete(p.calls, id)
	p.mu.Unlock()
	failed := &Call{process: p, done: make(chan struct{}), err: err}
	close(failed.done)
	return failed
}

func (p *Process) send(command any) error {
	line, err := json.Marshal(command)
	if err != nil {
		return err
	}
	p.writing.Lock()
	defer p.writing.Unlock()
	if _, err := p.in.Write(append(line, '\n')); err != nil {
		return ErrGone
	}
	return nil
}

// Wait returns the answer as JSON, or an error: an exception with its stack,
// ErrGone, or a timeout after Patience.
func (c *Call) Wait() (json.RawMessage, error) {
	select {
	case <-c.done:
		return c.value, c.err
	case <-c.process.gone:
	case <-time.After(patience):
		return nil, fmt.Errorf("JavaScript did not finish within %v", patience)
	}
	select {
	case <-c.done: // its last words
		return c.value, c.err
	default:
		return nil, ErrGone
	}
}

// Call is Go and Wait.
func (p *Process) Call(command string, args any) (json.RawMessage, error) {
	return p.Go(command, args).Wait()
}

// Equal compares a value of JavaScript with JSON text. Integers are compared by their
// digits, however many there are.
func Equal(t testing.TB, got json.RawMessage, want string) {
	t.Helper()
	g, err := exactly(got)
	if err != nil {
		t.Fatalf("got %s: %v", got, err)
	}
	w, err := exactly([]byte(want))
	if err != nil {
		t.Fatalf("want %s: %v", want, err)
	}
	if !reflect.DeepEqual(g, w) {
		if len(got) > 2000 {
			got = append(got[:2000:2000], "..."...)
		}
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// exactly decodes JSON text without rounding integers.
func exactly(text []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errors.New("more than one value")
	}
	return normal(v), nil
}

// normal returns a value in which numbers are json.Numbers, integers, or else float64s,
// however they were written.
func normal(v any) any {
	switch v := v.(type) {
	case json.Number:
		if n, ok := new(big.Int).SetString(v.String(), 10); ok {
			return json.Number(n.String())
		}
		f, err := v.Float64()
		if n, accuracy := big.NewFloat(f).Int(nil); err == nil && accuracy == big.Exact {
			return json.Number(n.String())
		}
		return f
	case []any:
		for i := range v {
			v[i] = normal(v[i])
		}
	case map[string]any:
		for key := range v {
			v[key] = normal(v[key])
		}
	}
	return v
}
