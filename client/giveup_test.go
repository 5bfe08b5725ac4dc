package client_test

import (
	"context"
	"errors"
	"net"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed96b07ef8/socketio/client"
	"github.com/seed96b07ef8/socketio/engine"
)

// failing makes the next n attempts to connect fail.
func failing(o *client.Options) (fail func(n int)) {
	dial, left := o.Engine.DialContext, 0
	o.Engine.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		if left > 0 {
			left--
			return nil, errNoRoute
		}
		return dial(ctx, network, address)
	}
	return func(n int) { left = n }
}

// A manager whose Connect was called reconnects again and again, whatever fails between,
// until no attempt is left; then Connect begins anew.
func TestManagerReconnects(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t, nil)
		o := patient(f)
		fail := failing(o)
		m := client.NewManager(f.URL, o)
		end(t, m)
		var attempts list[int]
		m.OnReconnectAttempt(func(n int) { attempts.add(n) })
		gaveUp := make(chan bool, 1)
		m.OnReconnectFailed(func() { gaveUp <- true })
		for range 2 {
			if err := m.Connect(t.Context()); err != nil {
				t.Fatal(err)
			}
			for range 3 {
				conn := <-f.conns
				time.Sleep(time.Minute) // a ping makes the next attempt the first
				fail(1)
				conn.Close()
			}
			conn := <-f.conns
			time.Sleep(time.Minute)
			fail(3)
			conn.Close()
			<-gaveUp
			time.Sleep(time.Hour)
			if m.Connected() {
				t.Error("the manager is connected")
			}
		}
		want := []int{1, 2, 1, 2, 1, 2, 1, 2, 3}
		if got := attempts.get(); !slices.Equal(got, append(want, want...)) {
			t.Errorf("attempts %v", got)
		}
	})
}

// What a socket alone has opened ends with the socket, also after an attempt has failed.
func TestSocketKeepsNoConnection(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t, func(c *engine.Conn, message string) {
			if message == "0" {
				say(c, granted)
			}
		})
		o := patient(f)
		fail := failing(o)
		c := client.New(f.URL, o)
		end(t, c.Manager())
		connect(t, c)
		fail(1)
		(<-f.conns).Close()
		<-f.conns
		synctest.Wait()
		e := c.Manager().Engine()
		c.Disconnect()
		time.Sleep(time.Minute)
		if c.Manager().Connected() {
			t.Fatal("the connection is kept")
		}
		<-e.Done()
	})
}

// A caller that waits for the acknowledgement of an event that was not sent yet learns
// that there will be no other connection.
func TestAckOfAnUnsentEventEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t, nil) // lets no socket in
		o := overWebSocket.options(f.Server)
		o.NoReconnect = true
		c := client.New(f.URL, o)
		end(t, c.Manager())
		if err := c.Open(); err != nil {
			t.Fatal(err)
		}
		conn := <-f.conns
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		result := make(chan error, 1)
		go func() {
			_, err := c.EmitWithAck(ctx, "e")
			result <- err
		}()
		synctest.Wait()
		conn.Close()
		if err := <-result; !errors.Is(err, net.ErrClosed) {
			t.Errorf("EmitWithAck: %v", err)
		}
	})
}

// MaxPendingAcks limits no event that wants no acknowledgement.
func TestMaxPendingAcksOnly(t *testing.T) {
	t.Parallel()
	srv := overWebSocket.serve(t, nil)
	got := make(chan bool, 1)
	srv.On("ask", func(ack func()) { got <- true })
	srv.On("e", func() { got <- true })
	c := connect(t, overWebSocket.client(t, srv, "/", func(o *client.Options) { o.MaxPendingAcks = 1 }))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() { _, _ = c.EmitWithAck(ctx, "ask") }()
	receive(t, got, "the question")
	if e := errorAs[*client.LimitError](t, second(c.EmitWithAck(ctx, "ask"))); e.Option != "MaxPendingAcks" {
		t.Errorf("EmitWithAck: %v", e)
	}
	if err := c.Emit("e"); err != nil {
		t.Errorf("Emit: %v", err)
	}
	receive(t, got, "the event")
}

// A manager whose Connect has succeeded keeps trying to reconnect: though an attempt
// fails, or another caller of Connect gives up, and also when a socket had connected it.
func TestManagerStaysWanted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t, func(c *engine.Conn, message string) { say(c, granted) })
		o := patient(f)
		fail := failing(o)
		c := client.New(f.URL, o)
		m := c.Manager()
		end(t, m)
		connect(t, c)
		if err := m.Connect(t.Context()); err != nil {
			t.Fatal(err)
		}
		c.Disconnect()
		for _, failures := range []int{1, 0} {
			synctest.Wait()
			fail(failures)
			(<-f.conns).Close()
			synctest.Wait()
			if failures == 0 {
				ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
				defer cancel()
				if err := m.Connect(ctx); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("Connect: %v, want %v", err, context.DeadlineExceeded)
				}
			}
			time.Sleep(time.Minute)
			if !m.Connected() {
				t.Fatalf("not connected a minute after a connection was lost, with %d failures, want another", failures)
			}
		}
	})
}

// Close ends the waiting of the callers of Connect.
func TestCloseEndsConnect(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := client.NewManager("http://example.test", nothing())
		result := make(chan error, 1)
		go func() { result <- m.Connect(t.Context()) }()
		synctest.Wait()
		m.Close()
		if err := <-result; !errors.Is(err, client.ErrClosed) {
			t.Errorf("Connect: %v, want %v", err, client.ErrClosed)
		}
	})
}
