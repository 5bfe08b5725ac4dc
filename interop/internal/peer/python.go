package peer

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"time"

	"github.com/seed96b07ef8/socketio/internal/nodepeer"
)

// FindPython returns an interpreter that has the given modules: the one in the PATH,
// or the one that Debian's packages are for.
func FindPython(modules string) (string, error) {
	var report []byte
	for _, python := range []string{"python3", "/usr/bin/python3"} {
		out, err := exec.Command(python, "-c", "import "+modules).CombinedOutput()
		if err == nil {
			return python, nil
		}
		report = fmt.Appendf(report, "%s: %v\n%s", python, err, out)
	}
	return "", fmt.Errorf("modules of Python are missing, see interop/README.md for the packages:\n%s", report)
}

// A python is a Python process with a driver; a [nodepeer.Process] is one with Node.
type python struct {
	cmd  *exec.Cmd
	gone chan struct{} // closed when its output has ended

	writing sync.Mutex // held while a command is written to in
	in      io.WriteCloser

	mu    sync.Mutex // guards what follows
	last  int
	calls map[int]chan answer // have room
}

type answer struct {
	ID    int
	Value json.RawMessage
	Error string
}

func startPython(dir, interpreter string, notify func(json.RawMessage)) (*python, error) {
	p := &python{cmd: exec.Command(interpreter, "python/server.py"), gone: make(chan struct{}), calls: make(map[int]chan answer)}
	p.cmd.Dir = dir
	p.cmd.Stderr = os.Stderr
	var err error
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go p.read(out, notify) // ends with the process, for which Stop waits
	return p, nil
}

func (p *python) read(out io.Reader, notify func(json.RawMessage)) {
	defer close(p.gone)
	lines := bufio.NewReader(out)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return
		}
		var a answer
		if err := json.Unmarshal(line, &a); err != nil {
			fmt.Fprintf(os.Stderr, "python: %s", line)
			continue
		}
		if a.ID == 0 {
			notify(line)
			continue
		}
		p.mu.Lock()
		call := p.calls[a.ID]
		delete(p.calls, a.ID)
		p.mu.Unlock()
		if call != nil {
			call <- a
		}
	}
}

// Gone returns a channel that is closed when the process has ended.
func (p *python) Gone() <-chan struct{} { return p.gone }

// Call executes a command.
func (p *python) Call(command string, args any) (json.RawMessage, error) {
	call := make(chan answer, 1)
	p.mu.Lock()
	p.last++
	id := p.last
	p.calls[id] = call
	p.mu.Unlock()
	line, err := json.Marshal(map[string]any{"id": id, "do": command, "args": args})
	if err != nil {
		return nil, err
	}
	p.writing.Lock()
	_, err = p.in.Write(append(line, '\n'))
	p.writing.Unlock()
	if err != nil {
		return nil, err
	}
	select {
	case a := <-call:
		if a.Error != "" {
			return nil, errors.New(a.Error)
		}
		return a.Value, nil
	case <-p.gone:
		return nil, errors.New("the Python process has ended; its standard error is above")
	case <-time.After(nodepeer.Patience):
		return nil, fmt.Errorf("the server did not finish within %v", nodepeer.Patience)
	}
}

// Stop ends the process and waits for it. One that does not end is killed.
func (p *python) Stop() error {
	p.in.Close() // the driver ends with its input
	kill := time.AfterFunc(nodepeer.Patience, func() { p.cmd.Process.Kill() })
	defer kill.Stop()
	<-p.gone
	return p.cmd.Wait()
}
