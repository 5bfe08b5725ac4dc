package msgpack_test

import (
	"math"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/seed96b07ef8/socketio/parser"
	"github.com/seed96b07ef8/socketio/parser/msgpack"
)

// FuzzDecode checks that no message causes a panic or disproportionate
// allocation, and that every decoded packet survives encoding and decoding.
func FuzzDecode(f *testing.F) {
	for _, packet := range validPackets {
		f.Add(packet.data)
	}
	for _, packet := range invalidPackets {
		if len(packet.data) < 1<<10 {
			f.Add(packet.data)
		}
	}
	for _, arg := range []wire{
		"d7000000018bcfe5687b", "d700 7fffffffffffffff", "c7020001ff", "d6 ff 01020304",
		"82 a464617461 c40101 a86368696c6472656e 91 81 a464617461 c400",
		"83 a471756f746564 a137 a6706f696e746572 c40101 a36d6170 81 a16d c40101",
		"84 a16101 a161d40000 01 02 cb3ff8000000000000 ca3fc00000",
		"dc0002 dd00000001 a1ff de0001 a161 df00000000",
	} {
		f.Add(eventOf(arg))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		// Of the 24 bytes per element of the arguments there may be the double.
		max := 1<<12 + 96*uint64(len(data))
		if n := allocated(func() { decodePacket(t, data) }); n > max {
			// The figure includes the fuzzer's own allocations: measure again.
			if n = min(n, allocated(func() { decodePacket(t, data) })); n > max {
				t.Errorf("%d bytes were allocated for %d", n, len(data))
			}
		}
		p := decodePacket(t, data)
		if p == nil {
			return
		}
		args := decodeArgs(t, p)
		again := decode(t, encode(t, p.Header, p.Event, args...))
		if again.Header != p.Header || again.Event != p.Event {
			t.Fatalf("%x: %+v became %+v", data, p, again)
		}
		if argsAgain := decodeArgs(t, again); !equal(args, argsAgain) {
			t.Fatalf("%x: %#v became %#v", data, args, argsAgain)
		}
	})
}

func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// decodePacket returns nil if the packet is invalid.
func decodePacket(t *testing.T, data []byte) *parser.Packet {
	p, err := msgpack.Codec.NewDecoder(parser.Limits{}).Decode(data, true)
	if (p == nil) != (err != nil) {
		t.Fatalf("%x: got %v and %v", data, p, err)
	}
	if err == nil && (p.Type > parser.ConnectError || !strings.HasPrefix(p.Namespace, "/")) {
		t.Fatalf("%x decodes to an incomplete header: %+v", data, p)
	}
	return p
}

// decodeArgs decodes the arguments into values of type any, which must succeed.
// It also decodes them into types that take other code paths, to find panics,
// and checks that all have a JSON form.
func decodeArgs(t *testing.T, p *parser.Packet) []any {
	args := make([]any, p.Args.Len())
	for i := range args {
		for _, ptr := range []any{
			new(outer), new([]any), new(string), new(int64), new(uint8), new(float32), new([]byte), new(time.Time), new(jsonNumber),
			new(map[string]any), new(map[int]*tree), new([]quoted), new([2]map[hexKey]namedBytes), new(*shadowed), new(marshaler), new(hexBytes),
		} {
			_ = p.Args.DecodeAt(i, ptr)
		}
		var text jsonRaw
		if err := p.Args.DecodeAt(i, &text); err != nil {
			t.Fatal(err)
		}
		if _, _, err := parser.JSON.Append(nil, event, "e", []any{text}); err != nil {
			t.Fatalf("%x has the JSON form %s: %v", p.Args.Raw(i), text, err)
		}
		if err := p.Args.DecodeAt(i, &args[i]); err != nil {
			t.Fatal(err)
		}
	}
	return args
}

// hexKey is a map key because of its methods.
type hexKey [1]byte

func (k hexKey) MarshalText() ([]byte, error) { return hexBytes(k[:]).MarshalText() }
func (k *hexKey) UnmarshalText(text []byte) error {
	copy(k[:], text)
	return nil
}

// equal is reflect.DeepEqual for values that may hold NaN.
func equal(a, b any) bool {
	switch a := a.(type) {
	case float64:
		b, ok := b.(float64)
		return ok && (a == b || math.IsNaN(a) && math.IsNaN(b))
	case []any:
		b, ok := b.([]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for i := range a {
			if !equal(a[i], b[i]) {
				return false
			}
		}
		return true
	case map[string]any:
		b, ok := b.(map[string]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for key := range a {
			if _, ok := b[key]; !ok || !equal(a[key], b[key]) {
				return false
			}
		}
		return true
	}
	return reflect.DeepEqual(a, b)
}

// FuzzParity decodes JSON with both codecs into many types and compares the
// results.
func FuzzParity(f *testing.F) {
	for _, text := range []string{
		`null`, `{"a":[1,-2.5e-7,"x<",null,true,123456789012345678,1e+21]}`, `{"blob":"YmxvYg==","name":"<n>","quoted":"7","max":18446744073709551615,"array":[1,2,3]}`,
		`{"data":"YQ==","children":[{"data":null},null,{"children":[]}]}`, `[{"I":"1","S":"\"x\"","P":"2","B":"true","F":"1.5","L":[1]}]`,
		`"2023-11-14T22:13:20.123Z"`, `"12"`, `{"1":{},"-1":{"DATA":[1]}}`, `{"X":1,"Y":"y","V":null,"base2":{"Y":1},"Tag":2,"t":"x","-":4}`,
		`{"\u017fame":"\ud800","NAME":"\u0000"}`, `{"<x>":7}`, `[[],{},[0]]`,
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		in := jsonRaw(text)
		if _, err := through(parser.JSON, in, reflect.TypeFor[any]()); err != nil || !utf8.ValidString(text) {
			return // no JSON, or numbers beyond float64
		}
		for _, typ := range []reflect.Type{
			reflect.TypeFor[any](), reflect.TypeFor[string](), reflect.TypeFor[bool](), reflect.TypeFor[[]byte](), reflect.TypeFor[time.Time](),
			reflect.TypeFor[map[string]any](), reflect.TypeFor[map[int8]*tree](), reflect.TypeFor[[]map[string][]namedString](),
			reflect.TypeFor[[2]any](), reflect.TypeFor[*tree](), reflect.TypeFor[many](), reflect.TypeFor[[]pointed](), reflect.TypeFor[float64](),
		} {
			want, wantErr := through(parser.JSON, in, typ)
			got, err := through(msgpack.Codec, in, typ)
			if err != nil && wantErr == nil {
				t.Fatalf("%s into %v: got error %v", text, typ, err)
			}
			if err == nil && wantErr != nil {
				// The only permitted difference: 1.0 and 1e3 are integers.
				if strings.ContainsAny(text, ".eE") {
					continue
				}
				t.Fatalf("%s into %v: got %#v, want error %v", text, typ, got, wantErr)
			}
			if err == nil && !reflect.DeepEqual(got, want) {
				t.Fatalf("%s into %v:\ngot  %#v\nwant %#v", text, typ, got, want)
			}
		}
	})
}
