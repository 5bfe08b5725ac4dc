package client_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/seed96b07ef8/socketio"
	"github.com/seed96b07ef8/socketio/client"
	"github.com/seed96b07ef8/socketio/socketiotest"
)

// A client that loses its connection gets what it has missed: once, in order, and
// before OnConnect is called again.
func TestRecovery(t *testing.T) {
	t.Parallel()
	settings(t, func(t *testing.T, way setting) {
		for _, first := range []bool{false, true} {
			name := "before the first event"
			if first {
				name = "after an event"
			}
			t.Run(name, func(t *testing.T) { testRecovery(t, way, first) })
		}
	})
}

func testRecovery(t *testing.T, way setting, first bool) {
	srv := way.serve(t, &socketio.Options{Recovery: &socketio.Recovery{}})
	type secret struct {
		Token string `json:"token"`
	}
	srv.Use(func(_ context.Context, s *socketio.Socket) error {
		s.SetData("data")
		return s.Join("room")
	})
	connected := make(chan *socketio.Socket, 3)
	srv.OnConnect(func(s *socketio.Socket) { connected <- s })
	gone := make(chan bool, 3)
	srv.OnDisconnect(func(s *socketio.Socket, _ socketio.Reason) { gone <- true })

	hold, held := make(chan bool), make(chan bool, 10)
	reconnect := false
	c := way.client(t, srv, "/", func(o *client.Options) {
		o.Auth = func(ctx context.Context) (any, error) {
			if reconnect {
				held <- true
				select {
				case <-hold:
				case <-ctx.Done():
				}
			}
			reconnect = true
			return secret{"x"}, nil
		}
	})
	var got list[string]
	c.On("n", func(i int) { got.add(fmt.Sprint(i)) })
	c.OnConnect(func() { got.add(fmt.Sprint("connected, recovered ", c.Recovered())) })
	c.OnDisconnect(func(client.Reason, error) { got.add("disconnected") })
	last := make(chan bool, 2)
	c.On("last", func() { last <- true })
	c.OnError(func(err error) { t.Error(err) })
	connect(t, c)
	id := c.ID()
	s := receive(t, connected, "the connection")
	if pid, offset := c.Session(); pid == "" || offset != "" {
		t.Errorf("session %q, offset %q", pid, offset)
	}
	if first {
		// One with an acknowledgement, and strings other than offsets, have no effect.
		_ = srv.Emit("n", 0)
		_ = srv.Emit("last")
		receive(t, last, "the events")
		c.On("ask", func(s string) string { return s })
		ask := func() (offset string) {
			if answer, err := socketio.Call[string](within(t), s, "ask", "a string"); answer != "a string" || err != nil {
				t.Errorf("%q, %v", answer, err)
			}
			_, offset = c.Session()
			return offset
		}
		if before, after := ask(), ask(); before == "" || after != before {
			t.Errorf("an event with an acknowledgement has changed the offset from %q to %q", before, after)
		}
	}
	s.Conn().Close()
	receive(t, gone, "the disconnection")
	receive(t, held, "the attempt to reconnect")
	for i := 1; i < 5; i++ {
		_ = srv.To("room").Emit("n", i)
	}
	_ = srv.To("elsewhere").Emit("n", 100)
	hold <- true
	s = receive(t, connected, "the connection")
	_ = srv.Emit("last")
	receive(t, last, "the last event")
	want := []string{"connected, recovered false", "0", "disconnected", "1", "2", "3", "4", "connected, recovered true"}
	if !first {
		want = slices.Delete(want, 1, 2)
	}
	if all := got.get(); !slices.Equal(all, want) {
		t.Errorf("got  %q\nwant %q", all, want)
	}
	if c.ID() != id || s.ID() != id || !c.Recovered() || !s.Recovered() || s.Data() != "data" {
		t.Errorf("ID %q, was %q, recovered %v", c.ID(), id, c.Recovered())
	}
	var auth secret
	if err := s.Handshake().DecodeAuth(&auth); err != nil || auth.Token != "x" {
		t.Errorf("auth %+v, %v", auth, err)
	}

	// A disconnection that is meant ends the session.
	c.Disconnect()
	if pid, offset := c.Session(); pid != "" || offset != "" {
		t.Errorf("session %q, offset %q", pid, offset)
	}
	go func() { hold <- true }()
	connect(t, c)
	if c.Recovered() || c.ID() == id {
		t.Error("the session was recovered")
	}
}

// More than the inbox holds can be recovered.
func TestRecoveryOfMuch(t *testing.T) {
	t.Parallel()
	srv := overWebSocket.serve(t, &socketio.Options{Recovery: &socketio.Recovery{}})
	gone := make(chan bool, 1)
	srv.OnDisconnect(func(s *socketio.Socket, _ socketio.Reason) { gone <- true })
	c := overWebSocket.client(t, srv, "/", func(o *client.Options) {
		o.InboxEvents = 4
		o.ReconnectDelay = 50 * time.Millisecond
		o.RandomizationFactor = -1
	})
	var got list[int]
	c.On("n", func(i int) { got.add(i) })
	recovered := make(chan bool, 2)
	c.OnConnect(func() { recovered <- c.Recovered() })
	connect(t, c)
	receive(t, recovered, "the connection")
	srv.Socket(c.ID()).Conn().Close()
	receive(t, gone, "the disconnection")
	const n = 500
	for i := range n {
		_ = srv.Emit("n", i)
	}
	if !receive(t, recovered, "the reconnection") {
		t.Fatal("not recovered")
	}
	socketiotest.WaitFor(t, "the events", func() bool { return len(got.get()) >= n })
	if all := got.get(); !slices.Equal(append(all, -1), numbers(0, n)) {
		t.Errorf("got %v", all)
	}
}
