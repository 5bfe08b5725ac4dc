package socketio_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/seed96b07ef8/socketio"
	"github.com/seed96b07ef8/socketio/internal/wiretest"
)

func TestHooks(t *testing.T) {
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
				AckReceived: func(*socketio.Socket) { note("ack received") },
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
				"received ask 8 0", "sent q true 1", "ack received", "handled ask true",
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
