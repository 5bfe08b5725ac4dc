package interop

import (
	"errors"
	"sync"
	"testing"

	"github.com/seed96b07ef8/socketio"
	"github.com/seed96b07ef8/socketio/engine"
	"github.com/seed96b07ef8/socketio/internal/await"
)

// A handler that takes its time holds up the later events of its socket, but neither
// another namespace of the same connection nor another client.
func TestSlowHandler(t *testing.T) {
	eachVersion(t, func(t *testing.T, v variant) {
		io := serve(t, nil)
		started, finish := make(chan struct{}, 1), make(chan struct{})
		io.On("slow", func() error {
			started <- struct{}{}
			<-finish
			return nil
		})
		quick := func(s string) string { return s }
		io.On("quick", quick)
		io.Of("/other").On("quick", quick)

		c, another := v.connect(t, io, ""), v.connect(t, io, "")
		other := c.Namespace("/other", "")
		other.Connect()

		waiting := c.Go(`
			const order = [];
			await Promise.all([
				ask("slow").then(() => order.push("slow")),
				ask("quick", "later").then(() => order.push("quick")),
			]);
			return order;
		`)
		receive(t, started)
		equal(t, other.Run(`ask("quick", "same client")`), `["same client"]`)
		equal(t, another.Run(`ask("quick", "another client")`), `["another client"]`)
		if err := io.Emit("news"); err != nil {
			t.Fatal(err)
		}
		c.Expect("news")
		close(finish)
		equal(t, waiting(), `["slow", "quick"]`)
	})
}

// A client that does not read does not delay the others.
func TestSlowClient(t *testing.T) {
	over(t, []string{current}, []string{websocket, upgraded}, func(t *testing.T, v variant) {
		io := serve(t, &socketio.Options{Engine: engine.ServerOptions{OutboxBytes: 1 << 20}})
		ends := endings(t, io, "/")
		slow, quick := v.connect(t, io, ""), v.connect(t, io, "")
		s, other := io.socket(t, slow), io.socket(t, quick)
		slow.Run(`socket.offAny(); manager.engine.transport.ws._socket.pause(); return`)
		quick.Run(`socket.offAny(); socket.on("end", () => { socket.end = true }); return`)

		// At first TCP takes it, then the outbox, then the server gives the client up. Both
		// clients run in one Node process: each event waits until the one before it has left
		// for the quick client, so that only the slow one falls behind.
		fill := pattern(100_000)
		await.Until(t, "the end of the slow client", func() bool {
			if other.Buffered() > 0 {
				return false
			}
			if err := io.Emit("fill", fill); err != nil {
				t.Fatal(err)
			}
			return !s.Connected()
		})
		same(t, "the reason", receive(t, ends).reason, socketio.TransportError)
		if err := io.Emit("end"); err != nil {
			t.Fatal(err)
		}
		quick.Run(`await wait(() => socket.end); return`)
	})
}

// The panic of a handler disconnects its socket; the client's other namespaces and the
// other clients do not notice.
func TestHandlerPanics(t *testing.T) {
	eachVersion(t, func(t *testing.T, v variant) {
		errs := make(chan error, 1)
		io := serve(t, &socketio.Options{OnError: func(_ *socketio.Socket, err error) { errs <- err }})
		ends := endings(t, io, "/")
		io.On("panic", func(list []int) int { return list[5] })
		io.On("hello", func() string { return "hello" })
		io.Of("/other").On("hello", func() string { return "hello" })
		c, another := v.connect(t, io, ""), v.connect(t, io, "")
		other := c.Namespace("/other", "")
		other.Connect()

		c.Run(`socket.emit("panic", [1]); return`)

		equal(t, c.Expect("disconnect"), `["io server disconnect"]`)
		same(t, "the reason", receive(t, ends).reason, socketio.ServerNamespaceDisconnect)
		err := receive(t, errs)
		var event *socketio.EventError
		var panicked *socketio.PanicError
		if !errors.As(err, &event) || event.Event != "panic" || !errors.As(err, &panicked) || len(panicked.Stack) == 0 {
			t.Errorf("the hook got %v", err)
		}
		equal(t, other.Run(`ask("hello")`), `["hello"]`)
		equal(t, another.Run(`ask("hello")`), `["hello"]`)

		c.Run(`socket.connect(); return`)
		c.Expect("connect")
		equal(t, c.Run(`ask("hello")`), `["hello"]`)
	})
}

// 200 clients connect at the same time, ask, get their answers, and leave.
func TestManyClients(t *testing.T) {
	const n = 200
	each(t, func(t *testing.T, v variant) {
		io := serve(t, nil)
		var mu sync.Mutex
		connected, left := 0, 0
		io.OnConnect(func(s *socketio.Socket) {
			mu.Lock()
			defer mu.Unlock()
			connected++
		})
		io.OnDisconnect(func(*socketio.Socket, socketio.Reason) {
			mu.Lock()
			defer mu.Unlock()
			left++
		})
		io.On("add", func(a, b int) int { return a + b })

		c := v.connect(t, io, "") // its options are those of the others
		c.Run(`
			const { io } = libraries["socket.io-client"];
			socket.others = Array.from({ length: args[0] }, () => io(manager.uri, { ...manager.opts, autoConnect: true }));
			socket.news = 0;
			await Promise.all(socket.others.map(async (other, i) => {
				other.on("news", () => socket.news++);
				if (!other.connected) await once(other, "connect");
				assert.equal(await other.emitWithAck("add", i, 1), i + 1);
			}));
			assert.equal(new Set(socket.others.map((other) => other.id)).size, args[0]);
			return;
		`, n)
		await.Until(t, "all sockets", func() bool { return len(io.Sockets()) == n+1 })
		if err := io.Emit("news"); err != nil {
			t.Fatal(err)
		}
		c.Run(`
			await wait(() => socket.news === args[0]);
			socket.others.forEach((other) => other.disconnect());
			return;
		`, n)
		await.Until(t, "the end of all but one", func() bool { return io.Engine().Len() == 1 })
		await.Until(t, "their ends to be told", func() bool {
			mu.Lock()
			defer mu.Unlock()
			return connected == n+1 && left == n
		})
		same(t, "sockets", len(io.Sockets()), 1)
	})
}
