package client

import (
	"fmt"

	"github.com/seed96b07ef8/socketio/engine"
	"github.com/seed96b07ef8/socketio/internal/errtext"
)

// A LossError says that events which were emitted without an error may not have reached
// the server. [Socket.Flush] and [Socket.Shutdown] return it, once for each loss.
type LossError struct {
	Namespace string // of the socket
	// Events is the number of events that may be lost. The server may have read some of
	// them; it has not said so.
	Events int
	// Err is why the last of them may be lost: a [*DisconnectError] when their connection
	// ended, a [*RetryError] when the server has not acknowledged an event in the end, an
	// [*engine.TooLargeError] when the server does not accept an event.
	Err error
}

// Error names the number of events, the namespace and the cause.
func (e *LossError) Error() string {
	events := "events"
	if e.Events == 1 {
		events = "event"
	}
	return fmt.Sprintf("client: %d %s of %s may not have reached the server: %s", e.Events, events, e.Namespace, errtext.Detail(e.Err))
}

// Unwrap returns Err.
func (e *LossError) Unwrap() error { return e.Err }

// A ledger counts the events of a socket whose loss no caller learns otherwise, so that
// Flush does. Volatile events, events with EmitWithAck, and events that Retries will
// send again are not in sent. The socket's mu guards it.
type ledger struct {
	sent     uint64 // handed to a connection
	settled  uint64 // of sent: read by the server, or counted in lost
	lost     uint64 // may not have reached the server
	reported uint64 // of lost: returned by Flush
	why      error  // the cause of the last loss
}

// note counts an event that a connection has taken.
func (l *ledger) note(out *outgoing) {
	if out.result == nil && !out.retried && out.flags&engine.Volatile == 0 {
		l.sent++
	}
	out.place = l.sent
}

// settle notes that the server has read the first n events of sent.
func (l *ledger) settle(n uint64) { l.settled = max(l.settled, n) }

// lose counts n events as lost.
func (l *ledger) lose(n uint64, why error) {
	if n > 0 {
		l.lost += n
		l.why = why
	}
}

// end notes that the connection has ended: whether the server has read what it has not
// confirmed stays unknown.
func (l *ledger) end(why error) {
	l.lose(l.sent-l.settled, why)
	l.settled = l.sent
}

// lossLocked returns the losses since Flush was called, and the earlier ones that no
// call has returned, or nil. reported is the ledger's at the time of the call: each of
// several concurrent calls returns what was lost while it waited.
func (s *Socket) lossLocked(reported uint64) error {
	l := &s.ledger
	if l.lost == reported {
		return nil
	}
	l.reported = l.lost
	return &LossError{Namespace: s.namespace, Events: int(l.lost - reported), Err: l.why}
}

// flushedLocked notes that the server has read the first n events, or, with an error,
// that e has ended before.
func (s *Socket) flushedLocked(e *engine.Client, n uint64, err error) {
	switch {
	case err == nil:
		s.ledger.settle(n)
	case err == engine.ErrClosed && s.connectedLocked() && s.life.conn.engine == e:
		s.ledger.end(&DisconnectError{Reason: TransportClose, Err: engine.ErrClosed}) // the manager has yet to know
	}
}
