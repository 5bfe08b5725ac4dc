package parser_test

import (
	"reflect"
	"testing"
	"unicode/utf8"

	"github.com/seed96b07ef8/socketio/parser"
)

// FuzzDecode checks that no message panics, and that whatever decodes encodes
// to something that decodes to the same.
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

// decodeAll decodes a packet with as many attachments as it wants. It returns
// nil if the packet is invalid.
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

// decodeAny decodes the arguments. It also decodes them into types that take
// other paths, for the panics.
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
