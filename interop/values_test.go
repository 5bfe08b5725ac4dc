package interop

import (
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/seed96b07ef8/socketio"
)

// kinds is JavaScript: a list of values of every kind that JSON has.
const kinds = `[
	"", "text", "ünïcödé", "日本語", "👩‍👩‍👧 emoji", "\u2028\u2029", "\u0000\u001f\u007f", "\\ \" / <b>&amp;</b>", "\ud800",
	0, 1, -1, 2 ** 31, -(2 ** 31) - 1, 2 ** 53 - 1, -(2 ** 53) + 1, 1e21, 1e-7, 1.5, -0.1, 5e-324, 1.7976931348623157e308,
	true, false, null,
	[], [[]], [1, [2, [3, [4]]]], [null, "x"],
	{}, { a: { b: { c: [ { d: null } ] } } }, { "": 0, "é\u2028": "ü", "__proto__x": 1, "10": "a", "9": "b" },
]`

// An array of values that the client sends is returned as it was, whatever Go type
// took it in between, and the same values sent one by one as well.
func TestEveryKindOfValue(t *testing.T) {
	eachVersion(t, func(t *testing.T, v variant) {
		io := serve(t, nil)
		io.On("any", func(s *socketio.Socket, args ...any) error { return s.Emit("any", args...) })
		io.On("raw", func(s *socketio.Socket, args ...json.RawMessage) error {
			values := make([]any, len(args))
			for i, a := range args {
				values[i] = a
			}
			return s.Emit("raw", values...)
		})
		io.On("args", func(s *socketio.Socket, args socketio.Args) error {
			values := make([]any, args.Len())
			for i := range values {
				if err := args.DecodeAt(i, &values[i]); err != nil {
					return err
				}
			}
			return s.Emit("args", values...)
		})

		c := v.connect(t, io, "")
		for _, event := range []string{"any", "raw", "args"} {
			c.Run(`
				const sent = `+kinds+`;
				const got = new Promise((resolve) => socket.once(args[0], (...values) => resolve(values)));
				socket.emit(args[0], ...sent);
				const wellFormed = (v) => v === "\ud800" ? "\ufffd" : v; // a lone surrogate has no UTF-8
				const want = args[0] === "raw" ? sent : sent.map(wellFormed);
				const values = await got;
				if (args[0] === "raw") want[8] = values[8]; // whether it stays is nobody's concern
				assert.deepStrictEqual(values, want);
				return;
			`, event)
		}
	})
}

// What Go values become in JavaScript.
func TestGoValuesInJavaScript(t *testing.T) {
	type inner struct {
		Name string `json:"name"`
		Skip string `json:"-"`
		None *int   `json:"none,omitempty"`
	}
	type value struct {
		Inner  inner            `json:"inner"`
		List   []inner          `json:"list"`
		Map    map[string]int   `json:"map"`
		Time   time.Time        `json:"time"`
		Any    any              `json:"any"`
		Number json.Number      `json:"number"`
		Raw    json.RawMessage  `json:"raw"`
		Ptr    *float64         `json:"ptr"`
		IntMap map[int]struct{} `json:"intMap"`
		Bytes  [3]byte          `json:"bytes"`
	}
	each(t, func(t *testing.T, v variant) {
		io := serve(t, nil)
		c := v.connect(t, io, "")
		half := 0.5
		err := io.Emit("value", value{
			Inner:  inner{Name: "n", Skip: "s"},
			List:   []inner{{Name: "\u2028👋"}},
			Map:    map[string]int{"a": 1},
			Time:   time.Date(2026, 11, 20, 1, 2, 3, 45e6, time.UTC),
			Any:    []any{nil, 1e21, 1e-7, int64(-5), uint64(math.MaxUint32)},
			Number: "12.50",
			Raw:    json.RawMessage(`{"z": 1, "a": [ 2 ]}`),
			Ptr:    &half,
			IntMap: map[int]struct{}{7: {}},
			Bytes:  [3]byte{1, 2, 3},
		}, math.NaN(), math.Inf(-1), int64(math.MaxInt64), "", nil, []int(nil))
		if err != nil {
			t.Fatal(err)
		}
		equal(t, c.Expect("value"), `[{
			"inner": {"name": "n"}, "list": [{"name": "\u2028👋"}], "map": {"a": 1},
			"time": "2026-11-20T01:02:03.045Z", "any": [null, 1e21, 1e-7, -5, 4294967295], "number": 12.5,
			"raw": {"z": 1, "a": [2]}, "ptr": 0.5, "intMap": {"7": {}}, "bytes": [1, 2, 3]
		}, null, null, 9223372036854776000, "", null, null]`) // as JavaScript rounds it
	})
}

// What a server passes on never makes a client close its connection: numbers beyond
// float64 arrive, and an object that looks like a placeholder does too, or is refused.
func TestPassingOn(t *testing.T) {
	each(t, func(t *testing.T, v variant) {
		io := serve(t, nil)
		io.On("pass on", func(s *socketio.Socket, args socketio.Args) error {
			err := s.Emit("passed on", args, []byte("binary"))
			if _, ok := errors.AsType[*socketio.ArgError](err); !ok {
				t.Errorf("Emit beside binary data returned %v, want an ArgError", err)
			}
			return s.Emit("passed on", args)
		})
		c := v.connect(t, io, "")
		c.Run(`
			const got = new Promise((resolve) => socket.once("passed on", (...values) => resolve(values)));
			const imitation = [{ _placeholder: true, num: 0 }, { a: [{ _placeholder: true, num: 7 }] }, { _placeholder: 1, num: 1 }];
			socket.emit("pass on", ...imitation);
			assert.deepStrictEqual(await got, imitation);
			return;
		`)
		numbers := []any{json.RawMessage("1e999"), json.Number("-1e999"), json.RawMessage("-0"), json.RawMessage("9007199254740993"),
			json.RawMessage(strings.Repeat("9", 5000)), json.RawMessage("1e-999"), []byte("binary")}
		if err := errors.Join(io.Emit("numbers", numbers...), io.Emit("after")); err != nil {
			t.Fatal(err)
		}
		c.Expect("numbers")
		c.Expect("after") // over the same connection
	})
}

// An order is what a typed handler of an application takes.
type order struct {
	ID    int64             `json:"id"`
	Items []item            `json:"items"`
	Tags  map[string]string `json:"tags"`
	When  time.Time         `json:"when"`
	Note  *string           `json:"note"`
	Extra json.RawMessage   `json:"extra"`
}

type item struct {
	Name  string  `json:"name"`
	Price float64 `json:"price"`
}

func TestTypedHandlers(t *testing.T) {
	eachVersion(t, func(t *testing.T, v variant) {
		io := serve(t, nil)
		io.On("order", func(o order) order { return o })
		io.On("pointer", func(o *order) (*order, error) { return o, nil })
		io.On("slice and map", func(list []int, m map[string][]string) (int, int) { return len(list), len(m["x"]) })
		io.On("sum", func(numbers ...int) int {
			sum := 0
			for _, n := range numbers {
				sum += n
			}
			return sum
		})
		io.On("numbers", func(i8 int8, u uint64, f float32, b bool) (int8, uint64, float32, bool) { return i8, u, f, b })
		io.On("rest", func(first string, rest socketio.Args) (string, int, error) {
			var last string
			err := rest.DecodeAt(rest.Len()-1, &last)
			return first + last, rest.Len(), err
		})
		io.On("raw", func(raw json.RawMessage) string { return string(raw) })
		io.On("big", func(n json.Number) string { return n.String() })
		io.On("time", func(at time.Time) int64 { return at.UnixMilli() })

		c := v.connect(t, io, "")
		for _, event := range []string{"order", "pointer"} {
			equal(t, c.Run(`ask(args[0], {
				id: 2 ** 53 - 1, items: [{ name: "Käse", price: 1.25 }, {}], tags: { a: "b" },
				when: new Date(Date.UTC(2026, 0, 2, 3, 4, 5, 6)), note: "n", extra: { any: [1] }, unknown: true,
			})`, event), `[{
				"id": 9007199254740991, "items": [{"name": "Käse", "price": 1.25}, {"name": "", "price": 0}], "tags": {"a": "b"},
				"when": "2026-01-02T03:04:05.006Z", "note": "n", "extra": {"any": [1]}
			}]`)
		}
		equal(t, c.Run(`ask("pointer", null)`), `[null]`)
		equal(t, c.Run(`ask("slice and map", [1, 2, 3], { x: ["a", "b"] })`), `[3, 2]`)
		equal(t, c.Run(`ask("sum", 1, 2, -10)`), `[-7]`)
		equal(t, c.Run(`ask("sum")`), `[0]`)
		equal(t, c.Run(`ask("numbers", -128, 2 ** 53, 0.5, true)`), `[-128, 9007199254740992, 0.5, true]`)
		equal(t, c.Run(`ask("rest", "a", 1, {}, "z")`), `["az", 3]`)
		equal(t, c.Run(`ask("raw", { b: 1, a: "\u2028" })`), `["{\"b\":1,\"a\":\"\u2028\"}"]`)
		equal(t, c.Run(`ask("big", 1e21)`), `["1e+21"]`)
		equal(t, c.Run(`ask("time", new Date(1234567890123))`), `[1234567890123]`)
	})
}

func TestTooFewAndTooManyArguments(t *testing.T) {
	each(t, func(t *testing.T, v variant) {
		io := serve(t, nil)
		io.On("three", func(a string, b int, c *item) (string, int, bool) { return a, b, c == nil })
		c := v.connect(t, io, "")
		equal(t, c.Run(`ask("three")`), `["", 0, true]`)
		equal(t, c.Run(`ask("three", "x")`), `["x", 0, true]`)
		equal(t, c.Run(`ask("three", "x", 1, {}, "more", Buffer.from("and more"))`), `["x", 1, false]`)
		equal(t, c.Run(`ask("three", undefined, null)`), `["", 0, true]`)
	})
}

// An argument that does not fit is an error for the hook, with the event and the
// position; there is no acknowledgement and the client stays.
func TestArgumentThatDoesNotFit(t *testing.T) {
	each(t, func(t *testing.T, v variant) {
		errs := make(chan error, 1)
		io := serve(t, &socketio.Options{OnError: func(_ *socketio.Socket, err error) { errs <- err }})
		io.On("add", func(a, b int) int { return a + b })
		c := v.connect(t, io, "")

		c.Run(`socket.emit("add", 1, "two", () => socket.emit("acknowledged")); return`)

		err := receive(t, errs)
		var event *socketio.EventError
		var arg *socketio.ArgError
		if !errors.As(err, &event) || event.Event != "add" {
			t.Errorf("got %v, want an EventError of add", err)
		}
		if !errors.As(err, &arg) || arg.Index != 1 || !strings.Contains(err.Error(), "int") {
			t.Errorf("got %v, want an ArgError of argument 1", err)
		}
		equal(t, c.Run(`ask("add", 1, 2)`), `[3]`)
		same(t, "events", c.Events(), []string{})
	})
}

// What an application may call its events, and what it may not, is what the reference
// implementation lets it: the names that the documentation lists are reserved, and no
// others, however much they look like the library's own.
func TestEventNames(t *testing.T) {
	reserved := []string{"connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"}
	names := []string{
		"", " ", "0", "connection", "new_namespace", "error", "message", "data", "open", "close", "ping", "pong",
		"packet", "drain", "upgrade", "reconnect", "reconnecting", "reconnect_error", "connecting", "connect_timeout",
		"Connect", "disconnected", "create-room", "constructor", "__proto__", "hasOwnProperty", "toString",
		"\u00fcn\u00ef \"quoted\" \\", "\u2028", "2[", "chat message", "👋", "\n",
	}
	list := func(names []string) string {
		text, err := json.Marshal(names)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	eachVersion(t, func(t *testing.T, v variant) {
		io := serve(t, nil)
		for _, name := range names {
			io.On(name, func(s *socketio.Socket, n int) (string, error) { return name, s.Emit(name, n) })
		}
		c := v.connect(t, io, "")
		c.Run(`
			for (const [n, name] of ` + list(names) + `.entries()) {
				const got = new Promise((resolve) => socket.once(name, resolve));
				const answer = await new Promise((resolve) => socket.emit(name, n, resolve));
				assert.strictEqual(answer, name);
				assert.strictEqual(await got, n);
			}
			for (const name of ` + list(reserved) + `) {
				assert.throws(() => socket.emit(name), /reserved event name/);
			}
		`)
		for _, name := range reserved {
			if err := io.Emit(name); !errors.Is(err, socketio.ErrReservedEvent) {
				t.Errorf("Emit of %q returned %v", name, err)
			}
		}
	})
}
