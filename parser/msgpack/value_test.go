package msgpack_test

import (
	"bytes"
	stdjson "encoding/json"
	"errors"
	"fmt"
	"math"
	"net"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/seed96b07ef8/socketio/parser"
	"github.com/seed96b07ef8/socketio/parser/internal/parsertest"
	"github.com/seed96b07ef8/socketio/parser/msgpack"
)

func TestAppendValues(t *testing.T) {
	t.Parallel()
	blob := []byte("blob")
	const blobWire = "c404 626c6f62"
	var nilTree *tree
	x := func(n int) string { return strings.Repeat("x", n) }
	xs := func(n int) wire { return wire(strings.Repeat("78", n)) }
	for _, test := range []struct {
		name string
		arg  any
		want wire
	}{
		{"nil", nil, "c0"},
		{"nil pointer", nilTree, "c0"},
		{"true", true, "c3"},
		{"false", false, "c2"},
		{"empty string", "", "a0"},
		{"31 bytes", x(31), "bf" + xs(31)},
		{"32 bytes", x(32), "d920" + xs(32)},
		{"255 bytes", x(255), "d9ff" + xs(255)},
		{"256 bytes", x(256), "da0100" + xs(256)},
		{"65536 bytes", x(65536), "db00010000" + xs(65536)},
		{"emoji", "€😀", "a7 e282ac f09f9880"},
		{"invalid UTF-8", "a\xff\xed\xa0", "aa 61 efbfbd efbfbd efbfbd"},
		{"named string", namedString("x"), "a178"},
		{"127", 127, "7f"},
		{"128", 128, "cc80"},
		{"255", uint8(255), "ccff"},
		{"256", int16(256), "cd0100"},
		{"65535", uint(65535), "cdffff"},
		{"65536", int32(65536), "ce00010000"},
		{"2^32-1", uint32(math.MaxUint32), "ceffffffff"},
		{"2^32", int64(1) << 32, "cf0000000100000000"},
		{"largest", uint64(math.MaxUint64), "cfffffffffffffffff"},
		{"-1", -1, "ff"},
		{"-32", int8(-32), "e0"},
		{"-33", -33, "d0df"},
		{"-128", -128, "d080"},
		{"-129", -129, "d1ff7f"},
		{"-32768", -32768, "d18000"},
		{"-32769", -32769, "d2ffff7fff"},
		{"-2^31", math.MinInt32, "d280000000"},
		{"-2^31-1", int64(math.MinInt32 - 1), "d3ffffffff7fffffff"},
		{"smallest", int64(math.MinInt64), "d38000000000000000"},
		{"duration", time.Second, "ce3b9aca00"},
		{"float", 1.5, "cb3ff8000000000000"},
		{"integral float", 256.0, "cd0100"},
		{"integral float32", float32(-33), "d0df"},
		{"large integral float", 1e18, "cf0de0b6b3a7640000"},
		{"larger integral float", 1e20, "cb4415af1d78b58c40"},
		{"large negative float", -1e19, "cbc3e158e460913d00"},
		{"float32", float32(0.1), "ca3dcccccd"},
		{"negative zero", math.Copysign(0, -1), "00"},
		{"NaN", math.Float64frombits(0x7ff8000000000001), "cb7ff8000000000001"},
		{"NaN as float32", float32(nan), "ca7fc00000"},
		{"infinity", -inf, "cbfff0000000000000"},
		{"named float", namedFloat(0.5), "cb3fe0000000000000"},
		{"golden date", time.UnixMilli(1700000000123), "d7000000018bcfe5687b"},
		{"date with nanoseconds", time.Unix(-1, 999999999), "d700 ffffffffffffffff"},
		{"zero date", &time.Time{}, "d700 ffffc77cedd32800"},
		{"dates", []time.Time{time.UnixMilli(0)}, "91 d7000000000000000000"},
		{"array", []any{1, "a", nil, []any{}, map[string]any{}}, "95 01 a161 c0 90 80"},
		{"nil array", []any(nil), "c0"},
		{"16 elements", make([]any, 16), "dc0010" + wire(strings.Repeat("c0", 16))},
		{"65536 elements", make([]bool, 65536), "dd00010000" + wire(strings.Repeat("c2", 65536))},
		{"map", map[string]any{"b": map[string]any{"d": 1, "c": 2}, "a": []any{map[string]any{"z": 1}}}, "82 a161 91 81 a17a 01 a162 82 a163 02 a164 01"},
		{"nil map", map[string]any(nil), "c0"},
		{"map with int keys", map[int]string{2: "b", 10: "a"}, "82 a23130 a161 a132 a162"},
		{"map with uint keys", map[uint8]any{2: nil}, "81 a132 c0"},
		{"map with named keys", map[namedString]any{"k": nil}, "81 a16b c0"},
		{"map with text keys", map[netip.Addr]int{netip.MustParseAddr("::1"): 1}, "81 a33a3a31 01"},
		{"map with nil pointer key", map[*net.IP]int{nil: 1}, "81 a0 01"},
		{"slice", []string{"a", "b<"}, "92 a161 a2623c"},
		{"nil slice", []string(nil), "c0"},
		{"Go array", [2]byte{1, 2}, "920102"},
		{"raw", stdjson.RawMessage(" {\"a\" : [1, -2.5, true, false, null, \"\\u0061\\ud800\", {}] }\n"), "81 a161 97 01 cbc004000000000000 c3 c2 c0 a461efbfbd 80"},
		{"raw with large containers", stdjson.RawMessage(`[[` + strings.Repeat("0,", 15) + `{"a":[` + strings.Repeat("1,", 299) + `1],"b":2}],3]`), "92 dc0010" + wire(strings.Repeat("00", 15)) + "82 a161 dc012c" + wire(strings.Repeat("01", 300)) + "a162 02 03"},
		{"raw with huge container", stdjson.RawMessage(`[` + strings.Repeat("0,", 65535) + `0]`), "dd00010000" + wire(strings.Repeat("00", 65536))},
		{"raw with large map", stdjson.RawMessage(`{` + strings.Repeat(`"a":0,`, 15) + `"b":0}`), "de0010" + wire(strings.Repeat("a16100", 15)) + "a16200"},
		{"raw string", stdjson.RawMessage(`"x"`), "a178"},
		{"raw with invalid UTF-8", stdjson.RawMessage("\"a\xff\""), "a461efbfbd"},
		{"raw with numbers", stdjson.RawMessage(`[9223372036854775808,-9223372036854775808,1e2,-0,1e400]`), "95 cf8000000000000000 d38000000000000000 64 00 cb7ff0000000000000"},
		{"nil raw", stdjson.RawMessage(nil), "c0"},
		{"raw in struct", struct{ A, B jsonRaw }{jsonRaw("[1]"), nil}, "82 a141 9101 a142 c0"},
		{"number", stdjson.Number("1.50"), "cb3ff8000000000000"},
		{"integer", stdjson.Number("18446744073709551615"), "cfffffffffffffffff"},
		{"empty number", stdjson.Number(""), "00"},
		{"marshaler", marshaler{1}, "81 a33c783e 01"},
		{"pointer to marshaler", &marshaler{1}, "81 a33c783e 01"},
		{"nil pointer to marshaler", (*marshaler)(nil), "c0"},
		{"pointer method", &pointed{1}, "92 a7706f696e746564 01"},
		{"pointer method of a value", pointed{1}, "81 a141 01"},
		{"pointer methods of elements", []pointed{{1}}, "91 92 a7706f696e746564 01"},
		{"error as struct", struct{ E error }{errors.New("x")}, "81 a145 80"},
		{"text", net.IPv4(127, 0, 0, 1), "a93132372e302e302e31"},
		{"text bytes", []hexBytes{{1, 2}}, "91 a430313032"},

		{"binary", blob, blobWire},
		{"empty binary", []byte{}, "c400"},
		{"nil binary", []byte(nil), "c0"},
		{"255 bytes of binary", []byte(x(255)), "c4ff" + xs(255)},
		{"256 bytes of binary", []byte(x(256)), "c50100" + xs(256)},
		{"65536 bytes of binary", []byte(x(65536)), "c600010000" + xs(65536)},
		{"pointer to binary", &blob, blobWire},
		{"named binary", namedBytes("blob"), blobWire},
		{"named bytes", []namedByte("blob"), blobWire},
		{"nil named binary", namedBytes(nil), "c0"},
		{"JSON bytes", jsonBytes{1}, "a441513d3d"},
		{"pointer to JSON bytes", &jsonBytes{1}, "a46a736f6e"},
		{"binary behind interface", struct{ R stringer }{binaryStringer("blob")}, "81 a152" + blobWire},
		{"pointer behind interface", struct{ A any }{&blob}, "81 a141" + blobWire},
		{"pointer to any", new(any(1)), "01"},
		{"recursive type", &tree{blob, []*tree{{Data: blob}, nil, {nil, []*tree{{Data: blob}}}}}, "82 a464617461" + blobWire + "a86368696c6472656e 93 81 a464617461" + blobWire + "c0 81 a86368696c6472656e 91 81 a464617461" + blobWire},
		{"quoted", quoted{1, `a"`, new(2), true, 1.5, []int{1}}, "86 a149 a131 a153 a522615c2222 a150 a132 a142 a474727565 a146 a3312e35 a14c 9101"},
		{"quoted nil", struct {
			P *int `json:",string"`
		}{}, "81 a150 c0"},
		{"many fields", many{A3: 1, B9: 2}, "de0002 a24133 01 a24239 02"},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, form := range []struct {
				arg  any
				want wire
			}{{test.arg, test.want}, {[]any{test.arg}, "91" + test.want}} {
				got := encode(t, event, "e", form.arg)
				if want := eventOf(form.want); !bytes.Equal(got, want) {
					t.Errorf("got  %.200x\nwant %.200x", got, want)
				}
			}
		})
	}
}

// pairs are values and the types into which they are decoded. The result must
// be the same for both codecs.
var pairs = []struct {
	name     string
	in, into any // into's type is decoded into; nil means that of in
}{
	{"string", "hello", nil},
	{"string with everything", "\"\\\x00\u2028é😀", nil},
	{"invalid UTF-8", "a\xff\xed\xa0", nil},
	{"int", -5, nil},
	{"int8", int8(-8), nil},
	{"smallest int64", int64(math.MinInt64), nil},
	{"largest int64", int64(math.MaxInt64), nil},
	{"largest uint64", uint64(math.MaxUint64), nil},
	{"largest float", math.MaxFloat64, nil},
	{"smallest float", math.SmallestNonzeroFloat64, nil},
	{"fraction", 0.30000000000000004, nil},
	{"integral float as int", 1e18, int64(0)},
	{"int as float", int64(math.MaxInt64), 0.0},
	{"float32", float32(0.1), nil},
	{"large float32", float32(math.MaxFloat32), nil},
	{"bool", true, nil},
	{"false", false, nil},
	{"duration", time.Hour, nil},
	{"time", time.UnixMilli(1700000000123).UTC(), nil},
	{"zero time", time.Time{}, nil},
	{"time as string", time.UnixMilli(1700000000123).UTC(), ""},
	{"string as time", "2023-11-14T22:13:20.123456789+01:00", time.Time{}},
	{"times", struct {
		T *time.Time
		L []time.Time
		M map[string]time.Time
		A any
	}{new(time.UnixMilli(1).UTC()), []time.Time{time.UnixMilli(2).UTC()}, map[string]time.Time{"x": time.UnixMilli(3).UTC()}, time.UnixMilli(1700000000123).UTC()}, nil},
	{"embedded time", struct{ time.Time }{time.Unix(1, 5).UTC()}, nil},
	{"raw", stdjson.RawMessage(`{"a":[1,-2.5e-7,"x<",null,true,123456789012345678,1e+21]}`), nil},
	{"number", stdjson.Number("12345678901234567890"), nil},
	{"fractional number", stdjson.Number("-1.5e-7"), nil},
	{"string as number", "1.0", stdjson.Number("")},
	{"numbers", []stdjson.Number{"1", "2.5"}, nil},
	{"pointer to number", new(stdjson.Number("1.25")), nil},
	{"number keys", map[stdjson.Number]stdjson.Number{"1": "0.5"}, nil},
	{"number as float", stdjson.Number("1e3"), 0.0},
	{"marshaler", marshaler{7}, nil},
	{"pointer to marshaler", &marshaler{7}, nil},
	{"marshalers", map[string][]*marshaler{"a": {{1}, nil, {2}}}, nil},
	{"text", netip.MustParseAddr("10.0.0.1"), nil},
	{"text as string", net.IPv4(10, 0, 0, 1), ""},
	{"text keys", map[netip.Addr]int{netip.MustParseAddr("::1"): 1}, nil},
	{"text bytes", hexBytes{1, 2}, nil},
	{"JSON bytes", new(jsonBytes("x")), nil},
	{"pointer methods", []pointed{{1}}, []any{}},
	{"slice", []int{1, 2, 3}, nil},
	{"empty slice", []int{}, nil},
	{"nil slice", []int(nil), nil},
	{"array", [3]byte{1, 2, 3}, nil},
	{"array into longer one", [1]int{1}, [3]int{}},
	{"array into shorter one", []any{1, []any{}, 3}, [1]int{}},
	{"map", map[string][]int{"a": {1}}, nil},
	{"map with int keys", map[int8]string{-1: "a", 10: "b"}, nil},
	{"map with uint keys", map[uint16]string{1: "a", 10: "b"}, nil},
	{"nil map", map[string]int(nil), nil},
	{"map as struct", map[string]any{"name": "x", "MAX": 7, "unknown": []any{1}, "Quoted": "12", "": 1}, outer{}},
	{"any", map[string]any{"a": []any{1.5, "x", nil, true, map[string]any{}, []any{}, 7}}, nil},
	{"any from struct", any(tree{Children: []*tree{nil}}), map[string]any{}},
	{"integers in any", []any{1, -1, uint64(math.MaxUint64), int64(math.MinInt64), int64(math.MaxInt64)}, nil},
	{"slice of any types", []any{[]int{1}, map[string]bool{"x": true}, 'x', new("y")}, nil},
	{"slice of strings", []string{"a", ""}, nil},
	{"pointers", new(new("x")), nil},
	{"nil pointer", new((*int)(nil)), nil},
	{"shadowed fields", shadowed{base1: base1{1, 2, 3}, base3: &base3{4, 5}, Base2: base2{6, 7, 8}, base4: base4{2, 3, 4}, base5: base5{6, 7}, Y: "y", T: "t", D: 1}, map[string]any{}},
	{"shadowed fields as struct", map[string]any{"X": 1, "Y": "y", "Z": 3, "V": nil, "W": 2, "Base2": map[string]any{"Y": 1}, "Tag": 2, "t": "x", "-": 4}, shadowed{}},
	{"omitting everything", omitting{H: [0]int{}, M: 7, N: new(zeroer(7)), O: 7, Q: zeroer(7)}, map[string]any{}},
	{"omitting everything by pointer", &omitting{M: 7, O: 7, Q: (*zeroer)(nil)}, map[string]any{}},
	{"omitting nothing", &omitting{true, 1, "x", []int{1}, map[string]int{"x": 1}, new(int), 0, [0]int{}, 1.5, embedded{}, time.UnixMilli(5).UTC(), embedded{[]byte{}}, 0, new(zeroer), 1, []int{}, zeroer(1)}, map[string]any{}},
	{"quoted fields", quoted{-1, "a\"", new(2), true, 0.5, []int{1}}, nil},
	{"quoted fields in any", &quoted{-1, "a\"<", new(2), true, 0.5, []int{1}}, map[string]any{}},
	{"zero quoted fields", quoted{}, nil},
	{"many fields", many{A3: 1, B9: 2}, nil},
	{"case of names", map[string]any{"a0": 1, "b\u2070": 2, "B3": 3, "b3": 4}, many{}},
	{"folded names", map[string]any{"\u017fame": 1, "\u212a": 2}, struct{ Same, K int }{}},
	{"names out of order", map[string]any{"B": 1, "A": 2}, struct{ B, A int }{}},

	{"binary", []byte("blob"), nil},
	{"empty binary", []byte{}, nil},
	{"nil binary", []byte(nil), nil},
	{"pointer to binary", new([]byte("blob")), nil},
	{"named binary", namedBytes("x"), nil},
	{"slice of named bytes", []namedByte("x"), nil},
	{"binary as other type", namedBytes("x"), []byte{}},
	{"base64 as binary", "YmxvYg==", []byte{}},
	{"base64 as named binary", "YmxvYg==", namedBytes{}},
	{"numbers as binary", []int{1, 2}, []byte{}},
	{"slice of binary", [][]byte{[]byte("blob"), {}, nil}, nil},
	{"map of binary", map[string][]byte{"a": []byte("blob"), "b": []byte("c")}, nil},
	{"binary in any", []any{[]byte("blob"), map[string]any{"a": []byte{}, "b": []any{[]byte("x")}}, nil, 1.0}, nil},
	{"binary and number", struct {
		N stdjson.Number
		B []byte
		C namedBytes
	}{"1.5", []byte("blob"), namedBytes("c")}, nil},
	{"recursive type", &tree{[]byte("blob"), []*tree{{Data: []byte("a")}, {nil, []*tree{{Data: []byte("b")}}}}}, nil},
	{"struct", outer{
		embedded: embedded{[]byte("blob")}, Name: "<n>", Raw: stdjson.RawMessage(`{"r":1}`), Number: "1.5", Quoted: 7,
		Max: math.MaxUint64, Wait: 1, Any: map[string]any{"x": []any{[]byte("blob")}}, Pointer: new([]byte("blob")),
		Map: map[string]namedBytes{"m": namedBytes("m")}, Array: [3]byte{1, 2, 3}}, nil},
	{"struct without binary", outer{Name: "n", Raw: stdjson.RawMessage(`1`), Number: "0"}, nil},
	{"embedded pointer", struct{ *Embedded }{&Embedded{[]byte("blob")}}, nil},
	{"nil embedded pointer", struct {
		*Embedded
		X int
	}{X: 1}, nil},
	{"interface", struct{ S fmt.Stringer }{}, nil},
	{"binary behind interface", struct{ R stringer }{binaryStringer("x")}, map[string]any{}},

	// Values that do not fit with either codec.
	{"string as int", "1", 0},
	{"fraction as int", 1.5, 0},
	{"int out of range", uint64(1 << 63), int64(0)},
	{"int8 out of range", 128, int8(0)},
	{"negative as uint", -1, uint64(0)},
	{"float out of range", 1e300, float32(0)},
	{"float beyond integers", 1e300, 0},
	{"number as string", 1, ""},
	{"number as bool", 1, true},
	{"number as time", 1, time.Time{}},
	{"bool as number", true, stdjson.Number("")},
	{"text as number", "x", stdjson.Number("")},
	{"object as slice", map[string]any{}, []int{}},
	{"object as binary", map[string]any{}, []byte{}},
	{"object as array", map[string]any{}, [1]int{}},
	{"array as struct", []int{}, tree{}},
	{"array as map", []int{}, map[string]int{}},
	{"binary as string", []byte("x"), ""},
	{"binary as int", []byte("x"), 0},
	{"binary as text bytes", []byte("x"), hexBytes{}},
	{"binary as array", []byte("x"), [1]byte{}},
	{"no base64 as binary", "?", []byte{}},
	{"wrong elements", []any{1, "x"}, []int{}},
	{"wrong elements of an array", []any{1, "x"}, [2]int{}},
	{"wrong member", map[string]any{"name": 1}, outer{}},
	{"wrong value", map[string]any{"x": "1"}, map[string]int{}},
	{"wrong int key", map[string]any{"x": 1}, map[int]int{}},
	{"wrong uint key", map[string]any{"-1": 1}, map[uint]int{}},
	{"key out of range", map[string]any{"300": 1}, map[int8]int{}},
	{"bool key", map[string]any{"true": 1}, map[bool]int{}},
	{"wrong text key", map[string]any{"x": 1}, map[netip.Addr]int{}},
	{"interface with methods", map[string]any{"S": "x"}, struct{ S fmt.Stringer }{}},
	{"embedded unexported pointer", map[string]any{"V": 1}, shadowed{}},
	{"unquoted", map[string]any{"I": 1}, quoted{}},
	{"wrong quoted", map[string]any{"I": "x"}, quoted{}},
	{"quoted out of range", map[string]any{"I": "300"}, quoted{}},
}

// TestParity encodes and decodes values with this codec and the default one.
func TestParity(t *testing.T) {
	t.Parallel()
	for _, pair := range pairs {
		t.Run(pair.name, func(t *testing.T) {
			into := pair.into
			if into == nil {
				into = pair.in
			}
			types := []reflect.Type{reflect.TypeOf(into), reflect.TypeFor[any]()}
			switch pair.in.(type) {
			case float32, time.Time:
				types = types[:1] // any would show the difference: other digits
			}
			for _, in := range []any{pair.in, []any{pair.in}, map[string]any{"k": pair.in}, struct{ V any }{pair.in}} {
				for _, typ := range types {
					want, wantErr := through(parser.JSON, in, wrap(in, pair.in, typ))
					got, err := through(msgpack.Codec, in, wrap(in, pair.in, typ))
					if (err == nil) != (wantErr == nil) {
						t.Fatalf("%v: got error %v, want %v", typ, err, wantErr)
					}
					if err == nil && !reflect.DeepEqual(got, want) {
						t.Errorf("%v:\ngot  %#v\nwant %#v", typ, got, want)
					}
				}
			}
		})
	}
}

// wrap returns the type that a wrapped value decodes into.
func wrap(wrapped, in any, t reflect.Type) reflect.Type {
	switch wrapped.(type) {
	case []any:
		if _, same := in.([]any); !same {
			return reflect.SliceOf(t)
		}
	case map[string]any:
		if _, same := in.(map[string]any); !same {
			return reflect.MapOf(reflect.TypeFor[string](), t)
		}
	case struct{ V any }:
		return reflect.StructOf([]reflect.StructField{{Name: "V", Type: t}})
	}
	return t
}

// through encodes a value and decodes it into one of type t.
func through(codec parser.Codec, in any, t reflect.Type) (any, error) {
	data, attachments, err := codec.Append(nil, event, "e", []any{in})
	if err != nil {
		return nil, err
	}
	dec := codec.NewDecoder(parser.Limits{})
	p, err := dec.Decode(data, codec.Binary())
	for _, a := range attachments {
		p, err = dec.Decode(a, true)
	}
	if err != nil {
		return nil, err
	}
	v := reflect.New(t)
	err = p.Args.Decode(v.Interface())
	return v.Elem().Interface(), err
}

// TestRoundTrip tests values that JSON cannot represent.
func TestRoundTrip(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name     string
		in, want any // want's type is decoded into; nil means in
	}{
		{"infinity", inf, nil},
		{"infinity in any", []any{inf, -inf}, nil},
		{"time to the millisecond", time.Unix(1700000000, 123999999).In(time.FixedZone("x", 3600)), time.UnixMilli(1700000000123).UTC()},
		{"float32 as float64", float32(0.1), float64(float32(0.1))},
		{"float32 in any", []any{float32(0.1)}, []any{float64(float32(0.1))}},
		{"large number", stdjson.Number("123456789012345678901234567890.5"), stdjson.Number("1.2345678901234568e+29")},
		{"infinite number", stdjson.RawMessage(`[1e400,-1e400]`), []float64{inf, -inf}},
		{"raw with infinity", []any{inf, nan}, stdjson.RawMessage(`[null,null]`)},
		{"raw with binary", map[string]any{"a": []byte("blob"), "b": 1}, stdjson.RawMessage(`{"a":"YmxvYg==","b":1}`)},
		{"JSON bytes with binary", []byte("blob"), jsonBytes(`"YmxvYg=="`)},
		{"raw with date", []any{time.UnixMilli(0)}, stdjson.RawMessage(`["1970-01-01T00:00:00.000Z"]`)},
	} {
		t.Run(test.name, func(t *testing.T) {
			parsertest.WantRoundTrip(t, msgpack.Codec, test.in, test.want)
		})
	}
	var f float64
	var f32 float32
	parsertest.RoundTrip(t, msgpack.Codec, nan, &f)
	parsertest.RoundTrip(t, msgpack.Codec, float32(nan), &f32)
	if f == f || f32 == f32 {
		t.Errorf("got %v and %v, want NaN", f, f32)
	}
}
