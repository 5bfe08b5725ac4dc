package client_test

import (
	"errors"
	"log/slog"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed96b07ef8/socketio/client"
	"github.com/seed96b07ef8/socketio/engine"
)

// An attempt that Disconnect ends has not failed: neither the log nor a function says so.
func TestDisconnectIsNotAFailedAttempt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log list[string]
		o := nothing()
		o.Logger = slog.New(logFunc(func(r slog.Record) { log.add(r.Message) }))
		c := client.New("http://example.test", o)
		defer c.Manager().Close()
		c.Manager().OnError(func(err error) { t.Errorf("OnError was called with %v, want no call", err) })
		c.OnConnectError(func(err error) { t.Errorf("OnConnectError was called with %v, want no call", err) })
		if err := c.Open(); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		c.Disconnect()
		synctest.Wait()
		if got := log.get(); slices.Contains(got, "client: attempt to connect failed") {
			t.Errorf("logged %q, want no failed attempt", got)
		}
	})
}

// A wrong option of the engine is found by the first attempt. No other would succeed, so
// there is none.
func TestWrongOptionEndsTheAttempts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := nowhere()
		o.Engine.Transports = []engine.Transport{"pigeon"}
		c := client.New("http://example.test", o)
		defer c.Manager().Close()
		var failures list[error]
		c.OnConnectError(func(err error) { failures.add(err) })
		c.Manager().OnReconnectAttempt(func(n int) { t.Errorf("attempt %d, want none", n) })
		if err := c.Open(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		got := failures.get()
		if len(got) != 1 || c.Active() {
			t.Fatalf("got errors %v, active %v, want one error, inactive", got, c.Active())
		}
		errorAs[*client.OptionError](t, got[0])
	})
}

// A question that was not sent yet outlives attempts to connect that fail: those to
// reconnect, for other attempts follow, and that of Connect, whose caller may try again.
func TestQuestionsOutliveFailedAttempts(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		connect, noReconnect bool
	}{
		"reconnecting":                 {connect: true},
		"Connect without reconnection": {noReconnect: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var fail func(n int)
				srv, c := bubble(t, nil, func(o *client.Options) {
					o.NoReconnect = test.noReconnect
					fail = failing(o)
				})
				notes(srv)
				if test.connect {
					connect(t, c)
					synctest.Wait()
				}
				fail(1)
				if test.connect {
					srv.Socket(c.ID()).Conn().Close()
					synctest.Wait()
				}
				answers := make(chan error, 1)
				go func() { answers <- second(client.Call[int](t.Context(), c, "n", 1)) }()
				synctest.Wait()
				if !test.connect {
					if err := c.Connect(t.Context()); err == nil {
						t.Fatal("the first attempt has succeeded, want an error")
					}
					connect(t, c)
				}
				if err := <-answers; err != nil {
					t.Errorf("got %v, want an answer", err)
				}
			})
		})
	}
}

// A connection that stands only when its socket was disconnected is closed.
func TestConnectionThatComesTooLate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t, nil)
		for i := range 300 { // Dial, or the socket, may notice the end first
			c := client.New(f.URL, overWebSocket.options(f.Server))
			if err := c.Open(); err != nil {
				t.Fatal(err)
			}
			conn := <-f.conns
			for range i % 30 {
				runtime.Gosched()
			}
			c.Disconnect()
			time.Sleep(10 * time.Second) // the heartbeat would end it after 45 s
			if err := conn.Send(engine.NewTextMessage(nil), 0); !errors.Is(err, engine.ErrClosed) {
				t.Fatalf("connection %d: Send: %v, want %v", i, err, engine.ErrClosed)
			}
			c.Manager().Close()
		}
	})
}

// The connection ends at once when the last socket leaves, and that is reported once.
func TestLastSocketClosesTheConnection(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		_, c := bubble(t, nil, nil)
		var closes atomic.Int32
		c.Manager().OnClose(func(client.Reason, error) { closes.Add(1) })
		connect(t, c)
		c.Disconnect()
		if c.Manager().Connected() {
			t.Error("the manager is connected after Disconnect of its only socket, want it not to be")
		}
		time.Sleep(time.Minute)
		if n := closes.Load(); n != 1 {
			t.Errorf("OnClose was called %d times, want once", n)
		}
	})
}

// A connection that ends as soon as it stands is a failed attempt, or one that was lost,
// and another follows.
func TestConnectionsThatEndAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t, nil)
		c := overWebSocket.client(t, f.Server, "/", func(o *client.Options) { o.ReconnectAttempts = 500 })
		gaveUp := make(chan bool, 1)
		c.Manager().OnReconnectFailed(func() { gaveUp <- true })
		go func() {
			for range 501 {
				(<-f.conns).Close()
			}
		}()
		if err := c.Open(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		if len(gaveUp) != 1 || c.Active() {
			t.Errorf("given up %v, active %v, want an end after 500 attempts", len(gaveUp) == 1, c.Active())
		}
	})
}
