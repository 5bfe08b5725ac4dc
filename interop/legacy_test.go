package interop

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seed96b07ef8/socketio"
	"github.com/seed96b07ef8/socketio/engine"
	"github.com/seed96b07ef8/socketio/internal/nodepeer"
	"github.com/seed96b07ef8/socketio/interop/internal/peer"
)

// Clients of Socket.IO 2 speak revision 3 of Engine.IO and revision 4 of the Socket.IO
// protocol.

// legacy is how a client of version 2 uses transports.
type legacy struct {
	variant
	base64 bool
}

// eachLegacy runs a scenario with the client of version 2 over every transport, with
// binary data as such and in base64.
func eachLegacy(t *testing.T, scenario func(t *testing.T, l legacy)) {
	t.Helper()
	t.Parallel()
	for _, transport := range transports {
		for _, base64 := range []bool{false, true} {
			name := transport
			if base64 {
				name += "/base64"
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				scenario(t, legacy{variant{v2, transport}, base64})
			})
		}
	}
}

func (l legacy) open(t *testing.T, io *server, options string) *peer.Client {
	t.Helper()
	if options == "" {
		options = "{}"
	}
	return l.variant.open(t, io, fmt.Sprintf("{ forceBase64: %v, ...(%s) }", l.base64, options))
}

func (l legacy) connect(t *testing.T, io *server, options string) *peer.Client {
	t.Helper()
	c := l.open(t, io, options)
	l.join(t, c)
	return c
}

// serveLegacy starts a server for clients of all versions.
func serveLegacy(t *testing.T) *server {
	t.Helper()
	return serve(t, &socketio.Options{Engine: engine.ServerOptions{AllowEIO3: true}})
}

func TestLegacyRefused(t *testing.T) {
	over(t, []string{v2}, []string{polling, websocket}, func(t *testing.T, v variant) {
		io := serve(t, nil)
		c := v.open(t, io, `{ reconnection: false }`)
		c.Run(`socket.connect(); return`)
		c.Expect("connect_error")
	})
}

func TestLegacyConnect(t *testing.T) {
	eachLegacy(t, func(t *testing.T, l legacy) {
		io := serveLegacy(t)
		handshakes := make(chan socketio.Handshake, 1)
		io.OnConnect(func(s *socketio.Socket) {
			if err := s.Emit("welcome", 1); err != nil {
				t.Error(err)
			}
			handshakes <- s.Handshake()
		})
		c := l.connect(t, io, `{ query: { user: "J&ö=1" } }`)
		equal(t, c.Expect("welcome"), `[1]`)
		h := receive(t, handshakes)
		same(t, "query user", h.Query.Get("user"), "J&ö=1")
		same(t, "EIO", h.Query.Get("EIO"), "3")
		var auth map[string]any
		if err := h.DecodeAuth(&auth); err != nil || auth == nil || len(auth) != 0 {
			t.Errorf("auth is %v, %v", auth, err)
		}
		s := io.socket(t, c)
		same(t, "the socket's ID", s.ID(), s.Conn().ID())
		same(t, "the revision", s.Conn().Protocol(), 3)
		same(t, "Rooms", s.Rooms(), []string{s.ID()})
	})
}

func TestLegacyEvents(t *testing.T) {
	eachLegacy(t, func(t *testing.T, l legacy) {
		io := serveLegacy(t)
		io.On("back", func(s *socketio.Socket, args ...any) error { return s.Emit("back", args...) })
		io.On("ask", func(args ...any) []any { return args })
		io.On("digest", func(data []byte) (string, []byte) { return digest(data), data })
		c := l.connect(t, io, "")

		const sent = `"€😀\n\\n\u2028", 1.5, null, true, { "ключ": ["значение", { a: Buffer.from([1, 2]) }] }, Buffer.alloc(0), new Uint8Array([255]).buffer`
		const back = `"€😀\n\\n\u2028", 1.5, null, true, {"ключ": ["значение", {"a": {"$binary": "AQI="}}]}, {"$binary": ""}, {"$binary": "/w=="}`
		c.Run(`socket.emit("back", ` + sent + `); return`)
		equal(t, c.Expect("back"), `[`+back+`]`)
		equal(t, c.Run(`ask("ask", `+sent+`)`), `[[`+back+`]]`)
		equal(t, c.Run(`ask("ask", "text", "😀")`), `[["text", "😀"]]`)

		for _, n := range sizes {
			sum := digest(pattern(n))
			equal(t, c.Run(`ask("digest", bytes(args[0])).then(([sum, data]) => [sum, sha256(data)])`, n),
				fmt.Sprintf(`[%q, %q]`, sum, sum))
		}

		// And the other way round.
		c.Run(`socket.on("reverse", (data, text, ack) => ack(Buffer.from(data).reverse(), text + "€😀")); return`)
		args, err := io.socket(t, c).EmitWithAck(t.Context(), "reverse", []byte{1, 2, 3}, "😀")
		if err != nil {
			t.Fatal(err)
		}
		var data []byte
		var text string
		if err := args.Decode(&data, &text); err != nil {
			t.Fatal(err)
		}
		same(t, "binary data", data, []byte{3, 2, 1})
		same(t, "text", text, "😀€😀")
		c.Run(`socket.on("text", (ack) => ack("only text")); return`)
		if args, err = io.socket(t, c).EmitWithAck(t.Context(), "text"); err != nil {
			t.Fatal(err)
		}
		if err := args.Decode(&text); err != nil || text != "only text" {
			t.Errorf("got %q, %v", text, err)
		}
	})
}

// What is sent at once arrives in order, also during an upgrade.
func TestLegacyOrder(t *testing.T) {
	eachLegacy(t, func(t *testing.T, l legacy) {
		const n = 300
		io := serveLegacy(t)
		io.On("n", func(s *socketio.Socket, i int, data []byte) error { return s.Emit("n", i, data) })
		c := l.connect(t, io, "")
		equal(t, c.Run(`
			const got = [];
			socket.on("n", (i, data) => got.push(data === null || Buffer.from(data)[0] === i % 256 ? i : "bad"));
			for (let i = 0; i < args[0]; i++) {
				socket.emit("n", i, i % 3 ? null : Buffer.from([i % 256]));
				if (i % 50 === 0) await new Promise(setImmediate);
			}
			await wait(() => got.length === args[0]);
			return got.every((x, i) => x === i);
		`, n), `true`)
	})
}

func TestLegacyNamespaces(t *testing.T) {
	eachLegacy(t, func(t *testing.T, l legacy) {
		io := serveLegacy(t)
		chat := io.Of("/chat")
		auths := make(chan map[string]any, 1)
		chat.Use(func(_ context.Context, s *socketio.Socket) error {
			var auth map[string]any
			err := s.Handshake().DecodeAuth(&auth)
			auths <- auth
			return err
		})
		chat.On("where", func(s *socketio.Socket, data []byte) (string, []byte) { return s.Namespace().Name(), data })
		io.On("where", func(s *socketio.Socket) string { return s.Namespace().Name() })
		ends := endings(t, io, "/", "/chat")

		c := l.connect(t, io, "")
		other := c.Namespace("/chat", `{ query: { token: "a&b=ü", n: 1 } }`)
		other.Connect()
		same(t, "auth", receive(t, auths), map[string]any{"token": "a&b=ü", "n": "1"})
		same(t, "the ID", other.ID(), "/chat#"+c.ID())
		if chat.Socket(other.ID()) == nil {
			t.Error("the server knows the socket by another ID")
		}
		equal(t, other.Run(`ask("where", Buffer.from("x"))`), `["/chat", {"$binary": "eA=="}]`)
		equal(t, c.Run(`ask("where")`), `["/"]`)

		unknown := c.Namespace("/unknown", "")
		unknown.Run(`socket.connect(); return`)
		equal(t, unknown.Expect("error"), `[{"message": "Invalid namespace"}]`)

		other.Run(`socket.disconnect(); return`)
		same(t, "the server's end", receive(t, ends), ending{"/chat", socketio.ClientNamespaceDisconnect})
		equal(t, other.Expect("disconnect"), `["io client disconnect"]`)
		other.Connect() // the same client may come back
		receive(t, auths)
		equal(t, other.Run(`ask("where", Buffer.from("x"))`), `["/chat", {"$binary": "eA=="}]`)
		equal(t, c.Run(`ask("where")`), `["/"]`)
	})
}

func TestLegacyMiddleware(t *testing.T) {
	eachLegacy(t, func(t *testing.T, l legacy) {
		io := serveLegacy(t)
		refusals := map[string]error{
			"/text": fmt.Errorf("nope €"),
			"/data": &socketio.ConnectError{Message: "nope", Data: map[string]any{"code": 1}},
		}
		for name, err := range refusals {
			io.Of(name).Use(func(context.Context, *socketio.Socket) error { return err })
		}
		c := l.connect(t, io, "")
		for name, want := range map[string]string{"/text": `["nope €"]`, "/data": `[{"code": 1}]`} {
			n := c.Namespace(name, "")
			n.Run(`socket.connect(); return`)
			equal(t, n.Expect("error"), want)
			equal(t, n.Run(`socket.connected`), `false`)
		}
		equal(t, c.Run(`socket.connected`), `true`)
	})
	t.Run("main namespace", func(t *testing.T) {
		eachLegacy(t, func(t *testing.T, l legacy) {
			io := serveLegacy(t)
			io.Use(func(context.Context, *socketio.Socket) error { return fmt.Errorf("not you") })
			c := l.open(t, io, `{ reconnection: false }`)
			c.Run(`socket.connect(); return`)
			equal(t, c.Expect("error"), `["not you"]`)
			equal(t, c.Run(`socket.connected`), `false`)
		})
	})
}

// Clients of both revisions are in one room, and get one broadcast, binary data included.
func TestLegacyRooms(t *testing.T) {
	eachLegacy(t, func(t *testing.T, l legacy) {
		io := serveLegacy(t)
		io.On("join", func(s *socketio.Socket, room string) error { return s.Join(room) })
		io.On("leave", func(s *socketio.Socket, room string) error {
			s.Leave(room)
			return nil
		})
		io.On("say", func(s *socketio.Socket, room string, what any) error { return s.To(room).Emit("said", what) })
		now := variant{current, l.transport}
		clients := []*peer.Client{
			l.connect(t, io, ""), now.connect(t, io, ""), l.connect(t, io, ""), now.connect(t, io, ""),
			legacy{l.variant, !l.base64}.connect(t, io, ""),
		}
		for _, c := range clients {
			c.Run(`ask("join", "room")`)
		}
		for _, what := range []struct{ js, json string }{
			{`"€😀"`, `["€😀"]`},
			{`{ data: Buffer.from("binary"), more: [Buffer.alloc(0)] }`, `[{"data": {"$binary": "YmluYXJ5"}, "more": [{"$binary": ""}]}]`},
		} {
			if err := io.To("room").Emit("said", what.js); err != nil {
				t.Fatal(err)
			}
			quoted, err := json.Marshal([]string{what.js})
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range clients {
				equal(t, c.Expect("said"), string(quoted))
			}
			for i, from := range clients {
				from.Run(`socket.emit("say", "room", ` + what.js + `); return`)
				for j, to := range clients {
					if i != j {
						equal(t, to.Expect("said"), what.json)
					}
				}
			}
		}
		if err := io.Emit("all", pattern(70_000)); err != nil {
			t.Fatal(err)
		}
		for _, c := range clients {
			c.Expect("all")
		}

		clients[0].Run(`ask("leave", "room")`)
		if err := io.To("room").Except(clients[1].ID()).Emit("said", []byte{1}); err != nil {
			t.Fatal(err)
		}
		for _, c := range clients[2:] {
			equal(t, c.Expect("said"), `[{"$binary": "AQ=="}]`)
		}
		for _, c := range clients {
			c.Run(`ask("leave", "x")`) // a round trip, so that nothing is on its way
			same(t, "other events", c.Events(), []string{})
		}
	})
}

// Everybody answers a broadcast.
func TestLegacyBroadcastAck(t *testing.T) {
	eachLegacy(t, func(t *testing.T, l legacy) {
		io := serveLegacy(t)
		clients := []*peer.Client{l.connect(t, io, ""), variant{current, l.transport}.connect(t, io, "")}
		for i, c := range clients {
			c.Run(`socket.on("who", (data, ack) => ack({ i: args[0], data })); return`, i)
		}
		ctx, cancel := context.WithTimeout(t.Context(), nodepeer.Patience)
		defer cancel()
		var got []int
		for answer, err := range io.EmitWithAck(ctx, "who", []byte{7}) {
			if err != nil {
				t.Fatal(err)
			}
			var a struct {
				I    int
				Data []byte
			}
			if err := answer.Decode(&a); err != nil {
				t.Fatal(err)
			}
			same(t, "data", a.Data, []byte{7})
			got = append(got, a.I)
		}
		slices.Sort(got)
		same(t, "answers", got, []int{0, 1})
	})
}

func TestLegacyReasons(t *testing.T) {
	testPartings(t, v2, serveLegacy, []parting{
		{
			name: "broken Engine.IO packet", client: `manager.engine.transport.ws.send(Buffer.from([9]))`,
			reason: socketio.ParseError, told: "transport close", reconnects: true, only: framed,
		},
		{
			name: "pong of the client", client: `manager.engine.transport.ws.send("3")`,
			reason: socketio.TransportError, told: "transport close", reconnects: true, only: framed,
		},
	})
}

// listenAgain listens where a server that was stopped has listened.
func listenAgain(t *testing.T, s *server) net.Listener {
	t.Helper()
	listener, err := net.Listen("tcp", strings.TrimPrefix(s.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	return listener
}

// After Shutdown the clients, and their namespaces, come back to the next server.
func TestLegacyReconnection(t *testing.T) {
	eachLegacy(t, func(t *testing.T, l legacy) {
		first := serveLegacy(t)
		ends := endings(t, first, "/", "/chat")
		c := l.connect(t, first, "")
		chat := c.Namespace("/chat", `{ query: { token: "t" } }`)
		chat.Connect()
		first.socket(t, c)
		first.stop(t)
		for range 2 {
			same(t, "the server's reason", receive(t, ends).reason, socketio.ServerShuttingDown)
		}
		for _, c := range []*peer.Client{c, chat} {
			// Over polling, a request of the client may be cut off by the end.
			reason := string(c.Expect("disconnect"))
			if reason != `["transport close"]` && !(l.transport == polling && reason == `["transport error"]`) {
				t.Errorf("the client's reason is %s", reason)
			}
		}
		chat.Run(`socket.emit("later", "buffered €"); return`)

		second := serveOn(t, listenAgain(t, first), &socketio.Options{Engine: engine.ServerOptions{AllowEIO3: true}})
		later := make(chan string, 1)
		second.Of("/chat").On("later", func(s *socketio.Socket, text string) {
			var auth map[string]string
			if err := s.Handshake().DecodeAuth(&auth); err != nil {
				t.Error(err)
			}
			later <- text + auth["token"]
		})
		c.Expect("connect")
		chat.Expect("connect")
		same(t, "what was buffered", receive(t, later), "buffered €t")
		same(t, "the ID", chat.ID(), "/chat#"+c.ID())
	})
}

// The client asks, the server answers; a client that no longer asks is disconnected.
func TestLegacyHeartbeat(t *testing.T) {
	opts := &socketio.Options{Engine: engine.ServerOptions{
		AllowEIO3: true, PingInterval: 500 * time.Millisecond, PingTimeout: time.Second,
	}}
	over(t, []string{v2}, transports, func(t *testing.T, v variant) {
		io := serve(t, opts)
		ends := endings(t, io, "/")
		c := v.connect(t, io, "")
		c.Run(`for (let i = 0; i < 5; i++) await once(socket, "pong"); return`)
		same(t, "events", c.Events(), []string{})
		// It would notice the silence itself, at the same time.
		c.Run(`
			manager.engine.ping = manager.engine.onHeartbeat = () => {};
			manager.engine.off("heartbeat");
			clearTimeout(manager.engine.pingTimeoutTimer);
			return;
		`)
		same(t, "the server's reason", receive(t, ends).reason, socketio.PingTimeout)
		equal(t, c.Expect("disconnect"), `["transport close"]`)
		c.Expect("connect")
	})
}

// The conformance server accepts them with a flag.
func TestLegacyConformanceServer(t *testing.T) {
	for _, transport := range transports {
		t.Run(transport, func(t *testing.T) {
			v := variant{v2, transport}
			io := start(t, "-eio3")
			c := v.connect(t, &io.server, "")
			equal(t, c.Expect("auth"), `[{}]`)
			equal(t, c.Run(`ask("message-with-ack", 1, "😀", Buffer.from([3]))`), `[1, "😀", {"$binary": "Aw=="}]`)
			c.Run(`for (let i = 0; i < 2; i++) await once(socket, "pong"); return`)
		})
	}
}

// The binary payloads of polling, which only browsers use, with the codec of the client.
func TestLegacyBinaryPayloads(t *testing.T) {
	t.Parallel()
	io := serveLegacy(t)
	io.On("back", func(s *socketio.Socket, args ...any) error { return s.Emit("back", args...) })
	c := variant{v2, polling}.open(t, io, "")
	equal(t, c.Run(`
		const url = args[0] + "/socket.io/?EIO=3&transport=polling";
		const decode = (payload) => {
			const packets = [];
			parser3.decodePayload(payload, "nodebuffer", (p) => { packets.push(p) });
			return packets;
		};
		const got = decode(await (await fetch(url)).text()), types = [];
		const session = url + "&sid=" + JSON.parse(got.shift().data).sid;
		const until = async (done) => {
			while (!got.some(done)) {
				const polled = await fetch(session), type = polled.headers.get("Content-Type");
				assert.equal(polled.status, 200);
				types.push(type);
				got.push(...decode(type === "application/octet-stream" ? Buffer.from(await polled.arrayBuffer()) : await polled.text()));
			}
		};
		await until((p) => p.data === "0"); // who sends events before that is sent away
		const packets = [
			{ type: "message", data: '2["back","€😀",1]' },
			{ type: "message", data: '51-["back","€😀",{"_placeholder":true,"num":0}]' },
			{ type: "message", data: bytes(300) },
		];
		const body = await new Promise((resolve) => parser3.encodePayload(packets, true, resolve));
		const posted = await fetch(session, { method: "POST", body, headers: { "Content-Type": "application/octet-stream" } });
		assert.equal(await posted.text(), "ok");
		await until((p) => Buffer.isBuffer(p.data));
		assert.ok(types.includes("application/octet-stream"), String(types));
		await fetch(session, { method: "POST", body: "1:1" });
		return [typeof body, ...got.map((p) => Buffer.isBuffer(p.data) ? sha256(p.data) : p.data).filter((d) => d !== "0")];
	`, io.url), fmt.Sprintf(`["object", %q, %q, %q]`,
		`2["back","€😀",1]`, `51-["back","€😀",{"_placeholder":true,"num":0}]`, digest(pattern(300))))
}

// The JSONP of the client, with as much of a browser as it needs.
func TestLegacyJSONP(t *testing.T) {
	t.Parallel()
	// The other clients must not take their process for a browser.
	browser, err := peer.StartNode(".")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := browser.Stop(); err != nil {
			t.Error(err)
		}
	})
	io := serveLegacy(t)
	io.On("back", func(args ...any) []any { return args })
	c := browser.Open(t, v2, io.url, `{ transports: ["polling"], forceJSONP: true }`)
	c.Run(pretendBrowser)
	c.Connect()
	equal(t, c.Run(`ask("back", "€😀\u2028\u2029\n\\n\r\\\\n</script>&+%20", Buffer.from([1, 2]))`),
		`[["€😀\u2028\u2029\n\\n\r\\\\n</script>&+%20", {"$binary": "AQI="}]]`)
	same(t, "the query", io.socket(t, c).Handshake().Query.Get("j"), "0")
	io.socket(t, c).Disconnect()
	equal(t, c.Expect("disconnect"), `["io server disconnect"]`)
}

// pretendBrowser makes a document in which scripts are run and forms are sent.
const pretendBrowser = `
	const create = (kind) => ({
		kind, style: {}, children: [],
		setAttribute() {},
		appendChild(child) {
			child.parentNode = this;
			this.children.push(child);
			if (child.kind === "script") {
				fetch(child.src).then(async (answer) => {
					if (!/^text\/javascript/.test(answer.headers.get("Content-Type"))) throw new Error("no script");
					const text = await answer.text();
					if (child.parentNode) (0, eval)(text);
				}).catch(child.onerror);
			}
		},
		removeChild(child) {
			child.parentNode = null;
			this.children.splice(this.children.indexOf(child), 1);
		},
		submit() {
			const { value } = this.children.find((child) => child.kind === "textarea");
			// A browser changes line ends in the fields of forms.
			const body = new URLSearchParams({ d: value.replace(/\r\n|\r|\n/g, "\r\n") });
			const iframe = () => this.children.find((child) => child.kind === "iframe");
			fetch(this.action, { method: "POST", body }).then(() => iframe().onload(), () => {});
		},
	});
	globalThis.document = {
		body: create("body"), head: create("head"),
		getElementsByTagName: () => [],
		createElement: (kind) => {
			if (/[^a-z]/.test(kind)) throw new Error("only in old browsers");
			return create(kind);
		},
	};
	return;
`
