package engine_test

import (
	"bytes"
	"context"
	"errors"
	"net"
	"testing"

	"github.com/seed96b07ef8/socketio/engine"
	"github.com/seed96b07ef8/socketio/internal/ws"
)

// failingConn is a connection whose write of the upgrade packet blocks and then fails.
type failingConn struct {
	net.Conn
	entered, release chan struct{}
}

func (c *failingConn) Write(b []byte) (int, error) {
	if len(b) == len(masked(ws.Text, "5")) {
		close(c.entered)
		<-c.release
		return 0, errors.New("no route to host")
	}
	return c.Conn.Write(b)
}

// While the client writes the upgrade packet, the session may still return to polling,
// so the limit applies to the size over polling.
func TestClientMessageDuringACommitThatFails(t *testing.T) {
	t.Parallel()
	entered, release := make(chan struct{}), make(chan struct{})
	s := newScript(func(s *script, p *fakePeer) {
		s.awaitPoll(t)
		_, _ = p.read()
		p.send("3probe")
		_ = p.end()
	})
	h := startFake(t, &s.fake)
	o := h.dialOptions()
	o.Transports = nil
	dial := o.DialContext
	o.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		nc, err := dial(ctx, network, addr)
		return &failingConn{nc, entered, release}, err
	}
	c := newCaller()
	h.callWith(o, c)
	waitFor(t, "polling to be paused", func() bool { return !c.Writable() })
	s.say <- "6"
	receive(t, entered, "the write of the upgrade packet")
	const maxPayload = 1_000_000 // of openUpgrade
	err := c.Send(engine.NewBinaryMessage(bytes.Repeat([]byte("x"), maxPayload*9/10)), 0)
	if _, ok := errors.AsType[*engine.TooLargeError](err); !ok {
		t.Errorf("a message that is too large over polling: got error %v, want a TooLargeError", err)
	}
	c.text(t, "fits")
	close(release)
	waitFor(t, "the message over polling", func() bool { return s.told() != "[]" })
	if got, want := s.told(), "[4fits]"; got != want {
		t.Errorf("the server received %.100s, want %s", got, want)
	}
	c.Close()
	<-c.Done()
}
