package goclient

import (
	"context"
	"encoding/json"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/seed96b07ef8/socketio/client"
	"github.com/seed96b07ef8/socketio/engine"
	"github.com/seed96b07ef8/socketio/internal/faultproxy"
	"github.com/seed96b07ef8/socketio/interop/internal/peer"
)

// identity is what the event "who" is answered with.
type identity struct {
	ID, Conn, Namespace, Transport string
	Query, Headers                 map[string]string
}

func TestConnect(t *testing.T) {
	each(t, func(t *testing.T, w way) {
		srv := w.serve(t, peer.Config{})
		type credentials struct {
			Token string   `json:"token"`
			Roles []string `json:"roles"`
		}
		c := w.client(t, srv.URL()+"?team=r%C3%A9d&a=1+2", func(o *client.Options) {
			o.Auth = credentials{"s3cret €", []string{"a", "b"}}
			o.Engine.Header = map[string][]string{"X-Team": {"blue"}}
			o.Engine.Query = map[string][]string{"more": {"&=?"}}
		})
		begins, ends := connections(c), disconnections(c)
		same(t, "Active before", c.Active(), false)
		w.join(t, c)
		same(t, "Recovered", receive(t, begins, "OnConnect"), false)
		same(t, "Connected", c.Connected(), true)
		equal(t, srv.Expect("connect"), `["/", "`+c.ID()+`", {"token": "s3cret €", "roles": ["a", "b"]}]`)
		who := call[identity](t, c, "who")
		same(t, "ID", who.ID, c.ID())
		same(t, "ID of the connection", who.Conn, c.Manager().Engine().ID())
		same(t, "query team", who.Query["team"], "réd")
		same(t, "query a", who.Query["a"], "1 2")
		same(t, "query more", who.Query["more"], "&=?")
		same(t, "query EIO", who.Query["EIO"], "4")
		same(t, "header", who.Headers["x-team"], "blue")
		if w.transport != upgrading {
			want := map[string]string{polling: polling, websocket: websocket, upgraded: websocket}[w.transport]
			same(t, "transport", who.Transport, want)
		}
		e := c.Manager().Engine()
		c.Disconnect()
		same(t, "the end", receive(t, ends, "OnDisconnect"), disconnection{client.ClientDisconnect, nil})
		same(t, "what the server was told", decode[[]string](t, srv.Expect("disconnect"))[1], who.ID)
		receive(t, e.Done(), "the end of the connection")
		same(t, "ID after", c.ID(), "")

		// And again: another session over another connection.
		w.join(t, c)
		if id := call[identity](t, c, "who"); id.ID == who.ID || id.Conn == who.Conn {
			t.Errorf("the new session is %v, the old one was %v", id, who)
		}
	})
}

// An Auth function is asked again at each connection.
func TestAuthFunc(t *testing.T) {
	each(t, func(t *testing.T, w way) {
		srv := w.serve(t, peer.Config{})
		p := faultproxy.Start(t, srv.Addr())
		var asked atomic.Int32
		c := w.client(t, srv.URL(), func(o *client.Options) {
			o.Engine.DialContext = p.Dial
			o.Auth = func(ctx context.Context) (any, error) {
				n := asked.Add(1)
				if n == 2 {
					return nil, fmt.Errorf("not now")
				}
				return map[string]any{"n": n}, nil
			}
		})
		refusals := make(chan error, 10)
		c.OnConnectError(func(err error) { refusals <- err })
		w.join(t, c)
		equal(t, srv.Expect("connect"), `["/", "`+c.ID()+`", {"n": 1}]`)
		begins := connections(c)
		lose(t, p, c)
		receive(t, begins, "the reconnection")
		equal(t, srv.Expect("connect"), `["/", "`+c.ID()+`", {"n": 3}]`)
		if err := errorAs[*client.AuthError](t, receive(t, refusals, "the refusal")); err.Err.Error() != "not now" {
			t.Errorf("got error %v", err)
		}
	})
}

func TestConnectError(t *testing.T) {
	each(t, func(t *testing.T, w way) {
		srv := w.serve(t, peer.Config{})
		deny := true
		c := w.client(t, srv.URL()+"/chat", func(o *client.Options) {
			o.Auth = func(context.Context) (any, error) {
				if deny {
					return map[string]any{"deny": 42}, nil
				}
				return nil, nil
			}
		})
		refusals := make(chan error, 1)
		c.OnConnectError(func(err error) { refusals <- err })
		for range 2 {
			refusal := errorAs[*client.ConnectError](t, c.Connect(within(t)))
			same(t, "the message", refusal.Message, "denied")
			same(t, "the data", refusal.Data, any(map[string]any{"code": 42.0, "bytes": []any{"ü"}}))
			var data struct{ Code int }
			if err := refusal.DecodeData(&data); err != nil || data.Code != 42 {
				t.Errorf("data %v, %v", data, err)
			}
			same(t, "OnConnectError", receive(t, refusals, "OnConnectError"), error(refusal))
			same(t, "Active", c.Active(), false)
			same(t, "Connected", c.Connected(), false)
		}
		deny = false
		w.join(t, c)
		same(t, "the ID", call[identity](t, c, "who").ID, c.ID())
	})
}

// Sockets of several namespaces share a connection, and none is in another's way.
func TestNamespaces(t *testing.T) {
	each(t, func(t *testing.T, w way) {
		srv := w.serve(t, peer.Config{})
		o := w.options()
		root := newClient(t, srv.URL(), o)
		chat := newClient(t, srv.URL()+"/chat", o)
		news := root.Manager().Socket("/news", &client.SocketOptions{Auth: map[string]any{"for": "news"}})
		same(t, "one manager", chat.Manager() == root.Manager(), true)
		all := []*client.Socket{root, chat, news}
		// What one handler waits for must not hold up the others.
		release, blocked := make(chan struct{}), make(chan struct{})
		root.On("echo", func() {
			close(blocked)
			<-release
		})
		for _, c := range all {
			w.join(t, c)
		}
		emit(t, root, "echo")
		receive(t, blocked, "the handler")
		conn := root.Manager().Engine().ID()
		for _, c := range all {
			who := call[identity](t, c, "who")
			same(t, "the namespace", who.Namespace, c.Namespace())
			same(t, "the ID", who.ID, c.ID())
			same(t, "the connection", who.Conn, conn)
		}
		close(release)
		for range 3 {
			args := decode[[]any](t, srv.Expect("connect"))
			if args[0] == "/news" {
				same(t, "auth", args[2], any(map[string]any{"for": "news"}))
			} else {
				same(t, "auth", args[2], any(map[string]any{}))
			}
		}

		// The same names in all of them.
		got := make(chan string, 3)
		for _, c := range []*client.Socket{chat, news} {
			c.On("echo", func(s *client.Socket, text string) { got <- s.Namespace() + text })
			emit(t, c, "echo", c.Namespace())
			same(t, "echo", receive(t, got, "the echo"), c.Namespace()+c.Namespace())
		}
		// One leaves, the others stay.
		chat.Disconnect()
		same(t, "who has left", decode[[]string](t, srv.Expect("disconnect"))[0], "/chat")
		same(t, "news", call[identity](t, news, "who").Conn, conn)
		w.join(t, chat)
		same(t, "chat", call[identity](t, chat, "who").Conn, conn)
	})
}

func TestUnknownNamespace(t *testing.T) {
	each(t, func(t *testing.T, w way) {
		srv := w.serve(t, peer.Config{})
		o := w.options()
		root, unknown := newClient(t, srv.URL(), o), newClient(t, srv.URL()+"/unknown", o)
		w.join(t, root)
		for range 2 {
			refusal := errorAs[*client.ConnectError](t, unknown.Connect(within(t)))
			same(t, "the message", refusal.Message, map[string]string{"node": "Invalid namespace", "python": "Unable to connect"}[w.server])
			same(t, "Active", unknown.Active(), false)
		}
		same(t, "the other", call[identity](t, root, "who").ID, root.ID())
	})
}

// Connect gives up with its context, and Open does not.
func TestOpenBeforeServer(t *testing.T) {
	over(t, []string{"node", "python"}, []string{polling, websocket}, func(t *testing.T, w way) {
		srv := w.serve(t, peer.Config{})
		srv.Close()
		c := w.client(t, srv.URL(), nil)
		failures := make(chan error, 1000)
		c.OnConnectError(func(err error) { failures <- err })
		errorAs[*engine.OpError](t, c.Connect(within(t)))
		same(t, "Active", c.Active(), false)
		errorAs[*engine.OpError](t, receive(t, failures, "OnConnectError"))
		begins := connections(c)
		if err := c.Open(); err != nil {
			t.Fatal(err)
		}
		emit(t, c, "item", 1)
		for range 3 {
			errorAs[*engine.OpError](t, receive(t, failures, "OnConnectError"))
		}
		srv.Start()
		receive(t, begins, "the connection")
		equal(t, srv.Expect("item"), `[1]`)
	})
}

// A dynamic namespace of Node, whose name is escaped in a URL.
func TestDynamicNamespace(t *testing.T) {
	eachNode(t, func(t *testing.T, w way) {
		srv := w.serve(t, peer.Config{Code: `io.of(/^\/room-\d+$/).on("connection", (s) => s.on("where", (ack) => ack(s.nsp.name, s.handshake.query)))`})
		c := w.dial(t, srv.URL()+"/room-12?x=1", nil)
		args, err := c.EmitWithAck(within(t), "where")
		if err != nil {
			t.Fatal(err)
		}
		var name string
		var query json.RawMessage
		if err := args.Decode(&name, &query); err != nil {
			t.Fatal(err)
		}
		same(t, "the name", name, "/room-12")
		same(t, "x", decode[map[string]string](t, query)["x"], "1")
	})
}

// A Node server that reads the requests to leave a namespace and to join it again
// together takes the second for an error and closes the connection, which others use,
// too. It does not come to that.
func TestRejoinAtOnce(t *testing.T) {
	each(t, func(t *testing.T, w way) {
		srv := w.serve(t, peer.Config{})
		o := w.options()
		root, chat := newClient(t, srv.URL(), o), newClient(t, srv.URL()+"/chat", o)
		w.join(t, root)
		w.join(t, chat)
		ends := disconnections(root)
		for i := range 5 {
			id := chat.ID()
			chat.Disconnect()
			connect(t, chat)
			who := call[identity](t, chat, "who")
			if who.ID != chat.ID() || who.ID == id || who.Conn != root.Manager().Engine().ID() {
				t.Errorf("now %v, and before %q", who, id)
			}
			emit(t, root, "item", i)
			same(t, "the items", call[[]int](t, chat, "items"), numbers(0, i+1))
		}
		same(t, "disconnections", len(ends), 0)
	})
}
