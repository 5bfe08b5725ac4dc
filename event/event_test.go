package event_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"reflect"
	"testing"
	"time"

	"github.com/seed96b07ef8/socketio"
	"github.com/seed96b07ef8/socketio/event"
	"github.com/seed96b07ef8/socketio/internal/wiretest"
)

type Message struct {
	Room string `json:"room"`
	Text string `json:"text"`
}

type Move struct {
	X, Y int
	hint string // is not sent
	Name string `json:"n,omitempty"` // names do not matter to positions

	Secret string `json:"-"` // is not sent, either
}

type Log struct {
	Level string
	Lines []string `event:"rest"`
}

type Parts struct {
	N     int
	Parts [][]byte `event:"rest"`
}

type Upload struct {
	Name string
	Data []byte
}

// What the package's documentation says the interfaces are for.
var (
	_ = []interface {
		event.Registrar
		event.SocketRegistrar[*socketio.Socket]
		event.Emitter
	}{(*socketio.Server)(nil), (*socketio.Namespace)(nil), (*socketio.ParentNamespace)(nil), (*socketio.Socket)(nil)}
	_ = []event.Emitter{socketio.Broadcast{}, socketio.Emitter{}, socketio.RemoteSocket{}}
	_ = []socketio.Caller{(*socketio.Socket)(nil), socketio.Emitter{}, socketio.RemoteSocket{}}
	_ = []event.Broadcaster{(*socketio.Server)(nil), (*socketio.Namespace)(nil), (*socketio.ParentNamespace)(nil), socketio.Broadcast{}}
)

// A received value and the wire form of the event that brings it.
func testReceive[T any](e event.Event[T], packets []string, want T) func(t *testing.T) {
	return func(t *testing.T) {
		transports(t, func(t *testing.T, transport string) {
			io, url, _ := newServer(t)
			got := make(chan T, 1)
			event.On(io, e, func(_ context.Context, _ *socketio.Socket, v T) error {
				got <- v
				return nil
			})
			c, _ := wiretest.Join(t, url, transport, "/")
			c.Send(packets...)
			if v := receive(t, got, "the event"); !reflect.DeepEqual(v, want) {
				t.Errorf("received %#v, want %#v", v, want)
			}
		})
	}
}

func TestReceive(t *testing.T) {
	t.Parallel()
	t.Run("object", testReceive(event.New[Message]("chat message"),
		[]string{`42["chat message",{"room":"r","text":"hi"}]`}, Message{"r", "hi"}))
	t.Run("number", testReceive(event.New[int64]("n"), []string{`42["n",9007199254740993]`}, 9007199254740993))
	t.Run("too few", testReceive(event.New[string]("s"), []string{`42["s"]`}, ""))
	t.Run("too many", testReceive(event.New[string]("s"), []string{`42["s","a","b",3]`}, "a"))
	t.Run("nothing", testReceive(event.New[event.None]("x"), []string{`42["x","ignored"]`}, event.None{}))
	t.Run("any", testReceive(event.New[any]("x"), []string{`42["x",["a",1]]`}, any([]any{"a", 1.0})))
	t.Run("binary", testReceive(event.New[[]byte]("b"),
		[]string{`451-["b",{"_placeholder":true,"num":0}]`, wiretest.Binary("\x01\x02")}, []byte{1, 2}))
	t.Run("time", testReceive(event.New[time.Time]("t"),
		[]string{`42["t","2020-02-03T04:05:06.007Z"]`}, time.Date(2020, 2, 3, 4, 5, 6, 7e6, time.UTC)))
	t.Run("positions", testReceive(event.NewArgs[Move]("move"), []string{`42["move",1,2,"n"]`}, Move{X: 1, Y: 2, Name: "n"}))
	t.Run("too few positions", testReceive(event.NewArgs[Move]("move"), []string{`42["move",1]`}, Move{X: 1}))
	t.Run("too many positions", testReceive(event.NewArgs[Move]("move"), []string{`42["move",1,2,"n","s",{}]`}, Move{X: 1, Y: 2, Name: "n"}))
	t.Run("no positions", testReceive(event.NewArgs[struct{}]("x"), []string{`42["x"]`}, struct{}{}))
	t.Run("rest", testReceive(event.NewArgs[Log]("log"), []string{`42["log","warn","a","b"]`}, Log{"warn", []string{"a", "b"}}))
	t.Run("binary rest", testReceive(event.NewArgs[Parts]("parts"),
		[]string{`452-["parts",7,{"_placeholder":true,"num":1},{"_placeholder":true,"num":0}]`, wiretest.Binary("x"), wiretest.Binary("y")},
		Parts{7, [][]byte{[]byte("y"), []byte("x")}}))
	t.Run("no rest", testReceive(event.NewArgs[Log]("log"), []string{`42["log","warn"]`}, Log{"warn", nil}))
	t.Run("binary position", testReceive(event.NewArgs[Upload]("up"),
		[]string{`451-["up","f",{"_placeholder":true,"num":0}]`, wiretest.Binary("x")}, Upload{"f", []byte("x")}))
}

// A value and the wire form in which it is sent.
func testEmit[T any](e event.Event[T], v T, want ...string) func(t *testing.T) {
	return func(t *testing.T) {
		transports(t, func(t *testing.T, transport string) {
			io, url, _ := newServer(t)
			c, s := join(t, io, url, transport)
			sockets, err := io.FetchSockets(deadline(t))
			if err != nil || len(sockets) != 1 {
				t.Fatalf("FetchSockets: %v, %v", sockets, err)
			}
			for _, to := range []event.Emitter{io, io.Of("/"), io.To(s.ID()), s, s.Compress(false), sockets[0]} {
				if err := e.Emit(to, v); err != nil {
					t.Fatalf("Emit to %T: %v", to, err)
				}
				c.Expect(want...)
			}
		})
	}
}

func TestEmit(t *testing.T) {
	t.Parallel()
	t.Run("object", testEmit(event.New[Message]("chat message"), Message{"r", "hi"}, `42["chat message",{"room":"r","text":"hi"}]`))
	t.Run("pointer", testEmit(event.New[*Message]("m"), nil, `42["m",null]`))
	t.Run("nothing", testEmit(event.New[event.None]("x"), event.None{}, `42["x"]`))
	t.Run("borrowed", testEmit(event.New[socketio.Borrowed]("b"), socketio.Borrowed("\x01"), `451-["b",{"_placeholder":true,"num":0}]`, wiretest.Binary("\x01")))
	t.Run("binary", testEmit(event.New[[]byte]("b"), []byte("\x01"), `451-["b",{"_placeholder":true,"num":0}]`, wiretest.Binary("\x01")))
	t.Run("positions", testEmit(event.NewArgs[Move]("move"), Move{1, 2, "x", "n", "s"}, `42["move",1,2,"n"]`))
	t.Run("no positions", testEmit(event.NewArgs[struct{}]("x"), struct{}{}, `42["x"]`))
	t.Run("rest", testEmit(event.NewArgs[Log]("log"), Log{"warn", []string{"a", "b"}}, `42["log","warn","a","b"]`))
	t.Run("binary rest", testReceive(event.NewArgs[Parts]("parts"),
		[]string{`452-["parts",7,{"_placeholder":true,"num":1},{"_placeholder":true,"num":0}]`, wiretest.Binary("x"), wiretest.Binary("y")},
		Parts{7, [][]byte{[]byte("y"), []byte("x")}}))
	t.Run("no rest", testEmit(event.NewArgs[Log]("log"), Log{"warn", nil}, `42["log","warn"]`))
	// A *big.Int has methods for its JSON, a big.Int has none.
	n := *big.NewInt(12)
	t.Run("methods of the pointer", testEmit(event.New[big.Int]("n"), n, `42["n",12]`))
	t.Run("methods of the pointer to a field", testEmit(event.NewArgs[Numbers]("n"), Numbers{n, []big.Int{n, n}}, `42["n",12,12,12]`))
	t.Run("methods of the pointer to a part", testEmit(event.New[Nested]("n"), Nested{[1]Count{{n}}}, `42["n",{"Counts":[{"N":12}]}]`))
	t.Run("methods of the pointer to a part of a field", testEmit(event.NewArgs[NestedArgs]("n"),
		NestedArgs{1, Count{n}, []Count{{n}}}, `42["n",1,{"N":12},{"N":12}]`))
}

type Count struct{ N big.Int }

type Nested struct{ Counts [1]Count }

type NestedArgs struct {
	A    int
	B    Count
	Rest []Count `event:"rest"`
}

type Numbers struct {
	N    big.Int
	Rest []big.Int `event:"rest"`
}

func TestAcknowledgementOfAnEvent(t *testing.T) {
	t.Parallel()
	transports(t, func(t *testing.T, transport string) {
		io, url, errs := newServer(t)
		failure := errors.New("not today")
		event.On(io, event.New[bool]("set"), func(_ context.Context, _ *socketio.Socket, ok bool) error {
			if !ok {
				return failure
			}
			return nil
		})
		c, _ := wiretest.Join(t, url, transport, "/")
		c.Send(`421["set",false]`, `422["set",true]`)
		c.Expect(`432[]`)
		if err := receive(t, errs, "the error"); !errors.Is(err, failure) {
			t.Errorf("the error hook got %v", err)
		}
	})
}

func TestArgumentsThatDoNotFit(t *testing.T) {
	t.Parallel()
	fail := func(t *testing.T) { t.Error("the handler was called") }
	tests := []struct {
		name     string
		register func(t *testing.T, io *socketio.Server)
		packet   string
		event    string
		index    int
		typ      reflect.Type
	}{
		{"value", func(t *testing.T, io *socketio.Server) {
			event.On(io, event.New[Message]("m"), func(context.Context, *socketio.Socket, Message) error { fail(t); return nil })
		}, `42["m","text"]`, "m", 0, reflect.TypeFor[Message]()},
		{"position", func(t *testing.T, io *socketio.Server) {
			event.On(io, event.NewArgs[Move]("m"), func(context.Context, *socketio.Socket, Move) error { fail(t); return nil })
		}, `42["m",1,"two"]`, "m", 1, reflect.TypeFor[int]()},
		{"rest", func(t *testing.T, io *socketio.Server) {
			event.On(io, event.NewArgs[Log]("m"), func(context.Context, *socketio.Socket, Log) error { fail(t); return nil })
		}, `42["m","warn","a",{}]`, "m", 2, reflect.TypeFor[string]()},
		{"call", func(t *testing.T, io *socketio.Server) {
			event.Answer(io, event.NewCall[Move, int]("c"), func(context.Context, *socketio.Socket, Move) (int, error) { fail(t); return 0, nil })
		}, `420["c",1,2,3]`, "c", 2, reflect.TypeFor[string]()},
		{"handle", func(t *testing.T, io *socketio.Server) {
			event.NewArgs[Move]("m").Handle(io, func(context.Context, Move) error { fail(t); return nil })
		}, `42["m",null,[]]`, "m", 1, reflect.TypeFor[int]()},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			transports(t, func(t *testing.T, transport string) {
				io, url, errs := newServer(t)
				test.register(t, io)
				c, _ := wiretest.Join(t, url, transport, "/")
				c.Send(test.packet)
				err := receive(t, errs, "the error")
				var eventErr *socketio.EventError
				if !errors.As(err, &eventErr) || eventErr.Event != test.event {
					t.Errorf("got %v, want an EventError of %q", err, test.event)
				}
				var argErr *socketio.ArgError
				if !errors.As(err, &argErr) || argErr.Index != test.index || argErr.Type != test.typ {
					t.Errorf("got %#v (%v), want position %d and type %v", argErr, err, test.index, test.typ)
				}
			})
		})
	}
}

func TestEmitOfWhatCannotBeEncoded(t *testing.T) {
	t.Parallel()
	io, _, _ := newServer(t)
	e := event.NewArgs[struct {
		A int
		B json.RawMessage
	}]("e")
	err := e.Emit(io, struct {
		A int
		B json.RawMessage
	}{1, json.RawMessage("{")})
	var argErr *socketio.ArgError
	if !errors.As(err, &argErr) || argErr.Index != 1 {
		t.Errorf("Emit returned %v, want an ArgError for argument 1", err)
	}
}

func TestOnceAndOff(t *testing.T) {
	t.Parallel()
	transports(t, func(t *testing.T, transport string) {
		io, url, _ := newServer(t)
		ping, done := event.New[int]("ping"), event.New[event.None]("done")
		var once, always []int // guarded by the order of the socket's events
		event.Once(io, ping, func(_ context.Context, _ *socketio.Socket, n int) error {
			once = append(once, n)
			return nil
		})
		off := event.On(io.Of("/"), ping, func(_ context.Context, _ *socketio.Socket, n int) error {
			always = append(always, n)
			return nil
		})
		event.On(io, event.New[event.None]("off"), func(context.Context, *socketio.Socket, event.None) error {
			off()
			return nil
		})
		end := make(chan struct{})
		event.On(io, done, func(context.Context, *socketio.Socket, event.None) error {
			close(end)
			return nil
		})
		c, _ := wiretest.Join(t, url, transport, "/")
		c.Send(`42["ping",1]`, `42["ping",2]`, `42["off"]`, `42["ping",3]`, `42["done"]`)
		receive(t, end, "the last event")
		if !reflect.DeepEqual(once, []int{1}) || !reflect.DeepEqual(always, []int{1, 2}) {
			t.Errorf("Once got %v, On got %v", once, always)
		}
	})
}

func TestOnASocketAndAParent(t *testing.T) {
	t.Parallel()
	transports(t, func(t *testing.T, transport string) {
		io, url, _ := newServer(t)
		hello := event.New[string]("hello")
		parent := io.OfFunc(func(string, socketio.Args) bool { return true })
		event.On(parent, hello, func(_ context.Context, s *socketio.Socket, name string) error {
			return hello.Emit(s, "parent greets "+name)
		})
		parent.OnConnect(func(s *socketio.Socket) {
			event.On(s, hello, func(ctx context.Context, same *socketio.Socket, name string) error {
				if same != s || ctx.Err() != nil {
					return fmt.Errorf("called for %v with %v", same, ctx.Err())
				}
				return hello.Emit(s, "socket greets "+name)
			})
		})
		c, _ := wiretest.Join(t, url, transport, "/dynamic")
		c.Send(`42/dynamic,["hello","you"]`)
		c.Expect(`42/dynamic,["hello","parent greets you"]`, `42/dynamic,["hello","socket greets you"]`)
	})
}

func TestHandle(t *testing.T) {
	t.Parallel()
	transports(t, func(t *testing.T, transport string) {
		io, url, _ := newServer(t)
		got := make(chan Message, 1)
		event.New[Message]("m").Handle(io, func(ctx context.Context, m Message) error {
			got <- m
			return ctx.Err()
		})
		c, _ := wiretest.Join(t, url, transport, "/")
		c.Send(`427["m",{"text":"hi"}]`)
		if m := receive(t, got, "the event"); m != (Message{Text: "hi"}) {
			t.Errorf("received %v", m)
		}
		c.Expect(`437[]`)
	})
}
