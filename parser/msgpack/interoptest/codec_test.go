package interoptest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/seed96b07ef8/socketio/parser"
	"github.com/seed96b07ef8/socketio/parser/internal/parsertest"
	"github.com/seed96b07ef8/socketio/parser/msgpack"
)

var event = parsertest.Event

func encode(t *testing.T, h parser.Header, name string, args ...any) []byte {
	t.Helper()
	data, _ := parsertest.Encode(t, msgpack.Codec, h, name, args...)
	return data
}

func decode(t *testing.T, data []byte) *parser.Packet {
	t.Helper()
	return parsertest.Decode(t, msgpack.Codec, data)
}

// TestGoToNode decodes in Node what Go encodes.
func TestGoToNode(t *testing.T) {
	type user struct {
		Name   string    `json:"name"`
		Since  time.Time `json:"since"`
		Avatar []byte    `json:"avatar"`
		Secret string    `json:"-"`
		Note   *string   `json:"note,omitempty"`
		Raw    any       `json:"raw"`
	}
	long := strings.Repeat("é", 40000)
	for _, test := range []struct {
		name  string
		h     parser.Header
		event string
		args  []any
		want  string
	}{
		{"connect", parser.Header{Type: parser.Connect}, "", nil, `{"type":0,"nsp":"/"}`},
		{"connect with auth", parser.Header{Type: parser.Connect, Namespace: "/a"}, "", []any{map[string]any{"token": []byte{1}}}, `{"type":0,"data":{"token":{"$buffer":"AQ=="}},"nsp":"/a"}`},
		{"connect with nil", parser.Header{Type: parser.Connect}, "", []any{nil}, `{"type":0,"nsp":"/"}`},
		{"disconnect", parser.Header{Type: parser.Disconnect, Namespace: "/a,b"}, "", nil, `{"type":1,"nsp":"/a,b"}`},
		{"event", event, "a", []any{1, "x", nil, true, false}, `{"type":2,"data":["a",1,"x",null,true,false],"nsp":"/"}`},
		{"event with id", parser.Header{Type: parser.Event, HasID: true}, "a", nil, `{"type":2,"data":["a"],"id":0,"nsp":"/"}`},
		{"ack", parser.Header{Type: parser.Ack, ID: 1 << 40, HasID: true}, "", []any{[]byte("blob"), []byte{}}, `{"type":3,"data":[{"$buffer":"YmxvYg=="},{"$buffer":""}],"id":1099511627776,"nsp":"/"}`},
		{"empty ack", parser.Header{Type: parser.Ack, ID: 1, HasID: true}, "", nil, `{"type":3,"data":[],"id":1,"nsp":"/"}`},
		{"connect error", parser.Header{Type: parser.ConnectError}, "", []any{map[string]any{"message": "no", "data": []int{1}}}, `{"type":4,"data":{"message":"no","data":[1]},"nsp":"/"}`},
		{"connect error as string", parser.Header{Type: parser.ConnectError}, "", []any{"no"}, `{"type":4,"data":"no","nsp":"/"}`},
		{"integers", event, "e", []any{127, 128, 255, 256, 65535, 65536, uint32(math.MaxUint32), int64(1) << 32, 1<<53 - 1, -1, -32, -33, -128, -129, -32768, -32769, math.MinInt32, math.MinInt32 - 1, -(1<<53 - 1)},
			`{"type":2,"data":["e",127,128,255,256,65535,65536,4294967295,4294967296,9007199254740991,-1,-32,-33,-128,-129,-32768,-32769,-2147483648,-2147483649,-9007199254740991],"nsp":"/"}`},
		{"floats", event, "e", []any{1.5, -0.1, 1e300, math.NaN(), math.Inf(1), math.Inf(-1), float32(0.5), 1e21, 5.0, uint64(math.MaxUint64)},
			`{"type":2,"data":["e",1.5,-0.1,1e300,{"$number":"NaN"},{"$number":"Infinity"},{"$number":"-Infinity"},0.5,1e21,5,18446744073709552000],"nsp":"/"}`}, // as JavaScript rounds it
		{"strings", event, "é😀", []any{"", "€😀\x00", strings.Repeat("x", 31), strings.Repeat("x", 32), strings.Repeat("x", 256), long, "a\xff"},
			`{"type":2,"data":["é😀","","€😀\u0000",` + quote(strings.Repeat("x", 31)) + `,` + quote(strings.Repeat("x", 32)) + `,` + quote(strings.Repeat("x", 256)) + `,` + quote(long) + `,"a�"],"nsp":"/"}`},
		{"times", event, "e", []any{time.UnixMilli(1700000000123), time.UnixMilli(-1), time.Time{}}, `{"type":2,"data":["e",{"$date":1700000000123},{"$date":-1},{"$date":-62135596800000}],"nsp":"/"}`},
		{"struct", event, "e", []any{&user{Name: "x", Since: time.UnixMilli(5), Avatar: []byte("a"), Raw: json.RawMessage(`{"a":[1e3,"\u00e9"]}`)}},
			`{"type":2,"data":["e",{"name":"x","since":{"$date":5},"avatar":{"$buffer":"YQ=="},"raw":{"a":[1000,"é"]}}],"nsp":"/"}`},
		{"containers", event, "e", []any{make([]int, 16), make([]any, 0), map[int]int{1: 2}, make([]bool, 70000)},
			`{"type":2,"data":["e",[` + strings.Repeat("0,", 15) + `0],[],{"1":2},[` + strings.Repeat("false,", 69999) + `false]],"nsp":"/"}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			data := encode(t, test.h, test.event, test.args...)
			equal(t, js.run(t, `decode(args[0])`, data), test.want)
			// The parser of browsers has ArrayBuffers.
			equal(t, js.run(t, `browserDecode(args[0])`, data), strings.ReplaceAll(test.want, "$buffer", "$arrayBuffer"))
		})
	}
}

func quote(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// TestNodeToGo decodes in Go what Node encodes.
func TestNodeToGo(t *testing.T) {
	for _, test := range []struct {
		packet string // JavaScript
		want   parser.Header
		event  string
		args   []any // decoded into any
	}{
		{`{ type: 0, nsp: "/" }`, parser.Header{}, "", nil},
		{`{ type: 0, data: undefined, nsp: "/" }`, parser.Header{}, "", nil},
		{`{ type: 0, data: { token: "x", no: undefined }, nsp: "/a" }`, parser.Header{Namespace: "/a"}, "", []any{map[string]any{"token": "x"}}},
		{`{ type: 0, data: { sid: "abc", pid: undefined }, nsp: "/" }`, parser.Header{}, "", []any{map[string]any{"sid": "abc"}}},
		{`{ type: 1, nsp: "/" }`, parser.Header{Type: parser.Disconnect}, "", nil},
		{`{ type: 2, data: ["e"], options: { compress: true }, nsp: "/" }`, event, "e", []any{}},
		{`{ type: 2, data: ["e", 1, undefined, null, "€😀", { a: undefined, b: [undefined] }], options: { compress: true }, id: 0, nsp: "/" }`,
			parser.Header{Type: parser.Event, HasID: true}, "e", []any{1.0, nil, nil, "€😀", map[string]any{"b": []any{nil}}}},
		{`{ type: 2, data: [7, 1], nsp: "/" }`, event, "7", []any{1.0}},
		{`{ type: 2, data: ["e", Buffer.from("blob"), new Uint8Array([1, 2]), new Uint8Array([3]).buffer, new Uint8Array(8), Buffer.alloc(0), Buffer.alloc(300), new Uint8Array(300), new Uint8Array(70000).buffer], nsp: "/" }`,
			event, "e", []any{[]byte("blob"), []byte{1, 2}, []byte{3}, make([]byte, 8), []byte{}, make([]byte, 300), make([]byte, 300), make([]byte, 70000)}},
		{`{ type: 2, data: ["e", new Date(1700000000123), [new Date(-1)]], nsp: "/" }`, event, "e", []any{"2023-11-14T22:13:20.123Z", []any{"1969-12-31T23:59:59.999Z"}}},
		{`{ type: 2, data: ["e", 127, 128, 255, 256, 65535, 65536, 2 ** 32 - 1, 2 ** 32, 2 ** 53, 2 ** 60, -1, -32, -33, -128, -129, -32768, -32769, -(2 ** 31), -(2 ** 31) - 1, -(2 ** 53)], nsp: "/" }`, event, "e",
			[]any{127.0, 128.0, 255.0, 256.0, 65535.0, 65536.0, float64(1<<32 - 1), float64(1 << 32), float64(1 << 53), float64(1 << 60), -1.0, -32.0, -33.0, -128.0, -129.0, -32768.0, -32769.0, -float64(1 << 31), -float64(1<<31) - 1, -float64(1 << 53)}},
		{`{ type: 2, data: ["e", 1.5, -0, Infinity, -Infinity, 1e-7], nsp: "/" }`, event, "e", []any{1.5, 0.0, math.Inf(1), math.Inf(-1), 1e-7}},
		{`{ type: 2, data: ["x".repeat(31), "x".repeat(32), "x".repeat(256), "x".repeat(65536)], nsp: "/" }`, event, strings.Repeat("x", 31), []any{strings.Repeat("x", 32), strings.Repeat("x", 256), strings.Repeat("x", 65536)}},
		{`{ type: 2, data: ["e", Array(16).fill(0), Object.fromEntries(Array(16).fill().map((_, i) => ["k" + i, i]))], nsp: "/" }`, event, "e", []any{slices.Repeat([]any{0.0}, 16), numbered(16)}},
		{`{ type: 2, data: ["e", { toJSON: () => ({ a: 1 }) }, { f() {}, g: 1 }], nsp: "/" }`, event, "e", []any{map[string]any{"a": 1.0}, map[string]any{"g": 1.0}}},
		{`{ id: 7, type: 3, data: [{ ok: true }], nsp: "/" }`, parser.Header{Type: parser.Ack, ID: 7, HasID: true}, "", []any{map[string]any{"ok": true}}},
		{`{ id: 2 ** 53, type: 3, data: [], nsp: "/" }`, parser.Header{Type: parser.Ack, ID: 1 << 53, HasID: true}, "", []any{}},
		{`{ type: 4, data: { message: "no", data: undefined }, nsp: "/" }`, parser.Header{Type: parser.ConnectError}, "", []any{map[string]any{"message": "no"}}},
		{`{ type: 4, data: "no", nsp: "/" }`, parser.Header{Type: parser.ConnectError}, "", []any{"no"}},
	} {
		for _, encoder := range []string{"encode", "browserEncode"} {
			if encoder == "browserEncode" && strings.Contains(test.packet, "Buffer.") {
				continue // browsers have none, and would send the whole of its pool
			}
			p := decode(t, value[[]byte](t, encoder+"("+test.packet+")"))
			if test.want.Namespace == "" {
				test.want.Namespace = "/"
			}
			if p.Header != test.want || p.Event != test.event {
				t.Errorf("%s: got %+v", test.packet, p)
			}
			if p.Args.Len() != len(test.args) {
				t.Errorf("%s: got %d arguments", test.packet, p.Args.Len())
				continue
			}
			for i, want := range test.args {
				var got any
				if err := p.Args.DecodeAt(i, &got); err != nil || !reflect.DeepEqual(got, want) {
					t.Errorf("%s: argument %d: got %#v, %v", test.packet, i, got, err)
				}
			}
		}
	}
}

func numbered(n int) map[string]any {
	m := map[string]any{}
	for i := range n {
		m["k"+strconv.Itoa(i)] = float64(i)
	}
	return m
}

// TestTyped decodes values of JavaScript into Go types.
func TestTyped(t *testing.T) {
	type message struct {
		Name  string            `json:"name"`
		Count uint16            `json:"count"`
		Time  time.Time         `json:"time"`
		Data  []byte            `json:"data"`
		View  []byte            `json:"view"`
		None  *int              `json:"none"`
		Parts map[string][]byte `json:"parts"`
		Raw   json.RawMessage   `json:"raw"`
		Big   int64             `json:"big"`
	}
	data := value[[]byte](t, `encode({ type: 2, nsp: "/", data: ["m", {
		name: "x", count: 300, time: new Date(5), data: Buffer.from("a"), view: new Uint8Array([1, 2]), none: undefined,
		parts: { p: Buffer.from("b") }, raw: { d: new Date(0), l: [1, undefined] }, big: 2 ** 53, more: { f: 1.5 } }] })`)
	var got message
	if err := decode(t, data).Args.Decode(&got); err != nil {
		t.Fatal(err)
	}
	want := message{"x", 300, time.UnixMilli(5).UTC(), []byte("a"), []byte{1, 2}, nil, map[string][]byte{"p": []byte("b")}, json.RawMessage(`{"d":"1970-01-01T00:00:00.000Z","l":[1,null]}`), 1 << 53}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v", got)
	}
}

// TestRefused checks that both implementations refuse the same packets, for the
// same reasons.
func TestRefused(t *testing.T) {
	for _, test := range []struct {
		packet string // JavaScript
		reason string
	}{
		{`{ nsp: "/" }`, "invalid packet type"},
		{`{ type: 5, nsp: "/", data: ["e"] }`, "invalid packet type"},
		{`{ type: -1, nsp: "/" }`, "invalid packet type"},
		{`{ type: "0", nsp: "/" }`, "invalid packet type"},
		{`{ type: 0.5, nsp: "/" }`, "invalid packet type"},
		{`[]`, "invalid packet type"},
		{`7`, "invalid packet type"},
		{`{ type: 0 }`, "invalid namespace"},
		{`{ type: 0, nsp: null }`, "invalid namespace"},
		{`{ type: 0, nsp: Buffer.from("/") }`, "invalid namespace"},
		{`{ type: 0, nsp: "/", data: null }`, "invalid payload"},
		{`{ type: 0, nsp: "/", data: [] }`, "invalid payload"},
		{`{ type: 0, nsp: "/", data: "x" }`, "invalid payload"},
		{`{ type: 0, nsp: "/", data: new Date(0) }`, "invalid payload"},
		{`{ type: 1, nsp: "/", data: {} }`, "invalid payload"},
		{`{ type: 1, nsp: "/", data: null }`, "invalid payload"},
		{`{ type: 2, nsp: "/" }`, "invalid payload"},
		{`{ type: 2, nsp: "/", data: {} }`, "invalid payload"},
		{`{ type: 2, nsp: "/", data: "e" }`, "invalid payload"},
		{`{ type: 2, nsp: "/", data: undefined }`, "invalid payload"},
		{`{ type: 3, nsp: "/", id: 1 }`, "invalid payload"},
		{`{ type: 4, nsp: "/" }`, "invalid payload"},
		{`{ type: 4, nsp: "/", data: [] }`, "invalid payload"},
		{`{ type: 2, nsp: "/", data: ["e"], id: null }`, "invalid packet id"},
		{`{ type: 2, nsp: "/", data: ["e"], id: "1" }`, "invalid packet id"},
		{`{ type: 2, nsp: "/", data: ["e"], id: 1.5 }`, "invalid packet id"},
		{`{ type: 2, nsp: "/", data: "e", id: 1.5 }`, "invalid payload"},
		{`{ type: 2, nsp: 1, data: "e", id: 1.5 }`, "invalid namespace"},
	} {
		data := value[[]byte](t, "encode("+test.packet+")")
		wantReason(t, test.packet, data, test.reason)
	}
	packet := encode(t, event, "e")
	wantReason(t, "trailing bytes", append(packet, 1, 2, 3), "3 trailing bytes")
	wantReason(t, "invalid byte", []byte{0x81, 0xa1, 0x61, 0xc1}, "Could not parse")
}

func wantReason(t *testing.T, what string, data []byte, want string) {
	t.Helper()
	if got := value[string](t, `refusal(args[0])`, data); got != want {
		t.Errorf("%s: Node has %q, want %q", what, got, want)
	}
	_, err := msgpack.Codec.NewDecoder(parser.Limits{}).Decode(data, true)
	var syntaxError *parser.SyntaxError
	if !errors.As(err, &syntaxError) || syntaxError.Reason != want {
		t.Errorf("%s: Go has %v, want %q", what, err, want)
	}
}

// TestSameBytes sends random values to Node, which must encode them to the same
// bytes.
func TestSameBytes(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var packets [][]byte
	for range 300 {
		h := parser.Header{Type: parser.Event, ID: random.Uint64N(1 << 53), HasID: random.IntN(2) == 0, Namespace: "/" + text(random)}
		name := "e" + text(random)
		if random.IntN(3) == 0 {
			h.Type = parser.Ack
		}
		args := make([]any, random.IntN(20))
		for i := range args {
			args[i] = randomValue(random, 4)
		}
		packets = append(packets, encode(t, h, name, args...))
	}
	again := value[[][]byte](t, `args[0].map((p) => encode(decode(p)))`, packets)
	for i, want := range packets {
		got := again[i]
		if bytes.Equal(got, want) {
			continue
		}
		same := 0
		for same < min(len(got), len(want)) && got[same] == want[same] {
			same++
		}
		start := max(same-16, 0)
		t.Errorf("packet %d: from byte %d on, Node has made\n%.32x of\n%.32x", i, start, got[start:], want[start:])
	}
}

func randomValue(random *rand.Rand, depth int) any {
	n := 10
	if depth == 0 {
		n = 8
	}
	switch random.IntN(n) {
	case 0:
		return nil
	case 1:
		return random.IntN(2) == 0
	case 2:
		return random.Int64N(1<<53) >> random.IntN(53)
	case 3:
		return -(random.Int64N(1<<53) >> random.IntN(53))
	case 4:
		return random.NormFloat64()
	case 5:
		return text(random)
	case 6:
		return bytes.Repeat([]byte{byte(random.Int())}, random.IntN(300))
	case 7:
		return time.UnixMilli(random.Int64N(1<<45) - 1<<44)
	case 8:
		list := make([]any, random.IntN(18))
		for i := range list {
			list[i] = randomValue(random, depth-1)
		}
		return list
	}
	object := map[string]any{}
	for i := range random.IntN(18) {
		object[fmt.Sprintf("k%02d%s", i, text(random))] = randomValue(random, depth-1)
	}
	return object
}

func text(random *rand.Rand) string {
	var b strings.Builder
	for range random.IntN(40) >> random.IntN(3) {
		b.WriteString([]string{"a", "é", "€", "😀", "\x00"}[random.IntN(5)])
	}
	return b.String()
}
