package client_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed96b07ef8/socketio/client"
)

// Flush returns when the server has read the events, or their connection has ended, or
// its context has.
func TestFlushWaitsForTheServer(t *testing.T) {
	t.Parallel()
	mine := errors.New("no time")
	for name, test := range map[string]struct {
		end   func(s *stalling, c *client.Socket, cancel context.CancelCauseFunc)
		check func(t *testing.T, err error)
	}{
		"read": {
			func(s *stalling, _ *client.Socket, _ context.CancelCauseFunc) { s.gate <- true },
			func(t *testing.T, err error) {
				if err != nil {
					t.Errorf("Flush: %v, want no error", err)
				}
			},
		},
		"lost": {
			func(_ *stalling, c *client.Socket, _ context.CancelCauseFunc) { c.Manager().Engine().Close() },
			func(t *testing.T, err error) {
				if e := errorAs[*client.LossError](t, err); e.Events != 1 {
					t.Errorf("Flush: %v, want one event", err)
				}
			},
		},
		"context": {
			func(_ *stalling, _ *client.Socket, cancel context.CancelCauseFunc) { cancel(mine) },
			func(t *testing.T, err error) {
				if !errors.Is(err, context.Canceled) || !errors.Is(err, mine) {
					t.Errorf("Flush: %v, want %v and %v", err, context.Canceled, mine)
				}
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStalling(t)
				c := connect(t, s.client(t))
				synctest.Wait()
				<-s.gate
				defer func() {
					select {
					case s.gate <- true:
					default:
					}
				}()
				if err := c.Emit("e"); err != nil {
					t.Fatal(err)
				}
				ctx, cancel := context.WithCancelCause(t.Context())
				defer cancel(nil)
				flushed := make(chan error, 1)
				go func() { flushed <- c.Flush(ctx) }()
				synctest.Wait()
				if len(flushed) > 0 {
					t.Fatalf("Flush has returned %v before the server has read, want it to wait", <-flushed)
				}
				test.end(s, c, cancel)
				test.check(t, <-flushed)
			})
		})
	}
}

// A question is not an event that Flush may lose, since its caller gets the error. Flush
// returns why the connection has ended then.
func TestFlushOfAQuestionThatIsLost(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStalling(t)
		c := connect(t, s.client(t))
		synctest.Wait()
		<-s.gate
		results := make(chan error, 2)
		go func() { results <- second(c.EmitWithAck(t.Context(), "question")) }()
		synctest.Wait()
		go func() { results <- c.Flush(t.Context()) }()
		synctest.Wait()
		c.Manager().Engine().Close()
		for range cap(results) {
			err := <-results
			errorAs[*client.DisconnectError](t, err)
			if loss := new(client.LossError); errors.As(err, &loss) {
				t.Errorf("got %v, want no loss", err)
			}
		}
		s.gate <- true
	})
}

// Shutdown returns when the server has read that the socket leaves, or its context has
// ended, whose error it returns once.
func TestShutdownWaitsForTheServer(t *testing.T) {
	t.Parallel()
	for name, shutdown := range map[string]func(c *client.Socket, ctx context.Context) error{
		"socket":  func(c *client.Socket, ctx context.Context) error { return c.Shutdown(ctx) },
		"manager": func(c *client.Socket, ctx context.Context) error { return c.Manager().Shutdown(ctx) },
	} {
		for _, read := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s/read %v", name, read), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s := newStalling(t)
					s.only = "41"
					root := s.client(t)
					c := root
					if name == "socket" { // which does not close the connection
						c = connect(t, root.Manager().Socket("/other", nil))
					}
					connect(t, root)
					synctest.Wait()
					<-s.gate
					ctx, cancel := context.WithCancel(t.Context())
					defer cancel()
					done := make(chan error, 1)
					go func() { done <- shutdown(c, ctx) }()
					synctest.Wait()
					if c.Active() || len(done) > 0 {
						t.Errorf("active %v, %d calls of Shutdown have returned, want neither", c.Active(), len(done))
					}
					if read {
						s.gate <- true
						if err := <-done; err != nil {
							t.Errorf("Shutdown: %v, want no error", err)
						}
						return
					}
					cancel()
					if err := <-done; !errors.Is(err, context.Canceled) || strings.Count(err.Error(), context.Canceled.Error()) != 1 {
						t.Errorf("Shutdown: %v, want %v once", err, context.Canceled)
					}
					s.gate <- true
				})
			})
		}
	}
}

// Shutdown whose context ends while the server does not read returns that once, however
// many sockets there are.
func TestShutdownWithoutTime(t *testing.T) {
	t.Parallel()
	for name, shutdown := range map[string]func(c *client.Socket, ctx context.Context) error{
		"socket":  func(c *client.Socket, ctx context.Context) error { return c.Shutdown(ctx) },
		"manager": func(c *client.Socket, ctx context.Context) error { return c.Manager().Shutdown(ctx) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStalling(t)
				root := connect(t, s.client(t))
				c := connect(t, root.Manager().Socket("/other", nil))
				s.stall(t, root)
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				err := shutdown(c, ctx)
				if !errors.Is(err, context.DeadlineExceeded) || strings.Count(err.Error(), context.DeadlineExceeded.Error()) != 1 {
					t.Errorf("Shutdown: %v, want %v once", err, context.DeadlineExceeded)
				}
				s.gate <- true
			})
		})
	}
}

// Shutdown of a manager returns what each of its sockets has lost. It does not mention
// sockets whose options are wrong, and none is needed.
func TestShutdownReturnsEachLoss(t *testing.T) {
	t.Parallel()
	m := client.NewManager("http://example.test", nowhere())
	m.Socket("/a,b", nil)
	names := []string{"/first", "/second"}
	for _, name := range names {
		if err := m.Socket(name, nil).Emit("e"); err != nil {
			t.Fatal(err)
		}
	}
	err := m.Shutdown(within(t))
	for _, name := range names {
		if err == nil || !strings.Contains(err.Error(), "flushing "+name+":") {
			t.Errorf("Shutdown: %v, want an error of %s", err, name)
		}
	}
	if err != nil && strings.Contains(err.Error(), "comma") {
		t.Errorf("Shutdown: %v, want nothing about the namespace that is not valid", err)
	}
	if err := client.NewManager("http://example.test", nowhere()).Shutdown(within(t)); err != nil {
		t.Errorf("Shutdown without a socket: %v, want no error", err)
	}
}
