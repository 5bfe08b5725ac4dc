package event_test

import (
	"context"
	"fmt"
	"math/big"
	"net/netip"
	"regexp"
	"testing"
	"time"

	"github.com/seed96b07ef8/socketio"
	"github.com/seed96b07ef8/socketio/event"
)

type Node struct {
	Value    int
	Children []*Node
	private  chan int
	Skipped  func() `json:"-"`
}

type BadTag struct {
	A int `event:"first"`
}

type BadRest struct {
	A int `event:"rest"`
}

type BytesRest struct {
	A []byte `event:"rest"`
}

type RestFirst struct {
	A []int `event:"rest"`
	B int
}

type PrivateRest struct {
	a []int `event:"rest"`
}

type Embedding struct {
	Message
	N int
}

type Hidden struct{ a int }

type HiddenRest struct {
	A []int `event:"rest" json:"-"`
}

type HiddenOnly struct {
	A int `json:"-"`
}

type hidden struct{ C chan int }

type Promoting struct {
	hidden
	A int
}

type PromotingTwice struct{ *Promoting }

// Covering has a field of the name of a promoted one, which is not sent then.
type Covering struct {
	hidden
	C int
}

// Optional has a function that is left out when it is nil.
type Optional struct {
	A    int
	Done func() `json:",omitzero"`
}

type Deep struct {
	A map[string][]struct{ C chan int }
}

// panicOf returns what f panics with.
func panicOf(f func()) (message string) {
	defer func() {
		if v := recover(); v != nil {
			message = fmt.Sprint(v)
		}
	}()
	f()
	return ""
}

func TestConstructorsPanic(t *testing.T) {
	t.Parallel()
	_, _ = PrivateRest{}.a, Hidden{}.a
	tests := []struct {
		name string
		make func()
		want string
	}{
		{"reserved", func() { event.New[int]("connect") }, `event: "connect": reserved event name`},
		{"reserved args", func() { event.NewArgs[Move]("disconnect") }, `event: "disconnect": reserved event name`},
		{"reserved call", func() { event.NewCall[int, int]("connect_error") }, `event: "connect_error": reserved event name`},
		{"channel", func() { event.New[chan int]("e") }, `event: "e": a chan int cannot be sent`},
		{"function", func() { event.New[func()]("e") }, `event: "e": a func\(\) cannot be sent`},
		{"complex", func() { event.New[[]complex128]("e") }, `a complex128 cannot be sent`},
		{"error", func() { event.New[error]("e") }, `nothing can be decoded into the interface error`},
		{"Args", func() { event.New[socketio.Args]("e") }, `a parser.Args is not sent`},
		{"Socket", func() { event.New[*socketio.Socket]("e") }, `a \*socketio.Socket is not sent`},
		{"deep", func() { event.New[Deep]("e") }, `event_test.Deep.A: .*C: a chan int cannot be sent`},
		{"keys", func() { event.New[map[float64]int]("e") }, `its keys are not strings`},
		{"no struct", func() { event.NewArgs[int]("e") }, `event: "e": int is not a struct`},
		{"pointer", func() { event.NewArgs[*Move]("e") }, `\*event_test.Move is not a struct`},
		{"time", func() { event.NewArgs[time.Time]("e") }, `time.Time is one value`},
		{"field", func() { event.NewArgs[struct{ A, B chan int }]("e") }, `}.A: a chan int cannot be sent`},
		{"tag", func() { event.NewArgs[BadTag]("e") }, `event_test.BadTag.A has the tag event:"first"`},
		{"rest", func() { event.NewArgs[BadRest]("e") }, `event_test.BadRest.A has to be a slice of arguments, not a int`},
		{"bytes rest", func() { event.NewArgs[BytesRest]("e") }, `has to be a slice of arguments, not a \[\]uint8`},
		{"rest first", func() { event.NewArgs[RestFirst]("e") }, `RestFirst.A takes the rest of the arguments, nothing is left for B`},
		{"private rest", func() { event.NewArgs[PrivateRest]("e") }, `PrivateRest.a is not exported`},
		{"rest that is not sent", func() { event.NewArgs[HiddenRest]("e") }, `HiddenRest.A has the tags event:"rest" and json:"-"`},
		{"nothing that is sent", func() { event.NewArgs[HiddenOnly]("e") }, `HiddenOnly has no exported field that is sent`},
		{"promoted", func() { event.New[Promoting]("e") }, `event_test.Promoting.C: a chan int cannot be sent`},
		{"promoted twice", func() { event.New[[]PromotingTwice]("e") }, `event_test.PromotingTwice.C: a chan int cannot be sent`},
		{"promoted to a request", func() { event.NewCall[*Promoting, int]("e") }, `event_test.Promoting.C: a chan int cannot be sent`},
		{"promoted to an answer", func() { event.NewCall[int, Promoting]("e") }, `event_test.Promoting.C: a chan int cannot be sent`},
		{"broadcast", func() { event.New[socketio.Broadcast]("e") }, `a socketio.Broadcast is not sent`},
		{"embedding", func() { event.NewArgs[Embedding]("e") }, `Embedding embeds event_test.Message`},
		{"hidden", func() { event.NewArgs[Hidden]("e") }, `event_test.Hidden has no exported field`},
		{"request", func() { event.NewCall[Hidden, int]("e") }, `event_test.Hidden has no exported field`},
		{"request Args", func() { event.NewCall[socketio.Args, int]("e") }, `a parser.Args is not sent`},
		{"answer", func() { event.NewCall[int, error]("e") }, `nothing can be decoded into the interface error`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := panicOf(test.make); !regexp.MustCompile(test.want).MatchString(got) {
				t.Errorf("panicked with %q, want %s", got, test.want)
			}
		})
	}
}

func TestConstructorsAccept(t *testing.T) {
	t.Parallel()
	_ = Node{}.private
	for _, e := range []interface{ Name() string }{
		event.New[any]("e"),
		event.New[Node]("e"),
		event.New[*Node]("e"),
		event.New[map[int]Node]("e"),
		event.New[map[netip.Addr]bool]("e"),
		event.New[[4]byte]("e"),
		event.New[Hidden]("e"), // {}, for what it is worth
		event.New[Embedding]("e"),
		event.New[Covering]("e"),
		event.New[Optional]("e"),
		event.New[big.Int]("e"),
		event.NewArgs[struct {
			A time.Time
			B Hidden
		}]("e"),
		event.NewCall[big.Int, []any]("e"),
		event.NewCall[any, any]("e"),
	} {
		if e.Name() != "e" {
			t.Errorf("%T has the name %q", e, e.Name())
		}
	}
}

func TestMisuseAtRunTime(t *testing.T) {
	t.Parallel()
	io := socketio.NewServer(nil)
	tests := []struct {
		name string
		do   func()
		want string
	}{
		{"zero event", func() { _ = event.Event[int]{}.Emit(io, 1) }, "event: the zero value of an Event or Call"},
		{"zero call", func() { _, _ = event.Call[int, int]{}.Call(t.Context(), nil, 1) }, ""},
		{"nil handler", func() { event.On[*socketio.Socket](io, event.New[int]("e"), nil) }, `event: the handler of "e" is nil`},
		{"nil Handle", func() { event.New[int]("e").Handle(io, nil) }, `event: the handler of "e" is nil`},
		{"nil call handler", func() { event.Answer[*socketio.Socket](io, Sum, nil) }, `event: the handler of "sum" is nil`},
		{"nil call Handle", func() { Sum.Handle(io, nil) }, `event: the handler of "sum" is nil`},
		{"zero handler", func() {
			event.On(io, event.Event[int]{}, func(context.Context, *socketio.Socket, int) error { return nil })
		}, "event: the zero value"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := panicOf(test.do); got == "" || !regexp.MustCompile("^"+test.want).MatchString(got) {
				t.Errorf("panicked with %q, want %s", got, test.want)
			}
		})
	}
}
