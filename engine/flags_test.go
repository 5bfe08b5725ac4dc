package engine_test

import (
	"testing"

	"github.com/seed96b07ef8/socketio/engine"
)

// Bits of Flags that are not exported have no meaning for a caller.
func TestSendIgnoresUnknownFlags(t *testing.T) {
	t.Parallel()
	const known = engine.Volatile | engine.NoCompress | engine.Deferred | engine.Lazy |
		engine.Essential | engine.Fence | engine.Control
	const unknown = ^known
	for name, send := range map[string]func(p *poller) error{
		"Send": func(p *poller) error { return p.Send(engine.NewTextMessage([]byte("x")), unknown) },
		"SendText": func(p *poller) error {
			return p.SendText([]byte("x"), nil, unknown)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := start(t, &engine.ServerOptions{OutboxMessages: 1})
			p := h.poll()
			if err := send(p); err != nil {
				t.Fatalf("Send: %v", err)
			}
			if err := send(p); err != engine.ErrOutboxFull {
				t.Errorf("a message beyond the limit: got %v, want %v", err, engine.ErrOutboxFull)
			}
			wantHeld(t, h, 0)
		})
	}
}
