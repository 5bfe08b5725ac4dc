package engine_test

import (
	"testing"

	"github.com/seed96b07ef8/socketio/engine"
)

// What a client on a slow link has not received yet waits where pings can overtake it,
// and not in the kernel.
func TestKernelTakesLittle(t *testing.T) {
	const size, most = 32 << 20, 1 << 20
	h := start(t, nil)
	p, w := h.poll(), h.websocket()
	upgraded := p.probe()
	upgraded.send("5")
	receive(t, p.upgraded, "the upgrade")
	for name, s := range map[string]*session{"opened": w.session, "upgraded": p.session} {
		if err := s.Send(engine.NewBinaryMessage(make([]byte, size)), 0); err != nil {
			t.Fatal(err)
		}
		if n := size - s.Buffered(); n > most {
			t.Errorf("%s: the kernel took %d bytes for a client that does not read, want %d at most", name, n, most)
		}
	}
}
