package engine_test

import (
	"context"
	"net"
	"syscall"
	"testing"

	"github.com/seed96b07ef8/socketio/engine"
)

// Messages for a client on a slow link wait in the outbox, where pings can overtake them,
// and not in the kernel.
func TestKernelTakesLittle(t *testing.T) {
	t.Parallel()
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

// What a client uploads over polling waits in the client, too, where it shows whether the
// server takes it.
func TestKernelTakesLittleOfUploads(t *testing.T) {
	t.Parallel()
	const tcpNotSentLowat = 25
	h := start(t, nil)
	o := h.dialOptions(engine.Polling)
	conns := make(chan *net.TCPConn, 10)
	o.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
		nc, err := h.dial(ctx)
		if err == nil {
			conns <- nc.(*net.TCPConn)
		}
		return nc, err
	}
	h.call(o)
	raw, err := receive(t, conns, "a connection").SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var limit int
	if e := raw.Control(func(fd uintptr) {
		limit, err = syscall.GetsockoptInt(int(fd), syscall.IPPROTO_TCP, tcpNotSentLowat)
	}); e != nil || err != nil {
		t.Fatal(e, err)
	}
	if want := 16 << 10; limit != want {
		t.Errorf("the kernel takes %d bytes in advance, want %d", limit, want)
	}
}
