package engine_test

import (
	"errors"
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/seed96b07ef8/socketio/engine"
)

// whileEncoding sends m, whose form is encoded only after release is called, and meanwhile
// calls methods of the connection. It returns when they have returned.
func whileEncoding(t *testing.T, send func() error, meanwhile ...func()) (sent <-chan error) {
	t.Helper()
	c := make(chan error, 1)
	go func() { c <- send() }()
	for _, f := range meanwhile {
		done := make(chan struct{})
		go func() {
			defer close(done)
			f()
		}()
		receive(t, done, "a call while a message is encoded")
	}
	return c
}

// While a message is compressed, or made base64, other calls on its connection do not
// wait, and messages leave in the order in which they were sent.
func TestSendWhileEncoding(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		query, want string
		hold        func(*engine.Message) func()
	}{
		"deflate": {"x=1", binaryMark + strings.Repeat("x", 4000), engine.HoldForm},
		"base64":  {"b64=1", "b" + strings.Repeat("eHh4", 1333) + "eA==", engine.HoldForm64},
	} {
		t.Run(name, func(t *testing.T) {
			h := start(t, &engine.ServerOptions{PerMessageDeflate: new(engine.PerMessageDeflate)})
			headers := []string{}
			if name == "deflate" {
				headers = append(headers, "Sec-WebSocket-Extensions", "permessage-deflate")
			}
			p := h.dialWebSocket("EIO=4&transport=websocket&"+test.query, headers...)
			p.read()
			p.session = receive(t, h.sessions, "the session")
			waitFor(t, "the end of the handshake", func() bool { return !engine.Writing(p.Conn) })

			m := engine.NewBinaryMessage([]byte(strings.Repeat("x", 4000)))
			release := sync.OnceFunc(test.hold(m))
			defer release()
			sent := whileEncoding(t, func() error { return p.Send(m, 0) },
				func() { waitFor(t, "the encoding", func() bool { return p.Buffered() == m.Len() }) },
				func() { p.text(t, "next") }, func() { p.Writable() }, p.Close)
			release()
			if err := receive(t, sent, "Send"); err != nil {
				t.Errorf("Send: %v", err)
			}
			p.want(test.want)
			p.want("4next")
			p.wantEnd(1005)
			p.wantClose(t, engine.ForcedClose)
		})
	}
}

// A connection may end while a message is compressed for it.
func TestAbortWhileEncoding(t *testing.T) {
	t.Parallel()
	h := start(t, &engine.ServerOptions{PerMessageDeflate: new(engine.PerMessageDeflate)})
	p := h.dialWebSocket("EIO=4&transport=websocket", "Sec-WebSocket-Extensions", "permessage-deflate")
	p.read()
	p.session = receive(t, h.sessions, "the session")
	waitFor(t, "the end of the handshake", func() bool { return !engine.Writing(p.Conn) })
	m := engine.NewTextMessage([]byte(strings.Repeat("x", 4000)))
	release := sync.OnceFunc(engine.HoldForm(m))
	defer release()
	sent := whileEncoding(t, func() error { return p.Send(m, 0) },
		func() { waitFor(t, "the encoding", func() bool { return p.Buffered() == m.Len() }) },
		p.Abort)
	p.wantClose(t, engine.ForcedClose)
	release()
	if err := receive(t, sent, "Send"); !errors.Is(err, engine.ErrClosed) {
		t.Errorf("Send on a connection that was aborted returned %v, want ErrClosed", err)
	}
}

// The same for a client, whose Done must be closed once, and only after the goroutine
// that encodes has ended.
func TestClientSendWhileEncoding(t *testing.T) {
	t.Parallel()
	h := start(t, &engine.ServerOptions{PerMessageDeflate: new(engine.PerMessageDeflate)})
	for name, end := range map[string]func(c *caller, s *session){
		"closed": func(c *caller, _ *session) { c.Close() },
		"lost":   func(_ *caller, s *session) { s.Abort() },
	} {
		t.Run(name, func(t *testing.T) {
			o := h.dialOptions(engine.WebSocket)
			o.PerMessageDeflate = new(engine.PerMessageDeflate)
			c, s := h.call(o)
			m := engine.NewTextMessage([]byte(strings.Repeat("x", 4000)))
			release := sync.OnceFunc(engine.HoldForm(m))
			defer release()
			sent := whileEncoding(t, func() error { return c.Send(m, 0) },
				func() { waitFor(t, "the encoding", func() bool { return c.Buffered() == m.Len() }) },
				func() { c.text(t, "next") }, func() { c.Writable() }, func() { end(c, s) })
			reason := engine.ForcedClose
			if name == "lost" {
				reason = engine.TransportClose
				if e := receive(t, c.closed, "the client's end"); e.reason != reason {
					t.Errorf("the client ended with %q (%v), want %q", e.reason, e.err, reason)
				}
				receive(t, c.Done(), "Done")
				release()
				receive(t, sent, "Send")
				return
			}
			release()
			if err := receive(t, sent, "Send"); err != nil {
				t.Errorf("Send: %v", err)
			}
			s.wantMessage(t, strings.Repeat("x", 4000))
			s.wantMessage(t, "next")
			c.wantEnd(t, reason)
		})
	}
}

// The encodings of a message count once, for as long as the message waits in an outbox.
func TestTotalBytesOfForms(t *testing.T) {
	t.Parallel()
	h := start(t, nil)
	m := engine.NewTextMessage([]byte("x"), make([]byte, large))
	const base64 = large + large/3 + 8
	first, second := h.poll(), h.poll()
	first.text(t, strings.Repeat("x", large)) // so that m is counted at once
	for _, p := range []*poller{first, second} {
		if err := p.Send(m, 0); err != nil {
			t.Fatal(err)
		}
	}
	before := h.Held()
	second.get() // needs base64
	after := h.Held()
	if want := before - 24 + base64; after < want-8 || after > want+8 {
		t.Errorf("%d bytes are held with the form, want %d", after, want)
	}
	first.get()
	wantHeld(t, h, 0)
}

// A JSONP response counts with the size of its script.
func TestTotalBytesOfScripts(t *testing.T) {
	t.Parallel()
	h := startInMemory(t, &engine.ServerOptions{AllowEIO3: true})
	h.fakeTime = false
	p := &poller{h: h, query: "EIO=3&transport=polling&j=0"}
	h.request("GET", p.query, "")
	p.session = receive(t, h.sessions, "the session")
	p.query += "&sid=" + p.ID()
	p.text(t, strings.Repeat("\x00", large)) // as \u0000 in a script
	nc := h.connection()
	_, _ = io.WriteString(nc, "GET /engine.io/?"+p.query+" HTTP/1.1\r\nHost: test\r\n\r\n")
	waitFor(t, "the count of the script", func() bool { return h.Held() > 6*large && p.Buffered() > 6*large })
	nc.Close()
	wantHeld(t, h, 0)
	p.wantClose(t, engine.TransportError)
}
