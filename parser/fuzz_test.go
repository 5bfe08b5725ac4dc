package parser_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/seed96b07ef8/socketio/parser"
	"github.com/seed96b07ef8/socketio/parser/msgpack"
)

// FuzzDecode checks that no message causes a panic, and that every decoded
// packet survives encoding and decoding.
func FuzzDecode(f *testing.F) {
	for _, packet := range validPackets {
		f.Add(packet.text, []byte(nil))
	}
	for _, packet := range invalidPackets {
		if len(packet.text) < 1<<10 {
			f.Add(packet.text, []byte("a"))
		}
	}
	for _, text := range []string{
		`51-["m4",{"_placeholder":true,"num":0},"Q7uWzbr.2"]`,
		`52-/admin,7["e",[{"_placeholder":true,"num":0},{"a":{"_placeholder":true,"num":1}}]]`,
		`51-["e",{"num":0,"x":[{}],"\u005fplaceholder":true}]`,
		`51-["e",{"_placeholder":false,"num":9}]`,
		`51-["e",{"_placeholder":true,"num":1}]`,
		`61-7[1,"x",{"_placeholder":true,"num":0}]`,
		`63-7[]`,
	} {
		f.Add(text, []byte("attachment"))
	}
	f.Fuzz(func(t *testing.T, text string, attachment []byte) {
		p := decodeAll(t, text, func(int) []byte { return attachment })
		if p == nil {
			return
		}
		args, ok := decodeAny(t, p)
		if !ok {
			return
		}
		if !utf8.ValidString(p.Namespace) {
			return
		}
		data, attachments, err := parser.JSON.Append(nil, p.Header, p.Event, args)
		if err != nil && len(attachment) > 0 && strings.Contains(text, "laceholder") {
			return // an object beside binary data that other peers take for a placeholder
		}
		if err != nil {
			t.Fatalf("%q decodes but does not encode: %v", text, err)
		}
		if !utf8.Valid(data) {
			t.Fatalf("%q encodes to invalid UTF-8 %q", text, data)
		}
		if len(attachments) > 10 {
			return // one attachment used many times
		}
		again := decodeAll(t, string(data), func(i int) []byte { return attachments[i] })
		if again == nil {
			t.Fatalf("%q encodes to %q, which does not decode", text, data)
		}
		if again.Header != p.Header || again.Event != p.Event {
			t.Fatalf("%q became %q:\n%+v\n%+v", text, data, p, again)
		}
		argsAgain, ok := decodeAny(t, again)
		if !ok || !reflect.DeepEqual(args, argsAgain) {
			t.Fatalf("%q became %q:\n%#v\n%#v", text, data, args, argsAgain)
		}
	})
}

// decodeAll decodes a packet with all the attachments that it announces. It
// returns nil if the packet is invalid.
func decodeAll(t *testing.T, text string, attachment func(int) []byte) *parser.Packet {
	dec := parser.JSON.NewDecoder(parser.Limits{})
	p, err := dec.Decode([]byte(text), false)
	for i := 0; p == nil && err == nil; i++ {
		if i == 10 {
			t.Fatalf("%q wants too many attachments", text)
		}
		p, err = dec.Decode(attachment(i), true)
	}
	if err == nil && (p.Type > parser.ConnectError || p.Namespace == "") {
		t.Fatalf("%q decodes to an incomplete header: %+v", text, p)
	}
	return p
}

// decodeAny decodes the arguments, also into types that take other code paths,
// to find panics.
func decodeAny(t *testing.T, p *parser.Packet) (args []any, ok bool) {
	args = make([]any, p.Args.Len())
	for i := range args {
		var s outer
		var list []any
		var text string
		var n int64
		var data []byte
		for _, ptr := range []any{&s, &list, &text, &n, &data} {
			_ = p.Args.DecodeAt(i, ptr)
		}
		if err := p.Args.DecodeAt(i, &args[i]); err != nil {
			return nil, false // a number beyond float64
		}
	}
	return args, true
}

// FuzzPassOn checks that received arguments that are sent again, alone, beside binary
// data or in another value, either arrive unchanged or are refused with an ArgError.
func FuzzPassOn(f *testing.F) {
	for _, text := range []string{
		`2["e",{"_placeholder":true,"num":0}]`, `51-["e",{"_placeholder":true,"num":0},{"_placeholder":1,"num":0}]`, `2["e",1e999,-0,[9007199254740993]]`,
		`51-["e",{"num":0,"x":[{}],"\u005fplaceholder":true}]`, `52-["e",{"_placeholder":true,"num":1,"x":{"_placeholder":true,"num":0}}]`, "2[\"e\",\"\xff\", \"\\ud800\" ]",
	} {
		f.Add(text, []byte("attachment"))
	}
	f.Fuzz(func(t *testing.T, text string, attachment []byte) {
		p := decodeAll(t, text, func(int) []byte { return attachment })
		if p == nil || p.Type != parser.Event && p.Type != parser.Ack || !utf8.ValidString(p.Namespace) {
			return
		}
		for name, codec := range map[string]parser.Codec{"JSON": parser.JSON, "msgpack": msgpack.Codec} {
			for _, args := range [][]any{{p.Args}, {p.Args, []byte("more")}, {struct{ A parser.Args }{p.Args}}, {map[string]any{"a": p.Args, "b": []byte("more")}}} {
				data, attachments, err := codec.Append(nil, p.Header, p.Event, args)
				if err != nil {
					if _, ok := errors.AsType[*parser.ArgError](err); !ok {
						t.Fatalf("%q: %s returned %v, want an ArgError", text, name, err)
					}
					continue
				}
				d := codec.NewDecoder(parser.Limits{MaxAttachments: 100, MaxDepth: 600})
				again, err := d.Decode(data, codec.Binary())
				for i := 0; err == nil && i < len(attachments); i++ {
					again, err = d.Decode(attachments[i], true)
				}
				if err != nil || again == nil || again.Event != p.Event {
					t.Fatalf("%q became %q by %s, which decodes to %v, %v", text, data, name, again, err)
				}
			}
		}
	})
}
