package client_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed96b07ef8/socketio/client"
	"github.com/seed96b07ef8/socketio/engine"
)

// A socket does not connect after Connect has returned an error: when its caller gets
// the error, the attempt is over, however long the caller takes to look at it.
func TestFailedConnectIsOver(t *testing.T) {
	t.Parallel()
	failOnce := func(o *client.Options) {
		failed := false
		o.Auth = func(context.Context) (any, error) {
			if !failed {
				failed = true
				return nil, errors.New("no token yet")
			}
			return nil, nil
		}
	}
	grant := func(c *engine.Conn, message string) {
		if message == "0" {
			say(c, granted)
		}
	}
	for name, test := range map[string]struct {
		answer func(c *engine.Conn, message string)
		change func(o *client.Options)
	}{
		"dial": {grant, func(o *client.Options) {
			dial, failed := o.Engine.DialContext, false
			o.Engine.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
				if !failed {
					failed = true
					return nil, errNoRoute
				}
				return dial(ctx, network, addr)
			}
		}},
		"auth":                      {grant, failOnce},
		"lost before it has joined": {firstThen(func(c *engine.Conn, _ string) { c.Close() }, grant), func(*client.Options) {}},
		"no answer": {
			firstThen(func(c *engine.Conn, m string) { time.AfterFunc(6*time.Second, func() { grant(c, m) }) }, grant),
			func(o *client.Options) { o.ConnectTimeout = 5 * time.Second },
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFake(t, test.answer)
				c := overWebSocket.client(t, f.Server, "/", test.change)
				result, err := c.StartConnect()
				if err != nil {
					t.Fatal(err)
				}
				if err := <-result; err == nil {
					t.Fatal("connected")
				}
				if c.Active() {
					t.Error("the socket is active when Connect has its error")
				}
				time.Sleep(time.Minute)
				if c.Connected() || c.Manager().Connected() {
					t.Errorf("connected %v, the manager %v, after Connect has failed", c.Connected(), c.Manager().Connected())
				}
				connect(t, c) // later it may
			})
		})
	}
}

// firstThen answers the first message in one way, and the others in another.
func firstThen(first, others func(c *engine.Conn, message string)) func(c *engine.Conn, message string) {
	n := 0
	return func(c *engine.Conn, message string) {
		if n++; n == 1 {
			first(c, message)
		} else {
			others(c, message)
		}
	}
}

// So it is beside a socket that keeps the connection, and with the manager's Connect.
func TestFailedConnectIsOverForOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t, func(c *engine.Conn, message string) {
			switch message {
			case "0":
				say(c, granted)
			case "0/slow,":
				time.AfterFunc(6*time.Second, func() { say(c, "0/slow,"+granted[1:]) })
			}
		})
		c := overWebSocket.client(t, f.Server, "/", func(o *client.Options) { o.ConnectTimeout = 5 * time.Second })
		connect(t, c)
		slow := c.Manager().Socket("/slow", nil)
		result, err := slow.StartConnect()
		if err != nil {
			t.Fatal(err)
		}
		if err := <-result; !errors.Is(err, client.ErrConnectTimeout) || slow.Active() {
			t.Errorf("%v, active %v", err, slow.Active())
		}
		time.Sleep(time.Minute)
		if slow.Connected() || !c.Connected() {
			t.Errorf("the slow socket is connected %v, the other one %v", slow.Connected(), c.Connected())
		}

		o := overWebSocket.options(f.Server)
		dial, failed := o.Engine.DialContext, false
		o.Engine.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
			if !failed {
				failed = true
				return nil, errNoRoute
			}
			return dial(ctx, network, addr)
		}
		m := client.NewManager(f.URL, o)
		end(t, m)
		held, err := m.StartConnect()
		if err != nil {
			t.Fatal(err)
		}
		if err := <-held; !errors.Is(err, errNoRoute) {
			t.Error(err)
		}
		time.Sleep(time.Minute)
		if m.Connected() {
			t.Error("the manager connects after Connect has failed")
		}
	})
}

// A server that is away does not fill the inbox of a socket whose handler blocks, however
// long that lasts. The last error, after which the socket does not try again, is not left
// out.
func TestFailuresBehindABlockedHandler(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const attempts = 1000
		o := nowhere()
		o.ReconnectAttempts = attempts
		tried := 0
		o.Engine.DialContext = func(context.Context, string, string) (net.Conn, error) {
			tried++
			return nil, fmt.Errorf("attempt %d failed", tried)
		}
		c := client.New("http://example.test", o)
		release := make(chan bool)
		var errs list[error]
		c.OnConnectError(func(err error) {
			<-release
			errs.add(err)
		})
		if err := c.Open(); err != nil {
			t.Fatal(err)
		}
		most := 0
		for c.Active() {
			time.Sleep(time.Minute)
			most = max(most, client.Pending(c))
		}
		if most > attempts/10 {
			t.Errorf("%d errors waited, want fewer than the %d attempts by far", most, attempts)
		}
		close(release)
		synctest.Wait()
		want := fmt.Sprintf("attempt %d failed", attempts+1)
		if all := errs.get(); len(all) > attempts/10 || !strings.Contains(all[len(all)-1].Error(), want) {
			t.Errorf("the function was called %d times, the last time with %v, want the error %q", len(all), all[len(all)-1], want)
		}
	})
}
