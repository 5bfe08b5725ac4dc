package ws

import "fmt"

// CloseError reports why a connection must be closed, a protocol violation by
// the peer, or why the peer closed it, by a close frame.
type CloseError struct {
	Code   int    // status code, see RFC 6455, section 7.4
	Reason string // human-readable, may be empty
	Remote bool   // the peer sent it in a close frame
}

func (e *CloseError) Error() string {
	if e.Remote && e.Reason == "" {
		return fmt.Sprintf("websocket: closed by the peer: %d", e.Code)
	}
	if e.Remote {
		return fmt.Sprintf("websocket: closed by the peer: %d %s", e.Code, e.Reason)
	}
	return fmt.Sprintf("websocket: %s (%d)", e.Reason, e.Code)
}

var errTooLarge = &CloseError{Code: CloseTooLarge, Reason: "message exceeds the limit"}

func protocolError(reason string) error {
	return &CloseError{Code: CloseProtocolError, Reason: reason}
}
