package engine

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/seed96b07ef8/socketio/internal/ws"
)

// idleClient returns a client that has neither connection nor goroutine.
func idleClient(h ClientHandler) *Client {
	o, err := (&DialOptions{Logger: slog.New(slog.DiscardHandler), NoUpgrade: true, RoundTripper: noWeb{}}).withDefaults()
	if err != nil {
		panic(err)
	}
	t, err := newTarget("http://example.com/", o)
	if err != nil {
		panic(err)
	}
	c := newClient(t, o, h)
	c.web = newWeb(o)
	c.pausing = true // nothing is sent
	c.due = time.Now().Add(time.Hour)
	return c
}

// noWeb fails.
type noWeb struct{}

func (noWeb) RoundTrip(*http.Request) (*http.Response, error) { return nil, net.ErrClosed }

type counter struct{ size, n, ended int }

func (h *counter) OnMessage(_ *Client, data []byte, _ bool) { h.size += len(data); h.n++ }
func (h *counter) OnClose(*Client, Reason, error)           { h.ended++ }

// No response to the first polls causes a panic, a session without a valid handshake,
// or the delivery of data that is not in the payload.
func FuzzClientPayload(f *testing.F) {
	const open = `0{"sid":"x","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}`
	for _, seed := range []string{
		"", open, open + "\x1e4hello\x1ebAQID\x1e2\x1e6\x1e1", open + "\x1e", "4x", "0{}", "0[]", "0{\"sid\":1}", `0{"sid":"x","pingInterval":1e999}`,
		`96:0{"sid":"x"}2:40`, "\x00\x09\xff0{\"sid\":1}", "\x01\x02\xff\x04x", strings.Repeat("9", 400) + ":", "1", "2", "b", "b*", "7", "\x1e\x1e", open + "\x1e" + open,
	} {
		f.Add([]byte(seed), []byte("4next"))
	}
	f.Fuzz(func(t *testing.T, first, second []byte) {
		h := new(counter)
		c := idleClient(h)
		for _, payload := range [][]byte{first, second} {
			err := c.receivePayload(payload)
			if err != nil {
				c.fail(ParseError, err)
			}
		}
		if h.size > len(first)+len(second) {
			t.Errorf("%d bytes were delivered, want at most %v", h.size, len(first)+len(second))
		}
		if h.n > 0 && (c.id == "" || c.pingInterval <= 0 || c.pingTimeout <= 0 || c.maxPayload <= 0) {
			t.Error("a message without a handshake")
		}
		if h.ended > 1 || h.ended == 1 && c.id == "" {
			t.Errorf("OnClose was called %d times", h.ended)
		}
		c.fail(PingTimeout, errSilentServer)
		<-c.done
	})
}

// Bytes from a WebSocket, split at any position, cause no panic and at most one
// OnClose.
func FuzzClientWebSocket(f *testing.F) {
	const open = `0{"sid":"x","upgrades":[],"pingInterval":25000,"pingTimeout":20000}`
	frames := ws.AppendFrame(nil, ws.Text, []byte(open))
	frames = ws.AppendFrame(frames, ws.Text, []byte("4hello"))
	frames = ws.AppendFrame(frames, ws.Binary, []byte{1, 2, 3})
	frames = ws.AppendFrame(frames, ws.Text, []byte("2"))
	frames = ws.AppendFrame(frames, ws.Ping, []byte("x"))
	f.Add(ws.AppendClose(frames, 1000), 7)
	f.Add(ws.AppendFrame(bytes.Clone(frames), ws.Text, []byte("1")), 1000)
	f.Add(ws.AppendMasked(nil, frames), 1000)
	f.Add([]byte("HTTP/1.1 400 Bad Request\r\n\r\n"), 3)
	f.Add([]byte{0x82, 127, 0, 0, 0, 0, 255, 255, 255, 255}, 1)
	f.Fuzz(func(t *testing.T, b []byte, size int) {
		h := new(counter)
		c := idleClient(h)
		l := &link{way: c.opts.ways[WebSocket], in: ws.Reader{MaxMessage: 1 << 10, Client: true}, nc: noConn{}}
		c.link, c.writing = l, true
		size = max(1, min(size, bufferSize))
		scratch := make([]byte, bufferSize)
		for len(b) > 0 {
			n := copy(l.in.Space(scratch), b[:min(size, len(b))])
			if _, more := c.feed(l, l.in.Space(scratch)[:n]); !more {
				break
			}
			b = b[n:]
		}
		if h.n > 0 && c.id == "" || h.ended > 1 {
			t.Errorf("%d messages, session %q, %d ends", h.n, c.id, h.ended)
		}
		if c.outbox.n > c.opts.OutboxMessages {
			t.Errorf("%d packets wait, want at most %v", c.outbox.n, c.opts.OutboxMessages)
		}
		if c.mu.Lock(); c.state == closed {
			c.mu.Unlock()
		} else {
			c.resumeAndUnlock(c) // keeps writing: a session that the server has closed flushes the rest
		}
		c.fail(PingTimeout, errSilentServer)
		<-c.done
		if c.id != "" && h.ended != 1 {
			t.Errorf("OnClose was called %d times", h.ended)
		}
	})
}

// Parts of a message that leave in different requests stay whole and in order, and no
// policy drops the rest.
func TestTakePost(t *testing.T) {
	t.Parallel()
	c := idleClient(nil)
	c.maxPayload = 20
	c.opts.OutboxMessages, c.opts.Overflow = 2, DropOldest
	m := NewTextMessage([]byte("text"), []byte("12345678901"), nil, []byte("x"))
	if err := c.Send(m, 0); err != nil {
		t.Fatal(err)
	}
	if got := string(appendPost(nil, c.takePostLocked())); got != "4text" {
		t.Errorf("first %q, want %q", got, "4text")
	}
	for range 5 {
		if err := c.Send(NewTextMessage([]byte("y")), 0); err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []string{"bMTIzNDU2Nzg5MDE=\x1eb", "beA==\x1e4y\x1e4y"} {
		if got := string(appendPost(nil, c.takePostLocked())); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	if c.outbox.n != 0 {
		t.Errorf("%d messages are left, want 0", c.outbox.n)
	}
	c.fail(PingTimeout, errSilentServer)
	<-c.done
}

func TestParseOpen(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]error{
		`{"sid":"x","pingInterval":25000.0,"pingTimeout":2e4,"upgrades":null,"more":[]}`: nil,
		`{"sid":"x","pingInterval":300,"pingTimeout":200,"upgrades":["other"]}`:          nil,
		`{"sid":"x","pingInterval":"300","pingTimeout":200}`:                             ErrBadHandshake,
		`{"sid":"x","pingInterval":0.5,"pingTimeout":200}`:                               ErrBadHandshake,
		`{"sid":"x","pingInterval":300,"pingTimeout":200} x`:                             ErrBadHandshake,
		`null`: ErrBadHandshake,
	} {
		if _, err := parseOpen(packet{typ: packetOpen, data: []byte(text)}); !errors.Is(err, want) {
			t.Errorf("%s: got %v, want %v", text, err, want)
		}
	}
	var syntax *json.SyntaxError
	if _, err := parseOpen(packet{typ: packetOpen, data: []byte("{")}); !errors.As(err, &syntax) {
		t.Errorf("got %v", err)
	}
}

// noConn is a connection that discards writes and never delivers bytes.
type noConn struct{ net.Conn }

func (noConn) Write(b []byte) (int, error)      { return len(b), nil }
func (noConn) SetWriteDeadline(time.Time) error { return nil }
func (noConn) SetDeadline(time.Time) error      { return nil }
func (noConn) Close() error                     { return nil }
