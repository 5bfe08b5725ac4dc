package peer

import (
	"github.com/seed96b07ef8/socketio/internal/clip"
	"github.com/seed96b07ef8/socketio/parser"
)

// A ConnectError refuses a client. Middleware of a server returns one; any other error
// is treated like one whose Message is the error's text. A client gets one when the
// server refuses its socket: the namespace does not exist, or middleware returned an
// error. The client's socket does not try again by itself.
type ConnectError struct {
	// Message is the message of the client's connect_error event, such as "Invalid
	// namespace". A Go client cuts it after 4096 bytes.
	Message string
	// Data, if not nil, is the data of the event. A Go client decodes it into an any,
	// except if the refusal has more than 64 KiB, because the decoded value can be many
	// times as large; then Data is nil, and [ConnectError.DecodeData] decodes it.
	Data any
	// Payload is the refusal as a client received it. It is empty at a server, which
	// does not send it.
	Payload parser.Args
}

// Error returns the message, cut after 256 bytes.
func (e *ConnectError) Error() string { return clip.Text(e.Message, clip.Quote) }

// DecodeData decodes the data of the refusal into the value that v points to. It leaves
// the value unchanged if there is no data.
func (e *ConnectError) DecodeData(v any) error {
	if e.Payload.Len() > 0 {
		payload := struct {
			Data any `json:"data"`
		}{v}
		return e.Payload.DecodeAt(0, &payload)
	}
	if e.Data == nil {
		return nil
	}
	args, err := parser.ArgsOf(e.Data)
	if err != nil {
		return err
	}
	return args.DecodeAt(0, v)
}
