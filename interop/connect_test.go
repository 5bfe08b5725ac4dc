package interop

import (
	"context"
	"errors"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed96b07ef8/socketio"
	"github.com/seed96b07ef8/socketio/engine"
	"github.com/seed96b07ef8/socketio/internal/await"
	"github.com/seed96b07ef8/socketio/interop/internal/peer"
)

func TestConnect(t *testing.T) {
	eachVersion(t, func(t *testing.T, v variant) {
		io := serve(t, nil)
		ids := make(chan string, 1)
		io.OnConnect(func(s *socketio.Socket) { ids <- s.ID() })

		c := v.connect(t, io, "")

		id := receive(t, ids)
		same(t, "the socket's ID", c.ID(), id)
		same(t, "its length", len(id), 20)
		s := io.socket(t, c)
		same(t, "Connected", s.Connected(), true)
		same(t, "Rooms", s.Rooms(), []string{id})
	})
}

func TestAuth(t *testing.T) {
	for name, options := range map[string]string{
		"object":   `{ auth: { token: "s3cret", "ünï": [1, null] } }`,
		"function": `{ auth: (cb) => setTimeout(() => cb({ token: "s3cret", "ünï": [1, null] }), 1) }`,
	} {
		t.Run(name, func(t *testing.T) {
			eachVersion(t, func(t *testing.T, v variant) {
				io := serve(t, nil)
				type auth struct {
					Token string
					List  []*int `json:"ünï"`
				}
				got := make(chan auth, 1)
				io.Use(func(_ context.Context, s *socketio.Socket) error {
					var a auth
					err := s.Handshake().DecodeAuth(&a)
					got <- a
					return err
				})

				v.connect(t, io, options)

				one := 1
				same(t, "auth", receive(t, got), auth{"s3cret", []*int{&one, nil}})
			})
		})
	}
}

// The function is asked again at every connection, and each namespace has its own
// auth.
func TestAuthOfReconnectionAndNamespace(t *testing.T) {
	each(t, func(t *testing.T, v variant) {
		io := serve(t, nil)
		auths := make(chan map[string]any, 1)
		middleware := func(_ context.Context, s *socketio.Socket) error {
			var a map[string]any
			err := s.Handshake().DecodeAuth(&a)
			auths <- a
			return err
		}
		io.Use(middleware)
		io.Of("/chat").Use(middleware)

		c := v.connect(t, io, `(() => { let n = 0; return { auth: (cb) => cb({ attempt: ++n }) } })()`)
		same(t, "first auth", receive(t, auths), map[string]any{"attempt": 1.0})

		chat := c.Namespace("/chat", `{ auth: { user: "u" } }`)
		chat.Connect()
		same(t, "auth of /chat", receive(t, auths), map[string]any{"user": "u"})

		bare := io.Of("/bare")
		bare.Use(middleware)
		c.Namespace("/bare", "").Connect()
		same(t, "no auth", receive(t, auths), map[string]any(nil))

		c.Run(`socket.disconnect().connect(); return`)
		c.Expect("connect")
		same(t, "second auth", receive(t, auths), map[string]any{"attempt": 2.0})
	})
}

func TestHandshake(t *testing.T) {
	eachVersion(t, func(t *testing.T, v variant) {
		io := serve(t, nil)
		handshakes := make(chan socketio.Handshake, 1)
		io.OnConnect(func(s *socketio.Socket) { handshakes <- s.Handshake() })

		v.connect(t, io, `{
			query: { user: "J&ö=1", n: 5 },
			extraHeaders: { "X-Team": "red", authorization: "Bearer abc" },
		}`)

		h := receive(t, handshakes)
		same(t, "query user", h.Query.Get("user"), "J&ö=1")
		same(t, "query n", h.Query.Get("n"), "5")
		same(t, "EIO", h.Query.Get("EIO"), "4")
		same(t, "header", h.Header.Get("X-Team"), "red")
		same(t, "header", h.Header.Get("Authorization"), "Bearer abc")
		same(t, "host", "http://"+h.Host, io.url)
		same(t, "TLS", h.TLS == nil, true)
		if h.RemoteAddr == "" || h.Time.IsZero() || h.URL == "" {
			t.Errorf("incomplete handshake: %+v", h)
		}
	})
}

func TestNamespacesShareTheConnection(t *testing.T) {
	eachVersion(t, func(t *testing.T, v variant) {
		io := serve(t, nil)
		for _, name := range []string{"/", "chat", "/chat/room é"} {
			io.Of(name).On("where", func(s *socketio.Socket) string { return s.Namespace().Name() })
		}

		root := v.connect(t, io, "")
		chat := root.Namespace("/chat", "")
		chat.Connect()
		room := root.Namespace("/chat/room é", "")
		room.Connect()

		same(t, "connections", io.Engine().Len(), 1)
		equal(t, root.Run(`ask("where")`), `["/"]`)
		equal(t, chat.Run(`ask("where")`), `["/chat"]`)
		equal(t, room.Run(`ask("where")`), `["/chat/room é"]`)
		if root.ID() == chat.ID() {
			t.Error("two namespaces have the same socket ID")
		}

		if err := io.Of("/chat").Emit("news", "for chat"); err != nil {
			t.Error(err)
		}
		equal(t, chat.Expect("news"), `["for chat"]`)

		// Leaving one does not end the others.
		chat.Run(`socket.disconnect(); return`)
		equal(t, chat.Expect("disconnect"), `["io client disconnect"]`)
		equal(t, root.Run(`ask("where")`), `["/"]`)
		same(t, "events of the main namespace", root.Events(), []string{})
	})
}

// io(url + "/chat") shares the Manager of io(url), as most applications do it.
func TestNamespaceInURL(t *testing.T) {
	each(t, func(t *testing.T, v variant) {
		io := serve(t, nil)
		io.Of("/chat").On("where", func(s *socketio.Socket) string { return s.Namespace().Name() })
		c := v.connect(t, io, `{ forceNew: false }`)
		equal(t, c.Run(`
			const chat = libraries["socket.io-client"].io(args[0] + "/chat");
			assert.equal(chat.io, manager);
			const where = await chat.connect().emitWithAck("where");
			chat.disconnect();
			return where;
		`, io.url), `"/chat"`)
	})
}

func TestUnknownNamespace(t *testing.T) {
	eachVersion(t, func(t *testing.T, v variant) {
		io := serve(t, nil)
		root := v.connect(t, io, "")
		nobody := root.Namespace("/nobody", "")
		nobody.Run(`socket.connect(); return`)
		equal(t, nobody.Expect("connect_error"), `[{"$error": "Invalid namespace"}]`)
		equal(t, root.Run(`socket.connected`), `true`)
		equal(t, nobody.Run(`socket.connected`), `false`)
	})
}

func TestMiddlewareRefuses(t *testing.T) {
	for _, test := range []struct {
		name string
		err  error
		want string
	}{
		{"with data", &socketio.ConnectError{Message: "not authorized", Data: map[string]any{"retry": false, "in": 5}},
			`[{"$error": "not authorized", "data": {"retry": false, "in": 5}}]`},
		{"with a message", &socketio.ConnectError{Message: "nö <&>"}, `[{"$error": "nö <&>"}]`},
		{"with any error", errors.New("database is down"), `[{"$error": "database is down"}]`},
	} {
		t.Run(test.name, func(t *testing.T) {
			eachVersion(t, func(t *testing.T, v variant) {
				io := serve(t, nil)
				io.Use(func(context.Context, *socketio.Socket) error { return test.err })
				io.Use(func(context.Context, *socketio.Socket) error {
					t.Error("the next middleware was called")
					return nil
				})
				io.OnConnect(func(*socketio.Socket) { t.Error("connected") })
				io.OnDisconnect(func(*socketio.Socket, socketio.Reason) { t.Error("disconnected") })

				c := v.open(t, io, "")
				c.Run(`socket.connect(); return`)

				equal(t, c.Expect("connect_error"), test.want)
				equal(t, c.Run(`socket.connected`), `false`)
				same(t, "sockets", len(io.Sockets()), 0)
				if v.library == current { // older ones keep the connection
					equal(t, c.Run(`socket.active`), `false`)
					await.Until(t, "the end of the connection", func() bool { return io.Engine().Len() == 0 })
				}
			})
		})
	}
}

// A client that was refused may try again with better credentials, in the same
// namespace of the same connection.
func TestRefusedClientTriesAgain(t *testing.T) {
	eachVersion(t, func(t *testing.T, v variant) {
		io := serve(t, nil)
		io.Of("/private").Use(func(_ context.Context, s *socketio.Socket) error {
			var auth struct{ Token string }
			if err := s.Handshake().DecodeAuth(&auth); err != nil {
				return err
			}
			if auth.Token != "good" {
				return &socketio.ConnectError{Message: "bad token"}
			}
			return nil
		})
		root := v.connect(t, io, "")
		c := root.Namespace("/private", `{ auth: { token: "bad" } }`)
		c.Run(`socket.connect(); return`)
		equal(t, c.Expect("connect_error"), `[{"$error": "bad token"}]`)
		c.Run(`socket.auth.token = "good"; socket.connect(); return`)
		c.Expect("connect")
		same(t, "connections", io.Engine().Len(), 1)
	})
}

func TestMiddlewareEmitsAndJoins(t *testing.T) {
	eachVersion(t, func(t *testing.T, v variant) {
		io := serve(t, nil)
		io.Use(func(_ context.Context, s *socketio.Socket) error {
			if s.Connected() {
				t.Error("connected before the middleware is done")
			}
			s.SetData("user 7")
			if err := s.Join("lobby", "hall"); err != nil {
				return err
			}
			return s.Emit("welcome", "early", []byte{1, 2})
		})
		io.OnConnect(func(s *socketio.Socket) {
			data, ok := socketio.Data[string](s)
			same(t, "data", data, "user 7")
			same(t, "there is data", ok, true)
			if err := s.Emit("late"); err != nil {
				t.Error(err)
			}
		})

		c := v.open(t, io, "")
		c.Connect()
		equal(t, c.Expect("welcome"), `["early", {"$binary": "AQI="}]`)
		c.Expect("late")
		if err := io.To("lobby").Except("elsewhere").Emit("in lobby"); err != nil {
			t.Error(err)
		}
		c.Expect("in lobby")
		same(t, "rooms", len(io.socket(t, c).Rooms()), 3)
	})
}

// Once the client has the CONNECT reply, it is part of the namespace:
// what is broadcast from then on reaches it.
func TestBroadcastReachesWhoIsConnected(t *testing.T) {
	each(t, func(t *testing.T, v variant) {
		io := serve(t, nil)
		io.Use(func(_ context.Context, s *socketio.Socket) error { return s.Join("lobby") })
		for range 30 {
			c := v.open(t, io, "")
			c.Connect()
			if err := io.To("lobby").Emit("news"); err != nil {
				t.Fatal(err)
			}
			c.Expect("news")
		}
	})
}

// A client whose middleware has panicked gets no CONNECT_ERROR, and reconnects.
func TestMiddlewarePanics(t *testing.T) {
	each(t, func(t *testing.T, v variant) {
		io := serve(t, &socketio.Options{OnError: func(*socketio.Socket, error) {}})
		var asked atomic.Int32
		io.Use(func(context.Context, *socketio.Socket) error {
			if asked.Add(1) == 1 {
				panic("secret detail")
			}
			return nil
		})
		c := v.open(t, io, "")
		c.Run(`socket.connect(); return`)
		c.Expect("connect")
	})
}

// What the HTTP layer refuses is an error of the connection for the client.
func TestAllowRequest(t *testing.T) {
	over(t, []string{current}, []string{polling, websocket}, func(t *testing.T, v variant) {
		opts := &socketio.Options{Engine: engine.ServerOptions{
			AllowRequest: func(r *http.Request) error {
				if r.Header.Get("X-Key") != "open sesame" {
					return errors.New("no key")
				}
				return nil
			},
		}}
		io := serve(t, opts)
		v.connect(t, io, `{ extraHeaders: { "x-key": "open sesame" } }`)

		c := v.open(t, io, `{ reconnection: false }`)
		c.Run(`socket.connect(); return`)
		want := map[string]string{
			polling:   `[{"$error": "xhr poll error", "description": 403}]`,
			websocket: `[{"$error": "websocket error"}]`,
		}
		equal(t, c.Expect("connect_error"), want[v.transport])
	})
}

// A client that does not join a namespace in time is disconnected.
func TestConnectTimeout(t *testing.T) {
	each(t, func(t *testing.T, v variant) {
		io := serve(t, &socketio.Options{ConnectTimeout: time.Millisecond})
		c := v.engine(t, io, "")
		c.Expect("close")
		same(t, "connections", io.Engine().Len(), 0)
	})
}

// engine makes a client of the layer below, engine.io-client, and opens it.
func (v variant) engine(t *testing.T, io *server, options string) *peer.Client {
	t.Helper()
	return node.OpenEngine(t, io.url, `{ path: "/socket.io/", ...`+v.options(options)+` }`)
}
