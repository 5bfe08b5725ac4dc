//go:build !race

package msgpack_test

import (
	"bytes"
	"testing"

	"github.com/seed96b07ef8/socketio/parser"
	"github.com/seed96b07ef8/socketio/parser/internal/parsertest"
	"github.com/seed96b07ef8/socketio/parser/msgpack"
)

func TestAllocations(t *testing.T) {
	parsertest.TestAllocations(t, msgpack.Codec, parsertest.MaxAllocations{
		Decode:       1, // the packet
		DecodeStruct: 2, // and the string
		DecodeBinary: 2, // and a copy
	})
}

// TestClaims decodes messages that announce more bytes than they contain.
func TestClaims(t *testing.T) {
	many := bytes.Repeat([]byte{0xc0}, 1000)
	for _, data := range [][]byte{
		wire("dfffffffff").bytes(),
		wire("ddffffffff").bytes(),
		eventOf("ddffffffff"),
		eventOf("dfffffffff"),
		eventOf("dbffffffff"),
		eventOf("c6ffffffff"),
		eventOf("c9ffffffff00"),
		append(object("type", 2, "data", wire("dd7fffffff a165")), many...),
		append(eventOf("dd7fffffff"), many...),
	} {
		n := allocated(func() {
			if p, err := msgpack.Codec.NewDecoder(parser.Limits{}).Decode(data, true); err == nil {
				t.Errorf("%x decodes to %+v", data, p)
			}
		})
		if n > 1<<14 {
			t.Errorf("%.20x: %d bytes were allocated for %d", data, n, len(data))
		}
	}
}
