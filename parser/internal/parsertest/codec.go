package parsertest

import (
	"bytes"
	stdjson "encoding/json"
	"errors"
	"math"
	"reflect"
	"testing"

	"github.com/seed96b07ef8/socketio/parser"
)

// TestCodec tests what does not depend on the format.
func TestCodec(t *testing.T, codec parser.Codec) {
	t.Run("append errors", func(t *testing.T) { testAppendErrors(t, codec) })
	t.Run("values are left alone", func(t *testing.T) { testValuesAreLeftAlone(t, codec) })
	t.Run("decoded bytes are copies", func(t *testing.T) { testDecodedBytesAreCopies(t, codec) })
	t.Run("borrowed", func(t *testing.T) { testBorrowed(t, codec) })
	t.Run("received arguments are sent again", func(t *testing.T) { testReceivedArguments(t, codec) })
	t.Run("packets do not share state", func(t *testing.T) { testPacketsDoNotShareState(t, codec) })
}

type failing struct{}

var errOnPurpose = errors.New("on purpose")

func (failing) MarshalJSON() ([]byte, error) { return nil, errOnPurpose }

func testAppendErrors(t *testing.T, codec parser.Codec) {
	ack := parser.Header{Type: parser.Ack}
	connect := parser.Header{Type: parser.Connect}
	blob := []byte{1}
	cyclicMap := map[string]any{}
	cyclicMap["a"] = []any{cyclicMap}
	cyclicSlice := []any{nil, nil}
	cyclicSlice[0], cyclicSlice[1] = cyclicSlice, cyclicSlice

	for name, test := range map[string]AppendError{
		"function":          {Event, "e", []any{1, func() {}}, 1, reflect.TypeFor[func()](), "argument 1 (func()): "},
		"channel":           {ack, "", []any{blob, 2, make(chan int)}, 2, reflect.TypeFor[chan int](), "unsupported type"},
		"complex":           {ack, "", []any{1i}, 0, reflect.TypeFor[complex128](), "unsupported type"},
		"function in any":   {Event, "e", []any{[]any{map[string]any{"f": func() {}}}}, 0, reflect.TypeFor[[]any](), "unsupported type: func()"},
		"channel in struct": {Event, "e", []any{struct{ C chan int }{make(chan int)}}, 0, reflect.TypeFor[struct{ C chan int }](), "unsupported type: chan int"},
		"channel behind binary": {Event, "e", []any{struct {
			B []byte
			A any
		}{blob, make(chan int)}}, 0, nil, "unsupported type: chan int"},
		"map key":               {Event, "e", []any{map[struct{ A int }]int{{1}: 1}}, 0, reflect.TypeFor[map[struct{ A int }]int](), "must be a string"},
		"float map key":         {Event, "e", []any{map[float64]int{math.NaN(): 1}}, 0, reflect.TypeFor[map[float64]int](), ""},
		"cyclic map":            {Event, "e", []any{cyclicMap}, 0, nil, "contains itself"},
		"cyclic slice":          {Event, "e", []any{cyclicSlice}, 0, nil, "contains itself"},
		"invalid raw":           {Event, "e", []any{stdjson.RawMessage(`{"a":}`)}, 0, reflect.TypeFor[stdjson.RawMessage](), "not valid JSON"},
		"empty raw":             {Event, "e", []any{stdjson.RawMessage{}}, 0, nil, "not valid JSON"},
		"invalid raw in struct": {Event, "e", []any{struct{ R stdjson.RawMessage }{stdjson.RawMessage(`x`)}}, 0, nil, ""},
		"invalid number":        {Event, "e", []any{stdjson.Number("1x")}, 0, reflect.TypeFor[stdjson.Number](), "not a valid number"},
		"failing marshaler":     {Event, "e", []any{failing{}}, 0, reflect.TypeFor[failing](), "on purpose"},
		"reserved event":        {Event, "disconnect", nil, -1, nil, "reserved"},
		"namespace":             {parser.Header{Type: parser.Event, Namespace: "admin"}, "e", nil, -1, nil, "invalid namespace"},
		"unknown type":          {parser.Header{Type: 7}, "e", nil, -1, nil, "Type(7)"},
		"disconnect":            {parser.Header{Type: parser.Disconnect}, "", []any{1}, -1, nil, "too many arguments"},
		"connect with two":      {connect, "", []any{nil, nil}, -1, nil, "too many arguments"},
		"connect with array":    {connect, "", []any{[]int{1}}, 0, reflect.TypeFor[[]int](), "wrong type"},
		"connect with string":   {connect, "", []any{"x"}, 0, nil, "wrong type"},
		"connect with function": {connect, "", []any{func() {}}, 0, nil, "func()"},
		"connect error":         {parser.Header{Type: parser.ConnectError}, "", []any{1}, 0, nil, "wrong type"},
	} {
		t.Run(name, func(t *testing.T) { test.Check(t, codec) })
	}
	if _, _, err := codec.Append(nil, Event, "e", []any{[]any{failing{}}}); !errors.Is(err, errOnPurpose) {
		t.Errorf("got %v", err)
	}
}

func testValuesAreLeftAlone(t *testing.T, codec parser.Codec) {
	type node struct {
		Data []byte
		Next *node
	}
	value := func() map[string]any {
		return map[string]any{"b": []byte("blob"), "a": []any{[]byte("blob"), math.Inf(1)}, "s": &node{[]byte("blob"), &node{}}}
	}
	arg := value()
	Encode(t, codec, Event, "e", arg)
	if !reflect.DeepEqual(arg, value()) {
		t.Errorf("the value changed: %v", arg)
	}
}

func testDecodedBytesAreCopies(t *testing.T, codec parser.Codec) {
	type namedBytes []byte
	blob := []byte("blob")
	data, attachments := Encode(t, codec, Event, "e", blob, blob, map[string]any{"a": blob}, map[string]any{"b": blob})
	args := Decode(t, codec, data, attachments...).Args
	var text string // of the third
	for range 2 {
		var data []byte
		var named namedBytes
		var dynamic any
		var fields struct{ B []byte }
		if err := args.Decode(&data, &named, &dynamic, &fields); err != nil {
			t.Fatal(err)
		}
		for _, b := range [][]byte{data, named, dynamic.(map[string]any)["a"].([]byte), fields.B} {
			if string(b) != "blob" {
				t.Fatalf("got %q: another handler's copy changed", b)
			}
			b[0] = 'X'
		}
		var raw stdjson.RawMessage
		if err := args.Decode(nil, nil, &raw); err != nil {
			t.Fatal(err)
		}
		if text == "" {
			text = string(raw)
		}
		if string(raw) != text {
			t.Fatalf("got %s, and before %s", raw, text)
		}
		clear(raw)
	}
}

func testPacketsDoNotShareState(t *testing.T, codec parser.Codec) {
	dec := codec.NewDecoder(parser.Limits{})
	var buf []byte // is used again when it is only lent
	var packets []*parser.Packet
	wants := []struct{ namespace, event, arg string }{{"/one", "first", "a"}, {"/two", "other", "b"}}
	for _, want := range wants {
		data, _ := Encode(t, codec, parser.Header{Type: parser.Event, Namespace: want.namespace}, want.event, want.arg)
		if !codec.Binary() {
			buf = append(buf[:0], data...)
			data = buf
		}
		p, err := dec.Decode(data, codec.Binary())
		if err != nil {
			t.Fatal(err)
		}
		packets = append(packets, p)
	}
	for i, want := range wants {
		var arg string
		if err := packets[i].Args.Decode(&arg); err != nil || arg != want.arg {
			t.Errorf("got %q, %v, want %q", arg, err, want.arg)
		}
		WantPacket(t, packets[i], parser.Header{Type: parser.Event, Namespace: want.namespace}, want.event)
	}
}

// A Borrowed is encoded and decoded as a []byte is.
func testBorrowed(t *testing.T, codec parser.Codec) {
	type fields[T any] struct {
		Data T
		List []T
	}
	blob, lent := []byte("blob"), parser.Borrowed("blob")
	want, wantAttachments := Encode(t, codec, Event, "e", blob, []byte(nil), []byte{}, fields[[]byte]{blob, [][]byte{blob}}, map[string]any{"a": blob}, &blob)
	data, attachments := Encode(t, codec, Event, "e", lent, parser.Borrowed(nil), parser.Borrowed{}, fields[parser.Borrowed]{lent, []parser.Borrowed{lent}}, map[string]any{"a": lent}, &lent)
	if !bytes.Equal(data, want) || !reflect.DeepEqual(attachments, wantAttachments) {
		t.Fatalf("got %q and %q, want %q and %q", data, attachments, want, wantAttachments)
	}
	var got, null, empty parser.Borrowed
	var object fields[parser.Borrowed]
	var dynamic any
	ptrs := []any{&got, &null, &empty, &object, &dynamic}
	args := Decode(t, codec, data, attachments...).Args
	if err := args.Take(ptrs...); err != nil {
		t.Fatal(err)
	}
	if string(got) != "blob" || null != nil || empty == nil || len(empty) > 0 || string(object.Data) != "blob" || string(object.List[0]) != "blob" ||
		!reflect.DeepEqual(dynamic, map[string]any{"a": blob}) {
		t.Errorf("got %q, %q, %q, %q, %v", got, null, empty, object, dynamic)
	}
	args.Release(ptrs...)
	if err := Decode(t, codec, data, attachments...).Args.DecodeAt(0, (*parser.Borrowed)(nil)); err == nil {
		t.Error("no error for a nil pointer")
	}
}

// testReceivedArguments checks that Args are sent as their values, at their place, with
// their binary data, and without a loss of precision.
func testReceivedArguments(t *testing.T, codec parser.Codec) {
	again := func(args ...any) parser.Args {
		t.Helper()
		data, attachments := Encode(t, codec, Event, "e", args...)
		return Decode(t, codec, data, attachments...).Args
	}
	blob, other := []byte{1, 2}, []byte{3}
	const big = 1<<53 + 1
	received := again(int64(big), map[string]any{"b": blob, "c": []any{other, "x"}}, blob, "\xff")
	got := again(other, received, []any{received.From(2)}, parser.Args{}, true)
	want := []any{
		other, float64(1 << 53), map[string]any{"b": blob, "c": []any{other, "x"}}, blob, "\ufffd",
		[]any{[]any{blob, "\ufffd"}}, true,
	}
	values := make([]any, got.Len())
	for i := range values {
		WantDecoded(t, got.From(i), &values[i], want[min(i, len(want)-1)], "")
	}
	if len(values) != len(want) {
		t.Errorf("got %d values: %v", len(values), got)
	}
	var exact int64
	if err := got.DecodeAt(1, &exact); err != nil || exact != big {
		t.Errorf("%d became %d (%v)", int64(big), exact, err)
	}
	if none := again(parser.Args{}, received.From(9)); none.Len() != 0 {
		t.Errorf("no arguments became %v", none)
	}
	if one := again(parser.Args{}, 1); one.Len() != 1 {
		t.Errorf("no arguments and one became %v", one)
	}
	nested, err := stdjson.Marshal(struct{ A parser.Args }{received.From(2)})
	if want := "{\"A\":[\"AQI=\",\"\ufffd\"]}"; err != nil || string(nested) != want {
		t.Errorf("as part of another value they are %s (%v), want %s", nested, err, want)
	}
}
