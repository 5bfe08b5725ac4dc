package engine_test

import (
	"bufio"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/seed96b07ef8/socketio/engine"
	"github.com/seed96b07ef8/socketio/internal/ws"
)

// peer is a WebSocket client that sends only what the test writes.
type peer struct {
	t       testing.TB
	nc      net.Conn
	in      ws.Reader
	scratch []byte
	resp    *http.Response
	*session
}

// websocket performs the handshake over WebSocket.
func (h *harness) websocket(extra ...string) *peer {
	h.t.Helper()
	p := h.dialWebSocket(strings.Join(append([]string{"EIO=4&transport=websocket"}, extra...), "&"))
	open := p.read()
	p.session = receive(h.t, h.sessions, "the session")
	if id := openSID(h.t, open); id != p.ID() {
		h.t.Fatalf("the client got session ID %q, the server has %q", id, p.ID())
	}
	if !h.fakeTime {
		// Messages queue up until the goroutine that wrote the handshake has
		// finished.
		waitFor(h.t, "the end of the handshake", func() bool { return !engine.Writing(p.Conn) })
	}
	return p
}

// dialWebSocket opens a WebSocket; headers are pairs of name and value.
func (h *harness) dialWebSocket(query string, headers ...string) *peer {
	h.t.Helper()
	p, err := h.tryWebSocket(query, headers...)
	if err != nil {
		h.t.Fatalf("WebSocket: %v", err)
	}
	return p
}

// refusedError is a response other than 101.
type refusedError struct{ reply }

func (e *refusedError) Error() string { return fmt.Sprintf("%d %s", e.status, e.body) }

func (h *harness) tryWebSocket(query string, headers ...string) (*peer, error) {
	nc, err := h.dial(context.Background())
	if err != nil {
		return nil, err
	}
	if err := nc.SetDeadline(time.Now().Add(patience)); err != nil {
		return nil, err
	}
	head := upgradeRequest(h.url, query, headers...)
	if _, err := io.WriteString(nc, head); err != nil {
		nc.Close()
		return nil, err
	}
	r := bufio.NewReader(nc)
	resp, err := http.ReadResponse(r, nil)
	if err != nil {
		nc.Close()
		return nil, err
	}
	if resp.StatusCode != http.StatusSwitchingProtocols {
		body, _ := io.ReadAll(resp.Body)
		nc.Close()
		return nil, &refusedError{reply{resp.StatusCode, resp.Header, string(body)}}
	}
	p := &peer{t: h.t, nc: nc, resp: resp, scratch: make([]byte, 32<<10)}
	p.in = ws.Reader{MaxMessage: 1 << 30, Client: true, Deflate: resp.Header.Get("Sec-Websocket-Extensions") != ""}
	if n := r.Buffered(); n > 0 {
		early, _ := r.Peek(n)
		p.in.Push(append([]byte(nil), early...))
	}
	h.t.Cleanup(func() { nc.Close() })
	return p, nil
}

// upgradeRequest returns the head of a handshake. A header overrides the usual
// one; with an empty value it removes it.
func upgradeRequest(url, query string, headers ...string) string {
	_, path, _ := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(url, "http://"), "https://"), "/")
	all := [][2]string{
		{"Host", "test"}, {"Connection", "Upgrade"}, {"Upgrade", "websocket"},
		{"Sec-WebSocket-Version", "13"}, {"Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="},
	}
	method := "GET"
	for i := 0; i < len(headers); i += 2 {
		if headers[i] == "method" {
			method = headers[i+1]
			continue
		}
		found := false
		for j := range all {
			if strings.EqualFold(all[j][0], headers[i]) {
				all[j][1], found = headers[i+1], true
			}
		}
		if !found {
			all = append(all, [2]string{headers[i], headers[i+1]})
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s /%s?%s HTTP/1.1\r\n", method, path, query)
	for _, h := range all {
		if h[1] != "" {
			fmt.Fprintf(&b, "%s: %s\r\n", h[0], h[1])
		}
	}
	return b.String() + "\r\n"
}

func masked(op ws.Opcode, data string) []byte {
	return ws.AppendMaskedFrame(nil, op, false, []byte(data), [4]byte{1, 2, 3, 4})
}

// raw writes bytes. An error is the server's doing, and found when reading.
func (p *peer) raw(b []byte) { _, _ = p.nc.Write(b) }

func (p *peer) send(packets ...string) {
	for _, text := range packets {
		p.raw(masked(ws.Text, text))
	}
}

func (p *peer) sendBinary(data string) { p.raw(masked(ws.Binary, data)) }

// next returns the next message or control frame.
func (p *peer) next() (ws.Message, error) {
	for {
		m, ok, err := p.in.Next()
		if ok || err != nil {
			return m, err
		}
		p.in.Park()
		space := p.in.Space(p.scratch)
		n, err := p.nc.Read(space)
		if err != nil {
			return m, err
		}
		p.in.Push(space[:n])
	}
}

// read returns the next message; binary ones start with binaryMark.
func (p *peer) read() string {
	p.t.Helper()
	text, err := p.tryRead()
	if err != nil {
		p.t.Fatalf("reading from the WebSocket: %v", err)
	}
	return text
}

func (p *peer) tryRead() (string, error) {
	m, err := p.next()
	switch {
	case err != nil:
		return "", err
	case m.Op == ws.Binary:
		return binaryMark + string(m.Data), nil
	case m.Op == ws.Text:
		return string(m.Data), nil
	}
	return fmt.Sprintf("%x:%s", byte(m.Op), m.Data), nil
}

func (p *peer) want(packet string) {
	p.t.Helper()
	if got := p.read(); got != packet {
		p.t.Errorf("got %.200q over WebSocket, want %.200q", got, packet)
	}
}

// wantEnd reads to the end, which must begin with a close frame of the given
// code, or be without one when code is 0.
func (p *peer) wantEnd(code int) {
	p.t.Helper()
	for {
		got, err := p.tryRead()
		var ce *ws.CloseError
		var ne net.Error
		switch {
		case err == nil:
			p.t.Logf("before the end: %.100q", got)
			continue
		case errors.As(err, &ce):
			if ce.Code != code || !ce.Remote {
				p.t.Errorf("got close code %d (%v), want %d", ce.Code, err, code)
			}
		case errors.As(err, &ne) && ne.Timeout():
			p.t.Errorf("the connection was not closed")
		case code != 0:
			p.t.Errorf("got %v, want close code %d", err, code)
		}
		p.nc.Close()
		return
	}
}

// connection opens a connection for a request that net/http would not send.
func (h *harness) connection() net.Conn {
	h.t.Helper()
	nc, err := h.dial(context.Background())
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { nc.Close() })
	if err := nc.SetDeadline(time.Now().Add(patience)); err != nil {
		h.t.Fatal(err)
	}
	return nc
}

func readReply(t testing.TB, nc net.Conn) reply {
	t.Helper()
	resp, err := http.ReadResponse(bufio.NewReader(nc), nil)
	if err != nil {
		t.Fatalf("reading the answer: %v", err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("reading the answer: %v", err)
	}
	return reply{resp.StatusCode, resp.Header, string(body)}
}

// peerOn continues on a connection on which a handshake was sent.
func peerOn(t testing.TB, nc net.Conn) *peer {
	t.Helper()
	r := bufio.NewReader(nc)
	resp, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("got %s", resp.Status)
	}
	p := &peer{t: t, nc: nc, resp: resp, scratch: make([]byte, 32<<10)}
	p.in = ws.Reader{MaxMessage: 1 << 30, Client: true}
	early, _ := r.Peek(r.Buffered())
	p.in.Push(append([]byte(nil), early...))
	return p
}

// countingConn counts what is read.
type countingConn struct {
	net.Conn
	n int
}

func (c *countingConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.n += n
	return n, err
}

// decodePacket returns a packet of a polling payload in its WebSocket form.
func decodePacket(t testing.TB, packet string) string {
	t.Helper()
	text, ok := strings.CutPrefix(packet, "b")
	if !ok {
		return packet
	}
	data, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		t.Fatalf("packet %.50q: %v", packet, err)
	}
	return binaryMark + string(data)
}

// wrappedListener hides from the server that its connections are sockets, as
// TLS does.
type wrappedListener struct{ net.Listener }

func (l wrappedListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	return struct{ net.Conn }{c}, err
}

func serveWrapped(t testing.TB, h *harness) {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	s.Listener = wrappedListener{s.Listener}
	s.Start()
	t.Cleanup(s.Close)
	h.url = s.URL + "/engine.io/"
	h.dial = dialer(s.Listener.Addr().String())
	h.connect()
}
