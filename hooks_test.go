package socketio_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed96b07ef8/socketio"
	"github.com/seed96b07ef8/socketio/engine"
	"github.com/seed96b07ef8/socketio/internal/wiretest"
	"github.com/seed96b07ef8/socketio/socketiotest"
)

func TestHooks(t *testing.T) {
	t.Parallel()
	for _, recovery := range []*socketio.Recovery{nil, {}} {
		t.Run(fmt.Sprintf("recovery=%v", recovery != nil), func(t *testing.T) {
			var mu sync.Mutex
			var got []string
			note := func(format string, args ...any) {
				mu.Lock()
				defer mu.Unlock()
				got = append(got, fmt.Sprintf(format, args...))
			}
			var io *socketio.Server
			io, url, _ := newServer(t, &socketio.Options{Recovery: recovery, Hooks: &socketio.Hooks{
				Connected:     func(*socketio.Socket) { note("connected") },
				Disconnected:  func(_ *socketio.Socket, r socketio.Reason) { note("disconnected: %s", r) },
				Refused:       func(nsp string, err error) { note("refused: %s %v", nsp, err) },
				EventReceived: func(_ *socketio.Socket, event string, n, ahead int) { note("received %s %d %d", event, n, ahead) },
				EventHandled: func(_ *socketio.Socket, event string, waited, took time.Duration) {
					note("handled %s %v", event, waited >= 0 && took >= 0)
				},
				// A hook may use the server, which would not do under a lock.
				EventSent:   func(_ *socketio.Socket, event string, n int) { note("sent %s %v %d", event, n > 0, len(io.Sockets())) },
				AckReceived: func(_ *socketio.Socket, n int) { note("ack received %d", n) },
				AckSent:     func(_ *socketio.Socket, n int) { note("ack sent %d", n) },
			}})
			io.On("e", func(s *socketio.Socket) (string, error) {
				emit(t, s.Emit("own"))
				emit(t, io.Emit("all"))
				return "x", nil
			})
			answered := make(chan struct{})
			io.On("ask", func(s *socketio.Socket) {
				if _, err := s.EmitWithAck(s.Context(), "q"); err != nil {
					t.Error(err)
				}
				close(answered)
			})
			c, _ := wiretest.Join(t, url, "websocket", "/")
			c.Send(`40/nowhere,`)
			c.Read()
			c.Send(`421["e"]`)
			for range 3 {
				c.Read()
			}
			if s := io.Stats(); s.Sockets != 1 || s.Connections != 1 || s.Namespaces != 1 || s.BufferedBytes != 0 || s.PendingAcks != 0 {
				t.Errorf("stats %+v", s)
			}
			c.Send(`42["ask"]`)
			id := ackID(t, c.Read(), `["q"]`)
			if s := io.Stats(); s.PendingAcks != 1 {
				t.Errorf("stats %+v", s)
			}
			c.Send(`43` + id + `[]`)
			receive(t, answered, "the answer")
			c.Send(`41`)
			want := []string{
				"connected", "refused: /nowhere Invalid namespace",
				"received e 7 0", "sent own true 1", "sent all true 1", "ack sent 10", "handled e true",
				"received ask 8 0", "sent q true 1", "ack received 4", "handled ask true",
				"disconnected: client namespace disconnect",
			}
			waitFor(t, "all hooks", func() bool {
				mu.Lock()
				defer mu.Unlock()
				return len(got) >= len(want)
			})
			mu.Lock()
			defer mu.Unlock()
			slices.Sort(got)
			if slices.Sort(want); !slices.Equal(got, want) {
				t.Errorf("hooks:\n%q, want\n%q", got, want)
			}
		})
	}
}

func TestDroppedHook(t *testing.T) {
	t.Parallel()
	for _, overflow := range []engine.Overflow{engine.Disconnect, engine.DropNewest} {
		t.Run(fmt.Sprint(overflow), func(t *testing.T) {
			dropped := make(chan int, 100)
			var io *socketio.Server
			io, url, _ := newServer(t, &socketio.Options{
				Engine: engine.ServerOptions{OutboxMessages: 3, Overflow: overflow},
				Hooks: &socketio.Hooks{Dropped: func(c *engine.Conn, n int) {
					io.Sockets() // would not do under a lock
					if c.Transport() != engine.Polling {
						t.Error("another connection")
					}
					dropped <- n
				}},
			})
			polling := newIdlePolling(t, url)
			polling.post("40")
			waitFor(t, "the socket", func() bool { return len(io.Sockets()) == 1 && io.Sockets()[0].Buffered() > 0 })
			sum := func(want int) {
				t.Helper()
				for got := 0; got != want; {
					if got += receive(t, dropped, "dropped messages"); got > want {
						t.Fatalf("%d messages were dropped, want %d", got, want)
					}
				}
			}
			emit(t, io.Volatile().Emit("volatile"))
			emit(t, io.Volatile().Emit("volatile"))
			sum(2)
			for range 4 {
				emit(t, io.Emit("regular")) // three of them fit
			}
			sum(1)
			if n := io.Stats().Dropped; n != 3 {
				t.Errorf("the statistics say %d", n)
			}
		})
	}
}

// idlePolling is a client on polling that does not poll.
type idlePolling struct {
	t   *testing.T
	url string
}

func newIdlePolling(t *testing.T, url string) idlePolling {
	t.Helper()
	p := idlePolling{t, url + "/socket.io/?EIO=4&transport=polling"}
	var open struct{ SID string }
	if answer := p.do(http.Get(p.url)); json.Unmarshal([]byte(answer[1:]), &open) != nil {
		t.Fatalf("the handshake was answered %q", answer)
	}
	p.url += "&sid=" + open.SID
	t.Cleanup(func() { // so that the server need not wait for a poll
		if resp, err := http.Post(p.url, "text/plain", strings.NewReader("1")); err == nil {
			resp.Body.Close()
		}
	})
	return p
}

func (p idlePolling) post(packets string) {
	p.t.Helper()
	if answer := p.do(http.Post(p.url, "text/plain", strings.NewReader(packets))); answer != "ok" {
		p.t.Fatalf("%q was answered %q", packets, answer)
	}
}

func (p idlePolling) do(resp *http.Response, err error) string {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return string(body)
}

// An event is reported as received before it is reported as handled, also if a handler
// is at work when it arrives.
func TestReceivedBeforeHandled(t *testing.T) {
	t.Parallel()
	var received, early atomic.Int64
	const n = 2000
	done := make(chan struct{})
	io := socketiotest.NewServer(t, &socketio.Options{Hooks: &socketio.Hooks{
		EventReceived: func(*socketio.Socket, string, int, int) {
			runtime.Gosched()
			received.Add(1)
		},
	}})
	handled := int64(0)
	io.On("event", func() {
		handled++
		if received.Load() < handled {
			early.Add(1)
		}
		if handled == n {
			close(done)
		}
	})
	c := socketiotest.Connect(t, io, nil)
	for range n {
		c.Emit("event")
	}
	receive(t, done, "the last event")
	if early.Load() > 0 {
		t.Errorf("%d of %d events were handled before they were received", early.Load(), n)
	}
}
