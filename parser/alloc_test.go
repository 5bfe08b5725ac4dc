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

// Decoding packets that are released allocates only the decoded values.
func TestReleaseAllocations(t *testing.T) {
	dec := parser.JSON.NewDecoder(parser.Limits{})
	data := []byte(`2["echo",{"msg":"hello","n":1},17]`)
	var m parsertest.Message
	var n int
	ptrs := []any{&m, &n}
	allocs := testing.AllocsPerRun(200, func() {
		p, err := dec.Decode(data, false)
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Args.Take(ptrs...); err != nil || m.Msg != "hello" || n != 17 {
			t.Fatal(m, n, err)
		}
		p.Args.Release(ptrs...)
		p.Release()
	})
	if allocs > 1 { // the string
		t.Errorf("got %v allocations, want at most 1", allocs)
	}
}
