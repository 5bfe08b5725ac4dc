package engine_test

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seed96b07ef8/socketio/engine"
)

func newRequest(method, query string) (*http.Request, *httptest.ResponseRecorder) {
	return httptest.NewRequest(method, "/engine.io/?"+query, nil), httptest.NewRecorder()
}

type contextKey struct{}

func TestContext(t *testing.T) {
	h := start(t, &engine.ServerOptions{Context: func(r *http.Request) context.Context {
		return context.WithValue(context.Background(), contextKey{}, r.URL.Query().Get("user"))
	}})
	p := h.poll("user=ann")
	if got := p.Context().Value(contextKey{}); got != "ann" {
		t.Errorf("got %v", got)
	}
	h = start(t, nil)
	if got := h.poll().Context(); got != context.Background() {
		t.Errorf("got %v by default", got)
	}
}

func TestHandshakeFacts(t *testing.T) {
	h := start(t, nil)
	before := time.Now()
	r := h.request("GET", "EIO=4&transport=polling&a=1&a=2&b=%C3%BC", "", "X-Many", "1", "X-Many", "2", "X-Empty", "")
	s := receive(t, h.sessions, "the session")
	openSID(t, r.body)
	facts := s.Handshake()
	if facts.Time.Before(before) || time.Since(facts.Time) < 0 {
		t.Errorf("got time %v", facts.Time)
	}
	if !strings.HasPrefix(facts.RemoteAddr, "127.0.0.1:") || !strings.HasPrefix(facts.Host, "127.0.0.1:") {
		t.Errorf("got addresses %q and %q", facts.RemoteAddr, facts.Host)
	}
	if facts.URL != "/engine.io/?EIO=4&transport=polling&a=1&a=2&b=%C3%BC" {
		t.Errorf("got URL %q", facts.URL)
	}
	if !slices.Equal(facts.Query["a"], []string{"1", "2"}) || facts.Query.Get("b") != "ü" {
		t.Errorf("got query %v", facts.Query)
	}
	if !slices.Equal(facts.Header.Values("X-Many"), []string{"1", "2"}) || !slices.Equal(facts.Header["X-Empty"], []string{""}) {
		t.Errorf("got header %v", facts.Header)
	}
	if facts.TLS != nil {
		t.Error("got TLS without TLS")
	}
	facts.Header.Set("X-Many", "mine")
	facts.Query.Set("a", "mine")
	if again := s.Handshake(); again.Header.Get("X-Many") != "1" || again.Query.Get("a") != "1" {
		t.Error("the facts can be changed from outside")
	}
}

func TestHeadersHooks(t *testing.T) {
	h := start(t, &engine.ServerOptions{
		InitialHeaders: func(h http.Header, r *http.Request) { h.Set("X-Initial", r.URL.Query().Get("transport")) },
		Headers:        func(h http.Header, r *http.Request) { h.Set("X-Always", r.Method) },
	})
	check := func(name string, h http.Header, initial, always string) {
		t.Helper()
		if got := h.Get("X-Initial"); got != initial {
			t.Errorf("%s: X-Initial is %q, want %q", name, got, initial)
		}
		if got := h.Get("X-Always"); got != always {
			t.Errorf("%s: X-Always is %q, want %q", name, got, always)
		}
	}
	r := h.request("GET", "EIO=4&transport=polling", "")
	check("handshake", r.header, "polling", "GET")
	s := receive(t, h.sessions, "the session")
	p := &poller{h: h, session: s, query: "EIO=4&transport=polling&sid=" + s.ID()}
	check("POST", p.post("4x").header, "", "POST")
	p.text(t, "x")
	check("poll", p.get().header, "", "GET")
	check("WebSocket", h.websocket().resp.Header, "websocket", "GET")
	check("upgrade", h.dialWebSocket("EIO=4&transport=websocket&sid="+p.ID()).resp.Header, "", "GET")
}

func TestCookie(t *testing.T) {
	for _, test := range []struct {
		name   string
		cookie *http.Cookie
		want   string // with ID for the session ID
	}{
		{"none", nil, ""},
		{"usual", engine.SessionCookie(), "io=ID; Path=/; HttpOnly; SameSite=Lax"},
		{"defaults", &http.Cookie{}, "io=ID; Path=/"},
		{"all", &http.Cookie{Name: "sid", Path: "/x", Domain: "example.com", MaxAge: 60, Secure: true, SameSite: http.SameSiteStrictMode},
			"sid=ID; Path=/x; Domain=example.com; Max-Age=60; Secure; SameSite=Strict"},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := start(t, &engine.ServerOptions{Cookie: test.cookie})
			r := h.request("GET", "EIO=4&transport=polling", "")
			s := receive(t, h.sessions, "the session")
			if got := r.header.Get("Set-Cookie"); got != strings.Replace(test.want, "ID", s.ID(), 1) {
				t.Errorf("got %q, want %q", got, test.want)
			}
			s.text(t, "x")
			if r := h.request("GET", "EIO=4&transport=polling&sid="+s.ID(), ""); r.header.Get("Set-Cookie") != "" {
				t.Error("the cookie came again with a poll")
			}
			if c := h.websocket().resp.Header.Get("Set-Cookie"); c != "" {
				t.Errorf("a WebSocket got cookie %q", c)
			}
		})
	}
}

func TestOptions(t *testing.T) {
	for field, o := range map[string]engine.ServerOptions{
		"PingInterval":                {PingInterval: -1},
		"PingTimeout":                 {PingTimeout: -1},
		"PingInterval, PingTimeout":   {PingTimeout: time.Microsecond},
		"UpgradeTimeout":              {UpgradeTimeout: -1},
		"WriteTimeout":                {WriteTimeout: -1},
		"RequestTimeout":              {RequestTimeout: -1},
		"MaxPayload":                  {MaxPayload: -1},
		"OutboxBytes":                 {OutboxBytes: -1},
		"OutboxMessages":              {OutboxMessages: -1},
		"MaxHandshakes":               {MaxHandshakes: -1},
		"HTTPCompressionThreshold":    {HTTPCompressionThreshold: -1},
		"PerMessageDeflate.Threshold": {PerMessageDeflate: &engine.PerMessageDeflate{Threshold: -1}},
		"Overflow":                    {Overflow: engine.Refuse + 1},
		"Transports":                  {Transports: []engine.Transport{"tcp"}},
		"Transports ":                 {Transports: []engine.Transport{}},
		"Cookie":                      {Cookie: &http.Cookie{Name: "a b"}},
	} {
		t.Run(field, func(t *testing.T) {
			_, err := engine.NewServer(&o)
			var oe *engine.OptionError
			if !errors.As(err, &oe) || oe.Field != strings.TrimSpace(field) {
				t.Fatalf("got %v", err)
			}
			if !strings.Contains(err.Error(), oe.Field) || oe.Reason == "" {
				t.Errorf("got text %q", err)
			}
		})
	}
	if _, err := engine.NewServer(nil); err != nil {
		t.Errorf("no options: %v", err)
	}
}

// Servers are mounted where the application likes, several in one process.
func TestMounting(t *testing.T) {
	a, b := newHarness(t, nil), newHarness(t, nil)
	mux := http.NewServeMux()
	mux.Handle("/engine.io/", a)
	mux.Handle("/deep/er/", http.StripPrefix("/deep/er", b))
	srv := httptest.NewServer(mux)
	defer srv.Close()
	for _, h := range []*harness{a, b} {
		h.url = srv.URL + "/engine.io/"
		if h == b {
			h.url = srv.URL + "/deep/er/"
		}
		h.dial = dialer(srv.Listener.Addr().String())
		h.connect()
		p := h.poll()
		p.post("4hi")
		p.wantMessage(t, "hi")
		w := h.websocket()
		w.send("4hi")
		w.wantMessage(t, "hi")
	}
	if p := b.poll(); !strings.HasPrefix(p.Handshake().URL, "/deep/er/?EIO=4") {
		t.Errorf("got URL %q", p.Handshake().URL)
	}
	sid := a.poll().ID()
	wantReply(t, b.request("GET", "EIO=4&transport=polling&sid="+sid, ""), 400, `{"code":1,"message":"Session ID unknown"}`)
}

// HTTP/2 has no WebSocket upgrade, so its clients stay on polling; over TLS the
// socket cannot be used directly.
func TestTLS(t *testing.T) {
	for _, http2 := range []bool{false, true} {
		h := newHarness(t, nil)
		srv := httptest.NewUnstartedServer(h)
		srv.EnableHTTP2 = http2
		srv.StartTLS()
		t.Cleanup(srv.Close)
		h.url = srv.URL + "/engine.io/"
		config := srv.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
		h.dial = tlsDialer(srv.Listener.Addr().String(), config)
		h.connect()
		h.client = srv.Client()
		p := h.poll()
		if tls := p.Handshake().TLS; tls == nil || !tls.HandshakeComplete {
			t.Error("the TLS state is missing")
		}
		pending := p.pending()
		p.post("4hi")
		p.wantMessage(t, "hi")
		p.text(t, "there")
		wantReply(t, receive(t, pending, "the poll"), 200, "4there")
		pending = p.pending()
		overlap := p.get()
		wantReply(t, overlap, 400, "")
		wantReply(t, receive(t, pending, "the poll"), 200, "1")
		p.wantClose(t, engine.TransportError)

		if http2 {
			wantReply(t, h.request("GET", "EIO=4&transport=websocket", ""), 400, `{"code":3,"message":"Bad request"}`)
			continue
		}
		w := h.websocket()
		large := strings.Repeat("x", 300_000)
		for _, text := range []string{"a", large, "b"} {
			w.text(t, text)
			w.want("4" + text)
			w.send("4" + text)
			w.wantMessage(t, text)
		}
		w.Close()
		w.wantEnd(1005)
		w.wantClose(t, engine.ForcedClose)
	}
}

func tlsDialer(addr string, config *tls.Config) func(context.Context) (net.Conn, error) {
	config.NextProtos = nil
	config.InsecureSkipVerify = true // a test's certificate
	return func(ctx context.Context) (net.Conn, error) {
		return (&tls.Dialer{Config: config}).DialContext(ctx, "tcp", addr)
	}
}
