package parser_test

import (
	"fmt"
	"reflect"
	"testing"

	"github.com/seed96b07ef8/socketio/parser"
)

// intoDecoder is what the decoders of this package are besides.
type intoDecoder interface {
	DecodeInto(p *parser.Packet, data []byte, binary bool) (bool, error)
}

// The server decodes into a Packet that it uses again, of which only the Args may be
// kept.
func TestDecodeInto(t *testing.T) {
	type message struct {
		data   string
		binary bool
	}
	messages := []message{
		{`2["first",1,"x"]`, false},
		{`2/nsp,7["second",{"a":[1,2]},3,4,5]`, false},
		{`52-["files",{"_placeholder":true,"num":1},{"_placeholder":true,"num":0}]`, false}, {"zero", true}, {"one", true},
		{`0/nsp,{"token":"x"}`, false},
		{`61-3[{"_placeholder":true,"num":0}]`, false}, {"blob", true},
		{`1`, false},
		{`51-["bad",{"_placeholder":true,"num":1}]`, false}, {"blob", true},
		{`2["after"]`, false},
		{`51-["lost",{"_placeholder":true,"num":0}]`, false}, {`2["interrupts"]`, false}, {"blob", true},
		{`3["answer"]`, false}, {`nonsense`, false}, {`2[]`, false},
	}
	want, got := parser.JSON.NewDecoder(parser.Limits{}), parser.JSON.NewDecoder(parser.Limits{})
	into := got.(intoDecoder)
	var buffer parser.Packet
	var kept []parser.Packet
	var all []*parser.Packet
	for _, m := range messages {
		p, wantErr := want.Decode([]byte(m.data), m.binary)
		buffer = parser.Packet{}
		complete, err := into.DecodeInto(&buffer, []byte(m.data), m.binary)
		if complete != (p != nil) || !reflect.DeepEqual(err, wantErr) {
			t.Errorf("%s: got %v, %v, want %v, %v", m.data, complete, err, p != nil, wantErr)
		}
		if complete {
			kept, all = append(kept, buffer), append(all, p)
		}
	}
	for i := range kept {
		// Args print as their values.
		if got, want := fmt.Sprintf("%+v", kept[i]), fmt.Sprintf("%+v", *all[i]); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}
