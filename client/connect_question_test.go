package client_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed96b07ef8/socketio/client"
	"github.com/seed96b07ef8/socketio/engine"
)

// A question that was asked before Connect waits for the next call when one fails: because
// the server cannot be reached or closes the connection, Auth fails, or the context has
// ended.
func TestQuestionWaitsForTheNextConnect(t *testing.T) {
	t.Parallel()
	plain := func(c *client.Socket, _ func(int)) error { return c.Connect(context.Background()) }
	for name, connectInVain := range map[string]func(c *client.Socket, fail func(int)) error{
		"lost":                   plain,
		"lost, no more is tried": plain,
		"no credentials":         plain,
		"no route": func(c *client.Socket, fail func(int)) error {
			fail(1)
			return c.Connect(context.Background())
		},
		"no time": func(c *client.Socket, _ func(int)) error {
			ctx, cancel := context.WithCancel(context.Background())
			cancel()
			return c.Connect(ctx)
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				closes := strings.HasPrefix(name, "lost")
				f := newFake(t, func(c *engine.Conn, message string) {
					switch {
					case message != "0":
						say(c, "30[]")
					case closes:
						closes = false
						c.Close()
					default:
						say(c, granted)
					}
				})
				o := patient(f)
				o.NoReconnect = name != "lost"
				if unknown := true; name == "no credentials" {
					o.Auth = func(context.Context) (any, error) {
						if unknown {
							unknown = false
							return nil, errors.New("unknown")
						}
						return nil, nil
					}
				}
				fail := failing(o)
				c := client.New(f.URL, o)
				end(t, c.Manager())
				answered := make(chan error, 1)
				go func() { answered <- second(c.EmitWithAck(t.Context(), "question")) }()
				synctest.Wait()
				if err := connectInVain(c, fail); err == nil {
					t.Fatal("Connect returned no error")
				}
				time.Sleep(time.Hour)
				if len(answered) > 0 {
					t.Fatalf("EmitWithAck has returned %v, want it to wait", <-answered)
				}
				connect(t, c)
				if err := <-answered; err != nil {
					t.Errorf("EmitWithAck: %v, want no error", err)
				}
			})
		})
	}
}
