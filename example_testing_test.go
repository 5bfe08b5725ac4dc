package socketio_test

// The tests of docs/testing.md.

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed96b07ef8/socketio"
	"github.com/seed96b07ef8/socketio/engine"
	"github.com/seed96b07ef8/socketio/event"
	"github.com/seed96b07ef8/socketio/socketiotest"
)

// newChat is the program under test.
func newChat() *socketio.Server {
	io := socketio.NewServer(nil)
	io.Use(func(ctx context.Context, s *socketio.Socket) error {
		var auth struct{ Name string }
		if err := s.Handshake().DecodeAuth(&auth); err != nil || auth.Name == "" {
			return &socketio.ConnectError{Message: "who are you?"}
		}
		s.SetData(auth.Name)
		return nil
	})
	io.On("join", func(s *socketio.Socket, room string) error { return s.Join(room) })
	io.On("say", func(s *socketio.Socket, room, text string) error {
		name, _ := socketio.Data[string](s)
		return s.To(room).Emit("said", name, text)
	})
	return io
}

func connectAs(t *testing.T, io *socketiotest.Server, name string) *socketiotest.Client {
	t.Helper()
	return socketiotest.Connect(t, io, &socketiotest.ClientOptions{Auth: map[string]string{"name": name}})
}

func TestHello(t *testing.T) {
	io := socketiotest.NewServer(t, nil)
	io.OnConnect(func(s *socketio.Socket) { s.Emit("hello", "world") })

	c := socketiotest.Connect(t, io, nil)
	c.Expect("hello", "world")
}

func TestAcknowledgement(t *testing.T) {
	io := socketiotest.NewServer(t, nil)
	io.On("hi", func() string { return "hola" })

	c := socketiotest.Connect(t, io, nil)
	var answer string
	if err := c.Call("hi").Decode(&answer); err != nil || answer != "hola" {
		t.Errorf("got %q, %v", answer, err)
	}
}

func TestServerAsks(t *testing.T) {
	io := socketiotest.NewServer(t, nil)
	c := socketiotest.Connect(t, io, nil)

	foo := make(chan string)
	go func() {
		answer, err := socketio.Call[string](context.Background(), io.Socket(c.ID()), "foo")
		if err != nil {
			answer = err.Error()
		}
		foo <- answer
	}()
	c.Expect("foo").Ack("bar")
	if answer := <-foo; answer != "bar" {
		t.Errorf("got %q", answer)
	}
}

func TestServerReceives(t *testing.T) {
	io := socketiotest.NewServer(t, nil)
	baz := make(chan int, 1)
	io.On("baz", func(n int) { baz <- n })

	socketiotest.Connect(t, io, nil).Emit("baz", 7)
	if n := <-baz; n != 7 {
		t.Errorf("got %d", n)
	}
}

func TestSay(t *testing.T) {
	io := socketiotest.Serve(t, newChat(), nil)
	ann, bob, eve := connectAs(t, io, "Ann"), connectAs(t, io, "Bob"), connectAs(t, io, "Eve")
	ann.Call("join", "tea")
	bob.Call("join", "tea")

	ann.Call("say", "tea", "Hello!")
	bob.Expect("said", "Ann", "Hello!")

	io.Emit("end") // what Ann and Eve receive next, as they have received nothing
	ann.Expect("end")
	eve.Expect("end")
}

func TestRefused(t *testing.T) {
	io := socketiotest.Serve(t, newChat(), nil)
	if err := socketiotest.ExpectConnectError(t, io, nil); err.Message != "who are you?" {
		t.Errorf("refused with %q", err.Message)
	}
}

func TestLogout(t *testing.T) {
	io := socketiotest.NewServer(t, nil)
	reasons := make(chan socketio.Reason, 1)
	io.OnDisconnect(func(_ *socketio.Socket, reason socketio.Reason) { reasons <- reason })
	io.On("logout", func(s *socketio.Socket) { s.Disconnect() })

	c := socketiotest.Connect(t, io, nil)
	c.Emit("logout")
	c.ExpectDisconnect(socketiotest.ServerDisconnect) // the client's view
	if reason := <-reasons; reason != socketio.ServerNamespaceDisconnect {
		t.Errorf("the server's view is %q", reason)
	}
}

func TestEcho(t *testing.T) {
	for _, transport := range []engine.Transport{engine.Polling, engine.WebSocket} {
		t.Run(string(transport), func(t *testing.T) {
			t.Parallel()
			io := socketiotest.NewServer(t, nil)
			io.On("echo", func(s *socketio.Socket, data []byte) error { return s.Emit("echo", data) })

			c := socketiotest.Connect(t, io, &socketiotest.ClientOptions{Transport: transport})
			c.Emit("echo", []byte{1, 2, 3})
			c.Expect("echo", []byte{1, 2, 3})
		})
	}
}

func TestArguments(t *testing.T) {
	errs := make(chan error, 1)
	io := socketiotest.NewServer(t, &socketio.Options{
		OnError: func(_ *socketio.Socket, err error) { errs <- err },
	})
	io.On("add", func(a, b int) int { return a + b })

	c := socketiotest.Connect(t, io, nil)
	c.Emit("add", 1, "two")
	var arg *socketio.ArgError
	if err := <-errs; !errors.As(err, &arg) || arg.Index != 1 {
		t.Errorf("got %v", err)
	}
}

func TestComeBack(t *testing.T) {
	io := socketiotest.NewServer(t, &socketio.Options{Recovery: &socketio.Recovery{}})
	c := socketiotest.Connect(t, io, nil)

	c.Close() // cut off
	io.Emit("news", "missed")
	again := c.Reconnect()
	again.Expect("news", "missed")
	if !again.Recovered() {
		t.Error("not recovered")
	}
}

func TestHeartbeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io := socketiotest.NewServer(t, nil)
		lost := make(chan socketio.Reason, 1)
		io.OnDisconnect(func(_ *socketio.Socket, reason socketio.Reason) { lost <- reason })

		c := socketiotest.Connect(t, io, nil)
		time.Sleep(24 * time.Hour) // it answers every ping
		if len(io.Sockets()) != 1 {
			t.Fatal("the client is lost")
		}

		start := time.Now()
		c.Hang() // it answers no more
		if reason := <-lost; reason != socketio.PingTimeout {
			t.Errorf("lost by %q", reason)
		}
		if took := time.Since(start); took > 45*time.Second {
			t.Errorf("that took %v", took)
		}
	})
}

func TestNotForEve(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io := socketiotest.Serve(t, newChat(), nil)
		ann, eve := connectAs(t, io, "Ann"), connectAs(t, io, "Eve")
		ann.Call("join", "tea")
		ann.Call("say", "tea", "Is anybody here?")

		synctest.Wait() // all that can happen has happened
		if e, ok := eve.TryNext(); ok {
			t.Errorf("Eve has received %v", e)
		}
	})
}

var Sum = event.NewCall[SumArgs, int]("sum") // the contract

type SumArgs struct{ A, B int }

func TestSum(t *testing.T) {
	io := socketiotest.NewServer(t, nil)
	event.Answer(io, Sum, func(_ context.Context, _ *socketio.Socket, args SumArgs) (int, error) {
		return args.A + args.B, nil
	})

	c := socketiotest.Connect(t, io, nil)
	n, err := Sum.Call(t.Context(), c, SumArgs{A: 1, B: 2})
	if n != 3 || err != nil {
		t.Errorf("got %d, %v", n, err)
	}
}

func TestAnnounce(t *testing.T) {
	srv := newChat()
	mux := http.NewServeMux()
	mux.Handle("/socket.io/", srv)
	mux.HandleFunc("POST /announce", func(w http.ResponseWriter, r *http.Request) {
		text, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		srv.Emit("announcement", string(text))
	})

	s := socketiotest.Serve(t, srv, mux)
	c := connectAs(t, s, "Ann")
	resp, err := s.HTTPClient().Post(s.URL+"/announce", "text/plain", strings.NewReader("Tea!"))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	c.Expect("announcement", "Tea!")
}
