package client_test

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"testing/synctest"

	"github.com/seed96b07ef8/socketio"
	"github.com/seed96b07ef8/socketio/client"
)

// Errors do not fill the inbox of a socket whose handler blocks, however many there are.
func TestErrorsBehindABlockedHandler(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const room, emitted = 10, 1000
		o := nothing()
		o.BufferMessages, o.Overflow, o.Retries = room, client.DropOldest, 1
		var left list[int64]
		o.Logger = slog.New(logFunc(func(r slog.Record) {
			r.Attrs(func(a slog.Attr) bool {
				if a.Key == "errors" {
					left.add(a.Value.Int64())
				}
				return true
			})
		}))
		m := client.NewManager("http://example.test", o)
		defer m.Close()
		c := m.Socket("/", nil)
		hold := make(chan bool)
		reported := 0
		c.OnError(func(error) {
			<-hold
			reported++
		})
		for range emitted {
			if err := c.Emit("e"); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		if n := client.Pending(c); n > room {
			t.Errorf("%d errors wait, want no more than %d", n, room)
		}
		close(hold)
		synctest.Wait()
		if reported == 0 || reported > room+1 {
			t.Errorf("%d errors were reported, want some, and no more than %d", reported, room+1)
		}
		var sum int64
		for _, n := range left.get() {
			sum += n
		}
		if want := emitted - room - reported; sum != int64(want) {
			t.Errorf("%d errors were logged as left out, want %d", sum, want)
		}
		before := reported
		if err := c.Emit("e"); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if reported != before+1 {
			t.Errorf("%d errors were reported after the handler returned, want one", reported-before)
		}
	})
}

// Connections that a program opens and closes do not fill the inbox of a manager whose
// function blocks. Those that have ended when it returns are left out in pairs.
func TestConnectionsBehindABlockedHook(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		_, c := bubble(t, nil, nil)
		m := c.Manager()
		hold := make(chan bool)
		var opened, closed int
		m.OnOpen(func() {
			<-hold
			if opened++; opened != closed+1 {
				t.Errorf("OnOpen is called for the %dth time, after %d calls of OnClose", opened, closed)
			}
		})
		m.OnClose(func(client.Reason, error) {
			if closed++; closed != opened {
				t.Errorf("OnClose is called for the %dth time, after %d calls of OnOpen", closed, opened)
			}
		})
		for range 500 {
			connect(t, c)
			c.Disconnect()
		}
		connect(t, c)
		synctest.Wait()
		if n := client.PendingHooks(m); n > 100 {
			t.Errorf("%d calls of functions wait", n)
		}
		close(hold)
		synctest.Wait()
		if opened != closed+1 {
			t.Errorf("%d calls of OnOpen and %d of OnClose while the connection is open", opened, closed)
		}
		c.Disconnect()
		synctest.Wait()
		if opened != closed {
			t.Errorf("%d calls of OnOpen and %d of OnClose at the end", opened, closed)
		}
	})
}

// Attempts that fail do not fill the inbox of a manager whose function blocks.
func TestFailuresBehindABlockedHook(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := client.NewManager("http://example.test", nowhere())
		defer m.Close()
		hold := make(chan bool)
		failed := 0
		m.OnError(func(error) {
			<-hold
			failed++
		})
		for range 500 {
			if m.Connect(t.Context()) == nil {
				t.Fatal("Connect succeeds")
			}
		}
		synctest.Wait()
		if n := client.PendingHooks(m); n > 100 {
			t.Errorf("%d calls of functions wait", n)
		}
		close(hold)
		synctest.Wait()
		if failed == 0 {
			t.Error("OnError is not called")
		}
	})
}

// Attempts of callers of Connect that fail do not fill the inbox of a socket whose
// function blocks, which is called for the last one in the end.
func TestRefusalsBehindABlockedHandler(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		refused := 0
		srv, c := bubble(t, nil, nil)
		srv.Use(func(context.Context, *socketio.Socket) error {
			refused++
			return &socketio.ConnectError{Message: fmt.Sprint("refusal ", refused)}
		})
		hold := make(chan bool)
		called, last := 0, ""
		c.OnConnectError(func(err error) {
			<-hold
			called++
			last = errorAs[*client.ConnectError](t, err).Message
		})
		for range 200 {
			if c.Connect(t.Context()) == nil {
				t.Fatal("Connect succeeds")
			}
		}
		synctest.Wait()
		if n := client.Pending(c); n > 100 {
			t.Errorf("%d calls of functions wait", n)
		}
		close(hold)
		synctest.Wait()
		if last != "refusal 200" {
			t.Errorf("the last of %d calls is for %q, want that of the last attempt", called, last)
		}
		if c.Connect(t.Context()) == nil {
			t.Fatal("Connect succeeds")
		}
		synctest.Wait()
		if last != "refusal 201" {
			t.Errorf("the last call is for %q after the function has returned", last)
		}
	})
}
