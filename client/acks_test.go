package client_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed96b07ef8/socketio/client"
	"github.com/seed96b07ef8/socketio/engine"
)

// An acknowledgement without an ID answers no event (Socket.IO protocol v5, "Packet
// encoding").
func TestAcknowledgementWithoutAnID(t *testing.T) {
	t.Parallel()
	f := newFake(t, func(c *engine.Conn, message string) {
		switch message {
		case "0":
			say(c, granted)
		case `20["question"]`:
			say(c, `3["without"]`, `30["with"]`)
		}
	})
	c := connect(t, overWebSocket.client(t, f.Server, "/", nil))
	if got, err := client.Call[string](within(t), c, "question"); got != "with" || err != nil {
		t.Errorf("got %q, %v, want %q", got, err, "with")
	}
}

// A server that acknowledges before it has let the socket in acknowledges nothing: the
// event that waits to be sent again, with Retries, is sent.
func TestAcknowledgementBeforeAdmission(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		connections := 0
		f := newFake(t, func(c *engine.Conn, message string) {
			switch message {
			case "0":
				if connections++; connections == 2 {
					say(c, `30["early"]`)
				}
				say(c, granted)
			case `20["question"]`:
				if connections == 1 {
					c.Close()
				} else {
					say(c, `30["right"]`)
				}
			}
		})
		c := overWebSocket.client(t, f.Server, "/", func(o *client.Options) { o.Retries = 1 })
		connect(t, c)
		if got, err := client.Call[string](t.Context(), c, "question"); got != "right" || err != nil {
			t.Errorf("got %q, %v, want %q", got, err, "right")
		}
	})
}

// An acknowledgement for a socket that has left meanwhile harms no other socket of the
// connection.
func TestAcknowledgementAfterDisconnect(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		times := 0
		f := newFake(t, func(c *engine.Conn, message string) {
			switch message {
			case "0":
				say(c, granted)
			case "0/other,":
				say(c, "0/other,"+granted[1:])
			case `20["e"]`:
				if times++; times == 2 {
					say(c, "30[]")
				}
			case "41", "1":
				say(c, "30[]")
			}
		})
		c := connect(t, overWebSocket.client(t, f.Server, "/", func(o *client.Options) { o.Retries = 1 }))
		other := connect(t, c.Manager().Socket("/other", nil))
		id := c.Manager().Engine().ID()
		if err := c.Emit("e"); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		c.Disconnect()
		synctest.Wait()
		if !other.Connected() {
			t.Error("the other socket is not connected, want it connected")
		}
		connect(t, c)
		synctest.Wait()
		if n, _, _ := c.Waiting(); times != 2 || n != 0 || c.Manager().Engine().ID() != id {
			t.Errorf("the event was sent %d times, %d wait, want twice and none; the connection %s was %s", times, n, c.Manager().Engine().ID(), id)
		}
	})
}

// A question that waits behind more than the connection takes is sent over the next
// connection when that one is lost.
func TestQuestionInTheBufferOutlivesAConnection(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv, c := bubble(t, nil, func(o *client.Options) { o.Engine.OutboxMessages = 1 })
		notes(srv)
		for i := range 10 {
			if err := c.Emit("n", i); err != nil {
				t.Fatal(err)
			}
		}
		answers := make(chan error, 1)
		go func() { answers <- second(client.Call[int](t.Context(), c, "n", 10)) }()
		synctest.Wait()
		client.HoldResume(c)
		connect(t, c)
		synctest.Wait()
		srv.Socket(c.ID()).Conn().Close()
		time.Sleep(time.Minute)
		if waiting, _, acks := c.Waiting(); !c.Connected() || waiting == 0 || acks != 1 {
			t.Errorf("connected %v, %d events and %d acknowledgements wait, want one acknowledgement", c.Connected(), waiting, acks)
		}
		client.ReleaseResume(c)
		if err := <-answers; err != nil {
			t.Errorf("got %v, want an answer", err)
		}
	})
}

// The oldest event that waits is dropped, except one that was sent and waits for its
// acknowledgement only; without another the new one is refused.
func TestDropOldestOfRetries(t *testing.T) {
	t.Parallel()
	for limit, want := range map[int][]string{1: {"0"}, 2: {"0", "9"}, 4: {"0", "7", "8", "9"}} {
		t.Run(fmt.Sprint(limit), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var got list[string]
				hold := true
				var release []string
				f := newFake(t, func(c *engine.Conn, message string) {
					if message == "0" {
						say(c, granted)
						return
					}
					id, n, _ := strings.Cut(message, `["n",`)
					got.add(strings.TrimSuffix(n, "]"))
					if ack := "3" + id[1:] + "[]"; hold {
						release = append(release, ack)
					} else {
						say(c, ack)
					}
				})
				c := connect(t, overWebSocket.client(t, f.Server, "/", func(o *client.Options) {
					o.Retries, o.AckTimeout = 1, time.Hour
					o.BufferMessages, o.Overflow = limit, client.DropOldest
				}))
				var dropped list[error]
				c.OnError(func(err error) { dropped.add(err) })
				for i := range 10 {
					if err := c.Emit("n", i); (err != nil) != (limit == 1 && i > 0) {
						t.Errorf("Emit of %d: %v", i, err)
					}
					synctest.Wait()
				}
				hold = false
				say(<-f.conns, release...)
				synctest.Wait()
				if all := got.get(); !slices.Equal(all, want) {
					t.Errorf("the server got %q, want %q", all, want)
				}
				wantDropped := 0
				if limit > 1 {
					wantDropped = 10 - limit
				}
				if n := len(dropped.get()); n != wantDropped {
					t.Errorf("OnError was called for %d events, want %d", n, wantDropped)
				}
				if n, bytes, acks := c.Waiting(); n+bytes+acks != 0 {
					t.Errorf("%d events of %d bytes wait, and %d acknowledgements, want none", n, bytes, acks)
				}
			})
		})
	}
}

// An event that is larger than the whole buffer drops none of those that wait.
func TestEventLargerThanTheBuffer(t *testing.T) {
	t.Parallel()
	srv := overWebSocket.serve(t, nil)
	got := notes(srv)
	probe := client.New("http://example.test", nowhere())
	if err := probe.Emit("n", 0); err != nil {
		t.Fatal(err)
	}
	_, small, _ := probe.Waiting()
	c := overWebSocket.client(t, srv, "/", func(o *client.Options) {
		o.BufferBytes, o.Overflow = 2*small, client.DropOldest
	})
	for i := range 2 {
		if err := c.Emit("n", i); err != nil {
			t.Fatal(err)
		}
	}
	err := c.Emit("n", strings.Repeat("x", 2*small))
	if e := errorAs[*client.LimitError](t, err); e.Option != "BufferBytes" || e.Max != 2*small {
		t.Errorf("got %v, want BufferBytes of %d to be exceeded", err, 2*small)
	}
	connect(t, c)
	settled(t, c)
	if all := got.get(); !slices.Equal(all, numbers(0, 2)) {
		t.Errorf("the server got %v, want %v", all, numbers(0, 2))
	}

	// One that is as large drops them all.
	c = overWebSocket.client(t, srv, "/", func(o *client.Options) {
		o.BufferBytes, o.Overflow = small+1, client.DropOldest
	})
	for _, i := range []int{1, 10} {
		if err := c.Emit("n", i); err != nil {
			t.Errorf("Emit of %d: %v", i, err)
		}
	}
	connect(t, c)
	settled(t, c)
	if all, want := got.get()[3:], []int{10, -1}; !slices.Equal(all, want) {
		t.Errorf("the server got %v, want %v", all, want)
	}
}

// When the caller of the event in flight takes it back, the next is sent at once.
func TestTakingBackSendsTheNext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv, c := bubble(t, nil, func(o *client.Options) { o.Retries, o.AckTimeout = 1, time.Hour })
		srv.On("mute", func(func()) {})
		got := notes(srv)
		connect(t, c)
		ctx, cancel := context.WithCancel(t.Context())
		taken := make(chan error, 1)
		go func() { taken <- second(c.EmitWithAck(ctx, "mute")) }()
		synctest.Wait()
		if err := c.Emit("n", 1); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if all := got.get(); len(all) > 0 {
			t.Errorf("the server got %v before the event in flight was taken back, want none", all)
		}
		cancel()
		if err := <-taken; !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want %v", err, context.Canceled)
		}
		synctest.Wait()
		if all := got.get(); !slices.Equal(all, []int{1}) {
			t.Errorf("the server got %v, want [1]", all)
		}
	})
}

// Without a function of OnError, and only then, the errors of handlers are logged.
func TestErrorsAreLoggedOrReported(t *testing.T) {
	t.Parallel()
	srv := overWebSocket.serve(t, nil)
	for _, reported := range []bool{false, true} {
		failure := errors.New("no luck")
		logged, reports, done := make(chan string, 10), make(chan error, 1), make(chan bool, 1)
		c := overWebSocket.client(t, srv, "/", func(o *client.Options) {
			o.Logger = slog.New(logFunc(func(r slog.Record) {
				if r.Level >= slog.LevelWarn {
					logged <- r.Message
				}
			}))
		})
		if reported {
			c.OnError(func(err error) { reports <- err })
		}
		c.On("fail", func() error { return failure })
		c.On("done", func() { done <- true })
		connect(t, c)
		s := srv.Socket(c.ID())
		if err := errors.Join(s.Emit("fail"), s.Emit("done")); err != nil {
			t.Fatal(err)
		}
		receive(t, done, "the event after the error")
		if reported {
			if err := receive(t, reports, "the report"); !errors.Is(err, failure) || len(logged) > 0 {
				t.Errorf("reported %v and logged %d lines, want %v and none", err, len(logged), failure)
			}
		} else if len(logged) != 1 {
			t.Errorf("logged %d lines, want 1", len(logged))
		} else if text := <-logged; text != "client: handler failed" {
			t.Errorf("logged %q, want %q", text, "client: handler failed")
		}
	}
}

// As many answers wait for the admission of the socket as events may wait in its inbox.
func TestAnswersBeforeAdmission(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const limit = 10
		f := newFake(t, nil)
		c := overWebSocket.client(t, f.Server, "/", func(o *client.Options) { o.InboxEvents = limit })
		var refused list[error]
		c.OnError(func(err error) { refused.add(err) })
		c.On("question", func() int { return 1 })
		if err := c.Open(); err != nil {
			t.Fatal(err)
		}
		conn := <-f.conns
		<-f.received // the request to join: the client ignores events that precede it
		for range limit + 1 {
			say(conn, `27["question"]`)
		}
		synctest.Wait()
		say(conn, granted)
		synctest.Wait()
		answers := 0
		for len(f.received) > 0 {
			if <-f.received == "37[1]" {
				answers++
			}
		}
		if n := len(refused.get()); answers != limit || n != 1 {
			t.Errorf("%d answers were sent and %d refused, want %d and 1", answers, n, limit)
		}
	})
}
