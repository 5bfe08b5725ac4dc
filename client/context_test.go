package client_test

import (
	"context"
	"errors"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed96b07ef8/socketio"
	"github.com/seed96b07ef8/socketio/client"
	"github.com/seed96b07ef8/socketio/engine"
)

// Whatever waits for ctx returns an error that matches ctx's and its cause.
func TestErrorsOfContexts(t *testing.T) {
	t.Parallel()
	mine := errors.New("shutting down")
	dial := func(ctx context.Context) error {
		_, err := engine.Dial(ctx, "http://example.test", &nothing().Engine, nil)
		return err
	}
	transport := func(transport engine.Transport) func(ctx context.Context) error {
		return func(ctx context.Context) error {
			o := nothing().Engine
			o.Transports = []engine.Transport{transport}
			_, err := engine.Dial(ctx, "http://example.test", &o, nil)
			return err
		}
	}
	for name, call := range map[string]func(ctx context.Context) error{
		"Dial":                dial,
		"Dial over polling":   transport(engine.Polling),
		"Dial over WebSocket": transport(engine.WebSocket),
		"Socket.Connect": func(ctx context.Context) error {
			return client.New("http://example.test", nothing()).Connect(ctx)
		},
		"Manager.Connect": func(ctx context.Context) error {
			return client.NewManager("http://example.test", nothing()).Connect(ctx)
		},
		"EmitWithAck": func(ctx context.Context) error {
			_, err := client.New("http://example.test", nothing()).EmitWithAck(ctx, "e")
			return err
		},
		"EmitWithAck with Retries": func(ctx context.Context) error {
			o := nothing()
			o.Retries = 3
			_, err := client.New("http://example.test", o).EmitWithAck(ctx, "e")
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				canceled, cancel := context.WithCancelCause(t.Context())
				time.AfterFunc(time.Millisecond, func() { cancel(mine) })
				expired, stop := context.WithTimeoutCause(t.Context(), time.Millisecond, mine)
				defer stop()
				for ctx, want := range map[context.Context]error{canceled: context.Canceled, expired: context.DeadlineExceeded} {
					if err := call(ctx); !errors.Is(err, want) || !errors.Is(err, mine) || errors.Is(err, client.ErrConnectTimeout) {
						t.Errorf("%v, want %v and the cause", err, want)
					}
					if err := call(ctx); !errors.Is(err, want) || !errors.Is(err, mine) {
						t.Errorf("%v when the context has ended, want %v and the cause", err, want)
					}
				}
				synctest.Wait()
			})
		})
	}
}

// A question whose context has ended is not sent.
func TestNothingIsSentForAContextThatHasEnded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv, c := bubble(t, nil, nil)
		events := make(chan string, 10)
		srv.OnConnect(func(s *socketio.Socket) { s.OnAny(func(event string, _ socketio.Args) { events <- event }) })
		outgoing := make(chan string, 10)
		c.OnAnyOutgoing(func(event string, _ []any) { outgoing <- event })
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		for range 2 { // before it is connected, and when it is
			if _, err := c.EmitWithAck(ctx, "late"); !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
			if n, _, acks := c.Waiting(); n != 0 || acks != 0 {
				t.Errorf("%d events and %d acknowledgements are waited for", n, acks)
			}
			connect(t, c)
		}
		_ = c.Emit("next")
		synctest.Wait()
		if event := <-events; event != "next" || len(events) > 0 {
			t.Errorf("the server got %q", event)
		}
		if event := <-outgoing; event != "next" {
			t.Errorf("OnAnyOutgoing got %q", event)
		}
	})
}

// A question that was not sent ends when its socket is disconnected for good.
func TestQuestionsEndWithTheSocketsActivity(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(o *client.Options)
		end    func(t *testing.T, c *client.Socket)
	}{
		"Disconnect": {nil, func(t *testing.T, c *client.Socket) {
			_ = c.Open()
			synctest.Wait()
			c.Disconnect()
		}},
		"Disconnect of a socket that was not active": {nil, func(_ *testing.T, c *client.Socket) { c.Disconnect() }},
		"Close": {nil, func(_ *testing.T, c *client.Socket) { c.Manager().Close() }},
		"gave up": {func(o *client.Options) { o.ReconnectAttempts = 2 }, func(t *testing.T, c *client.Socket) {
			_ = c.Open()
			time.Sleep(time.Minute)
		}},
		"retries": {func(o *client.Options) { o.Retries = 3 }, func(t *testing.T, c *client.Socket) {
			_ = c.Open()
			synctest.Wait()
			c.Disconnect()
		}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := nothing()
				if test.change != nil {
					test.change(o)
				}
				c := client.New("http://example.test", o)
				defer c.Manager().Close()
				result := make(chan error, 1)
				go func() {
					_, err := c.EmitWithAck(context.Background(), "question")
					result <- err
				}()
				synctest.Wait()
				if err := c.Emit("news"); err != nil {
					t.Fatal(err)
				}
				test.end(t, c)
				synctest.Wait()
				select {
				case err := <-result:
					errorAs[*client.DisconnectError](t, err)
					if !errors.Is(err, net.ErrClosed) {
						t.Error(err)
					}
				default:
					t.Fatal("EmitWithAck waits")
				}
				messages, bytes, acks := c.Waiting()
				if news := name != "Close"; (messages == 1) != news || (bytes > 0) != news || acks != 0 {
					t.Errorf("%d messages, %d bytes and %d acknowledgements wait", messages, bytes, acks)
				}
			})
		})
	}
}

// A refusal and the server's disconnection end the questions, too; an attempt of
// Connect that has failed does not.
func TestQuestionsEndWithTheRefusal(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv, c := bubble(t, nil, nil)
		refuse := true
		srv.Use(func(context.Context, *socketio.Socket) error {
			if refuse {
				return errors.New("not now")
			}
			return nil
		})
		ask := func() <-chan error {
			result := make(chan error, 1)
			go func() {
				_, err := c.EmitWithAck(context.Background(), "question")
				result <- err
			}()
			synctest.Wait()
			return result
		}
		result := ask()
		if err := c.Connect(t.Context()); err == nil {
			t.Fatal("connected")
		}
		if err := <-result; errorAs[*client.ConnectError](t, err).Message != "not now" {
			t.Error(err)
		}
		refuse = false
		connect(t, c)
		synctest.Wait()
		result = ask() // which is sent
		srv.Socket(c.ID()).Disconnect()
		if err := <-result; errorAs[*client.DisconnectError](t, err).Reason != client.ServerDisconnect {
			t.Error(err)
		}

		// Callers of Connect may try again.
		c = client.New("http://example.test", nowhere())
		result = ask()
		if err := c.Connect(t.Context()); !errors.Is(err, errNoRoute) {
			t.Fatal(err)
		}
		synctest.Wait()
		if len(result) > 0 {
			t.Errorf("EmitWithAck returned %v", <-result)
		}
		c.Manager().Close()
	})
}
