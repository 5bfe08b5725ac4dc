package client_test

import (
	"slices"
	"testing"
	"testing/synctest"

	"github.com/seed96b07ef8/socketio/client"
	"github.com/seed96b07ef8/socketio/engine"
)

// A DISCONNECT of the server that crosses the client's is about the visit that has ended:
// it is not the answer to the next request to join. An answer to that request is one.
func TestDisconnectsCross(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		answer string // to the second request to join
		want   []string
		active bool
	}{
		"admitted":     {granted, []string{"connect", "disconnect io client disconnect", "connect"}, true},
		"refused":      {`4{"message":"full"}`, []string{"connect", "disconnect io client disconnect", "refused full"}, false},
		"disconnected": {"", []string{"connect", "disconnect io client disconnect", "connect", "disconnect io server disconnect"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				joins := 0
				f := newFake(t, func(c *engine.Conn, message string) {
					switch {
					case message == "1":
						say(c, "1") // it was sent before the client's was read
					case message != "0":
					case joins > 0 && test.answer != "":
						say(c, test.answer)
					case joins > 0:
						say(c, granted, "1")
					default:
						joins++
						say(c, granted)
					}
				})
				m := client.NewManager(f.URL, overWebSocket.options(f.Server))
				end(t, m)
				if err := m.Connect(t.Context()); err != nil {
					t.Fatal(err)
				}
				c := m.Socket("/", nil)
				var got list[string]
				c.OnConnect(func() { got.add("connect") })
				c.OnConnectError(func(err error) { got.add("refused " + err.Error()) })
				c.OnDisconnect(func(r client.Reason, _ error) { got.add("disconnect " + string(r)) })
				connect(t, c)
				synctest.Wait()
				c.Disconnect()
				if err := c.Open(); err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				if all := got.get(); !slices.Equal(all, test.want) {
					t.Errorf("got %q, want %q", all, test.want)
				}
				if c.Active() != test.active {
					t.Errorf("active %v, want %v", c.Active(), test.active)
				}
			})
		})
	}
}

// Once the server has let a socket in again, a DISCONNECT in answer to a further request to
// join is about that request: nothing crosses it any more.
func TestDisconnectAnswersALaterRequest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		joins := 0
		f := newFake(t, func(c *engine.Conn, message string) {
			if message != "0" {
				return
			}
			switch joins++; joins {
			case 1:
				say(c, granted)
			case 2:
				say(c, granted, "1")
			case 3:
				say(c, "1")
			}
		})
		m := client.NewManager(f.URL, overWebSocket.options(f.Server))
		end(t, m)
		if err := m.Connect(t.Context()); err != nil {
			t.Fatal(err)
		}
		c := m.Socket("/", nil)
		connect(t, c)
		c.Disconnect()
		connect(t, c)
		synctest.Wait()
		if c.Active() {
			t.Fatal("the socket is active after the server has disconnected it")
		}
		err := c.Connect(within(t))
		if reason := errorAs[*client.DisconnectError](t, err).Reason; reason != client.ServerDisconnect || joins != 3 {
			t.Errorf("after %d requests to join: %v, want 3, and the reason %q", joins, err, client.ServerDisconnect)
		}
	})
}
