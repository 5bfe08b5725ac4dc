package engine_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"math"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed96b07ef8/socketio/engine"
)

const (
	large = 100_000
	// counted is the part of TotalBytes that a large message takes once, and holder the
	// part for each connection in whose outbox it waits.
	counted = large + 11 + 96
	holder  = 24
)

func largeMessage() *engine.Message {
	return engine.NewTextMessage([]byte(strings.Repeat("x", large)))
}

// wait puts n large messages of its own into the outbox of a polling client.
func (p *poller) wait(n int) {
	p.h.t.Helper()
	for range n {
		if err := p.Send(largeMessage(), 0); err != nil {
			p.h.t.Fatal(err)
		}
	}
}

func wantHeld(t *testing.T, h *harness, want int) {
	t.Helper()
	defer func() {
		if got := h.Held(); got != want {
			t.Errorf("%d bytes are held, want %d", got, want)
		}
	}()
	waitFor(t, "what is held", func() bool { return h.Held() == want })
}

// When all connections together hold more than TotalBytes, those that hold most end.
func TestTotalBytes(t *testing.T) {
	t.Parallel()
	const limit = 16 * (counted + holder)
	h := start(t, &engine.ServerOptions{TotalBytes: limit})
	var clients []*poller
	for i := range 5 { // they hold 1, 2, 3, 4, 5
		p := h.poll()
		p.wait(i + 1)
		clients = append(clients, p)
	}
	small := h.poll()
	small.text(t, "hello")
	clients[0].wait(1)
	wantHeld(t, h, limit) // the limit itself is within
	if n := h.Len(); n != 6 || h.Evicted() != 0 {
		t.Fatalf("%d of 6 connections are left at the limit, %d were closed", n, h.Evicted())
	}
	clients[0].wait(1) // above
	if err := clients[4].wantClose(t, engine.TransportError); !errors.Is(err, engine.ErrServerFull) {
		t.Errorf("the cause is %v, want %v", err, engine.ErrServerFull)
	}
	waitFor(t, "the count", func() bool { return h.Evicted() == 1 })
	wantHeld(t, h, 12*(counted+holder))
	small.want("4hello")
	for _, p := range clients[:4] {
		if r := p.get(); len(r.body) < large {
			t.Errorf("a client that was to be left got %d %.50q", r.status, r.body)
		}
	}
}

// A message queued for many connections counts once.
func TestTotalBytesOfSharedMessages(t *testing.T) {
	t.Parallel()
	const n = 20
	h := start(t, &engine.ServerOptions{TotalBytes: 3 * counted})
	m := largeMessage()
	var clients []*poller
	for range n {
		p := h.poll()
		if err := p.Send(m, 0); err != nil {
			t.Fatal(err)
		}
		clients = append(clients, p)
	}
	wantHeld(t, h, counted+n*holder)
	for _, p := range clients {
		p.want("4" + strings.Repeat("x", large))
	}
	wantHeld(t, h, 0)
	if h.Evicted() != 0 {
		t.Errorf("%d clients that read were closed, want 0", h.Evicted())
	}
}

// The batch of a writer goroutine counts until it is written.
func TestTotalBytesOfAWrite(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*peer){
		"read":   func(w *peer) { w.want("4" + strings.Repeat("x", 200*large)) },
		"closed": func(w *peer) { w.nc.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			h := start(t, nil)
			w := h.websocket()
			w.text(t, strings.Repeat("x", 200*large))
			waitFor(t, "a write that waits", func() bool { return h.Held() >= 200*large })
			end(w)
			wantHeld(t, h, 0)
		})
	}
}

// A message is no longer counted when it has left the outbox, in any way.
func TestTotalBytesAreGivenBack(t *testing.T) {
	t.Parallel()
	for name, leave := range map[string]func(p *poller){
		"polled": func(p *poller) {
			p.get()
		},
		"left":    func(p *poller) { p.drop() },
		"aborted": func(p *poller) { p.Abort() },
		"closed, then aborted": func(p *poller) {
			p.Close()
			p.Abort()
		},
		"dropped": func(p *poller) {
			for range 40 {
				p.text(p.h.t, "small")
			}
			p.Abort()
		},
		"upgraded": func(p *poller) {
			w := p.probe()
			w.send("5")
			for range 5 {
				w.read()
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := start(t, &engine.ServerOptions{Overflow: engine.DropOldest, OutboxMessages: 30})
			p := h.poll()
			p.wait(5)
			wantHeld(t, h, 5*(counted+holder))
			leave(p)
			wantHeld(t, h, 0)
		})
	}
}

// A message that is sent in several responses is subtracted once.
func TestTotalBytesOfAMessageInParts(t *testing.T) {
	t.Parallel()
	h := start(t, nil)
	p := h.poll()
	p.wait(5)
	var parts [][]byte
	for range 40 { // more than an answer takes
		parts = append(parts, []byte("part"))
	}
	if err := p.Send(engine.NewTextMessage([]byte("parts"), parts...), 0); err != nil {
		t.Fatal(err)
	}
	for p.Buffered() > 0 {
		p.get()
	}
	wantHeld(t, h, 0)
}

// Joined messages are subtracted with the size that was added.
func TestTotalBytesOfCorkedMessages(t *testing.T) {
	t.Parallel()
	h := start(t, nil)
	w := h.websocket()
	w.Cork()
	const n = 1000
	for range n {
		if err := w.SendText([]byte("x"), [][]byte{{}}, 0); err != nil {
			t.Fatal(err)
		}
		if err := w.SendText([]byte("x"), nil, 0); err != nil {
			t.Fatal(err)
		}
		if err := w.SendText([]byte("y"), nil, 0); err != nil {
			t.Fatal(err)
		}
	}
	if h.Held() == 0 {
		t.Errorf("%d messages that are held back are not counted", 3*n)
	}
	w.Uncork()
	for range n {
		for _, want := range []string{"4x", binaryMark, "4x", "4y"} {
			w.want(want)
		}
	}
	wantHeld(t, h, 0)
}

// The messages for a client that left are subtracted when its connection is closed while
// the reader still delivers what the client sent before.
func TestTotalBytesOfAClientThatLeft(t *testing.T) {
	t.Parallel()
	h := start(t, nil)
	w := h.websocket()
	entered, release := make(chan bool), make(chan bool)
	w.onMessage = func(string) {
		entered <- true
		<-release
	}
	w.send("4first")
	receive(t, entered, "the first message")
	w.send("4second") // unread, so that the end of the socket is a reset
	w.nc.Close()
	waitFor(t, "a write to fail", func() bool {
		w.text(t, "x")
		return engine.Gone(w.Conn)
	})
	w.text(t, strings.Repeat("x", large))
	if n := h.Held(); n < large {
		t.Errorf("%d bytes are held while the message waits, want at least %d", n, large)
	}
	w.Close()
	wantHeld(t, h, 0)
	close(release)
	w.wantMessage(t, "first")
}

// slowly takes the answer to a poll at 10,000 bytes a second, until the test or the answer
// ends.
func (p *poller) slowly(group *sync.WaitGroup) {
	p.h.t.Helper()
	r := p.slowPoll("")
	group.Go(func() { _ = trickle(r, math.MaxInt, 10_000) })
}

// A response that a client reads slowly does not outlive its connection.
func TestTotalBytesOfAnAnswer(t *testing.T) {
	t.Parallel()
	for name, abort := range map[string]func(*poller){
		"aborted": func(p *poller) { p.Abort() },
		"closed, then aborted": func(p *poller) {
			p.Close()
			p.Abort()
		},
		"broken": func(p *poller) { p.post("?") },
		"shut down": func(p *poller) {
			ctx, cancel := context.WithCancel(context.Background())
			cancel()
			_ = p.h.Shutdown(ctx)
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var readers sync.WaitGroup
				t.Cleanup(readers.Wait)
				h := startInMemory(t, nil)
				p := h.poll()
				p.wait(10)
				p.slowly(&readers)
				time.Sleep(5 * time.Second)
				if n := h.Held(); n < 10*large {
					t.Errorf("%d bytes are held while the answer is written, want at least %d", n, 10*large)
				}
				abort(p)
				synctest.Wait()
				if n := h.Held(); n != 0 {
					t.Errorf("%d bytes are held by the answer of a closed connection, want 0", n)
				}
			})
		})
	}
}

// A message that waits for many clients is in memory once, but each response has a copy.
func TestTotalBytesOfAnswersWithOneMessage(t *testing.T) {
	t.Parallel()
	const limit = 4 * large
	synctest.Test(t, func(t *testing.T) {
		var readers sync.WaitGroup
		t.Cleanup(readers.Wait)
		h := startInMemory(t, &engine.ServerOptions{TotalBytes: limit})
		m := largeMessage()
		for range 30 {
			p := h.poll()
			if err := p.Send(m, 0); err != nil {
				t.Fatal(err)
			}
			p.slowly(&readers)
		}
		time.Sleep(time.Second)
		if n := h.Held(); n > limit {
			t.Errorf("%d bytes are held, want at most %d", n, limit)
		}
		if n := h.Len(); n < 3 {
			t.Errorf("%d connections are left, want those that fit", n)
		}
	})
}

// slowLog is a logger that takes a minute for the end of a connection.
type slowLog struct{ slog.Handler }

func (slowLog) Enabled(context.Context, slog.Level) bool { return true }

func (slowLog) Handle(_ context.Context, r slog.Record) error {
	if r.Message == "engine: connection closed" {
		time.Sleep(time.Minute)
	}
	return nil
}

func (l slowLog) WithAttrs([]slog.Attr) slog.Handler { return l }

// A connection that holds too much ends soon, even if ending the previous one took long.
func TestTotalBytesAfterASlowEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := startInMemory(t, &engine.ServerOptions{TotalBytes: counted, Logger: slog.New(slowLog{slog.DiscardHandler})})
		for i := range 2 {
			h.poll().wait(1)
			time.Sleep(5 * time.Minute)
			if got, want := h.Evicted(), uint64(i+1); got != want {
				t.Errorf("%d connections were ended after 5 minutes, want %d", got, want)
			}
		}
	})
}

// Handlers can count memory that they hold for a client.
func TestHold(t *testing.T) {
	t.Parallel()
	const limit = 1000_000
	h := start(t, &engine.ServerOptions{TotalBytes: limit})
	heavy, light, other := h.websocket(), h.websocket(), h.websocket()
	heavy.Hold(600_000)
	light.Hold(400_000)
	wantHeld(t, h, limit)
	light.Hold(-100_000)
	light.Hold(100_000)
	other.Hold(1)
	if err := heavy.wantClose(t, engine.TransportError); !errors.Is(err, engine.ErrServerFull) {
		t.Errorf("the cause is %v, want %v", err, engine.ErrServerFull)
	}
	heavy.Hold(1 << 30) // too late
	wantHeld(t, h, 400_001)
	light.nc.Close()
	light.wantClose(t, engine.TransportClose)
	wantHeld(t, h, 1)
	other.text(t, "hello")
	other.want("4hello")
}

// A closed connection whose client does not fetch the rest ends, too.
func TestTotalBytesOfClosedConnections(t *testing.T) {
	t.Parallel()
	h := start(t, &engine.ServerOptions{TotalBytes: 4 * (counted + holder)})
	p, other := h.poll(), h.poll()
	p.wait(3)
	p.Close()
	other.wait(2)
	waitFor(t, "the closed connection to go", func() bool { return h.Len() == 1 })
	wantHeld(t, h, 2*(counted+holder))
}

// onClose is a Handler that does something when its connection has ended.
type onClose struct {
	*session
	do func()
}

func (o onClose) OnClose(c *engine.Conn, reason engine.Reason, err error) {
	o.do()
	o.session.OnClose(c, reason, err)
}

// Memory added while connections are being closed counts.
func TestTotalBytesAddedMeanwhile(t *testing.T) {
	t.Parallel()
	const limit = 1_000_000
	var second *session
	sessions := make(chan *session, 2)
	h := start(t, &engine.ServerOptions{TotalBytes: limit, OnConnect: func(c *engine.Conn) engine.Handler {
		s := newSession(c)
		sessions <- s
		return onClose{s, func() {
			if second != s {
				second.Hold(limit + 1)
			}
		}}
	}})
	h.dialWebSocket("EIO=4&transport=websocket").read()
	first := receive(t, sessions, "the first session")
	h.dialWebSocket("EIO=4&transport=websocket").read()
	second = receive(t, sessions, "the second session")
	first.Hold(limit + 1)
	for _, s := range []*session{first, second} {
		if err := s.wantClose(t, engine.TransportError); !errors.Is(err, engine.ErrServerFull) {
			t.Errorf("the cause is %v, want %v", err, engine.ErrServerFull)
		}
	}
	wantHeld(t, h, 0)
}

// A server that keeps closing connections logs that at most once a minute.
func TestTotalBytesAreLoggedOnce(t *testing.T) {
	t.Parallel()
	var log lockedBuffer
	h := start(t, &engine.ServerOptions{TotalBytes: counted, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	for i := range 5 {
		p := h.poll()
		p.wait(1)
		p.wantClose(t, engine.TransportError)
		waitFor(t, "the count", func() bool { return h.Evicted() == uint64(i+1) })
	}
	if n := strings.Count(log.String(), "all connections together held too much"); n != 1 {
		t.Errorf("%d records: %s, want 1", n, log.String())
	}
}

// lockedBuffer is a log that can be read while it is written.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// A message that waits in connections of two servers counts toward the total of each,
// in whichever order the connections take it.
func TestTotalBytesOfTwoServers(t *testing.T) {
	t.Parallel()
	for name, order := range map[string][2]int{"first in, first out": {0, 1}, "first in, last out": {1, 0}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			servers := []*harness{start(t, nil), start(t, nil)}
			m := largeMessage()
			var clients []*poller
			for _, h := range servers {
				a, b := h.poll(), h.poll()
				for _, p := range []*poller{a, b} {
					if err := p.Send(m, 0); err != nil {
						t.Fatal(err)
					}
				}
				clients = append(clients, a)
			}
			for _, h := range servers {
				wantHeld(t, h, counted+2*holder)
			}
			for _, i := range order {
				clients[i].want("4" + strings.Repeat("x", large))
				wantHeld(t, servers[i], counted+holder)
			}
		})
	}
}
