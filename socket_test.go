package socketio_test

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seed96b07ef8/socketio"
	"github.com/seed96b07ef8/socketio/engine"
	"github.com/seed96b07ef8/socketio/internal/wiretest"
	"github.com/seed96b07ef8/socketio/parser"
	"github.com/seed96b07ef8/socketio/parser/msgpack"
	"github.com/seed96b07ef8/socketio/socketiotest"
)

func TestMiddleware(t *testing.T) {
	t.Parallel()
	transports(t, func(t *testing.T, transport string) {
		t.Parallel()
		io, url, errs := newServer(t, nil)
		type auth struct{ Token string }
		io.Use(func(ctx context.Context, s *socketio.Socket) error {
			var a auth
			if err := s.Handshake().DecodeAuth(&a); err != nil {
				return err
			}
			switch a.Token {
			case "refused":
				return &socketio.ConnectError{Message: "not authorized", Data: map[string]any{"retry": false}}
			case "plain":
				return errors.New("plain error")
			case "disconnect":
				s.Disconnect()
				return nil
			case "unencodable":
				return &socketio.ConnectError{Message: "m", Data: func() {}}
			}
			s.SetData(a.Token)
			if s.Connected() {
				t.Error("connected before the middleware has decided")
			}
			if err := s.Join("early"); err != nil {
				return err
			}
			return s.Emit("welcome", "before connect")
		})
		io.Use(func(_ context.Context, s *socketio.Socket) error {
			if rooms := s.Rooms(); !slices.Equal(rooms, []string{"early"}) {
				t.Errorf("rooms in middleware: %v", rooms)
			}
			return io.To("early").Emit("too early")
		})
		io.On("me", func(s *socketio.Socket) (string, bool) {
			token, _ := socketio.Data[string](s)
			return token, slices.Contains(s.Rooms(), "early") && s.Rooms()[0] == s.ID()
		})

		c := wiretest.Dial(t, url, transport)
		for _, refusal := range [][2]string{
			{`40{"token":"refused"}`, `44{"message":"not authorized","data":{"retry":false}}`},
			{`40{"token":"plain"}`, `44{"message":"plain error"}`},
			{`40{"token":"disconnect"}`, `44{"message":"server namespace disconnect"}`},
			{`40{"token":"unencodable"}`, `44{"message":"m"}`},
		} {
			c.Send(refusal[0])
			c.Expect(refusal[1])
		}
		if n := len(io.Sockets()); n != 0 {
			t.Errorf("%d sockets after refusals", n)
		}
		c.Send(`40{"token":"good"}`)
		c.Expect(`42["welcome","before connect"]`)
		if answer := c.Read(); !strings.HasPrefix(answer, `40{"sid":"`) {
			t.Fatalf("answered %q", answer)
		}
		c.Send(`421["me"]`)
		c.Expect(`431["good",true]`)
		if all := errs.all(); len(all) != 0 {
			t.Errorf("errors: %v", all)
		}
	})
}

// A client that leaves a namespace while middleware decides is not answered, and keeps its
// connection.
func TestLeavingWhileMiddlewareDecides(t *testing.T) {
	t.Parallel()
	for name, decision := range map[string]error{"accepted": nil, "refused": errors.New("no")} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			io, url, _ := newServer(t, nil)
			io.Of("/other").On("ping", func() string { return "pong" })
			n := io.Of("/n")
			sockets := make(chan *socketio.Socket, 1)
			n.Use(func(ctx context.Context, s *socketio.Socket) error { sockets <- s; <-ctx.Done(); return decision })
			n.OnConnect(func(*socketio.Socket) { t.Error("the socket was connected") })
			c, _ := wiretest.Join(t, url, "websocket", "/other")
			c.Send(`40/n,`)
			s := receive(t, sockets, "the middleware")
			c.Send(`41/n,`, `42/other,1["ping"]`)
			c.Expect(`43/other,1["pong"]`)
			waitFor(t, "the end of the middleware", func() bool { return socketio.Idle(s) })
			var de *socketio.DisconnectError
			if cause := context.Cause(s.Context()); !errors.As(cause, &de) || de.Reason != socketio.ClientNamespaceDisconnect {
				t.Errorf("the context of the middleware ended with %v, want %q", cause, socketio.ClientNamespaceDisconnect)
			}
			if got := socketio.Users(n); got != 0 {
				t.Errorf("%d users, want none", got)
			}
			c.Send(`42/other,2["ping"]`)
			c.Expect(`43/other,2["pong"]`)
		})
	}
}

// A middleware that hangs must end with the connection, and delays no other client.
func TestMiddlewareThatWaits(t *testing.T) {
	t.Parallel()
	io, url, _ := newServer(t, nil)
	entered, left := make(chan struct{}), make(chan error, 1)
	io.Of("/slow").Use(func(ctx context.Context, s *socketio.Socket) error {
		close(entered)
		<-ctx.Done()
		left <- context.Cause(ctx)
		return nil
	})
	io.Of("/slow").OnConnect(func(*socketio.Socket) { t.Error("connected") })
	io.Of("/slow").OnDisconnect(func(*socketio.Socket, socketio.Reason) { t.Error("disconnected without having been connected") })
	c, _ := wiretest.Join(t, url, "websocket", "/")
	c.Send(`40/slow,`)
	receive(t, entered, "the middleware")
	c.Send(`42/slow,["e"]`) // not joined yet: a violation
	c.ExpectClosed()
	var de *socketio.DisconnectError
	if err := receive(t, left, "the end of the middleware"); !errors.As(err, &de) || de.Reason != socketio.ForcedClose {
		t.Errorf("the context's cause is %v", err)
	}
}

func TestHandshake(t *testing.T) {
	t.Parallel()
	transports(t, func(t *testing.T, transport string) {
		t.Parallel()
		io, url, _ := newServer(t, nil)
		handshakes := make(chan socketio.Handshake, 1)
		io.OnConnect(func(s *socketio.Socket) { handshakes <- s.Handshake() })
		c := wiretest.Dial(t, url, transport, "a=1", "a=2", "b=x%20y")
		c.Send(`40{"token":"abc"}`)
		h := receive(t, handshakes, "the handshake")
		var auth map[string]string
		if err := h.DecodeAuth(&auth); err != nil || auth["token"] != "abc" {
			t.Errorf("auth %v %v", auth, err)
		}
		if got := h.Query["a"]; !slices.Equal(got, []string{"1", "2"}) || h.Query.Get("b") != "x y" {
			t.Errorf("query %v", h.Query)
		}
		if !strings.HasPrefix(h.URL, "/socket.io/?EIO=4&transport="+transport) || h.Host == "" || h.TLS != nil {
			t.Errorf("handshake %+v", h)
		}
		if transport == "websocket" && h.Header.Get("Upgrade") != "websocket" {
			t.Errorf("headers %v", h.Header)
		}
		if ip, _, err := net.SplitHostPort(h.RemoteAddr); err != nil || !net.ParseIP(ip).IsLoopback() {
			t.Errorf("address %q", h.RemoteAddr)
		}
		if since := time.Since(h.Time); since < 0 || since > wiretest.Timeout {
			t.Errorf("time %v", h.Time)
		}
	})
}

func TestDisconnectReasons(t *testing.T) {
	t.Parallel()
	type end struct {
		reason, cause socketio.Reason
		rooms, after  []string
	}
	cases := []struct {
		name   string
		act    func(t *testing.T, c *wiretest.Client, s *socketio.Socket)
		expect []string // what the client receives; then, unless kept, the end
		kept   bool
		reason map[string]socketio.Reason // by transport
	}{
		{
			name: "the client leaves", kept: true,
			act:    func(_ *testing.T, c *wiretest.Client, _ *socketio.Socket) { c.Send(`41`) },
			reason: map[string]socketio.Reason{"polling": "client namespace disconnect", "websocket": "client namespace disconnect"},
		}, {
			name: "Disconnect", kept: true, expect: []string{`41`},
			act:    func(_ *testing.T, _ *wiretest.Client, s *socketio.Socket) { s.Disconnect() },
			reason: map[string]socketio.Reason{"polling": "server namespace disconnect", "websocket": "server namespace disconnect"},
		}, {
			name: "DisconnectConn", expect: []string{`41`},
			act:    func(_ *testing.T, _ *wiretest.Client, s *socketio.Socket) { s.DisconnectConn() },
			reason: map[string]socketio.Reason{"polling": "server namespace disconnect", "websocket": "server namespace disconnect"},
		}, {
			name:   "the connection is closed by the server",
			act:    func(_ *testing.T, _ *wiretest.Client, s *socketio.Socket) { s.Conn().Close() },
			reason: map[string]socketio.Reason{"polling": "forced close", "websocket": "forced close"},
		}, {
			name:   "the client breaks the protocol",
			act:    func(_ *testing.T, c *wiretest.Client, _ *socketio.Socket) { c.TrySend(`4x`) },
			reason: map[string]socketio.Reason{"polling": "forced close", "websocket": "forced close"},
		}, {
			name:   "the client sends something that is not a valid packet",
			act:    func(_ *testing.T, c *wiretest.Client, _ *socketio.Socket) { c.TrySend(`x`) },
			reason: map[string]socketio.Reason{"polling": "parse error", "websocket": "parse error"},
		}, {
			name: "the client is gone",
			act: func(t *testing.T, c *wiretest.Client, s *socketio.Socket) {
				// Between two polls, only the heartbeat would show it.
				waitFor(t, "an open poll", s.Conn().Writable)
				c.Close()
			},
			reason: map[string]socketio.Reason{"polling": "transport error", "websocket": "transport close"},
		},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			transports(t, func(t *testing.T, transport string) {
				io, url, _ := newServer(t, nil)
				ends := make(chan end, 1)
				sockets := make(chan *socketio.Socket, 1)
				io.OnConnect(func(s *socketio.Socket) {
					if err := s.Join("room"); err != nil && s.Connected() {
						t.Error(err)
					}
					var e end
					s.OnDisconnecting(func(reason socketio.Reason) { e.reason, e.rooms = reason, s.Rooms() })
					s.OnDisconnect(func(reason socketio.Reason) {
						var de *socketio.DisconnectError
						if !errors.As(context.Cause(s.Context()), &de) {
							t.Errorf("the context's cause is %v", context.Cause(s.Context()))
						}
						e.cause, e.after = de.Reason, s.Rooms()
						ends <- e
					})
					sockets <- s
				})
				c, id := wiretest.Join(t, url, transport, "/")
				s := receive(t, sockets, "the socket")
				tc.act(t, c, s)
				e := receive(t, ends, "the disconnection")
				want := tc.reason[transport]
				if e.reason != want && !(transport == "polling" && want == socketio.ForcedClose && e.reason == socketio.ForcedServerClose) {
					t.Errorf("reason %q, want %q", e.reason, want)
				}
				if e.cause != e.reason {
					t.Errorf("reason %q but cause %q", e.reason, e.cause)
				}
				if slices.Sort(e.rooms[1:]); !slices.Equal(e.rooms, []string{id, "room"}) || len(e.after) > 0 {
					t.Errorf("rooms %v while disconnecting, %v afterwards", e.rooms, e.after)
				}
				c.Expect(tc.expect...)
				if tc.kept {
					c.Join("/")
				} else {
					c.ExpectClosed()
				}
				checkEnded(t, s)
			})
		})
	}
}

// checkEnded checks that operations on a disconnected socket say so.
func checkEnded(t *testing.T, s *socketio.Socket) {
	t.Helper()
	if err := s.Emit("e"); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Emit returned %v", err)
	}
	if _, err := s.EmitWithAck(t.Context(), "e"); !errors.Is(err, net.ErrClosed) {
		t.Errorf("EmitWithAck returned %v", err)
	}
	if err := s.Join("x"); !errors.Is(err, net.ErrClosed) || len(s.Rooms()) > 0 || s.Connected() {
		t.Errorf("Join returned %v; rooms %v, connected %v", err, s.Rooms(), s.Connected())
	}
	s.Disconnect() // does nothing
}

func TestAcknowledgementsThatDoNotCome(t *testing.T) {
	t.Parallel()
	transports(t, func(t *testing.T, transport string) {
		t.Parallel()
		io, url, _ := newServer(t, &socketio.Options{MaxPendingAcks: 2})
		sockets := make(chan *socketio.Socket, 1)
		io.OnConnect(func(s *socketio.Socket) { sockets <- s })
		c, _ := wiretest.Join(t, url, transport, "/")
		s := receive(t, sockets, "the socket")

		if _, err := s.Timeout(time.Millisecond).EmitWithAck(t.Context(), "q"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("after the timeout: %v", err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := s.EmitWithAck(ctx, "q"); !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled: %v", err)
		}
		if _, err := s.EmitWithAck(t.Context(), "q", make(chan int)); err == nil {
			t.Error("no error for a channel")
		}
		if _, err := s.EmitWithAck(t.Context(), "connect"); !errors.Is(err, socketio.ErrReservedEvent) {
			t.Errorf("reserved: %v", err)
		}
		// None of these is pending any more, so there is room for two.
		errs := make(chan error, 2)
		for range 2 {
			go func() {
				_, err := s.EmitWithAck(context.Background(), "q")
				errs <- err
			}()
		}
		for range 3 { // the one that was given up, and these
			c.Read()
		}
		var limit *socketio.LimitError
		if _, err := s.EmitWithAck(t.Context(), "q"); !errors.As(err, &limit) || limit.Option != "MaxPendingAcks" {
			t.Errorf("over the limit: %v", err)
		}
		waitFor(t, "an open poll", s.Conn().Writable)
		c.Close()
		var de *socketio.DisconnectError
		for range 2 {
			if err := receive(t, errs, "the end of the waiting"); !errors.As(err, &de) {
				t.Errorf("after the client has gone: %v", err)
			}
		}
	})
}

// Emit errors leave nothing on the wire.
func TestEmitErrors(t *testing.T) {
	t.Parallel()
	io, url, _ := newServer(t, nil)
	io.On("go", func(s *socketio.Socket) string {
		for _, event := range []string{"connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"} {
			if err := s.Emit(event); !errors.Is(err, socketio.ErrReservedEvent) {
				t.Errorf("Emit(%q) returned %v", event, err)
			}
			if err := io.Emit(event); !errors.Is(err, socketio.ErrReservedEvent) {
				t.Errorf("broadcasting %q returned %v", event, err)
			}
		}
		var ae *socketio.ArgError
		if err := s.Emit("e", "ok", func() {}); !errors.As(err, &ae) || ae.Index != 1 {
			t.Errorf("a function: %v", err)
		}
		if err := io.Emit("e", make(chan int)); !errors.As(err, &ae) {
			t.Errorf("broadcasting a channel: %v", err)
		}
		attachments := make([]any, 11)
		for i := range attachments {
			attachments[i] = []byte{1}
		}
		var limit *socketio.LimitError
		if err := s.Emit("e", attachments...); !errors.As(err, &limit) {
			t.Errorf("eleven attachments: %v", err)
		}
		return "done"
	})
	c, _ := wiretest.Join(t, url, "websocket", "/")
	c.Send(`420["go"]`)
	c.Expect(`430["done"]`)
}

// A slow handler delays its own socket only.
func TestSlowHandler(t *testing.T) {
	t.Parallel()
	transports(t, func(t *testing.T, transport string) {
		t.Parallel()
		io, url, _ := newServer(t, nil)
		entered, release := make(chan struct{}), make(chan struct{})
		io.On("slow", func() string { close(entered); <-release; return "slow" })
		io.On("fast", func() string { return "fast" })
		io.Of("/other").On("fast", func() string { return "fast" })
		c, _ := wiretest.Join(t, url, transport, "/")
		c.Join("/other")
		other, _ := wiretest.Join(t, url, transport, "/")
		c.Send(`420["slow"]`, `421["fast"]`)
		receive(t, entered, "the slow handler")
		c.Send(`42/other,0["fast"]`)
		c.Expect(`43/other,0["fast"]`)
		other.Send(`420["fast"]`)
		other.Expect(`430["fast"]`)
		close(release)
		c.Expect(`430["slow"]`, `431["fast"]`)
	})
}

// When the inbox of one socket is full, nothing more is read from the client, but
// what has come for another of its sockets is handled.
func TestFullInboxHoldsUpNoOtherNamespace(t *testing.T) {
	t.Parallel()
	io, url, _ := newServer(t, &socketio.Options{InboxEvents: 1})
	release := make(chan struct{})
	io.On("block", func() { <-release })
	io.Of("/other").On("ping", func() string { return "pong" })
	c, _ := wiretest.Join(t, url, "websocket", "/")
	c.Join("/other")
	c.Send(`42/other,1["ping"]`, `42["block"]`, `42["block"]`, `42["block"]`, `42["block"]`)
	c.Expect(`43/other,1["pong"]`)
	close(release)
	c.Send(`42/other,2["ping"]`)
	c.Expect(`43/other,2["pong"]`)
}

// A socket whose handlers are still running after its client has left receives
// nothing any more, and is not listed.
func TestSocketThatHasLeftWhileAHandlerRuns(t *testing.T) {
	t.Parallel()
	io, url, _ := newServer(t, nil)
	entered, release := make(chan struct{}), make(chan struct{})
	io.On("slow", func() { close(entered); <-release })
	defer close(release)
	c, _ := wiretest.Join(t, url, "websocket", "/")
	c.Send(`42["slow"]`)
	receive(t, entered, "the handler")
	c.Send(`41`)
	c.Join("/")
	emit(t, io.Emit("once"))
	emit(t, io.Emit("last"))
	c.Expect(`42["once"]`, `42["last"]`)
	if n := len(io.Sockets()); n != 1 {
		t.Errorf("%d sockets", n)
	}
}

// A client that is taken out of a namespace may have sent something there before
// it learns of that. Its connection, and its other namespaces, go on.
func TestPacketsBehindADisconnection(t *testing.T) {
	t.Parallel()
	transports(t, func(t *testing.T, transport string) {
		t.Parallel()
		io, url, errs := newServer(t, nil)
		io.Of("/chat").On("kick me", func(s *socketio.Socket) { s.Disconnect() })
		io.On("echo", func(x int) int { return x })
		c, _ := wiretest.Join(t, url, transport, "/")
		c.Join("/chat")
		c.Send(`42/chat,["kick me"]`)
		c.Expect(`41/chat,`)
		c.Send(`42/chat,["late"]`, `43/chat,1[]`, `451-/chat,["late",{"_placeholder":true,"num":0}]`, wiretest.Binary("x"), `41/chat,`, `421["echo",5]`)
		c.Expect(`431[5]`)

		// It may come back, and then the rules are as before.
		c.Join("/chat")
		c.Send(`41/chat,`, `42/chat,["late"]`)
		c.ExpectClosed()
		if all := errs.all(); len(all) != 0 {
			t.Errorf("errors %v", all)
		}
	})
}

// The cause of a disconnection says how the client broke the protocol.
func TestViolationIsTheCause(t *testing.T) {
	t.Parallel()
	transports(t, func(t *testing.T, transport string) {
		t.Parallel()
		io, url, _ := newServer(t, nil)
		causes := make(chan error, 1)
		io.OnDisconnect(func(s *socketio.Socket, _ socketio.Reason) { causes <- context.Cause(s.Context()) })
		c, _ := wiretest.Join(t, url, transport, "/")
		c.Send(`47`)
		var de *socketio.DisconnectError
		if err := receive(t, causes, "the disconnection"); !errors.As(err, &de) || de.Err == nil || !strings.Contains(de.Err.Error(), "type") {
			t.Errorf("cause %v", err)
		}
		c.ExpectClosed()
	})
}

// One message of any size reaches a client that keeps up, over every transport.
func TestLargeMessage(t *testing.T) {
	t.Parallel()
	for _, transport := range []engine.Transport{engine.Polling, engine.WebSocket} {
		io := socketiotest.NewServer(t, &socketio.Options{Engine: engine.ServerOptions{OutboxBytes: 1 << 10}})
		c := socketiotest.Connect(t, io, &socketiotest.ClientOptions{Transport: transport})
		waitFor(t, "an open poll", io.Sockets()[0].Conn().Writable)
		emit(t, io.Emit("large", make([]byte, 100<<10)))
		var data []byte
		if c.Next().Decode(&data); len(data) != 100<<10 {
			t.Errorf("%s: got %d bytes", transport, len(data))
		}
	}
}

// What a client sent to join can be read wherever its socket is fetched, whatever
// the codec.
func TestFetchedAuth(t *testing.T) {
	t.Parallel()
	for name, codec := range map[string]parser.Codec{"JSON": parser.JSON, "msgpack": msgpack.Codec} {
		t.Run(name, func(t *testing.T) {
			io := socketiotest.NewServer(t, &socketio.Options{Codec: codec})
			socketiotest.Connect(t, io, &socketiotest.ClientOptions{Codec: codec, Auth: map[string]string{"name": "Ann"}})
			fetched, err := io.FetchSockets(t.Context())
			if err != nil || len(fetched) != 1 {
				t.Fatal(fetched, err)
			}
			var auth struct{ Name string }
			if err := fetched[0].Handshake().DecodeAuth(&auth); err != nil || auth.Name != "Ann" {
				t.Errorf("got %+v, %v", auth, err)
			}
		})
	}
}
