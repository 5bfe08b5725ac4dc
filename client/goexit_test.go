package client_test

import (
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed96b07ef8/socketio/client"
	"github.com/seed96b07ef8/socketio/parser"
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

// exitingCodec ends the goroutine that makes its first decoders.
type exitingCodec struct {
	parser.Codec
	exits *atomic.Int32
}

func (c exitingCodec) NewDecoder(l parser.Limits) parser.Decoder {
	if c.exits.Add(-1) >= 0 {
		runtime.Goexit()
	}
	return c.Codec.NewDecoder(l)
}

// An attempt to connect that ends its goroutine is a failed one.
func TestAttemptThatEndsTheGoroutine(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		codec := exitingCodec{parser.JSON, new(atomic.Int32)}
		codec.exits.Store(3)
		_, c := bubble(t, nil, func(o *client.Options) { o.Codec, o.ReconnectAttempts = codec, 2 })
		var failed list[error]
		var gaveUp atomic.Int32
		c.Manager().OnError(func(err error) { failed.add(err) })
		c.Manager().OnReconnectFailed(func() { gaveUp.Add(1) })
		if err := c.Connect(within(t)); err == nil || c.Active() {
			t.Fatalf("Connect returned %v, and active is %v, want an error and false", err, c.Active())
		}
		codec.exits.Store(3)
		if err := c.Open(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if c.Active() || gaveUp.Load() != 1 || len(failed.get()) != 4 {
			t.Errorf("active is %v after %d errors, and OnReconnectFailed was called %d times, want false, 4 and 1", c.Active(), len(failed.get()), gaveUp.Load())
		}
		codec.exits.Store(1)
		if err := c.Open(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if !c.Connected() {
			t.Error("the socket is not connected after an attempt that ended its goroutine")
		}
	})
}
