package interop

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seed96b07ef8/socketio"
	"github.com/seed96b07ef8/socketio/engine"
	"github.com/seed96b07ef8/socketio/internal/await"
	"github.com/seed96b07ef8/socketio/interop/internal/peer"
)

// An ending is what the server's functions for the end of a socket receive.
type ending struct {
	nsp    string
	reason socketio.Reason
}

// endings collects the ends of the sockets of some namespaces.
func endings(t *testing.T, io *server, namespaces ...string) <-chan ending {
	ends := make(chan ending, 100)
	for _, name := range namespaces {
		io.Of(name).OnDisconnect(func(s *socketio.Socket, reason socketio.Reason) {
			var gone *socketio.DisconnectError
			if err := context.Cause(s.Context()); !errors.As(err, &gone) || gone.Reason != reason {
				t.Errorf("the cause of the context's end is %v, the reason %v", err, reason)
			}
			if s.Connected() {
				t.Error("still connected")
			}
			if err := s.Emit("late"); !errors.Is(err, net.ErrClosed) {
				t.Errorf("Emit after the end: %v", err)
			}
			ends <- ending{name, reason}
		})
	}
	return ends
}

// A parting is a way in which a client and the server part, and the reasons that both
// see.
type parting struct {
	name       string
	server     func(s *socketio.Socket) // what the server does
	client     string                   // what the client does
	reason     socketio.Reason          // that of the server
	told       string                   // that of the client
	reconnects bool
	only       []string // the transports for which it is possible, all if nil
}

var framed = []string{websocket, upgraded}

// partings are those of all clients.
var partings = []parting{
	{
		name: "client leaves", client: `socket.disconnect()`,
		reason: socketio.ClientNamespaceDisconnect, told: "io client disconnect",
	},
	{
		name: "manager closes", client: `manager.engine.close()`,
		reason: socketio.TransportClose, told: "forced close", reconnects: true,
	},
	{
		name: "server disconnects", server: (*socketio.Socket).Disconnect,
		reason: socketio.ServerNamespaceDisconnect, told: "io server disconnect",
	},
	{
		name: "server disconnects the connection", server: (*socketio.Socket).DisconnectConn,
		reason: socketio.ServerNamespaceDisconnect, told: "io server disconnect",
	},
	{
		name: "server closes the connection", server: func(s *socketio.Socket) { s.Conn().Close() },
		reason: socketio.ForcedClose, told: "transport close", reconnects: true,
	},
	{
		name: "TCP connection ends", client: `manager.engine.transport.ws.terminate()`,
		reason: socketio.TransportClose, told: "transport close", reconnects: true, only: framed,
	},
	{
		name: "broken Socket.IO packet", client: `manager.engine.write("42{}")`,
		reason: socketio.ForcedClose, told: "transport close", reconnects: true, only: framed,
	},
}

func TestReasons(t *testing.T) {
	testPartings(t, current, func(t *testing.T) *server { return serve(t, nil) }, []parting{
		{
			name: "broken Engine.IO packet", client: `manager.engine.transport.ws.send("9")`,
			reason: socketio.ParseError, told: "transport close", reconnects: true, only: framed,
		},
		{
			name: "ping of the client", client: `manager.engine.transport.ws.send("2")`,
			reason: socketio.TransportError, told: "transport close", reconnects: true, only: framed,
		},
		{
			name: "broken frame", client: `manager.engine.transport.ws._socket.write(Buffer.from([0xff, 0xff]))`,
			reason: socketio.TransportError, told: "transport close", reconnects: true, only: framed,
		},
	})
}

// testPartings tests partings, and others that only a certain client has.
func testPartings(t *testing.T, library string, serve func(*testing.T) *server, others []parting) {
	for _, p := range slices.Concat(partings, others) {
		t.Run(p.name, func(t *testing.T) {
			possible := transports
			if p.only != nil {
				possible = p.only
			}
			over(t, []string{library}, possible, func(t *testing.T, v variant) { p.run(t, v, serve(t)) })
		})
	}
}

// run is the scenario.
func (p parting) run(t *testing.T, v variant, io *server) {
	ends := endings(t, io, "/")
	c := v.connect(t, io, "")
	first := c.ID()
	s := io.socket(t, c)
	if p.server != nil {
		p.server(s)
	} else {
		c.Run(p.client + `; return`)
	}
	same(t, "the server's reason", receive(t, ends), ending{"/", p.reason})
	equal(t, c.Expect("disconnect"), `["`+p.told+`"]`)
	same(t, "the old socket", io.Socket(first) == nil, true)
	if p.reconnects {
		c.Expect("connect")
		if c.ID() == first {
			t.Error("the new socket has the old one's ID")
		}
	} else {
		equal(t, c.Run(`[socket.connected, socket.active ?? false]`), `[false, false]`) // version 2 has no active
		await.Until(t, "the end of the connection", func() bool { return io.Engine().Len() == 0 })
	}
}

// A packet that breaks the protocol over polling: whether a request of the client is
// open at that moment decides about the reason, as in other servers.
func TestBrokenPacketOverPolling(t *testing.T) {
	over(t, []string{current}, []string{polling}, func(t *testing.T, v variant) {
		io := serve(t, nil)
		ends := endings(t, io, "/")
		c := v.connect(t, io, "")
		c.Run(`manager.engine.write("42{}"); return`)
		reasons := []socketio.Reason{socketio.ForcedClose, socketio.ForcedServerClose}
		if end := receive(t, ends); !slices.Contains(reasons, end.reason) {
			t.Errorf("the reason is %q", end.reason)
		}
		equal(t, c.Expect("disconnect"), `["transport close"]`)
		c.Expect("connect")
	})
}

// Disconnect ends one namespace, DisconnectConn all of them.
func TestDisconnectAndDisconnectConn(t *testing.T) {
	eachVersion(t, func(t *testing.T, v variant) {
		io := serve(t, nil)
		ends := endings(t, io, "/", "/a", "/b")
		root := v.connect(t, io, "")
		a, b := root.Namespace("/a", ""), root.Namespace("/b", "")
		a.Connect()
		b.Connect()

		io.Of("/a").Sockets()[0].Disconnect()
		equal(t, a.Expect("disconnect"), `["io server disconnect"]`)
		same(t, "the server's end", receive(t, ends), ending{"/a", socketio.ServerNamespaceDisconnect})
		same(t, "connections", io.Engine().Len(), 1)
		equal(t, b.Run(`socket.connected`), `true`)

		a.Run(`socket.connect(); return`) // the client may come back
		a.Expect("connect")

		io.socket(t, root).DisconnectConn()
		var got []string
		for _, c := range []*peer.Client{root, a, b} {
			equal(t, c.Expect("disconnect"), `["io server disconnect"]`)
			end := receive(t, ends)
			got = append(got, end.nsp)
			same(t, "the server's reason", end.reason, socketio.ServerNamespaceDisconnect)
		}
		slices.Sort(got)
		same(t, "namespaces that ended", got, []string{"/", "/a", "/b"})
		await.Until(t, "the end of the connection", func() bool { return io.Engine().Len() == 0 })
	})
}

// What was emitted before a disconnection arrives before it.
func TestLastWords(t *testing.T) {
	for name, end := range map[string]func(*socketio.Socket){
		"Disconnect":     (*socketio.Socket).Disconnect,
		"DisconnectConn": (*socketio.Socket).DisconnectConn,
		"Close":          func(s *socketio.Socket) { s.Conn().Close() },
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, v variant) {
				io := serve(t, nil)
				io.On("bye", func(s *socketio.Socket) error {
					for range 3 {
						if err := s.Emit("last words", pattern(1000)); err != nil {
							return err
						}
					}
					end(s)
					return nil
				})
				c := v.connect(t, io, "")
				c.Run(`socket.emit("bye"); return`)
				c.Expect("disconnect")
				events := c.Events()
				same(t, "events before the end", events[:min(3, len(events))], []string{"last words", "last words", "last words"})
			})
		})
	}
}

// Events that the client sent before it left are handled before its end.
func TestClientsLastWords(t *testing.T) {
	each(t, func(t *testing.T, v variant) {
		io := serve(t, nil)
		got := make(chan string, 20)
		io.On("n", func(text string) { got <- text })
		io.OnDisconnect(func(*socketio.Socket, socketio.Reason) { got <- "end" })
		c := v.connect(t, io, "")
		c.Run(`for (const text of ["a", "b", "c"]) socket.emit("n", text); socket.disconnect(); return`)
		for _, want := range []string{"a", "b", "c", "end"} {
			same(t, "next", receive(t, got), want)
		}
	})
}

// Shutdown: the clients see "transport close" and come back when there is a server again.
func TestShutdown(t *testing.T) {
	eachVersion(t, func(t *testing.T, v variant) {
		first := serve(t, nil)
		ends := endings(t, first, "/", "/chat")
		first.On("last", func(s *socketio.Socket) {
			if err := s.Emit("last"); err != nil {
				t.Error(err)
			}
		})
		c := v.connect(t, first, "")
		chat := c.Namespace("/chat", "")
		chat.Connect()
		c.Run(`ask("last"); return`)
		c.Expect("last")

		first.stop(t)
		for range 2 {
			same(t, "the server's reason", receive(t, ends).reason, socketio.ServerShuttingDown)
		}
		equal(t, c.Expect("disconnect"), `["transport close"]`)
		equal(t, chat.Expect("disconnect"), `["transport close"]`)
		equal(t, c.Run(`[socket.connected, socket.active ?? true]`), `[false, true]`)

		listener, err := net.Listen("tcp", strings.TrimPrefix(first.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		second := serveOn(t, listener, nil)
		second.Of("/chat").On("where", func() string { return "second" })
		c.Expect("connect")
		chat.Expect("connect")
		equal(t, chat.Run(`ask("where")`), `["second"]`)
		if v.transport == upgraded {
			awaitUpgrade(t, c)
		}
	})
}

// hasty are options for a server that does not wait long for answers to pings.
var hasty = &socketio.Options{Engine: engine.ServerOptions{
	PingInterval: 500 * time.Millisecond, PingTimeout: time.Second,
}}

// A client that does not answer pings, and a network that swallows everything.
func TestPingTimeout(t *testing.T) {
	each(t, func(t *testing.T, v variant) {
		io := serve(t, hasty)
		ends := endings(t, io, "/")

		// The heartbeat keeps a client that does nothing.
		c := v.connect(t, io, "")
		c.Run(`for (let i = 0; i < 3; i++) await once(manager, "ping"); return`)
		same(t, "events", c.Events(), []string{})

		c.Run(`manager.engine._sendPacket = () => {}; return`)
		same(t, "the server's reason", receive(t, ends).reason, socketio.PingTimeout)
		var told []string
		if err := json.Unmarshal(c.Expect("disconnect"), &told); err != nil {
			t.Fatal(err)
		}
		// The client hears of the end, or has noticed the silence itself.
		if told[0] != "transport close" && told[0] != "ping timeout" && told[0] != "transport error" {
			t.Errorf("the client's reason is %q", told[0])
		}
		c.Expect("connect")
	})
}

func TestFrozenNetwork(t *testing.T) {
	each(t, func(t *testing.T, v variant) {
		io := serve(t, hasty)
		ends := endings(t, io, "/")
		proxy := newProxy(t, io.url)
		through := &server{Server: io.Server, url: proxy.url}
		c := v.connect(t, through, "")
		proxy.freeze(true)
		same(t, "the server's reason", receive(t, ends).reason, socketio.PingTimeout)
		equal(t, c.Expect("disconnect"), `["ping timeout"]`)
		proxy.freeze(false)
		c.Expect("connect")
	})
}

// The server may shut down at any moment of an upgrade: no client makes it wait, and
// none is left in the belief that it is connected.
func TestShutdownDuringUpgrade(t *testing.T) {
	over(t, []string{current}, []string{upgrading}, func(t *testing.T, v variant) {
		for i := range 20 {
			io := serve(t, nil)
			c := v.open(t, io, `{ reconnection: false }`)
			c.Run(`
				socket.connect();
				await once(manager, "open");
				for (let i = 0; i < args[0]; i++) await new Promise(setImmediate);
				return;
			`, i)
			io.stop(t)
			// It is not connected before the answer either, so the end of its connection is
			// what to wait for.
			c.Run(`
				await wait(() => manager._readyState === "closed");
				assert.strictEqual(socket.connected, false);
				return;
			`)
		}
	})
}

// When the TCP connections break, both sides notice at once. Over polling the client
// knows that a request has failed. In the middle of an upgrade no request may be open,
// and only the heartbeat reveals it to the server.
func TestConnectionIsCut(t *testing.T) {
	each(t, func(t *testing.T, v variant) {
		var opts *socketio.Options
		if v.transport == upgrading {
			opts = &socketio.Options{Engine: engine.ServerOptions{PingInterval: time.Second, PingTimeout: time.Second}}
		}
		io := serve(t, opts)
		ends := endings(t, io, "/")
		proxy := newProxy(t, io.url)
		c := v.connect(t, &server{Server: io.Server, url: proxy.url}, "")
		await.Until(t, "an open poll, or a WebSocket", io.socket(t, c).Conn().Writable)
		proxy.cut()
		reasons := []socketio.Reason{socketio.TransportClose, socketio.TransportError}
		told := []string{`["transport close"]`, `["transport error"]`}
		switch v.transport {
		case upgrading:
			reasons = append(reasons, socketio.PingTimeout)
		case polling:
			reasons, told = reasons[1:], told[1:]
		case websocket, upgraded:
			reasons, told = reasons[:1], told[:1]
		}
		if end := receive(t, ends); !slices.Contains(reasons, end.reason) {
			t.Errorf("the server's reason is %q, want one of %q", end.reason, reasons)
		}
		if reason := string(c.Expect("disconnect")); !slices.Contains(told, reason) {
			t.Errorf("the client's reason is %s, want one of %s", reason, told)
		}
		c.Expect("connect")
	})
}

// A message that is larger than allowed ends the connection of the client that sent
// it, and only that.
func TestMessageTooLarge(t *testing.T) {
	eachVersion(t, func(t *testing.T, v variant) {
		io := serve(t, &socketio.Options{Engine: engine.ServerOptions{MaxPayload: 10_000}})
		io.On("size", func(s string) int { return len(s) })
		ends := endings(t, io, "/")
		other := v.connect(t, io, "")
		c := v.connect(t, io, "")
		equal(t, c.Run(`ask("size", "x".repeat(args[0]))`, 9_000), `[9000]`)

		c.Run(`socket.emit("size", "x".repeat(args[0])); return`, 20_000)
		end := receive(t, ends)
		told := string(c.Expect("disconnect"))
		switch v.transport {
		case websocket, upgraded:
			same(t, "the server's reason", end.reason, socketio.TransportError)
			same(t, "the client's reason", told, `["transport close"]`)
		case polling:
			// The client closes when its request is refused with 413.
			if end.reason != socketio.TransportClose && end.reason != socketio.TransportError {
				t.Errorf("the server's reason is %q", end.reason)
			}
			same(t, "the client's reason", told, `["transport error"]`)
		}
		c.Expect("connect")
		equal(t, other.Run(`ask("size", "x")`), `[1]`)
		same(t, "events of the other", other.Events(), []string{})
	})
}
