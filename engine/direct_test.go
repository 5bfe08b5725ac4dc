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
	t.Parallel()
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
			t.Errorf("got %v after the end, want %v", err, engine.ErrClosed)
		}
		p.want("1")
	})
}

// What is held back for one connection leaves in the order in which it was sent, and
// counts as what it is, however it is kept.
func TestSendTextCorked(t *testing.T) {
	t.Parallel()
	large := strings.Repeat("x", 5000)
	for _, deflate := range []string{"", "permessage-deflate"} {
		h := start(t, &engine.ServerOptions{PerMessageDeflate: &engine.PerMessageDeflate{Threshold: 20}})
		w := h.dialWebSocket("transport=websocket&EIO=4", "Sec-WebSocket-Extensions", deflate)
		w.session = receive(t, h.sessions, "the session")
		w.read()
		// Until then the goroutine that wrote the handshake takes what is held back, too.
		waitFor(t, "the end of the handshake", func() bool { return !engine.Writing(w.Conn) })
		for range 3 { // with memory that is used again
			w.Cork()
			var want []string
			size := 0
			send := func(text string, flags engine.Flags, attachments ...string) {
				t.Helper()
				var list [][]byte
				for _, a := range attachments {
					list = append(list, []byte(a))
				}
				if err := w.SendText([]byte(text), list, flags); err != nil {
					t.Fatal(err)
				}
				size += engine.NewTextMessage([]byte(text), list...).Len()
				want = append(append(want, "4"+text), attachments...)
				if n := w.Buffered(); n != size {
					t.Fatalf("%d bytes are buffered behind %.10q, want %d", n, text, size)
				}
			}
			for i := range 20 {
				send(fmt.Sprint("a", i), 0)
			}
			send("b", engine.Volatile)
			send("c", 0)
			send("d", 0)
			w.text(t, "shared")
			size += engine.NewTextMessage([]byte("shared")).Len()
			want = append(want, "4shared")
			send("e", 0)
			send("f", 0, "attachment")
			send("g", 0)
			send(large, 0)
			send("h", engine.NoCompress)
			send("i", 0)
			send("j", 0)
			w.Uncork()
			for _, text := range want {
				if got := w.read(); strings.TrimPrefix(got, binaryMark) != text {
					t.Fatalf("got %.30q, want %.30q", got, text)
				}
			}
		}
	}
}

// Messages that are kept together are dropped together, and counted one by one.
func TestSendTextCorkedOverflows(t *testing.T) {
	t.Parallel()
	var h *harness
	dropped := make(chan int, 10)
	h = start(t, &engine.ServerOptions{Overflow: engine.DropOldest, OutboxMessages: 5, OnConnect: func(c *engine.Conn) engine.Handler {
		s := newSession(c)
		h.sessions <- s
		return &dropSession{s, dropped}
	}})
	w := h.websocket()
	w.Cork()
	for i := range 6 {
		if err := w.SendText(fmt.Append(nil, i), nil, 0); err != nil {
			t.Fatal(err)
		}
	}
	if n := receive(t, dropped, "the drop"); n != 5 {
		t.Errorf("%d messages are dropped, want 5", n)
	}
	w.Uncork()
	w.want("45")
}

// A message that other connections get, too, is not changed by what is sent behind it.
func TestSendTextBehindASharedMessage(t *testing.T) {
	t.Parallel()
	h := start(t, nil)
	one, other := h.websocket(), h.websocket()
	shared := engine.NewTextMessage([]byte("shared"))
	for _, w := range []*peer{one, other} {
		w.Cork()
		if err := w.Send(shared, 0); err != nil {
			t.Fatal(err)
		}
	}
	if err := one.SendText([]byte("own"), nil, 0); err != nil {
		t.Fatal(err)
	}
	other.text(t, "last")
	for _, w := range []*peer{one, other} {
		w.Uncork()
	}
	for _, want := range []string{"4shared", "4own"} {
		one.want(want)
	}
	for _, want := range []string{"4shared", "4last"} {
		other.want(want)
	}
}

// A control message keeps its place among those that are kept together.
func TestSendTextBehindAControlMessage(t *testing.T) {
	t.Parallel()
	w := start(t, nil).websocket()
	w.Cork()
	for _, m := range []string{"a", "control", "b"} {
		if m == "control" {
			if err := w.Send(engine.NewTextMessage([]byte(m)), engine.Control); err != nil {
				t.Fatal(err)
			}
		} else if err := w.SendText([]byte(m), nil, 0); err != nil {
			t.Fatal(err)
		}
	}
	w.Uncork()
	for _, want := range []string{"4a", "4control", "4b"} {
		w.want(want)
	}
}

// An overflow drops few of the messages that are kept together.
func TestSendTextDropsFewAtOnce(t *testing.T) {
	t.Parallel()
	const limit = 2000
	dropped := make(chan int, limit)
	var h *harness
	h = start(t, &engine.ServerOptions{Overflow: engine.DropOldest, OutboxMessages: limit, OnConnect: func(c *engine.Conn) engine.Handler {
		s := newSession(c)
		h.sessions <- s
		return &dropSession{s, dropped}
	}})
	w := h.websocket()
	w.Cork()
	for range limit + 1 {
		if err := w.SendText([]byte("0123456789"), nil, 0); err != nil {
			t.Fatal(err)
		}
	}
	const most = 4 << 10 / 13 // of 13 bytes each
	if n := receive(t, dropped, "the drop"); n > most {
		t.Errorf("%d messages are dropped, want at most %d", n, most)
	}
}

type dropSession struct {
	*session
	dropped chan int
}

func (s *dropSession) OnDrop(_ *engine.Conn, n int) { s.dropped <- n }

// What the peer does not take at once is copied, and nothing is lost or twice.
func TestSendTextToSlowPeer(t *testing.T) {
	t.Parallel()
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
