package socketio_test

import (
	"context"
	"errors"
	"iter"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seed96b07ef8/socketio"
	"github.com/seed96b07ef8/socketio/adapter"
	"github.com/seed96b07ef8/socketio/internal/wiretest"
	"github.com/seed96b07ef8/socketio/parser"
)

// A distant is an adapter with other nodes, which a test plays.
type distant struct {
	*adapter.Memory
	others func(ctx context.Context, sink adapter.AckSink) error
	infos  []adapter.SocketInfo
	target adapter.Target // of the last operation
}

func (d *distant) BroadcastWithAck(ctx context.Context, p *adapter.Packet, t adapter.Target, sink adapter.AckSink) error {
	d.target = t
	if err := d.DeliverWithAck(ctx, p, t, sink); err != nil {
		return err
	}
	return d.others(ctx, sink)
}

func (d *distant) ServerSideEmit(ctx context.Context, _ string, _ []any, sink adapter.AckSink) error {
	return d.others(ctx, sink)
}

func (d *distant) FetchSockets(context.Context, adapter.Target) ([]adapter.SocketInfo, error) {
	return d.infos, &adapter.PartialError{Missing: []adapter.NodeID{"c"}}
}

func distantServer(t *testing.T, others func(ctx context.Context, sink adapter.AckSink) error) *socketio.Server {
	t.Helper()
	io, _, _ := newServer(t, &socketio.Options{Adapter: adapter.Func(func(h adapter.Host) adapter.Adapter {
		return &distant{Memory: adapter.NewMemory(h), others: others}
	})})
	return io
}

// answersOf returns the nodes and values of answers, and the errors.
func answersOf(acks iter.Seq2[socketio.Ack, error]) (answers []string, errs []error) {
	for a, err := range acks {
		var text string
		if err != nil {
			errs = append(errs, err)
			continue
		}
		_ = a.Decode(&text)
		answers = append(answers, a.Node+":"+text)
	}
	return answers, errs
}

func answerOf(node adapter.NodeID, text string) adapter.Ack {
	args, err := parser.ArgsOf(text)
	return adapter.Ack{Node: node, Args: args, Err: err}
}

// Nodes that announce their clients late do not keep a broadcast from being sent, and the
// sequence waits for them.
func TestNodesAnnounceTheirClientsLate(t *testing.T) {
	t.Parallel()
	sinks := make(chan adapter.AckSink, 1)
	io := distantServer(t, func(_ context.Context, sink adapter.AckSink) error { sinks <- sink; return nil })
	ctx, cancel := context.WithTimeout(t.Context(), wiretest.Timeout)
	defer cancel()
	acks := io.EmitWithAck(ctx, "q")
	sink := receive(t, sinks, "the sink")
	next, stop := iter.Pull2(acks)
	defer stop()
	sink.Expect(1)
	sink.Ack(answerOf("a", "one"))
	if a, err, ok := next(); !ok || err != nil || a.Node != "a" {
		t.Errorf("got %v, %v, %v", a, err, ok)
	}
	go func() { // while the sequence waits
		sink.Expect(1)
		sink.Complete(nil)
		sink.Ack(answerOf("b", "two"))
		sink.Ack(answerOf("b", "three")) // more than were announced
	}()
	if a, err, ok := next(); !ok || err != nil || a.Node != "b" {
		t.Errorf("got %v, %v, %v", a, err, ok)
	}
	if a, err, ok := next(); ok {
		t.Errorf("got %v, %v after all answers", a, err)
	}
}

// The answers of some nodes come before the error that says which others are missing.
func TestNodesAreMissing(t *testing.T) {
	t.Parallel()
	missing := &adapter.PartialError{Missing: []adapter.NodeID{"c"}, Err: adapter.ErrUnavailable}
	others := func(_ context.Context, sink adapter.AckSink) error {
		sink.Expect(2)
		sink.Ack(answerOf("a", "one"))
		sink.Complete(missing)
		sink.Ack(answerOf("b", "two"))
		return nil
	}
	io := distantServer(t, others)
	check := func(answers []string, err error) {
		t.Helper()
		var partial *adapter.PartialError
		if !slices.Equal(answers, []string{"a:one", "b:two"}) || !errors.As(err, &partial) || partial != missing {
			t.Errorf("got %q, %v", answers, err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), wiretest.Timeout)
	defer cancel()
	answers, errs := answersOf(io.EmitWithAck(ctx, "q"))
	check(answers, errors.Join(errs...))
	acks, err := io.ServerSideEmitWithAck(ctx, "q")
	answers, _ = answersOf(func(yield func(socketio.Ack, error) bool) {
		for _, a := range acks {
			yield(a, nil)
		}
	})
	check(answers, err)
}

// Without an end of the announcements, the end of the context is that of the sequence, with
// one error for each client that was announced and one for the nodes.
func TestNodesNeverAnnounceTheirClients(t *testing.T) {
	t.Parallel()
	io := distantServer(t, func(_ context.Context, sink adapter.AckSink) error {
		sink.Expect(2)
		return nil
	})
	answers, errs := answersOf(io.Timeout(time.Millisecond).EmitWithAck(t.Context(), "q"))
	if len(answers) != 0 || len(errs) != 3 {
		t.Fatalf("got %q, %v, want three errors", answers, errs)
	}
	for _, err := range errs {
		if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), `event "q" of / to another node`) {
			t.Errorf("got the error %v", err)
		}
	}
	if !errors.As(errs[2], new(*adapter.PartialError)) {
		t.Errorf("the last error is %v, want a *PartialError", errs[2])
	}
}

// A broadcast to several namespaces waits for the nodes of each. One that cannot be sent
// to any yields that error only.
func TestNodesOfSeveralNamespaces(t *testing.T) {
	t.Parallel()
	sinks := make(chan adapter.AckSink, 8) // also for those that are not waited for
	var refused error
	io := distantServer(t, func(_ context.Context, sink adapter.AckSink) error { sinks <- sink; return refused })
	parent := io.OfRegexp(regexp.MustCompile(`^/child`))
	io.Of("/child1")
	io.Of("/child2")
	ctx, cancel := context.WithTimeout(t.Context(), wiretest.Timeout)
	defer cancel()
	acks := parent.EmitWithAck(ctx, "q")
	for _, node := range []adapter.NodeID{"a", "b"} {
		sink := receive(t, sinks, "the sink of a namespace")
		sink.Expect(1)
		sink.Complete(nil)
		sink.Ack(answerOf(node, "yes"))
	}
	answers, errs := answersOf(acks)
	if !slices.Equal(answers, []string{"a:yes", "b:yes"}) || len(errs) > 0 {
		t.Errorf("got %q, %v", answers, errs)
	}
	refused = adapter.ErrQueueFull
	answers, errs = answersOf(parent.EmitWithAck(ctx, "q"))
	if len(answers) > 0 || len(errs) != 1 || !errors.Is(errs[0], refused) {
		t.Errorf("got %q, %v, want %v", answers, errs, refused)
	}
	if _, err := io.ServerSideEmitWithAck(ctx, "q"); err != refused {
		t.Errorf("ServerSideEmitWithAck: %v, want %v", err, refused)
	}
}

// What other nodes are asked for one of their sockets says where it is.
func TestRemoteSocketKnowsItsNode(t *testing.T) {
	t.Parallel()
	io := distantServer(t, func(_ context.Context, sink adapter.AckSink) error {
		sink.Complete(nil)
		return nil
	})
	d := io.Adapter().(*distant)
	d.infos = []adapter.SocketInfo{{ID: "x", Node: "b", Secure: true}}
	sockets, err := io.FetchSockets(t.Context())
	if len(sockets) != 1 || !errors.As(err, new(*adapter.PartialError)) {
		t.Fatalf("found %v, %v, want a socket and a *PartialError", sockets, err)
	}
	s := sockets[0]
	if s.Node() != "b" || !s.Secure() {
		t.Errorf("the socket is on the node %q, secure: %v", s.Node(), s.Secure())
	}
	ctx, cancel := context.WithTimeout(t.Context(), wiretest.Timeout)
	defer cancel()
	if _, err := s.EmitWithAck(ctx, "q"); !errors.As(err, new(*socketio.DisconnectError)) {
		t.Errorf("a socket that is gone: %v", err)
	}
	if want := (adapter.Target{Rooms: []string{"x"}, Node: "b"}); d.target.Node != want.Node || !slices.Equal(d.target.Rooms, want.Rooms) {
		t.Errorf("the target was %+v, want %+v", d.target, want)
	}
}
