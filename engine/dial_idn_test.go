package engine_test

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/url"
	"testing"

	"github.com/seed96b07ef8/socketio/engine"
)

// Over each transport, the names of hosts and proxies are dialed, and sent in TLS, in
// ASCII.
func TestDialInternationalNames(t *testing.T) {
	t.Parallel()
	const name, ascii = "bücher.example", "xn--bcher-kva.example"
	errSeen := errors.New("seen")
	direct := func(*http.Request) (*url.URL, error) { return nil, nil }
	for _, transport := range []engine.Transport{engine.Polling, engine.WebSocket} {
		for _, test := range []struct{ url, proxy, addr string }{
			{"http://" + name, "", ascii + ":80"},
			{"http://" + name + ":8080/path/", "", ascii + ":8080"},
			{"https://" + name, "", ascii + ":443"},
			{"http://other.example", "http://" + name, ascii + ":80"},
			{"http://other.example", "socks5://" + name, ascii + ":1080"},
		} {
			var addr string
			o := &engine.DialOptions{
				Transports: []engine.Transport{transport},
				Proxy:      direct,
				DialContext: func(_ context.Context, _, a string) (net.Conn, error) {
					addr = a
					return nil, errSeen
				},
			}
			if test.proxy != "" {
				proxy, err := url.Parse(test.proxy)
				if err != nil {
					t.Fatal(err)
				}
				o.Proxy = http.ProxyURL(proxy)
			}
			if _, err := engine.Dial(t.Context(), test.url, o, nil); !errors.Is(err, errSeen) {
				t.Errorf("%s to %s: got %v, want %v", transport, test.url, err, errSeen)
			}
			if addr != test.addr {
				t.Errorf("%s to %s by way of %q: dialed %q, want %q", transport, test.url, test.proxy, addr, test.addr)
			}
		}

		asked := make(chan string, 1)
		l := listen(t, func(nc net.Conn) {
			secured := tls.Server(nc, &tls.Config{GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
				asked <- hello.ServerName
				return nil, errSeen
			}})
			_ = secured.Handshake() // the name is all that is wanted
		})
		o := &engine.DialOptions{
			Transports:  []engine.Transport{transport},
			Proxy:       direct,
			DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return dialer(l)(ctx) },
		}
		if _, err := engine.Dial(t.Context(), "https://"+name, o, nil); err == nil {
			t.Errorf("%s: Dial succeeded, want an error", transport)
		}
		if got := receive(t, asked, "the handshake of TLS"); got != ascii {
			t.Errorf("%s: TLS asks for %q, want %q", transport, got, ascii)
		}
	}
}
