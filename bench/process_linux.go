package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/seed96b07ef8/socketio/bench/internal/load"
)

// A process is a server or a generator. It reads commands from standard input,
// answers on standard output, and exits when the input ends.
type process struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

// start starts a process, which is killed when ctx ends.
func start(ctx context.Context, dir, name string, args ...string) (*process, error) {
	p := &process{cmd: exec.CommandContext(ctx, name, args...)}
	p.cmd.Dir = dir
	p.cmd.Stderr = os.Stderr
	p.cmd.WaitDelay = 5 * time.Second
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.out = bufio.NewReader(out)
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	return p, p.cmd.Start()
}

func (p *process) pid() int { return p.cmd.Process.Pid }

func (p *process) line() (string, error) {
	s, err := p.out.ReadString('\n')
	return strings.TrimSuffix(s, "\n"), err
}

// stop ends the process and waits for it.
func (p *process) stop() {
	p.in.Close()
	timer := time.AfterFunc(10*time.Second, func() { _ = p.cmd.Process.Kill() }) // it may have exited by then
	defer timer.Stop()
	_, _ = io.Copy(io.Discard, p.out)
	_ = p.cmd.Wait() // the exit status does not matter
}

// A server is the process of a subject.
type server struct {
	*process
	port string
}

func startServer(ctx context.Context, dir string, command []string) (*server, error) {
	p, err := start(ctx, dir, command[0], command[1:]...)
	if err != nil {
		return nil, err
	}
	line, err := p.line()
	port, ok := strings.CutPrefix(line, "listening ")
	if !ok {
		p.stop()
		return nil, fmt.Errorf("%s did not start: %q, %v", command[0], line, err)
	}
	return &server{process: p, port: port}, nil
}

// do has the server carry out a command and returns its answer.
func (s *server) do(command string) (string, error) {
	if _, err := fmt.Fprintln(s.in, command); err != nil {
		return "", err
	}
	line, err := s.line()
	if err != nil {
		return "", fmt.Errorf("%s: %w", command, err)
	}
	answer, ok := strings.CutPrefix(line, "ok")
	if !ok {
		return "", fmt.Errorf("%s: %s", command, line)
	}
	return strings.TrimSpace(answer), nil
}

// generatorCommand is the argument that makes this program a load generator.
const generatorCommand = "generate"

// A generator is the process of a load generator.
type generator struct{ *process }

func startGenerator(ctx context.Context, spec load.Spec) (*generator, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	p, err := start(ctx, "", self, generatorCommand)
	if err != nil {
		return nil, err
	}
	g := &generator{p}
	if err := json.NewEncoder(p.in).Encode(spec); err != nil {
		p.stop()
		return nil, err
	}
	return g, nil
}

// event waits for the next event, which has to be of the given type.
func (g *generator) event(want string) (*load.Event, error) {
	line, err := g.line()
	if err != nil {
		return nil, fmt.Errorf("the generator has ended: %w", err)
	}
	e := new(load.Event)
	if err := json.Unmarshal([]byte(line), e); err != nil {
		return nil, fmt.Errorf("the generator said %q: %w", line, err)
	}
	if e.Type == "error" {
		return nil, errors.New(e.Error)
	}
	if e.Type != want {
		return nil, fmt.Errorf("the generator said %q, not %q", e.Type, want)
	}
	return e, nil
}

func (g *generator) stat() (*load.Stat, error) {
	if _, err := io.WriteString(g.in, "stat\n"); err != nil {
		return nil, err
	}
	e, err := g.event("stat")
	if err != nil {
		return nil, err
	}
	return e.Stat, nil
}
