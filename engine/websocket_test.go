package engine_test

import (
	"strings"
	"testing"
	"time"

	"github.com/seed96b07ef8/socketio/engine"
	"github.com/seed96b07ef8/socketio/internal/ws"
)

func TestWebSocketMessages(t *testing.T) {
	t.Parallel()
	h := start(t, nil)
	w := h.websocket()
	large := strings.Repeat("0123456789", 50_000)
	w.send("4hello", "4", "4€", "4"+large)
	w.sendBinary("\x00\xff")
	w.sendBinary(large)
	w.sendBinary("")
	w.send("bAQIDBA==")
	for _, want := range []string{"hello", "", "€", large, binaryMark + "\x00\xff", binaryMark + large, binaryMark, binaryMark + "\x01\x02\x03\x04"} {
		w.wantMessage(t, want)
	}
	w.text(t, "a")
	w.text(t, large)
	if err := w.Send(engine.NewTextMessage([]byte("head"), []byte("one"), nil, []byte(large)), 0); err != nil {
		t.Fatal(err)
	}
	if err := w.Send(engine.NewBinaryMessage([]byte("\x00\x01")), 0); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"4a", "4" + large, "4head", binaryMark + "one", binaryMark, binaryMark + large, binaryMark + "\x00\x01"} {
		w.want(want)
	}
}

// Engine.IO packets without a meaning over WebSocket are ignored, and invalid packets
// end the session.
func TestWebSocketPackets(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		packet string
		reason engine.Reason // "": the session stays
	}{
		{"0", ""}, {"1", ""}, {"3", ""}, {"3probe", ""}, {"5", ""}, {"6", ""},
		{"2", engine.TransportError},
		{"2probe", engine.TransportError},
		{"7", engine.ParseError}, {"9", engine.ParseError}, {"x", engine.ParseError},
		{"", engine.ParseError}, {"b!", engine.ParseError}, {"bA", engine.ParseError}, {"é", engine.ParseError},
	} {
		t.Run(test.packet, func(t *testing.T) {
			h := start(t, nil)
			w := h.websocket()
			w.send("4before", test.packet, "4after")
			w.wantMessage(t, "before")
			if test.reason == "" {
				w.wantMessage(t, "after")
				return
			}
			w.wantEnd(ws.CloseNoStatus)
			w.wantClose(t, test.reason)
			if len(w.messages) != 0 {
				t.Error("a packet behind the bad one was delivered")
			}
		})
	}
}

func TestWebSocketEnd(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		data   []byte
		code   int
		reason engine.Reason
	}{
		{"close frame", masked(ws.Close, ""), ws.CloseNoStatus, engine.TransportClose},
		{"close 1000", masked(ws.Close, "\x03\xe8bye"), ws.CloseNormal, engine.TransportClose},
		{"close 4000", masked(ws.Close, "\x0f\xa0"), 4000, engine.TransportClose},
		{"close 1005", masked(ws.Close, "\x03\xed"), ws.CloseProtocolError, engine.TransportError},
		{"not masked", ws.AppendFrame(nil, ws.Text, []byte("4x")), ws.CloseProtocolError, engine.TransportError},
		{"reserved bit", []byte{0xf1, 0x80, 0, 0, 0, 0}, ws.CloseProtocolError, engine.TransportError},
		{"compressed without agreement", []byte{0xc1, 0x80, 0, 0, 0, 0}, ws.CloseProtocolError, engine.TransportError},
		{"unknown opcode", masked(7, ""), ws.CloseProtocolError, engine.TransportError},
		{"invalid UTF-8", masked(ws.Text, "4\xff"), ws.CloseInvalidPayload, engine.TransportError},
		{"too large", masked(ws.Binary, strings.Repeat("x", 1001)), ws.CloseTooLarge, engine.TransportError},
		{"too large by announcement", masked(ws.Binary, strings.Repeat("x", 1001))[:8], ws.CloseTooLarge, engine.TransportError},
		{"too large in fragments", append(append([]byte{0x02}, masked(ws.Binary, strings.Repeat("x", 900))[1:]...), append([]byte{0x80}, masked(ws.Binary, strings.Repeat("x", 101))[1:]...)...), ws.CloseTooLarge, engine.TransportError},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := start(t, &engine.ServerOptions{MaxPayload: 1000})
			w := h.websocket()
			w.raw(append(masked(ws.Text, "4before"), test.data...))
			w.wantMessage(t, "before")
			w.wantClose(t, test.reason)
			w.wantEnd(test.code)
			waitFor(t, "the session to go", func() bool { return h.Len() == 0 })
		})
	}
	t.Run("exact size", func(t *testing.T) {
		h := start(t, &engine.ServerOptions{MaxPayload: 1000})
		w := h.websocket()
		w.sendBinary(strings.Repeat("x", 1000))
		w.wantMessage(t, binaryMark+strings.Repeat("x", 1000))
	})
	t.Run("connection closed", func(t *testing.T) {
		h := start(t, nil)
		w := h.websocket()
		w.raw([]byte{0x81}) // half a frame
		w.nc.Close()
		w.wantClose(t, engine.TransportClose)
	})
}

func TestWebSocketPing(t *testing.T) {
	t.Parallel()
	h := start(t, nil)
	w := h.websocket()
	w.raw(masked(ws.Ping, "hello"))
	w.want("a:hello")
	w.raw(masked(ws.Pong, "unsolicited"))
	w.send("4still here")
	w.wantMessage(t, "still here")
}

// Frames that arrive with the handshake are not lost, nor is what they end.
func TestWebSocketEarlyFrames(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		data []byte
		code int
	}{
		{"message", masked(ws.Text, "4early"), 0},
		{"message in two parts", masked(ws.Text, "4early")[:5], 0},
		{"garbage", []byte("GET / HTTP/1.1\r\n\r\n"), ws.CloseProtocolError}, // CVE-2022-21676
		{"close", masked(ws.Close, ""), ws.CloseNoStatus},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := start(t, nil)
			nc := h.connection()
			if _, err := nc.Write(append([]byte(upgradeRequest(h.url, "EIO=4&transport=websocket")), test.data...)); err != nil {
				t.Fatal(err)
			}
			s := receive(t, h.sessions, "the session")
			if test.code == 0 {
				_, _ = nc.Write(masked(ws.Text, "4early")[len(test.data):])
				s.wantMessage(t, "early")
				return
			}
			receive(t, s.closed, "the end")
			w := peerOn(t, nc)
			openSID(t, w.read())
			w.wantEnd(test.code)
		})
	}
}

func TestSubprotocolIsEchoed(t *testing.T) {
	t.Parallel()
	h := start(t, nil)
	w := h.dialWebSocket("EIO=4&transport=websocket", "Sec-WebSocket-Protocol", "mine, yours")
	if got := w.resp.Header.Get("Sec-Websocket-Protocol"); got != "mine" {
		t.Errorf("got %q, want %q", got, "mine")
	}
}

func TestPerMessageDeflate(t *testing.T) {
	t.Parallel()
	text := strings.Repeat("compress me ", 100)
	offer := []string{"Sec-WebSocket-Extensions", "permessage-deflate; client_max_window_bits"}
	open := func(h *harness) *peer {
		w := h.dialWebSocket("EIO=4&transport=websocket", offer...)
		w.read()
		w.session = receive(t, h.sessions, "the session")
		return w
	}
	received := func(w *peer, m *engine.Message, flags engine.Flags) (bytes int) {
		t.Helper()
		if err := w.Send(m, flags); err != nil {
			t.Fatal(err)
		}
		counted := &countingConn{Conn: w.nc}
		w.nc = counted
		w.want("4" + text)
		w.nc = counted.Conn
		return counted.n
	}
	t.Run("off by default", func(t *testing.T) {
		h := start(t, nil)
		w := open(h)
		if w.in.Deflate {
			t.Error("compression was agreed on")
		}
	})
	t.Run("on", func(t *testing.T) {
		h := start(t, &engine.ServerOptions{PerMessageDeflate: &engine.PerMessageDeflate{}, MaxPayload: 5000})
		w, other := open(h), open(h)
		m := engine.NewTextMessage([]byte(text))
		for range 2 { // the second time the shared form is used
			if n := received(w, m, 0); n > 200 {
				t.Errorf("%d bytes for a compressed message, want at most 200", n)
			}
			if n := received(other, m, engine.NoCompress); n < len(text) {
				t.Errorf("%d bytes for a message that is not compressed, want at least %v", n, len(text))
			}
		}
		w.text(t, "short")
		w.want("4short")
		attached := engine.NewTextMessage([]byte(text), []byte(text))
		if err := w.Send(attached, 0); err != nil {
			t.Fatal(err)
		}
		w.want("4" + text)
		w.want(binaryMark + text)

		compressed := func(text string) []byte {
			_, payload, _ := ws.Frames(ws.AppendDeflated(nil, ws.Text, []byte(text)))
			return ws.AppendMaskedFrame(nil, ws.Text, true, payload, [4]byte{1, 2, 3, 4})
		}
		w.raw(compressed("4" + text))
		w.wantMessage(t, text)
		w.raw(compressed("4" + strings.Repeat("x", 5000)))
		w.wantClose(t, engine.TransportError)
		w.wantEnd(ws.CloseTooLarge)
	})
	t.Run("threshold", func(t *testing.T) {
		h := start(t, &engine.ServerOptions{PerMessageDeflate: &engine.PerMessageDeflate{Threshold: 10_000}})
		if n := received(open(h), engine.NewTextMessage([]byte(text)), 0); n < len(text) {
			t.Errorf("%d bytes for a message below the threshold, want at least %v", n, len(text))
		}
	})
	t.Run("with base64", func(t *testing.T) {
		h := start(t, &engine.ServerOptions{PerMessageDeflate: &engine.PerMessageDeflate{}})
		w := h.dialWebSocket("EIO=4&transport=websocket&b64=1", offer...)
		w.read()
		s := receive(t, h.sessions, "the session")
		if err := s.Send(engine.NewBinaryMessage([]byte{1}), 0); err != nil {
			t.Fatal(err)
		}
		w.want("bAQ==")
	})
}

// A handler owns binary data, so it is never overwritten.
func TestBinaryBelongsToTheHandler(t *testing.T) {
	t.Parallel()
	kept := make(chan []byte, 10_000)
	h := start(t, &engine.ServerOptions{OnConnect: func(*engine.Conn) engine.Handler { return keeper{kept} }})
	w := h.dialWebSocket("EIO=4&transport=websocket")
	w.read()
	const n = 2000
	go func() {
		for i := range n {
			w.sendBinary(strings.Repeat(string(rune('a'+i%26)), i%700))
			if i%100 == 0 {
				time.Sleep(time.Millisecond) // so that some come alone and some together
			}
		}
	}()
	var all [][]byte
	for range n {
		all = append(all, receive(t, kept, "a message"))
	}
	for i, data := range all {
		if string(data) != strings.Repeat(string(rune('a'+i%26)), i%700) {
			t.Fatalf("message %d was overwritten", i)
		}
	}
}

type keeper struct{ kept chan []byte }

func (k keeper) OnMessage(_ *engine.Conn, data []byte, _ bool) { k.kept <- data }
func (k keeper) OnClose(*engine.Conn, engine.Reason, error)    {}

// OnBatch is called after the messages that arrived together.
func TestOnBatch(t *testing.T) {
	t.Parallel()
	events := make(chan string, 100)
	h := start(t, &engine.ServerOptions{OnConnect: func(c *engine.Conn) engine.Handler { return batcher{events} }})
	r := h.request("GET", "EIO=4&transport=polling", "")
	h.request("POST", "EIO=4&transport=polling&sid="+openSID(t, r.body), "4a\x1e4b\x1e4c")
	w := h.dialWebSocket("EIO=4&transport=websocket")
	w.read()
	w.raw(append(masked(ws.Text, "4d"), masked(ws.Text, "4e")...))
	for _, want := range []string{"a", "b", "c", "batch", "d", "e", "batch"} {
		if got := receive(t, events, want); got != want {
			t.Fatalf("got %q, want %q", got, want)
		}
	}
}

type batcher struct{ events chan string }

func (b batcher) OnMessage(_ *engine.Conn, data []byte, _ bool) { b.events <- string(data) }
func (b batcher) OnBatch(*engine.Conn)                          { b.events <- "batch" }
func (b batcher) OnClose(*engine.Conn, engine.Reason, error)    {}
