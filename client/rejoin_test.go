package client_test

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/seed96b07ef8/socketio/client"
	"github.com/seed96b07ef8/socketio/engine"
)

// A socket that leaves its namespace and joins it again at once does not get the events
// that the server sent before it knew, nor are answers to them sent: on the next visit,
// their IDs are those of other questions. Events of the next visit that precede the
// answer to the request to join are its own.
func TestEventsOfAnEarlierVisit(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"while the request waits for the server", "while the request is made"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				hold := make(chan bool)
				joins := 0
				var answers list[string]
				f := newFake(t, func(c *engine.Conn, message string) {
					switch message {
					case "1":
						<-hold // so the server does not answer the ping before the request, either
					case "0":
						joins++
						if joins == 2 {
							say(c, `21["e","after"]`)
						}
						say(c, granted)
					default:
						answers.add(message)
					}
				})
				o := overWebSocket.options(f.Server)
				if name == "while the request is made" {
					o.Auth = func(context.Context) (any, error) {
						if joins > 0 {
							<-hold
						}
						return nil, nil
					}
				}
				m := client.NewManager(f.URL, o)
				end(t, m)
				if err := m.Connect(t.Context()); err != nil {
					t.Fatal(err)
				}
				c := m.Socket("/", nil)
				var got list[string]
				c.On("e", func(when string) error { got.add(when); return nil })
				connect(t, c)
				synctest.Wait()
				c.Disconnect()
				if err := c.Open(); err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				say(<-f.conns, `20["e","before"]`)
				synctest.Wait()
				close(hold)
				connect(t, c)
				synctest.Wait()
				if all := got.get(); !slices.Equal(all, []string{"after"}) {
					t.Errorf("events %q were handled, want that after the server let the socket in again", all)
				}
				if all := answers.get(); !slices.Equal(all, []string{"31[]"}) {
					t.Errorf("the server got %q, want one answer", all)
				}
			})
		})
	}
}
