package engine_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/seed96b07ef8/socketio/engine"
	"github.com/seed96b07ef8/socketio/internal/ws"
)

func TestVerification(t *testing.T) {
	t.Parallel()
	h := start(t, &engine.ServerOptions{
		AllowRequest: func(r *http.Request) error {
			if r.Header.Get("X-Deny") != "" {
				return errors.New("not <you> & me")
			}
			return nil
		},
		GenerateID: func(r *http.Request) (string, error) {
			if r.Header.Get("X-Id-Error") != "" {
				return "", errors.New("no more IDs")
			}
			return engine.NewID(), nil
		},
	})
	polling := h.poll()
	socket := h.websocket()
	onPolling, onWebSocket := "&sid="+polling.ID(), "&sid="+socket.ID()

	const (
		unknownTransport = `{"code":0,"message":"Transport unknown"}`
		unknownSession   = `{"code":1,"message":"Session ID unknown"}`
		badMethod        = `{"code":2,"message":"Bad handshake method"}`
		badRequest       = `{"code":3,"message":"Bad request"}`
		forbidden        = `{"code":4,"message":"not <you> & me"}`
		badProtocol      = `{"code":5,"message":"Unsupported protocol version"}`
	)
	for _, test := range []struct {
		name    string
		method  string
		query   string
		headers []string
		body    string // of a plain request; the response to an upgrade has only the message
		context map[string]any
	}{
		{"transport missing", "GET", "EIO=4", nil, unknownTransport, map[string]any{"transport": ""}},
		{"transport unknown", "GET", "EIO=4&transport=tcp", nil, unknownTransport, map[string]any{"transport": "tcp"}},
		{"transport webtransport", "GET", "EIO=4&transport=webtransport", nil, unknownTransport, map[string]any{"transport": "webtransport"}},
		{"transport constructor", "GET", "EIO=4&transport=constructor", nil, unknownTransport, map[string]any{"transport": "constructor"}},
		{"last of two transports", "GET", "EIO=4&transport=polling&transport=x", nil, unknownTransport, map[string]any{"transport": "x"}},
		{"transport before session", "GET", "EIO=4&transport=tcp&sid=x", nil, unknownTransport, map[string]any{"transport": "tcp"}},

		{"session unknown", "GET", "EIO=4&transport=polling&sid=abc", nil, unknownSession, map[string]any{"sid": "abc"}},
		{"session __proto__", "GET", "EIO=4&transport=polling&sid=__proto__", nil, unknownSession, map[string]any{"sid": "__proto__"}},
		{"session with a zero byte", "GET", "EIO=4&transport=polling&sid=%00", nil, unknownSession, map[string]any{"sid": "\x00"}},
		{"session with an invalid escape", "GET", "EIO=4&transport=polling&sid=%zz", nil, unknownSession, map[string]any{"sid": "%zz"}},
		{"POST, session with an invalid escape", "POST", "EIO=4&transport=polling&sid=%", nil, unknownSession, map[string]any{"sid": "%"}},
		{"session with a semicolon", "GET", "EIO=4&transport=polling&sid=a;b", nil, unknownSession, map[string]any{"sid": "a;b"}},
		{"session of 8 KiB", "POST", "EIO=4&transport=polling&sid=" + strings.Repeat("x", 8192), nil, unknownSession, map[string]any{"sid": strings.Repeat("x", 8192)}},
		{"WebSocket on plain request", "GET", "EIO=4&transport=websocket" + onPolling, nil, badRequest,
			map[string]any{"name": "TRANSPORT_MISMATCH", "transport": "websocket", "previousTransport": "polling"}},
		{"polling after WebSocket", "GET", "EIO=4&transport=polling" + onWebSocket, nil, badRequest,
			map[string]any{"name": "TRANSPORT_MISMATCH", "transport": "polling", "previousTransport": "websocket"}},
		{"POST after WebSocket", "POST", "EIO=4&transport=polling" + onWebSocket, nil, badRequest,
			map[string]any{"name": "TRANSPORT_MISMATCH", "transport": "polling", "previousTransport": "websocket"}},
		{"other revision", "GET", "EIO=3&transport=polling" + onPolling, nil, badRequest,
			map[string]any{"name": "PROTOCOL_MISMATCH", "protocol": 3, "previousProtocol": 4}},
		{"no revision", "POST", "transport=polling" + onPolling, nil, badRequest,
			map[string]any{"name": "PROTOCOL_MISMATCH", "protocol": 3, "previousProtocol": 4}},

		{"POST", "POST", "EIO=4&transport=polling", nil, badMethod, map[string]any{"method": "POST"}},
		{"PUT", "PUT", "EIO=4&transport=polling", nil, badMethod, map[string]any{"method": "PUT"}},
		{"OPTIONS without CORS", "OPTIONS", "EIO=4&transport=polling", nil, badMethod, map[string]any{"method": "OPTIONS"}},
		{"plain request for WebSocket", "GET", "EIO=4&transport=websocket", nil, badRequest, map[string]any{"name": "TRANSPORT_HANDSHAKE_ERROR"}},
		{"denied", "GET", "EIO=4&transport=polling", []string{"X-Deny", "1"}, forbidden, map[string]any{"message": "not <you> & me"}},
		{"denied before the revision", "GET", "EIO=3&transport=polling", []string{"X-Deny", "1"}, forbidden, map[string]any{"message": "not <you> & me"}},
		{"session is not denied", "GET", "EIO=4&transport=polling&sid=abc", []string{"X-Deny", "1"}, unknownSession, map[string]any{"sid": "abc"}},
		{"revision 3", "GET", "EIO=3&transport=polling", nil, badProtocol, map[string]any{"protocol": 3}},
		{"revision missing", "GET", "transport=polling", nil, badProtocol, map[string]any{"protocol": 3}},
		{"revision 04", "GET", "EIO=04&transport=polling", nil, badProtocol, map[string]any{"protocol": 3}},
		{"no ID", "GET", "EIO=4&transport=polling", []string{"X-Id-Error", "1"}, badRequest, map[string]any{"name": "ID_GENERATION_ERROR"}},

		{"upgrade, transport unknown", "", "EIO=4&transport=tcp", nil, "Transport unknown", map[string]any{"transport": "tcp"}},
		{"upgrade, transport __proto__", "", "EIO=4&transport=__proto__", nil, "Transport unknown", map[string]any{"transport": "__proto__"}},
		{"upgrade, session unknown", "", "EIO=4&transport=websocket&sid=abc", nil, "Session ID unknown", map[string]any{"sid": "abc"}},
		{"upgrade, session with an invalid escape", "", "EIO=4&transport=websocket&sid=%zz", nil, "Session ID unknown", map[string]any{"sid": "%zz"}},
		{"upgrade, no session, odd transport", "", "EIO=4&transport=polling", nil, "Bad request", map[string]any{"name": "TRANSPORT_HANDSHAKE_ERROR"}},
		{"upgrade, other revision", "", "EIO=3&transport=websocket" + onPolling, nil, "Bad request",
			map[string]any{"name": "PROTOCOL_MISMATCH", "protocol": 3, "previousProtocol": 4}},
		{"upgrade, denied", "", "EIO=4&transport=websocket", []string{"X-Deny", "1"}, "not <you> & me", map[string]any{"message": "not <you> & me"}},
		{"upgrade, revision 3", "", "EIO=3&transport=websocket", nil, "Unsupported protocol version", map[string]any{"protocol": 3}},
		{"upgrade, no ID", "", "EIO=4&transport=websocket", []string{"X-Id-Error", "1"}, "Bad request", map[string]any{"name": "ID_GENERATION_ERROR"}},
		{"upgrade with POST", "", "EIO=4&transport=websocket", []string{"method", "POST"}, "Bad handshake method", map[string]any{"method": "POST"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			h.t = t
			var r reply
			wantStatus, wantType := http.StatusBadRequest, "application/json"
			if test.method == "" {
				wantType = "text/html"
				_, err := h.tryWebSocket(test.query, test.headers...)
				var refused *refusedError
				if !errors.As(err, &refused) {
					t.Fatalf("got %v, want a refusal", err)
				}
				r = refused.reply
			} else {
				if test.body == forbidden {
					wantStatus = http.StatusForbidden
				}
				r = h.request(test.method, test.query, "", test.headers...)
			}
			wantReply(t, r, wantStatus, test.body)
			if got := r.header.Get("Content-Type"); got != wantType {
				t.Errorf("got content type %q, want %q", got, wantType)
			}
			e := h.lastRefusal()
			if e == nil {
				t.Fatal("OnConnectionError was not called")
			}
			if e.Error() == "" || e.Request == nil {
				t.Errorf("got error %v with request %v", e, e.Request)
			}
			delete(e.Context, "error")
			if !maps.Equal(e.Context, test.context) {
				t.Errorf("got context %v, want %v", e.Context, test.context)
			}
		})
	}
	h.t = t
	polling.post("4still there")
	polling.wantMessage(t, "still there")
	socket.send("4me too")
	socket.wantMessage(t, "me too")
	if n := h.Len(); n != 2 {
		t.Errorf("%d sessions, want 2", n)
	}
}

// Requests that net/http rejects can reach a handler behind another server.
func TestInvalidOrigin(t *testing.T) {
	t.Parallel()
	h := newHarness(t, &engine.ServerOptions{AllowAnyOrigin: true})
	for origin, code := range map[string]int{"http://a\x01b": 400, "http://a\x7f": 400, "http://a\tb": 200, "http://\xe4": 200} {
		r, w := newRequest("GET", "EIO=4&transport=polling")
		r.Header.Set("Origin", origin)
		h.ServeHTTP(w, r)
		if w.Code != code {
			t.Errorf("origin %q: got %d, want %d", origin, w.Code, code)
		}
	}
	e := h.lastRefusal()
	if e.Code != engine.CodeBadRequest || e.Context["name"] != "INVALID_ORIGIN" || e.Context["origin"] == "" {
		t.Errorf("got %v", e)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_ = h.Shutdown(ctx)
}

func TestBadWebSocketHandshake(t *testing.T) {
	t.Parallel()
	h := start(t, nil)
	polling := h.poll()
	for _, sid := range []string{"", "&sid=" + polling.ID()} {
		for _, test := range []struct {
			name    string
			headers []string
			status  int
		}{
			{"no key", []string{"Sec-WebSocket-Key", ""}, 400},
			{"bad key", []string{"Sec-WebSocket-Key", "abc"}, 400},
			{"no version", []string{"Sec-WebSocket-Version", ""}, 400},
			{"version 7", []string{"Sec-WebSocket-Version", "7"}, 400},
			{"no Upgrade", []string{"Upgrade", ""}, 400},
		} {
			t.Run(test.name+sid, func(t *testing.T) {
				_, err := h.tryWebSocket("EIO=4&transport=websocket"+sid, test.headers...)
				var refused *refusedError
				if !errors.As(err, &refused) || refused.status != test.status {
					t.Fatalf("got %v, want status %d", err, test.status)
				}
				if strings.Contains(test.name, "version") && refused.header.Get("Sec-Websocket-Version") != "13, 8" {
					t.Errorf("got header %v", refused.header)
				}
			})
		}
	}
	t.Run("POST with a session", func(t *testing.T) {
		_, err := h.tryWebSocket("EIO=4&transport=websocket&sid="+polling.ID(), "method", "POST")
		var refused *refusedError
		if !errors.As(err, &refused) || refused.status != http.StatusMethodNotAllowed {
			t.Errorf("got %v", err)
		}
	})
	t.Run("polling with a session", func(t *testing.T) {
		_, err := h.tryWebSocket("EIO=4&transport=polling&sid=" + polling.ID())
		var refused *refusedError
		if !errors.As(err, &refused) || refused.status != http.StatusBadRequest {
			t.Errorf("got %v", err)
		}
	})
	if n := h.Len(); n != 1 {
		t.Errorf("%d sessions, want 1", n)
	}
}

func TestOpenPacket(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name               string
		opts               engine.ServerOptions
		polling, webSocket string // with %s for the session ID
	}{
		{"defaults", engine.ServerOptions{},
			`0{"sid":"%s","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}`,
			`0{"sid":"%s","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}`},
		{"no upgrades", engine.ServerOptions{DisableUpgrades: true, MaxPayload: 5},
			`0{"sid":"%s","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":5}`,
			`0{"sid":"%s","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":5}`},
		{"polling only", engine.ServerOptions{Transports: []engine.Transport{engine.Polling}},
			`0{"sid":"%s","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}`, ""},
		{"WebSocket only", engine.ServerOptions{Transports: []engine.Transport{engine.WebSocket}},
			"", `0{"sid":"%s","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := start(t, &test.opts)
			r := h.request("GET", "EIO=4&transport=polling", "")
			if test.polling == "" {
				wantReply(t, r, 400, `{"code":0,"message":"Transport unknown"}`)
			} else {
				s := receive(t, h.sessions, "the session")
				wantReply(t, r, 200, fmt.Sprintf(test.polling, s.ID()))
				if s.Transport() != engine.Polling || s.Protocol() != 4 || len(s.ID()) != 20 {
					t.Errorf("got %q, %d, %q", s.Transport(), s.Protocol(), s.ID())
				}
			}
			p, err := h.tryWebSocket("EIO=4&transport=websocket")
			if test.webSocket == "" {
				if err == nil {
					t.Error("WebSocket was accepted")
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			s := receive(t, h.sessions, "the session")
			p.want(fmt.Sprintf(test.webSocket, s.ID()))
			if s.Transport() != engine.WebSocket {
				t.Errorf("got transport %q, want %v", s.Transport(), engine.WebSocket)
			}
		})
	}
}

func TestInitialMessage(t *testing.T) {
	t.Parallel()
	h := start(t, &engine.ServerOptions{InitialMessage: []byte("héllo")})
	r := h.request("GET", "EIO=4&transport=polling", "")
	if _, second, _ := strings.Cut(r.body, "\x1e"); second != "4héllo" {
		t.Errorf("got %q", r.body)
	}
	receive(t, h.sessions, "the session")
	h.websocket().want("4héllo")
}

// Messages that OnConnect sends follow the open packet in the same response.
func TestSendInOnConnect(t *testing.T) {
	t.Parallel()
	large := strings.Repeat("x", 100_000) // more than a corked connection holds back
	h := start(t, &engine.ServerOptions{OnConnect: func(c *engine.Conn) engine.Handler {
		for _, m := range []string{"a", large, "b"} {
			if err := c.Send(engine.NewTextMessage([]byte(m)), 0); err != nil {
				t.Error(err)
			}
		}
		return nil
	}})
	r := h.request("GET", "EIO=4&transport=polling", "")
	if packets := strings.Split(r.body, "\x1e"); !slices.Equal(packets[1:], []string{"4a", "4" + large, "4b"}) {
		t.Errorf("got %d packets in %d bytes", len(packets), len(r.body))
	}
	p := h.dialWebSocket("EIO=4&transport=websocket")
	openSID(t, p.read())
	p.want("4a")
	p.want("4" + large)
	p.want("4b")
}

func TestGenerateID(t *testing.T) {
	t.Parallel()
	ids := make(chan string, 10)
	h := start(t, &engine.ServerOptions{
		GenerateID: func(*http.Request) (string, error) { return <-ids, nil },
		Cookie:     engine.SessionCookie(),
	})
	ids <- "first"
	first := h.poll()
	if first.ID() != "first" {
		t.Errorf("got ID %q, want %q", first.ID(), "first")
	}
	// The second owner of an ID is refused, and receives nothing of the first.
	ids <- "first"
	r := h.request("GET", "EIO=4&transport=polling", "")
	wantReply(t, r, 400, `{"code":3,"message":"Bad request"}`)
	if c := r.header.Get("Set-Cookie"); c != "" {
		t.Errorf("got cookie %q of another session, want %q", c, "")
	}
	if e := h.lastRefusal(); e.Context["name"] != "ID_GENERATION_ERROR" {
		t.Errorf("got context %v", e.Context)
	}
	ids <- "first"
	if _, err := h.tryWebSocket("EIO=4&transport=websocket"); err == nil {
		t.Error("a WebSocket got the ID of another session")
	}
	first.post("4hello")
	first.wantMessage(t, "hello")

	first.drop()
	first.want("6")
	ids <- "first"
	h.poll()
}

// If two concurrent handshakes get the same ID, one succeeds. An ID that the client
// could not send back opens no session.
func TestGenerateUnusableID(t *testing.T) {
	t.Parallel()
	logged := new(lineCounter)
	var id string
	h := start(t, &engine.ServerOptions{
		GenerateID: func(*http.Request) (string, error) { return id, nil },
		Logger:     logged.logger(),
	})
	for _, id = range []string{"", "\xff"} {
		wantReply(t, h.request("GET", "EIO=4&transport=polling", ""), 400, `{"code":3,"message":"Bad request"}`)
		if e := h.lastRefusal(); e == nil || e.Context["name"] != "ID_GENERATION_ERROR" {
			t.Errorf("ID %q: refusal %v", id, e)
		}
		var refused *refusedError
		if _, err := h.tryWebSocket("EIO=4&transport=websocket"); !errors.As(err, &refused) || refused.status != 400 {
			t.Errorf("ID %q over WebSocket: %v", id, err)
		}
	}
	if n := h.Len(); n != 0 {
		t.Errorf("%d sessions were opened, want 0", n)
	}
	if n := logged.count("GenerateID"); n != 1 {
		t.Errorf("%d warnings, want 1", n)
	}
}

func TestGenerateIDRace(t *testing.T) {
	t.Parallel()
	h := start(t, &engine.ServerOptions{
		GenerateID: func(*http.Request) (string, error) { return "same", nil },
	})
	var wg sync.WaitGroup
	var mu sync.Mutex
	accepted := 0
	for i := range 20 {
		wg.Go(func() {
			ok := false
			if i%2 == 0 {
				r, err := h.try("GET", "EIO=4&transport=polling", "")
				ok = err == nil && r.status == 200
			} else if p, err := h.tryWebSocket("EIO=4&transport=websocket"); err == nil {
				// One that was taken over already is closed with a frame.
				_, err = p.tryRead()
				var ce *ws.CloseError
				if ok = err == nil; !ok && (!errors.As(err, &ce) || ce.Code != ws.CloseGoingAway) {
					t.Errorf("a WebSocket ended with %v", err)
				}
			}
			mu.Lock()
			defer mu.Unlock()
			if ok {
				accepted++
			}
		})
	}
	wg.Wait()
	if accepted != 1 || len(h.sessions) != 1 {
		t.Errorf("%d handshakes were accepted and %d sessions made", accepted, len(h.sessions))
	}
}

func TestNewID(t *testing.T) {
	t.Parallel()
	seen := make(map[string]bool)
	for range 10_000 {
		id := engine.NewID()
		if len(id) != 20 || strings.Trim(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			t.Fatalf("bad ID %q", id)
		}
		if seen[id] || seen[id[:16]] {
			t.Fatalf("ID %q is not unique, or its random part is not", id)
		}
		seen[id], seen[id[:16]] = true, true
	}
}

func TestMaxHandshakes(t *testing.T) {
	t.Parallel()
	entered, release := make(chan struct{}, 10), make(chan struct{})
	h := start(t, &engine.ServerOptions{
		MaxHandshakes: 2,
		AllowRequest: func(r *http.Request) error {
			if r.Header.Get("X-Slow") != "" {
				entered <- struct{}{}
				<-release
			}
			return nil
		},
	})
	established := h.poll()
	done := make(chan reply, 2)
	for range 2 {
		go func() {
			r, _ := h.try("GET", "EIO=4&transport=polling", "", "X-Slow", "1")
			done <- r
		}()
		receive(t, entered, "a handshake to begin")
	}
	r := h.request("GET", "EIO=4&transport=polling", "")
	wantReply(t, r, 503, `{"code":3,"message":"Service unavailable"}`)
	if r.header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	established.post("4hello")
	established.wantMessage(t, "hello")
	close(release)
	for range 2 {
		if r := receive(t, done, "a slow handshake"); r.status != 200 {
			t.Errorf("got %d %s, want 200", r.status, r.body)
		}
	}
	h.request("GET", "EIO=4&transport=polling", "")
	if n := h.Len(); n != 4 {
		t.Errorf("%d sessions, want 4", n)
	}
}
