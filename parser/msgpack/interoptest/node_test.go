// Package interoptest tests the msgpack codec with the reference implementation,
// the npm package socket.io-msgpack-parser. It needs Node 20 and npm.
package interoptest

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// patience is how long a test waits for what has to happen.
const patience = 30 * time.Second

var js *node

func TestMain(m *testing.M) {
	var err error
	if js, err = startNode(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	if err := js.stop(); err != nil {
		fmt.Fprintln(os.Stderr, "node:", err)
		code = 1
	}
	if left := leftovers(); left != "" && code == 0 {
		fmt.Fprintf(os.Stderr, "goroutines left behind:\n%s\n", left)
		code = 1
	}
	os.Exit(code)
}

// leftovers returns the stacks of the library's goroutines that do not end.
func leftovers() string {
	for deadline := time.Now().Add(patience); ; {
		var left []string
		buf := make([]byte, 1<<20)
		buf = buf[:runtime.Stack(buf, true)]
		for stack := range strings.SplitSeq(string(buf), "\n\n") {
			if strings.Contains(stack, "seed96b07ef8/socketio") && !strings.Contains(stack, "interoptest.leftovers") {
				left = append(left, stack)
			}
		}
		if len(left) == 0 || time.Now().After(deadline) {
			return strings.Join(left, "\n\n")
		}
		time.Sleep(time.Millisecond) // between two looks at the condition
	}
}

// node is a Node process with the driver.
type node struct {
	cmd  *exec.Cmd
	gone chan struct{} // closed when its output has ended

	mu    sync.Mutex // guards what follows
	in    io.WriteCloser
	next  int
	calls map[int]chan answer
}

type answer struct {
	ID    int
	Value json.RawMessage
	Error string
}

func startNode() (*node, error) {
	if err := install(); err != nil {
		return nil, err
	}
	n := &node{cmd: exec.Command("node", "driver.cjs"), gone: make(chan struct{}), calls: make(map[int]chan answer)}
	n.cmd.Stderr = os.Stderr
	var err error
	if n.in, err = n.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := n.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := n.cmd.Start(); err != nil {
		return nil, err
	}
	go n.read(out) // ends with the process, for which stop waits
	return n, nil
}

// install runs "npm ci" when node_modules is missing or older than the lock file.
func install() error {
	if _, err := exec.LookPath("node"); err != nil {
		return fmt.Errorf("the interop tests need Node 20 and npm: %w", err)
	}
	lock, err := os.Stat("package-lock.json")
	if err != nil {
		return err
	}
	// npm writes this file when it is done.
	installed, err := os.Stat(filepath.Join("node_modules", ".package-lock.json"))
	if err == nil && !installed.ModTime().Before(lock.ModTime()) {
		return nil
	}
	if out, err := exec.Command("npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts").CombinedOutput(); err != nil {
		return fmt.Errorf("npm ci: %w\n%s", err, out)
	}
	return nil
}

func (n *node) stop() error {
	n.mu.Lock()
	n.in.Close() // the driver ends with its input
	n.mu.Unlock()
	<-n.gone
	return n.cmd.Wait()
}

// read hands out what the driver writes.
func (n *node) read(out io.Reader) {
	defer close(n.gone)
	lines := bufio.NewReader(out)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return
		}
		var a answer
		if err := json.Unmarshal(line, &a); err != nil {
			fmt.Fprintf(os.Stderr, "node: %s", line)
			continue
		}
		n.mu.Lock()
		call := n.calls[a.ID]
		delete(n.calls, a.ID)
		n.mu.Unlock()
		call <- a
	}
}

// run evaluates JavaScript, an expression or the body of an async function, and
// returns its value. An exception fails the test.
func (n *node) run(t *testing.T, code string, args ...any) json.RawMessage {
	t.Helper()
	call := make(chan answer, 1)
	n.mu.Lock()
	n.next++
	line, err := json.Marshal(map[string]any{"id": n.next, "code": code, "args": args})
	if err != nil {
		t.Fatal(err)
	}
	n.calls[n.next] = call
	_, err = n.in.Write(append(line, '\n'))
	n.mu.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	select {
	case a := <-call:
		if a.Error != "" {
			t.Fatalf("JavaScript: %s\n%s", code, a.Error)
		}
		return a.Value
	case <-n.gone:
		t.Fatal("the Node process has ended; its standard error is above")
	case <-time.After(patience):
		t.Fatalf("JavaScript did not finish: %s", code)
	}
	return nil
}

// value is run for a value that fits a Go type.
func value[T any](t *testing.T, code string, args ...any) (v T) {
	t.Helper()
	if err := json.Unmarshal(js.run(t, code, args...), &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// equal compares a value of JavaScript with JSON.
func equal(t *testing.T, got json.RawMessage, want string) {
	t.Helper()
	var g, w any
	if err := json.Unmarshal(got, &g); err != nil {
		t.Fatalf("got %s: %v", got, err)
	}
	if err := json.Unmarshal([]byte(want), &w); err != nil {
		t.Fatalf("want %s: %v", want, err)
	}
	if !reflect.DeepEqual(g, w) {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestVersions(t *testing.T) {
	equal(t, js.run(t, `return ["socket.io-client", "socket.io-msgpack-parser", "notepack.io"].map((name) =>
		JSON.parse(process.getBuiltinModule("node:fs").readFileSync("node_modules/" + name + "/package.json")).version)`),
		`["4.8.4","3.0.2","2.2.0"]`)
}
