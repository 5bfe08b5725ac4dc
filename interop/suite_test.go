package interop

import (
	"bufio"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/seed96b07ef8/socketio/internal/nodepeer"
)

// These tests are about the conformance server, the program in ./server: that it does
// what the published protocol suites expect of it. Real clients get more time to answer
// its pings than the suites': a Node process that waits for a processor for 200 ms would
// lose its connection, and a test that waits for an upgrade would wait for ever.

// buildServer builds the program once.
var buildServer = sync.OnceValues(func() (path string, err error) {
	path = filepath.Join(scratch, "server")
	out, err := exec.Command("go", "build", "-o", path, "./server").CombinedOutput()
	if err != nil {
		err = &buildError{err, string(out)}
	}
	return path, err
})

type buildError struct {
	err    error
	output string
}

func (e *buildError) Error() string { return e.err.Error() + "\n" + e.output }

// A program is the running conformance server.
type program struct {
	server // only its url
	cmd    *exec.Cmd
	output <-chan string // what it has written, when it has ended
}

// start runs the program on a free port, with a patient heartbeat and further flags.
func start(t *testing.T, flags ...string) *program {
	t.Helper()
	path, err := buildServer()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, append([]string{"-addr", "127.0.0.1:0", "-ping-timeout", nodepeer.Patience.String()}, flags...)...)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	address, output := make(chan string, 1), make(chan string, 1)
	go func() { // ends with the program
		lines := bufio.NewReader(stderr)
		first, _ := lines.ReadString('\n')
		_, addr, _ := strings.Cut(strings.TrimSpace(first), "listening on ")
		address <- addr
		rest, _ := io.ReadAll(lines)
		output <- string(rest)
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended
		_ = cmd.Wait()
	})
	addr := receive(t, address)
	if addr == "" {
		t.Fatalf("the program did not say where it listens: %s", receive(t, output))
	}
	return &program{server{url: "http://" + addr}, cmd, output}
}

// end sends a signal and expects the program to end well.
func (p *program) end(t *testing.T, signal syscall.Signal) {
	t.Helper()
	if err := p.cmd.Process.Signal(signal); err != nil {
		t.Fatal(err)
	}
	output := receive(t, p.output)
	if err := p.cmd.Wait(); err != nil {
		t.Errorf("after %v: %v\n%s", signal, err, output)
	}
}

func TestConformanceServer(t *testing.T) {
	oneByOne(t, func(t *testing.T, v variant) {
		io := start(t)
		c := v.connect(t, &io.server, `{ auth: { token: "123" } }`)
		equal(t, c.Expect("auth"), `[{"token": "123"}]`)
		custom := c.Namespace("/custom", "")
		custom.Connect()
		equal(t, custom.Expect("auth"), `[{}]`)
		unknown := c.Namespace("/random", "")
		unknown.Run(`socket.connect(); return`)
		equal(t, unknown.Expect("connect_error"), `[{"$error": "Invalid namespace"}]`)

		c.Run(`socket.emit("message", 1, "2", { 3: [true] }, Buffer.from([1, 2])); return`)
		equal(t, c.Expect("message-back"), `[1, "2", {"3": [true]}, {"$binary": "AQI="}]`)
		equal(t, c.Run(`ask("message-with-ack", 1, "2", { 3: [false] }, Buffer.from([3]))`),
			`[1, "2", {"3": [false]}, {"$binary": "Aw=="}]`)
		for range 2 {
			c.Run(`await once(manager, "ping"); return`)
		}
	})
}

func TestConformanceServerLimits(t *testing.T) {
	oneByOne(t, func(t *testing.T, v variant) {
		io := start(t)
		// A client that joins no namespace has a second.
		c := v.engine(t, &io.server, "")
		c.Expect("open")
		equal(t, c.Run(`socket.pingInterval ?? socket._pingInterval`), `300`)
		// If a request of the client is cut off by the end, it is an error for the client.
		if reason := string(c.Expect("close")); reason != `["transport close"]` && reason != `["transport error"]` {
			t.Errorf("the reason is %s", reason)
		}

		response, err := http.Get(io.url + "/engine.io/?EIO=4&transport=polling")
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		same(t, "status of another path", response.StatusCode, http.StatusNotFound)

		request, err := http.NewRequest(http.MethodGet, io.url+"/socket.io/?EIO=4&transport=polling", nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Origin", "https://example.com")
		if response, err = http.DefaultClient.Do(request); err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		same(t, "CORS", response.Header.Get("Access-Control-Allow-Origin"), "*")
	})
}

func TestConformanceServerOfEngine(t *testing.T) {
	oneByOne(t, func(t *testing.T, v variant) {
		io := start(t, "-engine")
		c := v.engine(t, &io.server, `{ path: "/engine.io/" }`)
		c.Expect("open")
		c.Run(`socket.send("hello"); socket.send(Buffer.from([1, 2, 3])); return`)
		equal(t, c.Expect("message"), `["hello"]`)
		equal(t, c.Expect("message"), `[{"$binary": "AQID"}]`)
		for range 2 {
			c.Expect("ping")
		}
	})
}

// A signal ends the program: the clients are disconnected, and exits cleanly.
func TestConformanceServerEnds(t *testing.T) {
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		t.Run(signal.String(), func(t *testing.T) {
			oneByOne(t, func(t *testing.T, v variant) {
				io := start(t)
				c := v.connect(t, &io.server, `{ reconnection: false }`)
				io.end(t, signal)
				equal(t, c.Expect("disconnect"), `["transport close"]`)
			})
		})
	}
}
