//go:build unix

package main

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/term"

	"github.com/seed96b07ef8/socketio"
	"github.com/seed96b07ef8/socketio/internal/faultproxy"
	"github.com/seed96b07ef8/socketio/internal/nodepeer"
)

// A seat is the command on a terminal of its own.
type seat struct {
	t       *testing.T
	cmd     *exec.Cmd
	display *display
	keys    *os.File // what is written to it was typed
	tty     *os.File
	before  *term.State // of the terminal
	drawn   chan struct{}
}

// sit starts the command on a terminal. env is added to its environment.
func sit(t *testing.T, env []string, args ...string) *seat {
	t.Helper()
	s := &seat{t: t, cmd: exec.Command(program, args...), display: newDisplay(), drawn: make(chan struct{})}
	var err error
	if s.keys, s.tty, err = pty.Open(); err != nil {
		t.Fatal(err)
	}
	if err := pty.Setsize(s.keys, &pty.Winsize{Rows: 50, Cols: 120}); err != nil {
		t.Fatal(err)
	}
	s.before = s.state()
	s.cmd.Stdin, s.cmd.Stdout, s.cmd.Stderr = s.tty, s.tty, s.tty
	s.cmd.Env = append(os.Environ(), "TERM=xterm")
	s.cmd.Env = append(s.cmd.Env, env...)
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { // ends with the terminal
		defer close(s.drawn)
		_, _ = io.Copy(s.display, s.keys)
	}()
	kill := time.AfterFunc(2*nodepeer.Patience, func() { _ = s.cmd.Process.Kill() })
	t.Cleanup(func() {
		kill.Stop()
		_ = s.cmd.Process.Kill()
		_ = s.cmd.Wait()
		s.tty.Close()
		s.keys.Close()
		<-s.drawn
	})
	return s
}

func (s *seat) state() *term.State {
	s.t.Helper()
	state, err := term.GetState(int(s.tty.Fd()))
	if err != nil {
		s.t.Fatal(err)
	}
	return state
}

// restored reports whether the terminal is as it was before the command.
func (s *seat) restored() bool { return reflect.DeepEqual(s.state(), s.before) }

// press types.
func (s *seat) press(keys string) {
	s.t.Helper()
	if _, err := io.WriteString(s.keys, keys); err != nil {
		s.t.Fatal(err)
	}
}

// leave waits for the end of the command, which must restore the terminal.
func (s *seat) leave(code int) {
	s.t.Helper()
	_ = s.cmd.Wait()
	if got := s.cmd.ProcessState.ExitCode(); got != code {
		s.t.Errorf("exit code %d, want %d:\n%s", got, code, s.display.text())
	}
	if !s.restored() {
		s.t.Error("the terminal is not as it was")
	}
}

// Keys that have no character.
const (
	keyCtrlC = "\x03"
	keyCtrlD = "\x04"
	keyCtrlU = "\x15"
	keyTab   = "\t"
	keyEnter = "\r"
	keyUp    = "\x1b[A"
	keyDown  = "\x1b[B"
)

// chatServer starts a server that reports its sockets and the texts that they
// send.
func chatServer(t *testing.T) (url string, sockets chan *socketio.Socket, said chan string) {
	sockets, said = make(chan *socketio.Socket, 10), make(chan string, 10)
	url = goServer(t, nil, func(io *socketio.Server) {
		io.OnConnect(func(s *socketio.Socket) { sockets <- s })
		io.On("chat", func(text string) { said <- text })
		io.On("sum", func(a, b int) int { return a + b })
	})
	return url, sockets, said
}

// A person types while events arrive.
func TestTerminal(t *testing.T) {
	t.Parallel()
	url, sockets, said := chatServer(t)
	home := t.TempDir()
	s := sit(t, []string{"XDG_STATE_HOME=" + home}, "connect", url, "--transport", "websocket")
	peer := receive(t, sockets)
	const greeting = "* connected: namespace /, id ID, over websocket"
	s.display.await(t, greeting, "/help lists the commands", ">")
	if s.restored() {
		t.Error("the terminal is not in raw mode")
	}

	s.press(`chat "hal`)
	s.display.await(t, `> chat "hal`)
	if err := peer.Emit("tick", 1, "a\x1b[2Jb"); err != nil {
		t.Fatal(err)
	}
	s.display.await(t, `< tick 1 "a\u001b[2Jb"`, `> chat "hal`)
	s.press(`f"` + keyEnter)
	if text := receive(t, said); text != "half" {
		t.Errorf("the server got %q", text)
	}
	s.display.await(t, `> chat "half"`, ">")

	s.press("sum 1 2 ?" + keyEnter)
	s.display.await(t, "> sum 1 2 ?", "< ack #1 of sum: 3 (1ms)", ">")
	s.press("sum {" + keyEnter)
	s.display.await(t, "> sum {", "! { is not a valid JSON value: unexpected EOF", ">")

	s.press(keyUp + keyUp + keyUp)
	s.display.await(t, `> chat "half"`)
	s.press(keyDown)
	s.display.await(t, "> sum 1 2 ?")
	s.press(keyCtrlU + "/he" + keyTab)
	s.display.await(t, "> /help")
	s.press(keyCtrlU + "ti" + keyTab + "2") // a name that the server has used
	s.display.await(t, "> tick 2")

	s.press(keyCtrlC)
	s.leave(exitOK)
	if !s.display.colored() {
		t.Error("there are no colours")
	}

	// The next session knows what was typed.
	file := filepath.Join(home, "socketio", "history")
	if data, err := os.ReadFile(file); err != nil || string(data) != "chat \"half\"\nsum 1 2 ?\nsum {\n" {
		t.Errorf("the history has %q, %v", data, err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the history is open to others: %v, %v", info, err)
	}
	s = sit(t, []string{"XDG_STATE_HOME=" + home, "NO_COLOR=1"}, "connect", url)
	receive(t, sockets)
	s.display.await(t, ">")
	s.press(keyUp + keyUp)
	s.display.await(t, "> sum 1 2 ?")
	s.press(keyCtrlU + keyCtrlD)
	s.leave(exitOK)
	if s.display.colored() {
		t.Error("there are colours")
	}
}

// The connection is lost and reestablished while the user types.
func TestTerminalReconnects(t *testing.T) {
	t.Parallel()
	url, sockets, said := chatServer(t)
	s := sit(t, nil, "connect", url, "--transport", "websocket", "--no-history")
	peer := receive(t, sockets)
	s.display.await(t, ">")
	s.press("chat")
	s.display.await(t, "> chat")
	peer.Conn().Close()
	again := receive(t, sockets)
	s.display.await(t, "* connected: namespace /, id ID, over websocket", "> chat")
	s.press(` "again"` + keyEnter)
	if text := receive(t, said); text != "again" {
		t.Errorf("the server got %q", text)
	}
	again.Disconnect()
	s.display.await(t, "* disconnected: io server disconnect; /connect connects again", ">")
	s.press("/connect" + keyEnter)
	receive(t, sockets)
	s.display.await(t, "* connected: namespace /, id ID, over websocket", ">")
	s.press("/quit" + keyEnter)
	s.leave(exitOK)
	if file := historyFile(); file != "" {
		if data, err := os.ReadFile(file); err == nil && strings.Contains(string(data), "again") {
			t.Error("the line was kept")
		}
	}
}

// SIGTERM restores the terminal.
func TestTerminalTerminated(t *testing.T) {
	t.Parallel()
	url, _, _ := chatServer(t)
	s := sit(t, nil, "connect", url, "--no-history")
	s.display.await(t, ">")
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	s.leave(exitInterrupted)
}

// The terminal is not changed before there is a connection. The log does not
// disturb the input line.
func TestTerminalWithoutServer(t *testing.T) {
	t.Parallel()
	nobody := faultproxy.Nobody(t)
	s := sit(t, nil, "connect", nobody)
	s.leave(exitNoConnection)
	s.display.await(t, "socketio: connection refused: nothing listens at "+nobody)
}

func TestTerminalVerbose(t *testing.T) {
	t.Parallel()
	url, sockets, _ := chatServer(t)
	s := sit(t, nil, "connect", url, "--verbose", "--transport", "websocket", "--no-history")
	peer := receive(t, sockets)
	s.display.await(t, ">")
	s.press("typed")
	s.display.await(t, "> typed")
	peer.Conn().Close()
	receive(t, sockets)
	s.display.await(t, "* connected: namespace /, id ID, over websocket", "> typed")
	if !strings.Contains(s.display.text(), "level=DEBUG") {
		t.Errorf("nothing was logged:\n%s", s.display.text())
	}
	s.press(keyCtrlC)
	s.leave(exitOK)
}
