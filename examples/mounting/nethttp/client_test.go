package main

import (
	"bufio"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/seed96b07ef8/socketio/examples/mounting/app"
	"github.com/seed96b07ef8/socketio/examples/mounting/internal/mountingtest"
	"github.com/seed96b07ef8/socketio/internal/nodepeer"
)

// TestTerminalClient runs client.mjs, which the README offers to people.
func TestTerminalClient(t *testing.T) {
	t.Parallel()
	s := mountingtest.Serve(t, newHandler, app.Options{Name: "one"}, nil)
	d := mountingtest.Dialer{URL: s.URL, Transports: []string{"websocket"}}
	d.Cookie = env.Node.Login(t, d, "grace")
	grace := env.Node.Connect(t, d)
	var members int
	grace.Ask(t, &members, "join", "terminal")

	cmd := exec.Command("node", "client.mjs", s.URL, "ada", "polling")
	cmd.Dir = ".."
	cmd.WaitDelay = nodepeer.Patience
	var errors strings.Builder
	cmd.Stderr = &errors
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := make(chan string, 100)
	go func() { // ends with the process
		defer close(lines)
		for s := bufio.NewScanner(out); s.Scan(); {
			lines <- s.Text()
		}
	}()
	expect := func(want string) {
		t.Helper()
		select {
		case got := <-lines:
			if got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		case <-time.After(nodepeer.Patience):
			t.Errorf("%q did not come", want)
		}
	}
	expect("connected as ada to one over polling, 2 in the room")
	if _, err := in.Write([]byte("hello\n")); err != nil {
		t.Error(err)
	}
	var said []struct{ From, Text string }
	grace.Next(t, &said, "said")
	if len(said) != 1 || said[0].From != "ada" || said[0].Text != "hello" {
		t.Errorf("got %+v", said)
	}
	grace.Emit(t, "say", "terminal", "hello yourself")
	expect("grace: hello yourself")
	in.Close()
	expect("disconnected: io client disconnect")
	for range lines { // Wait closes the pipe, so it is called last
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("%v\n%s", err, errors.String())
	}
}
