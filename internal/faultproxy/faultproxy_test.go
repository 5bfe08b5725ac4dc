package faultproxy_test

import (
	"errors"
	"io"
	"net"
	"os"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/seed96b07ef8/socketio/internal/faultproxy"
	"github.com/seed96b07ef8/socketio/internal/leakcheck"
)

func TestMain(m *testing.M) { os.Exit(leakcheck.Main(m)) }

// echo starts a server that echoes what it receives.
func echo(t *testing.T) (address string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				_, _ = io.Copy(c, c) // ends with the connection
			}()
		}
	}()
	return l.Addr().String()
}

func dial(t *testing.T, p *faultproxy.Proxy) net.Conn {
	t.Helper()
	c, err := p.Dial(t.Context(), "tcp", "example.com:80")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// ask sends data and waits for the echo.
func ask(t *testing.T, c net.Conn, patience time.Duration) error {
	t.Helper()
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Write([]byte("x")); err != nil {
		return err
	}
	_, err := io.ReadFull(c, make([]byte, 1))
	return err
}

func TestProxy(t *testing.T) {
	p := faultproxy.Start(t, echo(t))
	c := dial(t, p)
	if err := ask(t, c, 10*time.Second); err != nil {
		t.Fatal(err)
	}
	p.Delay(20 * time.Millisecond)
	start := time.Now()
	if err := ask(t, c, 10*time.Second); err != nil || time.Since(start) < 40*time.Millisecond {
		t.Errorf("with a delay in both directions: %v after %v", err, time.Since(start))
	}
	p.Delay(0)
	p.BlackHole(true)
	if err := ask(t, c, 20*time.Millisecond); !err.(net.Error).Timeout() {
		t.Errorf("in a black hole: %v", err)
	}
	p.BlackHole(false)
	if err := c.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(c, make([]byte, 1)); err != nil {
		t.Errorf("behind the black hole: %v", err)
	}
	p.Cut()
	if err := ask(t, c, 10*time.Second); err == nil {
		t.Error("a connection that was cut still works")
	}
	c = dial(t, p)
	if err := ask(t, c, 10*time.Second); err != nil {
		t.Fatal(err)
	}
	p.Reset()
	if err := ask(t, c, 10*time.Second); err == nil {
		t.Error("a connection that was reset still works")
	}
	p.Refuse(true)
	if err := ask(t, dial(t, p), 10*time.Second); err == nil {
		t.Error("a connection that was refused works")
	}
	if n := p.Accepted(); n != 3 {
		t.Errorf("%d connections were accepted, want 3", n)
	}
}

// Cut closes all connections that were accepted before it, even if they are not
// connected to the target yet.
func TestCutOfWhatIsBeingMade(t *testing.T) {
	p := faultproxy.Start(t, echo(t))
	for i := range 200 {
		c := dial(t, p)
		for p.Accepted() == i {
			runtime.Gosched()
		}
		p.Cut()
		if err := ask(t, c, 10*time.Second); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatalf("connection %d was not cut: %v", i, err)
		}
	}
}

func TestNobody(t *testing.T) {
	if _, err := net.Dial("tcp", faultproxy.Nobody(t)); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("got error %v", err)
	}
}
