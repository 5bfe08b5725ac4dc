package interop

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"

	ws "github.com/coder/websocket"

	"github.com/seed96b07ef8/socketio/engine"
	"github.com/seed96b07ef8/socketio/internal/nodepeer"
)

// These tests hold the server's WebSocket framing against that of another library,
// whose messages are larger, fragmented and compressed in ways that browsers and
// Node do not use.

var frameSizes = []int{0, 1, 125, 126, 65535, 65536, 900_000}

// compressions are those of the client; the server's is on.
var compressions = map[string]ws.CompressionMode{
	"no compression":   ws.CompressionDisabled,
	"no context":       ws.CompressionNoContextTakeover,
	"context takeover": ws.CompressionContextTakeover,
}

// dial opens a session over WebSocket and reads the handshake.
func dial(t *testing.T, io *server, mode ws.CompressionMode) (*ws.Conn, context.Context) {
	t.Helper()
	return dialQuery(t, io, mode, "")
}

// dialQuery is dial with further query parameters.
func dialQuery(t *testing.T, io *server, mode ws.CompressionMode, query string) (*ws.Conn, context.Context) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), nodepeer.Patience)
	t.Cleanup(cancel)
	url := strings.Replace(io.url, "http", "ws", 1) + "/socket.io/?EIO=4&transport=websocket" + query
	c, response, err := ws.Dial(ctx, url, &ws.DialOptions{CompressionMode: mode, CompressionThreshold: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.CloseNow() }) // most are closed by then
	c.SetReadLimit(2_000_000)
	negotiated := strings.Contains(response.Header.Get("Sec-WebSocket-Extensions"), "permessage-deflate")
	same(t, "compression", negotiated, mode != ws.CompressionDisabled)
	kind, open, err := c.Read(ctx)
	if err != nil || kind != ws.MessageText || !bytes.HasPrefix(open, []byte("0{")) {
		t.Fatalf("the handshake is %v %q, %v", kind, open, err)
	}
	return c, ctx
}

func overCompressions(t *testing.T, test func(t *testing.T, io *server, ends <-chan engine.Reason, mode ws.CompressionMode)) {
	t.Parallel()
	for name, mode := range compressions {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			io, ends := serveEngine(t, engine.ServerOptions{PerMessageDeflate: &engine.PerMessageDeflate{Threshold: 1}})
			test(t, io, ends, mode)
		})
	}
}

// echoed reads a message and compares it.
func echoed(ctx context.Context, t *testing.T, c *ws.Conn, kind ws.MessageType, want []byte) {
	t.Helper()
	if err := receive(t, expectEcho(ctx, c, kind, want)); err != nil {
		t.Fatal(err)
	}
}

// expectEcho is echoed in the background. Pongs are received meanwhile.
func expectEcho(ctx context.Context, c *ws.Conn, kind ws.MessageType, want []byte) <-chan error {
	result := make(chan error, 1)
	go func() {
		gotKind, got, err := c.Read(ctx)
		if err == nil && (gotKind != kind || !bytes.Equal(got, want)) {
			err = fmt.Errorf("%v of %d bytes came back as %v of %d bytes", kind, len(want), gotKind, len(got))
		}
		result <- err
	}()
	return result
}

func TestFramesEcho(t *testing.T) {
	overCompressions(t, func(t *testing.T, io *server, _ <-chan engine.Reason, mode ws.CompressionMode) {
		c, ctx := dial(t, io, mode)
		for _, n := range frameSizes {
			text := []byte("4" + strings.Repeat("é", n/2) + strings.Repeat("x", n%2))
			if err := c.Write(ctx, ws.MessageText, text); err != nil {
				t.Fatal(err)
			}
			echoed(ctx, t, c, ws.MessageText, text)
			if err := c.Write(ctx, ws.MessageBinary, pattern(n)); err != nil {
				t.Fatal(err)
			}
			echoed(ctx, t, c, ws.MessageBinary, pattern(n))
		}
	})
}

// A message in many fragments is one message, wherever the fragments end: within a
// character, or with nothing in them.
func TestFramesFragmented(t *testing.T) {
	overCompressions(t, func(t *testing.T, io *server, _ <-chan engine.Reason, mode ws.CompressionMode) {
		c, ctx := dial(t, io, mode)
		for _, step := range []int{1, 7, 1000} {
			text := []byte("4" + strings.Repeat("é👋", 50*step))
			for kind, message := range map[ws.MessageType][]byte{ws.MessageText: text, ws.MessageBinary: pattern(300 * step)} {
				echo := expectEcho(ctx, c, kind, message)
				w, err := c.Writer(ctx, kind)
				if err != nil {
					t.Fatal(err)
				}
				for i := 0; i < len(message); i += step {
					if _, err := w.Write(message[i:min(i+step, len(message))]); err != nil {
						t.Fatal(err)
					}
					if i == 5*step { // a control frame between fragments
						if err := c.Ping(ctx); err != nil {
							t.Fatal(err)
						}
					}
				}
				if err := w.Close(); err != nil {
					t.Fatal(err)
				}
				if err := receive(t, echo); err != nil {
					t.Fatal(err)
				}
			}
		}
	})
}

// Many messages in one go come back in order.
func TestFramesPipelined(t *testing.T) {
	overCompressions(t, func(t *testing.T, io *server, _ <-chan engine.Reason, mode ws.CompressionMode) {
		n := 2000
		if mode != ws.CompressionDisabled {
			n = 200 // the race detector makes compression a hundred times as slow
		}
		c, ctx := dial(t, io, mode)
		written := make(chan error, 1)
		go func() {
			for i := range n {
				if err := c.Write(ctx, ws.MessageText, fmt.Appendf(nil, "4%d", i)); err != nil {
					written <- err
					return
				}
			}
			written <- nil
		}()
		for i := range n {
			echoed(ctx, t, c, ws.MessageText, fmt.Appendf(nil, "4%d", i))
		}
		if err := receive(t, written); err != nil {
			t.Fatal(err)
		}
	})
}

// A WebSocket ping gets a pong, also from a client that compresses, or that cannot
// receive binary messages.
func TestFramesPing(t *testing.T) {
	for _, query := range []string{"", "&b64=1"} {
		t.Run("query "+query, func(t *testing.T) {
			overCompressions(t, func(t *testing.T, io *server, _ <-chan engine.Reason, mode ws.CompressionMode) {
				c, ctx := dialQuery(t, io, mode, query)
				echo := expectEcho(ctx, c, ws.MessageText, []byte("4end"))
				for range 10 {
					if err := c.Ping(ctx); err != nil {
						t.Fatal(err)
					}
				}
				if err := c.Write(ctx, ws.MessageText, []byte("4end")); err != nil {
					t.Fatal(err)
				}
				if err := receive(t, echo); err != nil {
					t.Fatal(err)
				}
			})
		})
	}
}

// The server answers a close frame with one, whatever the code, and knows the reason.
func TestFramesClosedByClient(t *testing.T) {
	overCompressions(t, func(t *testing.T, io *server, ends <-chan engine.Reason, mode ws.CompressionMode) {
		for _, code := range []ws.StatusCode{1000, 1001, 1008, 1011, 3000, 4999} {
			c, _ := dial(t, io, mode)
			if err := c.Close(code, "bye"); err != nil {
				t.Errorf("Close(%d): %v", code, err)
			}
			same(t, "the server's reason", receive(t, ends), engine.TransportClose)
		}
	})
}

// What the server closes, and the code that it gives.
func TestFramesClosedByServer(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		kind    ws.MessageType
		message []byte
		code    ws.StatusCode
		reason  engine.Reason
	}{
		{"too large", ws.MessageBinary, make([]byte, 1_000_001), ws.StatusMessageTooBig, engine.TransportError},
		{"invalid UTF-8", ws.MessageText, []byte("4\xff\xfe"), ws.StatusInvalidFramePayloadData, engine.TransportError},
		{"no packet", ws.MessageText, []byte("9"), ws.StatusNoStatusRcvd, engine.ParseError},
		{"empty", ws.MessageText, nil, ws.StatusNoStatusRcvd, engine.ParseError},
		{"ping of the client", ws.MessageText, []byte("2"), ws.StatusNoStatusRcvd, engine.TransportError},
	} {
		t.Run(test.name, func(t *testing.T) {
			overCompressions(t, func(t *testing.T, io *server, ends <-chan engine.Reason, mode ws.CompressionMode) {
				c, ctx := dial(t, io, mode)
				cutOff := c.Write(ctx, test.kind, test.message)
				same(t, "the server's reason", receive(t, ends), test.reason)
				if cutOff != nil {
					return // the server did not wait for the rest, and the code is lost
				}
				for {
					_, _, err := c.Read(ctx)
					if err == nil {
						continue // a ping that was on its way
					}
					if code := ws.CloseStatus(err); code != test.code {
						t.Errorf("closed with %d (%v), want %d", code, err, test.code)
					}
					return
				}
			})
		})
	}
}

// A message that is far larger than allowed, if only once it is expanded, is refused.
func TestFramesBomb(t *testing.T) {
	overCompressions(t, func(t *testing.T, io *server, ends <-chan engine.Reason, mode ws.CompressionMode) {
		c, ctx := dial(t, io, mode)
		_ = c.Write(ctx, ws.MessageBinary, make([]byte, 10_000_000)) // it may be cut off
		same(t, "the server's reason", receive(t, ends), engine.TransportError)
	})
}
