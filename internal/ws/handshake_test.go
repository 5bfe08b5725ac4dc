package ws_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/seed96b07ef8/socketio/internal/ws"
)

// request returns the handshake of RFC 6455, section 1.3, with changes: pairs of
// name and value, where an empty value removes the header.
func request(changes ...string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set("Connection", "Upgrade")
	r.Header.Set("Upgrade", "websocket")
	r.Header.Set("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
	r.Header.Set("Sec-WebSocket-Version", "13")
	for i := 0; i < len(changes); i += 2 {
		if changes[i+1] == "" {
			r.Header.Del(changes[i])
		} else {
			r.Header.Set(changes[i], changes[i+1])
		}
	}
	return r
}

func TestCheck(t *testing.T) {
	t.Parallel()
	post := request()
	post.Method = http.MethodPost
	http10 := request()
	http10.ProtoMajor, http10.ProtoMinor = 1, 0
	http2 := request()
	http2.ProtoMajor, http2.ProtoMinor = 2, 0
	for _, test := range []struct {
		name   string
		r      *http.Request
		status int // 0: accepted
	}{
		{"good", request(), 0},
		{"version 8", request("Sec-WebSocket-Version", "8"), 0},
		{"lists and cases", request("Connection", "keep-alive, UPGRADE", "Upgrade", "foo, WebSocket"), 0},
		{"POST", post, 405},
		{"HTTP/1.0", http10, 505},
		{"HTTP/2", http2, 505},
		{"no Connection", request("Connection", ""), 400},
		{"other Connection", request("Connection", "keep-alive"), 400},
		{"no Upgrade", request("Upgrade", ""), 400},
		{"Upgrade h2c", request("Upgrade", "h2c"), 400},
		{"Upgrade websockets", request("Upgrade", "websockets"), 400},
		{"no version", request("Sec-WebSocket-Version", ""), 400},
		{"version 12", request("Sec-WebSocket-Version", "12"), 400},
		{"version 130", request("Sec-WebSocket-Version", "130"), 400},
		{"no key", request("Sec-WebSocket-Key", ""), 400},
		{"short key", request("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25j"), 400},
		{"long key", request("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="+"AAAA"), 400},
		{"key that is no base64", request("Sec-WebSocket-Key", "!!!!!!!!!!!!!!!!!!!!!!=="), 400},
	} {
		t.Run(test.name, func(t *testing.T) {
			err := ws.Check(test.r)
			var he *ws.HandshakeError
			switch {
			case test.status == 0:
				if err != nil {
					t.Errorf("refused: %v", err)
				}
			case !errors.As(err, &he) || he.Status != test.status:
				t.Errorf("got %v, want status %d", err, test.status)
			case he.Reason == "" || !strings.Contains(he.Error(), he.Reason):
				t.Errorf("got reason %q and text %q", he.Reason, he.Error())
			}
		})
	}
}

// upgrade performs the handshake r with a real server and returns the head of
// the response; more is sent directly after the request.
func upgrade(t *testing.T, r *http.Request, more string, header http.Header, deflate bool) (*http.Response, *ws.Upgraded) {
	t.Helper()
	upgraded := make(chan *ws.Upgraded, 1)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		u, err := ws.Upgrade(w, r, header, deflate, time.Minute)
		if err != nil {
			t.Errorf("Upgrade: %v", err)
		}
		upgraded <- u
	}))
	t.Cleanup(s.Close)
	conn, err := net.Dial("tcp", s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := r.Write(&b); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, b.String()+more); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), r)
	if err != nil {
		t.Fatal(err)
	}
	u := <-upgraded
	t.Cleanup(func() { u.Conn.Close() })
	return resp, u
}

func TestUpgrade(t *testing.T) {
	t.Parallel()
	header := http.Header{"X-Own": {"a", "b"}, "X-Split": {"x\r\nInjected: yes"}}
	resp, u := upgrade(t, request(), "early", header, true)
	for name, want := range map[string]string{
		"Upgrade":                  "websocket",
		"Connection":               "Upgrade",
		"Sec-Websocket-Accept":     "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", // RFC 6455, section 1.3
		"Sec-Websocket-Protocol":   "",
		"Sec-Websocket-Extensions": "",
		"Injected":                 "",
	} {
		if got := resp.Header.Get(name); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	if resp.StatusCode != http.StatusSwitchingProtocols {
		t.Errorf("got status %s", resp.Status)
	}
	if got := resp.Header.Values("X-Own"); len(got) != 2 {
		t.Errorf("the header was not added: %q", got)
	}
	if u.Deflate {
		t.Error("deflate without an offer")
	}
	// Depending on the TCP segments, the bytes are here or still to be read.
	early := u.Early
	for len(early) < 5 {
		b := make([]byte, 5)
		n, err := u.Conn.Read(b)
		if err != nil {
			t.Fatal(err)
		}
		early = append(early, b[:n]...)
	}
	if string(early) != "early" {
		t.Errorf("got %q behind the request", early)
	}
}

func TestUpgradeWithoutHijacker(t *testing.T) {
	t.Parallel()
	_, err := ws.Upgrade(httptest.NewRecorder(), request(), http.Header{}, false, time.Minute)
	var he *ws.HandshakeError
	if !errors.As(err, &he) || he.Status != http.StatusInternalServerError {
		t.Errorf("got %v", err)
	}
}

func TestSubprotocol(t *testing.T) {
	t.Parallel()
	for offer, want := range map[string]string{
		"chat":                       "chat",
		"chat, superchat":            "chat",
		" a.b+c ,x":                  "a.b+c",
		`"quoted"`:                   "",
		"with space":                 "",
		"(comment)":                  "",
		",second":                    "",
		"a\x80":                      "",
		"x;y":                        "",
		strings.Repeat("a,", 10_000): "a",
	} {
		t.Run(fmt.Sprintf("%.20q", offer), func(t *testing.T) {
			resp, _ := upgrade(t, request("Sec-WebSocket-Protocol", offer), "", nil, false)
			if got := resp.Header.Get("Sec-Websocket-Protocol"); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
}

func TestDeflateNegotiation(t *testing.T) {
	t.Parallel()
	const answer = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
	for _, test := range []struct {
		offer   string
		enabled bool
		want    string
	}{
		{"permessage-deflate", true, answer},
		{"permessage-deflate", false, ""},
		{"permessage-deflate; client_max_window_bits", true, answer},
		{"permessage-deflate; client_max_window_bits=10", true, answer},
		{"permessage-deflate; server_no_context_takeover; client_no_context_takeover", true, answer},
		{"x-webkit-deflate-frame, permessage-deflate", true, answer},
		{"permessage-deflate; server_max_window_bits=10", true, ""},
		{"permessage-deflate; server_max_window_bits=10, permessage-deflate", true, answer},
		{"permessage-deflate; unheard_of", true, ""},
		{"permessage-deflated", true, ""},
		{"", true, ""},
		{";;;,,,;=", true, ""},
	} {
		t.Run(fmt.Sprintf("%q/%v", test.offer, test.enabled), func(t *testing.T) {
			resp, u := upgrade(t, request("Sec-WebSocket-Extensions", test.offer), "", nil, test.enabled)
			if got := resp.Header.Get("Sec-Websocket-Extensions"); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
			if u.Deflate != (test.want != "") {
				t.Errorf("Deflate is %v", u.Deflate)
			}
		})
	}
}
