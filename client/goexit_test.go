package client_test

import (
	"runtime"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/seed96b07ef8/socketio/client"
)

// A function that ends its goroutine does not keep the later functions of its list, or
// the functions of sockets, from being called.
func TestFunctionsAfterOneThatEndsItsGoroutine(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStalling(t)
		c := s.client(t)
		m := c.Manager()
		var called list[string]
		for range 2 {
			note := func(name string) { called.add(name); runtime.Goexit() }
			m.OnOpen(func() { note("open") })
			c.OnConnect(func() { note("connect") })
			c.OnDisconnect(func(client.Reason, error) { note("disconnect") })
			m.OnClose(func(client.Reason, error) { note("close") })
		}
		connect(t, c)
		synctest.Wait()
		c.Disconnect()
		synctest.Wait()
		all := called.get()
		slices.Sort(all)
		want := []string{"close", "close", "connect", "connect", "disconnect", "disconnect", "open", "open"}
		if !slices.Equal(all, want) {
			t.Errorf("called %q, want %q", all, want)
		}
	})
}

// leaver is a value whose encoding ends the goroutine.
type leaver struct{}

func (leaver) MarshalJSON() ([]byte, error) { runtime.Goexit(); return nil, nil }

// Credentials whose encoding ends the goroutine are a failure to connect.
func TestCredentialsThatEndTheGoroutine(t *testing.T) {
	t.Parallel()
	srv := overWebSocket.serve(t, nil)
	c := overWebSocket.client(t, srv, "/", func(o *client.Options) { o.Auth = leaver{} })
	errorAs[*client.AuthError](t, c.Connect(within(t)))
}
