package parser_test

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/seed96b07ef8/socketio/parser"
	"github.com/seed96b07ef8/socketio/parser/internal/parsertest"
)

// validPackets are texts of packets without attachments and their meanings, in
// the order of the protocol's tables.
var validPackets = []struct {
	name  string
	text  string
	want  parser.Header
	args  []string // raw
	event string
}{
	{name: "connect", text: `0`, want: parser.Header{Type: parser.Connect}},
	{name: "connect with auth", text: `0{"token":"x"}`, want: parser.Header{Type: parser.Connect}, args: []string{`{"token":"x"}`}},
	{name: "connect with empty auth", text: `0{}`, want: parser.Header{Type: parser.Connect}, args: []string{`{}`}},
	{name: "connect to a namespace", text: `0/admin,`, want: parser.Header{Type: parser.Connect, Namespace: "/admin"}},
	{name: "connect to a namespace without comma", text: `0/admin`, want: parser.Header{Type: parser.Connect, Namespace: "/admin"}},
	{name: "connect to a namespace with payload", text: `0/unknown,{}`, want: parser.Header{Type: parser.Connect, Namespace: "/unknown"}, args: []string{`{}`}},
	{name: "connect with query", text: `0/admin?a=1&b=[],`, want: parser.Header{Type: parser.Connect, Namespace: "/admin?a=1&b=[]"}},
	{name: "connect to the main namespace by name", text: `0/,{}`, want: parser.Header{Type: parser.Connect}, args: []string{`{}`}},
	{name: "connect with id", text: `012{"a":1}`, want: parser.Header{Type: parser.Connect, ID: 12, HasID: true}, args: []string{`{"a":1}`}},
	{name: "connect reply", text: `0{"sid":"B6HMkq0tu6JgkyQjAAAC","pid":"ONWORBCA4oLfJdTvAAAD"}`, want: parser.Header{Type: parser.Connect}, args: []string{`{"sid":"B6HMkq0tu6JgkyQjAAAC","pid":"ONWORBCA4oLfJdTvAAAD"}`}},
	{name: "disconnect", text: `1`, want: parser.Header{Type: parser.Disconnect}},
	{name: "disconnect from a namespace", text: `1/admin,`, want: parser.Header{Type: parser.Disconnect, Namespace: "/admin"}},
	{name: "disconnect without comma", text: `1/other`, want: parser.Header{Type: parser.Disconnect, Namespace: "/other"}},
	{name: "event", text: `2["a","Q7uWzas"]`, want: event, event: "a", args: []string{`"Q7uWzas"`}},
	{name: "event with several arguments", text: `2["b",1,"Q7uWzas.0"]`, want: event, event: "b", args: []string{`1`, `"Q7uWzas.0"`}},
	{name: "event without arguments", text: `2["e"]`, want: event, event: "e"},
	{name: "event with many arguments", text: `2["e",1,2,3,4,5,6,7,8]`, want: event, event: "e", args: strings.Split("1,2,3,4,5,6,7,8", ",")},
	{name: "event with id", text: `20["ackd"]`, want: parser.Header{Type: parser.Event, ID: 0, HasID: true}, event: "ackd"},
	{name: "event with the largest id", text: `218446744073709551615["e"]`, want: parser.Header{Type: parser.Event, ID: 1<<64 - 1, HasID: true}, event: "e"},
	{name: "event with leading zeros", text: `2007["e"]`, want: parser.Header{Type: parser.Event, ID: 7, HasID: true}, event: "e"},
	{name: "event in a namespace", text: `2/admin,456["project:delete",123]`, want: parser.Header{Type: parser.Event, Namespace: "/admin", ID: 456, HasID: true}, event: "project:delete", args: []string{`123`}},
	{name: "event with empty name", text: `2["",1]`, want: event, args: []string{`1`}},
	{name: "event named error", text: `2["error","x"]`, want: event, event: "error", args: []string{`"x"`}},
	{name: "event named __proto__", text: `2["__proto__"]`, want: event, event: "__proto__"},
	{name: "event with escaped name", text: `2["\u00e9\n\"\ud83d\ude00"]`, want: event, event: "é\n\"😀"},
	{name: "event with lone surrogate", text: `2["\ud800"]`, want: event, event: "\ufffd"},
	{name: "event with invalid UTF-8", text: "2[\"a\xff\"]", want: event, event: "a\ufffd"},
	{name: "event named by a number", text: `2[1,2]`, want: event, event: "1", args: []string{`2`}},
	{name: "event named by a negative zero", text: `2[-0]`, want: event, event: "0"},
	{name: "event named by a fraction", text: `2[1.50]`, want: event, event: "1.5"},
	{name: "event named by an exponent", text: `2[1e3]`, want: event, event: "1000"},
	{name: "event named by a large number", text: `2[12345678901234567890]`, want: event, event: "12345678901234567000"},
	{name: "event named by a small number", text: `2[0.00000012]`, want: event, event: "1.2e-7"},
	{name: "event named by infinity", text: `2[-1e999]`, want: event, event: "-Infinity"},
	{name: "event with white space", text: "2 [ \"e\" ,\t{ \"a\" : [ 1 , 2 ] }\r,\n null ] ", want: event, event: "e", args: []string{`{ "a" : [ 1 , 2 ] }`, `null`}},
	{name: "event with placeholder but no attachments", text: `2["e",{"_placeholder":true,"num":7}]`, want: event, event: "e", args: []string{`{"_placeholder":true,"num":7}`}},
	{name: "event with duplicate members", text: `2["e",{"a":1,"a":2}]`, want: event, event: "e", args: []string{`{"a":1,"a":2}`}},
	{name: "ack", text: `3123["x"]`, want: parser.Header{Type: parser.Ack, ID: 123, HasID: true}, args: []string{`"x"`}},
	{name: "ack without id", text: `3["x"]`, want: parser.Header{Type: parser.Ack}, args: []string{`"x"`}},
	{name: "empty ack", text: `31[]`, want: parser.Header{Type: parser.Ack, ID: 1, HasID: true}},
	{name: "ack with anything first", text: `31[null,[],{}]`, want: parser.Header{Type: parser.Ack, ID: 1, HasID: true}, args: []string{`null`, `[]`, `{}`}},
	{name: "connect error", text: `4/unknown,{"message":"Invalid namespace"}`, want: parser.Header{Type: parser.ConnectError, Namespace: "/unknown"}, args: []string{`{"message":"Invalid namespace"}`}},
	{name: "connect error as string", text: `4/a,"nope"`, want: parser.Header{Type: parser.ConnectError, Namespace: "/a"}, args: []string{`"nope"`}},
	{name: "connect error without payload", text: `4`, want: parser.Header{Type: parser.ConnectError}},
}

func TestDecode(t *testing.T) {
	t.Parallel()
	for _, test := range validPackets {
		t.Run(test.name, func(t *testing.T) {
			p := decode(t, test.text)
			parsertest.WantPacket(t, p, test.want, test.event)
			wantRaw(t, p.Args, test.args...)
		})
	}
}

func wantRaw(t *testing.T, args parser.Args, want ...string) {
	t.Helper()
	var got []string
	for i := range args.Len() {
		got = append(got, string(args.Raw(i)))
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got arguments %q, want %q", got, want)
	}
}

const (
	invalidPayload     = "invalid payload"
	illegalCount       = "Illegal attachments"
	tooManyAttachments = "too many attachments"
)

// invalidPackets are texts for which a connection is closed.
var invalidPackets = []struct{ name, text, reason string }{
	{"empty", ``, "unknown packet type NaN"},
	{"type 7", `7`, "unknown packet type 7"},
	{"type 9", `9["e"]`, "unknown packet type 9"},
	{"no type", `x`, "unknown packet type NaN"},
	{"no ASCII", "\xff", "unknown packet type NaN"},
	{"connect with array", `0[]`, invalidPayload},
	{"connect with string", `0"x"`, invalidPayload},
	{"connect with null", `0null`, invalidPayload},
	{"connect with junk", `0a,`, invalidPayload},
	{"connect with object and junk", `0{}x`, invalidPayload},
	{"connect with white space", `0 `, invalidPayload},
	{"disconnect with payload", `1{}`, invalidPayload},
	{"disconnect with string", `1"x"`, invalidPayload},
	{"event without array", `2`, invalidPayload},
	{"event with id without array", `212`, invalidPayload},
	{"event in a namespace without array", `2/admin,`, invalidPayload},
	{"empty event", `2[]`, invalidPayload},
	{"event with object", `2{}`, invalidPayload},
	{"event with string", `2"e"`, invalidPayload},
	{"event named by array", `2[[]]`, invalidPayload},
	{"event named by null", `2[null]`, invalidPayload},
	{"event named by true", `2[true]`, invalidPayload},
	{"event named by false", `2[false]`, invalidPayload},
	{"event named by object", `2[{"toString":"x"}]`, invalidPayload},
	{"event named connect", `2["connect"]`, invalidPayload},
	{"event named connect_error", `2["connect_error"]`, invalidPayload},
	{"event named disconnect", `2["disconnect"]`, invalidPayload},
	{"event named disconnecting", `2["disconnecting"]`, invalidPayload},
	{"event named newListener", `2["newListener"]`, invalidPayload},
	{"event named removeListener", `2["removeListener"]`, invalidPayload},
	{"event with escaped reserved name", `2["\u0063onnect"]`, invalidPayload},
	{"event with trailing garbage", `2["e"]junk`, invalidPayload},
	{"event with second array", `2["e"][]`, invalidPayload},
	{"event with junk id", `2abc["e"]`, invalidPayload},
	{"event with negative id", `2-1["e"]`, invalidPayload},
	{"event with fractional id", `21.5["e"]`, invalidPayload},
	{"event with truncated array", `2["e"`, invalidPayload},
	{"event with trailing comma", `2["e",]`, invalidPayload},
	{"event with control character", "2[\"a\nb\"]", invalidPayload},
	{"event with id out of range", `218446744073709551616["e"]`, "ack id out of range"},
	{"event with endless id", `2` + strings.Repeat("9", 1000) + `["e"]`, "ack id out of range"},
	{"event with long name", `2["` + strings.Repeat("x", 1025) + `"]`, "event name too long"},
	{"event nested too deeply", `2["e",` + strings.Repeat("[", 512) + strings.Repeat("]", 512) + `]`, invalidPayload},
	{"ack without array", `31`, invalidPayload},
	{"ack with object", `31{}`, invalidPayload},
	{"ack with string", `31"x"`, invalidPayload},
	{"connect error with array", `4[]`, invalidPayload},
	{"connect error with null", `4null`, invalidPayload},
	{"connect error with true", `4true`, invalidPayload},
	{"binary event without count", `5["e"]`, illegalCount},
	{"binary event with count but no dash", `51["e"]`, illegalCount},
	{"binary event with empty count", `5-["e"]`, illegalCount},
	{"binary event with zero attachments", `50-["e"]`, illegalCount},
	{"binary event with many zeros", `5000-["e"]`, illegalCount},
	{"binary event with exponent", `51e0-["e"]`, illegalCount},
	{"binary event with fraction", `51.0-["e"]`, illegalCount},
	{"binary event with blank", `5 1-["e"]`, illegalCount},
	{"binary event with sign", `5+1-["e"]`, illegalCount},
	{"binary event with negative count", `5-1-["e"]`, illegalCount},
	{"binary event with nothing", `5`, illegalCount},
	{"binary event with endless count", `5` + strings.Repeat("1", 1<<20), illegalCount},
	{"binary event with 11 attachments", `511-["e"]`, tooManyAttachments},
	{"binary event with overflowing count", `518446744073709551617-["e"]`, tooManyAttachments},
	{"binary event without array", `51-`, invalidPayload},
	{"binary event without name", `51-[]`, invalidPayload},
	{"binary event named by placeholder", `51-[{"_placeholder":true,"num":0}]`, invalidPayload},
	{"binary event named connect", `51-["connect",{"_placeholder":true,"num":0}]`, invalidPayload},
	{"binary ack with zero attachments", `60-7[]`, illegalCount},
	{"binary ack without array", `61-7`, invalidPayload},
	{"binary ack with object", `61-7{}`, invalidPayload},
}

func TestDecodeInvalid(t *testing.T) {
	t.Parallel()
	for _, test := range invalidPackets {
		t.Run(test.name, func(t *testing.T) {
			dec := parser.JSON.NewDecoder(parser.Limits{})
			p, err := dec.Decode([]byte(test.text), false)
			if p != nil {
				t.Fatalf("got packet %+v", p)
			}
			parsertest.WantSyntaxError(t, err, test.reason)
			// The decoder is reset after the error.
			if _, err := dec.Decode([]byte{1}, true); err == nil {
				t.Error("an attachment was accepted afterwards")
			}
			if p, err := dec.Decode([]byte(`2["e"]`), false); p == nil || err != nil {
				t.Errorf("an event was refused afterwards: %v", err)
			}
		})
	}
}

func TestDecodeAttachments(t *testing.T) {
	t.Parallel()
	const text, bin = false, true
	type step struct {
		binary bool
		data   string
		reason string // of the error
		want   string // the packet, if complete
	}
	tests := []struct {
		name  string
		steps []step
	}{
		{"event", []step{
			{text, `51-["e",{"_placeholder":true,"num":0}]`, "", ""},
			{bin, "a", "", `EVENT / e [a]`},
		}},
		{"golden ack", []step{
			{text, `61-7[1,"x",{"_placeholder":true,"num":0}]`, "", ""},
			{bin, "\x01", "", "ACK / 7 [1 x \x01]"},
		}},
		{"golden recovered event", []step{
			{text, `51-["m4",{"_placeholder":true,"num":0},"Q7uWzbr.2"]`, "", ""},
			{bin, "a", "", `EVENT / m4 [a Q7uWzbr.2]`},
		}},
		{"namespace and id", []step{
			{text, `52-/admin,12["e",{"_placeholder":true,"num":1},{"_placeholder":true,"num":0}]`, "", ""},
			{bin, "a", "", ""},
			{bin, "b", "", `EVENT /admin 12 e [b a]`},
		}},
		{"namespace without comma", []step{{text, `51-/admin`, invalidPayload, ""}}},
		{"same index twice", []step{
			{text, `51-["e",{"_placeholder":true,"num":0},{"_placeholder":true,"num":0}]`, "", ""},
			{bin, "a", "", `EVENT / e [a a]`},
		}},
		{"same index ten times", []step{
			{text, `51-["e",[` + strings.Repeat(`{"_placeholder":true,"num":0},`, 9) + `1],{"a":{"_placeholder":true,"num":0}}]`, "", ""},
			{bin, "a", "", `EVENT / e [[[97] [97] [97] [97] [97] [97] [97] [97] [97] 1] map[a:[97]]]`},
		}},
		{"same index eleven times", []step{
			{text, `51-["e",[` + strings.Repeat(`{"_placeholder":true,"num":0},`, 10) + `1],{"a":{"_placeholder":true,"num":0}}]`, "", ""},
			{bin, "a", tooManyAttachments, ""},
			{bin, "a", "got binary data when not reconstructing a packet", ""},
		}},
		{"unused attachments", []step{
			{text, `52-["e"]`, "", ""},
			{bin, "a", "", ""},
			{bin, "b", "", `EVENT / e []`},
		}},
		{"ten attachments", []step{
			{text, `510-["e"]`, "", ""},
			{bin, "", "", ""}, {bin, "", "", ""}, {bin, "", "", ""}, {bin, "", "", ""}, {bin, "", "", ""},
			{bin, "", "", ""}, {bin, "", "", ""}, {bin, "", "", ""}, {bin, "", "", ""},
			{bin, "", "", `EVENT / e []`},
		}},
		{"empty attachment", []step{
			{text, `51-["e",{"_placeholder":true,"num":0}]`, "", ""},
			{bin, "", "", `EVENT / e []`},
		}},
		{"leading zero", []step{
			{text, `501-["e"]`, "", ""},
			{bin, "a", "", `EVENT / e []`},
		}},
		{"other spelling", []step{
			{text, `51-["e", { "num" : 0 , "\u005fplaceholder" : true, "x": [{}] } ]`, "", ""},
			{bin, "a", "", `EVENT / e [a]`},
		}},
		{"last duplicate wins", []step{
			{text, `51-["e",{"_placeholder":false,"num":9,"_placeholder":true,"num":0}]`, "", ""},
			{bin, "a", "", `EVENT / e [a]`},
		}},
		{"not a placeholder after all", []step{
			{text, `51-["e",{"_placeholder":1,"num":9},{"_placeholder":true,"num":9,"_placeholder":"true"},["_placeholder",true]]`, "", ""},
			{bin, "a", "", `EVENT / e [map[_placeholder:1 num:9] map[_placeholder:true num:9] [_placeholder true]]`},
		}},
		{"text while pending", []step{
			{text, `51-["e",{"_placeholder":true,"num":0}]`, "", ""},
			{text, `2["e"]`, "got plaintext data when reconstructing a packet", ""},
			{bin, "a", "got binary data when not reconstructing a packet", ""},
		}},
		{"binary without header", []step{{bin, "a", "got binary data when not reconstructing a packet", ""}}},
		{"binary too much", []step{
			{text, `51-["e"]`, "", ""},
			{bin, "a", "", `EVENT / e []`},
			{bin, "a", "got binary data when not reconstructing a packet", ""},
		}},
	}
	for _, num := range []string{`1`, `-1`, `0.5`, `1e0`, `0.0`, `"0"`, `"push"`, `null`, `true`, `[0]`, `{}`, `99999999999999999999`} {
		for _, form := range []string{`{"_placeholder":true,"num":%s}`, `{"num":%s,"_placeholder":true}`, `[[{"a":{"_placeholder":true,"num":%s}}]]`, `{"_placeholder":true,"num":0,"num":%s}`} {
			tests = append(tests, struct {
				name  string
				steps []step
			}{"num " + num + " in " + form, []step{
				{text, `51-["e",` + fmt.Sprintf(form, num) + `]`, "", ""},
				{bin, "a", "illegal attachments", ""},
			}})
		}
	}
	tests = append(tests, struct {
		name  string
		steps []step
	}{"no num", []step{
		{text, `51-["e",{"_placeholder":true}]`, "", ""},
		{bin, "a", "illegal attachments", ""},
	}})

	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dec := parser.JSON.NewDecoder(parser.Limits{})
			for i, step := range test.steps {
				p, err := dec.Decode([]byte(step.data), step.binary)
				if step.reason != "" {
					parsertest.WantSyntaxError(t, err, step.reason)
					continue
				}
				if err != nil {
					t.Fatalf("step %d: %v", i, err)
				}
				if got := describe(t, p); got != step.want {
					t.Fatalf("step %d: got %q, want %q", i, got, step.want)
				}
			}
		})
	}
}

// describe prints a packet with attachments as text.
func describe(t *testing.T, p *parser.Packet) string {
	if p == nil {
		return ""
	}
	args := make([]any, p.Args.Len())
	for i := range args {
		if err := p.Args.DecodeAt(i, &args[i]); err != nil {
			t.Fatal(err)
		}
		if data, ok := args[i].([]byte); ok {
			args[i] = string(data)
		}
	}
	s := p.Type.String() + " " + p.Namespace + " "
	if p.HasID {
		s += fmt.Sprint(p.ID, " ")
	}
	if p.Event != "" {
		s += p.Event + " "
	}
	return s + fmt.Sprint(args)
}

func TestReset(t *testing.T) {
	t.Parallel()
	dec := parser.JSON.NewDecoder(parser.Limits{})
	if p, err := dec.Decode([]byte(`52-["e"]`), false); p != nil || err != nil {
		t.Fatal(p, err)
	}
	dec.Reset()
	if p, err := dec.Decode([]byte(`2["f"]`), false); err != nil || p.Event != "f" {
		t.Fatal(p, err)
	}
	_, err := dec.Decode([]byte("a"), true)
	parsertest.WantSyntaxError(t, err, "got binary data when not reconstructing a packet")
}

func TestLimits(t *testing.T) {
	t.Parallel()
	limits := parser.Limits{MaxAttachments: 2, MaxDepth: 3, MaxEventName: 4, MaxArguments: 5}
	for _, test := range []struct{ text, reason string }{
		{`52-["e"]`, ""},
		{`53-["e"]`, tooManyAttachments},
		{`2["e",[[]]]`, ""},
		{`2["e",[[[]]]]`, invalidPayload},
		{`2["e",[{"a":{}}]]`, invalidPayload},
		{`2["e",[1],[2],[[3]],{"a":[1]}]`, ""},
		{`0{"a":{"b":{}}}`, ""},
		{`0{"a":{"b":{"c":[]}}}`, invalidPayload},
		{`2["éé"]`, ""},
		{`2["\u00e9\u00e9"]`, ""},
		{`2["éée"]`, "event name too long"},
		{`2[12345]`, "event name too long"},
		{`2["e",1,2,3,4]`, ""},
		{`2["e",1,2,3,4,5]`, ""},
		{`2["e",1,2,3,4,5,6]`, "too many arguments"},
		{`31[1,2,3,4,5]`, ""},
		{`31[1,2,3,4,5,6]`, "too many arguments"},
	} {
		_, err := parser.JSON.NewDecoder(limits).Decode([]byte(test.text), false)
		if test.reason != "" {
			parsertest.WantSyntaxError(t, err, test.reason)
		} else if err != nil {
			t.Errorf("%s: %v", test.text, err)
		}
	}
	// The largest possible depth.
	dec := parser.JSON.NewDecoder(parser.Limits{MaxDepth: 1 << 30})
	p, err := dec.Decode([]byte(`2["e",`+strings.Repeat("[", 9999)+strings.Repeat("]", 9999)+`]`), false)
	if err != nil {
		t.Fatal(err)
	}
	var v any
	var typed []any
	if err := errors.Join(p.Args.Decode(&v), p.Args.Decode(&typed)); err != nil {
		t.Fatal(err)
	}
	_, err = dec.Decode([]byte(`2["e",`+strings.Repeat("[", 10000)+strings.Repeat("]", 10000)+`]`), false)
	parsertest.WantSyntaxError(t, err, invalidPayload)
}

func TestStrings(t *testing.T) {
	t.Parallel()
	want := []string{"CONNECT", "DISCONNECT", "EVENT", "ACK", "CONNECT_ERROR", "BINARY_EVENT", "BINARY_ACK", "Type(7)"}
	for i, want := range want {
		if got := parser.Type(i).String(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	if parser.IsReserved("error") || !parser.IsReserved("disconnecting") {
		t.Error("wrong reserved names")
	}
	if parser.JSON.Binary() {
		t.Error("JSON is text")
	}
}

func TestSyntaxError(t *testing.T) {
	t.Parallel()
	dec := parser.JSON.NewDecoder(parser.Limits{})
	for text, want := range map[string]string{
		`7`:            "parser: unknown packet type 7",
		`2["e",{"a"}]`: "parser: invalid payload: invalid JSON: want ':' at offset 9",
		`2["e"`:        "parser: invalid payload: unexpected end of JSON",
	} {
		_, err := dec.Decode([]byte(text), false)
		if err == nil || err.Error() != want {
			t.Errorf("%s: got %v, want %s", text, err, want)
		}
		if detailed := strings.Count(want, ":") > 1; (errors.Unwrap(err) != nil) != detailed {
			t.Errorf("%s: got detail %v", text, errors.Unwrap(err))
		}
	}
}

// The decoder remembers the last name; a different name may look like it in JSON.
func TestEventNamesInTurn(t *testing.T) {
	t.Parallel()
	dec := parser.JSON.NewDecoder(parser.Limits{})
	for _, test := range []struct{ raw, want string }{
		{`""`, ""}, {`"a\\n"`, `a\n`}, {`"a\n"`, "a\n"}, {`"a\\n"`, `a\n`},
		{`"1"`, "1"}, {`1`, "1"}, {`1.0`, "1"}, {`"\u00e9"`, "é"}, {`"é"`, "é"}, {`"\u00e9"`, "é"},
	} {
		p, err := dec.Decode([]byte("2["+test.raw+"]"), false)
		if err != nil || p.Event != test.want {
			t.Errorf("%s: got %v, %v, want %q", test.raw, p, err, test.want)
		}
	}
}

// The largest number, for no limit, is not less than any other.
func TestLimitsMayBeTheLargestNumber(t *testing.T) {
	t.Parallel()
	const most = math.MaxInt
	d := parser.JSON.NewDecoder(parser.Limits{MaxAttachments: most, MaxDepth: most, MaxEventName: most, MaxArguments: most})
	if p, err := d.Decode([]byte(`2["news",1,[2]]`), false); err != nil || p.Args.Len() != 2 {
		t.Errorf("decoded as %v, %v", p, err)
	}
}
