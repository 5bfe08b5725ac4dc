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
