package peer_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strings"
	"testing"

	"github.com/seed96b07ef8/socketio"
	"github.com/seed96b07ef8/socketio/client"
	"github.com/seed96b07ef8/socketio/event"
	"github.com/seed96b07ef8/socketio/internal/leakcheck"
	"github.com/seed96b07ef8/socketio/internal/wiretest"
	"github.com/seed96b07ef8/socketio/peer"
)

func TestMain(m *testing.M) { os.Exit(leakcheck.Main(m)) }

// The types of both ends are the same.
var (
	_ = []*peer.ConnectError{(*socketio.ConnectError)(nil), (*client.ConnectError)(nil)}
	_ = []*peer.DisconnectError{(*socketio.DisconnectError)(nil), (*client.DisconnectError)(nil)}
	_ = []*peer.LimitError{(*socketio.LimitError)(nil), (*client.LimitError)(nil)}
	_ = []*peer.EventError{(*socketio.EventError)(nil), (*client.EventError)(nil)}
	_ = []*peer.PanicError{(*socketio.PanicError)(nil), (*client.PanicError)(nil)}
	_ = []*peer.AckError{(*socketio.AckError)(nil), (*client.AckError)(nil)}
	_ = []*peer.AnswerError{(*socketio.AnswerError)(nil), (*client.AnswerError)(nil)}
	_ = []peer.Reason{socketio.PingTimeout, client.PingTimeout}
	_ = []peer.Caller{(*socketio.Socket)(nil), socketio.Emitter{}, socketio.RemoteSocket{}, (*client.Socket)(nil), client.Emitter{}}
)

var total = event.NewCall[event.None, int]("total")

// pair returns the two ends of a connection, which answer "total" with answer.
func pair(t *testing.T, answer func(ctx context.Context) error) (server *socketio.Socket, c *client.Socket) {
	t.Helper()
	io := socketio.NewServer(&socketio.Options{Logger: slog.New(slog.DiscardHandler)})
	t.Cleanup(func() {
		if err := io.Shutdown(context.WithoutCancel(t.Context())); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
	})
	connected := make(chan *socketio.Socket, 1)
	io.OnConnect(func(s *socketio.Socket) { connected <- s })
	io.On("total", answer)
	c = client.New(wiretest.Serve(t, io), nil)
	t.Cleanup(func() { c.Manager().Close() })
	c.On("total", answer)
	if err := c.Connect(within(t)); err != nil {
		t.Fatal(err)
	}
	return <-connected, c
}

func within(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), wiretest.Timeout)
	t.Cleanup(cancel)
	return ctx
}

// Code over event.Call, or peer.Call, is the same for both ends.
func TestErrorsOfACall(t *testing.T) {
	t.Parallel()
	calls := map[string]func(ctx context.Context, c peer.Caller) (int, error){
		"event.Call":    func(ctx context.Context, c peer.Caller) (int, error) { return total.Call(ctx, c, event.None{}) },
		"peer.Call":     func(ctx context.Context, c peer.Caller) (int, error) { return peer.Call[int](ctx, c, "total") },
		"socketio.Call": func(ctx context.Context, c peer.Caller) (int, error) { return socketio.Call[int](ctx, c, "total") },
		"client.Call":   func(ctx context.Context, c peer.Caller) (int, error) { return client.Call[int](ctx, c, "total") },
	}
	for name, call := range calls {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, c := pair(t, func(context.Context) error { return &peer.AckError{Args: []any{"no total today"}} })
			for _, end := range []peer.Caller{s, c} {
				_, err := call(within(t), end)
				answer, ok := errors.AsType[*peer.AnswerError](err)
				if !ok || answer.Event != "total" || answer.Args.String() != `["no total today"]` {
					t.Errorf("a %T got %v, want an AnswerError", end, err)
				}
				if arg, ok := errors.AsType[*socketio.ArgError](err); !ok || arg.Index != 0 {
					t.Errorf("a %T got %v, want an ArgError in it", end, err)
				}
			}
		})
		t.Run(name+" cut short", func(t *testing.T) {
			t.Parallel()
			asked := make(chan bool, 2)
			s, c := pair(t, func(ctx context.Context) error {
				asked <- true
				<-ctx.Done() // without an answer
				return context.Cause(ctx)
			})
			errs := make(chan error, 2)
			for _, end := range []peer.Caller{s, c} {
				go func() {
					_, err := call(within(t), end)
					errs <- err
				}()
			}
			<-asked
			<-asked
			s.Disconnect()
			for range 2 {
				err := <-errs
				if gone, ok := errors.AsType[*peer.DisconnectError](err); !ok || gone.Reason == "" || !errors.Is(err, net.ErrClosed) {
					t.Errorf("got %v, want a DisconnectError", err)
				}
			}
		})
	}
}

func TestReservedNamesAtBothEnds(t *testing.T) {
	t.Parallel()
	s, c := pair(t, func(context.Context) error { return nil })
	for _, end := range []event.Emitter{s, c} {
		if err := end.Emit("connect"); !errors.Is(err, peer.ErrReservedEvent) {
			t.Errorf("Emit of a %T returned %v, want ErrReservedEvent", end, err)
		}
	}
	if err := context.Cause(client.New("http://localhost:1", nil).Context()); !errors.Is(err, client.ErrNotConnected) || !errors.Is(err, net.ErrClosed) {
		t.Errorf("the context of a socket that was not connected ended with %v, want ErrNotConnected", err)
	}
}

// Middleware may return what another server has refused its client with.
func TestConnectErrorIsPassedOn(t *testing.T) {
	t.Parallel()
	refuse := func(err error) *client.Socket {
		io := socketio.NewServer(nil)
		t.Cleanup(func() { _ = io.Shutdown(context.WithoutCancel(t.Context())) })
		io.Use(func(context.Context, *socketio.Socket) error { return fmt.Errorf("checking: %w", err) })
		c := client.New(wiretest.Serve(t, io), nil)
		t.Cleanup(func() { c.Manager().Close() })
		return c
	}
	message := "no " + strings.Repeat("x", 300)
	first := refuse(&peer.ConnectError{Message: message, Data: map[string]int{"code": 7}}).Connect(within(t))
	second := refuse(first).Connect(within(t))
	for i, err := range []error{first, second} {
		refusal, ok := errors.AsType[*peer.ConnectError](err)
		if !ok {
			t.Fatalf("refusal %d is %v, want a ConnectError", i, err)
		}
		var data struct{ Code int }
		if err := refusal.DecodeData(&data); err != nil || data.Code != 7 || refusal.Message != message {
			t.Errorf("refusal %d is %.20q with %+v, %v; want the message with code 7", i, refusal.Message, data, err)
		}
	}
}

func TestDecodeDataOfOnesOwn(t *testing.T) {
	t.Parallel()
	n := 5
	if err := (&peer.ConnectError{}).DecodeData(&n); err != nil || n != 5 {
		t.Errorf("no data decoded to %d, %v; want 5, as it was", n, err)
	}
	if err := (&peer.ConnectError{Data: 7}).DecodeData(&n); err != nil || n != 7 {
		t.Errorf("the data decoded to %d, %v; want 7", n, err)
	}
	if err := (&peer.ConnectError{Data: make(chan int)}).DecodeData(&n); err == nil {
		t.Error("a channel was decoded")
	}
}

func TestTexts(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 5000)
	for err, want := range map[error]string{
		&peer.DisconnectError{Reason: "transport close"}:                                "socketio: socket disconnected: transport close",
		&peer.DisconnectError{Reason: "parse error", Err: errors.New("engine: a\nb")}:   "socketio: socket disconnected: parse error: a; b",
		&peer.DisconnectError{Err: fmt.Errorf("%w yet", peer.ErrNotConnected)}:          "socketio: socket is not connected yet",
		&peer.LimitError{Option: "MaxRooms", Max: 3}:                                    "socketio: MaxRooms exceeded: at most 3 are allowed",
		&peer.LimitError{Option: "BufferBytes", Max: 3, Size: 5}:                        "socketio: BufferBytes exceeded: at most 3 are allowed, and the event has 5",
		&peer.EventError{Event: "e", Namespace: "/chat", Err: errors.New("client: no")}: `socketio: event "e" of /chat: no`,
		&peer.PanicError{Value: "x"}:                                                    "panic: x",
		&peer.AckError{Args: []any{1, "x"}}:                                             "acknowledgement: [1 x]",
	} {
		if got := err.Error(); got != want {
			t.Errorf("a %T is %q, want %q", err, got, want)
		}
	}
	for _, err := range []error{
		&peer.ConnectError{Message: long}, &peer.PanicError{Value: long}, &peer.AckError{Args: []any{long}}, &peer.EventError{Event: long, Namespace: long, Err: errors.New("x")},
	} {
		if n := len(err.Error()); n > 1100 {
			t.Errorf("the text of a %T has %d bytes", err, n)
		}
	}
}
