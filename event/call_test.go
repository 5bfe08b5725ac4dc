package event_test

import (
	"context"
	"errors"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/seed96b07ef8/socketio"
	"github.com/seed96b07ef8/socketio/event"
	"github.com/seed96b07ef8/socketio/internal/wiretest"
)

type SumArgs struct{ A, B int }

type Total struct {
	Total int `json:"total"`
}

type Add struct {
	Start   int
	Further []int `event:"rest"`
}

var (
	Sum   = event.NewCall[SumArgs, int]("sum")
	AddUp = event.NewCall[Add, Total]("add up")
	Upper = event.NewCall[string, string]("upper")
	Save  = event.NewCall[*Message, event.None]("save")
	Now   = event.NewCall[event.None, int]("now")
	Twice = event.NewCall[big.Int, big.Int]("twice") // with methods of the pointer
)

// A contract for data that handlers do not keep.
func TestBorrowed(t *testing.T) {
	t.Parallel()
	hash := event.NewCall[socketio.Borrowed, socketio.Borrowed]("hash")
	io, url, _ := newServer(t)
	event.Answer(io, hash, func(_ context.Context, _ *socketio.Socket, data socketio.Borrowed) (socketio.Borrowed, error) {
		return data[:2], nil
	})
	c, s := join(t, io, url, "websocket")
	const packet = `1-0[{"_placeholder":true,"num":0}]`
	c.Send(`451-0["hash",{"_placeholder":true,"num":0}]`, wiretest.Binary("data"))
	c.Expect(`46`+packet, wiretest.Binary("da"))
	done := make(chan error, 1)
	go func() {
		answer, err := hash.Call(deadline(t), s, socketio.Borrowed("question"))
		if string(answer) != "answer" {
			t.Errorf("got %q", answer)
		}
		done <- err
	}()
	c.Expect(`451-0["hash",{"_placeholder":true,"num":0}]`, wiretest.Binary("question"))
	c.Send(`46`+packet, wiretest.Binary("answer"))
	if err := receive(t, done, "the answer"); err != nil {
		t.Error(err)
	}
}

func TestServerAnswers(t *testing.T) {
	t.Parallel()
	register := map[string]func(io *socketio.Server){
		"On": func(io *socketio.Server) {
			event.Answer(io, Sum, func(_ context.Context, _ *socketio.Socket, args SumArgs) (int, error) { return args.A + args.B, nil })
			event.Answer(io, AddUp, func(_ context.Context, _ *socketio.Socket, args Add) (Total, error) { return addUp(args), nil })
			event.Answer(io, Upper, func(_ context.Context, _ *socketio.Socket, s string) (string, error) { return strings.ToUpper(s), nil })
			event.Answer(io, Save, func(_ context.Context, s *socketio.Socket, m *Message) (event.None, error) {
				return event.None{}, s.Emit("saved", m)
			})
			event.Answer(io, Now, func(context.Context, *socketio.Socket, event.None) (int, error) { return 42, nil })
			event.Answer(io, Twice, func(_ context.Context, _ *socketio.Socket, n big.Int) (big.Int, error) { return *n.Add(&n, &n), nil })
		},
		"Once": func(io *socketio.Server) {
			event.AnswerOnce(io, Sum, func(_ context.Context, _ *socketio.Socket, args SumArgs) (int, error) { return args.A + args.B, nil })
			event.AnswerOnce(io, AddUp, func(_ context.Context, _ *socketio.Socket, args Add) (Total, error) { return addUp(args), nil })
			event.AnswerOnce(io, Upper, func(_ context.Context, _ *socketio.Socket, s string) (string, error) { return strings.ToUpper(s), nil })
			event.AnswerOnce(io, Save, func(_ context.Context, s *socketio.Socket, m *Message) (event.None, error) {
				return event.None{}, s.Emit("saved", m)
			})
			event.AnswerOnce(io, Now, func(context.Context, *socketio.Socket, event.None) (int, error) { return 42, nil })
			event.AnswerOnce(io, Twice, func(_ context.Context, _ *socketio.Socket, n big.Int) (big.Int, error) { return *n.Add(&n, &n), nil })
		},
		"Handle": func(io *socketio.Server) {
			Sum.Handle(io, func(_ context.Context, args SumArgs) (int, error) { return args.A + args.B, nil })
			AddUp.Handle(io, func(_ context.Context, args Add) (Total, error) { return addUp(args), nil })
			Upper.Handle(io, func(_ context.Context, s string) (string, error) { return strings.ToUpper(s), nil })
			Save.Handle(io, func(_ context.Context, m *Message) (event.None, error) { return event.None{}, io.Emit("saved", m) })
			Now.Handle(io, func(context.Context, event.None) (int, error) { return 42, nil })
			Twice.Handle(io, func(_ context.Context, n big.Int) (big.Int, error) { return *n.Add(&n, &n), nil })
		},
	}
	for name, register := range register {
		t.Run(name, func(t *testing.T) {
			transports(t, func(t *testing.T, transport string) {
				io, url, _ := newServer(t)
				register(io)
				c, _ := wiretest.Join(t, url, transport, "/")
				for _, exchange := range [][]string{
					{`420["sum",1,2]`, `430[3]`},
					{`421["add up",1,2,3]`, `431[{"total":6}]`},
					{`422["upper","loud"]`, `432["LOUD"]`},
					{`423["save",{"text":"x"}]`, `42["saved",{"room":"","text":"x"}]`, `433[]`},
					{`424["now"]`, `434[42]`},
					{`425["twice",21]`, `435[42]`},
				} {
					c.Send(exchange[0])
					c.Expect(exchange[1:]...)
				}
			})
		})
	}
}

func addUp(args Add) Total {
	total := Total{args.Start}
	for _, n := range args.Further {
		total.Total += n
	}
	return total
}

func TestErrorsAreNotAnswered(t *testing.T) {
	t.Parallel()
	transports(t, func(t *testing.T, transport string) {
		io, url, errs := newServer(t)
		failure := errors.New("overflow")
		event.Answer(io, Sum, func(context.Context, *socketio.Socket, SumArgs) (int, error) { return 0, failure })
		event.Answer(io, Save, func(context.Context, *socketio.Socket, *Message) (event.None, error) { return event.None{}, failure })
		Upper.Handle(io, func(context.Context, string) (string, error) { return "", failure })
		event.Answer(io, Now, func(context.Context, *socketio.Socket, event.None) (int, error) { return 1, nil })
		c, _ := wiretest.Join(t, url, transport, "/")
		c.Send(`420["sum",1,2]`, `421["save"]`, `422["upper",""]`, `423["now"]`)
		c.Expect(`433[1]`)
		for range 3 {
			if err := receive(t, errs, "an error"); !errors.Is(err, failure) {
				t.Errorf("the error hook got %v", err)
			}
		}
	})
}

// A question to a client, what it sees and says, and what becomes of that.
func testCall[Req, Res comparable](call event.Call[Req, Res], req Req, question, answer string, want Res) func(t *testing.T) {
	return func(t *testing.T) {
		transports(t, func(t *testing.T, transport string) {
			io, url, _ := newServer(t)
			c, s := join(t, io, url, transport)
			for i, to := range []socketio.Caller{s, s.Timeout(time.Minute)} {
				answered := make(chan error, 1)
				var got Res
				go func() {
					var err error
					got, err = call.Call(deadline(t), to, req)
					answered <- err
				}()
				number := string(rune('0' + i))
				c.Expect("42" + number + question)
				c.Send("43" + number + answer)
				if err := receive(t, answered, "the answer"); err != nil || got != want {
					t.Errorf("Call of a %T: %v, %v; want %v", to, got, err, want)
				}
			}
		})
	}
}

func TestCall(t *testing.T) {
	t.Parallel()
	t.Run("positions", testCall(Sum, SumArgs{1, 2}, `["sum",1,2]`, `[3]`, 3))
	t.Run("object", testCall(event.NewCall[event.None, Total]("x"), event.None{}, `["x"]`, `[{"total":6},"more"]`, Total{6}))
	t.Run("pointer", testCall(Save, &Message{"r", "t"}, `["save",{"room":"r","text":"t"}]`, `["whatever"]`, event.None{}))
	t.Run("one value", testCall(Upper, "loud", `["upper","loud"]`, `["LOUD"]`, "LOUD"))
	t.Run("empty answer", testCall(Upper, "loud", `["upper","loud"]`, `[]`, ""))
	t.Run("time", testCall(event.NewCall[time.Time, bool]("x"), time.Date(2020, 1, 2, 3, 4, 5, 0, time.UTC),
		`["x","2020-01-02T03:04:05Z"]`, `[true]`, true))
}

func TestAnswerWithMethodsOfThePointerToAPart(t *testing.T) {
	t.Parallel()
	io, url, _ := newServer(t)
	double := event.NewCall[*Count, Count]("double")
	event.Answer(io, double, func(_ context.Context, _ *socketio.Socket, c *Count) (Count, error) {
		var twice Count
		twice.N.Add(&c.N, &c.N)
		return twice, nil
	})
	c, _ := join(t, io, url, "websocket")
	c.Send(`420["double",{"N":12}]`)
	c.Expect(`430[{"N":24}]`)
}

func TestCallFails(t *testing.T) {
	t.Parallel()
	transports(t, func(t *testing.T, transport string) {
		io, url, _ := newServer(t)
		c, s := join(t, io, url, transport)
		result := make(chan error, 1)
		call := func(ctx context.Context) {
			n, err := Sum.Call(ctx, s, SumArgs{1, 2})
			if n != 0 {
				t.Errorf("Call returned %d with %v", n, err)
			}
			result <- err
		}

		go call(deadline(t))
		c.Expect(`420["sum",1,2]`)
		c.Send(`430["three"]`)
		var argErr *socketio.ArgError
		err := receive(t, result, "the answer")
		if !errors.As(err, &argErr) || argErr.Index != 0 {
			t.Errorf("an answer of the wrong type: %v", err)
		}
		var answer *socketio.AnswerError
		if !errors.As(err, &answer) || answer.Event != "sum" || answer.Args.String() != `["three"]` {
			t.Errorf("the error has %+v, want the answer to the event", answer)
		}

		canceled, cancel := context.WithCancel(t.Context())
		go call(canceled)
		c.Expect(`421["sum",1,2]`)
		cancel()
		if err := receive(t, result, "the answer"); !errors.Is(err, context.Canceled) {
			t.Errorf("a call that is given up: %v", err)
		}

		go call(deadline(t))
		c.Expect(`422["sum",1,2]`)
		c.Send("41")
		if err := receive(t, result, "the answer"); !errors.Is(err, net.ErrClosed) {
			t.Errorf("a client that leaves: %v", err)
		}
	})
}

func TestCallAll(t *testing.T) {
	t.Parallel()
	transports(t, func(t *testing.T, transport string) {
		io, url, _ := newServer(t)
		clients, ids := make([]*wiretest.Client, 3), make([]string, 3)
		for i := range clients {
			c, s := join(t, io, url, transport)
			clients[i], ids[i] = c, s.ID()
			if err := s.Join("room"); err != nil {
				t.Fatal(err)
			}
		}
		replies := Sum.CallAll(deadline(t), io.To("room"), SumArgs{1, 2})
		// It was sent before the caller consumed the replies.
		for i, answer := range []string{`[3]`, `["three"]`, ``} {
			c := clients[i]
			c.Expect(`420["sum",1,2]`)
			if answer == "" {
				c.Send("41")
			} else {
				c.Send("430" + answer)
			}
		}
		got := make(map[string]bool)
		for reply, err := range replies {
			got[reply.Socket] = true
			var argErr *socketio.ArgError
			switch reply.Socket {
			case ids[0]:
				if err != nil || reply.Value != 3 {
					t.Errorf("the first: %v, %v", reply, err)
				}
			case ids[1]:
				if !errors.As(err, &argErr) || argErr.Index != 0 || reply.Value != 0 {
					t.Errorf("the second: %v, %v", reply, err)
				}
			case ids[2]:
				if !errors.Is(err, net.ErrClosed) || reply.Value != 0 {
					t.Errorf("the third: %v, %v", reply, err)
				}
			default:
				t.Errorf("a stranger: %v, %v", reply, err)
			}
		}
		if len(got) != 3 {
			t.Errorf("heard of %d clients", len(got))
		}
	})
}

func TestCallAllStops(t *testing.T) {
	t.Parallel()
	io, url, _ := newServer(t)
	c1, _ := join(t, io, url, "websocket")
	c2, _ := join(t, io, url, "websocket")
	replies := Sum.CallAll(deadline(t), io, SumArgs{1, 2})
	for _, c := range []*wiretest.Client{c1, c2} {
		c.Expect(`420["sum",1,2]`)
		c.Send("430[3]")
	}
	for range replies {
		break
	}
	n := 0
	for _, err := range Sum.CallAll(t.Context(), io, SumArgs{1, 2}) {
		n++
		if !errors.Is(err, socketio.ErrNoDeadline) {
			t.Errorf("without a deadline: %v", err)
		}
	}
	if n != 1 {
		t.Errorf("%d replies without a deadline", n)
	}
}
