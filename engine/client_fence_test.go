package engine_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed96b07ef8/socketio/engine"
	"github.com/seed96b07ef8/socketio/internal/ws"
)

func text(s string) *engine.Message { return engine.NewTextMessage([]byte(s)) }

// send sends a message with flags.
func (c *caller) send(t testing.TB, s string, flags engine.Flags) {
	t.Helper()
	if err := c.Send(text(s), flags); err != nil {
		t.Errorf("Send(%q): %v", s, err)
	}
}

// quiet checks that nothing arrives for a second.
func (p *fakePeer) quiet(t testing.TB) {
	t.Helper()
	_ = p.SetReadDeadline(time.Now().Add(time.Second))
	if m, err := p.read(); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the server got %q (%v), want %v", m, err, os.ErrDeadlineExceeded)
	}
	_ = p.SetReadDeadline(time.Time{})
}

func (p *fakePeer) want(t testing.TB, want string) {
	t.Helper()
	if got, err := p.read(); got != want {
		t.Errorf("the server got %q (%v), want %q", got, err, want)
	}
}

// question reads a ping and returns the matching pong.
func (p *fakePeer) question(t testing.TB) (pong []byte) {
	t.Helper()
	m, err := p.read()
	data, ok := strings.CutPrefix(m, "9:")
	if !ok {
		t.Errorf("the server got %q (%v), want a ping", m, err)
	}
	return ws.AppendFrame(nil, ws.Pong, []byte(data))
}

// Messages behind a fence are sent after the server has confirmed that it read those
// before it, or after a timeout.
func TestClientFenceWebSocket(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		peers := make(chan *fakePeer)
		finished := make(chan struct{})
		h := startFakeInMemory(t, &fake{websocket: func(p *fakePeer) {
			p.send(openWebSocket)
			peers <- p
			<-finished
		}})
		defer close(finished)
		c := newCaller()
		go h.callWith(h.dialOptions(engine.WebSocket), c)
		p := <-peers
		synctest.Wait()

		c.send(t, "first", engine.Fence) // there is nothing before it
		p.want(t, "4first")
		c.send(t, "second", 0)
		c.send(t, "behind", engine.Fence)
		c.send(t, "third", 0)
		p.want(t, "4second")
		pong := p.question(t)
		p.quiet(t)
		_, _ = p.Write(ws.AppendFrame(nil, ws.Pong, []byte("none of ours")))
		p.send("2")
		p.want(t, "3") // the heartbeat does not wait
		p.quiet(t)
		_, _ = p.Write(pong)
		p.want(t, "4behind")
		p.want(t, "4third")

		clk := newClock(t)
		c.send(t, "late", engine.Fence)
		p.question(t)
		p.want(t, "4late")
		clk.want(10*time.Second, "what waited for an answer")

		// After an unanswered ping the client does not wait again, and Close flushes
		// everything.
		clk = newClock(t)
		c.send(t, "last", engine.Fence)
		c.Close()
		p.question(t)
		p.want(t, "4last")
		clk.want(50*time.Millisecond, "what waited for an answer")
		if m, err := p.read(); err == nil && !strings.HasPrefix(m, "8:") {
			t.Errorf("the server got %q, want a close frame", m)
		}
	})
}

// posts is a server that records the bodies of data requests.
type posts struct {
	mu     sync.Mutex
	bodies []string
	gate   chan struct{} // each takes a value before it is answered; nil for none
}

func (p *posts) serve(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.URL.Query().Get("sid") == "":
		_, _ = io.WriteString(w, openPolling)
	case r.Method == http.MethodPost:
		body, _ := io.ReadAll(r.Body)
		p.mu.Lock()
		p.bodies = append(p.bodies, string(body))
		p.mu.Unlock()
		if p.gate != nil {
			select {
			case <-p.gate:
			case <-r.Context().Done():
			}
		}
		_, _ = io.WriteString(w, "ok")
	default:
		<-r.Context().Done()
	}
}

func (p *posts) all() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.ReplaceAll(strings.Join(p.bodies, " | "), "\x1e", " ")
}

// Over polling, a fence begins a request, and so does the close packet: servers of Node
// take "41" and "1" in one request for a loss of the connection.
func TestClientFencePolling(t *testing.T) {
	t.Parallel()
	p := new(posts)
	h := startFake(t, &fake{polling: p.serve})
	c := newCaller()
	h.callWith(h.dialOptions(engine.Polling), c)
	c.Cork()
	c.send(t, "one", 0)
	c.send(t, "two", 0)
	c.send(t, "behind", engine.Fence)
	c.send(t, "three", 0)
	c.Close()
	receive(t, c.Done(), "Done")
	if got, want := p.all(), "4one 4two | 4behind 4three | 1"; got != want {
		t.Errorf("requests %s, want %s", got, want)
	}
}

// Fences keep the order, whatever the transport is doing, and Close waits for them.
func TestClientFenceOrder(t *testing.T) {
	t.Parallel()
	overEach(t, func(t *testing.T, h *harness, o *engine.DialOptions) {
		for range 20 {
			c, s := h.call(o)
			for _, m := range []string{"1", "2", "3"} {
				c.send(t, m, 0)
				c.send(t, "behind "+m, engine.Fence)
			}
			c.Close()
			for _, m := range []string{"1", "2", "3"} {
				s.wantMessage(t, m)
				s.wantMessage(t, "behind "+m)
			}
			c.wantEnd(t, engine.ForcedClose)
			s.wantClose(t, engine.TransportClose)
		}
	})
}

// Flush returns when the server has read what was sent before.
func TestClientFlush(t *testing.T) {
	t.Parallel()
	overEach(t, func(t *testing.T, h *harness, o *engine.DialOptions) {
		c, s := h.call(o)
		for range 10 {
			c.text(t, "a")
			c.text(t, strings.Repeat("b", 100_000))
			ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
			if err := c.Flush(ctx); err != nil {
				t.Fatalf("Flush: %v", err)
			}
			cancel()
			s.wantMessage(t, "a")
			s.wantMessage(t, strings.Repeat("b", 100_000))
		}
		ended, cancel := context.WithCancel(context.Background())
		cancel()
		if err := c.Flush(ended); err != nil {
			t.Errorf("Flush of nothing: %v", err)
		}
		c.Close()
		if err := c.Flush(context.Background()); err != engine.ErrClosed {
			t.Errorf("Flush after Close: %v, want %v", err, engine.ErrClosed)
		}
	})
}

// A server that does not answer: Flush ends with its context, as often as it is called,
// and with the connection.
func TestClientFlushUnanswered(t *testing.T) {
	t.Parallel()
	p := &posts{gate: make(chan struct{})}
	h := startFake(t, &fake{polling: p.serve})
	o := h.dialOptions(engine.Polling)
	o.OutboxMessages = 4
	c := newCaller()
	h.callWith(o, c)
	t.Cleanup(func() { close(p.gate) })
	c.text(t, "not answered")
	cause := errors.New("no time")
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(cause)
	for range 100 { // they take no room
		if err := c.Flush(ctx); !errors.Is(err, context.Canceled) || !errors.Is(err, cause) {
			t.Fatalf("Flush: %v", err)
		}
	}
	c.text(t, "there is room")
	failed := make(chan error, 1)
	go func() { failed <- c.Flush(context.Background()) }()
	c.Close()
	p.gate <- struct{}{} // the first message
	p.gate <- struct{}{} // the second
	p.gate <- struct{}{} // the end
	if err := receive(t, failed, "the end of Flush"); err != nil && err != engine.ErrClosed {
		t.Errorf("Flush: %v", err)
	}
}

// A call that waits for room, and the end of the wait.
func TestClientSendWait(t *testing.T) {
	t.Parallel()
	p := &posts{gate: make(chan struct{})}
	h := startFake(t, &fake{polling: p.serve})
	o := h.dialOptions(engine.Polling)
	o.OutboxMessages = 2
	c := newCaller()
	h.callWith(o, c)
	c.text(t, "under way")
	waitFor(t, "a request", func() bool { return p.all() != "" })
	c.text(t, "waits")
	c.text(t, "waits, too")
	if _, err := c.TrySend(text("volatile"), engine.Volatile); err != engine.ErrDropped {
		t.Errorf("a volatile message: %v, want %v", err, engine.ErrDropped)
	}
	full, err := c.TrySend(text("refused"), 0)
	if err != engine.ErrOutboxFull || full == nil {
		t.Fatalf("TrySend: %v, %v", full, err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := c.SendWait(ctx, text("too late"), 0); !errors.Is(err, context.Canceled) {
		t.Errorf("SendWait: %v, want %v", err, context.Canceled)
	}
	c.send(t, "has room whatever waits", engine.Essential)
	sent := make(chan error, 1)
	go func() { sent <- c.SendWait(context.Background(), text("waited"), 0) }()
	for range 2 {
		p.gate <- struct{}{}
	}
	receive(t, full, "room")
	if err := receive(t, sent, "the end of the wait"); err != nil {
		t.Errorf("SendWait: %v", err)
	}
	go func() {
		for range 3 {
			select {
			case p.gate <- struct{}{}:
			case <-c.Done():
			}
		}
	}()
	receive(t, c.drained, "OnDrain")
	if got := p.all(); !strings.HasSuffix(got, "waited") || strings.Contains(got, "refused") || strings.Contains(got, "late") {
		t.Errorf("requests %s", got)
	}
}

// A message that the server would not accept is refused, with both sizes, and costs
// nothing else.
func TestClientTooLarge(t *testing.T) {
	t.Parallel()
	const limit = 1000
	for _, way := range clientWays {
		t.Run(way.name, func(t *testing.T) {
			h := start(t, &engine.ServerOptions{MaxPayload: limit})
			c, s := h.call(h.dialOptions(way.transports...))
			if len(way.transports) == 2 {
				receive(t, c.upgraded, "the upgrade")
			}
			binary := limit // bytes that fit
			if c.Transport() == engine.Polling {
				binary = 747 // "b" and 996 characters
			}
			for _, m := range []struct {
				message *engine.Message
				size    int // as it would be sent; 0 if it fits
			}{
				{text(strings.Repeat("x", limit-1)), 0},
				{text(strings.Repeat("x", limit)), limit + 1},
				{engine.NewBinaryMessage(make([]byte, binary)), 0},
				{engine.NewTextMessage([]byte("x"), make([]byte, binary), make([]byte, binary)), 0},
				{engine.NewTextMessage([]byte("x"), nil, make([]byte, 2*limit)), map[engine.Transport]int{engine.Polling: 2669, engine.WebSocket: 2 * limit}[c.Transport()]},
			} {
				err := c.Send(m.message, 0)
				var large *engine.TooLargeError
				switch {
				case m.size == 0 && err != nil:
					t.Errorf("Send: %v", err)
				case m.size > 0 && !errors.As(err, &large):
					t.Errorf("%d bytes: %v", m.size, err)
				case m.size > 0 && (large.Size != m.size || large.Max != limit):
					t.Errorf("%d bytes: %v", m.size, err)
				}
			}
			c.text(t, "still here")
			for range 5 {
				receive(t, s.messages, "a message")
			}
			s.wantMessage(t, "still here")
		})
	}
}

// While a machine sleeps its monotonic clock stands still, so only wall time shows
// that the server has given up the connection. Send then refuses messages.
func TestClientSlept(t *testing.T) {
	t.Parallel()
	for _, tr := range []engine.Transport{engine.WebSocket, engine.Polling} {
		t.Run(string(tr), func(t *testing.T) {
			h := start(t, nil)
			o := h.dialOptions(tr)
			var mu sync.Mutex
			var slept time.Duration
			engine.SetWallClock(o, func() time.Time {
				mu.Lock()
				defer mu.Unlock()
				return time.Now().Add(slept)
			})
			c, s := h.call(o)
			// What arrived before the machine slept does not show that the server still waits.
			s.text(t, "before")
			c.want(t, "before")
			sleep := func(d time.Duration) {
				mu.Lock()
				defer mu.Unlock()
				slept += d
			}
			sleep(40 * time.Second) // no longer than the heartbeat of 45 s allows
			c.text(t, "awake")
			s.wantMessage(t, "awake")
			sleep(10 * time.Second)
			if err := c.Send(text("asleep"), 0); err != engine.ErrClosed {
				t.Errorf("Send: %v, want %v", err, engine.ErrClosed)
			}
			if err := c.wantEnd(t, engine.PingTimeout); err == nil {
				t.Error("the connection ended without a cause")
			}
			s.Close() // it received no close frame, and would notice only by itself
			receive(t, s.closed, "the server's end")
		})
	}
}

// Flush does not wait for a server that has given up the connection while the machine
// slept.
func TestClientSleptBeforeFlush(t *testing.T) {
	t.Parallel()
	for _, tr := range []engine.Transport{engine.WebSocket, engine.Polling} {
		t.Run(string(tr), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				over := make(chan bool)
				h := startFakeInMemory(t, &fake{
					websocket: func(p *fakePeer) {
						p.send(openWebSocket)
						_, _ = p.read() // the message
						<-over
					},
					polling: func(w http.ResponseWriter, r *http.Request) {
						if !r.URL.Query().Has("sid") {
							_, _ = io.WriteString(w, openPolling)
							return
						}
						<-over
					},
				})
				o := h.dialOptions(tr)
				var slept time.Duration
				engine.SetWallClock(o, func() time.Time { return time.Now().Add(slept) })
				c := newCaller()
				h.callWith(o, c)
				clk := newClock(t)
				defer close(over)
				c.text(t, "unread")
				synctest.Wait()
				slept = time.Minute
				if err := c.Flush(t.Context()); err != engine.ErrClosed {
					t.Errorf("Flush: %v, want %v", err, engine.ErrClosed)
				}
				clk.want(0, "the return of Flush")
				if e := <-c.closed; e.reason != engine.PingTimeout {
					t.Errorf("the connection ended with %v, want %v", e.reason, engine.PingTimeout)
				}
				<-c.Done()
			})
		})
	}
}

// A handler may keep a ping from being read until wall time shows that the server
// must have given up: the machine may sleep while the handler runs.
func TestClientSleptWhileHandlerIsBusy(t *testing.T) {
	t.Parallel()
	for _, tr := range []engine.Transport{engine.WebSocket, engine.Polling} {
		t.Run(string(tr), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := startInMemory(t, nil)
				o := h.dialOptions(tr)
				var slept time.Duration
				engine.SetWallClock(o, func() time.Time { return time.Now().Add(slept) })
				c, s := h.call(o)
				working, release := make(chan bool), make(chan bool)
				c.onMessage = func(*engine.Client, string) { working <- true; <-release }
				defer close(release)
				s.text(t, "work")
				<-working
				synctest.Wait()
				slept = 3*45*time.Second - time.Millisecond
				if err := c.Send(text("awake"), 0); err != nil {
					t.Errorf("Send after %v: %v, want no error", slept, err)
				}
				synctest.Wait()
				slept = 3*45*time.Second + time.Millisecond
				if err := c.Send(text("asleep"), 0); err != engine.ErrClosed {
					t.Errorf("Send after %v: %v, want %v", slept, err, engine.ErrClosed)
				}
				if e := <-c.closed; e.reason != engine.PingTimeout {
					t.Errorf("the connection ended with %v, want %v", e.reason, engine.PingTimeout)
				}
			})
		})
	}
}

// The server accepts everything and reads nothing: messages behind a fence are sent
// after a timeout, but Flush reports the earlier ones as read only after a late pong.
// Abandoned calls leave nothing behind.
func TestClientFlushLate(t *testing.T) {
	t.Parallel()
	peers := make(chan *fakePeer, 1)
	finished := make(chan struct{})
	h := startFake(t, &fake{websocket: func(p *fakePeer) {
		p.send(strings.Replace(openWebSocket, "20000", "50", 1))
		peers <- p
		<-finished
	}})
	defer close(finished)
	c := newCaller()
	h.callWith(h.dialOptions(engine.WebSocket), c)
	p := receive(t, peers, "the connection")

	c.send(t, "first", 0)
	short, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer cancel()
	for range 3 {
		if err := c.Flush(short); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Flush of what was not read: %v, want %v", err, context.DeadlineExceeded)
		}
	}
	flushed := make(chan error, 2)
	go func() { flushed <- c.Flush(context.Background()) }()
	p.want(t, "4first")
	pong := p.question(t)
	select {
	case err := <-flushed:
		t.Errorf("Flush returned %v before the server had answered", err)
	default:
	}
	_, _ = p.Write(pong)
	if err := receive(t, flushed, "the end of Flush"); err != nil {
		t.Errorf("Flush: %v", err)
	}
	if err := c.Flush(context.Background()); err != nil {
		t.Errorf("Flush of what was read: %v", err)
	}

	c.send(t, "second", 0)
	go func() { flushed <- c.Flush(context.Background()) }()
	p.want(t, "4second")
	p.question(t)
	p.Close()
	if err := receive(t, flushed, "the end of Flush"); err != engine.ErrClosed {
		t.Errorf("Flush of what was never read: %v, want %v", err, engine.ErrClosed)
	}
}

// A connection that breaks while the end of the session waits at a fence ends at once.
func TestClientCloseAtFence(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := startFakeInMemory(t, &fake{websocket: func(p *fakePeer) {
			p.send(openWebSocket)
			p.want(t, "4before")
			p.question(t)
		}})
		c := newCaller()
		h.callWith(h.dialOptions(engine.WebSocket), c)
		clk := newClock(t)
		c.send(t, "before", 0)
		c.send(t, "behind", engine.Fence)
		c.Close()
		<-c.Done()
		clk.want(0, "the end")
	})
}

// Once Send has returned ErrClosed, the connection ends, even if a message or a ping
// arrives at that moment.
func TestClientSleptForGood(t *testing.T) {
	t.Parallel()
	for _, arrives := range []string{"4message", "2"} {
		synctest.Test(t, func(t *testing.T) {
			peers := make(chan *fakePeer)
			finished := make(chan struct{})
			h := startFakeInMemory(t, &fake{websocket: func(p *fakePeer) {
				p.send(openWebSocket)
				peers <- p
				<-finished
			}})
			defer close(finished)
			o := h.dialOptions(engine.WebSocket)
			var slept time.Duration
			engine.SetWallClock(o, func() time.Time { return time.Now().Add(slept) })
			c := newCaller()
			go h.callWith(o, c)
			p := <-peers
			synctest.Wait()
			slept = time.Minute
			handling := make(chan struct{})
			c.onMessage = func(*engine.Client, string) { <-handling }
			if err := c.Send(text("asleep"), 0); err != engine.ErrClosed {
				t.Errorf("Send: %v, want %v", err, engine.ErrClosed)
			}
			go p.send(arrives)
			synctest.Wait()
			close(handling)
			c.wantEnd(t, engine.PingTimeout)
		})
	}
}
