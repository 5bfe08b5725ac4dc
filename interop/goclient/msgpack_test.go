package goclient

import (
	"bytes"
	"encoding/json"
	"math"
	"testing"

	"github.com/seed96b07ef8/socketio/client"
	"github.com/seed96b07ef8/socketio/internal/faultproxy"
	"github.com/seed96b07ef8/socketio/interop/internal/peer"
	"github.com/seed96b07ef8/socketio/parser/msgpack"
)

// TestMessagePack does everything with socket.io-msgpack-parser: values, binary data,
// acknowledgements, namespaces, refusals, recovery.
func TestMessagePack(t *testing.T) {
	eachRecovery(t, func(t *testing.T, w way) {
		srv := w.serve(t, peer.Config{Options: `{ parser: msgpack, connectionStateRecovery: { skipMiddlewares: false } }`})
		p := faultproxy.Start(t, srv.Addr())
		o := w.options()
		o.Codec, o.Engine.DialContext = msgpack.Codec, p.Dial
		o.Auth = map[string]any{"token": "€", "n": 1 << 40}
		root, chat := newClient(t, srv.URL(), o), newClient(t, srv.URL()+"/chat", o)
		begins := connections(root)
		echoes := make(chan client.Args, 10)
		root.On("echo", func(args client.Args) { echoes <- args })
		root.On("question", func(text string, data []byte) (string, []byte) { return text + "!", append(data, 4) })
		answers := make(chan []byte, 1)
		root.On("answered", func(ok bool, text string, data []byte) {
			if !ok || text != "ready?!" {
				t.Errorf("answered: %v, %q", ok, text)
			}
			answers <- data
		})
		w.join(t, root)
		receive(t, begins, "the connection")
		equal(t, srv.Expect("connect"), `["/", "`+root.ID()+`", {"token": "€", "n": 1099511627776}]`)

		refused := root.Manager().Socket("/news", &client.SocketOptions{Auth: map[string]any{"deny": 7}})
		refusal := errorAs[*client.ConnectError](t, refused.Connect(within(t)))
		same(t, "the message", refusal.Message, "denied")
		var data struct {
			Code  int
			Bytes []string
		}
		if err := refusal.DecodeData(&data); err != nil || data.Code != 7 || data.Bytes[0] != "ü" {
			t.Errorf("data %v, %v", data, err)
		}
		w.join(t, chat)
		same(t, "the namespace", call[identity](t, chat, "who").Namespace, "/chat")

		var args []any
		for _, v := range values {
			var x any
			if err := json.Unmarshal([]byte(v), &x); err != nil {
				t.Fatal(err)
			}
			args = append(args, x)
		}
		ints := []int64{0, 1, -1, 127, 128, -32, -33, -128, -129, 255, 256, 65535, 65536, math.MaxInt32, math.MinInt32, math.MaxUint32, 1<<53 - 1, -(1<<53 - 1)}
		args = append(args, ints, pattern(300), map[string]any{"a": []any{[]byte{}, map[string]any{"b": pattern(70000)}}})
		check := func(got client.Args) {
			t.Helper()
			for i, v := range values {
				var x any
				if err := got.DecodeAt(i, &x); err != nil {
					t.Errorf("%s: %v", v, err)
				}
				equal(t, marshal(t, x), v)
			}
			n := len(values)
			var numbers []int64
			var data []byte
			var nested struct{ A []any }
			if err := got.DecodeAt(n, &numbers); err != nil {
				t.Error(err)
			}
			same(t, "integers", numbers, ints)
			if err := got.DecodeAt(n+1, &data); err != nil || !bytes.Equal(data, pattern(300)) {
				t.Errorf("%d bytes, %v", len(data), err)
			}
			if err := got.DecodeAt(n+2, &nested); err != nil {
				t.Error(err)
			}
			same(t, "nested", nested.A, []any{[]byte{}, map[string]any{"b": pattern(70000)}})
		}
		emit(t, root, "echo", args...)
		check(receive(t, echoes, "the echo"))
		answer, err := root.EmitWithAck(within(t), "ask", args...)
		if err != nil {
			t.Fatal(err)
		}
		check(answer)
		emit(t, root, "question", "ready?", []byte{1, 2, 3})
		same(t, "the data", receive(t, answers, "the answer"), []byte{1, 2, 3, 4})

		for i := range 300 {
			emit(t, root, "item", i)
		}
		same(t, "the items", call[[]int](t, root, "items"), numbers(0, 300))

		// Recovery, with an event that was missed.
		id := root.ID()
		srv.Run(`io.emit("echo", "before"); return`)
		receive(t, echoes, "the event")
		w.cut(srv, p)
		srv.Expect("disconnect")
		srv.Expect("disconnect")
		srv.Run(`io.emit("echo", "missed"); return`)
		p.Refuse(false)
		same(t, "Recovered", receive(t, begins, "the reconnection"), true)
		same(t, "the ID", root.ID(), id)
		var text string
		if err := receive(t, echoes, "the event").DecodeAt(0, &text); err != nil || text != "missed" {
			t.Errorf("%q, %v", text, err)
		}
		root.Disconnect()
		same(t, "who has left", decode[[]string](t, srv.Expect("disconnect"))[0], "/")
	})
}

// Two ends with different parsers do not understand each other, and say so.
func TestWrongParser(t *testing.T) {
	over(t, []string{"node"}, []string{polling, websocket}, func(t *testing.T, w way) {
		json, packed := w.serve(t, peer.Config{}), w.serve(t, peer.Config{Options: `{ parser: msgpack }`})
		for _, test := range []struct {
			url   string
			codec func(o *client.Options)
		}{
			{json.URL(), func(o *client.Options) { o.Codec = msgpack.Codec }},
			{packed.URL(), func(*client.Options) {}},
		} {
			c := w.client(t, test.url, func(o *client.Options) {
				o.NoReconnect = true
				test.codec(o)
			})
			end := errorAs[*client.DisconnectError](t, c.Connect(within(t)))
			same(t, "the reason", end.Reason, client.TransportClose)
			same(t, "Active", c.Active(), false)
		}
	})
}
