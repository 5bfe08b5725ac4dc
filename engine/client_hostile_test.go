package engine_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/seed96b07ef8/socketio/engine"
	"github.com/seed96b07ef8/socketio/internal/ws"
)

// Input from a server over a WebSocket after the handshake, and its effect.
func TestClientHostileWebSocket(t *testing.T) {
	t.Parallel()
	text := func(s string) []byte { return ws.AppendFrame(nil, ws.Text, []byte(s)) }
	raw := func(b ...byte) []byte { return b }
	for _, c := range []struct {
		name   string
		frames []byte
		reason engine.Reason
		code   int // of the close frame that the server gets
		got    []string
	}{
		{"empty text", text(""), engine.ParseError, ws.CloseNoStatus, nil},
		{"unknown packet", text("7"), engine.ParseError, ws.CloseNoStatus, nil},
		{"bad base64", text("b***"), engine.ParseError, ws.CloseNoStatus, nil},
		{"messages in front", append(text("4one"), text("x")...), engine.ParseError, ws.CloseNoStatus, []string{"one"}},
		{"messages behind", append(text("x"), text("4late")...), engine.ParseError, ws.CloseNoStatus, nil},
		{"invalid UTF-8", text("4\xff"), engine.ParseError, ws.CloseInvalidPayload, nil},
		{"masked", ws.AppendMasked(nil, text("4x")), engine.ParseError, ws.CloseProtocolError, nil},
		{"reserved bit", raw(0xa1, 0), engine.ParseError, ws.CloseProtocolError, nil},
		{"compressed", ws.AppendDeflated(nil, ws.Text, []byte("4x")), engine.ParseError, ws.CloseProtocolError, nil},
		{"unknown opcode", raw(0x83, 0), engine.ParseError, ws.CloseProtocolError, nil},
		{"continuation", raw(0x80, 0), engine.ParseError, ws.CloseProtocolError, nil},
		{"too large", ws.AppendHeader(nil, ws.Binary, false, 1<<20+1), engine.ParseError, ws.CloseTooLarge, nil},
		{"much too large", raw(0x82, 127, 255, 255, 255, 255, 255, 255, 255, 255), engine.ParseError, ws.CloseTooLarge, nil},
		{"long ping", ws.AppendHeader(nil, ws.Ping, false, 126), engine.ParseError, ws.CloseProtocolError, nil},
		{"bad close", raw(0x88, 1, 3), engine.ParseError, ws.CloseProtocolError, nil},
		{"close", ws.AppendClose(nil, ws.CloseNormal), engine.TransportClose, ws.CloseNormal, nil},
		{"close without a code", ws.AppendClose(nil, ws.CloseNoStatus), engine.TransportClose, ws.CloseNoStatus, nil},
		{"close packet", append(text("4one"), append(text("1"), text("4late")...)...), engine.TransportClose, ws.CloseNoStatus, []string{"one"}},
		{"meaningless packets", append(text(openWebSocket), append(text("3"), append(text("5"), append(text("6"), text("4fine")...)...)...)...), "", 0, []string{"fine"}},
		{"binary and base64", append(text("bAQ=="), ws.AppendFrame(nil, ws.Binary, []byte{2})...), "", 0, []string{binaryMark + "\x01", binaryMark + "\x02"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			ends := make(chan error, 1)
			h := startFake(t, &fake{websocket: func(p *fakePeer) {
				p.send(openWebSocket)
				_, _ = p.Write(c.frames)
				ends <- p.end()
			}})
			o := h.dialOptions(engine.WebSocket)
			o.MaxMessage = 1 << 20
			client := newCaller()
			h.callWith(o, client)
			for _, m := range c.got {
				client.want(t, m)
			}
			if c.reason == "" {
				if len(client.closed) != 0 {
					t.Error("the connection has ended")
				}
				return
			}
			err := client.wantEnd(t, c.reason)
			var oe *engine.OpError
			if !errors.As(err, &oe) || oe.Op != "read" || oe.Transport != engine.WebSocket || oe.Err == nil {
				t.Errorf("got %#v", err)
			}
			var ce *ws.CloseError
			if end := receive(t, ends, "the server's end"); !errors.As(end, &ce) || !ce.Remote || ce.Code != c.code {
				t.Errorf("the server got %v, want a close frame with code %d", end, c.code)
			}
			if len(client.messages) != 0 {
				t.Errorf("%q was delivered", <-client.messages)
			}
		})
	}
}

// A compressed message that is small on the wire only.
func TestClientHostileDeflate(t *testing.T) {
	t.Parallel()
	h := start(t, &engine.ServerOptions{PerMessageDeflate: new(engine.PerMessageDeflate)})
	o := h.dialOptions(engine.WebSocket)
	o.PerMessageDeflate = new(engine.PerMessageDeflate)
	o.MaxMessage = 1 << 20
	c, s := h.call(o)
	s.text(t, strings.Repeat("x", 5<<20))
	c.wantEnd(t, engine.ParseError)
	receive(t, s.closed, "the server's end")
}

// A server that pings endlessly and does not read the answers.
func TestClientHostilePings(t *testing.T) {
	t.Parallel()
	h := startFake(t, &fake{websocket: func(p *fakePeer) {
		p.send(openWebSocket)
		flood := []byte(strings.Repeat(string(ws.AppendFrame(nil, ws.Text, []byte("2")))+string(ws.AppendFrame(nil, ws.Ping, make([]byte, 100))), 1000))
		for range 100 { // 10 MB of answers
			if _, err := p.Write(flood); err != nil {
				return
			}
		}
		p.send("4done")
		_ = p.end()
	}})
	o := h.dialOptions(engine.WebSocket)
	o.OutboxMessages = 1000
	c := &caller{messages: make(chan string, 1), closed: make(chan ending, 1)}
	var err error
	if c.Client, err = engine.Dial(context.Background(), h.url, o, struct{ engine.ClientHandler }{c}); err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	receive(t, c.messages, "the end of the flood")
	if n := c.Buffered(); n > 1000*104+bufferSize {
		t.Errorf("%d bytes wait, want at most %v", n, 1000*104+bufferSize)
	}
}

const bufferSize = 16 << 10

// Invalid input from a server over polling after the handshake, and its effect.
func TestClientHostilePolling(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		poll   http.HandlerFunc
		reason engine.Reason
		op     string
		status int
		got    []string
		leaves bool // the server receives a close packet
	}{
		{"nothing", answer(200, ""), engine.ParseError, "poll", 0, nil, true},
		{"unknown packet", answer(200, "4one\x1e9\x1e4two"), engine.ParseError, "poll", 0, []string{"one"}, true},
		{"bad base64", answer(200, "b*"), engine.ParseError, "poll", 0, nil, true},
		{"empty packet", answer(200, "4one\x1e"), engine.ParseError, "poll", 0, []string{"one"}, true},
		{"too large", answer(200, "4"+strings.Repeat("x", 2<<20)), engine.ParseError, "poll", 0, nil, true},
		{"gzip bomb", answer(200, gzipped(io.LimitReader(zeros{}, 8<<20)), "Content-Encoding", "gzip"), engine.ParseError, "poll", 0, nil, true},
		{"bad gzip", answer(200, "4x", "Content-Encoding", "gzip"), engine.TransportError, "poll", 0, nil, false},
		{"unknown session", answer(400, `{"code":1,"message":"Session ID unknown"}`), engine.TransportError, "poll", 400, nil, false},
		{"server error", answer(503, "busy"), engine.TransportError, "poll", 503, nil, false},
		{"close", answer(200, "4one\x1e1\x1e4two"), engine.TransportClose, "", 0, []string{"one"}, false},
		{"cut off", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			_, _ = io.WriteString(w, "4x\x1e4y")
		}, engine.TransportError, "poll", 0, nil, false},
		{"not answered", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, engine.TransportError, "poll", 0, nil, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			var mu sync.Mutex
			gets, posts := 0, ""
			h := startFake(t, &fake{polling: func(w http.ResponseWriter, r *http.Request) {
				mu.Lock()
				defer mu.Unlock()
				if r.Method == http.MethodPost {
					body, _ := io.ReadAll(r.Body)
					posts += string(body)
					return
				}
				if gets++; gets == 1 {
					_, _ = io.WriteString(w, openPolling)
					return
				}
				c.poll(w, r)
			}})
			o := h.dialOptions(engine.Polling)
			o.MaxMessage = 1 << 20
			client := newCaller()
			h.callWith(o, client)
			err := client.wantEnd(t, c.reason)
			for _, m := range c.got {
				client.want(t, m)
			}
			if len(client.messages) != 0 {
				t.Errorf("%q was delivered", <-client.messages)
			}
			var oe *engine.OpError
			if errors.As(err, &oe) != (c.op != "") || oe != nil && (oe.Op != c.op || oe.Status != c.status || strings.Contains(err.Error(), "sid=")) {
				t.Errorf("got %#v", err)
			}
			mu.Lock()
			defer mu.Unlock()
			if gets != 2 { // a transport must not repeat what may have been answered
				t.Errorf("there were %d polls", gets)
			}
			if leaves := posts == "1"; leaves != c.leaves || posts != "" && !leaves {
				t.Errorf("the server received %q", posts)
			}
		})
	}
}

// The cause of a connection that ended because a poll got no response says what happened,
// without the URL, which has the session ID.
func TestClientPollUnanswered(t *testing.T) {
	t.Parallel()
	h := startFake(t, &fake{polling: func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Has("sid") {
			panic(http.ErrAbortHandler)
		}
		answer(200, openPolling, "Connection", "close")(w, r) // so that the poll has its own
	}})
	c := newCaller()
	h.callWith(h.dialOptions(engine.Polling), c)
	err := c.wantEnd(t, engine.TransportError)
	if !errors.Is(err, io.EOF) {
		t.Errorf("the connection ended with %v, want %v", err, io.EOF)
	}
	if ue, ok := errors.AsType[*url.Error](err); ok {
		t.Errorf("the cause of the end holds the URL %q", ue.URL)
	}
}

// A response to a poll may have up to MaxMessage bytes.
func TestClientMaxMessageOverPolling(t *testing.T) {
	t.Parallel()
	const limit = 1000
	for size, reason := range map[int]engine.Reason{limit: engine.TransportClose, limit + 1: engine.ParseError} {
		text := strings.Repeat("x", size-1)
		h := startFake(t, &fake{polling: func() http.HandlerFunc {
			answers := make(chan string, 3)
			answers <- openPolling
			answers <- "4" + text
			answers <- "1"
			return func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodGet {
					_, _ = io.WriteString(w, <-answers)
				}
			}
		}()})
		o := h.dialOptions(engine.Polling)
		o.MaxMessage = limit
		c := newCaller()
		h.callWith(o, c)
		c.wantEnd(t, reason)
		if reason == engine.TransportClose {
			c.want(t, text)
		}
	}
}

// A refused data request ends the connection with the server's message.
func TestClientPostRefused(t *testing.T) {
	t.Parallel()
	h := startFake(t, &fake{polling: func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method == http.MethodPost:
			answer(400, `{"code":3,"message":"Bad request"}`)(w, r)
		case r.URL.Query().Has("sid"):
			<-r.Context().Done()
		default:
			_, _ = io.WriteString(w, openPolling)
		}
	}})
	for _, closes := range []bool{false, true} {
		c := newCaller()
		h.callWith(h.dialOptions(engine.Polling), c)
		c.text(t, "x")
		if closes { // a session that is closed ends all the same
			c.Close()
			e := receive(t, c.closed, "the end")
			if e.reason != engine.ForcedClose && e.reason != engine.TransportError {
				t.Errorf("it ended with %v", e)
			}
			receive(t, c.Done(), "Done")
			continue
		}
		var oe *engine.OpError
		if err := c.wantEnd(t, engine.TransportError); !errors.As(err, &oe) || oe.Op != "post" || oe.Status != 400 || oe.Code != engine.CodeBadRequest {
			t.Errorf("got %v", err)
		}
	}
}
