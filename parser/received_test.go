package parser_test

import (
	"testing"

	"github.com/seed96b07ef8/socketio/parser"
	"github.com/seed96b07ef8/socketio/parser/msgpack"
)

// What is inside a placeholder, and objects that only look like one, do not make
// attachments when the arguments are sent again; text stays as it came.
func TestReceivedPlaceholders(t *testing.T) {
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
	for from, to := range map[parser.Codec]parser.Codec{parser.JSON: msgpack.Codec, msgpack.Codec: parser.JSON} {
		args := transfer(t, from, "a", []byte{1}, map[string]any{"x": []any{1.5, nil}})
		if got := transfer(t, to, 1, args).String(); got != `[1, "a", binary "\x01", {"x":[1.5,null]}]` {
			t.Errorf("got %s", got)
		}
	}
}

// transfer returns what the other side receives that is sent args.
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
