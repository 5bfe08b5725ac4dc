package interop

import (
	"context"
	"os/exec"
	"strings"
	"testing"

	"github.com/seed96b07ef8/socketio"
	"github.com/seed96b07ef8/socketio/internal/nodepeer"
	"github.com/seed96b07ef8/socketio/interop/internal/peer"
)

// TestPython runs python/client.py, which has the client's side of the scenario, with
// both clients of python-socketio.
func TestPython(t *testing.T) {
	t.Parallel()
	python := findPython(t)
	for _, kind := range []string{"sync", "asyncio"} {
		for _, transports := range []string{polling, websocket, "polling,websocket"} {
			t.Run(kind+"/"+transports, func(t *testing.T) {
				t.Parallel()
				testPython(t, python, kind, transports)
			})
		}
	}
}

// findPython returns an interpreter that has the client.
func findPython(t *testing.T) string {
	t.Helper()
	python, err := peer.FindPython("socketio, requests, websocket, aiohttp")
	if err != nil {
		t.Fatal(err)
	}
	return python
}

func testPython(t *testing.T, python, kind, transports string) {
	io := serve(t, nil)
	ends := endings(t, io, "/", "/chat")
	io.Use(func(_ context.Context, s *socketio.Socket) error {
		var auth struct{ Token string }
		if err := s.Handshake().DecodeAuth(&auth); err != nil {
			return err
		}
		same(t, "auth", auth.Token, "s3cret")
		same(t, "header", s.Handshake().Header.Get("X-Team"), "red")
		return nil
	})
	for _, name := range []string{"/", "/chat"} {
		io.Of(name).On("where", func(s *socketio.Socket) string { return s.Namespace().Name() })
	}
	io.On("echo", func(args ...any) []any { return args })
	io.On("swap", func(data []byte) []byte { return data })
	io.On("nested", func(v struct {
		Data []byte   `json:"data"`
		List [][]byte `json:"list"`
	}) any {
		return map[string]any{"data": v.Data, "list": v.List}
	})
	io.On("ask me", func(ctx context.Context, s *socketio.Socket) (string, error) {
		args, err := s.EmitWithAck(ctx, "question", "ready?", []byte{1, 2, 3})
		if err != nil {
			return "", err
		}
		var text string
		var data []byte
		err = args.Decode(&text, &data)
		same(t, "the answer's data", data, []byte{3, 2, 1})
		return text, err
	})
	io.On("burst", func(s *socketio.Socket, n int) error {
		for i := range n {
			if err := s.Emit("news", i, []byte("n")); err != nil {
				return err
			}
		}
		return nil
	})
	io.On("goodbye", func(s *socketio.Socket) { s.DisconnectConn() })

	ctx, cancel := context.WithTimeout(t.Context(), 2*nodepeer.Patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, python, "python/client.py", kind, io.url, transports)
	var complaints strings.Builder // also of things that do not matter
	cmd.Stderr = &complaints
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s%s", err, out, complaints.String())
	}
	final := websocket
	if transports == polling {
		final = polling
	}
	want := `["connect"]
["where", "/", "/chat"]
["asked", "READY?"]
["transport", "` + final + `"]
["disconnect"]`
	same(t, "what the client saw", strings.TrimSpace(string(out)), want)
	for range 2 {
		same(t, "the reason", receive(t, ends).reason, socketio.ServerNamespaceDisconnect)
	}
}
