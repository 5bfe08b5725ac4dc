package socketio_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/seed96b07ef8/socketio"
	"github.com/seed96b07ef8/socketio/internal/wiretest"
	"github.com/seed96b07ef8/socketio/socketiotest"
)

// A question whose time is over before it is asked is not sent, and the error says why.
func TestQuestionsWithoutTime(t *testing.T) {
	t.Parallel()
	io, url, _ := newServer(t, nil)
	sockets := make(chan *socketio.Socket, 1)
	io.OnConnect(func(s *socketio.Socket) { sockets <- s })
	c, _ := wiretest.Join(t, url, "websocket", "/")
	s := receive(t, sockets, "the socket")
	mine := errors.New("the request was withdrawn")
	withdrawn, withdraw := context.WithCancelCause(deadline(t))
	withdraw(mine)
	collect := func(b socketio.Broadcast, ctx context.Context) error {
		_, err := socketio.Collect(b.EmitWithAck(ctx, "asked"))
		return err
	}
	ask := func(e socketio.Caller, ctx context.Context) error {
		_, err := e.EmitWithAck(ctx, "asked")
		return err
	}
	for _, test := range []struct {
		name string
		err  error
		want []error
	}{
		{"a socket, context", ask(s, withdrawn), []error{context.Canceled, mine}},
		{"a socket, timeout", ask(s.Timeout(-time.Second), deadline(t)), []error{context.DeadlineExceeded}},
		{"a broadcast, context", collect(io.Local(), withdrawn), []error{context.Canceled, mine}},
		{"a broadcast, timeout", collect(io.Timeout(-time.Second), context.Background()), []error{context.DeadlineExceeded}},
	} {
		for _, want := range test.want {
			if !errors.Is(test.err, want) {
				t.Errorf("%s: got %v, want one that matches %v", test.name, test.err, want)
			}
		}
	}
	if err := s.Emit("next"); err != nil {
		t.Fatal(err)
	}
	if got, want := c.Read(), `42["next"]`; got != want {
		t.Errorf("the client got %q, want %q", got, want)
	}
}

// When the context ends while a question is open, the error matches its cause, too.
func TestQuestionsThatAreWithdrawn(t *testing.T) {
	t.Parallel()
	io := socketiotest.NewServer(t, nil)
	unanswered := make(chan func(string), 1)
	io.On("q", func(ack func(string)) { unanswered <- ack })
	c := socketiotest.Connect(t, io, nil)
	mine := errors.New("the request was withdrawn")
	for name, ask := range map[string]func(ctx context.Context) error{
		"a socket": func(ctx context.Context) error {
			_, err := io.Sockets()[0].EmitWithAck(ctx, "q")
			return err
		},
		"a broadcast": func(ctx context.Context) error {
			_, err := socketio.Collect(io.EmitWithAck(ctx, "q"))
			return err
		},
	} {
		ctx, withdraw := context.WithCancelCause(deadline(t))
		result := make(chan error, 1)
		go func() { result <- ask(ctx) }()
		if e := c.Next(); !e.WantsAck() {
			t.Fatalf("%s: got %v, want a question", name, e)
		}
		withdraw(mine)
		if err := receive(t, result, "the end of the question"); !errors.Is(err, context.Canceled) || !errors.Is(err, mine) {
			t.Errorf("%s: got %v, want one that matches %v and %v", name, err, context.Canceled, mine)
		}
	}
	ctx, withdraw := context.WithCancelCause(deadline(t))
	result := make(chan error, 1)
	go func() {
		_, err := c.EmitWithAck(ctx, "q")
		result <- err
	}()
	receive(t, unanswered, "the question of the client")
	withdraw(mine)
	if err := receive(t, result, "the end of the question"); !errors.Is(err, context.Canceled) || !errors.Is(err, mine) {
		t.Errorf("a client of the tests: got %v, want one that matches %v and %v", err, context.Canceled, mine)
	}
}
