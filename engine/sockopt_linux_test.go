package engine

import (
	"crypto/tls"
	"io"
	"math"
	"net"
	"syscall"
	"testing"
	"time"

	"github.com/seed96b07ef8/socketio/internal/ws"
)

// tcpPair returns the ends of a connection over loopback.
func tcpPair(t *testing.T) (server, client net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if client, err = net.Dial("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	if server, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	return server, client
}

// A client that receives what was sent before the ping survives its timeout; one that does
// not is disconnected. The ping itself does not count.
func TestReceives(t *testing.T) {
	t.Parallel()
	server, client := tcpPair(t)
	c := &Conn{}
	c.link = &link{conn: c, nc: server, raw: rawConn(server)}
	ping := func() {
		c.unacked = c.link.unacked()
		if _, err := server.Write(pingPacket.frames); err != nil {
			t.Fatal(err)
		}
	}
	ping()
	if c.receivesLocked(c.link.unacked()) {
		t.Error("an idle client receives")
	}
	written, err := c.link.tryWrite(make([]byte, 64<<20)) // more than all buffers hold
	if err != nil || written == 64<<20 {
		t.Fatalf("wrote %d bytes: %v", written, err)
	}
	for before := uint32(math.MaxUint32); c.link.unacked() < before; time.Sleep(10 * time.Millisecond) {
		before = c.link.unacked() // the peer's buffer is being filled
	}
	c.unacked = c.link.unacked()
	if c.unacked == 0 {
		t.Fatal("all was received")
	}
	if c.receivesLocked(c.link.unacked()) {
		t.Error("a client that does not read receives")
	}
	if _, err := io.CopyN(io.Discard, client, int64(written)/2); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(10 * time.Second); !c.receivesLocked(c.link.unacked()); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("a client that reads does not receive; %d bytes are unacknowledged", c.link.unacked())
		}
	}
	c.unsent = 1
	if !c.receivesLocked(c.link.unacked()) {
		t.Error("a client that is being written to does not receive")
	}
	c.unsent = 0
	if !c.receivesLocked(c.link.unacked()) {
		t.Error("the ping behind what was written has no time")
	}
}

// The kernel's queue is limited below TLS, too.
func TestLimitUnsentBelowTLS(t *testing.T) {
	t.Parallel()
	server, _ := tcpPair(t)
	o, err := new(ServerOptions).withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	newLink(&Conn{server: &Server{opts: o}}, &ws.Upgraded{Conn: tls.Server(server, nil)}, false)
	err = rawConn(server).Control(func(fd uintptr) {
		n, err := syscall.GetsockoptInt(int(fd), syscall.IPPROTO_TCP, tcpNotSentLowat)
		if n != unsentLimit || err != nil {
			t.Errorf("the limit is %d (%v), want %d", n, err, unsentLimit)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A ping notes how much the client had not received before it, so that its timeout
// can tell whether the client has received more since.
func TestPingNotesWhatIsUnacknowledged(t *testing.T) {
	t.Parallel()
	server, _ := tcpPair(t)
	o, err := new(ServerOptions).withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	c := &Conn{server: &Server{opts: o}}
	c.link = &link{conn: c, nc: server, raw: rawConn(server)}
	c.writing = true // the ping stays in the outbox
	if _, err := c.link.tryWrite(make([]byte, 64<<20)); err != nil {
		t.Fatal(err)
	}
	c.onTimer()
	c.beat.stop()
	if c.outbox.n != 1 || c.unacked == 0 {
		t.Errorf("%d packets are queued and %d bytes noted, want 1 ping and some bytes", c.outbox.n, c.unacked)
	}
}
