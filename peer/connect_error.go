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
	// Message is what the client's connect_error event gets as its message, such as
	// "Invalid namespace". A client cuts it after 4096 bytes.
	Message string
	// Data, if not nil, is what the event gets as its data. At a client it is decoded as
	// into an any, and nil if the whole answer has more than 64 KiB, which any could
	// multiply; [ConnectError.DecodeData] decodes it all the same.
	Data any
	// Payload is the refusal as a client has received it, and empty otherwise. A server
	// does not send it.
	Payload parser.Args
}

// Error returns the message; what is longer than 256 bytes is cut.
func (e *ConnectError) Error() string { return clip.Text(e.Message, clip.Quote) }

// DecodeData decodes the data into what v points to, which stays as it is when there is
// nothing.
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
