package socketio_test

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/seed96b07ef8/socketio"
	"github.com/seed96b07ef8/socketio/internal/wiretest"
	"github.com/seed96b07ef8/socketio/parser"
)

// Four clients a, b, c and d; a is in rooms x and y, b in x, c in y, d in none.
// Client a asks for a broadcast, and every client then asks for a last message,
// so that it is known what came before.
func TestBroadcastTargets(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name string
		emit func(io *socketio.Server, s *socketio.Socket, ids map[string]string) error
		want string // the clients that receive it
	}{
		{"everyone", func(io *socketio.Server, _ *socketio.Socket, _ map[string]string) error { return io.Emit("m") }, "abcd"},
		{"a room", func(io *socketio.Server, _ *socketio.Socket, _ map[string]string) error { return io.To("x").Emit("m") }, "ab"},
		{"two rooms, each socket once", func(io *socketio.Server, _ *socketio.Socket, _ map[string]string) error {
			return io.To("x").In("y").Emit("m")
		}, "abc"},
		{"two rooms in one call", func(io *socketio.Server, _ *socketio.Socket, _ map[string]string) error {
			return io.In("x", "y").Emit("m")
		}, "abc"},
		{"a room but for another", func(io *socketio.Server, _ *socketio.Socket, _ map[string]string) error {
			return io.To("x").Except("y").Emit("m")
		}, "b"},
		{"all but for a room", func(io *socketio.Server, _ *socketio.Socket, _ map[string]string) error {
			return io.Except("x").Emit("m")
		}, "cd"},
		{"all but for two rooms", func(io *socketio.Server, _ *socketio.Socket, _ map[string]string) error {
			return io.Except("x", "y").Emit("m")
		}, "d"},
		{"an empty room", func(io *socketio.Server, _ *socketio.Socket, _ map[string]string) error {
			return io.To("nobody").Emit("m")
		}, ""},
		{"no rooms", func(io *socketio.Server, _ *socketio.Socket, _ map[string]string) error {
			return io.To(none...).Emit("m")
		}, ""},
		{"no rooms of a namespace", func(io *socketio.Server, _ *socketio.Socket, _ map[string]string) error {
			return io.Of("/").In(none...).Except("x").Emit("m")
		}, ""},
		{"a room and none", func(io *socketio.Server, _ *socketio.Socket, _ map[string]string) error {
			return io.To(none...).To("x").To(none...).Emit("m")
		}, "ab"},
		{"except no rooms", func(io *socketio.Server, _ *socketio.Socket, _ map[string]string) error {
			return io.Except(none...).Emit("m")
		}, "abcd"},
		{"from a socket: no rooms", func(_ *socketio.Server, s *socketio.Socket, _ map[string]string) error {
			return s.To(none...).Emit("m")
		}, ""},
		{"from a socket: no rooms, operators first", func(_ *socketio.Server, s *socketio.Socket, _ map[string]string) error {
			return s.Volatile().In(none...).Emit("m")
		}, ""},
		{"from a socket: except no rooms", func(_ *socketio.Server, s *socketio.Socket, _ map[string]string) error {
			return s.Except(none...).Emit("m")
		}, "bcd"},
		{"one socket by its ID", func(io *socketio.Server, _ *socketio.Socket, ids map[string]string) error {
			return io.To(ids["c"]).Emit("m")
		}, "c"},
		{"all but one socket", func(io *socketio.Server, _ *socketio.Socket, ids map[string]string) error {
			return io.Except(ids["b"]).Emit("m")
		}, "acd"},
		{"local", func(io *socketio.Server, _ *socketio.Socket, _ map[string]string) error {
			return io.Local().Emit("m")
		}, "abcd"},
		{"from a socket: all others", func(_ *socketio.Server, s *socketio.Socket, _ map[string]string) error {
			return s.Broadcast().Emit("m")
		}, "bcd"},
		{"from a socket: a room", func(_ *socketio.Server, s *socketio.Socket, _ map[string]string) error { return s.To("x").Emit("m") }, "b"},
		{"from a socket: its own room", func(_ *socketio.Server, s *socketio.Socket, _ map[string]string) error {
			return s.To(s.ID()).Emit("m")
		}, ""},
		{"from a socket: except", func(_ *socketio.Server, s *socketio.Socket, _ map[string]string) error {
			return s.Except("x").Emit("m")
		}, "cd"},
		{"from a socket: local", func(_ *socketio.Server, s *socketio.Socket, _ map[string]string) error { return s.Local().Emit("m") }, "bcd"},
		{"from a socket: operators first", func(_ *socketio.Server, s *socketio.Socket, _ map[string]string) error {
			return s.Compress(false).To("y").Emit("m")
		}, "c"},
		{"to itself", func(_ *socketio.Server, s *socketio.Socket, _ map[string]string) error { return s.Emit("m") }, "a"},
	}
	transports(t, func(t *testing.T, transport string) {
		t.Parallel()
		io, url, errs := newServer(t, nil)
		clients, ids := map[string]*wiretest.Client{}, map[string]string{}
		io.On("join", func(s *socketio.Socket, rooms ...string) error { return s.Join(rooms...) })
		io.On("fenced", func() bool { return true })
		for name, rooms := range map[string]string{"a": `"x","y"`, "b": `"x"`, "c": `"y"`, "d": ``} {
			clients[name], ids[name] = wiretest.Join(t, url, transport, "/")
			if rooms != "" {
				clients[name].Send(`420["join",` + rooms + `]`)
				clients[name].Expect(`430[]`)
			}
		}
		for i, c := range cases {
			t.Run(c.name, func(t *testing.T) {
				event := fmt.Sprintf("case %d", i)
				io.On(event, func(s *socketio.Socket) error { return c.emit(io, s, ids) })
				clients["a"].Send(`429["` + event + `"]`)
				var got []string
				for p := clients["a"].Read(); p != `439[]`; p = clients["a"].Read() {
					got = append(got, "a"+p)
				}
				for name, client := range clients {
					client.Send(`428["fenced"]`)
					for p := client.Read(); p != `438[true]`; p = client.Read() {
						got = append(got, name+p)
					}
				}
				slices.Sort(got)
				var want []string
				for _, name := range c.want {
					want = append(want, string(name)+`42["m"]`)
				}
				if !slices.Equal(got, want) {
					t.Errorf("received %v, want %v", got, want)
				}
			})
		}
		for _, err := range errs.all() {
			t.Error(err)
		}
	})
}

// none is a list of rooms that happens to be empty.
var none []string

// What is done to the sockets of an empty list of rooms is done to no socket, whether
// it is an event or not.
func TestNoRooms(t *testing.T) {
	t.Parallel()
	io, url, _ := newServer(t, nil)
	parent := io.OfRegexp(regexp.MustCompile("^/room-"))
	wiretest.Join(t, url, "websocket", "/room-1")
	_, id := wiretest.Join(t, url, "websocket", "/room-1")
	stranger := io.Of("/room-1").Socket(id)
	for name, b := range map[string]socketio.Broadcast{
		"parent": parent.To(none...), "namespace": io.Of("/room-1").In(none...), "except": parent.To(none...).Except("x"),
	} {
		if n := len(b.Sockets()); n != 0 {
			t.Errorf("%s: Sockets returned %d sockets", name, n)
		}
		if found, err := b.FetchSockets(t.Context()); len(found) != 0 || err != nil {
			t.Errorf("%s: FetchSockets returned %d sockets, %v", name, len(found), err)
		}
		if acks, err := socketio.Collect(b.Timeout(wiretest.Timeout).EmitWithAck(t.Context(), "q")); len(acks) != 0 || err != nil {
			t.Errorf("%s: %d clients were asked, %v", name, len(acks), err)
		}
		if err := errors.Join(b.SocketsJoin("joined"), b.SocketsLeave(id), b.DisconnectSockets(true)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if rooms := stranger.Rooms(); !stranger.Connected() || !slices.Equal(rooms, []string{id}) {
		t.Errorf("a socket in none of no rooms is in %q, connected: %v", rooms, stranger.Connected())
	}
}

// What was said of an emitter holds for the broadcast that it becomes.
func TestEmitterBecomesBroadcast(t *testing.T) {
	t.Parallel()
	io, url, _ := newServer(t, nil)
	_, aID := wiretest.Join(t, url, "websocket", "/")
	b, bID := wiretest.Join(t, url, "websocket", "/")
	go func() { b.Send(`43` + ackID(t, b.Read(), `["q"]`) + `[]`) }()
	acks, err := socketio.Collect(io.Socket(aID).Timeout(wiretest.Timeout).Broadcast().EmitWithAck(t.Context(), "q"))
	if err != nil || len(acks) != 1 || acks[0].Socket != bID {
		t.Errorf("answers %v %v", acks, err)
	}
}

// Operators are values: deriving from one does not change it.
func TestBroadcastIsAValue(t *testing.T) {
	t.Parallel()
	io, url, _ := newServer(t, nil)
	io.OnConnect(func(s *socketio.Socket) {
		if err := s.Join("a", "b"); err != nil {
			t.Error(err)
		}
	})
	c, _ := wiretest.Join(t, url, "websocket", "/")
	base := io.To("nobody")
	ab := base.To("a")
	none := base.Except("a")
	_ = base.To("b") // must not end up in ab
	waitFor(t, "the rooms", func() bool { return len(io.In("b").Sockets()) == 1 })
	if n := len(base.Sockets()); n != 0 {
		t.Errorf("the base selects %d sockets", n)
	}
	if n := len(none.Sockets()); n != 0 {
		t.Errorf("the exception selects %d sockets", n)
	}
	for range 2 {
		if err := ab.Emit("again"); err != nil {
			t.Error(err)
		}
	}
	c.Expect(`42["again"]`, `42["again"]`)
}

func TestBroadcastBinary(t *testing.T) {
	t.Parallel()
	io, url, _ := newServer(t, nil)
	plain, _ := wiretest.Join(t, url, "websocket", "/")
	polling, _ := wiretest.Join(t, url, "polling", "/")
	base64 := wiretest.Dial(t, url, "websocket", "b64=1")
	base64.Join("/")
	waitFor(t, "three sockets", func() bool { return len(io.Sockets()) == 3 })
	if err := io.Emit("data", []byte{1, 2}, []byte{}); err != nil {
		t.Fatal(err)
	}
	const head = `452-["data",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]`
	plain.Expect(head, wiretest.Binary("\x01\x02"), wiretest.Binary(""))
	polling.Expect(head, wiretest.Binary("\x01\x02"), wiretest.Binary(""))
	base64.Expect(head, `bAQI=`, `b`)
}

func TestSocketsOfANamespace(t *testing.T) {
	t.Parallel()
	io, url, _ := newServer(t, nil)
	n := io.Of("chat") // a missing slash is added
	if n != io.Of("/chat") || n.Name() != "/chat" || io.Of("/") != io.Namespace {
		t.Error("Of returns different namespaces")
	}
	c, id := wiretest.Join(t, url, "websocket", "/chat")
	s := n.Socket(id)
	for s == nil { // the answer may be here before the socket is in its room
		s = n.Socket(id)
	}
	if s.ID() != id || s.Namespace() != n || len(id) != 20 || io.Socket(id) != nil || n.Socket("nobody") != nil {
		t.Errorf("the socket is %v", s)
	}
	if err := s.Join("r"); err != nil {
		t.Error(err)
	}
	if got := n.In("r").Sockets(); len(got) != 1 || got[0] != s {
		t.Errorf("room: %v", got)
	}
	s.Leave("r")
	if got := n.In("r").Sockets(); len(got) != 0 {
		t.Errorf("room after leaving: %v", got)
	}
	s.Leave(id)
	if got := n.In(id).Sockets(); len(got) != 0 || len(s.Rooms()) != 0 {
		t.Errorf("own room after leaving: %v", got)
	}
	if err := n.Emit("all"); err != nil {
		t.Error(err)
	}
	c.Expect(`42/chat,["all"]`)
}

func TestLimits(t *testing.T) {
	t.Parallel()
	io, url, _ := newServer(t, &socketio.Options{MaxRooms: 2, MaxNamespaces: 2})
	for _, n := range []string{"/a", "/b"} {
		io.Of(n)
	}
	io.On("join", func(s *socketio.Socket, rooms ...string) string {
		err := s.Join(rooms...)
		if limit, ok := errors.AsType[*socketio.LimitError](err); ok {
			return limit.Option
		}
		return fmt.Sprint(err)
	})
	c, _ := wiretest.Join(t, url, "websocket", "/")
	c.Send(`421["join","1","2"]`, `422["join","2","1"]`, `423["join","3"]`)
	c.Expect(`431["<nil>"]`, `432["<nil>"]`, `433["MaxRooms"]`)
	c.Join("/a")
	c.Send(`40/b,`)
	c.Expect(`44/b,{"message":"Too many namespaces"}`)
}

func TestOptionsOutOfRange(t *testing.T) {
	t.Parallel()
	for field, opts := range map[string]*socketio.Options{
		"ConnectTimeout":        {ConnectTimeout: -1},
		"MaxRooms":              {MaxRooms: -1},
		"MaxNamespaces":         {MaxNamespaces: -1},
		"MaxPendingAcks":        {MaxPendingAcks: -1},
		"InboxEvents":           {InboxEvents: -1},
		"InboxBytes":            {InboxBytes: -1},
		"Limits.MaxAttachments": {Limits: parser.Limits{MaxAttachments: -1}},
	} {
		if _, err := socketio.New(opts); err == nil || !strings.Contains(err.Error(), field) || !strings.Contains(err.Error(), "-1") {
			t.Errorf("%s: %v", field, err)
		}
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: NewServer did not panic", field)
				}
			}()
			socketio.NewServer(opts)
		}()
	}
}

// A client that knows it is connected misses no broadcast, and none reaches it
// before it knows.
func TestBroadcastRightAfterConnect(t *testing.T) {
	t.Parallel()
	for _, recovery := range []*socketio.Recovery{nil, {}} {
		io, url, _ := newServer(t, &socketio.Options{Recovery: recovery})
		stop := make(chan struct{})
		var wg sync.WaitGroup
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					emit(t, io.Volatile().Emit("noise"))
				}
			}
		})
		for i := range 100 {
			c, _ := wiretest.Join(t, url, "websocket", "/") // the first packet is the answer
			event := fmt.Sprintf("after %d", i)
			emit(t, io.Emit(event))
			for p := ""; !strings.HasPrefix(p, `42["`+event+`"`); p = c.Read() {
			}
			c.Close()
		}
		close(stop)
		wg.Wait()
	}
}
