package socketio

import (
	"encoding/json"

	"github.com/seed96b07ef8/socketio/parser"
)

// Args are the arguments of an event or an acknowledgement as they were
// received; Decode turns them into Go values.
type Args = parser.Args

// An ArgError says which argument could not be decoded or encoded.
type ArgError = parser.ArgError

// Borrowed is the type of a parameter for large binary data that a handler does not
// keep: the bytes as they were received, valid until the handler returns.
type Borrowed = parser.Borrowed

// jsonArgs makes one argument of a JSON value.
func jsonArgs(raw json.RawMessage) Args {
	return parser.NewArgs(jsonValues{}, [][]byte{raw}, nil)
}

// jsonValues decodes plain JSON.
type jsonValues struct{}

func (jsonValues) DecodeValue(raw []byte, _ [][]byte, ptr any) error { return json.Unmarshal(raw, ptr) }
