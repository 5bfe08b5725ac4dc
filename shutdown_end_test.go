package socketio_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/seed96b07ef8/socketio"
	"github.com/seed96b07ef8/socketio/adapter"
	"github.com/seed96b07ef8/socketio/internal/wiretest"
)

// A socket that is disconnected for good while Shutdown waits for its handler gets its
// DISCONNECT before the connection ends, even if the adapter takes long to forget it:
// without, the client would reconnect.
func TestDisconnectDuringShutdown(t *testing.T) {
	t.Parallel()
	transports(t, func(t *testing.T, transport string) {
		t.Parallel()
		forgets := newDoor()
		io, url, _ := newServer(t, &socketio.Options{
			Recovery: &socketio.Recovery{},
			Adapter: adapter.Func(func(h adapter.Host) adapter.Adapter {
				return forgetful{adapter.NewRecovery(h, adapter.RecoveryOptions{}), forgets}
			}),
		})
		started, shutdown := make(chan struct{}), make(chan struct{})
		io.On("work", func(ctx context.Context) { close(started); <-ctx.Done() })
		io.OnShutdown(func() { close(shutdown) })
		c, _ := wiretest.Join(t, url, transport, "/")
		s := io.Sockets()[0]
		c.Send(`42["work"]`)
		receive(t, started, "the handler")
		done := make(chan error, 1)
		go func() { done <- io.Shutdown(deadline(t)) }()
		receive(t, shutdown, "the begin of Shutdown")
		disconnected := make(chan struct{})
		go func() { defer close(disconnected); s.Disconnect() }()
		receive(t, forgets.arrived, "the end of the session")
		c.Expect("41")
		c.ExpectClosed()
		close(forgets.open)
		receive(t, forgets.arrived, "the end of the socket")
		receive(t, disconnected, "the end of Disconnect")
		if err := receive(t, done, "the end of Shutdown"); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
	})
}

// A client whose last socket ends during Shutdown is let go at once, so that it finds another
// server, even if a handler of the socket still runs. That includes a client with a second
// namespace, whose socket Shutdown has ended without informing the client.
func TestShutdownLetsClientsGoThatLeave(t *testing.T) {
	t.Parallel()
	for name, leave := range map[string]func(c *wiretest.Client, s *socketio.Socket){
		"the client disconnects": func(c *wiretest.Client, _ *socketio.Socket) { c.Send("41") },
		"the server disconnects": func(c *wiretest.Client, s *socketio.Socket) { s.Disconnect(); c.Expect("41") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			transports(t, func(t *testing.T, transport string) {
				t.Parallel()
				io, url, _ := newServer(t, nil)
				other := io.Of("/other")
				started, release := make(chan struct{}), make(chan struct{})
				io.On("work", func() { close(started); <-release })
				c, _ := wiretest.Join(t, url, transport, "/")
				s := io.Sockets()[0]
				c.Join("/other")
				c.Send(`42["work"]`)
				receive(t, started, "the handler")
				done := make(chan error, 1)
				go func() { done <- io.Shutdown(deadline(t)) }()
				waitFor(t, "the end of the idle socket", func() bool { return len(other.Sockets()) == 0 })
				leave(c, s)
				c.ExpectClosed()
				if len(done) > 0 {
					t.Error("Shutdown has not waited for the handler")
				}
				close(release)
				if err := receive(t, done, "the end of Shutdown"); err != nil {
					t.Errorf("Shutdown: %v", err)
				}
			})
		})
	}
}

// A client that the adapter receives only after Shutdown has begun is connected and let go, like
// one that was connected before: it is neither refused nor left without an answer.
func TestShutdownWhileAClientIsAdmitted(t *testing.T) {
	t.Parallel()
	transports(t, func(t *testing.T, transport string) {
		t.Parallel()
		admits := newDoor()
		io, url, _ := newServer(t, &socketio.Options{Adapter: adapter.Func(func(h adapter.Host) adapter.Adapter {
			return hesitant{adapter.NewMemory(h), admits}
		})})
		shutdown := make(chan struct{})
		io.OnShutdown(func() { close(shutdown) })
		c := wiretest.Dial(t, url, transport)
		c.Send("40")
		receive(t, admits.arrived, "the socket")
		done := make(chan error, 1)
		go func() { done <- io.Shutdown(deadline(t)) }()
		receive(t, shutdown, "the begin of Shutdown")
		close(admits.open)
		if answer := c.Read(); !strings.HasPrefix(answer, "40{") {
			t.Errorf("the client has received %q, want that it is connected", answer)
		}
		c.ExpectClosed()
		if err := receive(t, done, "the end of Shutdown"); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
	})
}

// hesitant is an adapter that adds sockets when a door is open.
type hesitant struct {
	*adapter.Memory
	door door
}

func (a hesitant) Add(s adapter.Socket) {
	a.door.pass()
	a.Memory.Add(s)
}

// forgetful is an adapter whose sessions are forgotten when a door is open.
type forgetful struct {
	*adapter.Recovery
	door door
}

func (a forgetful) Forget(s adapter.Socket, pid string, restored *adapter.Session) {
	a.door.pass()
	a.Recovery.Forget(s, pid, restored)
}

// A handler that asks its client during Shutdown gets the answer, even if the inbox was full
// when Shutdown began and the reader waited for room.
func TestAnswersDuringShutdownWithAFullInbox(t *testing.T) {
	t.Parallel()
	transports(t, func(t *testing.T, transport string) {
		t.Parallel()
		io, url, _ := newServer(t, &socketio.Options{InboxEvents: 1})
		started, shutdown := make(chan struct{}), make(chan struct{})
		io.OnShutdown(func() { close(shutdown) })
		io.On("work", func(s *socketio.Socket) error {
			close(started)
			<-shutdown
			_, err := s.EmitWithAck(deadline(t), "question")
			return err
		})
		var handled atomic.Int32
		io.On("next", func() { handled.Add(1) })
		c, _ := wiretest.Join(t, url, transport, "/")
		s := io.Sockets()[0]
		c.Send(`421["work"]`)
		receive(t, started, "the handler")
		sent := make(chan struct{})
		go func() { // over polling, it takes until the reader continues
			defer close(sent)
			c.TrySend(`42["next"]`, `42["next"]`)
		}()
		waitFor(t, "a reader that waits for room", func() bool { return socketio.ReaderWaits(s) })
		done := make(chan error, 1)
		go func() { done <- io.Shutdown(deadline(t)) }()
		id := ackID(t, c.Read(), `["question"]`)
		receive(t, sent, "the end of the wait")
		c.Send("43" + id + "[]")
		c.Expect("431[]")
		c.ExpectClosed()
		if err := receive(t, done, "the end of Shutdown"); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
		if n := handled.Load(); n != 1 {
			t.Errorf("%d of the events in the inbox were handled, want the one that had arrived", n)
		}
	})
}

// An adapter whose Close does not return keeps no other from being closed.
func TestShutdownClosesEveryAdapter(t *testing.T) {
	t.Parallel()
	for how, fail := range notReturning {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			const namespaces = 8 // which are closed in any order
			var closed atomic.Int32
			io := socketio.NewServer(&socketio.Options{
				Logger: slog.New(slog.DiscardHandler),
				Adapter: adapter.Func(func(h adapter.Host) adapter.Adapter {
					return adapterThatFails{adapter.NewMemory(h), func() { closed.Add(1); fail() }}
				}),
			})
			for i := range namespaces - 1 { // and the main one
				io.Of(fmt.Sprintf("/%d", i))
			}
			var err error
			done := make(chan struct{})
			go func() {
				defer close(done)
				err = io.Shutdown(deadline(t))
			}()
			receive(t, done, "the end of Shutdown")
			if n := closed.Load(); n != namespaces {
				t.Errorf("%d adapters were closed, want %d", n, namespaces)
			}
			if how == "panics" && !errors.As(err, new(*socketio.PanicError)) {
				t.Errorf("Shutdown returned %v, want a *PanicError", err)
			}
		})
	}
}

// adapterThatFails is an adapter that calls a function when it is closed.
type adapterThatFails struct {
	*adapter.Memory
	closing func()
}

func (a adapterThatFails) Close() error {
	a.closing()
	return a.Memory.Close()
}
