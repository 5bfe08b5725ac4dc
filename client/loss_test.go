package client_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed96b07ef8/socketio"
	"github.com/seed96b07ef8/socketio/client"
	"github.com/seed96b07ef8/socketio/engine"
	"github.com/seed96b07ef8/socketio/socketiotest"
)

// newRecovering returns a server that recovers every session and acknowledges every
// event that wants it, except "mute".
func newRecovering(t *testing.T) *fake {
	return newFake(t, func(c *engine.Conn, message string) {
		switch id, rest, _ := strings.Cut(message, "["); {
		case message[0] == '0':
			say(c, `0{"sid":"s","pid":"p"}`)
		case id != "2" && !strings.HasPrefix(rest, `"mute"`):
			say(c, "3"+id[1:]+"[]")
		}
	})
}

// Flush returns the events that an earlier connection may have lost, once, and no
// others.
func TestFlushTellsOfALoss(t *testing.T) {
	t.Parallel()
	emit := func(t *testing.T, c *client.Socket, events ...string) {
		t.Helper()
		for _, event := range events {
			if err := c.Emit(event); err != nil {
				t.Fatal(err)
			}
		}
	}
	ask := func(t *testing.T, c *client.Socket) {
		t.Helper()
		if _, err := c.EmitWithAck(within(t), "question"); err != nil {
			t.Fatal(err)
		}
	}
	for name, test := range map[string]struct {
		retries int
		before  func(t *testing.T, c *client.Socket)
		lost    int
	}{
		"nothing":  {0, func(*testing.T, *client.Socket) {}, 0},
		"events":   {0, func(t *testing.T, c *client.Socket) { emit(t, c, "a", "b", "c") }, 3},
		"volatile": {0, func(t *testing.T, c *client.Socket) { _ = c.Volatile().Emit("v") }, 0},
		"question": {0, func(t *testing.T, c *client.Socket) {
			ctx, cancel := context.WithCancel(t.Context())
			asked := make(chan error, 1)
			go func() { asked <- second(c.EmitWithAck(ctx, "mute")) }()
			socketiotest.WaitFor(t, "the question", func() bool { _, _, acks := c.Waiting(); return acks == 1 })
			cancel()
			receive(t, asked, "the end of the question")
		}, 0},
		"flushed": {0, func(t *testing.T, c *client.Socket) {
			emit(t, c, "a", "b")
			if err := c.Flush(within(t)); err != nil {
				t.Errorf("Flush: %v", err)
			}
			emit(t, c, "c")
		}, 1},
		"acknowledged later": {0, func(t *testing.T, c *client.Socket) {
			emit(t, c, "a", "b")
			ask(t, c)
			emit(t, c, "c", "d")
		}, 2},
		"retries": {1, func(t *testing.T, c *client.Socket) { emit(t, c, "a", "b") }, 0},
	} {
		for kind, flush := range map[string]func(c *client.Socket) error{
			"Flush":            func(c *client.Socket) error { return c.Flush(within(t)) },
			"Shutdown":         func(c *client.Socket) error { return c.Shutdown(within(t)) },
			"Manager.Shutdown": func(c *client.Socket) error { return c.Manager().Shutdown(within(t)) },
		} {
			t.Run(name+"/"+kind, func(t *testing.T) {
				f := newRecovering(t)
				c := overWebSocket.client(t, f.Server, "/", func(o *client.Options) { o.Retries = test.retries })
				connects := make(chan bool, 2)
				c.OnConnect(func() { connects <- c.Recovered() })
				connect(t, c)
				receive(t, connects, "the connection")
				test.before(t, c)
				receive(t, f.conns, "the connection").Close()
				if !receive(t, connects, "the next connection") {
					t.Error("the session was not recovered")
				}
				switch err := flush(c); {
				case test.lost == 0 && err != nil:
					t.Errorf("got %v", err)
				case test.lost > 0:
					loss := errorAs[*client.LossError](t, err)
					if loss.Events != test.lost || errorAs[*client.DisconnectError](t, loss).Reason != client.TransportClose {
						t.Errorf("got %v, want %d events", err, test.lost)
					}
				}
				if kind != "Manager.Shutdown" {
					if err := c.Flush(within(t)); err != nil {
						t.Errorf("the next Flush: %v", err)
					}
				}
			})
		}
	}
}

// What was emitted before Disconnect, and was not flushed, may have been lost, too.
func TestFlushAfterDisconnect(t *testing.T) {
	t.Parallel()
	c := connect(t, overWebSocket.client(t, newRecovering(t).Server, "/", nil))
	_ = c.Emit("e")
	c.Disconnect()
	err := c.Flush(within(t))
	if loss := errorAs[*client.LossError](t, err); loss.Events != 1 || errorAs[*client.DisconnectError](t, err).Reason != client.ClientDisconnect {
		t.Errorf("Flush: %v", err)
	}
	if want := "client: flushing /: 1 event of / may not have reached the server: socket disconnected: io client disconnect"; err.Error() != want {
		t.Errorf("got %q, want %q", err, want)
	}
	if err := c.Shutdown(within(t)); err != nil {
		t.Errorf("Shutdown: %v", err)
	}
}

// Events that wait and are given up while Flush waits for them are lost as well.
func TestFlushTellsWhatIsGivenUp(t *testing.T) {
	t.Parallel()
	c := overWebSocket.client(t, newRecovering(t).Server, "/", func(o *client.Options) {
		o.Retries, o.AckTimeout = 1, time.Millisecond
	})
	connect(t, c)
	_ = c.Emit("mute")
	err := c.Flush(within(t))
	if e := errorAs[*client.RetryError](t, err); e.Sent != 2 || errorAs[*client.LossError](t, err).Events != 1 {
		t.Errorf("Flush: %v", err)
	}

	srv := overWebSocket.serve(t, &socketio.Options{Engine: engine.ServerOptions{MaxPayload: 10_000}})
	c = overWebSocket.client(t, srv, "/", nil)
	_ = c.Emit("large", strings.Repeat("x", 20_000))
	connect(t, c)
	err = c.Flush(within(t))
	if e := errorAs[*engine.TooLargeError](t, err); e.Max != 10_000 || errorAs[*client.LossError](t, err).Events != 1 {
		t.Errorf("Flush: %v", err)
	}
}

// Each call of Flush that waits returns the loss, not only the first to wake up. A call
// whose context ends returns that, and keeps the loss for the next.
func TestConcurrentFlushes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		admit := make(chan struct{}, 2)
		f := newFake(t, func(c *engine.Conn, message string) {
			if message == "0" {
				<-admit
				say(c, granted)
			}
		})
		c := overWebSocket.client(t, f.Server, "/", nil)
		admit <- struct{}{}
		connect(t, c)
		_ = c.Emit("lost")
		(<-f.conns).Close()
		<-f.conns // which waits to be admitted
		synctest.Wait()
		if err := c.Emit("waits"); err != nil {
			t.Fatal(err)
		}
		canceled, cancel := context.WithCancel(t.Context())
		cancel()
		if err := c.Flush(canceled); !errors.Is(err, context.Canceled) || errors.Is(err, net.ErrClosed) {
			t.Errorf("Flush: %v", err)
		}
		flushed := make(chan error, 2)
		for range cap(flushed) {
			go func() { flushed <- c.Flush(t.Context()) }()
		}
		synctest.Wait()
		admit <- struct{}{}
		for range cap(flushed) {
			if loss := errorAs[*client.LossError](t, <-flushed); loss.Events != 1 || !errors.Is(loss, net.ErrClosed) {
				t.Errorf("Flush: %v", loss)
			}
		}
		if err := c.Flush(t.Context()); err != nil {
			t.Errorf("the next Flush: %v", err)
		}
	})
}
