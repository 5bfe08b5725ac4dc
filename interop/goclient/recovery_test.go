package goclient

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/seed96b07ef8/socketio/client"
	"github.com/seed96b07ef8/socketio/internal/await"
	"github.com/seed96b07ef8/socketio/internal/faultproxy"
	"github.com/seed96b07ef8/socketio/interop/internal/peer"
)

// recovering is a server that recovers sessions.
func recovering(duration int) peer.Config {
	return peer.Config{
		Options: fmt.Sprintf(`{ connectionStateRecovery: { maxDisconnectionDuration: %d, skipMiddlewares: false } }`, duration),
	}
}

// eachRecovery is eachNode for tests in which the server has to notice that clients have
// left. Those that are upgrading may have no poll under way.
func eachRecovery(t *testing.T, test func(t *testing.T, w way)) {
	t.Helper()
	t.Parallel()
	over(t, []string{"node"}, []string{polling, websocket, upgraded}, test)
}

// cut takes away the connections in a way that the server notices.
func (w way) cut(srv *peer.Server, p *faultproxy.Proxy) {
	if w.transport == polling {
		srv.Run(`await wait(() => Object.values(io.engine.clients).every((c) => c.transport.writable)); return`) // a poll is under way
	}
	p.Refuse(true)
	p.Cut()
}

// Recoveries with Node: what the server has sent to a client that was away arrives
// once and in order, before the functions of OnConnect are called. It does not matter
// whether it was sent before the server noticed, or after.
func TestRecovery(t *testing.T) {
	eachRecovery(t, func(t *testing.T, w way) {
		srv := w.serve(t, recovering(60000))
		p := faultproxy.Start(t, srv.Addr())
		o := w.options()
		o.Engine.DialContext = p.Dial
		root, chat := newClient(t, srv.URL(), o), newClient(t, srv.URL()+"/chat", o)
		var got [2]list[int]
		sockets := []*client.Socket{root, chat}
		var begins, ends [2]chan bool
		for i, c := range sockets {
			begins[i], ends[i] = make(chan bool, 10), make(chan bool, 10)
			c.On("news", func(n int, data []byte) {
				if string(data) != "x" {
					t.Errorf("the data of %d are %q", n, data)
				}
				got[i].add(n)
			})
			c.OnConnect(func() {
				if c.Recovered() {
					got[i].add(-1)
				}
				begins[i] <- c.Recovered()
			})
			c.OnDisconnect(func(client.Reason, error) { ends[i] <- true })
			w.join(t, c)
			same(t, "Recovered", receive(t, begins[i], "the connection"), false)
		}
		srv.Run(`for (const name of ["/", "/chat"]) io.of(name).socketsJoin("room"); return`)
		send := func(from, to int) {
			t.Helper()
			srv.Run(`for (let i = args[0]; i < args[1]; i++) {
				for (const name of ["/", "/chat"]) io.of(name).to("room").emit("news", i, Buffer.from("x"));
			} return`, from, to)
		}
		ids := [2]string{root.ID(), chat.ID()}
		// Without an event, the client has no offset, which Node wants to see.
		send(0, 1)
		await.Until(t, "the first events", func() bool { return got[0].len() == 1 && got[1].len() == 1 })
		want := []int{0}
		for round := range 3 {
			from := round*30 + 1
			send(from, from+10)
			w.cut(srv, p) // some of them may be lost on the way
			receive(t, ends[0], "OnDisconnect")
			receive(t, ends[1], "OnDisconnect")
			if w.transport != polling { // where this would answer the poll, into the void
				send(from+10, from+15)
			}
			srv.Expect("disconnect")
			srv.Expect("disconnect")
			if w.transport == polling {
				send(from+10, from+15)
			}
			send(from+15, from+30)
			p.Refuse(false)
			for i, c := range sockets {
				same(t, "Recovered", receive(t, begins[i], "the reconnection"), true)
				same(t, "Recovered", c.Recovered(), true)
				same(t, "the ID", c.ID(), ids[i])
				same(t, "the ID that the server has", call[identity](t, c, "who").ID, ids[i])
			}
			want = append(append(want, numbers(from, from+30)...), -1)
			same(t, "what / has got", got[0].get(), want)
			same(t, "what /chat has got", got[1].get(), want)
		}
		// The rooms are the old ones.
		send(91, 92)
		want = append(want, 91)
		for i := range sockets {
			await.Until(t, "one more event", func() bool { return got[i].len() == len(want) })
			same(t, "what was got", got[i].get(), want)
		}
		// A disconnection that was meant ends the session.
		for len(srv.Events()) > 0 {
			srv.Expect("connect")
		}
		root.Disconnect()
		srv.Expect("disconnect")
		w.join(t, root)
		same(t, "Recovered", receive(t, begins[0], "the connection"), false)
		if root.ID() == ids[0] {
			t.Error("the ID is the old one")
		}
	})
}

// One event is enough for the first recovery. Auth is asked again.
func TestRecoveryAuth(t *testing.T) {
	eachRecovery(t, func(t *testing.T, w way) {
		srv := w.serve(t, recovering(60000))
		p := faultproxy.Start(t, srv.Addr())
		c := w.client(t, srv.URL(), func(o *client.Options) {
			o.Engine.DialContext = p.Dial
			o.Auth = struct {
				Token string `json:"token"`
			}{"x"}
		})
		begins, hello := connections(c), make(chan bool, 1)
		c.On("hello", func() { hello <- true })
		w.join(t, c)
		receive(t, begins, "the connection")
		id := c.ID()
		equal(t, srv.Expect("connect"), `["/", "`+id+`", {"token": "x"}]`)
		srv.Run(`io.emit("hello"); return`)
		receive(t, hello, "an event")
		w.cut(srv, p)
		srv.Expect("disconnect")
		p.Refuse(false)
		same(t, "Recovered", receive(t, begins, "the reconnection"), true)
		args := decode[[]json.RawMessage](t, srv.Expect("connect"))
		same(t, "auth", decode[map[string]string](t, args[2])["token"], "x")
		same(t, "the ID", c.ID(), id)
	})
}

// After too long a time the session is a new one, and the events are lost.
func TestRecoveryTooLate(t *testing.T) {
	eachRecovery(t, func(t *testing.T, w way) {
		srv := w.serve(t, recovering(1))
		p := faultproxy.Start(t, srv.Addr())
		c := w.client(t, srv.URL(), func(o *client.Options) {
			o.Engine.DialContext = p.Dial
			o.ReconnectDelay, o.RandomizationFactor = 50*time.Millisecond, -1
		})
		got := make(chan int, 100)
		c.On("news", func(i int) { got <- i })
		begins, ends := connections(c), disconnections(c)
		w.join(t, c)
		receive(t, begins, "the connection")
		id := c.ID()
		srv.Run(`io.emit("news", 1); return`)
		same(t, "news", receive(t, got, "news"), 1)
		w.cut(srv, p)
		receive(t, ends, "OnDisconnect")
		srv.Expect("disconnect")
		srv.Run(`io.emit("news", 2); await new Promise((r) => setTimeout(r, 10)); return`) // longer than the server remembers
		p.Refuse(false)
		same(t, "Recovered", receive(t, begins, "the reconnection"), false)
		if c.ID() == id {
			t.Error("the ID is the old one")
		}
		srv.Run(`io.emit("news", 3); return`)
		same(t, "news", receive(t, got, "news"), 3)
		// The next session starts with an offset of its own.
		lose(t, p, c)
		receive(t, begins, "the reconnection")
		srv.Run(`io.emit("news", 4); return`)
		same(t, "news", receive(t, got, "news"), 4)
	})
}

// A server that was started anew knows nothing of sessions.
func TestRecoveryAfterRestart(t *testing.T) {
	eachRecovery(t, func(t *testing.T, w way) {
		srv := w.serve(t, recovering(60000))
		c := w.client(t, srv.URL(), nil)
		begins := connections(c)
		w.join(t, c)
		receive(t, begins, "the connection")
		srv.Run(`io.emit("hello"); return`)
		srv.Crash()
		srv.Start()
		same(t, "Recovered", receive(t, begins, "the reconnection"), false)
		same(t, "the ID", call[identity](t, c, "who").ID, c.ID())
	})
}
