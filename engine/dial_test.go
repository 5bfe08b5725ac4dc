package engine_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed96b07ef8/socketio/engine"
	"github.com/seed96b07ef8/socketio/internal/ws"
)

func TestDialOptions(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		field string
		o     engine.DialOptions
	}{
		{"Transports", engine.DialOptions{Transports: []engine.Transport{}}},
		{"Transports", engine.DialOptions{Transports: []engine.Transport{"webtransport"}}},
		{"Transports", engine.DialOptions{Transports: []engine.Transport{engine.Polling, engine.Polling}}},
		{"ConnectTimeout", engine.DialOptions{ConnectTimeout: -1}},
		{"RequestTimeout", engine.DialOptions{RequestTimeout: -1}},
		{"WriteTimeout", engine.DialOptions{WriteTimeout: -1}},
		{"ConnectTimeout", engine.DialOptions{ConnectTimeout: 20000}}, // milliseconds, as in JavaScript
		{"RequestTimeout", engine.DialOptions{RequestTimeout: 30000}},
		{"WriteTimeout", engine.DialOptions{WriteTimeout: 20000}},
		{"MaxMessage", engine.DialOptions{MaxMessage: -1}},
		{"OutboxBytes", engine.DialOptions{OutboxBytes: -1}},
		{"OutboxMessages", engine.DialOptions{OutboxMessages: -1}},
		{"Overflow", engine.DialOptions{Overflow: 99}},
		{"PerMessageDeflate.Threshold", engine.DialOptions{PerMessageDeflate: &engine.PerMessageDeflate{Threshold: -1}}},
		{"Subprotocols", engine.DialOptions{Subprotocols: []string{"one, two"}}},
		{"Subprotocols", engine.DialOptions{Subprotocols: []string{"x\r\nEvil: yes"}}},
		{"Header", engine.DialOptions{Header: http.Header{"Two words": {"x"}}}},
		{"Header", engine.DialOptions{Header: http.Header{"": {"x"}}}},
		{"Header", engine.DialOptions{Header: http.Header{"X": {"fine", "x\r\nEvil: yes"}}}},
		{"Header", engine.DialOptions{Header: http.Header{"X": {"\x7f"}}}},
	} {
		_, err := engine.Dial(context.Background(), "http://127.0.0.1:1/", &c.o, nil)
		var oe *engine.OptionError
		if !errors.As(err, &oe) || oe.Field != c.field {
			t.Errorf("%s: got %v", c.field, err)
		}
	}
	for _, u := range []string{"", "example.com", "ftp://example.com/", "http://", "http:///path", "http://[::1", "http://x/?%zz", "unix:/tmp/x"} {
		_, err := engine.Dial(context.Background(), u, nil, nil)
		var oe *engine.OptionError
		if !errors.As(err, &oe) || oe.Field != "url" || oe.Value != u {
			t.Errorf("%q: got %v", u, err)
		}
	}
}

// The server ends the session immediately: either Dial fails, or OnClose is called.
func TestDialShortSession(t *testing.T) {
	t.Parallel()
	h := startFake(t, &fake{
		websocket: func(p *fakePeer) { p.send(openWebSocket) },
		polling:   answer(200, openPolling+"\x1e4hello\x1e1"),
	})
	for i := range 200 {
		c := newCaller()
		var err error
		c.Client, err = engine.Dial(context.Background(), h.url, h.dialOptions(clientWays[i%2].transports...), c)
		if (err == nil) != (c.Client != nil) {
			t.Fatalf("Dial returned %v, %v", c.Client, err)
		}
		if err == nil {
			c.wantEnd(t, engine.TransportClose)
		}
	}
}

func TestDialRefusedPolling(t *testing.T) {
	t.Parallel()
	open := func(fields string) string { return "0{" + fields + "}" }
	bomb := gzipped(io.LimitReader(zeros{}, 8<<20))
	for _, c := range []struct {
		name    string
		answer  http.HandlerFunc
		status  int
		code    engine.Code
		message string // in the description
		is      error
	}{
		{"nothing there", answer(404, "404 page not found\n"), 404, engine.NoCode, "404 page not found", nil},
		{"unknown transport", answer(400, `{"code":0,"message":"Transport unknown"}`), 400, engine.CodeUnknownTransport, "Transport unknown", nil},
		{"forbidden", answer(403, `{"code":4,"message":"not you"}`), 403, engine.CodeForbidden, "not you", nil},
		{"revision", answer(400, `{"code":5,"message":"Unsupported protocol version"}`), 400, engine.CodeUnsupportedProtocol, "Unsupported", nil},
		{"other JSON", answer(502, `{"error":"bad gateway"}`), 502, engine.NoCode, "bad gateway", nil},
		{"strange JSON", answer(500, `{"code":-99,"message":"x"}`), 500, engine.NoCode, "x", nil},
		{"long text", answer(500, strings.Repeat("é", 10000)), 500, engine.NoCode, "é...", nil},
		{"redirect", answer(302, "", "Location", "https://elsewhere.example/"), 302, engine.NoCode, "redirected to https://elsewhere.example/", nil},
		{"no content", answer(204, ""), 204, engine.NoCode, "", nil},
		{"a page", answer(200, "<!doctype html><html></html>"), 0, engine.NoCode, "", engine.ErrNoHandshake},
		{"nothing", answer(200, ""), 0, engine.NoCode, "", engine.ErrNoHandshake},
		{"a message", answer(200, "4hello"), 0, engine.NoCode, "", engine.ErrNoHandshake},
		{"base64", answer(200, "bAAAA"), 0, engine.NoCode, "", engine.ErrNoHandshake},
		{"revision 3", answer(200, `96:0{"sid":"lv_VI97HAXpY6yYWAAAB","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":5000}2:40`), 0, engine.NoCode, "", engine.ErrRevision3},
		{"revision 3, binary", answer(200, "\x00\x01\x01\xff"+`0{"sid":""}`), 0, engine.NoCode, "", engine.ErrRevision3},
		{"no JSON", answer(200, "0hello"), 0, engine.NoCode, "", engine.ErrBadHandshake},
		{"an array", answer(200, "0[]"), 0, engine.NoCode, "", engine.ErrBadHandshake},
		{"wrong types", answer(200, open(`"sid":1`)), 0, engine.NoCode, "", engine.ErrBadHandshake},
		{"no sid", answer(200, open(`"pingInterval":25000,"pingTimeout":20000`)), 0, engine.NoCode, "", engine.ErrBadHandshake},
		{"long sid", answer(200, open(`"sid":"`+strings.Repeat("x", 2000)+`","pingInterval":25000,"pingTimeout":20000`)), 0, engine.NoCode, "", engine.ErrBadHandshake},
		{"no intervals", answer(200, open(`"sid":"x"`)), 0, engine.NoCode, "", engine.ErrBadHandshake},
		{"negative interval", answer(200, open(`"sid":"x","pingInterval":-1,"pingTimeout":20000`)), 0, engine.NoCode, "", engine.ErrBadHandshake},
		{"huge timeout", answer(200, open(`"sid":"x","pingInterval":1000,"pingTimeout":1e300`)), 0, engine.NoCode, "", engine.ErrBadHandshake},
		{"negative payload", answer(200, open(`"sid":"x","pingInterval":1000,"pingTimeout":1000,"maxPayload":-5`)), 0, engine.NoCode, "", engine.ErrBadHandshake},
		{"number of any length", answer(200, open(`"sid":"x","pingInterval":`+strings.Repeat("9", 500_000))), 0, engine.NoCode, "", engine.ErrBadHandshake},
		{"status of any length", func(w http.ResponseWriter, _ *http.Request) {
			nc, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				return
			}
			_, _ = io.WriteString(nc, "HTTP/1.1 "+strings.Repeat("x", 500_000)+"\r\n\r\n")
			nc.Close()
		}, 0, engine.NoCode, "", nil},
		{"too long", answer(200, openPolling+"\x1e4"+strings.Repeat("x", 2<<20)), 0, engine.NoCode, "", nil},
		{"gzip bomb", answer(200, bomb, "Content-Encoding", "gzip"), 0, engine.NoCode, "", nil},
		{"encoding", answer(200, openPolling, "Content-Encoding", "br"), 0, engine.NoCode, "", nil},
		{"cut off", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			_, _ = io.WriteString(w, openPolling)
		}, 0, engine.NoCode, "", io.ErrUnexpectedEOF},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := startFake(t, &fake{polling: c.answer})
			o := h.dialOptions(engine.Polling)
			o.MaxMessage = 1 << 20
			err := h.fails(context.Background(), o)
			var oe *engine.OpError
			if !errors.As(err, &oe) {
				t.Fatalf("got %v", err)
			}
			if oe.Op != "handshake" || oe.Transport != engine.Polling || oe.Status != c.status || oe.Code != c.code ||
				!strings.Contains(oe.Description, c.message) || len(oe.Description) > 300 {
				t.Errorf("got %#v", oe)
			}
			if n := len(err.Error()); n > 2000 {
				t.Errorf("the error's text has %d bytes: %.500s, want at most 2000", n, err)
			}
			if c.is != nil && !errors.Is(err, c.is) {
				t.Errorf("got %v, want %v", err, c.is)
			}
			if oe.Status == 0 && oe.Err == nil {
				t.Error("no cause")
			}
		})
	}
}

func TestDialRefusedWebSocket(t *testing.T) {
	t.Parallel()
	says := func(b []byte) *fake {
		return &fake{websocket: func(p *fakePeer) {
			_, _ = p.Write(b)
			_ = p.end()
		}}
	}
	text := func(s string) *fake { return says(ws.AppendFrame(nil, ws.Text, []byte(s))) }
	for _, c := range []struct {
		name   string
		fake   *fake
		status int
		is     error
	}{
		{"nothing there", &fake{}, 404, nil},
		{"a plain server that talks", text("welcome"), 0, engine.ErrNoHandshake},
		{"a plain server that is silent", says(nil), 0, engine.ErrNoHandshake},
		{"a plain server that closes", says(ws.AppendClose(nil, 1008)), 0, engine.ErrNoHandshake},
		{"closed", &fake{websocket: func(*fakePeer) {}}, 0, engine.ErrNoHandshake},
		{"binary", says(ws.AppendFrame(nil, ws.Binary, []byte("0{}"))), 0, engine.ErrNoHandshake},
		{"base64", text("bAAAA"), 0, engine.ErrNoHandshake},
		{"a message", text("4hello"), 0, engine.ErrNoHandshake},
		{"no sid", text("0{}"), 0, engine.ErrBadHandshake},
		{"masked", says(ws.AppendMasked(nil, ws.AppendFrame(nil, ws.Text, []byte(openWebSocket)))), 0, engine.ErrNoHandshake},
		{"text after the 101", says([]byte("HTTP/1.1 400 Bad Request\r\n\r\n")), 0, engine.ErrNoHandshake},
		{"too long", says(ws.AppendHeader(nil, ws.Text, false, 1<<30)), 0, engine.ErrNoHandshake},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := startFake(t, c.fake)
			o := h.dialOptions(engine.WebSocket)
			if strings.HasSuffix(c.name, "silent") {
				o.ConnectTimeout = time.Second // enough for the TCP connection on a busy machine
			}
			err := h.fails(context.Background(), o)
			var oe *engine.OpError
			if !errors.As(err, &oe) || oe.Op != "handshake" || oe.Transport != engine.WebSocket || oe.Status != c.status {
				t.Fatalf("got %#v", err)
			}
			if c.is != nil && !errors.Is(err, c.is) {
				t.Errorf("got %v, want %v", err, c.is)
			}
			if silent := o.ConnectTimeout != 0; silent != errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("got %v", err)
			}
		})
	}
	// This package's responses if it refuses a WebSocket.
	h := start(t, &engine.ServerOptions{Transports: []engine.Transport{engine.Polling}})
	err := h.fails(context.Background(), h.dialOptions(engine.WebSocket))
	var oe *engine.OpError
	if !errors.As(err, &oe) || oe.Status != 400 || oe.Code != engine.CodeUnknownTransport || oe.Description != "Transport unknown" {
		t.Errorf("got %#v", err)
	}
	want := "engine: handshake over websocket with " + oe.URL + " failed: status 400, code 0: Transport unknown" +
		" (the server does not offer websocket: DialOptions.Transports and TryAllTransports select others)"
	if text := err.Error(); text != want || !strings.HasPrefix(oe.URL, "http") {
		t.Errorf("the error says %s, want %s", text, want)
	}
}

func TestDialUnreachable(t *testing.T) {
	t.Parallel()
	h := &harness{t: t, url: "http://127.0.0.1/", dial: func(context.Context) (net.Conn, error) { return nil, io.ErrNoProgress }}
	for _, tr := range []engine.Transport{engine.Polling, engine.WebSocket} {
		if err := h.fails(context.Background(), h.dialOptions(tr)); !errors.Is(err, io.ErrNoProgress) {
			t.Errorf("%s: got %v, want %v", tr, err, io.ErrNoProgress)
		}
	}
}

// The server does not respond at all: ConnectTimeout, and the caller's context.
func TestDialTimeout(t *testing.T) {
	t.Parallel()
	deaf := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	mute := &fake{websocket: func(p *fakePeer) { time.Sleep(time.Hour) }}
	for _, c := range []struct {
		name      string
		server    http.Handler
		transport engine.Transport
	}{
		{"polling", deaf, engine.Polling},
		{"websocket", deaf, engine.WebSocket},
		{"after the 101", mute, engine.WebSocket},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := startFakeInMemory(t, c.server)
				clk := newClock(t)
				err := h.fails(context.Background(), h.dialOptions(c.transport))
				if !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("got %v, want %v", err, context.DeadlineExceeded)
				}
				clk.want(20*time.Second, "the timeout")

				cause := errors.New("changed my mind")
				ctx, cancel := context.WithCancelCause(context.Background())
				time.AfterFunc(5*time.Second, func() { cancel(cause) })
				if err = h.fails(ctx, h.dialOptions(c.transport)); !errors.Is(err, context.Canceled) {
					t.Errorf("got %v, want %v", err, context.Canceled)
				}
				clk.want(25*time.Second, "the end of the context")
				time.Sleep(2 * time.Hour) // the mute's
			})
		})
	}
}

func TestDialTryAllTransports(t *testing.T) {
	t.Parallel()
	h := start(t, &engine.ServerOptions{Transports: []engine.Transport{engine.WebSocket}})
	o := h.dialOptions(engine.Polling, engine.WebSocket)
	var oe *engine.OpError
	if err := h.fails(context.Background(), o); !errors.As(err, &oe) || oe.Code != engine.CodeUnknownTransport {
		t.Errorf("got %v", err)
	}
	o.TryAllTransports = true
	c, s := h.call(o)
	if c.Transport() != engine.WebSocket {
		t.Errorf("connected over %s, want %v", c.Transport(), engine.WebSocket)
	}
	c.text(t, "hello")
	s.wantMessage(t, "hello")

	h = startFake(t, &fake{})
	o = h.dialOptions(engine.Polling, engine.WebSocket)
	o.TryAllTransports = true
	if err := h.fails(context.Background(), o); strings.Count(err.Error(), "status 404") != 2 {
		t.Errorf("got %v", err)
	}
}

func TestDialRememberUpgrade(t *testing.T) {
	t.Parallel()
	h := start(t, nil)
	o := h.dialOptions()
	o.Transports = nil
	o.RememberUpgrade = new(engine.UpgradeMemory)
	first, _ := h.call(o)
	receive(t, first.upgraded, "the upgrade")
	second, _ := h.call(o)
	if second.Transport() != engine.WebSocket || len(second.upgraded) > 0 {
		t.Error("the second connection did not begin with WebSocket")
	}
	// If WebSocket stops working, the memory does not prevent a connection.
	h2 := start(t, &engine.ServerOptions{Transports: []engine.Transport{engine.Polling}})
	o2 := h2.dialOptions()
	o2.Transports, o2.RememberUpgrade = nil, o.RememberUpgrade
	third, _ := h2.call(o2)
	if third.Transport() != engine.Polling {
		t.Error("the third connection is not on polling")
	}
	// The record has been cleared.
	fourth, _ := h.call(o)
	receive(t, fourth.upgraded, "the upgrade")
}

func TestDialRequests(t *testing.T) {
	t.Parallel()
	h, rec, _ := startRecorded(t, nil, (*httptest.Server).Start)
	o := h.dialOptions()
	o.Transports = nil
	o.Header = http.Header{"X-Token": {"secret"}, "Host": {"virtual.example"}}
	o.Query = url.Values{"extra": {"a&b", "c"}, "EIO": {"3"}}
	o.TimestampRequests = true
	o.Subprotocols = []string{"one", "two"}
	h.url = strings.Replace(h.url, "http://", "ws://user:pass@", 1) + "?from=url&sid=forged&transport=none#fragment"
	before := o.Header.Clone()
	sids := []string{""}
	for _, o.NoUpgrade = range []bool{true, false} {
		c, s := h.call(o)
		sids = append(sids, c.ID())
		c.text(t, "x")
		s.wantMessage(t, "x")
		if !o.NoUpgrade {
			receive(t, c.upgraded, "the upgrade")
		}
		c.Close()
		c.wantEnd(t, engine.ForcedClose)
		s.wantClose(t, engine.TransportClose)
	}
	seen := make(map[string]bool)
	kinds := make(map[string]bool)
	handshakes := 0
	for i, r := range rec.all() {
		q := r.URL.Query()
		user, pass, _ := r.BasicAuth()
		if r.URL.Path != "/engine.io/" || q.Get("EIO") != "4" || q.Get("from") != "url" || !slices.Equal(q["extra"], []string{"a&b", "c"}) ||
			len(q["transport"]) != 1 || r.Header.Get("X-Token") != "secret" || r.Host != "virtual.example" || user != "user" || pass != "pass" {
			t.Errorf("request %d is %s %s, %v", i, r.Method, r.URL, r.Header)
		}
		if !q.Has("sid") {
			handshakes++
		}
		if len(q["sid"]) > 1 || !slices.Contains(sids, q.Get("sid")) {
			t.Errorf("request %d has sid %q", i, q["sid"])
		}
		if q.Get("t") == "" || seen[q.Get("t")] {
			t.Errorf("request %d has the timestamp %q", i, q.Get("t"))
		}
		seen[q.Get("t")] = true
		kind := r.Method + " " + q.Get("transport")
		kinds[kind] = true
		if kind == "POST polling" && r.Header.Get("Content-Type") != "text/plain;charset=UTF-8" {
			t.Errorf("the content type is %q", r.Header.Get("Content-Type"))
		}
		if kind == "GET websocket" && r.Header.Get("Sec-WebSocket-Protocol") != "one, two" {
			t.Errorf("the sub-protocols are %q", r.Header.Get("Sec-WebSocket-Protocol"))
		}
	}
	if handshakes != 2 {
		t.Errorf("%d handshakes, want 2", handshakes)
	}
	for _, kind := range []string{"GET polling", "POST polling", "GET websocket"} {
		if !kinds[kind] {
			t.Errorf("there was no %s", kind)
		}
	}
	if fmt.Sprint(o.Header) != fmt.Sprint(before) {
		t.Errorf("the caller's header was changed: %v", o.Header)
	}
}

func TestDialPaths(t *testing.T) {
	t.Parallel()
	h, rec, s := startRecorded(t, nil, (*httptest.Server).Start)
	for path, want := range map[string]string{
		"": "/engine.io/", "/": "/engine.io/", "/socket.io/": "/socket.io/", "/no/slash": "/no/slash", "/a%2Fb/": "/a%2Fb/",
	} {
		h.url = s.URL + path
		for _, tr := range []engine.Transport{engine.Polling, engine.WebSocket} {
			c, _ := h.call(h.dialOptions(tr))
			c.Close()
			c.wantEnd(t, engine.ForcedClose)
			for _, r := range rec.handshakes() {
				if r.URL.EscapedPath() != want {
					t.Errorf("%q: the path is %s, want %v", path, r.URL.EscapedPath(), want)
				}
			}
			rec.forget()
		}
	}
}

// Load balancers route by cookie: each request carries the cookies of the handshake.
func TestDialCookies(t *testing.T) {
	t.Parallel()
	for _, shared := range []bool{false, true} {
		h, rec, s := startRecorded(t, &engine.ServerOptions{Cookie: engine.SessionCookie()}, (*httptest.Server).Start)
		o := h.dialOptions()
		o.Transports = nil
		if shared {
			o.Jar, _ = cookiejar.New(nil)
			u, _ := url.Parse(s.URL)
			o.Jar.SetCookies(u, []*http.Cookie{{Name: "mine", Value: "1"}})
		}
		c, _ := h.call(o)
		receive(t, c.upgraded, "the upgrade")
		for i, r := range rec.all() {
			io, err := r.Cookie("io")
			if i == 0 && err == nil || i > 0 && (err != nil || io.Value != c.ID()) {
				t.Errorf("request %d has the cookies %v", i, r.Cookies())
			}
			if _, err := r.Cookie("mine"); (err == nil) != shared {
				t.Errorf("request %d has the cookies %v, want the one named mine: %v", i, r.Cookies(), shared)
			}
		}
		// The caller's jar is used over WebSocket, too.
		n := len(rec.handshakes())
		o.Transports = []engine.Transport{engine.WebSocket}
		h.call(o)
		if got := len(rec.handshakes()[n].Cookies()); got != map[bool]int{false: 0, true: 2}[shared] {
			t.Errorf("%d cookies over WebSocket, want %v", got, map[bool]int{false: 0, true: 2}[shared])
		}
	}
}

func TestDialTLS(t *testing.T) {
	t.Parallel()
	for _, http2 := range []bool{false, true} {
		h, rec, s := startRecorded(t, nil, func(s *httptest.Server) {
			s.EnableHTTP2 = http2
			s.StartTLS()
		})
		roots := x509.NewCertPool()
		roots.AddCert(s.Certificate())
		for _, way := range clientWays {
			o := h.dialOptions(way.transports...)
			if err := h.fails(context.Background(), o); !strings.Contains(err.Error(), "certificate") {
				t.Errorf("without the root: %v, want a text with %q", err, "certificate")
			}
			o.TLSConfig = &tls.Config{RootCAs: roots}
			n := len(rec.handshakes())
			c, session := h.call(o)
			c.text(t, "hello")
			session.wantMessage(t, "hello")
			if len(way.transports) == 2 {
				receive(t, c.upgraded, "the upgrade")
			}
			session.text(t, strings.Repeat("long", 100000))
			c.text(t, strings.Repeat("long", 100000))
			c.want(t, strings.Repeat("long", 100000))
			session.wantMessage(t, strings.Repeat("long", 100000))
			if r := rec.handshakes()[n]; r.TLS == nil || (r.ProtoMajor == 2) != (http2 && way.transports[0] == engine.Polling) {
				t.Errorf("the handshake arrived over %s, TLS %v; want TLS, and HTTP/2 only for polling with it", r.Proto, r.TLS != nil)
			}
			c.Close()
			c.wantEnd(t, engine.ForcedClose)
			if o.TLSConfig.ServerName != "" || o.TLSConfig.NextProtos != nil {
				t.Error("the caller's TLSConfig was changed")
			}
		}
	}
}

// proxy is an HTTP proxy that supports only CONNECT.
type proxy struct {
	t        testing.TB
	user     string
	mu       sync.Mutex
	connects []string
}

func (p *proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodConnect {
		http.Error(w, "only tunnels", http.StatusMethodNotAllowed)
		return
	}
	if got := r.Header.Get("Proxy-Authorization"); got != p.user {
		w.WriteHeader(http.StatusProxyAuthRequired)
		return
	}
	p.mu.Lock()
	p.connects = append(p.connects, r.Host)
	p.mu.Unlock()
	there, err := net.Dial("tcp", r.Host)
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	here, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		p.t.Error(err)
		return
	}
	_, _ = io.WriteString(here, "HTTP/1.1 200 Connection established\r\n\r\n")
	done := make(chan struct{})
	go func() {
		_, _ = io.Copy(there, here)
		there.Close()
		close(done)
	}()
	_, _ = io.Copy(here, there)
	here.Close()
	<-done
}

func TestDialProxy(t *testing.T) {
	t.Parallel()
	h, _, s := startRecorded(t, nil, (*httptest.Server).StartTLS)
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	for _, secure := range []bool{false, true} {
		p := &proxy{t: t, user: "Basic dXNlcjpwYXNz"}
		ps := httptest.NewUnstartedServer(p)
		if secure {
			ps.StartTLS()
			roots.AddCert(ps.Certificate())
		} else {
			ps.Start()
		}
		t.Cleanup(ps.Close)
		through, err := url.Parse(ps.URL)
		if err != nil {
			t.Fatal(err)
		}
		through.User = url.UserPassword("user", "pass")
		for _, way := range clientWays {
			o := h.dialOptions(way.transports...)
			o.DialContext = nil
			o.TLSConfig = &tls.Config{RootCAs: roots}
			o.Proxy = http.ProxyURL(through)
			c, session := h.call(o)
			c.text(t, "hello")
			session.wantMessage(t, "hello")
			if len(way.transports) == 2 {
				receive(t, c.upgraded, "the upgrade")
			}
			c.Close()
			c.wantEnd(t, engine.ForcedClose)
		}
		p.mu.Lock()
		if len(p.connects) < 4 || slices.ContainsFunc(p.connects, func(a string) bool { return a != s.Listener.Addr().String() }) {
			t.Errorf("the proxy was asked for %q", p.connects)
		}
		p.mu.Unlock()
	}

	bad := func(proxy string) error {
		o := h.dialOptions(engine.WebSocket)
		o.DialContext = nil
		o.Proxy = func(*http.Request) (*url.URL, error) { return url.Parse(proxy) }
		return h.fails(context.Background(), o)
	}
	ps := httptest.NewServer(&proxy{t: t, user: "another user"})
	t.Cleanup(ps.Close)
	if err := bad(ps.URL); !strings.Contains(err.Error(), "407") {
		t.Errorf("got %v, want a text with %q", err, "407")
	}
	if err := bad("socks4://127.0.0.1:1"); !strings.Contains(err.Error(), "socks4") {
		t.Errorf("got %v, want a text with %q", err, "socks4")
	}
	if err := bad("ht tp://"); err == nil {
		t.Error("an invalid proxy was accepted")
	}
	talkative := listen(t, func(nc net.Conn) {
		_, _ = http.ReadRequest(bufio.NewReader(nc))
		_, _ = io.WriteString(nc, "HTTP/1.1 200 OK\r\n\r\nand more")
	})
	if err := bad("http://" + talkative); !strings.Contains(err.Error(), "proxy") {
		t.Errorf("got %v, want a text with %q", err, "proxy")
	}
}

// The caller's RoundTripper performs the requests of polling.
func TestDialRoundTripper(t *testing.T) {
	t.Parallel()
	h := start(t, nil)
	o := h.dialOptions(engine.Polling)
	var mu sync.Mutex
	methods := ""
	o.RoundTripper = roundTripper(func(r *http.Request) (*http.Response, error) {
		mu.Lock()
		methods += r.Method + " "
		mu.Unlock()
		return h.client.Transport.RoundTrip(r)
	})
	c, s := h.call(o)
	c.text(t, "hello")
	s.wantMessage(t, "hello")
	c.Close()
	c.wantEnd(t, engine.ForcedClose)
	mu.Lock()
	defer mu.Unlock()
	if !strings.HasPrefix(methods, "GET ") || !strings.Contains(methods, "POST ") {
		t.Errorf("the requests were %s", methods)
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
