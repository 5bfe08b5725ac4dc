package client_test

import (
	"runtime"
	"testing"

	"github.com/seed96b07ef8/socketio/client"
	"github.com/seed96b07ef8/socketio/socketiotest"
)

func TestSharing(t *testing.T) {
	t.Parallel()
	o, other := new(client.Options), new(client.Options)
	first := client.New("http://Example.test/a", o)
	for _, test := range []struct {
		name   string
		url    string
		opts   *client.Options
		shared bool
	}{
		{"another namespace", "http://example.test:80/b", o, true},
		{"the main namespace", "ws://example.test", o, true},
		{"the same namespace", "http://example.test/a", o, false},
		{"other options", "http://example.test/c", other, false},
		{"no options", "http://example.test/c", nil, false},
		{"another query", "http://example.test/c?x=1", o, false},
		{"another host", "http://www.example.test/c", o, false},
		{"another port", "http://example.test:81/c", o, false},
		{"another scheme", "https://example.test/c", o, false},
		{"another user", "http://u@example.test/c", o, false},
	} {
		if got := client.New(test.url, test.opts).Manager() == first.Manager(); got != test.shared {
			t.Errorf("%s: shared %v", test.name, got)
		}
	}
	a, b := client.New("http://example.test/a", nil), client.New("http://example.test/b", nil)
	if a.Manager() != b.Manager() {
		t.Error("without options nothing is shared")
	}
	lonely := &client.Options{ForceNew: true}
	if client.New("http://example.test/a", lonely).Manager() == client.New("http://example.test/b", lonely).Manager() {
		t.Error("ForceNew shares")
	}
	first.Manager().Close()
	if again := client.New("http://example.test/a", o); again.Manager() == first.Manager() || again.Open() != nil {
		t.Error("a manager that was closed is used again")
	} else {
		again.Manager().Close()
	}
}

// The cache keeps no unused manager alive, whatever its options refer to.
func TestCacheDoesNotLeak(t *testing.T) {
	before := collected()
	for range 100 {
		o := new(client.Options)
		c := client.New("http://example.test", o)
		o.Logger = nil
		c.OnConnect(func() { _ = c.Connected() })
		c.On("e", func() { _ = o.Path })
	}
	for range 100 {
		client.New("http://example.test", new(client.Options)).Manager().Close()
	}
	if client.Cached() < before+10 {
		t.Logf("only %d are there", client.Cached())
	}
	socketiotest.WaitFor(t, "the cache to be empty", func() bool { return collected() <= before })
}

func collected() int {
	runtime.GC()
	return client.Cached()
}
