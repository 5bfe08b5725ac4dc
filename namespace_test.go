package socketio_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/seed96b07ef8/socketio"
	"github.com/seed96b07ef8/socketio/adapter"
	"github.com/seed96b07ef8/socketio/internal/wiretest"
)

func TestDynamicNamespaces(t *testing.T) {
	t.Parallel()
	io, url, _ := newServer(t, &socketio.Options{CleanupEmptyChildNamespaces: true, MaxDynamicNamespaces: 3})
	var mu sync.Mutex
	var created []string
	io.OnNewNamespace(func(n *socketio.Namespace) {
		mu.Lock()
		defer mu.Unlock()
		created = append(created, n.Name())
	})
	parent := io.OfRegexp(regexp.MustCompile(`^/room-\d+$`))
	parent.Use(func(_ context.Context, s *socketio.Socket) error {
		if s.Namespace().Name() == "/room-13" {
			return errors.New("unlucky")
		}
		return nil
	})
	parent.On("where", func(s *socketio.Socket) string { return s.Namespace().Name() })
	io.OfFunc(func(name string, auth socketio.Args) bool {
		var a struct{ Key string }
		return auth.DecodeAt(0, &a) == nil && name == "/secret/"+a.Key
	}).OnConnect(func(s *socketio.Socket) { emit(t, s.Emit("welcome")) })

	c, _ := wiretest.Join(t, url, "websocket", "/room-1")
	c.Join("/room-2")
	other, _ := wiretest.Join(t, url, "websocket", "/room-1")
	// Registered after the children came into being.
	parent.On("late", func() string { return "late" })
	c.Send(`42/room-1,1["where"]`)
	c.Expect(`43/room-1,1["/room-1"]`)
	c.Send(`42/room-2,2["where"]`, `42/room-2,3["late"]`)
	c.Expect(`43/room-2,2["/room-2"]`, `43/room-2,3["late"]`)

	// What is registered on a child is its own.
	for _, n := range parent.Children() { // Of would make it stay
		if n.Name() == "/room-1" {
			n.On("own", func() string { return "own" })
		}
	}
	c.Send(`42/room-2,4["own"]`, `42/room-1,5["own"]`)
	c.Expect(`43/room-1,5["own"]`)

	// The parent broadcasts to all children.
	waitFor(t, "three sockets", func() bool { return len(parent.Sockets()) == 3 })
	emit(t, parent.Emit("all"))
	got := []string{c.Read(), c.Read()}
	if slices.Sort(got); !slices.Equal(got, []string{`42/room-1,["all"]`, `42/room-2,["all"]`}) {
		t.Errorf("received %q", got)
	}
	other.Expect(`42/room-1,["all"]`)
	if sockets, err := parent.FetchSockets(t.Context()); err != nil || len(sockets) != 3 {
		t.Errorf("fetched %v %v", sockets, err)
	}

	for _, refusal := range [][2]string{
		{`40/room-x`, `44/room-x,{"message":"Invalid namespace"}`},
		{`40/room-13,`, `44/room-13,{"message":"unlucky"}`},
		{`40/secret/a,{"key":"b"}`, `44/secret/a,{"message":"Invalid namespace"}`},
	} {
		c.Send(refusal[0])
		c.Expect(refusal[1])
	}
	c.Send(`40/secret/a,{"key":"a"}`)
	if answer := c.Read(); !strings.HasPrefix(answer, `40/secret/a,{"sid":`) {
		t.Fatalf("answered %q", answer)
	}
	c.Expect(`42/secret/a,["welcome"]`)
	// The fourth child at once has to wait. An empty one ceases to exist, and makes room.
	c.Send(`40/room-4,`, `41/room-2,`)
	if answer := c.Read(); !strings.HasPrefix(answer, `40/room-4,{"sid":`) {
		t.Fatalf("answered %q", answer)
	}
	c.Close()
	other.Close()
	waitFor(t, "the end of the children", func() bool { return len(parent.Children()) == 0 })

	mu.Lock()
	defer mu.Unlock()
	if want := []string{"/room-1", "/room-2", "/room-13", "/secret/a", "/room-4"}; !slices.Equal(created, want) {
		t.Errorf("created %q, want %q", created, want)
	}
}

// Clients come to and leave a namespace that ceases to exist in between.
func TestDynamicNamespacesUnderChurn(t *testing.T) {
	t.Parallel()
	io, url, _ := newServer(t, &socketio.Options{CleanupEmptyChildNamespaces: true})
	parent := io.OfRegexp(regexp.MustCompile(`^/churn$`))
	parent.On("ping", func() string { return "pong" })
	var wg sync.WaitGroup
	for range 8 {
		c := wiretest.Dial(t, url, "websocket")
		wg.Go(func() {
			for range 50 {
				c.Join("/churn")
				c.Send(`42/churn,1["ping"]`)
				c.Expect(`43/churn,1["pong"]`)
				c.Send(`41/churn,`)
			}
		})
	}
	wg.Wait()
	waitFor(t, "the end of the namespace", func() bool { return len(parent.Children()) == 0 })
}

// A child that the application asks for by its name stays with what it registers.
func TestChildThatIsAskedForStays(t *testing.T) {
	t.Parallel()
	io, url, _ := newServer(t, &socketio.Options{CleanupEmptyChildNamespaces: true})
	parent := io.OfRegexp(regexp.MustCompile(`^/a`))
	c, _ := wiretest.Join(t, url, "websocket", "/apple")
	n := io.Of("/apple")
	n.On("own", func() string { return "own" })
	c.Send(`41/apple,`)
	c.Join("/avocado")
	c.Send(`41/avocado,`)
	waitFor(t, "the end of the other", func() bool { return len(parent.Children()) == 1 })
	c.Join("/apple")
	c.Send(`42/apple,1["own"]`)
	c.Expect(`43/apple,1["own"]`)
}

// What is registered when a namespace is announced serves its first client.
func TestNewNamespaceIsAnnouncedFirst(t *testing.T) {
	t.Parallel()
	io, url, _ := newServer(t, nil)
	io.OfRegexp(regexp.MustCompile(`^/n`))
	io.OnNewNamespace(func(n *socketio.Namespace) {
		if io.Of(n.Name()) != n {
			t.Error("Of returns another namespace")
		}
		n.OnConnect(func(s *socketio.Socket) { emit(t, s.Emit("welcome")) })
	})
	var clients []*wiretest.Client
	for range 8 {
		clients = append(clients, wiretest.Dial(t, url, "websocket"))
	}
	for i := range 20 {
		nsp := fmt.Sprintf("/n%d,", i)
		for _, c := range clients {
			c.Send("40" + nsp)
		}
		for _, c := range clients {
			if answer := c.Read(); !strings.HasPrefix(answer, "40"+nsp) {
				t.Fatalf("answered %q", answer)
			}
			c.Expect(`42` + nsp + `["welcome"]`)
		}
	}
}

func TestLiteralChildStays(t *testing.T) {
	t.Parallel()
	io, url, _ := newServer(t, &socketio.Options{CleanupEmptyChildNamespaces: true})
	parent := io.OfRegexp(regexp.MustCompile(`^/a`))
	parent.On("ping", func() string { return "pong" })
	n := io.Of("/apple")
	c, _ := wiretest.Join(t, url, "websocket", "/apple")
	c.Send(`42/apple,1["ping"]`)
	c.Expect(`43/apple,1["pong"]`)
	c.Close()
	waitFor(t, "the end of the connection", func() bool { return io.Engine().Len() == 0 })
	if io.Of("/apple") != n {
		t.Error("the namespace was replaced")
	}
}

func TestCatchAllListeners(t *testing.T) {
	t.Parallel()
	io, url, _ := newServer(t, nil)
	var got []string
	note := func(who string) func(*socketio.Socket, string, socketio.Args) {
		return func(_ *socketio.Socket, event string, args socketio.Args) {
			got = append(got, fmt.Sprintf("%s:%s/%d", who, event, args.Len()))
		}
	}
	var sent []string
	io.OnAny(note("second"))
	io.PrependAny(note("first"))
	io.OnAnyOutgoing(func(_ *socketio.Socket, event string, args []any) { sent = append(sent, fmt.Sprint("n ", event, args)) })
	io.OnConnect(func(s *socketio.Socket) {
		off := s.OnAny(func(string, socketio.Args) { t.Error("a removed listener was called") })
		off()
		s.OnAny(func(event string, _ socketio.Args) { got = append(got, "socket:"+event) })
		s.OnAnyOutgoing(func(event string, args []any) { sent = append(sent, fmt.Sprint("s ", event, args)) })
		s.Once("once", func() { got = append(got, "once") })
	})
	io.On("known", func(s *socketio.Socket) error {
		got = append(got, "handler")
		emit(t, io.Emit("to all", 1))
		return s.Emit("to you", "x")
	})
	io.Once("once", func() { got = append(got, "once for all") })
	io.On("got", func() ([]string, []string) { return got, sent })
	c, _ := wiretest.Join(t, url, "websocket", "/")
	c.Send(`420["known",1,2]`, `42["unknown"]`, `42["once"]`, `42["once"]`, `421["got"]`)
	c.Expect(`42["to all",1]`, `42["to you","x"]`, `430[]`)
	c.Expect(`431[["first:known/2","second:known/2","socket:known","handler",` +
		`"first:unknown/0","second:unknown/0","socket:unknown",` +
		`"first:once/0","second:once/0","socket:once","once for all","once",` +
		`"first:once/0","second:once/0","socket:once",` +
		`"first:got/0","second:got/0","socket:got"],` +
		`["n to all[1]","s to all[1]","n to you[x]","s to you[x]"]]`)
}

func TestPacketMiddleware(t *testing.T) {
	t.Parallel()
	io, url, errs := newServer(t, nil)
	refused := errors.New("not allowed")
	io.UsePacket(func(ctx context.Context, s *socketio.Socket, event string, args socketio.Args) error {
		if event == "forbidden" {
			return refused
		}
		return ctx.Err()
	})
	var told []error
	io.OnConnect(func(s *socketio.Socket) {
		s.Use(func(_ context.Context, event string, args socketio.Args) error {
			var n int
			if err := args.DecodeAt(0, &n); err != nil || n > 9 {
				return fmt.Errorf("%s: bad number: %w", event, refused)
			}
			return nil
		})
		s.OnError(func(err error) { told = append(told, err) })
	})
	io.On("forbidden", func() { t.Error("a forbidden event was handled") })
	io.On("n", func(n int) int { return n })
	c, _ := wiretest.Join(t, url, "websocket", "/")
	c.Send(`421["forbidden"]`, `422["n",10]`, `423["n",9]`)
	c.Expect(`433[9]`)
	for _, err := range append(told, errs.all()...) {
		if !errors.Is(err, refused) {
			t.Errorf("error %v", err)
		}
	}
	if len(told) != 2 || len(errs.all()) != 2 {
		t.Errorf("told %v and %v", told, errs.all())
	}
}

func TestUtilityMethods(t *testing.T) {
	t.Parallel()
	io, url, _ := newServer(t, nil)
	a, aID := wiretest.Join(t, url, "websocket", "/")
	b, bID := wiretest.Join(t, url, "polling", "/")
	waitFor(t, "two sockets", func() bool { return len(io.Sockets()) == 2 })
	io.Socket(aID).SetData(map[string]int{"n": 7})

	emit(t, io.SocketsJoin("all", "some"))
	emit(t, io.In(bID).SocketsLeave("some"))
	sockets, err := io.In("some").FetchSockets(t.Context())
	if err != nil || len(sockets) != 1 || sockets[0].ID() != aID {
		t.Fatalf("fetched %v %v", sockets, err)
	}
	names := io.Rooms()
	if slices.Sort(names); !slices.Equal(names, []string{"all", "some"}) {
		t.Errorf("the rooms are %q", names)
	}
	remote := sockets[0]
	var data struct{ N int }
	if err := remote.DecodeData(&data); err != nil || data.N != 7 {
		t.Errorf("data %v %v", data, err)
	}
	rooms := remote.Rooms()
	if slices.Sort(rooms[1:]); !slices.Equal(rooms, []string{aID, "all", "some"}) || remote.Handshake().URL == "" {
		t.Errorf("rooms %v, handshake %v", rooms, remote.Handshake())
	}
	emit(t, remote.Emit("hi"))
	a.Expect(`42["hi"]`)
	go func() { a.Send(`43` + ackID(t, a.Read(), `["q"]`) + `["a"]`) }()
	ctx, cancel := context.WithTimeout(t.Context(), wiretest.Timeout)
	defer cancel()
	var answer string
	if args, err := remote.EmitWithAck(ctx, "q"); err != nil || args.Decode(&answer) != nil || answer != "a" {
		t.Errorf("answered %q %v", answer, err)
	}
	emit(t, io.Send("a message", 1))
	a.Expect(`42["message","a message",1]`)
	b.Expect(`42["message","a message",1]`)
	emit(t, remote.Disconnect(false))
	a.Expect(`41`)
	emit(t, io.In("all").DisconnectSockets(true))
	b.Expect(`41`)
	b.ExpectClosed()
	if _, err := remote.EmitWithAck(ctx, "q"); err == nil {
		t.Error("a socket that is gone has answered")
	}
	// Alone in the cluster, no other node answers.
	emit(t, io.ServerSideEmit("hello"))
	if acks, err := io.ServerSideEmitWithAck(ctx, "hello"); err != nil || len(acks) != 0 {
		t.Errorf("other nodes: %v %v", acks, err)
	}
	if err := io.ServerSideEmit("connection"); !errors.Is(err, socketio.ErrReservedEvent) {
		t.Errorf("reserved: %v", err)
	}
}

// A socket is found by its ID also when it has left the room of that name, whether its
// adapter can find sockets or not.
func TestSocketByID(t *testing.T) {
	t.Parallel()
	for name, newAdapter := range map[string]adapter.Provider{
		"finder": nil,
		"other":  adapter.Func(func(h adapter.Host) adapter.Adapter { return struct{ adapter.Adapter }{adapter.NewMemory(h)} }),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			io, url, _ := newServer(t, &socketio.Options{Adapter: newAdapter})
			c, id := wiretest.Join(t, url, "websocket", "/")
			other, otherID := wiretest.Join(t, url, "websocket", "/")
			s := io.Socket(id)
			if s == nil || s.ID() != id {
				t.Fatalf("found %v, want the socket", s)
			}
			if err := io.Socket(otherID).Join(id); err != nil {
				t.Fatal(err)
			}
			s.Leave(id)
			if found := io.Socket(id); found != s {
				t.Errorf("found %v after it left its room, want the socket", found)
			}
			if found := io.Socket("none"); found != nil {
				t.Errorf("found %v, want nil", found)
			}
			c.Leave()
			waitFor(t, "the end of the socket", func() bool { return io.Socket(id) == nil })
			other.Leave()
		})
	}
}

func TestRoomEvents(t *testing.T) {
	t.Parallel()
	io, url, _ := newServer(t, nil)
	events := make(chan string, 100)
	names := []string{"create", "join", "leave", "delete"}
	io.OnRoom(func(e socketio.RoomEvent) { events <- names[e.Kind] + " " + e.Room + " " + e.Socket })
	io.On("join", func(s *socketio.Socket, room string) error { return s.Join(room) })
	io.On("leave", func(s *socketio.Socket, room string) { s.Leave(room) })
	c, id := wiretest.Join(t, url, "websocket", "/")
	c.Send(`42["join","r"]`, `42["join","r"]`, `42["leave","r"]`, `42["leave","r"]`, `42["join","q"]`, `420["join","p"]`)
	c.Expect(`430[]`)
	c.Close()
	for _, want := range []string{
		"create " + id + " ", "join " + id + " " + id,
		"create r ", "join r " + id, "leave r " + id, "delete r ",
		"create q ", "join q " + id, "create p ", "join p " + id,
	} {
		if got := receive(t, events, want); got != want {
			t.Errorf("event %q, want %q", got, want)
		}
	}
	var rest []string
	for range 6 {
		rest = append(rest, receive(t, events, "the end of the rooms"))
	}
	slices.Sort(rest)
	want := []string{"delete " + id + " ", "delete p ", "delete q ", "leave " + id + " " + id, "leave p " + id, "leave q " + id}
	if slices.Sort(want); !slices.Equal(rest, want) {
		t.Errorf("events %q, want %q", rest, want)
	}
}

// A namespace that Of returns while a client brings it about may be withdrawn: then it says
// so, and Of makes another.
func TestOfWhileANamespaceFails(t *testing.T) {
	t.Parallel()
	io, url, _ := newServer(t, nil)
	io.OfFunc(func(string, socketio.Args) bool { return true })
	making, release := make(chan struct{}), make(chan struct{})
	var once sync.Once
	io.OnNewNamespace(func(*socketio.Namespace) {
		once.Do(func() {
			close(making)
			<-release
			panic("for the client")
		})
	})
	c := wiretest.Dial(t, url, "websocket")
	c.Send("40/n,")
	receive(t, making, "the namespace")
	n := io.Of("/n")
	close(release)
	c.ExpectClosed()
	if err := n.Emit("lost"); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Emit to a namespace that was withdrawn returned %v, want net.ErrClosed", err)
	}
	other := io.Of("/n")
	if other == n {
		t.Fatal("Of returned the namespace that was withdrawn")
	}
	wiretest.Join(t, url, "websocket", "/n")
	emit(t, other.Emit("news"))
	if got := len(other.Sockets()); got != 1 {
		t.Errorf("%d sockets, want 1", got)
	}
}
