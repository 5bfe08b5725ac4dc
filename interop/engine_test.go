package interop

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/seed96b07ef8/socketio/engine"
	"github.com/seed96b07ef8/socketio/internal/nodepeer"
)

// These tests are about the layer below: engine.io-client against engine.Server.

// An echo sends every message back.
type echo struct{ ends chan<- engine.Reason }

func (e echo) OnMessage(c *engine.Conn, data []byte, binary bool) {
	m := engine.NewBinaryMessage(data)
	if !binary {
		m = engine.NewTextMessage(data)
	}
	_ = c.Send(m, 0) // a connection that has ended wants no echo
}

func (e echo) OnClose(_ *engine.Conn, reason engine.Reason, _ error) { e.ends <- reason }

// serveEngine starts an Engine.IO server that echoes, under the path of Socket.IO.
func serveEngine(t *testing.T, opts engine.ServerOptions) (io *server, ends <-chan engine.Reason) {
	t.Helper()
	reasons := make(chan engine.Reason, 100)
	opts.OnConnect = func(*engine.Conn) engine.Handler { return echo{reasons} }
	s, err := engine.NewServer(&opts)
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/socket.io/", s)
	h := httptest.NewServer(mux)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), nodepeer.Patience)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
		h.Close()
	})
	return &server{url: h.URL}, reasons
}

func TestEngineEcho(t *testing.T) {
	each(t, func(t *testing.T, v variant) {
		io, ends := serveEngine(t, engine.ServerOptions{})
		c := v.engine(t, io, "")
		c.Expect("open")
		if v.transport == upgraded || v.transport == upgrading {
			equal(t, c.Expect("upgrade"), `["websocket"]`)
		}
		for _, text := range []string{"hello", "ünï 👋 \u2028", "\u0000", "b64", "2probe"} {
			c.Run(`socket.send(args[0]); return`, text)
			equal(t, c.Expect("message"), string(mustJSON(t, []string{text})))
		}
		c.Run(`socket.send(Buffer.from([0, 1, 255])); return`)
		equal(t, c.Expect("message"), `[{"$binary": "AAH/"}]`)
		c.Run(`socket.close(); return`)
		equal(t, c.Expect("close"), `["forced close"]`)
		same(t, "the server's reason", receive(t, ends), engine.TransportClose)
	})
}

// Every ping of the server is answered, and the connection stays.
func TestEngineHeartbeat(t *testing.T) {
	opts := engine.ServerOptions{PingInterval: 30 * time.Millisecond, PingTimeout: 10 * time.Second}
	each(t, func(t *testing.T, v variant) {
		io, _ := serveEngine(t, opts)
		c := v.engine(t, io, "")
		c.Expect("open")
		equal(t, c.Run(`[socket.pingInterval ?? socket._pingInterval, socket.pingTimeout ?? socket._pingTimeout]`), `[30, 10000]`)
		for range 10 {
			c.Expect("ping")
		}
		equal(t, c.Run(`socket.readyState`), `"open"`)
	})
}

// The handshake says what the server has to offer.
func TestEngineHandshake(t *testing.T) {
	over(t, []string{current}, []string{polling, websocket}, func(t *testing.T, v variant) {
		io, _ := serveEngine(t, engine.ServerOptions{MaxPayload: 12345})
		c := v.engine(t, io, "")
		c.Expect("open")
		upgrades := map[string]string{polling: `["websocket"]`, websocket: `[]`}[v.transport]
		equal(t, c.Run(`
			const again = new engine.Socket(socket.uri ?? args[0], { path: "/socket.io/", transports: [socket.transport.name] });
			const [handshake] = await once(again, "handshake");
			again.close();
			assert.equal(handshake.sid.length, 20);
			delete handshake.sid;
			return handshake;
		`, io.url), `{"upgrades": `+upgrades+`, "pingInterval": 25000, "pingTimeout": 20000, "maxPayload": 12345}`)
	})
}

// Without upgrades, the client stays where it is.
func TestEngineUpgradesDisabled(t *testing.T) {
	over(t, []string{current}, []string{upgrading}, func(t *testing.T, v variant) {
		io, _ := serveEngine(t, engine.ServerOptions{DisableUpgrades: true})
		c := v.engine(t, io, "")
		c.Expect("open")
		equal(t, c.Run(`
			for (let i = 0; i < 20; i++) {
				socket.send("m" + i);
				await once(socket, "message");
			}
			return socket.transport.name;
		`), `"polling"`)
	})
}

// Messages of all sizes around the borders of a frame and of a polling payload.
func TestEngineSizes(t *testing.T) {
	each(t, func(t *testing.T, v variant) {
		io, _ := serveEngine(t, engine.ServerOptions{})
		c := v.engine(t, io, "")
		c.Expect("open")
		for _, n := range append(sizes, 999_999) {
			if n < 999_999 {
				equal(t, c.Run(`
					const back = once(socket, "message");
					socket.send(bytes(args[0]));
					return sha256((await back)[0]);
				`, n), fmt.Sprintf(`%q`, digest(pattern(n))))
			}
			equal(t, c.Run(`
				const text = "x".repeat(Math.max(1, args[0] - 1)); // one more byte says what it is
				const back = once(socket, "message");
				socket.send(text);
				return (await back)[0] === text;
			`, n), `true`)
		}
	})
}

// The other ways of making a request: polling with fetch, and a WebSocket that the
// platform brings.
func TestEngineTransportImplementations(t *testing.T) {
	over(t, []string{current}, []string{polling}, func(t *testing.T, v variant) {
		io, _ := serveEngine(t, engine.ServerOptions{})
		c := node.OpenEngine(t, io.url, `{ path: "/socket.io/", transports: [engine.Fetch, engine.NodeWebSocket] }`)
		c.Expect("open")
		equal(t, c.Expect("upgrade"), `["websocket"]`)
		c.Run(`socket.send("hello"); socket.send(bytes(100_000)); return`)
		equal(t, c.Expect("message"), `["hello"]`)
		c.Expect("message")

		c = node.OpenEngine(t, io.url, `{ path: "/socket.io/", transports: [engine.Fetch] }`)
		c.Expect("open")
		equal(t, c.Run(`
			const back = once(socket, "message");
			socket.send("y".repeat(args[0]));
			return (await back)[0].length;
		`, 500_000), `500000`)
	})
}

// Answers to polling requests are compressed for who can take it.
func TestEngineHTTPCompression(t *testing.T) {
	over(t, []string{current}, []string{polling}, func(t *testing.T, v variant) {
		io, _ := serveEngine(t, engine.ServerOptions{})
		c := v.engine(t, io, "")
		c.Expect("open")
		for _, encoding := range []string{"gzip", "deflate", "identity"} {
			want := encoding
			if encoding == "identity" {
				want = ""
			}
			equal(t, c.Run(`
				const url = args[0] + "/socket.io/?EIO=4&transport=polling";
				const { sid } = JSON.parse((await (await fetch(url)).text()).slice(1));
				const headers = { "accept-encoding": args[1] };
				await fetch(url + "&sid=" + sid, { method: "POST", body: "4" + "z".repeat(50_000) });
				const response = await fetch(url + "&sid=" + sid, { headers });
				const body = await response.text();
				await fetch(url + "&sid=" + sid, { method: "POST", body: "1" });
				return [response.headers.get("content-encoding") ?? "", body.length];
			`, io.url, encoding), fmt.Sprintf(`[%q, 50001]`, want))
		}
	})
}

func mustJSON(t *testing.T, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
