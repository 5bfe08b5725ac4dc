package parser_test

import (
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/seed96b07ef8/socketio/parser"
	"github.com/seed96b07ef8/socketio/parser/msgpack"
)

// When received arguments are sent again, objects inside a placeholder and
// objects that only resemble one do not become attachments, and the text stays
// unchanged.
func TestReceivedPlaceholders(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		in          string
		attachments [][]byte
		want        string
		n           int
	}{
		{`51-["e",{"_placeholder":true,"num":0}]`, [][]byte{{1}}, `51-["f",{"_placeholder":true,"num":0}]`, 1},
		{`52-["e",[{"num":1,"_placeholder":true}, {"a" : {"_placeholder":true,"num":0} }]]`, [][]byte{{1}, {2}},
			`52-["f",[{"_placeholder":true,"num":0}, {"a" : {"_placeholder":true,"num":1} }]]`, 2},
		{`52-["e",{"_placeholder":true,"num":0,"x":{"_placeholder":true,"num":1}}]`, [][]byte{{1}, {2}},
			`51-["f",{"_placeholder":true,"num":0}]`, 1},
		{`51-["e",{"_placeholder":false,"num":0},{"_placeholder":true,"num":0},{"_placeholder":true,"num":0}]`, [][]byte{{1}},
			`52-["f",{"_placeholder":false,"num":0},{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]`, 2},
		{`2["e",{"_placeholder":true,"num":0}, 1.50 , 9007199254740993]`, nil, `2["f",{"_placeholder":true,"num":0},1.50,9007199254740993]`, 0},
	} {
		args := decode(t, test.in, test.attachments...).Args
		text, attachments := encode(t, event, "f", args)
		if text != test.want || len(attachments) != test.n {
			t.Errorf("%s\nbecame %s with %d attachments,\nwant   %s with %d", test.in, text, len(attachments), test.want, test.n)
		}
	}
}

// Arguments of one codec can be sent with the other.
func TestReceivedWithAnotherCodec(t *testing.T) {
	t.Parallel()
	for from, to := range map[parser.Codec]parser.Codec{parser.JSON: msgpack.Codec, msgpack.Codec: parser.JSON} {
		args := transfer(t, from, "a", []byte{1}, map[string]any{"x": []any{1.5, nil}})
		if got := transfer(t, to, 1, args).String(); got != `[1, "a", binary "\x01", {"x":[1.5,null]}]` {
			t.Errorf("got %s", got)
		}
	}
}

// transfer returns the arguments that a peer receives if it is sent args.
func transfer(t *testing.T, codec parser.Codec, args ...any) parser.Args {
	t.Helper()
	data, attachments, err := codec.Append(nil, event, "e", args)
	if err != nil {
		t.Fatal(err)
	}
	d := codec.NewDecoder(parser.Limits{})
	p, err := d.Decode(data, codec.Binary())
	for i := 0; err == nil && i < len(attachments); i++ {
		p, err = d.Decode(attachments[i], true)
	}
	if err != nil {
		t.Fatal(err)
	}
	return p.Args
}

// imitator is encoded as an object that resembles a placeholder.
type imitator struct {
	Placeholder bool `json:"_placeholder"`
	Num         int  `json:"num"`
}

// An object that peers would take for a placeholder is refused beside binary data,
// regardless of its Go type, and sent in all other packets.
func TestImitatedPlaceholders(t *testing.T) {
	t.Parallel()
	binary := []byte{1}
	received := decode(t, `2["e",7,[{"_placeholder":true,"num":0}]]`).Args
	for _, test := range []struct {
		arg     any
		refused bool
	}{
		{map[string]any{"_placeholder": true, "num": 0}, true},
		{map[string]any{"_placeholder": true, "num": 9}, true},
		{map[string]any{"_placeholder": true}, true},
		{map[string]any{"a": []any{map[string]any{"_placeholder": true, "num": "x"}}}, true},
		{imitator{true, 0}, true},
		{&imitator{true, 0}, true},
		{json.RawMessage(`{"num":0, "_placeholder" : true}`), true},
		{json.RawMessage(`{"\u005fplaceholder":true,"num":0}`), true},
		{json.RawMessage(`{"_placeholder":false,"_placeholder":true}`), true},
		{json.RawMessage(`{"_placeholder":true,"num":0,"x":"_placeholder"}`), true},
		{map[string]any{"_placeholder": 1, "num": 5}, true}, // python-socketio's idea of true
		{map[string]any{"_placeholder": "text", "num": 5}, true},
		{received, true},
		{map[string]any{"args": received}, true},

		{map[string]any{"_placeholder": false, "num": 0}, false},
		{map[string]any{"_placeholder": nil, "num": 0}, false},
		{map[string]any{"_placeholder": "Your name"}, false},
		{imitator{}, false},
		{json.RawMessage(`{"_placeholder":true,"_placeholder":false,"num":0}`), false},
		{`{"_placeholder":true,"num":0}`, false},
		{[]any{"_placeholder", true, "num\u2028", 0}, false},
		{map[string]any{"placeholder": true, "num": 0}, false},
	} {
		if text, attachments := encode(t, event, "e", test.arg); len(attachments) > 0 || decode(t, text).Args.Len() == 0 {
			t.Errorf("%#v alone became %s with %d attachments", test.arg, text, len(attachments))
		}
		for _, args := range [][]any{{binary, test.arg}, {0, test.arg, map[string]any{"b": binary}}} {
			text, attachments, err := parser.JSON.Append(nil, event, "e", args)
			if !test.refused {
				if err != nil {
					t.Errorf("%#v beside binary data: %v", test.arg, err)
					continue
				}
				if p := decode(t, string(text), attachments...); p.Args.Len() != len(args) {
					t.Errorf("%#v beside binary data became %s", test.arg, text)
				}
				continue
			}
			if argErr, ok := errors.AsType[*parser.ArgError](err); !ok || argErr.Index != 1 || text != nil || attachments != nil {
				t.Errorf("%#v beside binary data: got %s and error %v, want an ArgError for argument 1", test.arg, text, err)
			}
		}
	}
	_, _, err := parser.JSON.Append(nil, parser.Header{Type: parser.Ack}, "", []any{1, map[string]any{"_placeholder": true, "x": binary}})
	if argErr, ok := errors.AsType[*parser.ArgError](err); !ok || argErr.Index != 1 {
		t.Errorf("around binary data: got error %v, want an ArgError for argument 1", err)
	}
}

// Numbers beyond float64 are passed on unchanged. No peer closes its connection because
// of them: JavaScript and Python read 1e999 as infinity, and in Go the handler's
// argument does not fit.
func TestReceivedNumbers(t *testing.T) {
	t.Parallel()
	for _, number := range []string{"1e999", "-1e999", "-0", "1e-999", "9007199254740993", "1.00", strings.Repeat("9", 5000), "0." + strings.Repeat("1", 5000)} {
		received := decode(t, `2["e",`+number+`,[{"n":`+number+`}]]`).Args
		for what, args := range map[string][]any{
			"Args":       {received},
			"RawMessage": {json.RawMessage(number), json.RawMessage(`[{"n":` + number + `}]`)},
			"Number":     {json.Number(number), []any{map[string]any{"n": json.Number(number)}}},
			"struct": {json.Number(number), []struct {
				N json.Number `json:"n"`
			}{{json.Number(number)}}},
		} {
			text, _ := encode(t, event, "f", args...)
			if want := `2["f",` + number + `,[{"n":` + number + `}]]`; text != want {
				t.Errorf("%.40s as %s became %.80s, want %.80s", number, what, text, want)
			}
			if again := decode(t, text).Args; string(again.Raw(0)) != number {
				t.Errorf("%.40s as %s arrived as %.40s", number, what, again.Raw(0))
			}
			data, _, err := msgpack.Codec.Append(nil, event, "f", args)
			if err != nil {
				if argErr, ok := errors.AsType[*parser.ArgError](err); !ok || what != "Args" {
					t.Errorf("%.40s as %s with msgpack: %v, want an ArgError, and that for Args only: %v", number, what, err, argErr)
				}
				continue
			}
			if _, err := msgpack.Codec.NewDecoder(parser.Limits{}).Decode(data, true); err != nil {
				t.Errorf("%.40s as %s with msgpack is refused: %v", number, what, err)
			}
		}
	}
}

// Args received with msgpack may contain NaN and infinities, which are null in JSON at
// any depth.
func TestReceivedNumbersThatJSONLacks(t *testing.T) {
	t.Parallel()
	for _, f := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		args := transfer(t, msgpack.Codec, f, []any{f, 1.5}, map[string]any{"a": []any{map[string]any{"b": f}}}, []float32{float32(f)}, []byte{1})
		const want = `[null,[null,1.5],{"a":[{"b":null}]},[null],"AQ=="]`
		if got, err := json.Marshal(args); string(got) != want || err != nil {
			t.Errorf("with %v encoding/json makes %s, %v; want %s", f, got, err, want)
		}
		for form, v := range map[string]any{
			want:                          struct{ parser.Args }{args}, // has its MarshalJSON
			`{"Args":` + want + `}`:       struct{ Args parser.Args }{args},
			`{"x":[` + want + `]}`:        map[string]any{"x": []parser.Args{args}},
			`{"x":` + want + `,"y":null}`: map[string]any{"x": &args, "y": f},
		} {
			if got, attachments := encode(t, event, "e", v); got != `2["e",`+form+`]` || len(attachments) > 0 {
				t.Errorf("with %v: a %T became %s with %d attachments, want %s", f, v, got, len(attachments), form)
			}
		}
	}
}

// Args as part of another value keep their numbers, also beside binary data.
func TestArgsInAValue(t *testing.T) {
	t.Parallel()
	args := decode(t, `52-["e",9007199254740993,[{"_placeholder":true,"num":1},1e999],{"_placeholder":true,"num":0}]`, []byte{1}, []byte{2}).Args
	const want = `[9007199254740993,["Ag==",1e999],"AQ=="]`
	if got, err := json.Marshal(args); string(got) != want || err != nil {
		t.Errorf("encoding/json makes %s, %v; want %s", got, err, want)
	}
	if got, _ := encode(t, event, "f", struct{ A parser.Args }{args}); got != `2["f",{"A":`+want+`}]` {
		t.Errorf("became %s, want %s", got, want)
	}
}
