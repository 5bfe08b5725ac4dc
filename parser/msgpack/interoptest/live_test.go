package interoptest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/seed96b07ef8/socketio"
	"github.com/seed96b07ef8/socketio/internal/await"
	"github.com/seed96b07ef8/socketio/internal/nodepeer"
	"github.com/seed96b07ef8/socketio/parser"
	"github.com/seed96b07ef8/socketio/parser/msgpack"
)

// wires are the codecs with which the live tests connect.
var wires = []struct {
	name    string
	codec   parser.Codec
	options string // JavaScript
}{
	{"msgpack over polling", msgpack.Codec, `{ parser, transports: ["polling"] }`},
	{"msgpack over WebSocket", msgpack.Codec, `{ parser, transports: ["websocket"] }`},
	{"msgpack with upgrade", msgpack.Codec, `{ parser }`},
	{"JSON over polling", parser.JSON, `{ transports: ["polling"] }`},
	{"JSON over WebSocket", parser.JSON, `{ transports: ["websocket"] }`},
}

// newServer starts a server that is shut down at the end of the test.
func newServer(t *testing.T, codec parser.Codec) (*socketio.Server, string) {
	server := socketio.NewServer(&socketio.Options{
		Codec:   codec,
		OnError: func(_ *socketio.Socket, err error) { t.Errorf("error of a handler: %v", err) },
		Logger:  slog.New(slog.DiscardHandler),
	})
	web := httptest.NewServer(server)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), nodepeer.Patience)
		defer cancel()
		if err := server.Shutdown(ctx); err != nil {
			t.Error(err)
		}
		web.Close()
	})
	return server, web.URL
}

// receive waits for a value from a handler.
func receive[T any](t *testing.T, c <-chan T) T {
	t.Helper()
	return await.Receive(t, c, fmt.Sprintf("a value of type %T", *new(T)))
}

func eachWire(t *testing.T, f func(t *testing.T, codec parser.Codec, options string)) {
	for _, w := range wires {
		t.Run(w.name, func(t *testing.T) { f(t, w.codec, w.options) })
	}
}

func TestConnect(t *testing.T) {
	eachWire(t, func(t *testing.T, codec parser.Codec, options string) {
		server, url := newServer(t, codec)
		auths := make(chan any, 1)
		join := func(s *socketio.Socket) {
			var auth any
			if err := s.Handshake().DecodeAuth(&auth); err != nil {
				t.Error(err)
			}
			auths <- auth
		}
		server.OnConnect(join)
		server.Of("/admin").OnConnect(join)
		for _, test := range []struct {
			namespace, auth string
			want            any
		}{
			{"/", `undefined`, nil},
			{"/", `{}`, map[string]any{}},
			{"/admin", `{ token: "x", n: [1.5, null], no: undefined }`, map[string]any{"token": "x", "n": []any{1.5, nil}}},
			{"/admin", `(cb) => cb({ late: true })`, map[string]any{"late": true}},
		} {
			id := value[string](t, `
				const socket = connect(args[0], { ...`+options+`, auth: `+test.auth+` });
				await next(socket, "connect");
				const id = socket.id;
				socket.disconnect();
				return id;`, url+test.namespace)
			if got := receive(t, auths); !reflect.DeepEqual(got, test.want) {
				t.Errorf("%s: got auth %#v", test.auth, got)
			}
			if len(id) != 20 {
				t.Errorf("got id %q", id)
			}
		}
	})
}

func TestConnectError(t *testing.T) {
	eachWire(t, func(t *testing.T, codec parser.Codec, options string) {
		server, url := newServer(t, codec)
		server.Use(func(context.Context, *socketio.Socket) error {
			return &socketio.ConnectError{Message: "no", Data: map[string]any{"code": 7, "why": []string{"é"}}}
		})
		server.Of("/plain").Use(func(context.Context, *socketio.Socket) error { return errors.New("plain") })
		for _, test := range []struct{ namespace, want string }{
			{"/", `{"$error":"no","data":{"code":7,"why":["é"]}}`},
			{"/plain", `{"$error":"plain","data":{"$undefined":true}}`},
			{"/nowhere", `{"$error":"Invalid namespace","data":{"$undefined":true}}`},
		} {
			equal(t, js.run(t, `
				const socket = connect(args[0], `+options+`);
				const [err] = await next(socket, "connect_error");
				socket.disconnect();
				return err;`, url+test.namespace), test.want)
		}
	})
}

type upload struct {
	Name  string            `json:"name"`
	Size  int64             `json:"size"`
	Parts map[string][]byte `json:"parts"`
	Next  *upload           `json:"next,omitempty"`
	Extra any               `json:"extra"`
}

// uploadJS is an upload in JavaScript, and uploadGo in Go.
const uploadJS = `{ name: "a€", size: 2 ** 40, parts: { x: Buffer.from("blob"), y: Buffer.alloc(0) },
	next: { name: "b", size: -1, parts: {}, extra: null }, extra: [1.5, "x", { deep: [Buffer.from([1, 2])] }, true] }`

var uploadGo = upload{"a€", 1 << 40, map[string][]byte{"x": []byte("blob"), "y": {}},
	&upload{"b", -1, map[string][]byte{}, nil, nil}, []any{1.5, "x", map[string]any{"deep": []any{[]byte{1, 2}}}, true}}

func TestEvents(t *testing.T) {
	eachWire(t, func(t *testing.T, codec parser.Codec, options string) {
		server, url := newServer(t, codec)
		got := make(chan upload, 1)
		connected := make(chan *socketio.Socket, 1)
		server.OnConnect(func(s *socketio.Socket) { connected <- s })
		server.On("upload", func(s *socketio.Socket, u upload, rest ...any) error {
			got <- u
			if !reflect.DeepEqual(rest, []any{nil, []byte("tail")}) {
				t.Errorf("got %#v", rest)
			}
			return s.Emit("echo", u, &u, nil, []byte("tail"))
		})
		// Acknowledgements both ways, with binary data, errors and nothing.
		server.On("sum", func(a, b int) (int, error) { return a + b, nil })
		server.On("parts", func(u upload) (map[string][]byte, []byte, error) { return u.Parts, nil, nil })
		server.On("nothing", func(ack func()) { ack() })
		equal(t, js.run(t, `
			const socket = connect(args[0], `+options+`);
			await next(socket, "connect");
			const upload = `+uploadJS+`;
			const echo = next(socket, "echo");
			socket.emit("upload", upload, undefined, Buffer.from("tail"));
			const [one, two, nil, tail] = await echo;
			assert.deepEqual(one, upload);
			assert.deepEqual(two, upload);
			assert.equal(nil, null);
			assert.deepEqual(tail, Buffer.from("tail"));
			const answers = [
				await socket.emitWithAck("sum", 40, 2),
				await new Promise((resolve) => socket.emit("parts", upload, (...all) => resolve(all))),
				await new Promise((resolve) => socket.emit("nothing", (...all) => resolve(all))),
			];
			socket.on("ask", (data, ack) => ack({ same: data }, [data.parts.x, undefined]));
			socket.on("mute", (ack) => ack());
			socket.once("bye", () => socket.disconnect());
			return answers;`, url),
			`[42,[{"x":{"$buffer":"YmxvYg=="},"y":{"$buffer":""}},null],[]]`)
		if u := receive(t, got); !reflect.DeepEqual(u, uploadGo) {
			t.Errorf("got %#v", u)
		}

		s := receive(t, connected)
		ctx, cancel := context.WithTimeout(context.Background(), nodepeer.Patience)
		defer cancel()
		args, err := s.EmitWithAck(ctx, "ask", uploadGo)
		if err != nil {
			t.Fatal(err)
		}
		var answer struct{ Same upload }
		var list [][]byte
		if err := args.Decode(&answer, &list); err != nil || !reflect.DeepEqual(answer.Same, uploadGo) || !reflect.DeepEqual(list, [][]byte{[]byte("blob"), nil}) {
			t.Errorf("got %#v, %q, %v", answer, list, err)
		}
		if args, err := s.EmitWithAck(ctx, "mute"); err != nil || args.Len() != 0 {
			t.Errorf("got %d arguments, %v", args.Len(), err)
		}
		reasons := make(chan socketio.Reason, 1)
		s.OnDisconnect(func(reason socketio.Reason) { reasons <- reason })
		if err := s.Emit("bye"); err != nil {
			t.Fatal(err)
		}
		if reason := receive(t, reasons); reason != socketio.ClientNamespaceDisconnect {
			t.Errorf("got reason %q", reason)
		}
	})
}

func TestBroadcast(t *testing.T) {
	eachWire(t, func(t *testing.T, codec parser.Codec, options string) {
		server, url := newServer(t, codec)
		var joined sync.WaitGroup
		joined.Add(2)
		server.OnConnect(func(s *socketio.Socket) {
			if err := s.Join("room"); err != nil {
				t.Error(err)
			}
			joined.Done()
		})
		emitted := make(chan error, 1)
		go func() { // ends with both clients connected, or the process
			joined.Wait()
			emitted <- server.To("room").Emit("news", []byte{1, 2}, map[string]int{"n": 1})
		}()
		equal(t, js.run(t, `
			const sockets = [connect(args[0], `+options+`), connect(args[0], `+options+`)];
			const news = await Promise.all(sockets.map((socket) => next(socket, "news")));
			sockets.forEach((socket) => socket.disconnect());
			return news;`, url),
			`[[{"$buffer":"AQI="},{"n":1}],[{"$buffer":"AQI="},{"n":1}]]`)
		if err := receive(t, emitted); err != nil {
			t.Error(err)
		}
	})
}

func TestServerDisconnects(t *testing.T) {
	eachWire(t, func(t *testing.T, codec parser.Codec, options string) {
		server, url := newServer(t, codec)
		server.On("leave", func(s *socketio.Socket) { s.Disconnect() })
		equal(t, js.run(t, `
			const socket = connect(args[0], `+options+`);
			await next(socket, "connect");
			const gone = next(socket, "disconnect");
			socket.emit("leave");
			const [reason] = await gone;
			socket.disconnect();
			return reason;`, url), `"io server disconnect"`)
	})
}

// TestDates tests values that JSON does not have.
func TestDates(t *testing.T) {
	server, url := newServer(t, msgpack.Codec)
	server.On("later", func(at time.Time, text string, v any, d time.Duration) (time.Time, string, any, error) {
		return at.Add(d), text, v, nil
	})
	equal(t, js.run(t, `
		const socket = connect(args[0], { parser });
		await next(socket, "connect");
		const date = new Date(1700000000123);
		const answer = await new Promise((resolve) => socket.emit("later", date, date, date, 1e9, (...all) => resolve(all)));
		socket.disconnect();
		return answer;`, url), `[{"$date":1700000001123},"2023-11-14T22:13:20.123Z","2023-11-14T22:13:20.123Z"]`)
}

// TestOtherParser connects clients that use another codec than the server.
func TestOtherParser(t *testing.T) {
	for _, test := range []struct {
		name    string
		codec   parser.Codec
		options string
	}{
		{"JSON client", msgpack.Codec, `{}`},
		{"msgpack client", parser.JSON, `{ parser }`},
	} {
		t.Run(test.name, func(t *testing.T) {
			server, url := newServer(t, test.codec)
			server.OnConnect(func(*socketio.Socket) { t.Error("the client is connected") })
			equal(t, js.run(t, `
				const socket = connect(args[0], `+test.options+`);
				const [reason] = await next(socket.io, "close");
				return reason;`, url), `"transport close"`)
		})
	}
}
