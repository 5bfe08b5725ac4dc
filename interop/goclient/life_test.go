package goclient

import (
	"slices"
	"testing"
	"time"

	"github.com/seed96b07ef8/socketio/client"
	"github.com/seed96b07ef8/socketio/internal/faultproxy"
	"github.com/seed96b07ef8/socketio/interop/internal/peer"
)

// A socket that the server disconnects stays so, until Connect is called.
func TestServerDisconnects(t *testing.T) {
	each(t, func(t *testing.T, w way) {
		srv := w.serve(t, peer.Config{})
		o := w.options()
		root, chat := newClient(t, srv.URL(), o), newClient(t, srv.URL()+"/chat", o)
		w.join(t, root)
		w.join(t, chat)
		ends := disconnections(chat)
		var attempts list[int]
		chat.Manager().OnReconnectAttempt(attempts.add)
		conn := chat.Manager().Engine().ID()
		emit(t, chat, "kick")
		same(t, "the end", receive(t, ends, "OnDisconnect"), disconnection{client.ServerDisconnect, nil})
		same(t, "Active", chat.Active(), false)
		// The other one does not notice, and shows that time has passed.
		same(t, "the connection of the other", call[identity](t, root, "who").Conn, conn)
		emit(t, chat, "item", 1) // for the next time
		same(t, "Connected", chat.Connected(), false)
		w.join(t, chat)
		same(t, "the items", call[[]int](t, chat, "items"), []int{1})
		same(t, "the connection", call[identity](t, chat, "who").Conn, conn)

		// The last one takes the connection along.
		e := root.Manager().Engine()
		emit(t, chat, "kick")
		receive(t, ends, "OnDisconnect")
		emit(t, root, "kick")
		receive(t, e.Done(), "the end of the connection")
		same(t, "attempts to reconnect", attempts.get(), []int(nil))
		w.join(t, root)
	})
}

// When the server closes the connection, a Node server disconnects each socket
// before. Python's says that the connection is to be closed, and clients reconnect.
func TestServerCloses(t *testing.T) {
	each(t, func(t *testing.T, w way) {
		srv := w.serve(t, peer.Config{})
		o := w.options()
		root, chat := newClient(t, srv.URL(), o), newClient(t, srv.URL()+"/chat", o)
		w.join(t, root)
		w.join(t, chat)
		e := root.Manager().Engine()
		rootEnds, chatEnds := disconnections(root), disconnections(chat)
		begins := connections(root)
		emit(t, root, "close")
		receive(t, e.Done(), "the end of the connection")
		for _, ends := range []<-chan disconnection{rootEnds, chatEnds} {
			end := receive(t, ends, "OnDisconnect")
			switch {
			case w.isNode():
				same(t, "the reason", end.reason, client.ServerDisconnect)
			case w.transport == polling && end.reason == client.TransportError:
				// The poll came too late for the news.
			default:
				same(t, "the reason", end.reason, client.TransportClose)
			}
		}
		if w.isNode() {
			same(t, "Active", root.Active() || chat.Active(), false)
			w.join(t, root)
		}
		receive(t, begins, "the connection")
		same(t, "the ID", call[identity](t, root, "who").ID, root.ID())
	})
}

// A server that restarts on the same port finds its clients again, and what they
// have emitted meanwhile.
func TestRestart(t *testing.T) {
	each(t, func(t *testing.T, w way) {
		srv := w.serve(t, peer.Config{})
		o := w.options()
		root, chat := newClient(t, srv.URL(), o), newClient(t, srv.URL()+"/chat", o)
		m := root.Manager()
		w.join(t, root)
		w.join(t, chat)
		ends := disconnections(root)
		rootBegins, chatBegins := connections(root), connections(chat)
		attempts, failures, reconnects := make(chan int, 1000), make(chan error, 1000), make(chan int, 10)
		m.OnReconnectAttempt(func(n int) { attempts <- n })
		m.OnReconnectError(func(err error) { failures <- err })
		m.OnReconnect(func(n int) { reconnects <- n })
		next := 0
		for _, stop := range []func(){srv.Crash, srv.Close, srv.Crash} {
			stop()
			end := receive(t, ends, "OnDisconnect")
			if !slices.Contains([]client.Reason{client.TransportClose, client.TransportError}, end.reason) || end.err == nil {
				t.Errorf("the end is %v: %v", end.reason, end.err)
			}
			same(t, "Active", root.Active() && chat.Active(), true)
			emit(t, root, "item", next)
			same(t, "the first attempt", receive(t, attempts, "OnReconnectAttempt"), 1)
			receive(t, failures, "OnReconnectError")
			same(t, "the second attempt", receive(t, attempts, "OnReconnectAttempt"), 2)
			srv.Start()
			receive(t, rootBegins, "the reconnection")
			receive(t, chatBegins, "the reconnection")
			n := receive(t, reconnects, "OnReconnect")
			if n < 2 {
				t.Errorf("the attempt that succeeded is number %d", n)
			}
			for range n - 2 {
				receive(t, attempts, "OnReconnectAttempt")
			}
			next++
			same(t, "the items", call[[]int](t, root, "items"), numbers(0, next))
			same(t, "one connection", call[identity](t, root, "who").Conn, call[identity](t, chat, "who").Conn)
			for len(failures) > 0 {
				<-failures
			}
		}
	})
}

// The network fails in different ways.
func TestConnectionLost(t *testing.T) {
	for name, test := range map[string]struct {
		fail    func(p *faultproxy.Proxy)
		reasons []client.Reason
	}{
		"cut":   {(*faultproxy.Proxy).Cut, []client.Reason{client.TransportClose, client.TransportError}},
		"reset": {(*faultproxy.Proxy).Reset, []client.Reason{client.TransportClose, client.TransportError}},
		"hole":  {func(p *faultproxy.Proxy) { p.BlackHole(true) }, []client.Reason{client.PingTimeout}},
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, w way) {
				srv := w.serve(t, peer.Config{PingInterval: 300, PingTimeout: 1000})
				p := faultproxy.Start(t, srv.Addr())
				c := w.client(t, srv.URL(), func(o *client.Options) { o.Engine.DialContext = p.Dial })
				pings := make(chan bool, 1000)
				c.Manager().OnPing(func() { pings <- true })
				begins, ends := connections(c), disconnections(c)
				w.join(t, c)
				receive(t, begins, "the connection")
				if name == "hole" {
					receive(t, pings, "a ping")
				}
				for round := range 2 {
					id := c.ID()
					p.Refuse(true)
					test.fail(p)
					emit(t, c, "item", -1) // may get lost
					end := receive(t, ends, "OnDisconnect")
					if !slices.Contains(test.reasons, end.reason) || end.err == nil {
						t.Errorf("the end is %v: %v", end.reason, end.err)
					}
					emit(t, c, "item", round)
					p.BlackHole(false)
					p.Refuse(false)
					same(t, "Recovered", receive(t, begins, "the reconnection"), false)
					items := slices.DeleteFunc(call[[]int](t, c, "items"), func(i int) bool { return i < 0 })
					same(t, "the items", items, numbers(0, round+1))
					if c.ID() == id {
						t.Error("the ID is the same as before")
					}
					if name == "hole" {
						break // it takes long
					}
				}
			})
		})
	}
}

// The heartbeat keeps a connection up that nothing else happens on.
func TestHeartbeat(t *testing.T) {
	each(t, func(t *testing.T, w way) {
		srv := w.serve(t, peer.Config{PingInterval: 100, PingTimeout: 5000})
		c := w.client(t, srv.URL(), nil)
		pings := make(chan bool, 1000)
		c.Manager().OnPing(func() { pings <- true })
		ends := disconnections(c)
		w.join(t, c)
		for range 4 {
			receive(t, pings, "a ping")
		}
		same(t, "the ID", call[identity](t, c, "who").ID, c.ID())
		same(t, "disconnections", len(ends), 0)
	})
}

// A network that is slow does not disturb the order, nor the upgrade.
func TestDelay(t *testing.T) {
	each(t, func(t *testing.T, w way) {
		srv := w.serve(t, peer.Config{})
		p := faultproxy.Start(t, srv.Addr())
		p.Delay(3 * time.Millisecond)
		c := w.client(t, srv.URL(), func(o *client.Options) { o.Engine.DialContext = p.Dial })
		news := make(chan int, 1000)
		c.On("news", func(i int) { news <- i })
		w.join(t, c)
		for i := range 100 {
			if i%20 == 0 {
				emit(t, c, "burst", 10)
			}
			emit(t, c, "item", i)
			if i%30 == 0 {
				same(t, "the answer", call[int](t, c, "ask", i), i)
			}
		}
		same(t, "the items", call[[]int](t, c, "items"), numbers(0, 100))
		if !w.isNode() {
			return // the handlers of Python's server run at the same time
		}
		for range 5 {
			for i := range 10 {
				same(t, "news", receive(t, news, "news"), i)
			}
		}
	})
}

// With NoReconnect, and after the last of ReconnectAttempts, a socket is inactive.
func TestNoReconnect(t *testing.T) {
	over(t, []string{"node", "python"}, []string{polling, websocket}, func(t *testing.T, w way) {
		srv := w.serve(t, peer.Config{})
		for _, attempts := range []int{0, 3} {
			c := w.client(t, srv.URL(), func(o *client.Options) { o.NoReconnect, o.ReconnectAttempts = attempts == 0, attempts })
			ends, failed := disconnections(c), make(chan bool, 1)
			c.Manager().OnReconnectFailed(func() { failed <- true })
			var tried list[int]
			c.Manager().OnReconnectAttempt(tried.add)
			w.join(t, c)
			srv.Crash()
			receive(t, ends, "OnDisconnect")
			if attempts > 0 {
				receive(t, failed, "OnReconnectFailed")
				same(t, "the attempts", tried.get(), numbers(1, attempts+1))
			}
			same(t, "Active", c.Active(), false)
			srv.Start()
			w.join(t, c)
			c.Disconnect()
		}
	})
}
