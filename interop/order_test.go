package interop

import (
	"fmt"
	"testing"

	"github.com/seed96b07ef8/socketio"
)

// collect makes the client note the first argument of an event, without reporting
// each of them.
const collect = `
	socket.offAny();
	socket.numbers = [];
	socket.on("n", (n) => socket.numbers.push(n));
	return;
`

// inOrder is JavaScript that waits for args[0] numbers.
const inOrder = `
	await wait(() => socket.numbers.length >= args[0]);
	socket.numbers.forEach((n, i) => assert.equal(n, i));
	assert.equal(socket.numbers.length, args[0]);
	return;
`

// Events arrive in the order in which they were sent, in both directions, also while
// the connection moves from polling to WebSocket.
func TestOrder(t *testing.T) {
	const n = 2000
	eachVersion(t, func(t *testing.T, v variant) {
		io := serve(t, nil)
		got := make(chan int, n)
		io.On("n", func(i int) { got <- i })
		io.OnConnect(func(s *socketio.Socket) {
			go func() {
				for i := range n {
					if err := s.Emit("n", i); err != nil {
						t.Error(err)
						return
					}
				}
			}()
		})

		c := v.open(t, io, "")
		c.Run(collect)
		sent := c.Go(`
			await once(socket.connect(), "connect");
			for (let i = 0; i < args[0]; i++) {
				socket.emit("n", i);
				// Some in one go, some in later turns: before, during and after the upgrade.
				if (i % 50 === 0) await new Promise(setImmediate);
			}
			return;
		`, n)
		for want := range n {
			if i := receive(t, got); i != want {
				t.Fatalf("the server got event %d in the place of %d", i, want)
			}
		}
		sent()
		c.Run(inOrder, n)
		if v.transport == upgraded || v.transport == upgrading {
			awaitUpgrade(t, c)
		}
	})
}

// The same while requests and their answers go back and forth: every event is
// answered with one, and the answers are in order as well.
func TestOrderOfAnswers(t *testing.T) {
	const n = 500
	each(t, func(t *testing.T, v variant) {
		io := serve(t, nil)
		io.On("n", func(s *socketio.Socket, i int, data []byte) (int, error) {
			return i, s.Emit("n", i, data)
		})
		c := v.open(t, io, "")
		c.Run(collect)
		c.Run(`
			await once(socket.connect(), "connect");
			const acks = [];
			for (let i = 0; i < args[0]; i++) {
				socket.emit("n", i, bytes(i), (n) => acks.push(n));
				if (i % 20 === 0) await wait(() => acks.length === i + 1);
			}
			await wait(() => acks.length === args[0]);
			acks.forEach((n, i) => assert.equal(n, i));
			return;
		`, n)
		c.Run(inOrder, n)
		if v.transport == upgraded || v.transport == upgrading {
			awaitUpgrade(t, c)
		}
	})
}

// Events that a client emits before it is connected are sent when it is.
func TestBufferedEvents(t *testing.T) {
	each(t, func(t *testing.T, v variant) {
		io := serve(t, nil)
		got := make(chan string, 10)
		io.OnConnect(func(s *socketio.Socket) { got <- "connect" })
		io.On("n", func(i int) { got <- fmt.Sprint(i) })
		c := v.open(t, io, "")
		c.Run(`for (let i = 0; i < 3; i++) socket.emit("n", i); return`)
		v.join(t, c)
		for _, want := range []string{"connect", "0", "1", "2"} {
			same(t, "happens", receive(t, got), want)
		}
	})
}

// The order of what a broadcast and an emit send to one client is that of the calls.
func TestOrderOfBroadcastAndEmit(t *testing.T) {
	const n = 600
	each(t, func(t *testing.T, v variant) {
		io := serve(t, nil)
		c := v.open(t, io, "")
		c.Run(collect)
		v.join(t, c)
		s := io.socket(t, c)
		if err := s.Join("room"); err != nil {
			t.Fatal(err)
		}
		for i := range n {
			var err error
			switch i % 3 {
			case 0:
				err = s.Emit("n", i)
			case 1:
				err = io.To("room").Emit("n", i)
			case 2:
				err = io.Emit("n", i, []byte{1})
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		c.Run(inOrder, n)
	})
}
