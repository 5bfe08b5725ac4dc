package interop

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/seed96b07ef8/socketio"
)

// sizes are those of binary values: the borders of the WebSocket frame formats, and
// large ones below the limit of a message. Base64 makes them a third larger over
// polling.
var sizes = []int{0, 1, 2, 3, 125, 126, 127, 65535, 65536, 65537, 700_000}

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

func TestBinarySizes(t *testing.T) {
	eachVersion(t, func(t *testing.T, v variant) {
		io := serve(t, nil)
		received := make(chan string, 1)
		io.On("upload", func(s *socketio.Socket, data []byte) error {
			received <- digest(data)
			return s.Emit("download", data)
		})
		io.On("swap", func(data []byte) []byte { return data })
		c := v.connect(t, io, "")

		for _, n := range sizes {
			sum := digest(pattern(n))
			equal(t, c.Run(`
				const back = new Promise((resolve) => socket.once("download", resolve));
				socket.emit("upload", bytes(args[0]));
				const data = await back;
				return [Buffer.isBuffer(data), sha256(data)];
			`, n), fmt.Sprintf(`[true, %q]`, sum))
			same(t, "the digest of the upload", receive(t, received), sum)
			equal(t, c.Run(`
				const [data] = await ask("swap", bytes(args[0]));
				return sha256(data);
			`, n), fmt.Sprintf(`%q`, sum))
		}
	})
}

// 900 KB fit into one WebSocket message. Over polling, base64 would exceed the limit
// for what the client sends, but not for what it receives.
func TestLargeBinary(t *testing.T) {
	const n = 900_000
	each(t, func(t *testing.T, v variant) {
		io := serve(t, nil)
		c := v.connect(t, io, "")
		io.On("swap", func(data []byte) []byte { return data })
		io.On("get", func(n int) []byte { return pattern(n) })
		sum := fmt.Sprintf(`%q`, digest(pattern(n)))
		equal(t, c.Run(`ask("get", args[0]).then(([data]) => sha256(data))`, n), sum)
		if v.transport == websocket || v.transport == upgraded {
			equal(t, c.Run(`ask("swap", bytes(args[0])).then(([data]) => sha256(data))`, n), sum)
		}
	})
}

// Binary data is found wherever it is in the arguments, in both directions.
func TestNestedBinary(t *testing.T) {
	type photo struct {
		Name  string            `json:"name"`
		Data  []byte            `json:"data"`
		Thumb []byte            `json:"thumb"`
		Parts [][]byte          `json:"parts"`
		Named map[string][]byte `json:"named"`
		Any   any               `json:"any"`
	}
	eachVersion(t, func(t *testing.T, v variant) {
		io := serve(t, nil)
		io.On("typed", func(p photo, last []byte) (photo, []byte) { return p, last })
		io.On("any", func(args ...any) []any { return args })
		c := v.connect(t, io, "")

		const sent = `{
			name: "n", data: Buffer.from("data"), thumb: null, parts: [Buffer.from("p0"), Buffer.alloc(0)],
			named: { a: Buffer.from("a"), b: new Uint8Array([1, 2]).buffer },
			any: [{ deep: [new Uint8Array([255])] }],
		}`
		const back = `{
			"name": "n", "data": {"$binary": "ZGF0YQ=="}, "thumb": null, "parts": [{"$binary": "cDA="}, {"$binary": ""}],
			"named": {"a": {"$binary": "YQ=="}, "b": {"$binary": "AQI="}},
			"any": [{"deep": [{"$binary": "/w=="}]}]
		}`
		equal(t, c.Run(`ask("typed", `+sent+`, Buffer.from("last"))`), `[`+back+`, {"$binary": "bGFzdA=="}]`)
		equal(t, c.Run(`ask("any", `+sent+`, 1, Buffer.from("last"))`), `[[`+back+`, 1, {"$binary": "bGFzdA=="}]]`)
	})
}

// What a handler does with []byte in values of type any: they are []byte.
func TestBinaryInAny(t *testing.T) {
	each(t, func(t *testing.T, v variant) {
		io := serve(t, nil)
		got := make(chan any, 1)
		io.On("any", func(v any) { got <- v })
		c := v.connect(t, io, "")
		c.Run(`socket.emit("any", { list: [Buffer.from([1]), { x: Buffer.from([2, 3]) }] }); return`)
		same(t, "the value", receive(t, got), any(map[string]any{
			"list": []any{[]byte{1}, map[string]any{"x": []byte{2, 3}}},
		}))
	})
}

// The server asks, the client answers with binary data, and the other way round, with
// the greatest number of attachments.
func TestBinaryInAcks(t *testing.T) {
	eachVersion(t, func(t *testing.T, v variant) {
		io := serve(t, nil)
		c := v.connect(t, io, "")
		c.Run(`socket.on("reverse", (data, ack) => ack(Buffer.from(data).reverse(), { ok: data })); return`)
		s := io.socket(t, c)

		args, err := s.EmitWithAck(t.Context(), "reverse", []byte{1, 2, 3})
		if err != nil {
			t.Fatal(err)
		}
		var reversed []byte
		var kept map[string][]byte
		if err := args.Decode(&reversed, &kept); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(reversed, []byte{3, 2, 1}) || !bytes.Equal(kept["ok"], []byte{1, 2, 3}) {
			t.Errorf("got %v and %v", reversed, kept)
		}

		io.On("ten", func(parts [][]byte, ack func([][]byte, string)) { ack(parts, "done") })
		equal(t, c.Run(`
			const parts = Array.from({ length: 10 }, (_, i) => Buffer.from([i]));
			const [back, done] = await ask("ten", parts);
			assert.deepStrictEqual(back, parts);
			return done;
		`), `"done"`)
	})
}

// Text and binary events keep their order, and nothing of another event arrives between
// an event and its attachments, although several goroutines emit.
func TestBinaryOfSeveralEmitters(t *testing.T) {
	const emitters, perEmitter = 4, 100
	each(t, func(t *testing.T, v variant) {
		io := serve(t, nil)
		c := v.open(t, io, "")
		c.Run(`
			socket.list = [];
			socket.on("part", (...args) => socket.list.push(args));
			return;
		`)
		v.join(t, c)
		s := io.socket(t, c)

		errs := make(chan error, emitters)
		for e := range emitters {
			go func() {
				for n := range perEmitter {
					var data any = []byte{byte(e), byte(n)}
					if n%3 == 0 {
						data = "text"
					}
					if err := s.Emit("part", e, n, data, data); err != nil {
						errs <- err
						return
					}
				}
				errs <- nil
			}()
		}
		for range emitters {
			if err := receive(t, errs); err != nil {
				t.Fatal(err)
			}
		}

		c.Run(`
			const [list, emitters, each] = [socket.list, ...args];
			await wait(() => list.length === emitters * each);
			const next = new Array(emitters).fill(0);
			for (const [emitter, n, ...data] of list) {
				assert.equal(n, next[emitter]++);
				for (const d of data) {
					assert.deepStrictEqual(d, n % 3 === 0 ? "text" : Buffer.from([emitter, n]));
				}
			}
			return;
		`, emitters, perEmitter)
	})
}

// A client that can receive no binary frames gets base64 over WebSocket as well.
func TestForceBase64(t *testing.T) {
	each(t, func(t *testing.T, v variant) {
		io := serve(t, nil)
		io.On("swap", func(data []byte) []byte { return data })
		c := v.connect(t, io, `{ forceBase64: true }`)
		equal(t, c.Run(`ask("swap", bytes(1000)).then(([data]) => sha256(data))`), fmt.Sprintf(`%q`, digest(pattern(1000))))
	})
}

// More than MaxAttachments are refused before anything is sent.
func TestTooManyAttachments(t *testing.T) {
	each(t, func(t *testing.T, v variant) {
		io := serve(t, nil)
		c := v.connect(t, io, "")
		eleven := make([][]byte, 11)
		for i := range eleven {
			eleven[i] = []byte{byte(i)}
		}
		if err := io.Emit("parts", eleven); err == nil {
			t.Error("eleven attachments were sent")
		}
		if _, err := io.socket(t, c).EmitWithAck(context.Background(), "parts", eleven); err == nil {
			t.Error("eleven attachments were sent")
		}
		if err := io.Emit("parts", eleven[1:], json.RawMessage(`1`)); err != nil {
			t.Error(err)
		}
		c.Expect("parts")
	})
}
