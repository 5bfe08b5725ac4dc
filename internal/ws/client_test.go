package ws_test

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/seed96b07ef8/socketio/internal/ws"
)

func TestAppendMasked(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("0123456789", 10000)
	var frames []byte
	want := []string{"1:hello", "2:", "2:" + long, "9:ping", "1:" + strings.Repeat("x", 126)}
	for _, m := range want {
		frames = ws.AppendFrame(frames, ws.Opcode(m[0]-'0'), []byte(m[2:]))
	}
	before := bytes.Clone(frames)
	masked := ws.AppendMasked([]byte("in front"), frames)
	if !bytes.Equal(frames, before) {
		t.Error("the frames were changed")
	}
	if n := len("in front") + len(frames) + len(want)*ws.MaskLen; len(masked) != n {
		t.Errorf("%d bytes, want %d", len(masked), n)
	}
	masked, ok := bytes.CutPrefix(masked, []byte("in front"))
	if !ok {
		t.Fatal("the contents of dst were changed")
	}
	got := feed(&ws.Reader{MaxMessage: 1 << 20}, masked, make([]byte, 1<<20), func() int { return 1 << 20 })
	if got.err != nil || strings.Join(got.messages, "|") != strings.Join(want, "|") {
		t.Errorf("got %.300v", got)
	}
}

// Masking keys must be unpredictable (RFC 6455, section 5.3), so they must not
// repeat.
func TestMaskKeys(t *testing.T) {
	t.Parallel()
	seen := make(map[string]bool)
	frame := ws.AppendFrame(nil, ws.Text, nil)
	for range 1000 {
		seen[string(ws.AppendMasked(nil, frame)[2:])] = true
	}
	if len(seen) < 990 {
		t.Errorf("only %d of 1000 keys differ", len(seen))
	}
}

// connect performs a handshake with a server that responds with the lines of
// answer, in which KEY is replaced by the correct Sec-WebSocket-Accept.
func connect(t *testing.T, deflate bool, answer ...string) (*ws.Upgraded, *http.Request, error) {
	t.Helper()
	ours, theirs := net.Pipe()
	requests := make(chan *http.Request, 1)
	go func() {
		defer theirs.Close()
		r, err := http.ReadRequest(bufio.NewReader(theirs))
		if err != nil {
			t.Error(err)
			close(requests)
			return
		}
		requests <- r
		text := strings.Join(answer, "\r\n")
		_, _ = io.WriteString(theirs, strings.ReplaceAll(text, "KEY", ws.AcceptKey(r.Header.Get("Sec-WebSocket-Key"))))
	}()
	r, err := http.NewRequest("GET", "http://example.com/path?q=1", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Sec-WebSocket-Protocol", "one, two")
	u, _, err := ws.Connect(ours, r, deflate)
	ours.Close()
	return u, <-requests, err
}

const (
	switching = "HTTP/1.1 101 Switching Protocols"
	upgradeTo = "Upgrade: WebSocket"
	connUp    = "Connection: keep-alive, upgrade"
	accept    = "Sec-WebSocket-Accept: KEY"
)

func TestConnect(t *testing.T) {
	t.Parallel()
	u, r, err := connect(t, false, "HTTP/1.1 103 Early Hints", "", switching, upgradeTo, connUp, accept, "Sec-WebSocket-Protocol: two", "", "early")
	if err != nil {
		t.Fatal(err)
	}
	if string(u.Early) != "early" || u.Deflate {
		t.Errorf("got %+v", u)
	}
	if err := ws.Check(r); err != nil {
		t.Errorf("our own server refuses the request: %v", err)
	}
	if r.Host != "example.com" || r.RequestURI != "/path?q=1" || r.Header.Get("Sec-WebSocket-Extensions") != "" {
		t.Errorf("the request is %+v", r)
	}
}

func TestConnectDeflate(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		extension string
		agreed    bool
		fails     bool
	}{
		{"", false, false},
		{"Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; client_no_context_takeover", true, false},
		{"Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; server_max_window_bits=10", true, false},
		{"Sec-WebSocket-Extensions: permessage-deflate", false, true}, // the client keeps no context
		{"Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; client_max_window_bits=10", false, true},
		{"Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover, permessage-deflate; server_no_context_takeover", false, true},
		{"Sec-WebSocket-Extensions: x-webkit-deflate-frame", false, true},
	} {
		lines := []string{switching, upgradeTo, connUp, accept}
		if c.extension != "" {
			lines = append(lines, c.extension)
		}
		u, _, err := connect(t, true, append(lines, "", "")...)
		if (err != nil) != c.fails || err == nil && u.Deflate != c.agreed {
			t.Errorf("%q: got %+v, %v", c.extension, u, err)
		}
	}
	if _, _, err := connect(t, false, switching, upgradeTo, connUp, accept, "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover", "", ""); err == nil {
		t.Error("an extension was accepted that was not offered")
	}
}

func TestConnectRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		answer []string
		status int // of an AnswerError
	}{
		{"refused", []string{"HTTP/1.1 400 Bad Request", "Content-Length: 17", "", "Transport unknown"}, 400},
		{"without a length", []string{"HTTP/1.1 404 Not Found", "", strings.Repeat("x", 100<<10)}, 404},
		{"a page", []string{"HTTP/1.1 200 OK", "Content-Length: 3", "", "hi!"}, 200},
		{"another protocol", []string{switching, "Upgrade: h2c", connUp, accept, "", ""}, 0},
		{"no Connection", []string{switching, upgradeTo, accept, "", ""}, 0},
		{"no key", []string{switching, upgradeTo, connUp, "", ""}, 0},
		{"wrong key", []string{switching, upgradeTo, connUp, "Sec-WebSocket-Accept: dGhlIHNhbXBsZSBub25jZQ==", "", ""}, 0},
		{"sub-protocol", []string{switching, upgradeTo, connUp, accept, "Sec-WebSocket-Protocol: three", "", ""}, 0},
		{"no HTTP", []string{"220 mail.example.com ESMTP", ""}, 0},
		{"nothing", nil, 0},
		{"endless header", []string{switching, "X: " + strings.Repeat("x", 1<<20), "", ""}, 0},
		{"interim answers", []string{strings.Repeat("HTTP/1.1 100 Continue\r\n\r\n", 1000)}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, _, err := connect(t, false, c.answer...)
			var answer *ws.AnswerError
			switch {
			case err == nil:
				t.Error("the answer was accepted")
			case errors.As(err, &answer) != (c.status != 0):
				t.Errorf("got %v", err)
			case answer != nil && (answer.Status != c.status || len(answer.Body) > ws.MaxAnswerBody || len(answer.Body) == 0):
				t.Errorf("got %v with a body of %d bytes", err, len(answer.Body))
			}
		})
	}
}
