package client_test

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed96b07ef8/socketio/client"
	"github.com/seed96b07ef8/socketio/engine"
)

// While a handler blocks, the functions for a connection that comes and goes are called
// for so many connections only, and for the last one. Those between are left out, each
// with its end.
func TestConnectionsThatNothingSaw(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const connections = 200
		n := 0
		f := newFake(t, func(c *engine.Conn, message string) {
			if message == "0" {
				n++
				say(c, fmt.Sprintf(`0{"sid":"%d"}`, n), `2["e"]`)
			}
		})
		c := overWebSocket.client(t, f.Server, "/", func(o *client.Options) { o.InboxEvents = connections + 1 })
		hold := make(chan bool)
		c.On("e", func() { <-hold })
		var called list[string]
		c.OnConnect(func() { called.add("connect " + c.ID()) })
		c.OnDisconnect(func(client.Reason, error) { called.add("disconnect") })
		connect(t, c)
		for range connections {
			synctest.Wait()
			(<-f.conns).Close()
			time.Sleep(time.Minute)
		}
		if !c.Connected() || n != connections+1 {
			t.Fatalf("connected %v after %d connections", c.Connected(), n)
		}
		const most = 100 // besides the events
		if got := client.Pending(c); got > connections+most {
			t.Errorf("%d calls wait, want at most %d and %d events", got-connections, most, connections)
		}
		close(hold)
		synctest.Wait()
		got := called.get()
		for i, what := range got { // the functions see pairs, and in the end a connection
			if connects := what != "disconnect"; connects != (i%2 == 0) {
				t.Fatalf("called %q", got)
			}
		}
		if n := len(got); n%2 == 0 || n < 3 || n > most {
			t.Errorf("called %q", got)
		}
		(<-f.conns).Close()
		time.Sleep(time.Minute)
		if now := called.get()[len(got):]; !slices.Equal(now, []string{"disconnect", fmt.Sprint("connect ", n)}) {
			t.Errorf("then called %q", now)
		}
	})
}
