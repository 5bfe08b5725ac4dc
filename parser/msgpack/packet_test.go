package msgpack_test

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/seed96b07ef8/socketio/parser"
	"github.com/seed96b07ef8/socketio/parser/internal/parsertest"
	"github.com/seed96b07ef8/socketio/parser/msgpack"
)

func TestAppendPackets(t *testing.T) {
	t.Parallel()
	blob := []byte{1}
	for _, test := range []struct {
		name  string
		h     parser.Header
		event string
		args  []any
		want  wire
	}{
		{"connect", parser.Header{Type: parser.Connect}, "", nil, "82 a474797065 00 a36e7370 a12f"},
		{"connect with nil", parser.Header{Type: parser.Connect}, "", []any{nil}, "82 a474797065 00 a36e7370 a12f"},
		{"connect with nil map", parser.Header{Type: parser.Connect}, "", []any{map[string]string(nil)}, "82 a474797065 00 a36e7370 a12f"},
		{"connect with auth", parser.Header{Type: parser.Connect, Namespace: "/a"}, "ignored", []any{map[string]any{"t": "x"}}, "83 a474797065 00 a464617461 81a174a178 a36e7370 a22f61"},
		{"connect with binary", parser.Header{Type: parser.Connect}, "", []any{map[string]any{"t": blob}}, "83 a474797065 00 a464617461 81a174c40101 a36e7370 a12f"},
		{"connect reply", parser.Header{Type: parser.Connect}, "", []any{struct {
			SID string `json:"sid"`
			PID string `json:"pid,omitempty"`
		}{"abc", "d"}}, "83 a474797065 00 a464617461 82 a3736964 a3616263 a3706964 a164 a36e7370 a12f"},
		{"disconnect", parser.Header{Type: parser.Disconnect, Namespace: "/"}, "", nil, "82 a474797065 01 a36e7370 a12f"},
		{"event", event, "a", []any{1}, "83 a474797065 02 a464617461 92a16101 a36e7370 a12f"},
		{"event without arguments", event, "a", nil, "83 a474797065 02 a464617461 91a161 a36e7370 a12f"},
		{"event with id", parser.Header{Type: parser.Event, HasID: true}, "a", nil, "84 a474797065 02 a464617461 91a161 a26964 00 a36e7370 a12f"},
		{"event with everything", parser.Header{Type: parser.Event, Namespace: "/a,b", ID: math.MaxUint64, HasID: true}, "a", []any{nil, blob}, "84 a474797065 02 a464617461 93a161c0c40101 a26964 cfffffffffffffffff a36e7370 a42f612c62"},
		{"event without its id", parser.Header{Type: parser.Event, ID: 7}, "a", nil, "83 a474797065 02 a464617461 91a161 a36e7370 a12f"},
		{"event with 15 arguments", event, "a", make([]any, 15), "83 a474797065 02 a464617461 dc0010 a161 c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0 a36e7370 a12f"},
		{"ack", parser.Header{Type: parser.Ack, ID: 7, HasID: true}, "ignored", []any{1, "x"}, "84 a26964 07 a474797065 03 a464617461 9201a178 a36e7370 a12f"},
		{"empty ack", parser.Header{Type: parser.Ack, ID: 300, HasID: true}, "", nil, "84 a26964 cd012c a474797065 03 a464617461 90 a36e7370 a12f"},
		{"connect error", parser.Header{Type: parser.ConnectError, Namespace: "/x"}, "", []any{map[string]any{"message": "m"}}, "83 a474797065 04 a464617461 81 a76d657373616765 a16d a36e7370 a22f78"},
		{"connect error as string", parser.Header{Type: parser.ConnectError}, "", []any{"no"}, "83 a474797065 04 a464617461 a26e6f a36e7370 a12f"},
		{"binary event by type", parser.Header{Type: parser.BinaryEvent}, "a", []any{blob}, "83 a474797065 02 a464617461 92a161c40101 a36e7370 a12f"},
		{"binary ack by type", parser.Header{Type: parser.BinaryAck, ID: 1, HasID: true}, "", []any{blob}, "84 a26964 01 a474797065 03 a464617461 91c40101 a36e7370 a12f"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := encode(t, test.h, test.event, test.args...); !bytes.Equal(got, test.want.bytes()) {
				t.Errorf("got  %x\nwant %x", got, test.want.bytes())
			}
		})
	}
	if !msgpack.Codec.Binary() {
		t.Error("the codec is not binary")
	}
}

// TestAppendErrors tests errors that TestCodec does not.
func TestAppendErrors(t *testing.T) {
	t.Parallel()
	connectError := parser.Header{Type: parser.ConnectError}
	cyclicTree := &tree{Children: []*tree{nil}}
	cyclicTree.Children[0] = cyclicTree
	type node struct{ Next any }
	cyclicNode := &node{}
	cyclicNode.Next = map[string]any{"next": cyclicNode}
	var cyclicPointer any
	cyclicPointer = &cyclicPointer

	for name, test := range map[string]parsertest.AppendError{
		"empty channel in struct":       {Header: event, Event: "e", Args: []any{struct{ C chan int }{}}, Text: "unsupported type: chan int"},
		"empty map with float keys":     {Header: event, Event: "e", Args: []any{map[float64]int{}}, Text: "must be a string"},
		"nil map with any keys":         {Header: event, Event: "e", Args: []any{map[any]int(nil)}, Text: "must be a string"},
		"cyclic tree":                   {Header: event, Event: "e", Args: []any{cyclicTree}, Text: "contains itself"},
		"cyclic mixture":                {Header: event, Event: "e", Args: []any{cyclicNode}, Text: "contains itself"},
		"cyclic pointer":                {Header: event, Event: "e", Args: []any{cyclicPointer}, Text: "contains itself"},
		"two raws":                      {Header: event, Event: "e", Args: []any{jsonRaw(`1 2`)}, Text: "more than one value"},
		"raw with junk":                 {Header: event, Event: "e", Args: []any{jsonRaw(`1}`)}, Text: "not valid JSON"},
		"raw with end":                  {Header: event, Event: "e", Args: []any{jsonRaw(`]`)}, Text: "not valid JSON"},
		"raw with wrong end":            {Header: event, Event: "e", Args: []any{jsonRaw(`[}`)}, Text: "not valid JSON"},
		"deep raw":                      {Header: event, Event: "e", Args: []any{[]any{jsonRaw(strings.Repeat("[", 9999) + strings.Repeat("]", 9999))}}, Text: "nested"},
		"blank number":                  {Header: event, Event: "e", Args: []any{[]jsonNumber{"1 "}}, Text: "not a valid number"},
		"connect error with nil":        {Header: connectError, Args: []any{nil}, Text: "wrong type"},
		"connect error without payload": {Header: connectError, Index: -1, Text: "needs a payload"},
	} {
		t.Run(name, func(t *testing.T) { test.Check(t, msgpack.Codec) })
	}
}

const undefined wire = "d40000"

// validPackets are messages with what they mean.
var validPackets = []struct {
	name  string
	data  []byte
	want  parser.Header
	event string
	args  []wire
}{
	{name: "golden connect", data: wire("82a47479706500a36e7370a12f").bytes()},
	{name: "golden connect without auth", data: wire("83a47479706500a464617461d40000a36e7370a12f").bytes()},
	{name: "golden event", data: wire("83a47479706502a36e7370a12fa46461746192a16101").bytes(), want: event, event: "a", args: []wire{"01"}},
	{name: "connect with auth", data: object("type", 0, "data", wire("81a174a178"), "nsp", "/"), args: []wire{"81a174a178"}},
	{name: "connect with empty auth", data: object("nsp", "/", "data", wire("80"), "type", 0), args: []wire{"80"}},
	{name: "connect with large map", data: object("nsp", "/", "data", wire("de0001a174c0"), "type", 0), args: []wire{"de0001a174c0"}},
	{name: "connect with query", data: object("type", 0, "nsp", "/a?b=,"), want: parser.Header{Namespace: "/a?b=,"}},
	{name: "connect with id", data: object("type", 0, "nsp", "/", "id", 12), want: parser.Header{ID: 12, HasID: true}},
	{name: "disconnect", data: object("type", 1, "nsp", "/admin"), want: parser.Header{Type: parser.Disconnect, Namespace: "/admin"}},
	{name: "disconnect with undefined", data: object("type", 1, "data", undefined, "id", undefined, "nsp", "/"), want: parser.Header{Type: parser.Disconnect}},
	{name: "event of a client", data: object("type", 2, "data", wire("91a165"), "options", wire("81a8636f6d7072657373c3"), "id", 0, "nsp", "/"), want: parser.Header{Type: parser.Event, HasID: true}, event: "e"},
	{name: "event of a broadcast", data: object("type", 2, "data", wire("91a165"), "nsp", "/", "id", 5), want: parser.Header{Type: parser.Event, ID: 5, HasID: true}, event: "e"},
	{name: "event with many arguments", data: object("type", 2, "data", wire("dc0008 a165 01020304050607"), "nsp", "/"), want: event, event: "e", args: []wire{"01", "02", "03", "04", "05", "06", "07"}},
	{name: "event with every kind", data: object("type", 2, "data", wire("dd00000010 a165 c0 c2 c3 d40000 d70000000000000000ff cb3ff8000000000000 ca3fc00000 c40101 c7010001 d50102ff e0 d905"+"68656c6c6f"+" 92c0 93 d8 ff 00112233445566778899aabbccddeeff 81 01 02 01 80 de0000"), "nsp", "/"),
		want: event, event: "e", args: []wire{"c0", "c2", "c3", "d40000", "d70000000000000000ff", "cb3ff8000000000000", "ca3fc00000", "c40101", "c7010001", "d50102ff", "e0", "d90568656c6c6f", "92c093d8ff00112233445566778899aabbccddeeff81010201", "80", "de0000"}},
	{name: "event with the largest id", data: object("type", 2, "data", wire("91a165"), "id", uint64(math.MaxUint64), "nsp", "/"), want: parser.Header{Type: parser.Event, ID: math.MaxUint64, HasID: true}, event: "e"},
	{name: "event with numbers as floats", data: object("type", wire("cb4000000000000000"), "data", wire("91a165"), "id", wire("ca40e00000"), "nsp", "/"), want: parser.Header{Type: parser.Event, ID: 7, HasID: true}, event: "e"},
	{name: "event with numbers of other sizes", data: object("type", wire("d30000000000000002"), "data", wire("91a165"), "id", wire("d17fff"), "nsp", wire("db000000022f61")), want: parser.Header{Type: parser.Event, Namespace: "/a", ID: 0x7fff, HasID: true}, event: "e"},
	{name: "event with unknown members", data: object("x", wire("81 a179 93 80 90 c0"), 1, 2, "type", 2, "", nil, -1.5, undefined, "data", wire("91a165"), "nsp", "/"), want: event, event: "e"},
	{name: "event with duplicate members", data: object("type", 0, "data", wire("80"), "nsp", "no", "id", nil, "type", 2, "data", wire("92a16501"), "nsp", "/", "id", undefined), want: event, event: "e", args: []wire{"01"}},
	{name: "event with duplicate data", data: object("type", 2, "data", wire("96a1650102030405"), "nsp", "/", "data", wire("92a16601")), want: event, event: "f", args: []wire{"01"}},
	{name: "event with empty name", data: object("type", 2, "data", wire("92a001"), "nsp", "/"), want: event, args: []wire{"01"}},
	{name: "event named error", data: object("type", 2, "data", []any{"error"}, "nsp", "/"), want: event, event: "error"},
	{name: "event with invalid UTF-8", data: object("type", 2, "data", wire("91a3 61ffed"), "nsp", wire("a22fff")), want: parser.Header{Type: parser.Event, Namespace: "/\ufffd"}, event: "a\ufffd\ufffd"},
	{name: "event named by a number", data: object("type", 2, "data", []any{1, 2}, "nsp", "/"), want: event, event: "1", args: []wire{"02"}},
	{name: "event named by a negative zero", data: object("type", 2, "data", wire("91cb8000000000000000"), "nsp", "/"), want: event, event: "0"},
	{name: "event named by a negative number", data: object("type", 2, "data", []any{-12}, "nsp", "/"), want: event, event: "-12"},
	{name: "event named by a fraction", data: object("type", 2, "data", []any{1.5}, "nsp", "/"), want: event, event: "1.5"},
	{name: "event named by a large number", data: object("type", 2, "data", []any{uint64(12345678901234567890)}, "nsp", "/"), want: event, event: "12345678901234567000"},
	{name: "event named by a small number", data: object("type", 2, "data", []any{1.2e-7}, "nsp", "/"), want: event, event: "1.2e-7"},
	{name: "event named by infinity", data: object("type", 2, "data", []any{-inf}, "nsp", "/"), want: event, event: "-Infinity"},
	{name: "event nested as deeply as possible", data: object("type", 2, "data", "92a165"+wire(strings.Repeat("91", 510)+"90"), "nsp", "/"), want: event, event: "e", args: []wire{wire(strings.Repeat("91", 510) + "90")}},
	{name: "ack", data: object("type", 3, "data", []any{"x"}, "id", 123, "nsp", "/"), want: parser.Header{Type: parser.Ack, ID: 123, HasID: true}, args: []wire{"a178"}},
	{name: "ack without id", data: object("type", 3, "data", []any{"connect"}, "nsp", "/"), want: parser.Header{Type: parser.Ack}, args: []wire{"a7636f6e6e656374"}},
	{name: "empty ack", data: object("type", 3, "data", wire("90"), "id", 1, "nsp", "/"), want: parser.Header{Type: parser.Ack, ID: 1, HasID: true}},
	{name: "connect error", data: object("type", 4, "data", wire("80"), "nsp", "/a"), want: parser.Header{Type: parser.ConnectError, Namespace: "/a"}, args: []wire{"80"}},
	{name: "connect error as string", data: object("type", 4, "data", "x", "nsp", "/"), want: parser.Header{Type: parser.ConnectError}, args: []wire{"a178"}},
}

func TestDecode(t *testing.T) {
	t.Parallel()
	for _, test := range validPackets {
		t.Run(test.name, func(t *testing.T) {
			p := decode(t, test.data)
			parsertest.WantPacket(t, p, test.want, test.event)
			if p.Args.Len() != len(test.args) {
				t.Fatalf("got %d arguments, want %d", p.Args.Len(), len(test.args))
			}
			for i, want := range test.args {
				if got := p.Args.Raw(i); !bytes.Equal(got, want.bytes()) {
					t.Errorf("argument %d: got %x, want %s", i, got, want)
				}
			}
		})
	}
}

const (
	couldNotParse    = "Could not parse"
	invalidType      = "invalid packet type"
	invalidNamespace = "invalid namespace"
	invalidPayload   = "invalid payload"
	invalidID        = "invalid packet id"
)

// invalidPackets are messages for which a connection is closed.
var invalidPackets = []struct {
	name   string
	data   []byte
	reason string
}{
	{"empty", nil, couldNotParse},
	{"invalid byte", []byte{0xc1}, couldNotParse},
	{"invalid byte in map", object("type", wire("c1")), couldNotParse},
	{"text", []byte("0"), invalidType},
	{"nil", wire("c0").bytes(), invalidType},
	{"array", wire("90").bytes(), invalidType},
	{"empty map", wire("80").bytes(), invalidType},
	{"trailing byte", append(object("type", 0, "nsp", "/"), 0), "1 trailing bytes"},
	{"trailing bytes", append(object("type", 0, "nsp", "/"), "junk"...), "4 trailing bytes"},
	{"huge map", wire("dfffffffff a1").bytes(), couldNotParse},
	{"huge array", object("type", 2, "data", wire("ddffffffff a165 00")), couldNotParse},
	{"huge array within", object("type", 2, "data", wire("92 a165 ddffffffff 00")), couldNotParse},
	{"huge string", object("type", 2, "data", wire("92 a165 dbffffffff 00")), couldNotParse},
	{"huge binary", object("type", 2, "data", wire("92 a165 c6ffffffff 00")), couldNotParse},
	{"huge extension", object("type", 2, "data", wire("92 a165 c9ffffffff 00")), couldNotParse},
	{"map with half of a member", wire("81 a474797065").bytes(), couldNotParse},
	{"map with nil key", object(nil, 1), couldNotParse},
	{"map with array as key", object([]any{}, 1), couldNotParse},
	{"map with binary key in argument", eventOf("81 c40161 01"), couldNotParse},
	{"map with nested key", eventOf("82 a16101 80 01"), couldNotParse},
	{"no type", object("nsp", "/", "data", wire("91a165")), invalidType},
	{"undefined type", object("type", undefined, "nsp", "/"), invalidType},
	{"type nil", object("type", nil, "nsp", "/"), invalidType},
	{"type as string", object("type", "0", "nsp", "/"), invalidType},
	{"type 5", object("type", 5, "nsp", "/", "data", wire("91a165")), invalidType},
	{"type -1", object("type", -1, "nsp", "/"), invalidType},
	{"type 1.5", object("type", 1.5, "nsp", "/"), invalidType},
	{"type NaN", object("type", nan, "nsp", "/"), invalidType},
	{"huge type", object("type", uint64(1)<<32, "nsp", "/"), invalidType},
	{"no namespace", object("type", 0), invalidNamespace},
	{"namespace nil", object("type", 0, "nsp", nil), invalidNamespace},
	{"namespace as number", object("type", 0, "nsp", 1), invalidNamespace},
	{"namespace as binary", object("type", 0, "nsp", []byte("/")), invalidNamespace},
	{"empty namespace", object("type", 0, "nsp", ""), invalidNamespace},
	{"namespace without slash", object("type", 0, "nsp", "admin"), invalidNamespace},
	{"type before namespace", object("type", 9, "nsp", nil, "data", 1, "id", "x"), invalidType},
	{"namespace before payload", object("type", 0, "nsp", nil, "data", 1, "id", "x"), invalidNamespace},
	{"payload before id", object("type", 0, "nsp", "/", "data", 1, "id", "x"), invalidPayload},
	{"connect with nil", object("type", 0, "nsp", "/", "data", nil), invalidPayload},
	{"connect with array", object("type", 0, "nsp", "/", "data", []any{}), invalidPayload},
	{"connect with string", object("type", 0, "nsp", "/", "data", "x"), invalidPayload},
	{"connect with binary", object("type", 0, "nsp", "/", "data", []byte("x")), invalidPayload},
	{"disconnect with nil", object("type", 1, "nsp", "/", "data", nil), invalidPayload},
	{"disconnect with map", object("type", 1, "nsp", "/", "data", wire("80")), invalidPayload},
	{"event without data", object("type", 2, "nsp", "/"), invalidPayload},
	{"event with undefined", object("type", 2, "nsp", "/", "data", undefined), invalidPayload},
	{"event with nil", object("type", 2, "nsp", "/", "data", nil), invalidPayload},
	{"event with map", object("type", 2, "nsp", "/", "data", wire("80")), invalidPayload},
	{"event with string", object("type", 2, "nsp", "/", "data", "e"), invalidPayload},
	{"empty event", object("type", 2, "nsp", "/", "data", wire("90")), invalidPayload},
	{"event named by array", object("type", 2, "nsp", "/", "data", wire("9190")), invalidPayload},
	{"event named by map", object("type", 2, "nsp", "/", "data", wire("9180")), invalidPayload},
	{"event named by nil", object("type", 2, "nsp", "/", "data", []any{nil}), invalidPayload},
	{"event named by undefined", object("type", 2, "nsp", "/", "data", "91"+undefined), invalidPayload},
	{"event named by true", object("type", 2, "nsp", "/", "data", []any{true}), invalidPayload},
	{"event named by binary", object("type", 2, "nsp", "/", "data", []any{[]byte("e")}), invalidPayload},
	{"event named by date", object("type", 2, "nsp", "/", "data", wire("91d7000000000000000000")), invalidPayload},
	{"event named connect", object("type", 2, "nsp", "/", "data", []any{"connect"}), invalidPayload},
	{"event named connect_error", object("type", 2, "nsp", "/", "data", []any{"connect_error"}), invalidPayload},
	{"event named disconnect", object("type", 2, "nsp", "/", "data", []any{"disconnect"}), invalidPayload},
	{"event named disconnecting", object("type", 2, "nsp", "/", "data", []any{"disconnecting"}), invalidPayload},
	{"event named newListener", object("type", 2, "nsp", "/", "data", []any{"newListener"}), invalidPayload},
	{"event named removeListener", object("type", 2, "nsp", "/", "data", []any{"removeListener"}), invalidPayload},
	{"event with long name", object("type", 2, "nsp", "/", "data", []any{strings.Repeat("x", 1025)}), "event name too long"},
	{"event with id nil", object("type", 2, "nsp", "/", "data", []any{"e"}, "id", nil), invalidID},
	{"event with id as string", object("type", 2, "nsp", "/", "data", []any{"e"}, "id", "1"), invalidID},
	{"event with negative id", object("type", 2, "nsp", "/", "data", []any{"e"}, "id", -1), invalidID},
	{"event with fractional id", object("type", 2, "nsp", "/", "data", []any{"e"}, "id", 1.5), invalidID},
	{"event with id out of range", object("type", 2, "nsp", "/", "data", []any{"e"}, "id", 1e20), invalidID},
	{"event with infinite id", object("type", 2, "nsp", "/", "data", []any{"e"}, "id", inf), invalidID},
	{"event nested too deeply", object("type", 2, "nsp", "/", "data", "92a165"+wire(strings.Repeat("91", 511)+"90")), invalidPayload},
	{"event with maps nested too deeply", object("type", 2, "nsp", "/", "data", "92a165"+wire(strings.Repeat("81a161", 511)+"80")), invalidPayload},
	{"unknown member nested too deeply", object("x", wire(strings.Repeat("91", 512)+"90")), invalidPayload},
	{"ack without data", object("type", 3, "nsp", "/", "id", 1), invalidPayload},
	{"ack with map", object("type", 3, "nsp", "/", "data", wire("80")), invalidPayload},
	{"connect error without payload", object("type", 4, "nsp", "/"), invalidPayload},
	{"connect error with array", object("type", 4, "nsp", "/", "data", wire("90")), invalidPayload},
	{"connect error with nil", object("type", 4, "nsp", "/", "data", nil), invalidPayload},
}

func TestDecodeInvalid(t *testing.T) {
	t.Parallel()
	for _, test := range invalidPackets {
		t.Run(test.name, func(t *testing.T) {
			dec := msgpack.Codec.NewDecoder(parser.Limits{})
			p, err := dec.Decode(test.data, true)
			if p != nil {
				t.Fatalf("got packet %+v", p)
			}
			parsertest.WantSyntaxError(t, err, test.reason)
			if p, err := dec.Decode(eventOf("01"), true); p == nil || err != nil {
				t.Errorf("an event was refused afterwards: %v", err)
			}
		})
	}
	dec := msgpack.Codec.NewDecoder(parser.Limits{})
	dec.Reset()
	_, err := dec.Decode([]byte(`0`), false)
	parsertest.WantSyntaxError(t, err, couldNotParse)
}

// TestDecodeTruncated cuts every valid message at every place.
func TestDecodeTruncated(t *testing.T) {
	t.Parallel()
	for _, test := range validPackets {
		for n := range test.data {
			dec := msgpack.Codec.NewDecoder(parser.Limits{})
			_, err := dec.Decode(test.data[:n:n], true)
			parsertest.WantSyntaxError(t, err, couldNotParse)
		}
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	limits := parser.Limits{MaxAttachments: 1, MaxDepth: 3, MaxEventName: 4, MaxArguments: 5}
	for _, test := range []struct {
		data   []byte
		reason string
	}{
		{eventOf("91 90"), ""},
		{eventOf("91 91 90"), invalidPayload},
		{eventOf("91 81 a161 80"), invalidPayload},
		{object("type", 2, "nsp", "/", "data", wire("95 a165 9101 9102 919103 81a1619101")), ""},
		{object("type", 0, "nsp", "/", "data", wire("81a161 81a161 80")), ""},
		{object("type", 0, "nsp", "/", "data", wire("81a161 81a161 81a161 80")), invalidPayload},
		{eventOf("94 c40101 c40102 c40103 c40104"), ""},
		{object("type", 2, "nsp", "/", "data", []any{"éé"}), ""},
		{object("type", 2, "nsp", "/", "data", []any{"ééé"}), "event name too long"},
		{object("type", 2, "nsp", "/", "data", []any{12345}), "event name too long"},
		{object("type", 2, "nsp", "/", "data", []any{"e", 1, 2, 3, 4}), ""},
		{object("type", 2, "nsp", "/", "data", []any{"e", 1, 2, 3, 4, 5}), ""},
		{object("type", 2, "nsp", "/", "data", []any{"e", 1, 2, 3, 4, 5, 6}), "too many arguments"},
		{object("type", 3, "nsp", "/", "id", 1, "data", []any{1, 2, 3, 4, 5}), ""},
		{object("type", 3, "nsp", "/", "id", 1, "data", []any{1, 2, 3, 4, 5, 6}), "too many arguments"},
	} {
		_, err := msgpack.Codec.NewDecoder(limits).Decode(test.data, true)
		if test.reason != "" {
			parsertest.WantSyntaxError(t, err, test.reason)
		} else if err != nil {
			t.Errorf("%x: %v", test.data, err)
		}
	}
	// The largest possible depth.
	dec := msgpack.Codec.NewDecoder(parser.Limits{MaxDepth: 1 << 30})
	p, err := dec.Decode(eventOf(wire(strings.Repeat("91", 9998)+"90")), true)
	if err != nil {
		t.Fatal(err)
	}
	var v any
	var typed []any
	var text jsonRaw
	if err := errors.Join(p.Args.Decode(&v), p.Args.Decode(&typed), p.Args.Decode(&text)); err != nil {
		t.Fatal(err)
	}
	if want := strings.Repeat("[", 9999) + strings.Repeat("]", 9999); string(text) != want {
		t.Errorf("got %d bytes of JSON", len(text))
	}
	_, err = dec.Decode(eventOf(wire(strings.Repeat("91", 9999)+"90")), true)
	parsertest.WantSyntaxError(t, err, invalidPayload)
}

func TestSyntaxError(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		data []byte
		want string
	}{
		{wire("c1").bytes(), "parser: Could not parse: invalid byte 0xc1"},
		{wire("81").bytes(), "parser: Could not parse: unexpected end of data"},
		{eventOf("81c001"), "parser: Could not parse: a map key is a string or a number"},
		{object("type", 0, "nsp", "x"), "parser: invalid namespace: it must start with a slash"},
		{object("type", 2, "data", []any{"connect"}, "nsp", "/"), "parser: invalid payload: reserved event name"},
	} {
		_, err := msgpack.Codec.NewDecoder(parser.Limits{}).Decode(test.data, true)
		if fmt.Sprint(err) != test.want {
			t.Errorf("%x: got %v, want %s", test.data, err, test.want)
		}
	}
}
