package e2e

import (
	"bufio"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

var buildFlags []string

// buildChat builds the example as its users do and returns the program.
func buildChat(t *testing.T) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "chat")
	args := append([]string{"build", "-o", program}, buildFlags...)
	cmd := exec.Command("go", append(args, "./chat")...)
	cmd.Dir = ".."
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", cmd, err, out)
	}
	return program
}

// server is a running chat.
type server struct {
	url  string
	cmd  *exec.Cmd
	done chan error // the outcome of the process
	log  strings.Builder
}

// start runs the chat and waits until it says where it is. It is killed at the
// end of the test if it still runs.
func start(t *testing.T, program, addr string) *server {
	t.Helper()
	s := &server{done: make(chan error, 1)}
	s.cmd = exec.Command(program, "-addr", addr, "-client", clientDir)
	s.cmd.Stderr = &s.log
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	said := make(chan string, 1)
	go func() { // ends when the process does
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			if _, url, ok := strings.Cut(lines.Text(), "The chat is at "); ok {
				said <- url
			}
		}
		s.done <- s.cmd.Wait()
	}()
	t.Cleanup(func() {
		if s.cmd.Process.Kill() == nil {
			s.done <- <-s.done
		}
	})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	select {
	case s.url = <-said:
	case err := <-s.done:
		s.done <- err
		t.Fatalf("the chat did not start: %v\n%s", err, &s.log)
	case <-ctx.Done():
		t.Fatal("the chat does not say where it is")
	}
	return s
}

// stop asks the server to end and expects that it does so properly: without an
// error, a complaint in its log, or a data race.
func (s *server) stop(t *testing.T) {
	t.Helper()
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-s.done:
		s.done <- err
		if err != nil || s.log.Len() > 0 {
			t.Fatalf("the server ended badly: %v\n%s", err, &s.log)
		}
	case <-time.After(patience):
		t.Fatal("the server does not end")
	}
}

// clientDir is where "npm ci" puts the JavaScript client.
var clientDir = filepath.Join("..", "node_modules", "socket.io-client", "dist")

// require fails the test when something that it drives is not installed.
func require(t *testing.T) (chromium string) {
	t.Helper()
	if _, err := os.Stat(filepath.Join(clientDir, "socket.io.esm.min.js")); err != nil {
		t.Fatal("the JavaScript client is missing: run \"npm ci\" in examples/ (make test does)")
	}
	names := []string{"chromium", "chromium-browser", "google-chrome"}
	if name := os.Getenv("CHROMIUM"); name != "" {
		names = []string{name}
	}
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Fatalf("none of %v is installed: run \"scripts/setup.sh\", or name a browser in the environment variable CHROMIUM", names)
	return ""
}
