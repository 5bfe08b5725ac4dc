package client_test

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/seed96b07ef8/socketio/client"
)

// uses are what the program may do with a socket that it then forgets.
var uses = map[string]func(t *testing.T, s *client.Socket){
	"On":                 func(_ *testing.T, s *client.Socket) { s.On("e", func() {}) },
	"Once":               func(_ *testing.T, s *client.Socket) { s.Once("e", func() {}) },
	"OnAny":              func(_ *testing.T, s *client.Socket) { s.OnAny(func(string, client.Args) {}) },
	"PrependAny":         func(_ *testing.T, s *client.Socket) { s.PrependAny(func(string, client.Args) {}) },
	"OnAnyOutgoing":      func(_ *testing.T, s *client.Socket) { s.OnAnyOutgoing(func(string, []any) {}) },
	"PrependAnyOutgoing": func(_ *testing.T, s *client.Socket) { s.PrependAnyOutgoing(func(string, []any) {}) },
	"OnConnect":          func(_ *testing.T, s *client.Socket) { s.OnConnect(func() {}) },
	"OnConnectError":     func(_ *testing.T, s *client.Socket) { s.OnConnectError(func(error) {}) },
	"OnDisconnect":       func(_ *testing.T, s *client.Socket) { s.OnDisconnect(func(client.Reason, error) {}) },
	"OnError":            func(_ *testing.T, s *client.Socket) { s.OnError(func(error) {}) },
	"OnDrain":            func(_ *testing.T, s *client.Socket) { s.OnDrain(func() {}) },
	"Emit": func(t *testing.T, s *client.Socket) {
		if err := s.Emit("e"); err != nil {
			t.Errorf("Emit: %v, want nil", err)
		}
	},
	"Open": func(t *testing.T, s *client.Socket) {
		if err := s.Open(); err != nil {
			t.Errorf("Open: %v, want nil", err)
		}
	},
}

// visit makes so many sockets that the manager does not keep those that are unused.
func visit(m *client.Manager) []*client.Socket {
	all := make([]*client.Socket, 200)
	for i := range all {
		all[i] = m.Socket(fmt.Sprint("/visited/", i), nil)
	}
	return all
}

// A manager keeps a socket that the program has used and forgotten, whatever the use was,
// and also if it did not keep the socket before.
func TestManagerKeepsSocketsInUse(t *testing.T) {
	t.Parallel()
	for name, use := range uses {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := client.NewManager("http://nowhere.test", nowhere())
			end(t, m)
			use(t, m.Socket("/before", nil))
			after := m.Socket("/after", nil)
			all := visit(m)
			if !m.Keeps("/before") {
				t.Error("a socket that is in use became idle")
			}
			if m.Keeps("/after") {
				t.Fatal("an unused socket did not become idle")
			}
			use(t, after)
			after = nil
			for range 5 {
				runtime.GC()
			}
			if !m.Keeps("/after") {
				t.Error("an idle socket that was used was forgotten")
			}
			runtime.KeepAlive(all)
		})
	}
}

// A manager keeps a socket with options, and one with events that wait for Retries.
func TestManagerKeepsSocketsWithOptions(t *testing.T) {
	t.Parallel()
	o := nowhere()
	o.Retries = 1
	m := client.NewManager("http://nowhere.test", o)
	end(t, m)
	m.Socket("/options", &client.SocketOptions{})
	if err := m.Socket("/retries", nil).Emit("e"); err != nil {
		t.Fatal(err)
	}
	all := visit(m)
	for _, namespace := range []string{"/options", "/retries"} {
		if !m.Keeps(namespace) {
			t.Errorf("the socket in %s became idle", namespace)
		}
	}
	runtime.KeepAlive(all)
}
