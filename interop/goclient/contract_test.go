package goclient

import (
	"context"
	"testing"
	"time"

	"github.com/seed96b07ef8/socketio/event"
	"github.com/seed96b07ef8/socketio/interop/internal/peer"
)

// A message has what contracts are used for: names of its own, binary data, time.
type message struct {
	Room string            `json:"room"`
	Text string            `json:"text"`
	At   time.Time         `json:"at"`
	File []byte            `json:"file"`
	Tags map[string]string `json:"tags,omitempty"`
}

type addArgs struct {
	A int
	B float64
}

// The fields of a struct are the arguments of a call.
type reviewArgs struct{ Message message }

var (
	echo    = event.New[message]("echo")
	add     = event.NewCall[addArgs, float64]("add")
	review  = event.NewCall[reviewArgs, message]("review")
	started = event.New[event.None]("started")
	moved   = event.NewArgs[addArgs]("moved")
)

// Typed contracts with a server that knows nothing of them.
func TestContracts(t *testing.T) {
	eachNode(t, func(t *testing.T, w way) {
		srv := w.serve(t, peer.Config{Code: `
			io.on("connection", (socket) => {
				socket.on("add", (a, b, ack) => ack(a + b));
				socket.on("started", (...args) => tell("started", args.length));
				socket.on("moved", (a, b) => socket.emit("moved", b, a));
				socket.on("start review", async (m) => {
					const answer = await socket.timeout(20000).emitWithAck("review", m);
					tell("reviewed", answer);
				});
			});`})
		c := w.client(t, srv.URL(), nil)
		messages := make(chan message, 1)
		echo.Handle(c, func(_ context.Context, m message) error {
			messages <- m
			return nil
		})
		review.Handle(c, func(_ context.Context, args reviewArgs) (message, error) {
			m := args.Message
			m.Text += " reviewed"
			return m, nil
		})
		moves := make(chan addArgs, 1)
		moved.Handle(c, func(_ context.Context, m addArgs) error {
			moves <- m
			return nil
		})
		w.join(t, c)
		m := message{Room: "r", Text: "ü", At: time.Date(2026, 11, 20, 1, 2, 3, 0, time.UTC), File: pattern(1000), Tags: map[string]string{"a": "b"}}
		if err := echo.Emit(c, m); err != nil {
			t.Fatal(err)
		}
		same(t, "the message", receive(t, messages, "the message"), m)
		if sum, err := add.Call(within(t), c, addArgs{1, 2.5}); err != nil || sum != 3.5 {
			t.Errorf("the sum is %v, %v", sum, err)
		}
		if err := started.Emit(c, event.None{}); err != nil {
			t.Fatal(err)
		}
		equal(t, srv.Expect("started"), `[0]`)
		if err := moved.Emit(c, addArgs{1, 2}); err != nil {
			t.Fatal(err)
		}
		same(t, "the move", receive(t, moves, "the move"), addArgs{2, 1})
		m.File = []byte{1, 2}
		emit(t, c, "start review", m)
		equal(t, srv.Expect("reviewed"), `[{"room": "r", "text": "ü reviewed", "at": "2026-11-20T01:02:03Z", "file": {"$binary": "AQI="}, "tags": {"a": "b"}}]`)
	})
}
