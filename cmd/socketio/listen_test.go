package main

import (
	"encoding/json"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/seed96b07ef8/socketio"
)

// lines decodes JSON lines.
func lines(t *testing.T, text string) []record {
	t.Helper()
	var records []record
	for line := range strings.Lines(text) {
		var r record
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		records = append(records, r)
	}
	return records
}

func TestListen(t *testing.T) {
	t.Parallel()
	greet := `io.on("connection", (s) => {
		s.emit("a", 1, { b: "<\u009b>" });
		s.emit("skipped");
		s.emit("b c", Buffer.from("hello"));
		s.emit("ask", () => {});
		s.emit("late");
	});`
	for name, url := range map[string]string{
		"node": openNode(t, `const io = new Server(http); `+greet+` return io;`).url,
		"go": goServer(t, nil, func(io *socketio.Server) {
			io.OnConnect(func(s *socketio.Socket) {
				_ = s.Emit("a", 1, map[string]any{"b": "<\u009b>"})
				_ = s.Emit("skipped")
				_ = s.Emit("b c", []byte("hello"))
				go func() { _, _ = s.EmitWithAck(s.Context(), "ask") }() // ends with the socket
			})
		}),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := run1(t, "listen", url, "--count", "3", "a", "b c", "ask")
			if r.code != exitOK || r.err != "" {
				t.Errorf("code %d: %s", r.code, r.err)
			}
			want := []record{
				{Event: "a", Args: json.RawMessage(`[1,{"b":"<\u009b>"}]`)},
				{Event: "b c", Args: json.RawMessage(`[{"$binary":"aGVsbG8="}]`)},
				{Event: "ask", Args: json.RawMessage(`[]`), Ack: true},
			}
			got := lines(t, r.out)
			if len(got) != len(want) {
				t.Fatalf("got %s", r.out)
			}
			for i, w := range want {
				if g := got[i]; g.Event != w.Event || string(g.Args) != string(w.Args) || g.Ack != w.Ack || len(g.Time) != len("2006-01-02T15:04:05.000Z") {
					t.Errorf("got %s", r.out)
				}
			}
		})
	}
}

func TestListenAcknowledges(t *testing.T) {
	t.Parallel()
	answered := make(chan error, 1)
	url := goServer(t, nil, func(io *socketio.Server) {
		io.OnConnect(func(s *socketio.Socket) {
			args, err := s.EmitWithAck(s.Context(), "ask")
			if err == nil && args.Len() != 0 {
				t.Errorf("acknowledged with %v", args)
			}
			answered <- err
			_ = s.Emit("done")
		})
	})
	run1(t, "listen", url, "--auto-ack", "--count=1", "done").want(t, exitOK, `"event":"done"`, "")
	if err := receive(t, answered); err != nil {
		t.Error(err)
	}
}

// An interruption is how people end it.
func TestListenInterrupted(t *testing.T) {
	t.Parallel()
	gone := make(chan socketio.Reason, 2)
	url := goServer(t, nil, func(io *socketio.Server) {
		io.OnConnect(func(s *socketio.Socket) { _ = s.Emit("hello") })
		io.OnDisconnect(func(_ *socketio.Socket, reason socketio.Reason) { gone <- reason })
	})
	for _, signal := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
		p := start(t, "listen", url)
		p.out.await(t, "hello")
		p.signal(signal)
		if r := p.wait(); r.code != exitOK || r.err != "" {
			t.Errorf("%v: code %d: %s", signal, r.code, r.err)
		}
		if reason := receive(t, gone); reason != "client namespace disconnect" && reason != "transport close" {
			t.Errorf("%v: the server saw %q", signal, reason)
		}
	}
}

func TestListenReconnects(t *testing.T) {
	t.Parallel()
	s := openNode(t, `const io = new Server(http, { connectionStateRecovery: {} });
		io.on("connection", (s) => s.emit(s.recovered ? "again" : "first"));
		return io;`)
	p := start(t, "listen", s.url)
	p.out.await(t, "first")
	s.run(`for (const s of await io.fetchSockets()) s.conn.close(); io.emit("missed"); return`)
	p.out.await(t, `"event":"missed"`)
	p.out.await(t, `"event":"again"`)
	p.err.await(t, "connected again, session recovered")
	if !strings.Contains(p.err.String(), "disconnected: transport close") {
		t.Errorf("got %s", p.err)
	}
	s.run(`io.disconnectSockets(); return`)
	if r := p.wait(); r.code != exitNoConnection || !strings.Contains(r.err, "io server disconnect") {
		t.Errorf("code %d: %s", r.code, r.err)
	}
}

func TestListenDoesNotReconnect(t *testing.T) {
	t.Parallel()
	s := openNode(t, `const io = new Server(http); io.on("connection", (s) => s.emit("hello")); return io;`)
	p := start(t, "listen", s.url, "--no-reconnect")
	p.out.await(t, "hello")
	s.run(`for (const s of await io.fetchSockets()) s.conn.close(); return`)
	if r := p.wait(); r.code != exitNoConnection || !strings.Contains(r.err, "disconnected: transport close") {
		t.Errorf("code %d: %s", r.code, r.err)
	}
}

// A server that does not want the client any more ends the command.
func TestListenRefusedLater(t *testing.T) {
	t.Parallel()
	s := openNode(t, `const io = new Server(http);
		io.use((s, next) => next(io.closed ? new Error("no more") : undefined));
		io.on("connection", (s) => s.emit("hello"));
		return io;`)
	p := start(t, "listen", s.url)
	p.out.await(t, "hello")
	s.run(`io.closed = true; for (const s of await io.fetchSockets()) s.conn.close(); return`)
	if r := p.wait(); r.code != exitRefused || !strings.Contains(r.err, "refused by the server: no more") {
		t.Errorf("code %d: %s", r.code, r.err)
	}
}
