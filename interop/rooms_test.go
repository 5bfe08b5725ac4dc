package interop

import (
	"slices"
	"testing"

	"github.com/seed96b07ef8/socketio"
	"github.com/seed96b07ef8/socketio/engine"
	"github.com/seed96b07ef8/socketio/internal/await"
	"github.com/seed96b07ef8/socketio/interop/internal/peer"
)

// A crowd is some clients of one server, each in the rooms that its name says: "a",
// "b" and "ab", which is in both, and "-", which is in none.
type crowd struct {
	t    *testing.T
	io   *server
	name []string
	c    map[string]*peer.Client
	s    map[string]*socketio.Socket
}

func gather(t *testing.T, v variant, io *server) *crowd {
	t.Helper()
	g := &crowd{t, io, []string{"a", "b", "ab", "-"}, map[string]*peer.Client{}, map[string]*socketio.Socket{}}
	for _, name := range g.name {
		g.c[name] = v.connect(t, io, "")
		g.s[name] = io.socket(t, g.c[name])
		for _, room := range name {
			if room != '-' {
				if err := g.s[name].Join("room " + string(room)); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	return g
}

// reaches emits an event and checks who gets it, and that it arrives once.
func (g *crowd) reaches(what string, emit func(event string, args ...any) error, want ...string) {
	g.t.Helper()
	if err := emit("news", what, []byte("binary")); err != nil {
		g.t.Fatalf("%s: %v", what, err)
	}
	// Everybody gets the end, after what came before.
	if err := g.io.Emit("end"); err != nil {
		g.t.Fatal(err)
	}
	var got []string
	for _, name := range g.name {
		g.c[name].Expect("end")
		events := g.c[name].Events()
		if len(events) > 0 {
			got = append(got, name)
			equal(g.t, g.c[name].Expect("news"), `["`+what+`", {"$binary": "YmluYXJ5"}]`)
		}
		if len(events) > 1 {
			g.t.Errorf("%s: %s got %v", what, name, events)
		}
	}
	if !slices.Equal(got, want) {
		g.t.Errorf("%s reached %v, want %v", what, got, want)
	}
}

func TestRooms(t *testing.T) {
	eachVersion(t, func(t *testing.T, v variant) {
		io := serve(t, nil)
		g := gather(t, v, io)
		ab := g.s["ab"]

		g.reaches("io", io.Emit, "a", "b", "ab", "-")
		g.reaches("io.To", io.To("room a").Emit, "a", "ab")
		g.reaches("io.To of both", io.To("room a", "room b").Emit, "a", "b", "ab")
		g.reaches("io.To.In", io.To("room a").In("room b").Emit, "a", "b", "ab")
		g.reaches("io.In.Except", io.In("room a").Except("room b").Emit, "a")
		g.reaches("io.Except", io.Except("room a").Emit, "b", "-")
		g.reaches("io.Local", io.Local().Emit, "a", "b", "ab", "-")
		g.reaches("io.To nobody", io.To("nobody").Emit)
		g.reaches("io.To ID", io.To(g.s["-"].ID()).Emit, "-")
		g.reaches("io.Except ID", io.Except(g.s["-"].ID()).Emit, "a", "b", "ab")
		g.reaches("io.Compress", io.To("room b").Compress(false).Emit, "b", "ab")

		g.reaches("socket", ab.Emit, "ab")
		g.reaches("socket.Broadcast", ab.Broadcast().Emit, "a", "b", "-")
		g.reaches("socket.To", ab.To("room a").Emit, "a")
		g.reaches("socket.In", ab.In("room a", "room b").Emit, "a", "b")
		g.reaches("socket.Except", ab.Except("room a").Emit, "b", "-")
		g.reaches("socket.Local", ab.Local().Emit, "a", "b", "-")
		g.reaches("socket.To own ID", ab.To(ab.ID()).Emit)
		g.reaches("socket.To another", ab.To(g.s["-"].ID()).Emit, "-")

		ab.Leave("room a")
		g.reaches("after Leave", io.To("room a").Emit, "a")
		if err := g.s["-"].Join("room a"); err != nil {
			t.Fatal(err)
		}
		g.reaches("after Join", io.To("room a").Emit, "a", "-")
		same(t, "selected", len(io.To("room a").Sockets()), 2)
	})
}

// A broadcast of a handler reaches the others, and rooms are left with the namespace.
func TestChatRoom(t *testing.T) {
	each(t, func(t *testing.T, v variant) {
		io := serve(t, nil)
		io.On("join", func(s *socketio.Socket, room string) error { return s.Join(room) })
		io.On("say", func(s *socketio.Socket, room, text string) error { return s.To(room).Emit("said", text) })
		left := make(chan []string, 6)
		io.OnDisconnecting(func(s *socketio.Socket, _ socketio.Reason) { left <- s.Rooms() })
		io.OnDisconnect(func(s *socketio.Socket, _ socketio.Reason) { left <- s.Rooms() })

		alice, bob, carol := v.connect(t, io, ""), v.connect(t, io, ""), v.connect(t, io, "")
		for _, c := range []*peer.Client{alice, bob} {
			c.Run(`ask("join", "go")`)
		}
		alice.Run(`socket.emit("say", "go", "hello"); return`)
		equal(t, bob.Expect("said"), `["hello"]`)

		id := bob.ID()
		bob.Run(`socket.disconnect(); return`)
		same(t, "rooms while disconnecting", receive(t, left), []string{id, "go"})
		same(t, "rooms when disconnected", len(receive(t, left)), 0)
		same(t, "who is left", len(io.To("go").Sockets()), 1)

		alice.Run(`ask("say", "go", "anybody?")`)
		carol.Run(`ask("join", "hall")`)
		same(t, "events of Alice and Carol", append(alice.Events(), carol.Events()...), []string{})
	})
}

// A client that leaves a namespace and joins it again over the same connection is a
// new socket: it gets each broadcast once, even when a handler of the old one still runs.
func TestRejoinWhileHandlerRuns(t *testing.T) {
	each(t, func(t *testing.T, v variant) {
		io := serve(t, nil)
		room := io.Of("/room")
		started, finish := make(chan struct{}, 1), make(chan struct{})
		room.On("slow", func() {
			started <- struct{}{}
			<-finish
		})
		defer close(finish)

		c := v.connect(t, io, "").Namespace("/room", "")
		c.Connect()
		c.Run(`socket.emit("slow"); return`)
		receive(t, started)
		c.Run(`socket.disconnect().connect(); return`)
		c.Expect("disconnect")
		c.Expect("connect")

		await.Until(t, "the new socket", func() bool { return room.Socket(c.ID()) != nil })
		for _, event := range []string{"news", "end"} {
			if err := room.Emit(event); err != nil {
				t.Fatal(err)
			}
		}
		c.Expect("end")
		same(t, "events before the end", c.Events(), []string{"news"})
		same(t, "sockets", len(room.Sockets()), 1)
	})
}

// Volatile messages are lost for a polling client that has no request open, and
// nothing else is.
func TestVolatileWithoutPoll(t *testing.T) {
	over(t, []string{current}, []string{polling}, func(t *testing.T, v variant) {
		io := serve(t, nil)
		c := v.connect(t, io, "")
		conn := io.socket(t, c).Conn()
		await.Until(t, "an open poll", conn.Writable)
		if err := io.Volatile().Emit("news", 1); err != nil {
			t.Fatal(err)
		}
		equal(t, c.Expect("news"), `[1]`)

		// The next poll waits until the test lets it go.
		await.Until(t, "an open poll", conn.Writable)
		c.Run(`
			const transport = manager.engine.transport;
			const poll = transport.doPoll;
			transport.doPoll = () => { socket.poll = () => { transport.doPoll = poll; transport.doPoll() } };
			return;
		`)
		s := io.socket(t, c)
		for _, err := range []error{s.Emit("news", 2), s.Volatile().Emit("lost"), io.Volatile().Emit("lost"), s.Emit("news", 3)} {
			if err != nil {
				t.Fatal(err)
			}
		}
		c.Run(`await wait(() => socket.poll); socket.poll(); return`)
		equal(t, c.Expect("news"), `[2]`)
		equal(t, c.Expect("news"), `[3]`)
		same(t, "events", c.Events(), []string{})
	})
}

// The same for a WebSocket client that does not read.
func TestVolatileWithoutReader(t *testing.T) {
	over(t, []string{current}, []string{websocket, upgraded}, func(t *testing.T, v variant) {
		io := serve(t, &socketio.Options{Engine: engine.ServerOptions{OutboxBytes: 256 << 20}})
		c := v.connect(t, io, "")
		s := io.socket(t, c)
		conn := s.Conn()
		await.Until(t, "the connection to be writable", conn.Writable)
		if err := s.Volatile().Emit("news", 1); err != nil {
			t.Fatal(err)
		}
		equal(t, c.Expect("news"), `[1]`)

		c.Run(`socket.offAny(); socket.got = {}; socket.onAny((event) => { socket.got[event] = 1 + (socket.got[event] ?? 0) }); return`)
		c.Run(`manager.engine.transport.ws._socket.pause(); return`)
		fill, sent := pattern(1<<20), 0
		await.Until(t, "the connection not to be writable", func() bool {
			if conn.Writable() {
				sent++
				if err := s.Emit("fill", fill); err != nil {
					t.Fatal(err)
				}
			}
			return !conn.Writable()
		})
		for _, err := range []error{s.Volatile().Emit("lost"), io.Volatile().Emit("lost"), s.Emit("end")} {
			if err != nil {
				t.Fatal(err)
			}
		}
		c.Run(`manager.engine.transport.ws._socket.resume(); await wait(() => socket.got.end); return`)
		equal(t, c.Run(`[socket.got.lost ?? 0, socket.got.fill === args[0]]`, sent), `[0, true]`)
	})
}

// With perMessageDeflate the messages above the threshold are compressed, unless
// they are not to be.
func TestCompression(t *testing.T) {
	const n = 200_000
	over(t, []string{current, v4, v3}, []string{websocket, upgraded}, func(t *testing.T, v variant) {
		io := serve(t, &socketio.Options{Engine: engine.ServerOptions{PerMessageDeflate: &engine.PerMessageDeflate{}}})
		zeros := func() (text string, binary []byte) { return string(make([]byte, n)), make([]byte, n) }
		io.On("compressed", func(s *socketio.Socket) error {
			text, binary := zeros()
			return s.Emit("zeros", text, binary)
		})
		io.On("plain", func(s *socketio.Socket) error {
			text, binary := zeros()
			return s.Compress(false).Emit("zeros", text, binary)
		})
		io.On("broadcast", func(s *socketio.Socket) error {
			text, binary := zeros()
			return io.Compress(true).Emit("zeros", text, binary)
		})
		io.On("upload", func(text string, data []byte) (int, int) { return len(text), len(data) })

		c := v.connect(t, io, `{ perMessageDeflate: { threshold: 0 } }`)
		c.Run(`socket.offAny(); return`)
		equal(t, c.Run(`manager.engine.transport.ws.extensions.includes("permessage-deflate")`), `true`)
		for event, compressed := range map[string]bool{"compressed": true, "plain": false, "broadcast": true} {
			equal(t, c.Run(`
				const tcp = manager.engine.transport.ws._socket;
				const before = tcp.bytesRead;
				socket.emit(args[0]);
				const [text, binary] = await once(socket, "zeros");
				assert.equal(text, "\0".repeat(args[1]));
				assert.deepStrictEqual(binary, Buffer.alloc(args[1]));
				return tcp.bytesRead - before < args[1];
			`, event, n), map[bool]string{true: `true`, false: `false`}[compressed])
		}
		equal(t, c.Run(`
			const tcp = manager.engine.transport.ws._socket;
			const before = tcp.bytesWritten;
			const sizes = await ask("upload", "x".repeat(args[0]), Buffer.alloc(args[0]));
			assert.ok(tcp.bytesWritten - before < args[0]);
			return sizes;
		`, n), `[200000, 200000]`)
	})
}
