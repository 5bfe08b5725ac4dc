package ws

import "fmt"

// CloseError says why a connection must be, or was, closed: a violation of the
// protocol by the peer, or the peer's own close frame.
type CloseError struct {
	Code   int    // status code, see RFC 6455, section 7.4
	Reason string // human-readable, may be empty
	Remote bool   // the peer sent it in a close frame
}

func (e *CloseError) Error() string {
	if e.Remote {
		return fmt.Sprintf("websocket: closed by the peer: %d %s", e.Code, e.Reason)
	}
	return fmt.Sprintf("websocket: %s (%d)", e.Reason, e.Code)
}

var errTooLarge = &CloseError{Code: CloseTooLarge, Reason: "message exceeds the limit"}

func protocolError(reason string) error {
	return &CloseError{Code: CloseProtocolError, Reason: reason}
}
