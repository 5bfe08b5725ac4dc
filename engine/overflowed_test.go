package engine_test

import (
	"errors"
	"testing"

	"github.com/seed96b07ef8/socketio/engine"
)

// Between a deferred message for which there was no room and the end of the connection
// that follows, nothing is sent: it would look as if that message had arrived.
func TestNothingOvertakesALostMessage(t *testing.T) {
	t.Parallel()
	h := start(t, &engine.ServerOptions{OutboxBytes: 100, OutboxMessages: 2})
	for transport, s := range map[string]*session{"websocket": h.websocket().session, "polling": h.poll().session} {
		t.Run(transport, func(t *testing.T) {
			message := engine.NewTextMessage([]byte("message"))
			for i, want := range []error{nil, nil, engine.ErrOutboxFull} {
				if err := s.Send(message, engine.Deferred); !errors.Is(err, want) {
					t.Fatalf("message %d: %v, want %v", i, err, want)
				}
			}
			if err := s.Send(message, engine.Deferred|engine.Essential); !errors.Is(err, engine.ErrOutboxFull) {
				t.Errorf("behind the lost one: %v, want %v", err, engine.ErrOutboxFull)
			}
			if err := s.SendText([]byte("text"), nil, 0); !errors.Is(err, engine.ErrOutboxFull) && !errors.Is(err, engine.ErrClosed) {
				t.Errorf("behind the lost one: %v", err)
			}
			s.Flush()
			s.wantClose(t, engine.TransportError)
		})
	}
}
