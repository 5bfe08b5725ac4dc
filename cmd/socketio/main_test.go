package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/seed96b07ef8/socketio"
	"github.com/seed96b07ef8/socketio/internal/await"
	"github.com/seed96b07ef8/socketio/internal/nodepeer"
)

var (
	// program is the command, as users have it.
	program string
	// node runs all JavaScript servers.
	node *nodepeer.Process
)

func TestMain(m *testing.M) { os.Exit(runTests(m)) }

func runTests(m *testing.M) int {
	scratch, err := os.MkdirTemp("", "socketio")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(scratch)
	program = filepath.Join(scratch, "socketio.exe")
	build := []string{"build", "-o", program}
	if raceEnabled() {
		build = append(build, "-race")
	}
	if out, err := exec.Command("go", append(build, ".")...).CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "%v\n%s", err, out)
		return 1
	}
	os.Setenv("XDG_STATE_HOME", scratch)
	os.Unsetenv("NO_COLOR")
	node, err = nodepeer.Driver{Dir: filepath.Join("testdata", "node"), File: "driver.mjs"}.Start()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return node.Run(m)
}

// raceEnabled reports whether the tests run with the race detector.
func raceEnabled() bool {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return false
	}
	for _, s := range info.Settings {
		if s.Key == "-race" && s.Value == "true" {
			return true
		}
	}
	return false
}

// A result is what has become of the command.
type result struct {
	code     int
	out, err string
}

// socketioIn runs the command with the given input and waits for its end.
func socketioIn(t *testing.T, in string, args ...string) result {
	t.Helper()
	p := start(t, args...)
	if _, err := io.WriteString(p.in, in); err != nil && !errors.Is(err, syscall.EPIPE) {
		t.Fatal(err)
	}
	p.in.Close()
	return p.wait()
}

// run1 runs the command without input.
func run1(t *testing.T, args ...string) result {
	t.Helper()
	return socketioIn(t, "", args...)
}

// want compares a result. out and err are parts; an empty out means that there is
// no output.
func (r result) want(t *testing.T, code int, out, err string) {
	t.Helper()
	if r.code != code || out == "" && r.out != "" || !strings.Contains(r.out, out) || !strings.Contains(r.err, err) {
		t.Errorf("got code %d, output\n%s\nerrors\n%s\nwant code %d, %q, %q", r.code, r.out, r.err, code, out, err)
	}
}

// A process is the command while it runs.
type process struct {
	t        *testing.T
	cmd      *exec.Cmd
	in       io.WriteCloser
	out, err *watched
}

// start starts the command. The test's end kills it.
func start(t *testing.T, args ...string) *process {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), nodepeer.Patience)
	t.Cleanup(cancel)
	p := &process{t: t, cmd: exec.CommandContext(ctx, program, args...), out: newWatched(), err: newWatched()}
	p.cmd.Stdout, p.cmd.Stderr = p.out, p.err
	var err error
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return p
}

// wait waits for the end of the command.
func (p *process) wait() result {
	p.t.Helper()
	err := p.cmd.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		p.t.Fatal(err)
	}
	r := result{p.cmd.ProcessState.ExitCode(), p.out.String(), p.err.String()}
	if strings.Contains(r.err, "DATA RACE") || strings.Contains(r.err, "goroutine ") {
		p.t.Errorf("the command has crashed:\n%s", r.err)
	}
	return r
}

// signal sends a signal.
func (p *process) signal(s os.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Fatal(err)
	}
}

// write writes lines to the command's input.
func (p *process) write(lines string) {
	p.t.Helper()
	if _, err := io.WriteString(p.in, lines); err != nil {
		p.t.Fatal(err)
	}
}

// watched is output that can be waited for.
type watched struct {
	more chan struct{} // has a token when something was written
	text atomic.Pointer[string]
}

func newWatched() *watched {
	w := &watched{more: make(chan struct{}, 1)}
	w.text.Store(new(string))
	return w
}

// Write is called by one goroutine.
func (w *watched) Write(b []byte) (int, error) {
	text := *w.text.Load() + string(b)
	w.text.Store(&text)
	select {
	case w.more <- struct{}{}:
	default:
	}
	return len(b), nil
}

func (w *watched) String() string { return *w.text.Load() }

// await waits until the output has text in it.
func (w *watched) await(t *testing.T, text string) {
	t.Helper()
	w.awaitFunc(t, text, func(s string) bool { return strings.Contains(s, text) })
}

func (w *watched) awaitFunc(t *testing.T, what string, holds func(string) bool) {
	t.Helper()
	deadline := time.After(nodepeer.Patience)
	for !holds(w.String()) {
		select {
		case <-w.more:
		case <-deadline:
			t.Fatalf("%q did not come:\n%s", what, w)
		}
	}
}

// receive waits for a value that a handler has to send.
func receive[T any](t *testing.T, c <-chan T) T {
	t.Helper()
	return await.Receive(t, c, fmt.Sprintf("a value of type %T", *new(T)))
}

var quiet = slog.New(slog.DiscardHandler)

// goServer starts our own server and returns its URL. The end of the test shuts it
// down.
func goServer(t *testing.T, opts *socketio.Options, prepare func(*socketio.Server)) string {
	t.Helper()
	return serveIO(t, opts, prepare, httptest.NewServer).URL
}

func serveIO(t *testing.T, opts *socketio.Options, prepare func(*socketio.Server), serve func(http.Handler) *httptest.Server) *httptest.Server {
	t.Helper()
	o := socketio.Options{}
	if opts != nil {
		o = *opts
	}
	o.Logger = quiet
	s := socketio.NewServer(&o)
	prepare(s)
	mux := http.NewServeMux()
	mux.Handle("/socket.io/", s)
	web := serve(mux)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), nodepeer.Patience)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
		web.Close()
	})
	return web
}

// A nodeServer is a server in JavaScript.
type nodeServer struct {
	t    *testing.T
	name string
	url  string
}

var lastServer atomic.Int64

// openNode starts a server: code makes it of http, and returns what is io later.
func openNode(t *testing.T, code string) *nodeServer {
	t.Helper()
	s := &nodeServer{t: t, name: "s" + strconv.FormatInt(lastServer.Add(1), 10)}
	s.url = "http://127.0.0.1:" + string(s.do("open", code))
	t.Cleanup(func() { s.do("close", "") })
	return s
}

// run evaluates code that sees http and io.
func (s *nodeServer) run(code string) json.RawMessage {
	s.t.Helper()
	return s.do("run", code)
}

func (s *nodeServer) do(command, code string) json.RawMessage {
	s.t.Helper()
	value, err := node.Call(command, map[string]any{"server": s.name, "code": code})
	if err != nil {
		s.t.Fatalf("JavaScript: %s\n%v", code, err)
	}
	return bytes.TrimSpace(value)
}
