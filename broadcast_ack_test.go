package socketio_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seed96b07ef8/socketio"
	"github.com/seed96b07ef8/socketio/internal/wiretest"
)

// ackID takes the ID out of an event that asks for an acknowledgement.
func ackID(t *testing.T, packet, event string) string {
	t.Helper()
	id, ok := strings.CutPrefix(packet, "42")
	i := strings.IndexByte(id, '[')
	if !ok || i < 1 || id[i:] != event {
		t.Fatalf("received %q, want %s with an ID", packet, event)
	}
	return id[:i]
}

func TestBroadcastWithAck(t *testing.T) {
	t.Parallel()
	transports(t, func(t *testing.T, transport string) {
		t.Parallel()
		io, url, _ := newServer(t, nil)
		io.OnConnect(func(s *socketio.Socket) { emit(t, s.Join("room")) })
		a, aID := wiretest.Join(t, url, transport, "/")
		b, bID := wiretest.Join(t, url, transport, "/")
		silent, silentID := wiretest.Join(t, url, transport, "/")
		gone, goneID := wiretest.Join(t, url, transport, "/")
		waitFor(t, "four sockets", func() bool { return len(io.In("room").Sockets()) == 4 })

		acks := io.To("room").Timeout(time.Second).EmitWithAck(t.Context(), "q", 1)
		// The event is sent before the caller consumes the answers.
		id := ackID(t, a.Read(), `["q",1]`)
		for _, c := range []*wiretest.Client{b, silent, gone} {
			if other := ackID(t, c.Read(), `["q",1]`); other != id {
				t.Errorf("asked for %s and %s", id, other)
			}
		}
		b.Send(`43` + id + `["from b",2]`)
		var got []string
		for ack, err := range acks {
			var s string
			var n int
			switch ack.Socket {
			case bID:
				if err := ack.Decode(&s, &n); err != nil || s != "from b" || n != 2 {
					t.Errorf("b answered %q %d %v", s, n, err)
				}
				// Answers come as they arrive: only now do the others act.
				a.Send(`43` + id + `[]`)
				a.Send(`43` + id + `["twice"]`)
			case aID:
				if err != nil || ack.Args.Len() != 0 {
					t.Errorf("a answered %v %v", ack, err)
				}
				gone.Send(`41`)
			case goneID:
				if _, ok := errors.AsType[*socketio.DisconnectError](err); !ok {
					t.Errorf("of the client that left: %v", err)
				}
			case silentID:
				if !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("of the silent client: %v", err)
				}
			}
			got = append(got, ack.Socket)
		}
		if want := []string{bID, aID, goneID, silentID}; !slices.Equal(got, want) {
			t.Errorf("answers of %q, want %q", got, want)
		}
	})
}

func TestBroadcastWithAckErrors(t *testing.T) {
	t.Parallel()
	io, url, _ := newServer(t, &socketio.Options{MaxPendingAcks: 1})
	c, id := wiretest.Join(t, url, "websocket", "/")
	waitFor(t, "the socket", func() bool { return io.Socket(id) != nil })

	one := func(acks []socketio.Ack, err error) error {
		t.Helper()
		if len(acks) > 0 {
			t.Errorf("answers %v", acks)
		}
		return err
	}
	if err := one(socketio.Collect(io.EmitWithAck(t.Context(), "q"))); !errors.Is(err, socketio.ErrNoDeadline) {
		t.Errorf("without a deadline: %v", err)
	}
	timed := io.Timeout(time.Minute)
	if err := one(socketio.Collect(timed.EmitWithAck(t.Context(), "disconnect"))); !errors.Is(err, socketio.ErrReservedEvent) {
		t.Errorf("reserved: %v", err)
	}
	var ae *socketio.ArgError
	if err := one(socketio.Collect(timed.EmitWithAck(t.Context(), "q", func() {}))); !errors.As(err, &ae) {
		t.Errorf("unencodable: %v", err)
	}
	if err := one(socketio.Collect(io.To("nobody").Timeout(time.Minute).EmitWithAck(t.Context(), "q"))); err != nil {
		t.Errorf("nobody: %v", err)
	}

	// The only place is taken until the waiting ends, and then free again.
	ctx, cancel := context.WithCancel(t.Context())
	waiting := timed.EmitWithAck(ctx, "q")
	ackID(t, c.Read(), `["q"]`)
	var limit *socketio.LimitError
	if err := one(socketio.Collect(timed.EmitWithAck(t.Context(), "q"))); !errors.As(err, &limit) {
		t.Errorf("over the limit: %v", err)
	}
	cancel()
	if err := one(socketio.Collect(waiting)); !errors.Is(err, context.Canceled) {
		t.Errorf("after the end of the context: %v", err)
	}
	waiting = timed.EmitWithAck(t.Context(), "q")
	ackID(t, c.Read(), `["q"]`)
	c.Close()
	var de *socketio.DisconnectError
	if err := one(socketio.Collect(waiting)); !errors.As(err, &de) {
		t.Errorf("after the client has gone: %v", err)
	}
}

// Acknowledgements that are not consumed, or that no client sends, leave nothing
// behind.
func TestBroadcastWithAckLeavesNothing(t *testing.T) {
	t.Parallel()
	io, url, _ := newServer(t, &socketio.Options{MaxPendingAcks: 1})
	c, id := wiretest.Join(t, url, "websocket", "/")
	waitFor(t, "the socket", func() bool { return io.Socket(id) != nil })
	for range 20 {
		io.Timeout(time.Millisecond).EmitWithAck(t.Context(), "q")
		waitFor(t, "the place to be free", func() bool {
			_, err := io.Socket(id).Timeout(time.Millisecond).EmitWithAck(t.Context(), "probe")
			var limit *socketio.LimitError
			return !errors.As(err, &limit)
		})
		for !strings.Contains(c.Read(), "probe") {
			// The question, if it was sent in time.
		}
	}
}

// A question whose time is over while it is being sent is forgotten like others.
func TestBroadcastWithAckTimesOutAtOnce(t *testing.T) {
	t.Parallel()
	io, url, _ := newServer(t, &socketio.Options{MaxPendingAcks: 1 << 20})
	for range 10 {
		c, id := wiretest.Join(t, url, "websocket", "/")
		waitFor(t, "the socket", func() bool { return io.Socket(id) != nil })
		defer c.Close()
	}
	for i := range 3000 {
		io.Volatile().Timeout(time.Duration(i%60)*time.Microsecond+1).EmitWithAck(t.Context(), "q")
	}
	waitFor(t, "the questions to be forgotten", func() bool { return io.Stats().PendingAcks == 0 })
}
