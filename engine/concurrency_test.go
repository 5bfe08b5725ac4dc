package engine_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/seed96b07ef8/socketio/engine"
)

// Many goroutines send on one connection, over each transport: the messages of each
// arrive completely and in its order, and the parts of a message stay together.
func TestConcurrentSend(t *testing.T) {
	t.Parallel()
	const senders, each = 8, 300
	send := func(s *session) *sync.WaitGroup {
		var wg sync.WaitGroup
		for from := range senders {
			wg.Go(func() {
				for i := range each {
					head := fmt.Appendf(nil, "%d %d", from, i)
					m := engine.NewTextMessage(head, head)
					switch i % 50 {
					case 0:
						s.Cork()
					case 10:
						s.Uncork()
					case 20:
						m = engine.NewTextMessage(head, head, make([]byte, 50_000))
					}
					flags := engine.Flags(0)
					if i%3 > 0 {
						flags = engine.Lazy
					}
					var err error
					if i%7 == 0 {
						attachments := [][]byte{head}
						if i%50 == 20 {
							attachments = append(attachments, make([]byte, 50_000))
						}
						err = s.SendText(head, attachments, flags)
					} else {
						err = s.Send(m, flags)
					}
					if err != nil {
						t.Errorf("Send: %v", err)
						return
					}
				}
				s.Uncork()
			})
		}
		return &wg
	}
	// check takes the packets as they arrive, and returns true after the last.
	check := func(t *testing.T) func(packet string) bool {
		var next [senders]int
		head, count := "", 0
		return func(packet string) bool {
			t.Helper()
			var from, i int
			switch {
			case packet == "6" || len(packet) > 50_000:
				return false
			case head != "":
				if packet != head {
					t.Fatalf("message %q was torn apart by %.50q", head, packet)
				}
				head = ""
				count++
				return count == senders*each
			}
			if _, err := fmt.Sscanf(packet, "4%d %d", &from, &i); err != nil {
				t.Fatalf("got packet %.50q", packet)
			}
			if i != next[from] {
				t.Fatalf("message %d of sender %d, want %d", i, from, next[from])
			}
			next[from]++
			head = binaryMark + packet[1:]
			return false
		}
	}
	t.Run("websocket", func(t *testing.T) {
		h := start(t, nil)
		w := h.websocket()
		wg := send(w.session)
		for take := check(t); !take(w.read()); {
		}
		wg.Wait()
	})
	t.Run("polling", func(t *testing.T) {
		h := start(t, &engine.ServerOptions{OutboxBytes: 64 << 20})
		p := h.poll()
		wg := send(p.session)
		take := check(t)
		for done := false; !done; {
			for packet := range strings.SplitSeq(p.get().body, "\x1e") {
				done = take(decodePacket(t, packet)) || done
			}
		}
		wg.Wait()
	})
	t.Run("wrapped connection", func(t *testing.T) {
		h := newHarness(t, nil)
		serveWrapped(t, h)
		w := h.websocket()
		wg := send(w.session)
		for take := check(t); !take(w.read()); {
		}
		wg.Wait()
	})
}

// Closing a connection from many goroutines at once calls OnClose once.
func TestConcurrentClose(t *testing.T) {
	t.Parallel()
	h := start(t, nil)
	for i := range 100 {
		var s *session
		var end func()
		switch i % 3 {
		case 0:
			w := h.websocket()
			s, end = w.session, func() { w.nc.Close() }
		case 1:
			p := h.poll()
			s, end = p.session, func() { p.drop() }
		case 2:
			p := h.poll()
			w := p.probe()
			s, end = p.session, func() { w.send("5"); w.nc.Close() }
		}
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(s.Close)
			wg.Go(func() { _ = s.Send(engine.NewTextMessage([]byte("x")), 0) })
		}
		wg.Go(end)
		wg.Wait()
		receive(t, s.closed, "the end")
		if len(s.closed) != 0 {
			t.Fatal("OnClose was called twice")
		}
		if s.Transport() == engine.Polling {
			_, _ = h.try("GET", "EIO=4&transport=polling&sid="+s.ID(), "")
		}
	}
	waitFor(t, "the sessions to go", func() bool { return h.Len() == 0 })
}
