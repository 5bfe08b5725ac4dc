package main

import (
	"context"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/seed96b07ef8/socketio/examples/mounting/app"
	"github.com/seed96b07ef8/socketio/examples/mounting/internal/mountingtest"
)

// Timeouts of the HTTP server do not end what takes long by its nature: a poll that
// waits, and a WebSocket. Socket.IO has a deadline for each step of them.
func TestServerTimeouts(t *testing.T) {
	const timeout, longer = 200 * time.Millisecond, 600 * time.Millisecond
	for _, test := range []struct {
		name        string
		read, write time.Duration
	}{
		{"ReadTimeout", timeout, 0},
		{"WriteTimeout", 0, timeout},
		{"both", timeout, timeout},
	} {
		for _, version := range []string{"HTTP/1.1", "HTTP/2.0"} {
			t.Run(test.name+"/"+version, func(t *testing.T) {
				t.Parallel()
				a := app.New(app.Options{PingInterval: longer})
				s := httptest.NewUnstartedServer(newHandler(a))
				s.Config.ReadTimeout, s.Config.WriteTimeout = test.read, test.write
				s.EnableHTTP2 = version == "HTTP/2.0"
				s.TLS = env.Cert.Server.Clone()
				s.StartTLS()
				t.Cleanup(func() {
					if err := a.Shutdown(context.Background()); err != nil {
						t.Error(err)
					}
					s.Close()
				})
				cookie := env.Node.Login(t, mountingtest.Dialer{URL: s.URL}, "ada")

				t.Run("poll", func(t *testing.T) {
					t.Parallel()
					p := mountingtest.Poller{Client: s.Client(), URL: s.URL + "/socket.io/", Cookie: cookie, Proto: version}
					p.Open(t)
					if got := p.Get(t); got != "2" {
						t.Errorf("got %q, want a ping", got)
					}
					p.Close(t)
				})
				if s.EnableHTTP2 {
					return // there are no WebSockets over it, nor is Node's client
				}
				for _, mode := range mountingtest.Modes {
					t.Run(mode.Name, func(t *testing.T) {
						t.Parallel()
						c := env.Node.Connect(t, mountingtest.Dialer{URL: s.URL, Transports: mode.Transports, Cookie: cookie})
						c.Next(t, nil, "ping")
						c.Next(t, nil, "ping")
						var got app.Identity
						c.Ask(t, &got, "whoami")
						if got.User != "ada" {
							t.Errorf("got %+v", got)
						}
					})
				}
			})
		}
	}
}
