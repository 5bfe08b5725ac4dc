//go:build !race

package parser_test

import (
	"testing"

	"github.com/seed96b07ef8/socketio/parser"
	"github.com/seed96b07ef8/socketio/parser/internal/parsertest"
)

func TestAllocations(t *testing.T) {
	parsertest.TestAllocations(t, parser.JSON, parsertest.MaxAllocations{
		Decode:       2, // the packet, its JSON
		DecodeStruct: 3, // and the string
		DecodeBinary: 4, // and the list of attachments, a copy
		AppendBinary: 1, // the list of attachments
	})
}

// Arguments that are taken and released cost what is made of them.
func TestReleaseAllocations(t *testing.T) {
	dec := parser.JSON.NewDecoder(parser.Limits{}).(intoDecoder)
	data := []byte(`2["echo",{"msg":"hello","n":1},17]`)
	var packet parser.Packet
	var m parsertest.Message
	var n int
	ptrs := []any{&m, &n}
	allocs := testing.AllocsPerRun(200, func() {
		packet = parser.Packet{}
		if complete, err := dec.DecodeInto(&packet, data, false); !complete || err != nil {
			t.Fatal(complete, err)
		}
		if err := packet.Args.Take(ptrs...); err != nil || m.Msg != "hello" || n != 17 {
			t.Fatal(m, n, err)
		}
		packet.Args.Release(ptrs...)
	})
	if allocs > 1 { // the string
		t.Errorf("got %v allocations, want at most 1", allocs)
	}
}
