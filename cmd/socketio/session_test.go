package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/seed96b07ef8/socketio"
)

// timeless removes what differs from run to run: times, durations and IDs.
func timeless(text string) string {
	text = regexp.MustCompile(`(?m)^\d\d:\d\d:\d\d\.\d\d\d `).ReplaceAllString(text, "")
	text = regexp.MustCompile(`\(\d[\d.µmns]*\)`).ReplaceAllString(text, "(1ms)")
	return regexp.MustCompile(`id \S{20}`).ReplaceAllString(text, "id ID")
}

const friendly = `const io = new Server(http);
	io.on("connection", (s) => {
		s.on("sum", (a, b, ack) => ack(a + b));
		s.on("echo", (...args) => args.pop()(...args));
		s.on("ask me", () => s.emit("sure?", 1, (...args) => s.emit("thanks", ...args)));
		s.on("ignore", () => {});
		s.on("kick", () => s.disconnect());
	});
	io.of("/b").on("connection", (s) => s.on("where", (ack) => ack("b")));
	return io;`

// Lines of a pipe are executed, and the command ends when the acknowledgements have
// come.
func TestScript(t *testing.T) {
	t.Parallel()
	url := openNode(t, friendly).url
	for _, test := range []struct {
		name string
		in   string
		code int
		want []string
		err  string
	}{
		{"acknowledgement", "sum 1 2 ?\n", exitOK, []string{
			"* connected: namespace /, id ID, over ", "> sum 1 2 ?", "< ack #1 of sum: 3 (1ms)"}, ""},
		{"no line feed", "sum 1 2?", exitOK, []string{"< ack #1 of sum: 3 (1ms)"}, ""},
		{"values", `echo null "a \"b\" ?" [1, 2] {"x": {"$binary":"aGVsbG8="}} 0x00 ?`, exitOK,
			[]string{`< ack #1 of echo: null "a \"b\" ?" [1,2] {"x":{"$binary":"aGVsbG8="}} {"$binary":"AA=="} (1ms)`}, ""},
		{"nothing", "\n  \n", exitOK, []string{"* connected"}, ""},
		{"mistake", "echo {\n/frob\nsum 1 2 ?\n", exitFailure, []string{
			"! { is not a valid JSON value: unexpected EOF", "! /frob is not a command, see /help", "< ack #1 of sum: 3"}, ""},
		{"standard input", "echo @- ?\n", exitFailure, []string{"! @-: standard input has the lines; a file of this name is @./-"}, ""},
		{"timeout", "ignore ?\n", exitTimeout, []string{"! #1: no acknowledgement of ignore within 1s"}, ""},
		{"kicked", "kick ?\nsum 1 2 ?", exitNoConnection, []string{"disconnected: io server disconnect"}, ""},
		{"reserved", "connect\n", exitFailure, []string{"! connect is an event that the protocol keeps"}, ""},
		{"help", "/help\n/quit\nsum 1 2 ?\n", exitOK, []string{"/ack ID [VALUE...]"}, ""},
		{"join", "/join /b\nwhere ?\n", exitOK, []string{"* connected: namespace /b, id ID", `< ack #1 of where: "b"`}, ""},
		{"join nothing", "/join /nope\nsum 1 2 ?\n", exitRefused, []string{"! the server has no namespace /nope"}, "the server has no namespace /nope"},
		{"join at last", "/join /b\n", exitOK, nil, ""},
		{"join and emit at last", "/join /b\nhello\n", exitOK, nil, ""},
		{"join nothing at last", "/join /nope\n", exitRefused, []string{"! the server has no namespace /nope"}, "the server has no namespace /nope"},
		{"connect at last", "/disconnect\n/connect\n", exitOK, nil, ""},
		{"ack of nothing", "/ack 7\n", exitFailure, []string{"! there is no event 7 that wants an acknowledgement"}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := socketioIn(t, test.in, "connect", url, "--timeout", "1s")
			if r.code != test.code || !strings.Contains(r.err, test.err) {
				t.Errorf("code %d, want %d: %s", r.code, test.code, r.err)
			}
			rest := timeless(r.out)
			for _, want := range test.want {
				_, after, found := strings.Cut(rest, want)
				if !found {
					t.Fatalf("%q is missing, or out of order, in\n%s", want, timeless(r.out))
				}
				rest = after
			}
			if strings.Contains(r.out, "\x1b") {
				t.Error("the output has colours")
			}
			if strings.Contains(r.out, "manager closed") {
				t.Errorf("the end of the input is reported as a disconnection in\n%s", timeless(r.out))
			}
		})
	}
}

// An event of the server is acknowledged by hand.
func TestScriptAnswers(t *testing.T) {
	t.Parallel()
	url := openNode(t, friendly).url
	for _, flags := range [][]string{nil, {"--msgpack"}} {
		if flags != nil {
			url = openNode(t, strings.Replace(friendly, "Server(http)", "Server(http, { parser: msgpack })", 1)).url
		}
		p := start(t, append([]string{"connect", url}, flags...)...)
		p.write("\"ask me\"\n")
		p.out.await(t, `< "sure?" 1 (wants /ack 1)`)
		p.write("/ack 1 \"yes\" 0xff\n")
		p.out.await(t, `< thanks "yes" {"$binary":"/w=="}`)
		p.write("/ack 1\n")
		p.out.await(t, "! there is no event 1")
		p.in.Close()
		if r := p.wait(); r.code != exitFailure {
			t.Errorf("code %d: %s", r.code, r.err)
		}
	}
}

func TestScriptAnswersByItself(t *testing.T) {
	t.Parallel()
	url := openNode(t, friendly).url
	p := start(t, "connect", url, "--auto-ack")
	p.write("\"ask me\"\n")
	p.out.await(t, "< thanks")
	p.in.Close()
	if r := p.wait(); r.code != exitOK || strings.Contains(r.out, "/ack") {
		t.Errorf("code %d: %s", r.code, r.out)
	}
}

// Disconnecting is the user's choice, and does not end the session. What is emitted
// meanwhile waits.
func TestScriptDisconnects(t *testing.T) {
	t.Parallel()
	url := openNode(t, friendly).url
	p := start(t, "connect", url)
	p.write("/disconnect\n")
	p.out.await(t, "* disconnected: io client disconnect")
	p.write("ignore 1\n")
	p.out.await(t, "* not connected: this waits until you /connect")
	p.write("/connect\n")
	p.out.awaitFunc(t, "connected", func(s string) bool { return strings.Count(s, "* connected:") == 2 })
	p.write("sum 1 2 ?\n/quit\n")
	if r := p.wait(); r.code != exitOK {
		t.Errorf("code %d: %s\n%s", r.code, r.err, r.out)
	}
}

// A lost connection is reported and reestablished.
func TestScriptReconnects(t *testing.T) {
	t.Parallel()
	s := openNode(t, `const io = new Server(http, { connectionStateRecovery: {} });
		io.on("connection", (s) => s.emit("hello")); // without an event there is nothing to recover
		return io;`)
	p := start(t, "connect", s.url, "--transport", "websocket")
	p.out.await(t, "< hello")
	s.run(`for (const s of await io.fetchSockets()) s.conn.close(); return`)
	p.out.await(t, "session recovered")
	p.in.Close()
	r := p.wait()
	got := timeless(r.out)
	for _, want := range []string{
		"* disconnected: transport close", "; reconnecting\n* reconnecting: attempt 1, after ",
		"over websocket, session recovered",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is missing in\n%s", want, got)
		}
	}
	if r.code != exitOK {
		t.Errorf("code %d: %s", r.code, r.err)
	}
}

// Failed attempts report the cause, and events that were not sent count as errors.
func TestScriptLosesItsServer(t *testing.T) {
	t.Parallel()
	s := openNode(t, `return new Server(http)`)
	p := start(t, "connect", s.url)
	p.out.await(t, "* connected")
	s.run(`http.close(); http.closeAllConnections(); io.disconnectSockets; for (const s of await io.fetchSockets()) s.conn.close(); return`)
	p.out.await(t, "! connection refused: nothing listens at")
	p.write("late 1\n")
	p.in.Close()
	if r := p.wait(); r.code != exitNoConnection || !strings.Contains(r.err, "what was emitted since has not been sent") {
		t.Errorf("code %d: %s\n%s", r.code, r.err, r.out)
	}
}

// The upgrade is shown once, and after the connection.
func TestScriptShowsTransports(t *testing.T) {
	t.Parallel()
	url := openNode(t, friendly).url
	p := start(t, "connect", url)
	p.out.await(t, "over websocket")
	p.in.Close()
	r := p.wait()
	if strings.Count(r.out, "over websocket") != 1 || strings.Index(r.out, "connected") > strings.Index(r.out, "over websocket") {
		t.Errorf("got\n%s", r.out)
	}
}

func TestScriptInterrupted(t *testing.T) {
	t.Parallel()
	url := goServer(t, nil, func(*socketio.Server) {})
	p := start(t, "connect", url)
	p.out.await(t, "* connected")
	p.signal(os.Interrupt)
	if r := p.wait(); r.code != exitInterrupted || r.err != "" {
		t.Errorf("code %d: %s", r.code, r.err)
	}
}

// Binary data of any size is shown in a few words.
func TestScriptShortensBinary(t *testing.T) {
	t.Parallel()
	url := goServer(t, nil, func(io *socketio.Server) {
		io.On("size", func(data []byte) int { return len(data) })
		io.On("back", func(data []byte) []byte { return data })
	})
	file := filepath.Join(t.TempDir(), "a file")
	if err := os.WriteFile(file, make([]byte, 100_000), 0o600); err != nil {
		t.Fatal(err)
	}
	quoted, err := json.Marshal(file)
	if err != nil {
		t.Fatal(err)
	}
	r := socketioIn(t, "back @"+string(quoted)+" ?\n", "connect", url)
	if r.code != exitOK || !strings.Contains(r.out, `AAAA...","bytes":100000}`) {
		t.Errorf("code %d: %.2000s", r.code, r.out)
	}
}

// Acknowledgements are shown as they arrive, with the numbers of their questions. One that
// does not arrive delays no other.
func TestAcknowledgementsOutOfOrder(t *testing.T) {
	t.Parallel()
	url := goServer(t, nil, func(io *socketio.Server) {
		first := make(chan func(string), 1)
		io.On("ask", func(text string, ack func(string)) {
			switch text {
			case "first":
				first <- ack
			case "second":
				ack(text)
				(<-first)("first")
			}
		})
	})
	r := socketioIn(t, "ask \"never\" ?\nask \"first\" ?\nask \"second\" ?\n", "connect", url, "--timeout", "1s")
	if r.code != exitTimeout {
		t.Errorf("code %d, want %d: %s", r.code, exitTimeout, r.err)
	}
	rest := r.out
	for _, want := range []string{`< ack #3 of ask: "second"`, `< ack #2 of ask: "first"`, "! #1: no acknowledgement of ask within 1s"} {
		_, after, found := strings.Cut(rest, want)
		if !found {
			t.Fatalf("%q is missing, or out of order, in\n%s", want, r.out)
		}
		rest = after
	}
}

// Any number of lines arrives, in order, whether they ask for acknowledgements or
// not.
func TestScriptInOrder(t *testing.T) {
	t.Parallel()
	const lines = 20_000
	next := make(chan int, 1)
	next <- 0
	url := goServer(t, nil, func(io *socketio.Server) {
		io.On("n", func(n int) int {
			want := <-next
			if n != want {
				t.Errorf("got %d, want %d", n, want)
			}
			next <- n + 1
			return n
		})
	})
	for _, transport := range []string{"websocket", "polling"} {
		var in strings.Builder
		for i := range lines {
			fmt.Fprintf(&in, "n %d", i)
			if i%3 == 0 {
				in.WriteString(" ?")
			}
			in.WriteByte('\n')
		}
		r := socketioIn(t, in.String(), "connect", url, "--timeout", "20s", "--transport", transport)
		if n := <-next; r.code != exitOK || n != lines {
			t.Errorf("%s: code %d, %d lines arrived: %s", transport, r.code, n, r.err)
		}
		if n := strings.Count(r.out, " of n: "); n != lines/3+1 {
			t.Errorf("%s: %d acknowledgements, want %d", transport, n, lines/3+1)
		}
		rest := r.out
		for i := range lines/3 + 1 {
			want := fmt.Sprintf("< ack #%d of n: %d ", i+1, 3*i)
			_, after, found := strings.Cut(rest, want)
			if !found {
				t.Fatalf("%s: %q is missing, or out of order", transport, want)
			}
			rest = after
		}
		next <- 0
	}
}

// A fullDisk takes some bytes.
type fullDisk struct{ room int }

var errDiskFull = errors.New("no space left on device")

func (d *fullDisk) Write(b []byte) (int, error) {
	if d.room -= len(b); d.room < 0 {
		return 0, errDiskFull
	}
	return len(b), nil
}

// Output that cannot be written is an error.
func TestScriptWithoutOutput(t *testing.T) {
	t.Parallel()
	url := goServer(t, nil, func(io *socketio.Server) {
		io.On("echo", func(text string) string { return text })
	})
	for _, room := range []int{0, 80, 120} { // fails with the greeting, what is sent, and the answer
		var errs strings.Builder
		std := stdio{in: strings.NewReader("echo \"hello\" ?\n"), out: &fullDisk{room}, err: &errs}
		code := run(t.Context(), []string{"connect", url, "--transport", "websocket"}, std)
		if want := "socketio: no space left on device\n"; code != exitFailure || errs.String() != want {
			t.Errorf("after %d bytes: got code %d, %q; want %d, %q", room, code, errs.String(), exitFailure, want)
		}
	}
}

func TestScriptWithALongLine(t *testing.T) {
	t.Parallel()
	url := goServer(t, nil, func(*socketio.Server) {})
	r := socketioIn(t, "e \""+strings.Repeat("x", maxLine)+"\"\n", "connect", url)
	r.want(t, exitFailure, "* connected", "a line of the input has more than 64 MiB; binary data of any size is read from @FILE")
}

// Leaving a namespace in a script waits for the acknowledgements of its questions.
func TestScriptAwaitsAcknowledgementsBeforeLeaving(t *testing.T) {
	t.Parallel()
	for _, line := range []string{"/join /b", "/disconnect"} {
		t.Run(line, func(t *testing.T) {
			t.Parallel()
			ready := make(chan struct{})
			url := goServer(t, nil, func(io *socketio.Server) {
				io.On("slow", func() string { <-ready; return "done" })
				io.Of("/b")
			})
			p := start(t, "connect", url)
			p.write("slow ?\n" + line + "\n")
			p.out.await(t, "> "+line)
			close(ready)
			if line == "/join /b" {
				p.out.await(t, "namespace /b")
			}
			p.in.Close()
			p.wait().want(t, exitOK, `< ack #1 of slow: "done"`, "")
		})
	}
}

// A stuck output blocks the line of an event, and refuses it when the server has seen the
// client leave.
type stuck struct{ begun, gone chan struct{} }

func (o *stuck) Write(b []byte) (int, error) {
	if !strings.Contains(string(b), "welcome") {
		return len(b), nil
	}
	close(o.begun)
	<-o.gone
	return 0, errDiskFull
}

// Read is the input: it ends when the line is being written.
func (o *stuck) Read([]byte) (int, error) {
	<-o.begun
	return 0, io.EOF
}

// A line that cannot be written during the last steps is an error, too.
func TestScriptLosesOutputAtItsEnd(t *testing.T) {
	t.Parallel()
	o := &stuck{make(chan struct{}), make(chan struct{})}
	url := goServer(t, nil, func(server *socketio.Server) {
		server.OnConnect(func(s *socketio.Socket) {
			s.OnDisconnect(func(socketio.Reason) { close(o.gone) })
			if err := s.Emit("welcome"); err != nil {
				t.Error(err)
			}
		})
	})
	var errs strings.Builder
	code := run(t.Context(), []string{"connect", url, "--transport", "websocket"}, stdio{in: o, out: o, err: &errs})
	if want := "socketio: no space left on device\n"; code != exitFailure || errs.String() != want {
		t.Errorf("got code %d, %q; want %d, %q", code, errs.String(), exitFailure, want)
	}
}
