package socketiotest_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed96b07ef8/socketio"
	"github.com/seed96b07ef8/socketio/engine"
	"github.com/seed96b07ef8/socketio/socketiotest"
)

// recorder is a TB that records failures.
type recorder struct {
	mu       sync.Mutex
	failures []string
	cleanups []func()
}

func (r *recorder) Helper()          {}
func (r *recorder) Cleanup(f func()) { r.cleanups = append(r.cleanups, f) }

func (r *recorder) Errorf(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failures = append(r.failures, fmt.Sprintf(format, args...))
}

func (r *recorder) Fatalf(format string, args ...any) {
	r.Errorf(format, args...)
	runtime.Goexit()
}

// failures runs a test and its cleanups and returns how it failed.
func failures(test func(t socketiotest.TB)) string {
	r := new(recorder)
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() {
			for i := len(r.cleanups) - 1; i >= 0; i-- {
				r.cleanups[i]()
			}
		}()
		test(r)
	}()
	<-done
	return strings.Join(r.failures, "\n")
}

// connectToSilence connects to a server that does not answer.
func connectToSilence(t socketiotest.TB, transport engine.Transport) {
	stop := make(chan struct{})
	silent := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-stop })
	io := socketiotest.Serve(t, socketio.NewServer(nil), silent)
	t.Cleanup(func() { close(stop) })
	socketiotest.Connect(t, io, &socketiotest.ClientOptions{Transport: transport, Timeout: time.Second})
}

func TestFailures(t *testing.T) {
	t.Parallel()
	connect := func(t socketiotest.TB) (*socketiotest.Server, *socketiotest.Client) {
		io := socketiotest.NewServer(t, nil)
		io.On("echo", func(s *socketio.Socket, args socketio.Args) error {
			values := make([]any, args.Len())
			for i := range values {
				if err := args.DecodeAt(i, &values[i]); err != nil {
					return err
				}
			}
			return s.Emit("echo", values...)
		})
		io.On("leave", func(s *socketio.Socket) { s.Disconnect() })
		io.On("mute", func(ack func()) {})
		return io, socketiotest.Connect(t, io, nil)
	}
	tests := []struct {
		name string
		test func(t socketiotest.TB)
		want string
	}{
		{"success", func(t socketiotest.TB) {
			_, c := connect(t)
			c.Emit("echo", 1)
			c.Expect("echo", 1)
		}, `^$`},
		{"options", func(t socketiotest.TB) {
			socketiotest.NewServer(t, &socketio.Options{MaxRooms: -1})
		}, `^socketiotest: .*MaxRooms`},
		{"nothing comes", func(t socketiotest.TB) {
			_, c := connect(t)
			c.Next()
		}, `^socketiotest: client \S{20} of /: timed out after 10s waiting for an event$`},
		{"another name", func(t socketiotest.TB) {
			_, c := connect(t)
			c.Emit("echo", "a", []byte("b"))
			c.Expect("other")
		}, `got the event "echo" \["a", binary "b"\], want the event "other"\n\tthe last events that it took: "echo" \["a", binary "b"\]$`},
		{"other arguments", func(t socketiotest.TB) {
			_, c := connect(t)
			c.Emit("echo", map[string]any{"n": 1})
			c.Expect("echo", map[string]int{"n": 2})
		}, `got the event "echo" \[{"n":1}\], want the arguments \[{"n":2}\]`},
		{"fewer arguments", func(t socketiotest.TB) {
			_, c := connect(t)
			c.Emit("echo", 1, 2)
			c.Expect("echo", 1)
		}, `got the event "echo" \[1, 2\], want the arguments \[1\]`},
		{"another large integer", func(t socketiotest.TB) {
			io, c := connect(t)
			_ = io.Emit("n", []int64{1<<53 + 1}, []byte("b"))
			c.Expect("n", []int64{1 << 53}, []byte("b"))
		}, `got the event "n" .*, want the arguments \[\[9007199254740992\], binary "b"\]`},
		{"a text too many, with recovery", func(t socketiotest.TB) {
			io := socketiotest.NewServer(t, &socketio.Options{Recovery: new(socketio.Recovery)})
			c := socketiotest.Connect(t, io, nil)
			_ = io.Emit("e", "x", "y")
			c.Expect("e", "x")
		}, `got the event "e" \["x", "y", .*, want the arguments \["x"\]`},
		{"a text too many, with a question", func(t socketiotest.TB) {
			io := socketiotest.NewServer(t, &socketio.Options{Recovery: new(socketio.Recovery)})
			c := socketiotest.Connect(t, io, nil)
			ctx, cancel := context.WithTimeout(context.Background(), time.Second)
			defer cancel()
			go func() { _, _ = io.Socket(c.ID()).EmitWithAck(ctx, "q", "x", "y") }()
			c.Expect("q", "x")
		}, `got the event "q" \["x", "y"\], want the arguments \["x"\]`},
		{"no handshake over WebSocket", func(t socketiotest.TB) { connectToSilence(t, engine.WebSocket) }, `^socketiotest: connecting: .*timeout$`},
		{"no handshake over polling", func(t socketiotest.TB) { connectToSilence(t, engine.Polling) }, `^socketiotest: connecting: no handshake within 1s: .*canceled$`},
		{"a server that does not read", func(t socketiotest.TB) {
			stop := make(chan struct{})
			io := socketiotest.NewServer(t, &socketio.Options{InboxEvents: 1})
			io.On("wait", func() { <-stop })
			t.Cleanup(func() { close(stop) })
			c := socketiotest.Connect(t, io, &socketiotest.ClientOptions{Timeout: time.Second})
			begin := time.Now()
			t.Cleanup(func() {
				if took := time.Since(begin); took > 10*time.Second {
					t.Errorf("it took %v", took)
				}
			})
			for {
				c.Emit("wait", strings.Repeat("x", 1<<16))
			}
		}, `^socketiotest: client \S{20} of / emits "wait": .*timeout$`},
		{"more is waiting", func(t socketiotest.TB) {
			_, c := connect(t)
			for i := range 7 {
				c.Emit("echo", i)
			}
			c.Call("echo") // all have arrived
			c.Expect("other")
		}, `waiting to be taken: the event "echo" \[1\],.*"echo" \[5\] and 2 more$`},
		{"impossible arguments", func(t socketiotest.TB) {
			_, c := connect(t)
			c.Emit("echo", 1)
			c.Expect("echo", make(chan int))
		}, `socketiotest: the arguments of "echo": .*chan int`},
		{"an event instead of the end", func(t socketiotest.TB) {
			_, c := connect(t)
			c.Emit("echo")
			c.ExpectDisconnect(socketio.TransportClose)
		}, `got the event "echo" \[\], want the disconnection \(transport close\)`},
		{"the end instead of an event", func(t socketiotest.TB) {
			_, c := connect(t)
			c.Emit("leave")
			c.Next()
		}, `got the disconnection \(io server disconnect\), want an event`},
		{"the end instead of the awaited event", func(t socketiotest.TB) {
			_, c := connect(t)
			c.Emit("echo")
			c.Emit("leave")
			c.Await("other")
		}, `got the disconnection \(io server disconnect\), want the event "other"\n\tthe last events that it took: "echo" \[\]$`},
		{"another reason", func(t socketiotest.TB) {
			_, c := connect(t)
			c.Emit("leave")
			c.ExpectDisconnect(socketio.TransportClose)
		}, `got the disconnection \(io server disconnect\), want the disconnection \(transport close\)`},
		{"no acknowledgement", func(t socketiotest.TB) {
			_, c := connect(t)
			c.Call("mute")
		}, `asks "mute": no acknowledgement within 10s$`},
		{"unwanted acknowledgement", func(t socketiotest.TB) {
			_, c := connect(t)
			c.Emit("echo", 1)
			c.Next().Ack()
		}, `the server wants no acknowledgement of the event "echo" \[1\]`},
		{"undecodable", func(t socketiotest.TB) {
			_, c := connect(t)
			c.Emit("echo", "x")
			c.Next().Decode(new(int))
		}, `socketiotest: the event "echo" \["x"\]: .*int`},
		{"reserved", func(t socketiotest.TB) {
			_, c := connect(t)
			c.Emit("connect")
		}, `emits "connect": reserved event name`},
		{"emit after the end", func(t socketiotest.TB) {
			_, c := connect(t)
			c.Close()
			c.Emit("echo")
		}, `emits "echo": .*transport close`},
		{"join after the end", func(t socketiotest.TB) {
			_, c := connect(t)
			c.Close()
			c.Join("/x", nil)
		}, `joining /x: .*transport close`},
		{"join twice", func(t socketiotest.TB) {
			_, c := connect(t)
			c.Join("/", nil)
		}, `joining /: the connection has a client in it`},
		{"refused", func(t socketiotest.TB) {
			io, _ := connect(t)
			socketiotest.Connect(t, io, &socketiotest.ClientOptions{Namespace: "/nowhere"})
		}, `joining /nowhere: got the refusal \[{"message":"Invalid namespace"}\]$`},
		{"not refused", func(t socketiotest.TB) {
			io, _ := connect(t)
			socketiotest.ExpectConnectError(t, io, nil)
		}, `joining /: got the confirmation of the connection, want a refusal$`},
		{"nil", func(t socketiotest.TB) { socketiotest.Connect(t, nil, nil) }, `^socketiotest: connecting: the server is nil$`},
		{"no server", func(t socketiotest.TB) {
			io, _ := connect(t)
			socketiotest.Connect(t, io, &socketiotest.ClientOptions{Transport: "pigeon"})
		}, `connecting: the server has refused the connection: 400 Bad Request: Transport unknown`},
		{"another path", func(t socketiotest.TB) {
			srv := socketio.NewServer(nil)
			mux := http.NewServeMux()
			mux.Handle("/elsewhere/", srv)
			socketiotest.Connect(t, socketiotest.Serve(t, srv, mux), nil)
		}, `refused the connection: 404 Not Found: 404 page not found \(is the server mounted at ClientOptions.Path\?\)$`},
		{"WaitFor", func(t socketiotest.TB) {
			socketiotest.WaitFor(t, "Godot", func() bool { return false })
		}, `^socketiotest: timed out after 10s waiting for Godot$`},
		{"handler that does not return", func(t socketiotest.TB) {
			io, c := connect(t)
			stop, entered := make(chan struct{}), make(chan struct{})
			// It runs after the server's.
			cleanups := &t.(*recorder).cleanups
			*cleanups = append([]func(){func() { close(stop) }}, *cleanups...)
			io.On("wait", func() { close(entered); <-stop })
			c.Emit("wait")
			<-entered
		}, `(?s)^socketiotest: the server does not shut down \(socketio: Shutdown: handlers still run: context deadline exceeded\).*failures_test\.go`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			// In a bubble, where failing takes no time.
			synctest.Test(t, func(t *testing.T) {
				if got := failures(test.test); !regexp.MustCompile(test.want).MatchString(got) {
					t.Errorf("failed with %q, want %s", got, test.want)
				}
			})
		})
	}
}

func TestWaitForSucceeds(t *testing.T) {
	t.Parallel()
	n := 0
	socketiotest.WaitFor(t, "the third look", func() bool { n++; return n == 3 })
	if n != 3 {
		t.Errorf("looked %d times", n)
	}
}

func TestEmitWithAckReserved(t *testing.T) {
	t.Parallel()
	io := socketiotest.NewServer(t, nil)
	c := socketiotest.Connect(t, io, nil)
	_, err := c.EmitWithAck(context.Background(), "disconnect")
	if !errors.Is(err, socketio.ErrReservedEvent) || !strings.Contains(err.Error(), `"disconnect"`) {
		t.Errorf("got %v, want an error that matches ErrReservedEvent and has the name of the event", err)
	}
}

func TestEmitWithAckUnencodable(t *testing.T) {
	t.Parallel()
	io := socketiotest.NewServer(t, nil)
	c := socketiotest.Connect(t, io, nil)
	if _, err := c.EmitWithAck(context.Background(), "x", make(chan int)); err == nil {
		t.Error("a channel was sent")
	}
}
