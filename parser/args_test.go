package parser_test

import (
	stdjson "encoding/json"
	"errors"
	"math"
	"reflect"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/seed96b07ef8/socketio/parser"
	"github.com/seed96b07ef8/socketio/parser/internal/parsertest"
)

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	blob := []byte("blob")
	for _, test := range []struct {
		name     string
		in, want any // want's type is decoded into; nil means in
	}{
		{"string", "hello", nil},
		{"string with everything", "\"\\\x00\u2028é😀", nil},
		{"int", -5, nil},
		{"int8", int8(-8), nil},
		{"smallest int64", int64(math.MinInt64), nil},
		{"largest int64", int64(math.MaxInt64), nil},
		{"largest uint64", uint64(math.MaxUint64), nil},
		{"largest float", math.MaxFloat64, nil},
		{"smallest float", math.SmallestNonzeroFloat64, nil},
		{"float32", float32(0.1), nil},
		{"bool", true, nil},
		{"false", false, nil},
		{"duration", time.Hour, nil},
		{"time", time.Unix(1700000000, 123456789).UTC(), nil},
		{"raw", stdjson.RawMessage(`{"a" : 1e400}`), nil},
		{"number", stdjson.Number("123456789012345678901234567890.5"), nil},
		{"numbers", []stdjson.Number{"1.00", "2e3"}, nil},
		{"pointer to number", new(stdjson.Number("1.00")), nil},
		{"number keys", map[stdjson.Number]stdjson.Number{"1": "1.0"}, nil},
		{"marshaler", marshaler{7}, marshaler{7}},
		{"text bytes", hexBytes{1, 2}, nil},
		{"JSON bytes", new(jsonBytes("x")), new(jsonBytes(`"json"`))},
		{"slice", []int{1, 2, 3}, nil},
		{"array", [3]byte{1, 2, 3}, nil},
		{"map", map[string][]int{"a": {1}}, nil},
		{"any", map[string]any{"a": []any{1.5, "x", nil, true, map[string]any{}, []any{}}}, nil},
		{"any from struct", any(tree{Children: []*tree{nil}}), map[string]any{"children": []any{nil}}},

		{"binary", blob, nil},
		{"empty binary", []byte{}, nil},
		{"nil binary", []byte(nil), nil},
		{"pointer to binary", &blob, nil},
		{"named binary", namedBytes("x"), nil},
		{"slice of named bytes", []namedByte("x"), nil},
		{"binary as other type", namedBytes("x"), []byte("x")},
		{"slice of binary", [][]byte{blob, {}, nil}, nil},
		{"slice of named binary", []namedBytes{namedBytes("a"), namedBytes("b")}, nil},
		{"map of binary", map[string][]byte{"a": blob, "b": []byte("c")}, nil},
		{"binary in any", []any{blob, map[string]any{"a": []byte{}, "b": []any{blob}}, nil, 1.0}, nil},
		{"binary in map of any", map[string]any{"a": blob, "b": []any{blob}}, nil},
		{"binary and number", struct {
			N stdjson.Number
			B []byte
			C namedBytes
		}{"1.0", blob, namedBytes("c")}, nil},
		{"recursive type", &tree{blob, []*tree{{Data: []byte("a")}, {nil, []*tree{{Data: []byte("b")}}}}}, nil},
		{"struct", outer{
			embedded: embedded{blob}, Name: "<n>", Raw: stdjson.RawMessage(`{"r":1}`), Number: "1.50", Quoted: 7,
			Max: math.MaxUint64, Wait: 1, Any: map[string]any{"x": []any{blob}}, Pointer: &blob,
			Map: map[string]namedBytes{"m": namedBytes("m")}, Array: [3]byte{1, 2, 3}}, nil},
		{"struct without binary", outer{Name: "n", Raw: stdjson.RawMessage(`1`), Number: "0"}, nil},
		{"embedded pointer", struct{ *Embedded }{&Embedded{blob}}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			parsertest.WantRoundTrip(t, parser.JSON, test.in, test.want)
		})
	}
}

// Embedded is exported because encoding/json cannot allocate others.
type Embedded struct{ Blob []byte }

func TestDecodeValues(t *testing.T) {
	t.Parallel()
	type fields struct {
		UserName string
		N        int
		Inner    struct{ A, B int }
	}
	for _, test := range []struct {
		name      string
		arg       string
		into      any // pointer to the value before
		want      any
		wantError string
	}{
		{"case-insensitive name", `{"username":"x","N":1}`, new(fields), fields{UserName: "x", N: 1}, ""},
		{"duplicate name", `{"N":1,"N":2}`, new(fields), fields{N: 2}, ""},
		{"unknown name", `{"x":[{}]}`, new(fields), fields{}, ""},
		{"duplicate name in any", `{"a":1,"a":{"b":2}}`, new(any), map[string]any{"a": map[string]any{"b": 2.0}}, ""},
		{"duplicate objects in any", `{"a":{"x":1},"a":{"y":2}}`, new(any), map[string]any{"a": map[string]any{"y": 2.0}}, ""},
		{"any with escapes", ` [ { "\u0061\n" : "\ud83d\ude00\ud800" } , -1.5e1 , false ] `, new(any), []any{map[string]any{"a\n": "😀\ufffd"}, -15.0, false}, ""},
		{"any with invalid UTF-8", "\"a\xff\"", new(any), "a\ufffd", ""},
		{"string with invalid UTF-8", "\"a\xff\"", new(string), "a\ufffd", ""},
		{"string with escape", `"\u0061"`, new(string), "a", ""},
		{"null into string", `null`, new("kept"), "kept", ""},
		{"null into int", `null`, new(7), 7, ""},
		{"null into any", `null`, new(any(7)), nil, ""},
		{"null into float", `null`, new(7.5), 7.5, ""},
		{"null into pointer", `null`, new(new(1)), (*int)(nil), ""},
		{"null into binary", `null`, new([]byte("x")), []byte(nil), ""},
		{"null into raw", `null`, new(stdjson.RawMessage("x")), stdjson.RawMessage("null"), ""},
		{"base64 into binary", `"YmxvYg=="`, new([]byte), []byte("blob"), ""},
		{"base64 into named binary", `"YmxvYg=="`, new(namedBytes), namedBytes("blob"), ""},
		{"integral exponent into float", `1e3`, new(float64), 1000.0, ""},
		{"string into quoted int", `{"A":1}`, new(map[string]int8), map[string]int8{"A": 1}, ""},
		{"into pointer in any", `{"N":3}`, new(any(&fields{UserName: "kept"})), &fields{UserName: "kept", N: 3}, ""},
		{"into non-empty map", `{"b":2}`, &map[string]int{"a": 1}, map[string]int{"a": 1, "b": 2}, ""},
		{"placeholder without attachments", `{"_placeholder":true,"num":0}`, new(any), map[string]any{"_placeholder": true, "num": 0.0}, ""},

		{"string into int", `"1"`, new(int), nil, "parser: argument 0 (int): "},
		{"fraction into int", `1.5`, new(int), nil, "1.5"},
		{"int out of range", `9223372036854775808`, new(int64), nil, "9223372036854775808"},
		{"negative into uint", `-1`, new(uint64), nil, "-1"},
		{"number into string", `1`, new(string), nil, "string"},
		{"number into bool", `1`, new(bool), nil, "bool"},
		{"object into slice", `{}`, new([]int), nil, "[]int"},
		{"object into binary", `{}`, new([]byte), nil, "[]uint8"},
		{"float out of range", `1e999`, new(float64), nil, "1e999"},
		{"any out of range", `[1e999]`, new(any), nil, "1e999"},
		{"no pointer", `1`, 1, nil, "argument 0 (int): cannot decode into int, which is not a pointer"},
		{"nil pointer", `1`, (*int)(nil), nil, "nil"},
		{"nil pointer to struct", `{}`, (*fields)(nil), nil, "nil"},
		{"nil pointer to any", `{}`, (*any)(nil), nil, "nil"},
		{"nil pointer to binary", `null`, (*[]byte)(nil), nil, "nil"},
		{"into function", `1`, new(func()), nil, "func()"},
	} {
		t.Run(test.name, func(t *testing.T) {
			args := decode(t, `2["e",`+test.arg+`]`).Args
			parsertest.WantDecoded(t, args, test.into, test.want, test.wantError)
		})
	}
}

func TestDecodePlaceholders(t *testing.T) {
	t.Parallel()
	type fields struct {
		A any
		B []byte
		C namedBytes
		N stdjson.Number
		S string
		I interface{ Len() int }
	}
	inner := &fields{}
	for _, test := range []struct {
		name      string
		arg       string
		into      any
		want      any
		wantError string
	}{
		{"long spelling", `{ "x": {"y":[1]}, "num":1, "_placeholder":true}`, new([]byte), []byte("one"), ""},
		{"escaped member", `{"\u005fplaceholder":true,"n\u0075m":1}`, new(namedBytes), namedBytes("one"), ""},
		{"members that are no placeholder's", `{"B":P0,"N":1.0,"S":"s","A":{"num":1}}`, new(fields), fields{B: []byte("zero"), N: "1.0", S: "s", A: map[string]any{"num": 1.0}}, ""},
		{"all kinds", `{"A":[P0,{"x":P1}],"B":P1,"C":P0}`, new(fields), fields{A: []any{[]byte("zero"), map[string]any{"x": []byte("one")}}, B: []byte("one"), C: namedBytes("zero")}, ""},
		{"base64 next to binary", `{"A":P0,"B":"YmxvYg==","C":"YmxvYg=="}`, new(fields), fields{A: []byte("zero"), B: []byte("blob"), C: namedBytes("blob")}, ""},
		{"null next to binary", `{"A":P0,"B":null,"C":null}`, &fields{B: []byte("x"), C: namedBytes("x")}, fields{A: []byte("zero")}, ""},
		{"pointer in any", `{"B":P0}`, new(any(inner)), &fields{B: []byte("zero")}, ""},
		{"any replaces", `{"A":P0}`, &fields{A: 1}, fields{A: []byte("zero")}, ""},
		{"array into binary", `{"A":P0,"B":[1,2]}`, new(fields), fields{A: []byte("zero"), B: []byte{1, 2}}, ""},
		{"map of any", `{"a":P0}`, new(map[string]any), map[string]any{"a": []byte("zero")}, ""},
		{"raw", `P0`, new(stdjson.RawMessage), stdjson.RawMessage(`{"_placeholder":true,"num":0}`), ""},
		{"JSON bytes", `P0`, new(jsonBytes), jsonBytes(`{"_placeholder":true,"num":0}`), ""},

		{"string", `P0`, new(string), nil, "string"},
		{"text bytes", `P0`, new(hexBytes), nil, "hexBytes"},
		{"object into binary", `{"num":0}`, new([]byte), nil, "binary"},
		{"object into named binary", `[{"_placeholder":false}]`, new([]namedBytes), nil, "binary"},
		{"object into field", `{"A":P0,"B":{"num":0}}`, new(fields), nil, "binary"},
		{"number in any", `{"A":[1e999]}`, new(fields), nil, "1e999"},
	} {
		t.Run(test.name, func(t *testing.T) {
			text := `52-["e",` + placeholders(test.arg) + `]`
			attachments := [][]byte{[]byte("zero"), []byte("one")}
			args := decode(t, text, attachments...).Args
			parsertest.WantDecoded(t, args, test.into, test.want, test.wantError)
		})
	}
}

func TestArgs(t *testing.T) {
	t.Parallel()
	args := decode(t, `2["e",1,"two",[3]]`).Args
	if args.Len() != 3 || string(args.Raw(1)) != `"two"` || args.Raw(3) != nil || args.Raw(-1) != nil {
		t.Errorf("got %d, %q", args.Len(), args.Raw(1))
	}
	var n int
	var s string
	list, missing := []int{}, "kept"
	if err := args.Decode(&n); err != nil || n != 1 {
		t.Errorf("got %d, %v", n, err)
	}
	if err := args.Decode(nil, &s, &list, &missing); err != nil || s != "two" || len(list) != 1 || missing != "kept" {
		t.Errorf("got %q, %v, %q, %v", s, list, missing, err)
	}
	for _, i := range []int{-1, 3} {
		if err := args.DecodeAt(i, &missing); err != nil || missing != "kept" {
			t.Errorf("got %q, %v", missing, err)
		}
	}
	if err := args.DecodeAt(0, nil); err != nil {
		t.Error(err)
	}
	err := args.Decode(nil, &n)
	var argError *parser.ArgError
	if !errors.As(err, &argError) || argError.Index != 1 || argError.Type != reflect.TypeFor[int]() || argError.Unwrap() == nil {
		t.Errorf("got %#v", err)
	}
	var zero parser.Args
	if err := zero.Decode(&n); err != nil || zero.Len() != 0 || zero.Raw(0) != nil {
		t.Errorf("the zero Args is not empty: %v", err)
	}
}

// TestNewArgs uses Args with a custom format.
func TestNewArgs(t *testing.T) {
	t.Parallel()
	args := parser.NewArgs(decimal{}, [][]byte{[]byte("17"), []byte("x")}, nil)
	var n int
	if err := args.Decode(&n); err != nil || n != 17 {
		t.Errorf("got %d, %v", n, err)
	}
	if err := args.DecodeAt(1, &n); !errors.Is(err, strconv.ErrSyntax) {
		t.Errorf("got %v", err)
	}
}

type decimal struct{}

func (decimal) DecodeValue(raw []byte, _ [][]byte, ptr any) (err error) {
	*ptr.(*int), err = strconv.Atoi(string(raw))
	return err
}

func TestArgsConcurrently(t *testing.T) {
	t.Parallel()
	args := decode(t, placeholders(`52-["e",{"a":P0,"b":[P1]},{"blob":P1,"number":1.50,"any":P0}]`), []byte("zero"), []byte("one")).Args
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 200 {
				var v map[string]any
				var s outer
				if err := args.Decode(&v, &s); err != nil || string(v["a"].([]byte)) != "zero" || string(s.Blob) != "one" {
					t.Errorf("got %v, %v, %v", v, s, err)
					return
				}
				clear(s.Blob)
				clear(v["a"].([]byte))
			}
		})
	}
	group.Wait()
}

// As in encoding/json, a pointer that leads to itself is replaced.
func TestDecodeIntoPointerToItself(t *testing.T) {
	args, err := parser.ArgsOf(map[string]any{"a": "b"}, []byte("c"))
	if err != nil {
		t.Fatal(err)
	}
	var x, y, z any
	x, y = &x, &z
	z = &y
	if err := args.Decode(&x, &y); err != nil {
		t.Fatal(err)
	}
	if want := map[string]any{"a": "b"}; !reflect.DeepEqual(x, want) {
		t.Errorf("got %v, want %v", x, want)
	}
	if want := []byte("c"); !reflect.DeepEqual(y, want) {
		t.Errorf("got %v, want %v", y, want)
	}
}
