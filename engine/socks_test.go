package engine_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/seed96b07ef8/socketio/engine"
)

// socksProxy is a SOCKS proxy that requires its user and password if they are set.
type socksProxy struct {
	login    string // in the form of RFC 1929
	mu       sync.Mutex
	connects []string
}

func (p *socksProxy) serve(nc net.Conn) {
	defer nc.Close()
	read := func(n int) string {
		b := make([]byte, n)
		_, _ = io.ReadFull(nc, b)
		return string(b)
	}
	write := func(s string) { _, _ = io.WriteString(nc, s) }
	methods := read(int(read(2)[1]))
	switch {
	case p.login == "":
		write("\x05\x00")
	case !strings.Contains(methods, "\x02"):
		write("\x05\xff")
		return
	default:
		write("\x05\x02")
		if read(len(p.login)) != p.login {
			write("\x01\x01")
			return
		}
		write("\x01\x00")
	}
	var host string
	switch read(4)[3] {
	case 1:
		host = net.IP(read(4)).String()
	case 3:
		host = read(int(read(1)[0]))
	case 4:
		host = net.IP(read(16)).String()
	}
	port := read(2)
	addr := net.JoinHostPort(host, fmt.Sprint(int(port[0])<<8|int(port[1])))
	p.mu.Lock()
	p.connects = append(p.connects, addr)
	p.mu.Unlock()
	there, err := net.Dial("tcp", addr)
	if err != nil {
		write("\x05\x05\x00\x01\x00\x00\x00\x00\x00\x00")
		return
	}
	write("\x05\x00\x00\x03\x04here\x00\x01")
	done := make(chan struct{})
	go func() {
		_, _ = io.Copy(there, nc)
		there.Close()
		close(done)
	}()
	_, _ = io.Copy(nc, there)
	nc.Close()
	<-done
}

// All transports go through SOCKS proxies, with and without a password.
func TestDialSocksProxy(t *testing.T) {
	t.Parallel()
	h, _, s := startRecorded(t, nil, (*httptest.Server).StartTLS)
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	for _, scheme := range []string{"socks5://", "socks5h://"} {
		for user, login := range map[string]string{"": "", "user:pass@": "\x01\x04user\x04pass"} {
			p := &socksProxy{login: login}
			addr := listen(t, p.serve)
			through, err := url.Parse(scheme + user + addr)
			if err != nil {
				t.Fatal(err)
			}
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
	}
}

// The requests to a SOCKS proxy, and possible responses.
func TestSocksAnswers(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 255)
	const ok = "0500"
	for name, test := range map[string]struct {
		url, user string
		want      string   // what the client sends after the greeting, in hexadecimal
		answers   []string // to the greeting and what follows, in hexadecimal
		text      string   // of the error; the connection is closed otherwise
	}{
		"IPv4":                {"http://1.2.3.4:80", "", "05010001010203040050", []string{ok, "05000001000000000000"}, "EOF"},
		"IPv6":                {"http://[::1]:443", "", "05010004" + strings.Repeat("00", 15) + "0101bb", []string{ok, "05000004" + strings.Repeat("00", 18)}, "EOF"},
		"name":                {"http://a.test:81", "", "0501000306612e746573740051", []string{ok, "05000003016100" + "00"}, "EOF"},
		"longest name":        {"http://" + long, "", "05010003ff" + hex.EncodeToString([]byte(long)) + "0050", []string{ok, "0502"}, "EOF"},
		"too long a name":     {"http://" + long + "x", "", "", nil, "255 bytes"},
		"refused":             {"http://a.test:81", "", "0501000306612e746573740051", []string{ok, "05020001"}, "not allowed by ruleset"},
		"unknown reply":       {"http://a.test:81", "", "0501000306612e746573740051", []string{ok, "05ff0001"}, "reply 255"},
		"unknown address":     {"http://a.test:81", "", "0501000306612e746573740051", []string{ok, "05000002"}, "not a SOCKS 5 response"},
		"other version":       {"http://a.test:81", "", "0501000306612e746573740051", []string{ok, "04000001"}, "not a SOCKS 5 response"},
		"no method":           {"http://a.test:81", "", "", []string{"05ff"}, "accepts neither"},
		"unasked method":      {"http://a.test:81", "", "", []string{"0502"}, "accepts neither"},
		"HTTP":                {"http://a.test:81", "", "", []string{"4854"}, "not a SOCKS 5 response"},
		"silence":             {"http://a.test:81", "", "", []string{"05"}, "EOF"},
		"wrong password":      {"http://a.test:81", "u:p", "0101750170", []string{"0502", "0101"}, "refuses the user"},
		"needs no password":   {"http://a.test:81", "u:p", "0501000306612e746573740051", []string{ok, "0501"}, "EOF"},
		"no password":         {"http://a.test:81", "u", "01017500", []string{"0502", "0101"}, "refuses the user"},
		"no user":             {"http://a.test:81", ":p", "", nil, "255 bytes"},
		"longest password":    {"http://a.test:81", "u:" + long, "010175ff" + hex.EncodeToString([]byte(long)), []string{"0502", "0101"}, "refuses the user"},
		"too long a password": {"http://a.test:81", "u:x" + long, "", nil, "255 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			got := make(chan string, 1)
			addr := listen(t, func(nc net.Conn) {
				defer nc.Close()
				head := make([]byte, 2)
				if _, err := io.ReadFull(nc, head); err != nil {
					return
				}
				_, _ = io.CopyN(io.Discard, nc, int64(head[1]))
				for i, answer := range test.answers {
					b, err := hex.DecodeString(answer)
					if err != nil {
						t.Error(err)
					}
					_, _ = nc.Write(b)
					if i == 0 && test.want != "" {
						said := make([]byte, len(test.want)/2)
						_, _ = io.ReadFull(nc, said)
						got <- hex.EncodeToString(said)
					}
				}
				// Unread bytes of the client must not turn the close into a reset.
				_ = nc.(*net.TCPConn).CloseWrite()
				_, _ = io.Copy(io.Discard, nc)
			})
			through := "socks5://" + addr
			if test.user != "" {
				through = "socks5://" + test.user + "@" + addr
			}
			_, err := engine.Dial(context.Background(), test.url, &engine.DialOptions{
				Transports: []engine.Transport{engine.WebSocket},
				Proxy:      func(*http.Request) (*url.URL, error) { return url.Parse(through) },
			}, nil)
			if err == nil || !strings.Contains(err.Error(), test.text) {
				t.Errorf("Dial: got error %v, want one with %q", err, test.text)
			}
			if test.want == "" {
				return
			}
			if said := receive(t, got, "the request"); said != test.want {
				t.Errorf("the client said %s, want %s", said, test.want)
			}
		})
	}
}
