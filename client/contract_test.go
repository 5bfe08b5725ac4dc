package client_test

import (
	"context"
	"testing"

	"github.com/seed96b07ef8/socketio"
	"github.com/seed96b07ef8/socketio/client"
	"github.com/seed96b07ef8/socketio/event"
)

var (
	_ event.Registrar                       = (*client.Socket)(nil)
	_ event.SocketRegistrar[*client.Socket] = (*client.Socket)(nil)
	_ event.Emitter                         = (*client.Socket)(nil)
	_ event.Emitter                         = client.Emitter{}
)

type sumArgs struct{ A, B int }

var (
	sum   = event.NewCall[sumArgs, int]("sum")
	greet = event.NewCall[string, string]("greet")
	reset = event.NewCall[event.None, event.None]("reset")
	news  = event.New[item]("news")
	move  = event.NewArgs[sumArgs]("move")
)

// The contracts of package event work at both ends.
func TestContracts(t *testing.T) {
	t.Parallel()
	settings(t, func(t *testing.T, way setting) {
		srv := way.serve(t, nil)
		event.Answer(srv, sum, func(_ context.Context, _ *socketio.Socket, args sumArgs) (int, error) { return args.A + args.B, nil })
		moves := make(chan sumArgs, 1)
		event.On(srv, move, func(_ context.Context, _ *socketio.Socket, m sumArgs) error {
			moves <- m
			return nil
		})
		c := way.client(t, srv, "/", nil)
		items := make(chan item, 2)
		event.On(c, news, func(_ context.Context, s *client.Socket, v item) error {
			if s != c {
				t.Errorf("the handler got the socket %p, want %p", s, c)
			}
			items <- v
			return nil
		})
		resets := 0
		reset.Handle(c, func(context.Context, event.None) (event.None, error) {
			resets++
			return event.None{}, nil
		})
		event.Answer(c, greet, func(_ context.Context, _ *client.Socket, name string) (string, error) { return "hello " + name, nil })
		connect(t, c)
		if n, err := sum.Call(within(t), c, sumArgs{1, 2}); n != 3 || err != nil {
			t.Errorf("sum: %d, %v", n, err)
		}
		if err := move.Emit(c, sumArgs{3, 4}); err != nil {
			t.Fatal(err)
		}
		if m := receive(t, moves, "the move"); m != (sumArgs{3, 4}) {
			t.Errorf("%+v", m)
		}
		if err := news.Emit(srv, item{Name: "x"}); err != nil {
			t.Fatal(err)
		}
		if v := receive(t, items, "the news"); v.Name != "x" {
			t.Errorf("%+v", v)
		}
		s := srv.Socket(c.ID())
		if answer, err := greet.Call(within(t), s, "bob"); answer != "hello bob" || err != nil {
			t.Errorf("%q, %v", answer, err)
		}
		if _, err := reset.Call(within(t), s, event.None{}); err != nil || resets != 1 {
			t.Errorf("%v, %d resets", err, resets)
		}
	})
}
