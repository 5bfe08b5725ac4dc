package parser_test

import (
	"testing"

	"github.com/seed96b07ef8/socketio/parser"
	"github.com/seed96b07ef8/socketio/parser/internal/parsertest"
)

var event = parsertest.Event

func TestCodec(t *testing.T) {
	t.Parallel()
	parsertest.TestCodec(t, parser.JSON)
}

// encode encodes a packet as text.
func encode(t testing.TB, h parser.Header, name string, args ...any) (string, [][]byte) {
	t.Helper()
	data, attachments := parsertest.Encode(t, parser.JSON, h, name, args...)
	return string(data), attachments
}

// decode decodes a packet with all its attachments.
func decode(t testing.TB, text string, attachments ...[]byte) *parser.Packet {
	t.Helper()
	return parsertest.Decode(t, parser.JSON, []byte(text), attachments...)
}
