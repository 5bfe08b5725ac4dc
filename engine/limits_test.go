package engine_test

import (
	"errors"
	"testing"
	"testing/synctest"

	"github.com/seed96b07ef8/socketio/engine"
)

// A message of any size fits into an empty outbox, at both ends, so that a peer that keeps
// up receives it over any transport.
func TestLargeMessageHasRoomAlone(t *testing.T) {
	t.Parallel()
	for _, policy := range []engine.Overflow{engine.Refuse, engine.DropNewest, engine.DropOldest} {
		large := letters(5000)
		h := start(t, &engine.ServerOptions{OutboxBytes: 1000, Overflow: policy})
		p := h.poll()
		p.text(t, large)
		p.want("4" + large)
		p.drop()

		o := h.dialOptions(engine.Polling)
		o.OutboxBytes, o.Overflow = 1000, policy
		c, s := h.call(o)
		c.text(t, large)
		s.wantMessage(t, large)
	}
}

// DropOldest makes room for a message that takes all of the outbox.
func TestDropOldestForAllOfTheOutbox(t *testing.T) {
	t.Parallel()
	m := engine.NewTextMessage([]byte(letters(1000)))
	h := start(t, &engine.ServerOptions{OutboxBytes: m.Len(), Overflow: engine.DropOldest})
	p := h.poll()
	p.text(t, "small")
	if err := p.Send(m, 0); err != nil {
		t.Fatal(err)
	}
	p.want("4" + letters(1000))
}

// A client counts Control messages separately from others, and refuses one that exceeds
// their limits under any policy.
func TestClientControlNeedsRoom(t *testing.T) {
	t.Parallel()
	h := start(t, nil)
	o := h.dialOptions(engine.Polling)
	o.OutboxMessages, o.Overflow = 2, engine.DropNewest
	c, s := h.call(o)
	c.Cork()
	for range 3 {
		c.text(t, "ordinary")
	}
	for i, want := range []error{nil, nil, engine.ErrOutboxFull} {
		if err := c.Send(text("control"), engine.Control); !errors.Is(err, want) {
			t.Errorf("control message %d: got %v, want %v", i, err, want)
		}
	}
	c.Uncork()
	for _, want := range []string{"ordinary", "ordinary", "control", "control"} {
		s.wantMessage(t, want)
	}
}

// OnDrain is called after a message was refused, whatever else was sent meanwhile: the
// caller waits for it.
func TestClientDrainsAfterARefusal(t *testing.T) {
	t.Parallel()
	h := start(t, nil)
	o := h.dialOptions(engine.Polling)
	o.OutboxMessages = 1
	c, s := h.call(o)
	c.Cork()
	c.text(t, "waits")
	if err := c.Send(text("refused"), 0); !errors.Is(err, engine.ErrOutboxFull) {
		t.Errorf("Send: got %v, want %v", err, engine.ErrOutboxFull)
	}
	c.send(t, "essential", engine.Essential)
	c.Uncork()
	s.wantMessage(t, "waits")
	s.wantMessage(t, "essential")
	receive(t, c.drained, "OnDrain")
}

// Without a raw socket, messages sent during a write are a backlog, whose end OnDrain
// reports.
func TestClientBacklogWithoutASocket(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, p := fenced(t, nil)
		if !c.Writable() {
			t.Error("not writable at first")
		}
		c.text(t, "first")
		c.text(t, "second")
		if c.Writable() {
			t.Error("writable, although the server does not read")
		}
		p.want(t, "4first")
		p.want(t, "4second")
		<-c.drained
		if !c.Writable() {
			t.Error("not writable, although the server has read all")
		}
		c.Close()
	})
}

// Callers that wait for room are woken when half of the outbox is free, by messages and
// by bytes, and not for each message.
func TestClientRoomAtHalf(t *testing.T) {
	t.Parallel()
	m := text("x")
	for name, change := range map[string]func(*engine.DialOptions){
		"messages": func(o *engine.DialOptions) { o.OutboxMessages = 4 },
		"bytes":    func(o *engine.DialOptions) { o.OutboxBytes = 4 * m.Len() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := &posts{gate: make(chan struct{})}
			h := startFake(t, &fake{polling: p.serve})
			o := h.dialOptions(engine.Polling)
			change(o)
			c := newCaller()
			h.callWith(o, c)
			t.Cleanup(func() { close(p.gate) })
			c.text(t, "x")
			waitFor(t, "a request", func() bool { return p.all() == "4x" })
			for range 4 { // a request each
				if err := c.Send(m, engine.Fence); err != nil {
					t.Fatal(err)
				}
			}
			full, err := c.TrySend(m, engine.Fence)
			if !errors.Is(err, engine.ErrOutboxFull) {
				t.Fatalf("TrySend: got %v, want %v", err, engine.ErrOutboxFull)
			}
			requests := "4x"
			for left := 3; left >= 2; left-- {
				p.gate <- struct{}{}
				requests += " | 4x"
				waitFor(t, "the next request", func() bool { return p.all() == requests })
				select {
				case <-full:
					if left > 2 {
						t.Errorf("woken with %d of 4 left, want at most 2", left)
					}
				default:
					if left <= 2 {
						t.Errorf("not woken with %d of 4 left", left)
					}
				}
			}
		})
	}
}

// With ForceBase64 the size of the text counts over WebSocket, too.
func TestClientTooLargeInBase64(t *testing.T) {
	t.Parallel()
	h := start(t, &engine.ServerOptions{MaxPayload: 1000})
	o := h.dialOptions(engine.WebSocket)
	o.ForceBase64 = true
	c, s := h.call(o)
	fits := make([]byte, 747) // "b" and 996 characters
	if err := c.Send(engine.NewBinaryMessage(fits), 0); err != nil {
		t.Errorf("%d bytes: got %v, want none", len(fits), err)
	}
	s.wantMessage(t, binaryMark+string(fits))
	var large *engine.TooLargeError
	if err := c.Send(engine.NewBinaryMessage(append(fits, 0)), 0); !errors.As(err, &large) || large.Size != 1001 {
		t.Errorf("%d bytes: got %v, want a TooLargeError of 1001 bytes", len(fits)+1, err)
	}
}

// OnDrop is called for each message that did not fit, under any policy, and the server
// counts it.
func TestDropsAreCounted(t *testing.T) {
	t.Parallel()
	for policy, want := range map[engine.Overflow]uint64{
		engine.Refuse: 3, engine.DropNewest: 3, engine.DropOldest: 3, engine.Disconnect: 1,
	} {
		dropped := make(chan int, 10)
		var h *harness
		h = start(t, &engine.ServerOptions{OutboxMessages: 2, Overflow: policy, OnConnect: func(c *engine.Conn) engine.Handler {
			s := newSession(c)
			h.sessions <- s
			return &dropSession{s, dropped}
		}})
		p := h.poll()
		for range 5 {
			_ = p.Send(engine.NewTextMessage([]byte("x")), 0)
		}
		for got := uint64(0); got < want; {
			got += uint64(receive(t, dropped, "a drop"))
		}
		if got := h.Dropped(); got != want || len(dropped) != 0 {
			t.Errorf("policy %v: %d messages were dropped and %d calls of OnDrop are too many, want %d and 0", policy, got, len(dropped), want)
		}
	}
}
