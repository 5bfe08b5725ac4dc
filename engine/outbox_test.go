package engine_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed96b07ef8/socketio/engine"
	"github.com/seed96b07ef8/socketio/internal/ws"
)

const block = 32 << 10

// numbered is message i of a stream of large messages.
func numbered(i int) *engine.Message {
	return engine.NewTextMessage(fmt.Appendf(nil, "%08d%s", i, strings.Repeat("x", block-8)))
}

// number is the inverse of numbered.
func number(t testing.TB, packet string) int {
	t.Helper()
	var i int
	if _, err := fmt.Sscanf(packet, "4%08d", &i); err != nil {
		t.Fatalf("got packet %.50q", packet)
	}
	return i
}

// stuff sends numbered messages until the kernel accepts no more for a while, since
// bytes may still be in transit to the client's buffer. It returns the next number.
func stuff(t testing.TB, s *session) (next int) {
	t.Helper()
	for quiet := 0; quiet < 20; quiet++ {
		for s.Writable() {
			if err := s.Send(numbered(next), 0); err != nil {
				t.Fatalf("message %d: %v", next, err)
			}
			next++
			quiet = 0
		}
		time.Sleep(time.Millisecond)
	}
	return next
}

func TestOverflow(t *testing.T) {
	t.Parallel()
	limits := map[string]engine.ServerOptions{
		"bytes":    {OutboxBytes: 10*block + 1000},
		"messages": {OutboxMessages: 10},
	}
	const more = 100 // than fits
	for name, opts := range limits {
		run := func(policy string, overflow engine.Overflow, f func(t *testing.T, h *harness, w *peer)) {
			t.Run(policy+"/"+name, func(t *testing.T) {
				opts.Overflow = overflow
				h := start(t, &opts)
				other := h.websocket()
				w := h.websocket()
				f(t, h, w)
				other.send("4hello")
				other.wantMessage(t, "hello")
				other.text(t, "hello")
				other.want("4hello")
			})
		}
		bounded := func(t *testing.T, s *session) {
			t.Helper()
			// The outbox, and the batch of the writer goroutine.
			if n := s.Buffered(); n > 12*block {
				t.Errorf("%d bytes are buffered, want at most %v", n, 12*block)
			}
		}
		run("Disconnect", engine.Disconnect, func(t *testing.T, h *harness, w *peer) {
			i := stuff(t, w.session)
			var err error
			for end := i + more; i < end && err == nil; i++ {
				err = w.Send(numbered(i), 0)
				bounded(t, w.session)
			}
			if !errors.Is(err, engine.ErrOutboxFull) {
				t.Fatalf("got error %v, want %v", err, engine.ErrOutboxFull)
			}
			if err := w.wantClose(t, engine.TransportError); !errors.Is(err, engine.ErrOutboxFull) {
				t.Errorf("got cause %v, want %v", err, engine.ErrOutboxFull)
			}
			wantErrClosed(t, w.session)
			if n := w.Buffered(); n > 12*block {
				t.Errorf("%d bytes are buffered after the end, want at most %v", n, 12*block)
			}
			waitFor(t, "the session to go", func() bool { return h.Len() == 1 })
		})
		run("Refuse", engine.Refuse, func(t *testing.T, _ *harness, w *peer) {
			next := stuff(t, w.session)
			var sent []int
			for i := range next {
				sent = append(sent, i)
			}
			refused := 0
			for i := next; i < next+more; i++ {
				switch err := w.Send(numbered(i), 0); {
				case err == nil:
					sent = append(sent, i)
				case errors.Is(err, engine.ErrOutboxFull):
					refused++
				default:
					t.Fatal(err)
				}
				bounded(t, w.session)
			}
			if refused < more-12 {
				t.Errorf("%d messages were refused, want at least %v", refused, more-12)
			}
			for _, i := range sent {
				if got := number(t, w.read()); got != i {
					t.Fatalf("got message %d, want %d", got, i)
				}
			}
			receive(t, w.drained, "OnDrain")
			if !w.Writable() || w.Buffered() != 0 {
				t.Errorf("writable: %v, %d bytes buffered", w.Writable(), w.Buffered())
			}
			w.text(t, "again")
			w.want("4again")
		})
		run("DropNewest", engine.DropNewest, func(t *testing.T, _ *harness, w *peer) {
			next := stuff(t, w.session)
			for i := next; i < next+more; i++ {
				if err := w.Send(numbered(i), 0); err != nil {
					t.Fatal(err)
				}
				bounded(t, w.session)
			}
			for i := range next + 8 {
				if got := number(t, w.read()); got != i {
					t.Fatalf("got message %d, want %d", got, i)
				}
			}
			waitFor(t, "the backlog to go", w.Writable)
			w.text(t, "99999999")
			for last := 0; last < 99999999; {
				last = number(t, w.read())
				if last >= next+12 && last < 99999999 {
					t.Errorf("message %d was not dropped", last)
				}
			}
		})
		run("DropOldest", engine.DropOldest, func(t *testing.T, _ *harness, w *peer) {
			next := stuff(t, w.session)
			end := next + more
			for i := next; i < end; i++ {
				if err := w.Send(numbered(i), 0); err != nil {
					t.Fatal(err)
				}
				bounded(t, w.session)
			}
			last := -1
			for last < end-1 {
				i := number(t, w.read())
				if i <= last || i > last+1 && i < end-10 {
					t.Fatalf("message %d after %d of %d", i, last, end)
				}
				last = i
			}
		})
	}
}

// No policy can make room for a message that is larger than the outbox.
func TestOverflowOfOneMessage(t *testing.T) {
	t.Parallel()
	h := start(t, &engine.ServerOptions{OutboxBytes: 1000, Overflow: engine.DropOldest})
	p := h.poll()
	p.text(t, "small")
	p.text(t, strings.Repeat("x", 1000))
	p.want("4small")
}

func TestOverflowOverPolling(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		overflow engine.Overflow
		want     string
	}{
		{engine.DropOldest, "43\x1e44\x1e45"},
		{engine.DropNewest, "41\x1e42\x1e43"},
		{engine.Refuse, "41\x1e42\x1e43"},
		{engine.Disconnect, ""},
	} {
		h := start(t, &engine.ServerOptions{Overflow: test.overflow, OutboxMessages: 3})
		p := h.poll()
		for i := range 5 {
			err := p.Send(engine.NewTextMessage(fmt.Append(nil, i+1)), 0)
			if (err != nil) != (i >= 3 && (test.overflow == engine.Refuse || test.overflow == engine.Disconnect)) {
				t.Errorf("policy %d, message %d: %v", test.overflow, i+1, err)
			}
		}
		if test.want != "" {
			p.want(test.want)
			continue
		}
		p.wantClose(t, engine.TransportError)
		wantReply(t, p.get(), 400, `{"code":1,"message":"Session ID unknown"}`)
	}
}

// DropOldest must not drop the ping, or the client would fail the heartbeat.
func TestDropOldestKeepsPackets(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for _, n := range []int{2, 5, 40, 100} {
			h := startInMemory(t, &engine.ServerOptions{Overflow: engine.DropOldest, OutboxMessages: 2})
			p := h.poll()
			p.text(t, "0")
			time.Sleep(25 * time.Second)
			synctest.Wait()
			for i := range n {
				p.text(t, fmt.Sprint(i))
			}
			p.want(fmt.Sprintf("2\x1e4%d\x1e4%d", n-2, n-1))
			p.post("3")
			p.drop()
			p.wantClose(t, engine.TransportClose)
		}
	})
	// The same for the open packet.
	h := start(t, &engine.ServerOptions{Overflow: engine.DropOldest, OutboxMessages: 2, OnConnect: func(c *engine.Conn) engine.Handler {
		for i := range 100 {
			if err := c.Send(engine.NewTextMessage(fmt.Append(nil, i)), 0); err != nil {
				t.Error(err)
			}
		}
		return nil
	}})
	r := h.request("GET", "EIO=4&transport=polling", "")
	openSID(t, r.body)
	if !strings.HasSuffix(r.body, "\x1e499") {
		t.Errorf("got %q, want the suffix %q", r.body, "\x1e499")
	}
}

func TestWriteTimeout(t *testing.T) {
	t.Parallel()
	h := start(t, &engine.ServerOptions{WriteTimeout: 100 * time.Millisecond})
	w := h.websocket()
	stuff(t, w.session)
	w.wantClose(t, engine.TransportError)
	waitFor(t, "the session to go", func() bool { return h.Len() == 0 })
}

// The same when the session was closed before.
func TestWriteTimeoutAfterClose(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := startInMemory(t, &engine.ServerOptions{WriteTimeout: time.Second})
		w := h.websocket()
		w.text(t, "not read")
		w.Close()
		w.wantClose(t, engine.ForcedClose)
		synctest.Wait()
		if n := h.Len(); n != 1 {
			t.Errorf("%d sessions before the timeout, want 1", n)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if n := h.Len(); n != 0 {
			t.Errorf("%d sessions after the timeout, want 0", n)
		}
	})
}

// A polling client that does not read its response holds the request no longer than
// the write timeout.
func TestWriteTimeoutOverPolling(t *testing.T) {
	t.Parallel()
	h := start(t, &engine.ServerOptions{WriteTimeout: 100 * time.Millisecond, OutboxBytes: 64 << 20})
	p := h.poll()
	p.text(t, strings.Repeat("x", 32<<20))
	nc := h.connection()
	fmt.Fprintf(nc, "GET /engine.io/?%s HTTP/1.1\r\nHost: x\r\n\r\n", p.query)
	p.wantClose(t, engine.TransportError)
}

func TestVolatile(t *testing.T) {
	t.Parallel()
	h := start(t, nil)
	volatile := func(s *session, text string) {
		t.Helper()
		if err := s.Send(engine.NewTextMessage([]byte(text)), engine.Volatile); err != nil {
			t.Errorf("Send: %v", err)
		}
	}
	p := h.poll()
	if p.Writable() {
		t.Error("writable without a poll")
	}
	volatile(p.session, "lost")
	pending := p.pending()
	volatile(p.session, "kept")
	wantReply(t, receive(t, pending, "the poll"), 200, "4kept")

	w := h.websocket()
	volatile(w.session, "kept")
	w.want("4kept")
	w.Cork()
	volatile(w.session, "corked")
	w.Uncork()
	w.want("4corked")
	n := stuff(t, w.session)
	volatile(w.session, "lost")
	for i := range n {
		if got := number(t, w.read()); got != i {
			t.Fatalf("got message %d, want %d", got, i)
		}
	}
	receive(t, w.drained, "OnDrain")
	volatile(w.session, "kept")
	w.want("4kept")

	w.Close()
	w.wantClose(t, engine.ForcedClose)
	if err := w.Send(engine.NewTextMessage(nil), engine.Volatile); !errors.Is(err, engine.ErrClosed) {
		t.Errorf("after the end: %v, want %v", err, engine.ErrClosed)
	}
}

func TestCork(t *testing.T) {
	t.Parallel()
	h := start(t, nil)
	w := h.websocket()
	w.Uncork() // does nothing
	w.Cork()
	w.text(t, "a")
	w.text(t, "b")
	if n := w.Buffered(); n != 2*len(ws.AppendFrame(nil, ws.Text, []byte("4a"))) {
		t.Errorf("%d bytes are buffered, want %v", n, 2*len(ws.AppendFrame(nil, ws.Text, []byte("4a"))))
	}
	if !w.Writable() {
		t.Error("not writable while corked")
	}
	w.Uncork()
	if n := w.Buffered(); n != 0 {
		t.Errorf("%d bytes are buffered after Uncork, want 0", n)
	}
	w.text(t, "c")
	for _, want := range []string{"4a", "4b", "4c"} {
		w.want(want)
	}
	// A cork does not hold back more than 64 KiB.
	w.Cork()
	w.text(t, strings.Repeat("x", 100_000))
	w.want("4" + strings.Repeat("x", 100_000))
	w.text(t, "small")
	w.Uncork()
	w.want("4small")

	p := h.poll()
	pending := p.pending()
	p.Cork()
	p.text(t, "a")
	p.text(t, "b")
	if !p.Writable() {
		t.Error("the corked poll was answered")
	}
	p.Uncork()
	wantReply(t, receive(t, pending, "the poll"), 200, "4a\x1e4b")
}

func TestDeferred(t *testing.T) {
	t.Parallel()
	h := start(t, nil)
	deferred := func(s *session, text string) {
		t.Helper()
		if err := s.Send(engine.NewTextMessage([]byte(text)), engine.Deferred); err != nil {
			t.Fatal(err)
		}
	}
	w := h.websocket()
	deferred(w.session, "a")
	deferred(w.session, "b")
	if n := w.Buffered(); n != 2*len(ws.AppendFrame(nil, ws.Text, []byte("4a"))) {
		t.Errorf("%d bytes are buffered, want %v", n, 2*len(ws.AppendFrame(nil, ws.Text, []byte("4a"))))
	}
	w.Flush()
	w.want("4a")
	w.want("4b")
	deferred(w.session, "c")
	w.text(t, "d")
	w.want("4c")
	w.want("4d")
	w.Flush() // there is nothing

	p := h.poll()
	pending := p.pending()
	deferred(p.session, "a")
	if !p.Writable() {
		t.Error("the poll was answered")
	}
	p.Flush()
	wantReply(t, receive(t, pending, "the poll"), 200, "4a")
}

// A deferred Send does not call the handler; the flush ends the connection.
func TestDeferredOverflow(t *testing.T) {
	t.Parallel()
	h := start(t, &engine.ServerOptions{OutboxMessages: 3})
	w := h.websocket()
	var err error
	for i := 0; i < 10 && err == nil; i++ {
		err = w.Send(numbered(i), engine.Deferred)
	}
	if !errors.Is(err, engine.ErrOutboxFull) || len(w.closed) != 0 {
		t.Fatalf("got error %v, %d ends", err, len(w.closed))
	}
	w.Flush()
	if err := w.wantClose(t, engine.TransportError); !errors.Is(err, engine.ErrOutboxFull) {
		t.Errorf("got cause %v, want %v", err, engine.ErrOutboxFull)
	}
	w.Flush() // does nothing
}

func TestOnDrain(t *testing.T) {
	t.Parallel()
	t.Run("polling", func(t *testing.T) {
		h := start(t, nil)
		p := h.poll()
		p.text(t, "a")
		if p.Writable() || len(p.drained) != 0 {
			t.Error("writable without a poll")
		}
		p.want("4a")
		receive(t, p.drained, "OnDrain")
		// Messages sent at once do not count as a backlog.
		pending := p.pending()
		p.text(t, "b")
		receive(t, pending, "the poll")
		p.post("4sync")
		if len(p.drained) != 0 {
			t.Error("OnDrain without a backlog")
		}
	})
	t.Run("upgrade", func(t *testing.T) {
		h := start(t, nil)
		p := h.poll()
		w := p.probe()
		p.text(t, "a")
		w.send("5")
		w.want("4a")
		receive(t, p.drained, "OnDrain")
	})
	t.Run("wrapped connection", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			h := startInMemory(t, nil)
			w := h.websocket()
			n := stuff(t, w.session) // the peer does not read
			if len(w.drained) != 0 {
				t.Error("drained")
			}
			for i := range n {
				if got := number(t, w.read()); got != i {
					t.Errorf("got message %d, want %d", got, i)
				}
			}
			receive(t, w.drained, "OnDrain")
			if !w.Writable() || w.Buffered() != 0 {
				t.Errorf("writable: %v, %d bytes buffered", w.Writable(), w.Buffered())
			}
			w.nc.Close()
			synctest.Wait()
		})
	})
}

// For a peer that pings without reading, the connection keeps only the last ping.
func TestPingFlood(t *testing.T) {
	t.Parallel()
	h := start(t, &engine.ServerOptions{OutboxMessages: 100, OutboxBytes: 20_000})
	w := h.websocket()
	next := stuff(t, w.session)
	before := w.Buffered()
	flood := strings.Repeat(string(masked(ws.Ping, strings.Repeat("x", 125))), 100)
	for range 100 {
		w.raw([]byte(flood))
	}
	w.raw(masked(ws.Ping, "last"))
	w.send("4still here")
	w.wantMessage(t, "still here")
	if n := w.Buffered() - before; n > 200 {
		t.Errorf("%d bytes are buffered, want at most 200", n)
	}
	for i := range next {
		if got := number(t, w.read()); got != i {
			t.Fatalf("got message %d, want %d", got, i)
		}
	}
	w.want("a:last")
	w.text(t, "end")
	w.want("4end")
}

// Control messages keep their order, are not dropped, and take no room from other
// messages.
func TestControl(t *testing.T) {
	t.Parallel()
	for overflow, want := range map[engine.Overflow]string{
		engine.Refuse:     "41\x1e4c1\x1e42\x1e4c2",
		engine.DropNewest: "41\x1e4c1\x1e42\x1e4c2",
		engine.DropOldest: "4c1\x1e44\x1e4c2\x1e45",
	} {
		h := start(t, &engine.ServerOptions{Overflow: overflow, OutboxMessages: 2})
		p := h.poll()
		send := func(text string, flags engine.Flags) {
			t.Helper()
			err := p.Send(engine.NewTextMessage([]byte(text)), flags)
			if refused := overflow == engine.Refuse && text > "2" && flags == 0; (err != nil) != refused {
				t.Errorf("policy %d, message %s: %v, want an error: %v", overflow, text, err, refused)
			}
		}
		send("1", 0)
		send("c1", engine.Control)
		send("2", 0)
		send("3", 0)
		send("4", 0)
		send("c2", engine.Control)
		send("5", 0)
		p.want(want)
	}
}

// A client for which too many control messages are queued is disconnected under any
// policy.
func TestTooManyControlMessages(t *testing.T) {
	t.Parallel()
	limits := map[string]engine.ServerOptions{
		"messages": {OutboxMessages: 10},
		"bytes":    {OutboxBytes: 10 * 102},
	}
	m := engine.NewTextMessage(make([]byte, 99)) // 102 bytes with its type and framing
	for name, opts := range limits {
		for _, opts.Overflow = range []engine.Overflow{engine.Disconnect, engine.DropOldest, engine.DropNewest, engine.Refuse} {
			t.Run(fmt.Sprint(name, "/", opts.Overflow), func(t *testing.T) {
				h := start(t, &opts)
				p := h.poll()
				p.text(t, "x")
				for i := range 10 {
					if err := p.Send(m, engine.Control); err != nil {
						t.Fatalf("message %d: %v", i, err)
					}
				}
				if err := p.Send(m, engine.Control); !errors.Is(err, engine.ErrOutboxFull) {
					t.Errorf("got error %v, want %v", err, engine.ErrOutboxFull)
				}
				if err := p.wantClose(t, engine.TransportError); !errors.Is(err, engine.ErrOutboxFull) {
					t.Errorf("got cause %v, want %v", err, engine.ErrOutboxFull)
				}
				if n := p.Buffered(); n != 0 {
					t.Errorf("%d bytes are buffered after the end, want 0", n)
				}
			})
		}
	}
}
