package goclient

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/seed96b07ef8/socketio/client"
	"github.com/seed96b07ef8/socketio/interop/internal/peer"
	"github.com/seed96b07ef8/socketio/parser"
)

// JSON values that both servers give back as they were. Numbers too big for JavaScript
// are tested separately.
var values = []string{
	`null`, `true`, `false`, `0`, `-1`, `1.5`, `1e-7`, `123456789012`, `9007199254740991`, `-9007199254740991`,
	`""`, `"text"`, `"€ ünï 👋 \u2028\u2029 \u0000 \u001e \ufeff \"quoted\" \\n \n </script>"`, `"🏳️‍🌈 שלום عربى 日本語"`,
	`[]`, `{}`, `[[[[]]]]`, `{"a":{"b":{"c":[{"d":null}]}}}`, `{"":"","ключ":["значение"],"__proto":1,"a b":2}`,
	`{"_placeholder":false,"num":0}`, `[null,[null],{"x":null}]`,
}

// TestValues sends all kinds of JSON forth and back, as an event and as an
// acknowledgement.
func TestValues(t *testing.T) {
	each(t, func(t *testing.T, w way) {
		srv := w.serve(t, peer.Config{})
		c := w.client(t, srv.URL(), nil)
		echoes := make(chan client.Args, 1)
		c.On("echo", func(args client.Args) { echoes <- args })
		w.join(t, c)
		all := append([]string(nil), values...)
		if w.isNode() {
			all = append(all, `1e21`)
		} else {
			all = append(all, `9223372036854775807`, `-9223372036854775808`, `340282366920938463463374607431768211456`)
		}
		check := func(what string, args client.Args) {
			t.Helper()
			same(t, "the number of arguments of "+what, args.Len(), len(all))
			for i, want := range all {
				var got json.RawMessage
				if err := args.DecodeAt(i, &got); err != nil {
					t.Errorf("%s: %v", want, err)
					continue
				}
				if strings.Trim(want, "-0123456789") == "" {
					same(t, what, string(got), want) // all digits count
				} else {
					equal(t, got, want)
				}
			}
		}
		var args []any
		for _, v := range all {
			args = append(args, json.RawMessage(v))
		}
		emit(t, c, "echo", args...)
		check("the echo", receive(t, echoes, "the echo"))
		answer, err := c.EmitWithAck(within(t), "ask", args...)
		if err != nil {
			t.Fatal(err)
		}
		check("the answer", answer)

		// One at a time, with other values before and behind.
		for _, v := range all {
			emit(t, c, "echo", 1, json.RawMessage(v), "end")
			var got json.RawMessage
			var end string
			if err := receive(t, echoes, "the echo").Decode(nil, &got, &end); err != nil || end != "end" {
				t.Errorf("%s: %v, %q", v, err, end)
			}
			equal(t, got, v)
		}

		// Go types.
		type nested struct {
			N    int64            `json:"n"`
			List []float64        `json:"list"`
			Map  map[string]*bool `json:"map"`
		}
		yes := true
		in := nested{1 << 52, []float64{0.1, -2}, map[string]*bool{"yes": &yes, "no": nil}}
		if out := call[nested](t, c, "ask", in); fmt.Sprint(out.N, out.List, *out.Map["yes"], out.Map["no"]) != fmt.Sprint(in.N, in.List, true, in.Map["no"]) {
			t.Errorf("got %v", out)
		}
		if _, err := c.EmitWithAck(within(t), "ask"); err != nil {
			t.Errorf("no arguments: %v", err)
		}
	})
}

func TestBinary(t *testing.T) {
	each(t, func(t *testing.T, w way) {
		srv := w.serve(t, peer.Config{MaxPayload: 10 << 20})
		c := w.client(t, srv.URL(), func(o *client.Options) { o.Limits.MaxAttachments = 200 })
		type deep struct {
			Name string            `json:"name"`
			Data []byte            `json:"data"`
			List [][]byte          `json:"list"`
			More map[string]*deep  `json:"more,omitempty"`
			Any  map[string]any    `json:"any,omitempty"`
			Text map[string]string `json:"text,omitempty"`
		}
		echoes := make(chan deep, 1)
		c.On("echo", func(d deep, last []byte) {
			if !bytes.Equal(last, []byte{0, 1, 30, 255}) {
				t.Errorf("the last argument is %v", last)
			}
			echoes <- d
		})
		w.join(t, c)
		in := deep{
			Name: "ü", Data: []byte{}, List: [][]byte{{1}, pattern(300), {}},
			More: map[string]*deep{"x": {Name: "inner", Data: pattern(70000), List: [][]byte{}, Text: map[string]string{"a": "b"}}},
		}
		emit(t, c, "echo", in, []byte{0, 1, 30, 255})
		same(t, "the echo", receive(t, echoes, "the echo"), in)
		same(t, "the answer", call[deep](t, c, "ask", in), in)

		// Sizes around those at which frames and buffers change.
		for _, n := range []int{0, 1, 125, 126, 1000, 65535, 65536, 1 << 20} {
			if got := call[[]byte](t, c, "ask", pattern(n)); !bytes.Equal(got, pattern(n)) {
				t.Errorf("%d bytes came back as %d others", n, len(got))
			}
		}

		// Many attachments; a server of Node accepts ten.
		many := 10
		if !w.isNode() {
			many = 150
		}
		all := make([][]byte, many)
		for i := range all {
			all[i] = pattern(i)
		}
		same(t, "many attachments", call[[][]byte](t, c, "ask", all), all)
		for i := len(all); i <= 200; i++ {
			all = append(all, []byte{1})
		}
		_, err := c.EmitWithAck(within(t), "ask", all)
		same(t, "the limit", errorAs[*client.LimitError](t, err).Option, "Limits.MaxAttachments")
	})
}

// More attachments than are allowed end the connection, and the client reconnects.
func TestTooManyAttachments(t *testing.T) {
	eachNode(t, func(t *testing.T, w way) {
		srv := w.serve(t, peer.Config{})
		c := w.client(t, srv.URL(), nil)
		ends := disconnections(c)
		w.join(t, c)
		begins := connections(c)
		srv.Run(`io.emit("news", Array.from({ length: 11 }, () => Buffer.from("x"))); return`)
		end := receive(t, ends, "OnDisconnect")
		same(t, "the reason", end.reason, client.ParseError)
		if end.err == nil {
			t.Error("there is no cause")
		}
		receive(t, begins, "the reconnection")
		same(t, "the ID", call[identity](t, c, "who").ID, c.ID())
	})
}

// A server of Node closes the connection of a client that sends more attachments
// than it accepts. The client reconnects, and without Retries does not repeat itself.
func TestAttachmentsRefused(t *testing.T) {
	eachNode(t, func(t *testing.T, w way) {
		srv := w.serve(t, peer.Config{})
		c := w.dial(t, srv.URL(), func(o *client.Options) { o.Limits.MaxAttachments = 100 })
		begins := connections(c)
		all := make([][]byte, 11)
		for i := range all {
			all[i] = []byte{byte(i)}
		}
		_, err := c.EmitWithAck(within(t), "ask", all)
		same(t, "the reason", errorAs[*client.DisconnectError](t, err).Reason, client.TransportClose)
		receive(t, begins, "the reconnection")
		same(t, "the server's reason", decode[[]string](t, srv.Expect("disconnect"))[2], "forced close")
		same(t, "ten attachments", call[[][]byte](t, c, "ask", all[:10]), all[:10])
	})
}

// OnAny and friends, once, and the removal of handlers.
func TestListeners(t *testing.T) {
	each(t, func(t *testing.T, w way) {
		srv := w.serve(t, peer.Config{})
		c := w.client(t, srv.URL(), nil)
		var order list[string]
		done := make(chan bool, 1)
		c.OnAny(func(event string, args client.Args) { order.add(fmt.Sprint("any ", event, args.Len())) })
		c.PrependAny(func(string, client.Args) { order.add("first") })
		c.OnAnyOutgoing(func(event string, args []any) { order.add(fmt.Sprint("out ", event, args)) })
		c.Once("echo", func(n int) { order.add(fmt.Sprint("once ", n)) })
		off := c.On("echo", func(n int) { order.add(fmt.Sprint("on ", n)) })
		c.On("echo", func(n int, more ...string) {
			order.add(fmt.Sprint(n, more))
			done <- true
		})
		w.join(t, c)
		emit(t, c, "echo", 1, "x", "y")
		receive(t, done, "the echo")
		off()
		emit(t, c, "echo", 2)
		receive(t, done, "the echo")
		same(t, "the calls", order.get(), []string{
			"out echo[1 x y]", "first", "any echo3", "once 1", "on 1", "1 [x y]",
			"out echo[2]", "first", "any echo1", "2 []",
		})
	})
}

// Errors of emitting reach the caller only.
func TestEmitErrors(t *testing.T) {
	over(t, []string{"node"}, []string{polling, websocket}, func(t *testing.T, w way) {
		srv := w.serve(t, peer.Config{})
		c := w.dial(t, srv.URL(), nil)
		for _, v := range []any{make(chan int), func() {}, map[string]any{"a": []any{complex(1, 2)}}} {
			if err := c.Emit("echo", v); err == nil {
				t.Errorf("%T was sent", v)
			} else {
				errorAs[*parser.ArgError](t, err)
			}
		}
		for _, name := range []string{"connect", "disconnect", "connect_error", "disconnecting"} {
			if err := c.Emit(name); err == nil {
				t.Errorf("the reserved event %q was sent", name)
			}
		}
		same(t, "the ID", call[identity](t, c, "who").ID, c.ID())
	})
}
