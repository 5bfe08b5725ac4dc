package msgpack_test

import (
	"bytes"
	stdjson "encoding/json"
	"math"
	"math/big"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/seed96b07ef8/socketio/parser"
	"github.com/seed96b07ef8/socketio/parser/internal/parsertest"
	"github.com/seed96b07ef8/socketio/parser/msgpack"
)

func TestDecodeValues(t *testing.T) {
	t.Parallel()
	type fields struct {
		UserName string
		N        int
		P        *int
		B        []byte
	}
	inner := &fields{UserName: "kept"}
	for _, test := range []struct {
		name      string
		arg       wire
		into      any // pointer to the value before
		want      any
		wantError string
	}{
		{"undefined into any", undefined, new(any(7)), nil, ""},
		{"undefined into pointer", undefined, new(new(1)), (*int)(nil), ""},
		{"undefined into int", undefined, new(7), 7, ""},
		{"undefined into string", "d40001", new("kept"), "kept", ""},
		{"undefined into number", undefined, new(jsonNumber("1")), jsonNumber("1"), ""},
		{"undefined into slice", undefined, &[]int{1}, []int(nil), ""},
		{"undefined into map", undefined, &map[string]int{"a": 1}, map[string]int(nil), ""},
		{"undefined into array", undefined, &[1]int{1}, [1]int{1}, ""},
		{"undefined into binary", undefined, new([]byte("x")), []byte(nil), ""},
		{"undefined into raw", undefined, new(jsonRaw("x")), jsonRaw("null"), ""},
		{"undefined into time", undefined, new(time.UnixMilli(5)), time.UnixMilli(5), ""},
		{"undefined into quoted", "81 a149" + undefined, &quoted{I: 1}, quoted{I: 1}, ""},
		{"nil into quoted", "82 a149 c0 a150 c0", &quoted{I: 1, P: new(1)}, quoted{I: 1}, ""},
		{"nil into bool", "c0", new(true), true, ""},
		{"nil into struct", "c0", &fields{N: 1}, fields{N: 1}, ""},
		{"undefined member", "83 a14e" + undefined + "a150" + undefined + "a142" + undefined, &fields{N: 1, P: new(1), B: []byte("x")}, fields{N: 1, P: new(1), B: []byte("x")}, ""},
		{"undefined member of map", "82 a161" + undefined + "a162 01", &map[string]int{"a": 7}, map[string]int{"a": 7, "b": 1}, ""},
		{"undefined member of any", "82 a161" + undefined + "a162 01", new(any), map[string]any{"b": 1.0}, ""},
		{"undefined member of raw", "83 a161" + undefined + "a162 01 a163 02", new(jsonRaw), jsonRaw(`{"b":1,"c":2}`), ""},
		{"undefined element", "93 01" + undefined + "02", new([]any), []any{1.0, nil, 2.0}, ""},
		{"undefined element of ints", "93 01" + undefined + "02", new([]int), []int{1, 0, 2}, ""},

		{"ArrayBuffer", "c7 02 00 0102", new([]byte), []byte{1, 2}, ""},
		{"ArrayBuffer of 1 byte", "c7 01 00 01", new(any), []byte{1}, ""},
		{"ArrayBuffer of 8 bytes", "c7 08 00 0102030405060708", new(namedBytes), namedBytes{1, 2, 3, 4, 5, 6, 7, 8}, ""},
		{"empty ArrayBuffer", "c7 00 00", new([]byte), []byte{}, ""},
		{"long ArrayBuffer", "c8 0002 00 0102", new(any), []byte{1, 2}, ""},
		{"longer ArrayBuffer", "c9 00000002 00 0102", &fields{}, nil, "cannot decode binary data into msgpack_test.fields"},
		{"ArrayBuffer in struct", "81 a142 c9 00000002 00 0102", new(fields), fields{B: []byte{1, 2}}, ""},
		{"long binary", "c6 00000002 0102", new([]byte), []byte{1, 2}, ""},

		{"date", "d7000000018bcfe5687b", new(time.Time), time.UnixMilli(1700000000123).UTC(), ""},
		{"date into any", "d7000000018bcfe5687b", new(any), "2023-11-14T22:13:20.123Z", ""},
		{"date into string", "d7000000018bcfe5687b", new(namedString), namedString("2023-11-14T22:13:20.123Z"), ""},
		{"date into raw", "91 d7000000018bcfe5687b", new(jsonRaw), jsonRaw(`["2023-11-14T22:13:20.123Z"]`), ""},
		{"date into embedded time", "d7000000018bcfe5687b", new(struct{ time.Time }), struct{ time.Time }{time.UnixMilli(1700000000123).UTC()}, ""},
		{"first date", "d700 ffe14df73d240000", new(any), "-271821-04-20T00:00:00.000Z", ""},
		{"last date", "d700 001eb208c2dc0000", new(any), "+275760-09-13T00:00:00.000Z", ""},
		{"date before the first", "d700 ffe14df73d23ffff", new(any), nil, ""},
		{"date behind the last", "d700 001eb208c2dc0001", new("kept"), "kept", ""},
		{"invalid date into raw", "d700 7fffffffffffffff", new(jsonRaw), jsonRaw("null"), ""},
		{"date into int", "d7000000018bcfe5687b", new(int), nil, "cannot decode date into int"},

		{"extension", "d6 ff 01020304", new(any), []any{-1.0, []byte{1, 2, 3, 4}}, ""},
		{"extensions", "97 d405 01 d500 0102 d600 01020304 d705 0102030405060708 d800 00112233445566778899aabbccddeeff c70105 01 c8000105 01", new(any),
			[]any{[]any{5.0, []byte{1}}, []any{0.0, []byte{1, 2}}, []any{0.0, []byte{1, 2, 3, 4}}, []any{5.0, []byte{1, 2, 3, 4, 5, 6, 7, 8}}, []any{0.0, wire("00112233445566778899aabbccddeeff").bytes()}, []any{5.0, []byte{1}}, []any{5.0, []byte{1}}}, ""},
		{"extension into raw", "d6 ff 01020304", new(jsonRaw), jsonRaw(`[-1,"AQIDBA=="]`), ""},
		{"extension into string", "d6 ff 01020304", new(string), nil, "cannot decode extension -1 into string"},
		{"extension into slice", "d6 ff 01020304", new([]any), nil, "cannot decode extension -1"},

		{"integral float into int", "cb4008000000000000", new(int), 3, ""},
		{"integral float into uint8", "ca40400000", new(uint8), uint8(3), ""},
		{"large float into int64", "cb43d0000000000000", new(int64), int64(1) << 62, ""},
		{"large float into uint64", "cb43e0000000000000", new(uint64), uint64(1) << 63, ""},
		{"float out of range of int64", "cb43e0000000000000", new(int64), nil, "9223372036854776000"},
		{"float out of range of uint64", "cb43f0000000000000", new(uint64), nil, "18446744073709552000"},
		{"smallest float into int64", "cbc3e0000000000000", new(int64), int64(math.MinInt64), ""},
		{"NaN into int", "cb7ff8000000000000", new(int), nil, "null"},
		{"unsigned in signed form", "d20000000a", new(uint8), uint8(10), ""},
		{"float into number", "ca3fc00000", new(jsonNumber), jsonNumber("1.5"), ""},
		{"NaN into number", "cb7ff8000000000000", new(jsonNumber), nil, "json.Number"},
		{"int8", "d0ff", new(any), -1.0, ""},

		{"number keys", "83 01 a161 cb3ff8000000000000 a162 e0 a163", new(any), map[string]any{"1": "a", "1.5": "b", "-32": "c"}, ""},
		{"number keys into ints", "82 01 a161 cc80 a162", new(map[int]string), map[int]string{1: "a", 128: "b"}, ""},
		{"number keys into raw", "81 01 a161", new(jsonRaw), jsonRaw(`{"1":"a"}`), ""},
		{"duplicate keys", "82 a161 01 a161 02", new(any), map[string]any{"a": 2.0}, ""},
		{"duplicate members", "82 a14e 01 a14e 02", new(fields), fields{N: 2}, ""},
		{"case-insensitive name", "81 a8" + "757365726e616d65" + "a178", new(fields), fields{UserName: "x"}, ""},
		{"invalid UTF-8", "92 a2 61ff 81 a1ff a1ff", new(any), []any{"a\ufffd", map[string]any{"\ufffd": "\ufffd"}}, ""},
		{"invalid UTF-8 in string", "a2 61ff", new(string), "a\ufffd", ""},
		{"invalid UTF-8 in named string", "a2 61ff", new(namedString), namedString("a\ufffd"), ""},
		{"invalid UTF-8 in key", "81 a1ff 01", new(map[string]int), map[string]int{"\ufffd": 1}, ""},
		{"invalid UTF-8 in raw", "a2 61ff", new(jsonRaw), jsonRaw("\"a\ufffd\""), ""},
		{"into pointer in any", "81 a14e 03", new(any(inner)), &fields{UserName: "kept", N: 3}, ""},
		{"nil into pointer in any", "c0", new(any(inner)), nil, ""},
		{"nil pointer in any", "03", new(any((*int)(nil))), 3.0, ""},
		{"into pointer in interface", "81 a149 81 a14e 04", &struct{ I isFields }{inner2}, nil, "cannot decode number 4 into string"},
		{"into non-empty map", "81 a162 02", &map[string]int{"a": 1}, map[string]int{"a": 1, "b": 2}, ""},
		{"into non-empty map of any", "81 a162 02", &map[string]any{"a": 1}, map[string]any{"a": 1, "b": 2.0}, ""},
		{"into non-empty slice", "92 80 81 a14e 02", &[]fields{{N: 7}, {UserName: "gone"}, {N: 9}}, []fields{{}, {N: 2}}, ""},

		{"no pointer", "01", 1, nil, "argument 0 (int): cannot decode into int, which is not a pointer"},
		{"nil pointer", "01", (*int)(nil), nil, "nil *int"},
		{"nil pointer to string", "a0", (*string)(nil), nil, "nil *string"},
		{"nil pointer to any", "01", (*any)(nil), nil, "nil"},
		{"nil pointer to binary", "c400", (*[]byte)(nil), nil, "nil"},
		{"into function", "01", new(func()), nil, "cannot decode into func()"},
		{"member", "81 a14e a178", new(fields), nil, "argument 0 (msgpack_test.fields): N: cannot decode string into int"},
		{"bool", "c3", new(string), nil, "cannot decode bool true into string"},
		{"array", "90", new(string), nil, "cannot decode array into string"},
		{"map", "80", new(bool), nil, "cannot decode object into bool"},
	} {
		t.Run(test.name, func(t *testing.T) {
			args := decode(t, eventOf(test.arg)).Args
			parsertest.WantDecoded(t, args, test.into, test.want, test.wantError)
		})
	}
}

type isFields interface{ isFields() }
type fieldsWithMethod struct{ N string }

func (*fieldsWithMethod) isFields() {}

var inner2 = &fieldsWithMethod{}

func TestConcurrently(t *testing.T) {
	t.Parallel()
	// Types for which no other test has made plans.
	type leaf struct{ A, B int }
	type node struct {
		Leaf leaf
		Next *node
		Any  any
	}
	in := &node{leaf{1, 2}, &node{Leaf: leaf{3, 4}, Any: []any{[]byte("blob"), leaf{5, 6}}}, map[string]any{"x": 1.0}}
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 200 {
				data, _, err := msgpack.Codec.Append(nil, event, "e", []any{in, in.Any})
				if err != nil {
					t.Error(err)
					return
				}
				p, err := msgpack.Codec.NewDecoder(parser.Limits{}).Decode(data, true)
				if err != nil {
					t.Error(err)
					return
				}
				var out node
				if err := p.Args.Decode(&out); err != nil || out.Next.Leaf.B != 4 || out.Any.(map[string]any)["x"] != 1.0 {
					t.Errorf("got %+v, %v", out, err)
					return
				}
			}
		})
	}
	group.Wait()
}

// TestAppendNested encodes a packet from within a marshaler.
func TestAppendNested(t *testing.T) {
	t.Parallel()
	var inner, outer []byte
	if err := decode(t, encode(t, event, "e", map[string]any{"a": nesting{}, "b": []byte("outer")})).Args.Decode(&struct{ A, B *[]byte }{&inner, &outer}); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(inner, encode(t, event, "inner", jsonRaw("[1]"))) || string(outer) != "outer" {
		t.Errorf("got %x, %q", inner, outer)
	}
}

type nesting struct{}

func (nesting) MarshalJSON() ([]byte, error) {
	data, _, err := msgpack.Codec.Append(nil, event, "inner", []any{jsonRaw("[1]")})
	if err != nil {
		return nil, err
	}
	return stdjson.Marshal(data)
}

// As in encoding/json, a pointer that leads to itself is replaced.
func TestDecodeIntoPointerToItself(t *testing.T) {
	t.Parallel()
	args := decode(t, encode(t, parser.Header{Type: parser.Event}, "e", "a", map[string]any{"X": "b"})).Args
	var x any
	var nested struct{ X any }
	x, nested.X = &x, &nested.X
	if err := args.Decode(&x, &nested); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(x, "a") || !reflect.DeepEqual(nested.X, "b") {
		t.Errorf("got %v and %v, want a and b", x, nested.X)
	}
}

// As the package documentation says.
func TestLargeBigInt(t *testing.T) {
	t.Parallel()
	exact, rounded, large := new(big.Int), new(big.Int), new(big.Int)
	exact.SetUint64(math.MaxUint64)
	rounded.SetString("100000000000000000001", 10)
	large.SetString("1000000000000000000000", 10)
	args := decode(t, encode(t, parser.Header{Type: parser.Event}, "e", exact, rounded, large)).Args
	var a, b, c big.Int
	if err := args.Decode(&a, &b); err != nil || a.Cmp(exact) != 0 || b.String() != "100000000000000000000" {
		t.Errorf("got %v, %v, %v", &a, &b, err)
	}
	if err := args.DecodeAt(2, &c); err == nil {
		t.Errorf("got %v", &c)
	}
}
