package parser_test

import (
	stdjson "encoding/json"
	"errors"
	"fmt"
	"math"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/seed96b07ef8/socketio/parser"
	"github.com/seed96b07ef8/socketio/parser/internal/parsertest"
)

type (
	namedBytes []byte
	namedByte  byte
	namedFloat float64

	// hexBytes has text methods, and so is not binary data.
	hexBytes []byte
	// jsonBytes has JSON methods with a pointer receiver.
	jsonBytes []byte

	marshaler struct{ x int }

	tree struct {
		Data     []byte  `json:"data,omitempty"`
		Children []*tree `json:"children,omitempty"`
	}

	embedded struct {
		Blob []byte `json:"blob"`
	}
	outer struct {
		embedded
		Name    string                `json:"name"`
		Raw     stdjson.RawMessage    `json:"raw"`
		Number  stdjson.Number        `json:"number"`
		Quoted  int64                 `json:"quoted,string"`
		Max     uint64                `json:"max"`
		Wait    time.Duration         `json:"wait"`
		Any     any                   `json:"any"`
		Pointer *[]byte               `json:"pointer"`
		Map     map[string]namedBytes `json:"map"`
		Array   [3]byte               `json:"array"`
		Hidden  []byte                `json:"-"`
		private []byte
		Omitted []byte `json:"omitted,omitempty"`
	}
)

func (b hexBytes) MarshalText() ([]byte, error) { return fmt.Appendf(nil, "%x", []byte(b)), nil }
func (b *hexBytes) UnmarshalText(text []byte) error {
	_, err := fmt.Sscanf(string(text), "%x", (*[]byte)(b))
	return err
}

func (b *jsonBytes) MarshalJSON() ([]byte, error) { return []byte(`"json"`), nil }
func (b *jsonBytes) UnmarshalJSON(text []byte) error {
	*b = append(jsonBytes(nil), text...)
	return nil
}

func (m marshaler) MarshalJSON() ([]byte, error) { return fmt.Appendf(nil, `{"<x>": %d}`, m.x), nil }

func (m *marshaler) UnmarshalJSON(text []byte) error {
	_, err := fmt.Sscanf(string(text), `{"<x>":%d}`, &m.x)
	return err
}

// placeholders replaces P0, P1 ... in a text.
func placeholders(text string) string {
	for i := range 10 {
		text = strings.ReplaceAll(text, fmt.Sprint("P", i), fmt.Sprintf(`{"_placeholder":true,"num":%d}`, i))
	}
	return text
}

func TestAppendValues(t *testing.T) {
	t.Parallel()
	nan, inf := math.NaN(), math.Inf(1)
	blob := []byte("blob")
	var nilTree *tree
	for _, test := range []struct {
		name string
		arg  any
		want string // with P0, P1 ... for the placeholders
	}{
		{"nil", nil, `null`},
		{"nil pointer", nilTree, `null`},
		{"true", true, `true`},
		{"string", "hello", `"hello"`},
		{"empty string", "", `""`},
		{"string with HTML", "<a href='&'>\u2028\u2029", "\"<a href='&'>\u2028\u2029\""},
		{"string with escapes", "\"\\/\b\f\n\r\t\x00\x1f\x7f", `"\"\\/\b\f\n\r\t\u0000\u001f` + "\x7f\""},
		{"string with emoji", "€😀 and some more to pass the first word", `"€😀 and some more to pass the first word"`},
		{"string with invalid UTF-8", "a\xffb\xed\xa0\x80", "\"a\ufffdb\ufffd\ufffd\ufffd\""},
		{"named string", time.UTC.String(), `"UTC"`},
		{"int", -1, `-1`},
		{"int8", int8(-8), `-8`},
		{"int16", int16(-16), `-16`},
		{"int32", int32(math.MinInt32), `-2147483648`},
		{"int64", int64(math.MinInt64), `-9223372036854775808`},
		{"uint", uint(1), `1`},
		{"uint8", uint8(255), `255`},
		{"uint32", uint32(math.MaxUint32), `4294967295`},
		{"uint64", uint64(math.MaxUint64), `18446744073709551615`},
		{"duration", time.Second, `1000000000`},
		{"float", 1.5, `1.5`},
		{"float32", float32(0.1), `0.1`},
		{"integral float", 1e20, `100000000000000000000`},
		{"large float", 1e21, `1e+21`},
		{"huge float", 1.25e300, `1.25e+300`},
		{"small float", 1e-6, `0.000001`},
		{"smaller float", 1e-7, `1e-7`},
		{"tiny float", -1.5e-300, `-1.5e-300`},
		{"shortest float", 0.30000000000000004, `0.30000000000000004`},
		{"negative zero", math.Copysign(0, -1), `0`},
		{"NaN", nan, `null`},
		{"infinity", -inf, `null`},
		{"NaN in slice", []float64{1, nan, 2}, `[1,null,2]`},
		{"NaN in any", []any{map[string]any{"x": inf, "y": float32(nan)}}, `[{"x":null,"y":null}]`},
		{"named NaN", namedFloat(nan), `null`},
		{"NaN with binary", struct {
			B []byte
			F []namedFloat
			C namedBytes
			D *float64 `json:",omitempty"`
		}{blob, []namedFloat{namedFloat(nan), 2}, namedBytes("x"), &inf}, `{"B":P0,"F":[null,2],"C":P1,"D":null}`},
		{"NaN behind binary", []any{blob, &struct {
			A any
			N float64
		}{blob, nan}}, `[P0,{"A":P1,"N":null}]`},
		{"array of any", []any{1, "a", nil, []any{}, map[string]any{}}, `[1,"a",null,[],{}]`},
		{"nil array of any", []any(nil), `null`},
		{"map of any", map[string]any{"b": map[string]any{"d": 1, "c": 2}, "a": []any{map[string]any{"z": 1}}}, `{"a":[{"z":1}],"b":{"c":2,"d":1}}`},
		{"nil map of any", map[string]any(nil), `null`},
		{"map with escapes", map[string]any{"\"\n": 1}, `{"\"\n":1}`},
		{"map with int keys", map[int]string{2: "b", 1: "a"}, `{"1":"a","2":"b"}`},
		{"map with text keys", map[netip.Addr]int{netip.MustParseAddr("::1"): 1}, `{"::1":1}`},
		{"slice of strings", []string{"a", "b<"}, `["a","b<"]`},
		{"nil slice", []string(nil), `null`},
		{"time", time.Unix(1700000000, 123e6).UTC(), `"2023-11-14T22:13:20.123Z"`},
		{"raw", stdjson.RawMessage(" {\"a\" : [1] }\n"), `{"a" : [1] }`},
		{"nil raw", stdjson.RawMessage(nil), `null`},
		{"raw with invalid UTF-8", stdjson.RawMessage("\"a\xff\""), "\"a\ufffd\""},
		{"raw with invalid UTF-8 in struct", struct{ R stdjson.RawMessage }{stdjson.RawMessage("[\"a\xff\"]")}, "{\"R\":[\"a\ufffd\"]}"},
		{"number", stdjson.Number("12345678901234567890.10"), `12345678901234567890.10`},
		{"empty number", stdjson.Number(""), `0`},
		{"numbers", []stdjson.Number{"1.0", "1e400"}, `[1.0,1e400]`},
		{"numbers in any", map[string]any{"n": stdjson.Number("1.0"), "s": struct{ A any }{stdjson.Number("2.0")}}, `{"n":1.0,"s":{"A":2.0}}`},
		{"marshaler", marshaler{1}, `{"<x>":1}`},
		{"pointer to marshaler", &marshaler{1}, `{"<x>":1}`},
		{"error as struct", struct{ E error }{errors.New("x")}, `{"E":{}}`},

		{"binary", blob, `P0`},
		{"empty binary", []byte{}, `P0`},
		{"nil binary", []byte(nil), `null`},
		{"pointer to binary", &blob, `P0`},
		{"named binary", namedBytes("x"), `P0`},
		{"slice of named bytes", []namedByte("x"), `P0`},
		{"nil named binary", namedBytes(nil), `null`},
		{"array of bytes", [2]byte{1, 2}, `[1,2]`},
		{"text bytes", hexBytes{1, 2}, `"0102"`},
		{"IP address", net.IPv4(127, 0, 0, 1), `"127.0.0.1"`},
		{"IP addresses", []any{net.IPv4(127, 0, 0, 1), struct{ IP net.IP }{net.IPv4(1, 1, 1, 1)}}, `["127.0.0.1",{"IP":"1.1.1.1"}]`},
		{"pointer to JSON bytes", &jsonBytes{1}, `"json"`},
		{"slice of binary", [][]byte{blob, nil, blob}, `[P0,null,P1]`},
		{"map of binary", map[string][]byte{"b": blob, "a": blob}, `{"a":P0,"b":P1}`},
		{"nested in any", map[string]any{"a": []any{blob, map[string]any{"b": namedBytes("x")}}, "z": []byte{}}, `{"a":[P0,{"b":P1}],"z":P2}`},
		{"typed in any", []any{[]any{&tree{Data: blob}}, blob}, `[[{"data":P0}],P1]`},
		{"recursive type", &tree{blob, []*tree{{Data: blob}, nil, {nil, []*tree{{Data: blob}}}}}, `{"data":P0,"children":[{"data":P1},null,{"children":[{"data":P2}]}]}`},
		{"struct", outer{
			embedded: embedded{blob}, Name: "<n>", Raw: stdjson.RawMessage(`{"r":1}`), Number: "1.50", Quoted: 7,
			Max: math.MaxUint64, Wait: 1, Any: []any{blob, embedded{blob}}, Pointer: &blob,
			Map: map[string]namedBytes{"m": namedBytes("m")}, Array: [3]byte{1, 2, 3}, Hidden: blob, private: blob, Omitted: []byte{},
		}, `{"blob":P0,"name":"<n>","raw":{"r":1},"number":1.50,"quoted":"7","max":18446744073709551615,"wait":1,"any":[P1,{"blob":P2}],"pointer":P3,"map":{"m":P4},"array":[1,2,3]}`},
		{"generic interface", struct{ S fmt.Stringer }{net.IPv4(1, 1, 1, 1)}, `{"S":"1.1.1.1"}`},
		{"binary behind interface", struct{ R stringer }{binaryStringer("x")}, `{"R":P0}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, form := range []struct {
				arg  any
				want string
			}{{test.arg, test.want}, {[]any{test.arg}, "[" + test.want + "]"}} {
				want := `["e",` + placeholders(form.want) + `]`
				n := strings.Count(want, "_placeholder")
				if n > 0 {
					want = fmt.Sprintf("5%d-%s", n, want)
				} else {
					want = "2" + want
				}
				got, attachments := encode(t, event, "e", form.arg)
				if got != want {
					t.Errorf("got  %s\nwant %s", got, want)
				}
				if len(attachments) != n {
					t.Errorf("got %d attachments, want %d", len(attachments), n)
				}
				if !utf8.ValidString(got) {
					t.Errorf("invalid UTF-8: %q", got)
				}
			}
		})
	}
}

type stringer interface{ String() string }

type binaryStringer []byte

func (b binaryStringer) String() string { return string(b) }

func TestAppendPackets(t *testing.T) {
	t.Parallel()
	blob := []byte{1}
	for _, test := range []struct {
		name  string
		h     parser.Header
		event string
		args  []any
		want  string
	}{
		{"connect", parser.Header{Type: parser.Connect}, "", nil, `0`},
		{"connect with nil", parser.Header{Type: parser.Connect}, "", []any{nil}, `0`},
		{"connect with nil map", parser.Header{Type: parser.Connect}, "", []any{map[string]string(nil)}, `0`},
		{"connect with auth", parser.Header{Type: parser.Connect, Namespace: "/admin"}, "ignored", []any{map[string]any{"token": "x"}}, `0/admin,{"token":"x"}`},
		{"connect without auth", parser.Header{Type: parser.Connect, Namespace: "/admin"}, "", nil, `0/admin,`},
		{"connect with query", parser.Header{Type: parser.Connect, Namespace: "/admin?a=b"}, "", nil, `0/admin?a=b,`},
		{"connect reply", parser.Header{Type: parser.Connect}, "", []any{struct {
			SID string `json:"sid"`
			PID string `json:"pid,omitempty"`
		}{"B6HMkq0tu6JgkyQjAAAC", "ONWORBCA4oLfJdTvAAAD"}}, `0{"sid":"B6HMkq0tu6JgkyQjAAAC","pid":"ONWORBCA4oLfJdTvAAAD"}`},
		{"disconnect", parser.Header{Type: parser.Disconnect, Namespace: "/"}, "", nil, `1`},
		{"disconnect from a namespace", parser.Header{Type: parser.Disconnect, Namespace: "/admin"}, "", nil, `1/admin,`},
		{"event", event, "a", []any{"Q7uWzas"}, `2["a","Q7uWzas"]`},
		{"event without arguments", event, "a", nil, `2["a"]`},
		{"event with id", parser.Header{Type: parser.Event, HasID: true}, "ackd", nil, `20["ackd"]`},
		{"event with everything", parser.Header{Type: parser.Event, Namespace: "/admin", ID: math.MaxUint64, HasID: true}, "\"", []any{1, nil}, `2/admin,18446744073709551615["\"",1,null]`},
		{"event without its id", parser.Header{Type: parser.Event, ID: 7}, "e", nil, `2["e"]`},
		{"ack", parser.Header{Type: parser.Ack, ID: 7, HasID: true}, "ignored", []any{1, "x"}, `37[1,"x"]`},
		{"empty ack", parser.Header{Type: parser.Ack, ID: 7, HasID: true}, "", nil, `37[]`},
		{"connect error", parser.Header{Type: parser.ConnectError, Namespace: "/x"}, "", []any{map[string]any{"message": "Invalid namespace"}}, `4/x,{"message":"Invalid namespace"}`},
		{"connect error as string", parser.Header{Type: parser.ConnectError}, "", []any{"nope"}, `4"nope"`},
		{"golden binary event", event, "m4", []any{blob, "Q7uWzbr.2"}, `51-["m4",{"_placeholder":true,"num":0},"Q7uWzbr.2"]`},
		{"golden binary ack", parser.Header{Type: parser.Ack, ID: 7, HasID: true}, "", []any{1, "x", blob}, `61-7[1,"x",{"_placeholder":true,"num":0}]`},
		{"binary event by type", parser.Header{Type: parser.BinaryEvent}, "e", []any{1}, `2["e",1]`},
		{"binary ack by type", parser.Header{Type: parser.BinaryAck, Namespace: "/a", ID: 1, HasID: true}, "", []any{blob}, `61-/a,1[{"_placeholder":true,"num":0}]`},
		{"more attachments than digits", event, "e", []any{[][]byte{blob, blob, blob, blob, blob, blob, blob, blob, blob, blob, blob}}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, attachments := encode(t, test.h, test.event, test.args...)
			if test.want == "" {
				if !strings.HasPrefix(got, `511-["e",[{`) || len(attachments) != 11 {
					t.Errorf("got %s, %d attachments", got, len(attachments))
				}
				return
			}
			if got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
			for _, a := range attachments {
				if &a[0] != &blob[0] {
					t.Error("the attachment is a copy")
				}
			}
		})
	}
}

// TestAppendErrors tests errors that TestCodec does not.
func TestAppendErrors(t *testing.T) {
	t.Parallel()
	connect := parser.Header{Type: parser.Connect}
	cyclicTree := &tree{Children: []*tree{nil}}
	cyclicTree.Children[0] = cyclicTree
	type node struct{ Next any }
	cyclicNode := &node{}
	cyclicNode.Next = map[string]any{"next": cyclicNode}

	for name, test := range map[string]parsertest.AppendError{
		"cyclic pointer":          {Header: event, Event: "e", Args: []any{cyclicTree}, Text: "cycle"},
		"cyclic mixture":          {Header: event, Event: "e", Args: []any{cyclicNode}, Text: "cycle"},
		"two raws":                {Header: event, Event: "e", Args: []any{stdjson.RawMessage(`1,2`)}, Text: "not valid JSON"},
		"invalid number in slice": {Header: event, Event: "e", Args: []any{[]stdjson.Number{"x"}}, Text: `"x"`},
		"namespace with comma":    {Header: parser.Header{Type: parser.Event, Namespace: "/a,b"}, Event: "e", Index: -1, Text: "invalid namespace"},
		"connect with binary":     {Header: connect, Args: []any{map[string]any{"b": []byte{1}}}, Text: "binary"},
	} {
		t.Run(name, func(t *testing.T) { test.Check(t, parser.JSON) })
	}
}

// TestAppendNested encodes a packet from within a marshaler.
func TestAppendNested(t *testing.T) {
	t.Parallel()
	got, attachments := encode(t, event, "e", nesting{}, []byte("outer"))
	if want := `51-["e","2[\"inner\",1]",{"_placeholder":true,"num":0}]`; got != want || string(attachments[0]) != "outer" {
		t.Errorf("got %s, %q", got, attachments)
	}
}

type nesting struct{}

func (nesting) MarshalText() ([]byte, error) {
	data, _, err := parser.JSON.Append(nil, event, "inner", []any{1})
	return data, err
}

func TestAppendConcurrently(t *testing.T) {
	t.Parallel()
	shared := map[string]any{"a": []any{[]byte("blob"), &tree{Data: []byte("x")}}, "n": math.Inf(1)}
	want, _ := encode(t, event, "e", shared, &outer{Name: "n", Any: []byte("y")})
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 200 {
				data, attachments, err := parser.JSON.Append(nil, event, "e", []any{shared, &outer{Name: "n", Any: []byte("y")}})
				if err != nil || string(data) != want || len(attachments) != 3 || string(attachments[1]) != "x" {
					t.Errorf("got %s, %q, %v", data, attachments, err)
					return
				}
			}
		})
	}
	group.Wait()
}
