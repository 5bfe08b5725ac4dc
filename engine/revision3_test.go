package engine_test

import (
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed96b07ef8/socketio/engine"
	"github.com/seed96b07ef8/socketio/internal/leakcheck"
	"github.com/seed96b07ef8/socketio/internal/ws"
)

// allowing is opts, or the defaults, with revision 3.
func allowing(opts *engine.ServerOptions) *engine.ServerOptions {
	if opts == nil {
		opts = &engine.ServerOptions{}
	}
	opts.AllowEIO3 = true
	return opts
}

// poll3 performs the handshake of revision 3 over polling.
func (h *harness) poll3(extra ...string) *poller {
	h.t.Helper()
	query := strings.Join(append([]string{"EIO=3&transport=polling"}, extra...), "&")
	r := h.request("GET", query, "")
	length, packet, _ := strings.Cut(r.body, ":")
	if r.status != http.StatusOK || length != strconv.Itoa(len(packet)) {
		h.t.Fatalf("handshake: %d %s", r.status, r.body)
	}
	s := receive(h.t, h.sessions, "the session")
	if id := openSID(h.t, packet); id != s.ID() {
		h.t.Fatalf("the client got session ID %q, the server has %q", id, s.ID())
	}
	return &poller{h: h, session: s, query: query + "&sid=" + s.ID()}
}

// websocket3 performs it over WebSocket.
func (h *harness) websocket3(extra ...string) *peer {
	h.t.Helper()
	p := h.dialWebSocket(strings.Join(append([]string{"EIO=3&transport=websocket"}, extra...), "&"))
	open := p.read()
	p.session = receive(h.t, h.sessions, "the session")
	if id := openSID(h.t, open); id != p.ID() {
		h.t.Fatalf("the client got session ID %q, the server has %q", id, p.ID())
	}
	return p
}

func (p *poller) dial3() *peer {
	p.h.t.Helper()
	return p.h.dialWebSocket("EIO=3&transport=websocket&sid=" + p.ID())
}

func (p *poller) probe3() *peer {
	p.h.t.Helper()
	w := p.dial3()
	w.send("2probe")
	w.want("3probe")
	return w
}

// postAs performs a POST with a content type.
func (p *poller) postAs(contentType, body string) reply {
	p.h.t.Helper()
	return p.h.request("POST", p.query, body, "Content-Type", contentType)
}

const octetStream = "application/octet-stream"

func TestRevision3Handshake(t *testing.T) {
	t.Parallel()
	h := start(t, allowing(nil))
	for query, revision := range map[string]int{
		"EIO=3&": 3, "": 3, "EIO=abc&": 3, "EIO=5&": 3, "EIO=4&EIO=3&": 3, "EIO=4&": 4, "EIO=3&EIO=4&": 4,
	} {
		r := h.request("GET", query+"transport=polling", "")
		s := receive(t, h.sessions, "the session")
		want := fmt.Sprintf(`0{"sid":%q,"upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}`, s.ID())
		if revision == 3 {
			want = fmt.Sprintf("%d:%s", len(want), want)
		}
		wantReply(t, r, 200, want)
		if got := r.header.Get("Content-Type"); got != "text/plain; charset=UTF-8" {
			t.Errorf("got content type %q", got)
		}
		w := h.dialWebSocket(query + "transport=websocket")
		socket := receive(t, h.sessions, "the session")
		w.want(fmt.Sprintf(`0{"sid":%q,"upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}`, socket.ID()))
		if s.Protocol() != revision || socket.Protocol() != revision {
			t.Errorf("%q: got revisions %d and %d", query, s.Protocol(), socket.Protocol())
		}
	}

	h = start(t, allowing(&engine.ServerOptions{InitialMessage: []byte("hi")}))
	if r := h.request("GET", "EIO=3&transport=polling", ""); !strings.HasSuffix(r.body, "}3:4hi") {
		t.Errorf("got %s, want the suffix %q", r.body, "}3:4hi")
	}
}

// The revision of a session is that of its handshake.
func TestRevisionMismatch(t *testing.T) {
	t.Parallel()
	h := start(t, allowing(nil))
	for _, test := range []struct {
		p                    *poller
		own, other, protocol string
	}{{h.poll3(), "EIO=3", "EIO=4", "3"}, {h.poll(), "EIO=4", "EIO=3", "4"}} {
		wrong := strings.Replace(test.p.query, test.own, test.other, 1)
		for _, method := range []string{"GET", "POST"} {
			wantReply(t, h.request(method, wrong, ""), 400, `{"code":3,"message":"Bad request"}`)
			if e := h.lastRefusal(); e.Context["name"] != "PROTOCOL_MISMATCH" || fmt.Sprint(e.Context["previousProtocol"]) != test.protocol {
				t.Errorf("got context %v", e.Context)
			}
		}
		if _, err := h.tryWebSocket(test.other + "&transport=websocket&sid=" + test.p.ID()); err == nil {
			t.Error("upgraded with another revision")
		}
		if h.Len() != 2 || len(test.p.closed) > 0 {
			t.Error("a session ended")
		}
	}
}

func TestRevision3Polling(t *testing.T) {
	t.Parallel()
	h := start(t, allowing(nil))
	p := h.poll3()
	p.text(t, `2["txt","€😀"]`)
	p.want(`15:42["txt","€😀"]`)
	p.text(t, "a")
	p.text(t, "")
	r := p.get()
	wantReply(t, r, 200, "2:4a1:4")
	if got := r.header.Get("Content-Type"); got != "text/plain; charset=UTF-8" {
		t.Errorf("got content type %q", got)
	}

	// One packet that is binary makes the payload binary.
	header := "51-" + strings.Repeat("x", 43)
	send(t, p.Conn, engine.NewTextMessage([]byte(header), []byte{1, 2, 3, 4}))
	r = p.get()
	wantReply(t, r, 200, "\x00\x04\x07\xff4"+header+"\x01\x05\xff\x04\x01\x02\x03\x04")
	if got := r.header.Get("Content-Type"); got != octetStream {
		t.Errorf("got content type %q, want %v", got, octetStream)
	}
	p.text(t, "hello")
	send(t, p.Conn, engine.NewBinaryMessage([]byte{1, 2, 3, 4}))
	p.want("\x00\x06\xff4hello\x01\x05\xff\x04\x01\x02\x03\x04")
	send(t, p.Conn, engine.NewBinaryMessage([]byte{1}))
	p.text(t, "after")
	p.want("\x01\x02\xff\x04\x01\x00\x06\xff4after")
	p.text(t, "then text")
	p.want("10:4then text")

	// b64 counts in the handshake; the suite leaves it out later.
	p = h.poll3("b64=1")
	p.query = strings.Replace(p.query, "&b64=1", "", 1)
	p.text(t, "hello")
	send(t, p.Conn, engine.NewBinaryMessage([]byte{1, 2, 3, 4}))
	r = p.get()
	wantReply(t, r, 200, "6:4hello10:b4AQIDBA==")
	if got := r.header.Get("Content-Type"); got != "text/plain; charset=UTF-8" {
		t.Errorf("got content type %q", got)
	}
}

func send(t testing.TB, c *engine.Conn, m *engine.Message) {
	t.Helper()
	if err := c.Send(m, 0); err != nil {
		t.Fatal(err)
	}
}

func TestRevision3Post(t *testing.T) {
	t.Parallel()
	h := start(t, allowing(nil))
	p := h.poll3()
	for _, contentType := range []string{"text/plain;charset=UTF-8", "", "application/x-www-form-urlencoded"} {
		wantReply(t, p.postAs(contentType, "6:4hello10:b4AQIDBA==5:4€😀!0:"), 200, "ok")
		p.wantMessage(t, "hello")
		p.wantMessage(t, binaryMark+"\x01\x02\x03\x04")
		p.wantMessage(t, "€😀!")
	}
	wantReply(t, p.postAs(octetStream, "\x00\x08\xff4€😀\x01\x05\xff\x04\x01\x02\x03\x04"), 200, "ok")
	p.wantMessage(t, "€😀")
	p.wantMessage(t, binaryMark+"\x01\x02\x03\x04")
	// The handler owns binary data.
	kept := make(chan []byte, 2)
	h = start(t, allowing(&engine.ServerOptions{OnConnect: func(*engine.Conn) engine.Handler { return keeper{kept} }}))
	_, packet, _ := strings.Cut(h.request("GET", "EIO=3&transport=polling", "").body, ":")
	p = &poller{h: h, query: "EIO=3&transport=polling&sid=" + openSID(t, packet)}
	for _, letter := range []string{"a", "b"} {
		p.postAs(octetStream, "\x01\x05\x00\x00\x01\xff\x04"+strings.Repeat(letter, 5000))
	}
	if got := receive(t, kept, "the first"); string(got) != strings.Repeat("a", 5000) {
		t.Error("the first message was overwritten")
	}
}

func TestRevision3Undecodable(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ contentType, body string }{
		"empty":              {"", ""},
		"text":               {"", "abc"},
		"revision 4":         {"", "4abc"},
		"second packet":      {"", "2:4a3:xyz"},
		"binary as text":     {"", "\x00\x02\xff4a"},
		"empty binary":       {octetStream, ""},
		"text as binary":     {octetStream, "2:4a"},
		"second binary":      {octetStream, "\x00\x02\xff4a\x01\x01\xff\x09"},
		"binary without end": {octetStream, "\x00\x02"},
	} {
		t.Run(name, func(t *testing.T) {
			h := start(t, allowing(nil))
			p := h.poll3()
			pending := p.pending()
			wantReply(t, p.postAs(test.contentType, test.body), 400, `{"code":3,"message":"Bad request"}`)
			p.wantClose(t, engine.ParseError)
			wantReply(t, receive(t, pending, "the poll"), 200, "1:1")
			if strings.HasPrefix(name, "second") {
				p.wantMessage(t, "a")
			}
			wantReply(t, p.get(), 400, `{"code":1,"message":"Session ID unknown"}`)
		})
	}
}

func TestRevision3MaxPayload(t *testing.T) {
	t.Parallel()
	h := start(t, allowing(&engine.ServerOptions{MaxPayload: 1000}))
	p := h.poll3()
	for contentType, body := range map[string]string{
		"text/plain": "996:4" + strings.Repeat("x", 995),
		octetStream:  "\x01\x09\x09\x05\xff\x04" + strings.Repeat("x", 994),
	} {
		if len(body) != 1000 {
			t.Fatal(len(body))
		}
		wantReply(t, p.postAs(contentType, body), 200, "ok")
		receive(t, p.messages, "a message")
		wantReply(t, p.postAs(contentType, body+"x"), 413, "")
	}
	w := h.websocket3()
	w.sendBinary("\x04" + strings.Repeat("x", 999))
	receive(t, w.messages, "a message")
	w.sendBinary("\x04" + strings.Repeat("x", 1000))
	w.wantEnd(ws.CloseTooLarge)
	w.wantClose(t, engine.TransportError)
}

func TestRevision3WebSocket(t *testing.T) {
	t.Parallel()
	h := start(t, allowing(nil))
	w := h.websocket3()
	w.send("4hello", "b4AQID")
	w.sendBinary("\x04\x01\x02")
	w.sendBinary("\x04")
	w.wantMessage(t, "hello")
	w.wantMessage(t, binaryMark+"\x01\x02\x03")
	w.wantMessage(t, binaryMark+"\x01\x02")
	w.wantMessage(t, binaryMark)
	m := engine.NewTextMessage([]byte("text"), []byte{1, 2}, nil)
	send(t, w.Conn, m)
	for _, want := range []string{"4text", binaryMark + "\x04\x01\x02", binaryMark + "\x04"} {
		w.want(want)
	}
	w.send("2", "2more", "1", "6")
	w.want("3")
	w.want("3more")

	encoded := h.websocket3("b64=1")
	send(t, encoded.Conn, m)
	for _, want := range []string{"4text", "b4AQI=", "b4"} {
		encoded.want(want)
	}
	encoded.sendBinary("\x04\x01")
	encoded.wantMessage(t, binaryMark+"\x01")

	// The other revision on the same server.
	current := h.websocket()
	send(t, current.Conn, m)
	for _, want := range []string{"4text", binaryMark + "\x01\x02", binaryMark} {
		current.want(want)
	}
}

func TestRevision3Compressed(t *testing.T) {
	t.Parallel()
	h := start(t, allowing(&engine.ServerOptions{PerMessageDeflate: &engine.PerMessageDeflate{Threshold: 1}}))
	p, err := h.tryWebSocket("EIO=3&transport=websocket", "Sec-WebSocket-Extensions", "permessage-deflate")
	if err != nil {
		t.Fatal(err)
	}
	p.read()
	s := receive(t, h.sessions, "the session")
	data := strings.Repeat("x", 1000)
	m := engine.NewTextMessage([]byte(data), []byte(data))
	send(t, s.Conn, m)
	p.want("4" + data)
	p.want(binaryMark + "\x04" + data)
	if err := s.Send(m, engine.NoCompress); err != nil {
		t.Fatal(err)
	}
	p.want("4" + data)
	p.want(binaryMark + "\x04" + data)
}

func TestRevision3BadFrames(t *testing.T) {
	t.Parallel()
	h := start(t, allowing(nil))
	for _, bad := range []string{"", "x", "7", "b", "b!", "bAQID", "b2AQID", "b4!", "b4A",
		binaryMark, binaryMark + "\x02", binaryMark + "4", binaryMark + "\x07", binaryMark + "\x01\x04"} {
		w := h.websocket3()
		if data, binary := strings.CutPrefix(bad, binaryMark); binary {
			w.sendBinary(data)
		} else {
			w.send(bad)
		}
		w.wantEnd(ws.CloseNoStatus)
		w.wantClose(t, engine.ParseError)
	}
	// The subprotocol of revision 4 is not that of revision 3.
	w := h.websocket()
	w.send("bAQID")
	w.sendBinary("\x07")
	w.wantMessage(t, binaryMark+"\x01\x02\x03")
	w.wantMessage(t, binaryMark+"\x07")
}

func TestRevision3Upgrade(t *testing.T) {
	t.Parallel()
	h := start(t, allowing(nil))
	p := h.poll3("b64=1")
	pending := p.pending()
	w := p.probe3()
	wantReply(t, receive(t, pending, "the poll"), 200, "1:6")
	send(t, p.Conn, engine.NewTextMessage([]byte("kept"), []byte{1}))
	w.send("5", "4first")
	w.want("4kept")
	w.want(binaryMark + "\x04\x01") // b64 is asked for by each transport
	p.wantMessage(t, "first")
	w.send("2")
	w.want("3")
	wantReply(t, p.get(), 400, `{"code":3,"message":"Bad request"}`)
	second := p.dial3()
	second.wantEnd(ws.CloseNoStatus)

	// A probe that sends something else is given up; the session stays.
	p = h.poll3()
	for _, bad := range []string{"4x", "3probe", "2", "b4AQ==", "z"} {
		w := p.dial3()
		w.send(bad)
		w.wantEnd(ws.CloseNoStatus)
	}
	w = p.dial3()
	w.sendBinary("\x02probe")
	w.wantEnd(ws.CloseNoStatus)
	p.post("2:4a")
	p.wantMessage(t, "a")
}

func TestRevision3Close(t *testing.T) {
	t.Parallel()
	h := start(t, allowing(nil))
	p := h.poll3()
	pending := p.pending()
	wantReply(t, p.post("1:1"), 200, "ok")
	p.wantClose(t, engine.TransportClose)
	wantReply(t, receive(t, pending, "the poll"), 200, "1:6")

	p = h.poll3()
	p.text(t, "last")
	p.Close()
	p.want("5:4last")
	p.want("1:1")
	p.wantClose(t, engine.ForcedClose)
	wantReply(t, p.get(), 400, `{"code":1,"message":"Session ID unknown"}`)

	w := h.websocket3()
	w.Close()
	w.wantEnd(ws.CloseNoStatus)
	w.wantClose(t, engine.ForcedClose)
}

func TestRevision3Heartbeat(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := startInMemory(t, allowing(nil))
		w := unhurried(t, h.websocket3())
		c := newClock(t)
		for i := range 3 {
			c.until(time.Duration(i) * 40 * time.Second)
			w.send("2")
			w.want("3")
		}
		// Whatever arrives shows that the client is alive.
		for i := 1; i <= 60; i++ {
			c.until(80*time.Second + time.Duration(i)*time.Second)
			w.send("4alive", "6")
			w.sendBinary("\x04alive")
		}
		w.wantEnd(ws.CloseNoStatus)
		c.want(165*time.Second, "end")
		w.wantClose(t, engine.PingTimeout)

		// The client polls but never pings.
		p := h.poll3()
		c = newClock(t)
		p.want("1:1")
		c.want(45*time.Second, "end")
		p.wantClose(t, engine.PingTimeout)

		p = h.poll3()
		c = newClock(t)
		c.until(30 * time.Second)
		wantReply(t, p.post("1:2"), 200, "ok")
		p.want("1:3")
		c.until(50 * time.Second)
		wantReply(t, p.post("3:2hi1:2"), 200, "ok")
		p.want("1:3") // once, for the last of them
		p.want("1:1")
		c.want(95*time.Second, "end")
		p.wantClose(t, engine.PingTimeout)
		synctest.Wait()
		if n := h.Len(); n != 0 {
			t.Errorf("%d sessions are left, want 0", n)
		}
	})
}

// A client that sends a pong in revision 3, or a ping in revision 4, violates the
// protocol.
func TestHeartbeatDirection(t *testing.T) {
	t.Parallel()
	h := start(t, allowing(nil))
	w := h.websocket3()
	w.send("3")
	w.wantEnd(ws.CloseNoStatus)
	w.wantClose(t, engine.TransportError)
	p := h.poll3()
	wantReply(t, p.post("1:3"), 200, "ok")
	p.wantClose(t, engine.TransportError)
	w = h.websocket()
	w.send("2")
	w.wantEnd(ws.CloseNoStatus)
	w.wantClose(t, engine.TransportError)
}

// The upgrade neither stops the clock, as in the reference, nor sets it back.
func TestRevision3HeartbeatAndUpgrade(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := startInMemory(t, allowing(nil))
		p := h.poll3()
		c := newClock(t)
		c.until(10 * time.Second)
		p.post("1:2")
		p.want("1:3")
		c.until(30 * time.Second)
		w := unhurried(t, p.probe3())
		w.send("5")
		receive(t, p.upgraded, "the upgrade")
		w.wantEnd(ws.CloseNoStatus)
		c.want(55*time.Second, "end")
		p.wantClose(t, engine.PingTimeout)

		p = h.poll3()
		c = newClock(t)
		w = unhurried(t, p.probe3())
		w.send("5", "2")
		w.want("3")
		c.until(44 * time.Second)
		w.send("2")
		w.want("3")
		w.wantEnd(ws.CloseNoStatus)
		c.want(89*time.Second, "end")
		p.wantClose(t, engine.PingTimeout)
	})
}

// A ping behind a message that a handler is processing is not late.
func TestRevision3HeartbeatWhileHandlerIsBusy(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := startInMemory(t, allowing(nil))
		w := unhurried(t, h.websocket3())
		w.session.onMessage = func(string) { time.Sleep(5 * time.Minute) }
		c := newClock(t)
		go w.raw(append(masked(ws.Text, "4work"), masked(ws.Text, "2")...))
		w.want("3")
		c.want(5*time.Minute, "pong")
		w.wantEnd(ws.CloseNoStatus)
		c.want(5*time.Minute+45*time.Second, "end")
	})
}

// A client that pings without reading the answers cannot make them pile up: the last
// ping is answered.
func TestRevision3PingFlood(t *testing.T) {
	t.Parallel()
	h := start(t, allowing(&engine.ServerOptions{OutboxMessages: 10, OutboxBytes: 10_000}))
	p := h.poll3()
	wantReply(t, p.post(strings.Repeat("1:2", 1000)), 200, "ok")
	p.want("1:3")
	big := "5001:2" + strings.Repeat("x", 5000)
	wantReply(t, p.post(strings.Repeat(big, 10)), 200, "ok")
	if n := p.Buffered(); n > 6000 {
		t.Errorf("%d bytes wait, want at most 6000", n)
	}
	p.get()
	p.post("1:2")
	p.want("1:3")
}

// Payloads whose decoding could take more than linear time or memory.
func TestRevision3LargePayloads(t *testing.T) {
	t.Parallel()
	h := start(t, allowing(nil))
	n := engine.DefaultMaxPayload
	for name, test := range map[string]struct {
		contentType, body string
		status            int
	}{
		"messages":         {"", strings.Repeat("1:4", n/3), 200},
		"pings":            {"", strings.Repeat("1:2", n/3), 200},
		"nothing":          {"", strings.Repeat("0:", n/2), 200},
		"digits":           {"", strings.Repeat("1", n), 400},
		"zeros":            {"", strings.Repeat("0", n), 400},
		"colons":           {"", strings.Repeat(":", n), 400},
		"emoji":            {"", fmt.Sprintf("%d:4%s", 1+2*200_000, strings.Repeat("😀", 200_000)), 200},
		"bad UTF-8":        {"", "900001:4" + strings.Repeat("\xff", 900_000), 200},
		"base64":           {"", "900002:b4" + base64.StdEncoding.EncodeToString(make([]byte, 675_000)), 200},
		"binary messages":  {octetStream, strings.Repeat("\x01\x01\xff\x04", n/4), 200},
		"binary digits":    {octetStream, "\x01" + strings.Repeat("\x09", n-1), 400},
		"binary zeros":     {octetStream, strings.Repeat("\x00", n), 400},
		"binary separator": {octetStream, strings.Repeat("\xff", n), 400},
	} {
		t.Run(name, func(t *testing.T) {
			h.t = t
			p := h.poll3()
			p.onMessage = func(string) { <-p.messages }
			p.messages <- "" // so that the list stays short
			if r := p.postAs(test.contentType, test.body); r.status != test.status {
				t.Errorf("got %d, want %v", r.status, test.status)
			}
			p.post("1:1")
		})
	}
}

// Invalid bytes in any encoding end a session or are ignored, and do not affect other
// sessions.
func TestRevision3Garbage(t *testing.T) {
	leakcheck.Check(t)
	random := rand.New(rand.NewPCG(3, 3))
	h := start(t, allowing(&engine.ServerOptions{MaxPayload: 10_000}))
	bystander := h.websocket3()
	for i := range 200 {
		b := make([]byte, random.IntN(100))
		for i := range b {
			b[i] = "\x00\x01\x02\x04\x09\xff0123456:b=dn\\%"[random.IntN(20)]
		}
		p := h.poll3()
		if i%2 == 0 {
			p = h.pollJSONP("3", strconv.Itoa(i))
		}
		w := p.dial3()
		w.raw(masked(ws.Opcode(1+random.IntN(2)), string(b)))
		w.nc.Close()
		w = h.websocket3()
		w.raw(masked(ws.Opcode(1+random.IntN(2)), string(b)))
		w.nc.Close()
		for _, contentType := range []string{"", octetStream} {
			_, _ = h.try("POST", p.query, string(b), "Content-Type", contentType)
		}
		_, _ = h.try("POST", p.query, "1:1")
		_, _ = h.try("POST", p.query, "d=1:1")
		for len(h.sessions) > 0 {
			(<-h.sessions).Close()
		}
	}
	bystander.send("4hello")
	bystander.wantMessage(t, "hello")
}

// Clients of both revisions get one message, each in its form.
func TestBothRevisions(t *testing.T) {
	t.Parallel()
	h := start(t, allowing(nil))
	polls := map[*poller]string{
		h.poll():              "4x\x1ebAQ==",
		h.poll3():             "\x00\x02\xff4x\x01\x02\xff\x04\x01",
		h.poll3("b64=1"):      "2:4x6:b4AQ==",
		h.pollJSONP("3", "1"): `___eio[1]("2:4x6:b4AQ==");`,
		h.pollJSONP("4", "2"): "___eio[2](\"4x\\u001ebAQ==\");",
		h.poll("b64=yes"):     "4x\x1ebAQ==",
	}
	sockets := map[*peer][2]string{
		h.websocket():         {"4x", binaryMark + "\x01"},
		h.websocket3():        {"4x", binaryMark + "\x04\x01"},
		h.websocket("b64=1"):  {"4x", "bAQ=="},
		h.websocket3("b64=1"): {"4x", "b4AQ=="},
	}
	m := engine.NewTextMessage([]byte("x"), []byte{1})
	for range 3 {
		for p, payload := range polls {
			send(t, p.Conn, m)
			p.want(payload)
		}
		for w, packets := range sockets {
			send(t, w.Conn, m)
			w.want(packets[0])
			w.want(packets[1])
		}
	}
}

// A client cannot make the server keep large pongs.
func TestRevision3LongPing(t *testing.T) {
	t.Parallel()
	h := start(t, allowing(nil))
	w := h.websocket3()
	w.send("2" + letters(125))
	w.want("3" + letters(125))
	w.send("2" + letters(126))
	w.want("3")
}
