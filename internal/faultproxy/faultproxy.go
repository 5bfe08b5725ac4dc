// Package faultproxy is a TCP proxy for tests that simulates network faults: it
// delays and loses data, and closes and resets connections.
package faultproxy

import (
	"context"
	"net"
	"sync"
	"testing"
	"time"
)

// A Proxy forwards connections to one address.
type Proxy struct {
	target   string
	listener net.Listener
	wg       sync.WaitGroup

	mu       sync.Mutex // guards what follows
	pairs    map[*pair]struct{}
	accepted int
	refusing bool
	delay    time.Duration
	hole     chan struct{} // not nil: nothing is forwarded until it is closed
	closed   chan struct{}
}

// A pair is a connection of a client and the connection to the target, which is nil
// until it is open.
type pair struct{ client, server *net.TCPConn }

// Start starts a proxy for a TCP address. It is closed at the end of the test.
func Start(t testing.TB, target string) *Proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{target: target, listener: l, pairs: make(map[*pair]struct{}), closed: make(chan struct{})}
	p.wg.Go(p.accept) // ends with the listener
	t.Cleanup(p.close)
	return p
}

// Dial connects to the proxy and ignores the address.
func (p *Proxy) Dial(ctx context.Context, _, _ string) (net.Conn, error) {
	return new(net.Dialer).DialContext(ctx, "tcp", p.listener.Addr().String())
}

// Accepted returns the number of connections so far, including refused ones.
func (p *Proxy) Accepted() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.accepted
}

// Delay delays everything that arrives from now on by d.
func (p *Proxy) Delay(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.delay = d
}

// Refuse makes the proxy close new connections at once, or stop that.
func (p *Proxy) Refuse(on bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refusing = on
}

// BlackHole keeps what arrives from getting through, without either side noticing,
// or lets it go on.
func (p *Proxy) BlackHole(on bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if on == (p.hole != nil) {
		return
	}
	if on {
		p.hole = make(chan struct{})
	} else {
		close(p.hole)
		p.hole = nil
	}
}

// Cut closes all connections, including those that are being opened, like a proxy
// that is shut down.
func (p *Proxy) Cut() { p.end(false) }

// Reset resets all connections, like a host that has restarted.
func (p *Proxy) Reset() { p.end(true) }

func (p *Proxy) end(reset bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.pairs {
		for _, conn := range []*net.TCPConn{c.client, c.server} {
			if conn == nil {
				continue
			}
			if reset {
				_ = conn.SetLinger(0) // fails only on a closed connection
			}
			conn.Close()
		}
		delete(p.pairs, c)
	}
}

func (p *Proxy) close() {
	p.listener.Close()
	p.BlackHole(false)
	close(p.closed)
	p.Cut()
	p.wg.Wait()
}

func (p *Proxy) accept() {
	for {
		conn, err := p.listener.Accept()
		if err != nil {
			return
		}
		c := &pair{client: conn.(*net.TCPConn)}
		if !p.add(c) {
			conn.Close()
			continue
		}
		p.wg.Go(func() { p.connect(c) }) // ends with the connection
	}
}

// add registers a connection, so that it can be cut, and reports whether to connect it
// to the target.
func (p *Proxy) add(c *pair) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.accepted++
	select {
	case <-p.closed:
		return false
	default:
	}
	if p.refusing {
		return false
	}
	p.pairs[c] = struct{}{}
	return true
}

// connect connects a pair to the target.
func (p *Proxy) connect(c *pair) {
	s, err := net.Dial("tcp", p.target)
	if err != nil {
		p.remove(c)
		return
	}
	p.mu.Lock()
	_, there := p.pairs[c]
	if there {
		c.server = s.(*net.TCPConn)
	}
	p.mu.Unlock()
	if !there { // cut
		s.Close()
		return
	}
	p.wg.Go(func() { p.copy(c, c.server, c.client) })
	p.copy(c, c.client, c.server)
}

// remove ends one connection.
func (p *Proxy) remove(c *pair) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.pairs, c)
	c.client.Close()
	if c.server != nil {
		c.server.Close()
	}
}

// copy forwards data in one direction until the connection ends.
func (p *Proxy) copy(c *pair, to, from *net.TCPConn) {
	defer p.remove(c)
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		if err != nil || !p.pass() {
			return
		}
		if _, err := to.Write(buf[:n]); err != nil {
			return
		}
	}
}

// pass waits until received data may be forwarded. It returns false if the proxy
// is closed.
func (p *Proxy) pass() bool {
	p.mu.Lock()
	delay, hole := p.delay, p.hole
	p.mu.Unlock()
	if delay > 0 {
		timer := time.NewTimer(delay)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-p.closed:
			return false
		}
	}
	if hole != nil {
		select {
		case <-hole:
		case <-p.closed:
			return false
		}
	}
	return true
}

// Nobody returns a TCP address without a listener. A connection keeps the port in
// use until the end of the test, so that no other process can listen there.
func Nobody(t testing.TB) (addr string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c.LocalAddr().String()
}
