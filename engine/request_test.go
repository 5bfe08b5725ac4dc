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
	t.Parallel()
	h := start(t, &engine.ServerOptions{Context: func(r *http.Request) context.Context {
		return context.WithValue(context.Background(), contextKey{}, r.URL.Query().Get("user"))
	}})
	p := h.poll("user=ann")
	if got := p.Context().Value(contextKey{}); got != "ann" {
		t.Errorf("got %v, want %q", got, "ann")
	}
	h = start(t, nil)
	if got := h.poll().Context(); got != context.Background() {
		t.Errorf("got %v by default, want %v", got, context.Background())
	}
}

func TestHandshakeFacts(t *testing.T) {
	t.Parallel()
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
		t.Errorf("got URL %q, want %q", facts.URL, "/engine.io/?EIO=4&transport=polling&a=1&a=2&b=%C3%BC")
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

// A request that net/http's server did not make, as behind a gateway, has no RequestURI.
func TestHandshakeFactsWithoutRequestURI(t *testing.T) {
	t.Parallel()
	h := newHarness(t, nil)
	const target = "/engine.io/?EIO=4&transport=polling&user=ann"
	r, err := http.NewRequest("GET", "http://gateway.example"+target, nil)
	if err != nil {
		t.Fatal(err)
	}
	h.ServeHTTP(httptest.NewRecorder(), r)
	s := receive(t, h.sessions, "the session")
	defer s.Abort()
	if facts := s.Handshake(); facts.URL != target || facts.Query.Get("user") != "ann" {
		t.Errorf("got URL %q and query %v, want %q", facts.URL, facts.Query, target)
	}
}

func TestHeadersHooks(t *testing.T) {
	t.Parallel()
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
	t.Parallel()
	for _, test := range []struct {
		name   string
		cookie *http.Cookie
		want   string // with ID for the session ID
	}{
		{"none", nil, ""},
		{"usual", engine.SessionCookie(), "io=ID; Path=/; HttpOnly; SameSite=Lax"},
		{"defaults", &http.Cookie{Name: "sid"}, "sid=ID; Path=/"},
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
				t.Error("the response to a poll set the cookie again")
			}
			if c := h.websocket().resp.Header.Get("Set-Cookie"); c != "" {
				t.Errorf("a WebSocket got cookie %q, want %q", c, "")
			}
		})
	}
}

func TestOptions(t *testing.T) {
	t.Parallel()
	cors := func(c engine.CORS) engine.ServerOptions { return engine.ServerOptions{CORS: &c} }
	origins := func(list ...string) engine.ServerOptions { return cors(engine.CORS{Origins: list}) }
	for _, test := range []struct {
		field, value string // of the error
		opts         engine.ServerOptions
	}{
		{"PingInterval", "-1ns", engine.ServerOptions{PingInterval: -1}},
		{"PingTimeout", "-1ns", engine.ServerOptions{PingTimeout: -1}},
		{"UpgradeTimeout", "-1ns", engine.ServerOptions{UpgradeTimeout: -1}},
		{"WriteTimeout", "-1ns", engine.ServerOptions{WriteTimeout: -1}},
		{"RequestTimeout", "-1ns", engine.ServerOptions{RequestTimeout: -1}},
		// Numbers that were seconds, or milliseconds, elsewhere.
		{"PingInterval", "25ns", engine.ServerOptions{PingInterval: 25}},
		{"PingTimeout", "20µs", engine.ServerOptions{PingTimeout: 20_000}},
		{"UpgradeTimeout", "10µs", engine.ServerOptions{UpgradeTimeout: 10_000}},
		{"WriteTimeout", "20ns", engine.ServerOptions{WriteTimeout: 20}},
		{"RequestTimeout", "30ns", engine.ServerOptions{RequestTimeout: 30}},
		{"MaxPayload", "-1", engine.ServerOptions{MaxPayload: -1}},
		{"OutboxBytes", "-1", engine.ServerOptions{OutboxBytes: -1}},
		{"OutboxMessages", "-1", engine.ServerOptions{OutboxMessages: -1}},
		{"MaxHandshakes", "-1", engine.ServerOptions{MaxHandshakes: -1}},
		{"MaxPollPackets", "-1", engine.ServerOptions{MaxPollPackets: -1}},
		{"HTTPCompressionThreshold", "-1", engine.ServerOptions{HTTPCompressionThreshold: -1}},
		{"PerMessageDeflate.Threshold", "-1", engine.ServerOptions{PerMessageDeflate: &engine.PerMessageDeflate{Threshold: -1}}},
		{"Overflow", "4", engine.ServerOptions{Overflow: engine.Refuse + 1}},
		{"Transports", "tcp", engine.ServerOptions{Transports: []engine.Transport{"tcp"}}},
		{"Transports", "[]", engine.ServerOptions{Transports: []engine.Transport{}}},
		{"Cookie", "a b", engine.ServerOptions{Cookie: &http.Cookie{Name: "a b"}}},
		{"Cookie.Name", `""`, engine.ServerOptions{Cookie: &http.Cookie{Path: "/x"}}},
		{"CORS.Origins", `""`, origins("")},
		{"CORS.Origins", `"a.com"`, origins("https://good.example", "a.com")},
		{"CORS.Origins", `"http://a.com/"`, origins("http://a.com/")},
		{"CORS.Origins", `"http://a.com/path"`, origins("http://a.com/path")},
		{"CORS.Origins", `"https://*.a.com"`, origins("https://*.a.com")},
		{"CORS.Origins", `"**"`, origins("**")},
		{"CORS.Origins", `"https://a.com:443"`, origins("https://a.com:443")},
		{"CORS.Origins", `"http://a.com:80"`, origins("http://a.com:80")},
		{"CORS.Origins", `"http://a.com:"`, origins("http://a.com:")},
		{"CORS.Origins", `"http://a.com:x"`, origins("http://a.com:x")},
		{"CORS.Origins", `"http://a.com:70000"`, origins("http://a.com:70000")},
		{"CORS.Origins", `"https://A.com"`, origins("https://A.com")},
		{"CORS.Origins", `"https://ü.com"`, origins("https://ü.com")},
		{"CORS.Origins", `" https://a.com"`, origins(" https://a.com")},
		{"CORS.Origins", `"https://a.com, https://b.com"`, origins("https://a.com, https://b.com")},
		{"CORS.Origins", `"https://user@a.com"`, origins("https://user@a.com")},
		{"CORS.Origins", `"https://"`, origins("https://")},
		{"CORS.Origins", `"https://::1"`, origins("https://::1")},
		{"CORS.Origins", `"*"`, cors(engine.CORS{Origins: []string{"*"}, Credentials: true})},
		{"CORS.Origins", `"null"`, cors(engine.CORS{Origins: []string{"https://a.com", "null"}, Credentials: true})},
		{"CORS.Origins", `"file://"`, cors(engine.CORS{Origins: []string{"file://"}, Credentials: true})},
		{"CORS.Origins", `"file:///"`, origins("file:///")},
		{"CORS.Credentials", "true", cors(engine.CORS{Credentials: true})},
		{"CORS.Methods", `"GET, POST"`, cors(engine.CORS{Methods: []string{"GET, POST"}})},
		{"CORS.AllowedHeaders", `""`, cors(engine.CORS{AllowedHeaders: []string{"X-A", ""}})},
		{"CORS.ExposedHeaders", `"X-A:"`, cors(engine.CORS{ExposedHeaders: []string{"X-A:"}})},
		{"CORS.AllowedHeaders", `"*"`, cors(engine.CORS{Origins: []string{"https://a.com"}, AllowedHeaders: []string{"*"}, Credentials: true})},
		{"CORS.MaxAge", "-1", cors(engine.CORS{MaxAge: -1})},
	} {
		t.Run(test.field+" "+test.value, func(t *testing.T) {
			_, err := engine.NewServer(&test.opts)
			var oe *engine.OptionError
			if !errors.As(err, &oe) || oe.Field != test.field || oe.Reason == "" {
				t.Fatalf("got %v", err)
			}
			if text := err.Error(); !strings.Contains(text, oe.Field) || !strings.Contains(text, test.value) || strings.Contains(text, "\n") {
				t.Errorf("got text %q", text)
			}
		})
	}
	for _, opts := range []*engine.ServerOptions{
		nil,
		{CORS: &engine.CORS{Origins: []string{
			"https://a.com", "http://localhost:5173", "http://[::1]:3000", "http://192.0.2.1", "https://xn--tda.com", "http://a.com:443",
			"capacitor://localhost", "chrome-extension://abcdef", "null", "file://", "*",
		}}},
		{CORS: &engine.CORS{AllowOrigin: func(string, *http.Request) bool { return true }, Credentials: true}},
		{CORS: &engine.CORS{Methods: []string{"GET"}, AllowedHeaders: []string{"*"}, ExposedHeaders: []string{"X-A"}}},
		{PingInterval: time.Millisecond, PingTimeout: time.Millisecond},
	} {
		if _, err := engine.NewServer(opts); err != nil {
			t.Errorf("%+v: %v", opts, err)
		}
	}
}

// Several servers of one process may be mounted at any path.
func TestMounting(t *testing.T) {
	t.Parallel()
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
	t.Parallel()
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
