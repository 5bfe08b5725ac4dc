package engine_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/seed96b07ef8/socketio/engine"
)

// SendText sends what Send does with a message of the same parts, on any
// connection, and keeps nothing of its arguments.
func TestSendText(t *testing.T) {
	attachment := func(n int) []byte { return bytes.Repeat([]byte{7}, n) }
	many := make([][]byte, 40)
	for i := range many {
		many[i] = attachment(i * 100)
	}
	messages := []struct {
		text        string
		attachments [][]byte
	}{
		{"", nil},
		{"text", nil},
		{strings.Repeat("x", 100_000), nil},
		{"a", [][]byte{{}}},
		{"a", [][]byte{attachment(5), {}, attachment(70_000), attachment(3), attachment(2049), attachment(2048)}},
		{strings.Repeat("x", 3000), [][]byte{attachment(2000), attachment(3000)}},
		{"sixteen", many[20:36]},
		{"fifteen", many[20:35]},
		{"many", many},
	}
	send := func(t *testing.T, c *engine.Conn, flags engine.Flags) {
		t.Helper()
		for _, m := range messages {
			var attachments [][]byte
			for _, a := range m.attachments {
				attachments = append(attachments, bytes.Clone(a))
			}
			text := []byte(m.text)
			if err := c.SendText(text, attachments, flags); err != nil {
				t.Fatal(err)
			}
			for _, b := range append(attachments, text) {
				clear(b)
			}
			if err := c.Send(engine.NewTextMessage([]byte(m.text), m.attachments...), flags); err != nil {
				t.Fatal(err)
			}
		}
	}
	check := func(t *testing.T, w *peer) {
		t.Helper()
		for _, m := range messages {
			var sent, wanted []string
			for range 1 + len(m.attachments) {
				sent = append(sent, w.read())
			}
			for range 1 + len(m.attachments) {
				wanted = append(wanted, w.read())
			}
			if fmt.Sprint(sent) != fmt.Sprint(wanted) {
				t.Errorf("%.20q with %d attachments arrived differently", m.text, len(m.attachments))
			}
		}
	}
	opts := &engine.ServerOptions{PerMessageDeflate: &engine.PerMessageDeflate{}, AllowEIO3: true}
	for _, query := range []string{"EIO=4", "EIO=4&b64=1", "EIO=3", "EIO=3&b64=1"} {
		for _, deflate := range []string{"", "permessage-deflate"} {
			for _, flags := range []engine.Flags{0, engine.NoCompress, engine.Lazy} {
				t.Run(fmt.Sprint(query, deflate, flags), func(t *testing.T) {
					h := start(t, opts)
					w := h.dialWebSocket("transport=websocket&"+query, "Sec-WebSocket-Extensions", deflate)
					w.session = receive(t, h.sessions, "the session")
					w.read()
					send(t, w.Conn, flags)
					check(t, w)
				})
			}
		}
	}
	t.Run("behind others", func(t *testing.T) {
		w := start(t, nil).websocket()
		w.Cork()
		send(t, w.Conn, 0)
		w.Uncork()
		check(t, w)
	})
	t.Run("wrapped", func(t *testing.T) {
		h := newHarness(t, nil)
		serveWrapped(t, h)
		w := h.websocket()
		send(t, w.Conn, 0)
		check(t, w)
	})
	t.Run("polling", func(t *testing.T) {
		p := start(t, nil).poll()
		if err := p.SendText([]byte("a"), [][]byte{[]byte("b")}, 0); err != nil {
			t.Fatal(err)
		}
		p.want("4a\x1ebYg==")
		p.Close()
		if err := p.SendText([]byte("a"), nil, 0); err != engine.ErrClosed {
			t.Errorf("got %v after the end", err)
		}
		p.want("1")
	})
}

// What the peer does not take at once is copied, and nothing is lost or twice.
func TestSendTextToSlowPeer(t *testing.T) {
	h := start(t, nil)
	w := h.websocket()
	data := make([]byte, 3<<20)
	for i := range data {
		data[i] = byte(i >> 8)
	}
	want := binaryMark + string(data)
	for range 2 {
		if err := w.SendText([]byte("x"), [][]byte{data}, 0); err != nil {
			t.Fatal(err)
		}
	}
	clear(data)
	for range 2 {
		w.want("4x")
		if w.read() != want {
			t.Error("the attachment has arrived differently")
		}
	}
}
