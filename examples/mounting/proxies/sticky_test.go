//go:build linux

package proxies

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/seed96b07ef8/socketio/engine"
	"github.com/seed96b07ef8/socketio/examples/mounting/app"
	"github.com/seed96b07ef8/socketio/examples/mounting/internal/mountingtest"
)

var env mountingtest.Env

func TestMain(m *testing.M) { os.Exit(mountingtest.Main(m, "..", &env)) }

// newHandler is the simplest there is; the routers have tests of their own.
func newHandler(a *app.App) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /login", a.Login)
	mux.Handle("/socket.io/", a)
	return a.Sessions(mux)
}

// serve runs two servers, called one and two.
func serve(t *testing.T, opts app.Options) []*mountingtest.Server {
	t.Helper()
	opts.Key = []byte("the same for both")
	servers := make([]*mountingtest.Server, 2)
	for i, name := range []string{"one", "two"} {
		opts.Name = name
		servers[i] = mountingtest.Serve(t, newHandler, opts, nil)
	}
	return servers
}

// each runs a test with each proxy.
func each(t *testing.T, test func(t *testing.T, p proxy)) {
	t.Parallel()
	for _, p := range proxies {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			test(t, p)
		})
	}
}

// dial returns how the client with the given number connects. nginx distributes
// clients by the first three bytes of their addresses.
func dial(url string, transports []string, i int) mountingtest.Dialer {
	return mountingtest.Dialer{URL: url, Transports: transports, From: fmt.Sprintf("127.0.%d.1", i+1)}
}

// connect logs in and connects.
func connect(t *testing.T, d mountingtest.Dialer) *mountingtest.Client {
	t.Helper()
	d.Cookie = env.Node.Login(t, d, "ada")
	return env.Node.Connect(t, d)
}

func whoami(t *testing.T, c *mountingtest.Client) (id app.Identity) {
	t.Helper()
	c.Ask(t, &id, "whoami")
	return id
}

// Sticky proxies keep a client at one server, over every transport, and distribute
// different clients.
func TestSticky(t *testing.T) {
	each(t, func(t *testing.T, p proxy) {
		proxy := p.start(t, serve(t, app.Options{TrustProxy: true}))
		for _, url := range []string{proxy.http, proxy.https} {
			scheme, _, _ := strings.Cut(url, ":")
			for _, mode := range mountingtest.Modes {
				t.Run(scheme+"/"+mode.Name, func(t *testing.T) {
					used := make(map[string]int)
					for i := range 8 {
						d := dial(url, mode.Transports, i)
						c := connect(t, d)
						first := whoami(t, c)
						if len(mode.Transports) > 1 {
							c.AwaitUpgrade(t)
						}
						for range 3 {
							want := app.Identity{User: "ada", Server: first.Server, Transport: mode.Final, Address: d.From}
							if got := whoami(t, c); got != want {
								t.Errorf("got %+v, want %+v", got, want)
							}
						}
						used[first.Server]++
					}
					if used["one"] == 0 || used["two"] == 0 {
						t.Errorf("the servers have %v clients, want some for each", used)
					}
				})
			}
		}
	})
}

// Browsers poll over HTTP/2 when the proxy offers it.
func TestHTTP2(t *testing.T) {
	each(t, func(t *testing.T, p proxy) {
		proxy := p.start(t, serve(t, app.Options{TrustProxy: true}))
		transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: env.Cert.Roots}, ForceAttemptHTTP2: true}
		t.Cleanup(transport.CloseIdleConnections)
		for range 4 { // haproxy's turns, were it not sticky
			poller := mountingtest.Poller{
				Client: &http.Client{Transport: transport},
				URL:    proxy.https + "/socket.io/",
				Cookie: env.Node.Login(t, mountingtest.Dialer{URL: proxy.https}, "ada"),
				Proto:  "HTTP/2.0",
			}
			poller.Open(t)
			poller.Post(t, `420["whoami"]`)
			if got := poller.Get(t); !strings.HasPrefix(got, `430[{"user":"ada"`) {
				t.Errorf("got %q", got)
			}
			poller.Close(t)
		}
	})
}

// Without stickiness polling fails, and so does what begins with it, with an error
// that says what is wrong. Clients that use nothing but WebSockets do not care.
func TestNotSticky(t *testing.T) {
	each(t, func(t *testing.T, p proxy) {
		proxy := p.start(t, serve(t, app.Options{TrustProxy: true}), change{p.sticky, ""})
		for _, mode := range mountingtest.Modes {
			t.Run(mode.Name, func(t *testing.T) {
				d := dial(proxy.http, mode.Transports, 0)
				d.Cookie = env.Node.Login(t, d, "ada")
				if mode.Transports[0] == "websocket" {
					used := make(map[string]int)
					for range 4 {
						c := env.Node.Connect(t, d)
						first := whoami(t, c)
						for range 3 {
							if got := whoami(t, c); got != first {
								t.Errorf("got %+v, was %+v", got, first)
							}
						}
						used[first.Server]++
					}
					if used["one"] == 0 || used["two"] == 0 {
						t.Errorf("the servers have %v clients, want some for each", used)
					}
					return
				}
				_, problem := env.Node.TryConnect(t, d)
				const body = `{"code":1,"message":"Session ID unknown"}`
				if problem.Message != "xhr poll error" && problem.Message != "xhr post error" ||
					problem.Status != http.StatusBadRequest || problem.Body != body {
					t.Errorf("got %+v, want a failed request with status 400 and the answer %s", problem, body)
				}
			})
		}
	})
}

// Behind a proxy that terminates TLS, the server knows by X-Forwarded-Proto that a
// page from https is its own.
func TestForwardedProto(t *testing.T) {
	each(t, func(t *testing.T, p proxy) {
		for _, trust := range []bool{true, false} {
			proxy := p.start(t, serve(t, app.Options{TrustProxy: trust}))
			for _, mode := range mountingtest.Modes {
				t.Run(fmt.Sprintf("trust %v/%s", trust, mode.Name), func(t *testing.T) {
					d := dial(proxy.https, mode.Transports, 0)
					d.Cookie = env.Node.Login(t, d, "ada")
					d.Origin = proxy.https
					_, problem := env.Node.TryConnect(t, d)
					if refused := problem.Message != ""; refused == trust {
						t.Errorf("same origin: got %+v", problem)
					}
					d.Origin = strings.Replace(proxy.https, "https", "http", 1)
					_, problem = env.Node.TryConnect(t, d)
					if refused := problem.Message != ""; refused != trust {
						t.Errorf("same host, other scheme: got %+v", problem)
					}
				})
			}
		}
	})
}

// When a server shuts down gracefully, its clients connect to the other one.
func TestRestart(t *testing.T) {
	each(t, func(t *testing.T, p proxy) {
		for _, mode := range mountingtest.Modes {
			t.Run(mode.Name, func(t *testing.T) {
				t.Parallel()
				servers := serve(t, app.Options{TrustProxy: true})
				proxy := p.start(t, servers)
				var clients []*mountingtest.Client
				var affected []bool
				for i := range 6 {
					d := dial(proxy.http, mode.Transports, i)
					d.Reconnect = true
					c := connect(t, d)
					if len(mode.Transports) > 1 {
						c.AwaitUpgrade(t)
					}
					clients = append(clients, c)
					affected = append(affected, whoami(t, c).Server == "one")
				}
				servers[0].Stop()
				for i, c := range clients {
					if affected[i] {
						var reason []string
						c.Next(t, &reason, "disconnect")
						c.Next(t, nil, "connect")
					}
					if got := whoami(t, c); got.Server != "two" || got.User != "ada" {
						t.Errorf("client %d: got %+v", i, got)
					}
				}
				if got := whoami(t, connect(t, dial(proxy.http, mode.Transports, 0))); got.Server != "two" {
					t.Errorf("a new client: got %+v", got)
				}
			})
		}
	})
}

// The proxy's timeout has to be longer than the heartbeat's interval: then the
// heartbeat keeps connections open, however short it is.
func TestReadTimeout(t *testing.T) {
	shorter := map[string]change{
		"nginx":   {"proxy_read_timeout 60s;", "proxy_read_timeout 1s;"},
		"haproxy": {"       60s", "       1s"}, // client, server and tunnel
	}
	each(t, func(t *testing.T, p proxy) {
		for _, test := range []struct {
			name     string
			interval time.Duration
			keeps    bool
		}{
			{"heartbeat", 400 * time.Millisecond, true},
			{"no heartbeat", 25 * time.Second, false},
		} {
			for _, mode := range mountingtest.Modes {
				t.Run(test.name+"/"+mode.Name, func(t *testing.T) {
					t.Parallel()
					proxy := p.start(t, serve(t, app.Options{TrustProxy: true, PingInterval: test.interval}), shorter[p.name])
					c := connect(t, dial(proxy.http, mode.Transports, 0))
					if !test.keeps {
						c.Next(t, nil, "disconnect")
						return
					}
					for range 4 { // longer than the timeout
						c.Next(t, nil, "ping")
					}
					if got := whoami(t, c); got.Transport == engine.Polling != (mode.Name == "polling") {
						t.Errorf("got %+v", got)
					}
				})
			}
		}
	})
}

// What the documentation shows is what is tested.
func TestDocumentation(t *testing.T) {
	doc, err := os.ReadFile(filepath.FromSlash("../../../docs/deployment.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range proxies {
		config, err := os.ReadFile(p.file)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(doc), "\n"+string(config)+"```") {
			t.Errorf("docs/deployment.md does not have examples/mounting/proxies/%s as it is", p.file)
		}
	}
}
