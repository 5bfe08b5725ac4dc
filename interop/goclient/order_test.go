package goclient

import (
	"testing"

	"github.com/seed96b07ef8/socketio/client"
	"github.com/seed96b07ef8/socketio/internal/await"
	"github.com/seed96b07ef8/socketio/internal/faultproxy"
	"github.com/seed96b07ef8/socketio/interop/internal/peer"
)

// A thousand events in both directions at the same time arrive in order.
func TestOrder(t *testing.T) {
	each(t, func(t *testing.T, w way) {
		const n = 1000
		srv := w.serve(t, peer.Config{})
		c := w.client(t, srv.URL(), nil)
		var news []int
		done := make(chan bool, 1)
		c.On("news", func(i int, what client.Args) {
			news = append(news, i)
			var data []byte
			if err := what.DecodeAt(0, &data); i%10 == 0 && (err != nil || len(data) != 1 || data[0] != byte(i)) {
				t.Errorf("the data of %d are %v, %v", i, data, err)
			}
			if len(news) == n {
				done <- true
			}
		})
		w.join(t, c)
		emit(t, c, "burst", n)
		for i := range n {
			if i%10 == 0 {
				emit(t, c, "item", i, pattern(i))
			} else {
				emit(t, c, "item", i)
			}
		}
		same(t, "the items", call[[]int](t, c, "items"), numbers(0, n))
		receive(t, done, "the news")
		same(t, "the news", news, numbers(0, n))
	})
}

// What handlers emit and answer leaves in order, too.
func TestOrderOfAnswers(t *testing.T) {
	each(t, func(t *testing.T, w way) {
		const n = 200
		srv := w.serve(t, peer.Config{})
		c := w.client(t, srv.URL(), nil)
		done := make(chan bool, 1)
		c.On("news", func(s *client.Socket, i int) error {
			if i == n-1 {
				defer func() { done <- true }()
			}
			return s.Emit("item", i)
		})
		w.join(t, c)
		emit(t, c, "burst", n)
		receive(t, done, "the news")
		same(t, "the items", call[[]int](t, c, "items"), numbers(0, n))
	})
}

// What is emitted without a connection waits, in order, except volatile events.
func TestBuffer(t *testing.T) {
	each(t, func(t *testing.T, w way) {
		srv := w.serve(t, peer.Config{})
		p := faultproxy.Start(t, srv.Addr())
		c := w.client(t, srv.URL(), func(o *client.Options) { o.Engine.DialContext = p.Dial })
		ends := disconnections(c)
		fill := func(from int) {
			t.Helper()
			for i := from; i < from+50; i++ {
				emit(t, c, "item", i)
				if err := c.Volatile().Emit("item", -1); err != nil {
					t.Error(err)
				}
			}
		}
		fill(0)
		w.join(t, c)
		same(t, "the items", call[[]int](t, c, "items"), numbers(0, 50))

		p.Refuse(true)
		p.Cut()
		receive(t, ends, "OnDisconnect")
		begins := connections(c)
		fill(50)
		p.Refuse(false)
		receive(t, begins, "the reconnection")
		same(t, "the items", call[[]int](t, c, "items"), numbers(0, 100))

		// Connected, what is volatile arrives, if there is no backlog.
		await.Until(t, "the connection is idle", c.Manager().Engine().Writable)
		if err := c.Volatile().Emit("item", 100); err != nil {
			t.Error(err)
		}
		same(t, "the items", call[[]int](t, c, "items"), numbers(0, 101))
	})
}

// The buffer is bounded.
func TestBufferLimit(t *testing.T) {
	over(t, []string{"node"}, []string{websocket}, func(t *testing.T, w way) {
		srv := w.serve(t, peer.Config{})
		for policy, want := range map[client.Overflow][]int{
			client.Refuse:     numbers(0, 10),
			client.DropNewest: numbers(0, 10),
			client.DropOldest: numbers(10, 20),
		} {
			srv.Run(`memory.items = []; return`)
			c := w.client(t, srv.URL(), func(o *client.Options) { o.BufferMessages, o.Overflow = 10, policy })
			for i := range 20 {
				if err := c.Emit("item", i); err != nil {
					if i < 10 || policy != client.Refuse {
						t.Error(err)
					}
					same(t, "the limit", errorAs[*client.LimitError](t, err).Option, "BufferMessages")
				}
			}
			w.join(t, c)
			same(t, "the items", call[[]int](t, c, "items"), want)
		}
	})
}
