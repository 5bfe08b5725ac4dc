package socketio_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/seed96b07ef8/socketio"
	"github.com/seed96b07ef8/socketio/internal/wiretest"
)

type point struct {
	X int `json:"x"`
	Y int `json:"y"`
}

func TestHandlerShapes(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name    string
		handler any
		send    string // an event "e" with ID 0
		want    string
	}{
		{"results", func(a, b int) int { return a + b }, `420["e",1,2]`, `430[3]`},
		{"two results", func(s string) (string, int) { return s, len(s) }, `420["e","hi"]`, `430["hi",2]`},
		{"result and nil error", func(a int) (int, error) { return a, nil }, `420["e",4]`, `430[4]`},
		{"only a nil error", func(a int) error { return nil }, `420["e",4]`, `430[]`},
		{"nil error of a common shape", func(*socketio.Socket, string) error { return nil }, `420["e","x"]`, `430[]`},
		{"nil error of Args", func(context.Context, *socketio.Socket, socketio.Args) error { return nil }, `420["e","x"]`, `430[]`},
		{"context and socket", func(ctx context.Context, s *socketio.Socket, a int) bool { return ctx == s.Context() }, `420["e",4]`, `430[true]`},
		{"context alone", func(ctx context.Context) bool { return ctx.Err() == nil }, `420["e"]`, `430[true]`},
		{"struct", func(p point) point { return point{p.Y, p.X} }, `420["e",{"x":1,"y":2}]`, `430[{"x":2,"y":1}]`},
		{"methods in place of fields", func(at time.Time, _ struct{}) int { return at.Year() }, `420["e","2026-12-01T00:00:00Z",{}]`, `430[2026]`},
		{"pointer", func(p *point) *point { return p }, `420["e",{"x":1,"y":2}]`, `430[{"x":1,"y":2}]`},
		{"map and slice", func(m map[string]int, s []string) (int, int) { return len(m), len(s) }, `420["e",{"a":1},["x","y"]]`, `430[1,2]`},
		{"any", func(v any) any { return v }, `420["e",{"a":[1,null,"x"]}]`, `430[{"a":[1,null,"x"]}]`},
		{"raw JSON", func(v json.RawMessage) json.RawMessage { return v }, `420["e",{"b":1,  "a":2}]`, `430[{"b":1,  "a":2}]`},
		{"exact integers", func(a int64, b uint64) (int64, uint64) { return a, b }, `420["e",-9223372036854775808,18446744073709551615]`, `430[-9223372036854775808,18446744073709551615]`},
		{"too few arguments", func(a int, s string, p *point) string { return fmt.Sprint(a, s == "", p == nil) }, `420["e",1]`, `430["1 true true"]`},
		{"too many arguments", func(a int) int { return a }, `420["e",1,2,3]`, `430[1]`},
		{"variadic", func(s string, rest ...int) int { return len(rest) }, `420["e","x",1,2,3]`, `430[3]`},
		{"empty variadic", func(rest ...string) int { return len(rest) }, `420["e"]`, `430[0]`},
		{"Args", func(a int, rest socketio.Args) string { return fmt.Sprintf("%d %s", rest.Len(), rest.Raw(1)) }, `420["e",1,"x",true]`, `430["2 true"]`},
		{"Args as a result", func(args socketio.Args) (bool, socketio.Args) { return true, args }, `420["e",1,{"a":9007199254740993}]`, `430[true,1,{"a":9007199254740993}]`},
		{"ack(Args)", func(args socketio.Args, ack func(socketio.Args)) { ack(args.From(1)) }, `420["e",1,"x",[2]]`, `430["x",[2]]`},
		{"ack()", func(ack func()) { ack() }, `420["e"]`, `430[]`},
		{"ack(string)", func(s string, ack func(string)) { ack("hi " + s) }, `420["e","bob"]`, `430["hi bob"]`},
		{"ack(any)", func(v any, ack func(any)) { ack(v) }, `420["e",[1]]`, `430[[1]]`},
		{"ack(...any)", func(ack func(...any)) { ack(1, "two") }, `420["e"]`, `430[1,"two"]`},
		{"ack of its own shape", func(ack func(int, point)) { ack(1, point{2, 3}) }, `420["e"]`, `430[1,{"x":2,"y":3}]`},
		{"variadic ack of its own shape", func(ack func(string, ...int)) { ack("n", 2, 3) }, `420["e"]`, `430["n",2,3]`},
		{"ack twice", func(ack func(string)) { ack("one"); ack("two") }, `420["e"]`, `430["one"]`},
		{"nothing of use is null", func() float64 { return math.NaN() }, `420["e"]`, `430[null]`},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			io, url, errs := newServer(t, nil)
			io.On("e", c.handler)
			client, _ := wiretest.Join(t, url, "websocket", "/")
			client.Send(c.send)
			client.Expect(c.want)
			for _, err := range errs.all() {
				t.Error(err)
			}
		})
	}
}

func TestHandlersOfTheWrongShape(t *testing.T) {
	t.Parallel()
	io, _, _ := newServer(t, nil)
	cases := []struct {
		name    string
		event   string
		handler any
		want    string
	}{
		{"nil", "e", nil, "\"e\" is nil"},
		{"nil function", "e", (func(int))(nil), "it is nil"},
		{"no function", "e", 42, "it is not a function"},
		{"channel", "e", func(chan int) {}, "nothing can be decoded into a chan int"},
		{"slice of functions", "e", func([]func()) {}, "parameter []func(): nothing can be decoded into a func()"},
		{"map to pointers to channels", "e", func(map[string]*chan int) {}, "parameter map[string]*chan int: nothing can be decoded into a chan int"},
		{"function in the middle", "e", func(func(), int) {}, "an ack function has to be the last parameter"},
		{"interface with methods", "e", func(fmt.Stringer) {}, "nothing can be decoded into the interface fmt.Stringer"},
		{"context in the middle", "e", func(int, context.Context) {}, "the context has to be the first parameter"},
		//lint:ignore ST1008 that is what is wrong with it
		{"error first", "e", func() (error, int) { return nil, 0 }, "an error has to be its last result"},
		{"ack with results", "e", func(func(string) int) {}, "its ack function must not return anything"},
		{"ack and results", "e", func(func(string)) int { return 0 }, "both be the acknowledgement"},
		{"Args and variadic", "e", func(socketio.Args, ...int) {}, "both take the rest"},
		{"the server", "e", func(*socketio.Server) {}, "a *socketio.Server is not received"},
		{"something that is not an argument", "e", func(*slog.Logger) {}, "parameter *slog.Logger: nothing can be decoded into a struct without exported fields"},
		{"the same by value", "e", func(string, ...struct{ n int }) {}, "parameter struct { n int }: nothing can be decoded"},
		{"reserved event", "disconnect", func() {}, "use OnConnect, OnDisconnecting or OnDisconnect"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			defer func() {
				v := fmt.Sprint(recover())
				if !strings.Contains(v, c.want) || !strings.Contains(v, fmt.Sprintf("%q", c.event)) {
					t.Errorf("panicked with %s, want it to contain %q", v, c.want)
				}
			}()
			io.On(c.event, c.handler)
			t.Error("no panic")
		})
	}
}

func TestHandlerErrors(t *testing.T) {
	t.Parallel()
	io, url, errs := newServer(t, nil)
	failure := errors.New("no luck")
	io.On("fail", func() (int, error) { return 1, failure })
	io.On("typed", func(s string, n int) int { return n })
	io.On("unencodable", func() any { return func() {} })
	io.On("ok", func() string { return "still here" })
	c, _ := wiretest.Join(t, url, "websocket", "/")
	c.Send(`421["fail"]`, `422["typed","x","not a number"]`, `423["unencodable"]`, `424["ok"]`)
	c.Expect(`434["still here"]`)

	all := errs.all()
	if len(all) != 3 {
		t.Fatalf("got %d errors: %v", len(all), all)
	}
	for i, event := range []string{"fail", "typed", "unencodable"} {
		var ee *socketio.EventError
		if !errors.As(all[i], &ee) || ee.Event != event {
			t.Errorf("error %d is %v, want an EventError of %q", i, all[i], event)
		}
	}
	if !errors.Is(all[0], failure) {
		t.Errorf("%v does not wrap what the handler returned", all[0])
	}
	var ae *socketio.ArgError
	if !errors.As(all[1], &ae) || ae.Index != 1 || ae.Type.String() != "int" {
		t.Errorf("%v does not name position and type", all[1])
	}
}

func TestHandlerPanicEndsItsSocketOnly(t *testing.T) {
	t.Parallel()
	transports(t, func(t *testing.T, transport string) {
		t.Parallel()
		io, url, errs := newServer(t, nil)
		reasons := make(chan socketio.Reason, 1)
		io.OnDisconnect(func(_ *socketio.Socket, reason socketio.Reason) { reasons <- reason })
		io.On("boom", func() { panic("out of order") })
		io.On("never", func() { t.Error("an event behind the panic was handled") })
		io.Of("/other").On("ping", func() string { return "pong" })
		c, _ := wiretest.Join(t, url, transport, "/")
		c.Join("/other")
		c.Send(`42["boom"]`, `42["never"]`)
		c.Expect(`41`)
		c.Send(`42/other,1["ping"]`)
		c.Expect(`43/other,1["pong"]`)
		if reason := receive(t, reasons, "the disconnection"); reason != socketio.ServerNamespaceDisconnect {
			t.Errorf("reason %q", reason)
		}
		var pe *socketio.PanicError
		if all := errs.all(); len(all) != 1 || !errors.As(all[0], &pe) || pe.Value != "out of order" || !strings.Contains(string(pe.Stack), "handler_test.go") {
			t.Errorf("errors: %v", all)
		}
	})
}

func TestListenersRunInOrderOfRegistration(t *testing.T) {
	t.Parallel()
	io, url, _ := newServer(t, nil)
	var got []string
	note := func(s string) func() { return func() { got = append(got, s) } }
	io.On("e", note("namespace 1"))
	var off func()
	io.OnConnect(func(s *socketio.Socket) {
		s.On("e", note("socket 1"))
		off = io.On("e", note("namespace 2"))
		s.On("e", note("socket 2"))
	})
	io.On("off", func() { off() })
	io.On("got", func() []string { return got })
	c, _ := wiretest.Join(t, url, "websocket", "/")
	c.Send(`42["e"]`, `42["off"]`, `42["e"]`, `420["got"]`)
	c.Expect(`430[["namespace 1","socket 1","namespace 2","socket 2","namespace 1","socket 1","socket 2"]]`)
}

func TestEventsKeepTheirOrder(t *testing.T) {
	t.Parallel()
	transports(t, func(t *testing.T, transport string) {
		t.Parallel()
		// More than fits into the inbox, so that the reading has to wait.
		io, url, _ := newServer(t, &socketio.Options{InboxEvents: 16})
		const n = 2000
		next := 0
		io.On("n", func(s *socketio.Socket, i int) error {
			if i != next {
				t.Errorf("event %d came when %d was due", i, next)
			}
			next = i + 1
			return s.Emit("n", i)
		})
		c, _ := wiretest.Join(t, url, transport, "/")
		var batch []string
		for i := range n {
			if batch = append(batch, fmt.Sprintf(`42["n",%d]`, i)); len(batch) == 100 {
				c.Send(batch...)
				batch = nil
			}
		}
		for i := range n {
			c.Expect(fmt.Sprintf(`42["n",%d]`, i))
		}
	})
}

// insider keeps its text within itself.
type insider struct {
	buf  [16]byte
	text []byte
}

func (v *insider) UnmarshalJSON(b []byte) error {
	v.text = append(v.buf[:0], b...)
	return nil
}

// A handler may keep values that point into themselves, also as parts of others.
func TestArgumentsThatPointIntoThemselves(t *testing.T) {
	t.Parallel()
	io, url, _ := newServer(t, nil)
	kept := make(chan struct {
		V insider
		N int
	}, 3)
	io.On("keep", func(v struct {
		V insider
		N int
	}, other int) {
		kept <- v
	})
	c, _ := wiretest.Join(t, url, "websocket", "/")
	c.Send(`42["keep",{"V":"a","N":1},2]`, `42["keep",{"V":"b","N":1},2]`, `42["keep",{"V":"c","N":1},2]`)
	first, second, third := receive(t, kept, "a value"), receive(t, kept, "a value"), receive(t, kept, "a value")
	if string(first.V.text) != `"a"` || string(second.V.text) != `"b"` || string(third.V.text) != `"c"` {
		t.Errorf("got %s, %s, %s", first.V.text, second.V.text, third.V.text)
	}
}
