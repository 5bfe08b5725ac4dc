package socketio_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/seed96b07ef8/socketio"
	"github.com/seed96b07ef8/socketio/engine"
	"github.com/seed96b07ef8/socketio/socketiotest"
)

// Handlers of one socket, registered when it has connected.
func ExampleSocket_On() {
	t := new(exampleTB) // in a test: t *testing.T
	defer t.done()
	io := socketiotest.NewServer(t, nil)

	io.OnConnect(func(s *socketio.Socket) {
		total := 0
		s.On("add", func(n int) { total += n }) // one at a time: no lock is needed
		s.On("total", func() int { return total })
	})

	c := socketiotest.Connect(t, io, nil)
	c.Emit("add", 1)
	c.Emit("add", 2)
	fmt.Printf("%s\n", c.Call("total").Raw(0))
	// Output: 3
}

// What a handler returns is the acknowledgement. One that wants to acknowledge
// earlier or later takes a function as its last parameter.
func ExampleSocket_On_ack() {
	t := new(exampleTB) // in a test: t *testing.T
	defer t.done()
	io := socketiotest.NewServer(t, nil)

	io.OnConnect(func(s *socketio.Socket) {
		s.On("divmod", func(a, b int) (int, int, error) {
			if b == 0 {
				return 0, 0, errors.New("division by zero") // to OnError; the client gets no answer
			}
			return a / b, a % b, nil
		})
		s.On("later", func(name string, ack func(string)) {
			go ack("hello " + name) // the handler does not hold up the next event
		})
	})

	c := socketiotest.Connect(t, io, nil)
	var q, r int
	err := c.Call("divmod", 7, 3).Decode(&q, &r)
	fmt.Println(q, r, err)
	fmt.Printf("%s\n", c.Call("later", "you").Raw(0))
	// Output:
	// 2 1 <nil>
	// "hello you"
}

// Handlers of all sockets of a namespace, in a few of their shapes.
func ExampleNamespace_On() {
	t := new(exampleTB) // in a test: t *testing.T
	defer t.done()
	io := socketiotest.NewServer(t, nil)

	type Move struct {
		X, Y int
	}
	io.On("move", func(s *socketio.Socket, m Move) error { // the socket, and an object
		return s.Broadcast().Emit("moved", s.ID(), m)
	})
	io.On("upload", func(name string, data []byte) int { // binary data
		return len(data)
	})
	io.On("log", func(level string, words ...string) string { // any number of arguments
		return level + ": " + strings.Join(words, " ")
	})
	io.On("raw", func(args socketio.Args) int { // undecoded
		return args.Len()
	})
	io.On("find", func(ctx context.Context, query string) (string, error) { // ctx ends with the socket
		return "found " + query, ctx.Err()
	})

	c := socketiotest.Connect(t, io, nil)
	fmt.Printf("%s\n", c.Call("upload", "a.txt", []byte{1, 2, 3}).Raw(0))
	fmt.Printf("%s\n", c.Call("log", "info", "hello", "world").Raw(0))
	fmt.Printf("%s\n", c.Call("raw", 1, nil, "x").Raw(0))
	fmt.Printf("%s\n", c.Call("find", "it").Raw(0))
	// Output:
	// 3
	// "info: hello world"
	// 3
	// "found it"
}

// On returns the function that removes the handler.
func ExampleNamespace_On_off() {
	t := new(exampleTB) // in a test: t *testing.T
	defer t.done()
	io := socketiotest.NewServer(t, nil)

	off := io.On("greet", func() error {
		fmt.Println("hello")
		return nil // a handler without any result does not acknowledge
	})
	io.On("sync", func() error { return nil })

	c := socketiotest.Connect(t, io, nil)
	c.Call("greet")
	off()
	c.Emit("greet")
	c.Call("sync")
	// Output: hello
}

// A handler for the first event only.
func ExampleSocket_Once() {
	t := new(exampleTB) // in a test: t *testing.T
	defer t.done()
	io := socketiotest.NewServer(t, nil)

	io.OnConnect(func(s *socketio.Socket) {
		s.Once("ready", func() { fmt.Println("ready") })
		s.On("sync", func() error { return nil })
	})

	c := socketiotest.Connect(t, io, nil)
	c.Emit("ready")
	c.Emit("ready")
	c.Call("sync")
	// Output: ready
}

// Events to one client, with all that JSON has, and binary data.
func ExampleSocket_Emit() {
	t := new(exampleTB) // in a test: t *testing.T
	defer t.done()
	io := socketiotest.NewServer(t, nil)

	io.OnConnect(func(s *socketio.Socket) {
		s.Emit("hello", 1, "2", map[string]any{"3": "4", "5": []byte{6}})
	})

	c := socketiotest.Connect(t, io, nil)
	var data struct {
		Five []byte `json:"5"`
	}
	c.Expect("hello", 1, "2", map[string]any{"3": "4", "5": []byte{6}}).Decode(nil, nil, &data)
	fmt.Println(data.Five)
	// Output: [6]
}

// Errors of Emit: nothing has been sent then.
func ExampleSocket_Emit_errors() {
	t := new(exampleTB) // in a test: t *testing.T
	defer t.done()
	io := socketiotest.NewServer(t, nil)

	io.OnConnect(func(s *socketio.Socket) {
		fmt.Println(errors.Is(s.Emit("disconnect"), socketio.ErrReservedEvent))

		var arg *socketio.ArgError
		fmt.Println(errors.As(s.Emit("hello", 1, func() {}), &arg), arg.Index)

		s.Disconnect()
		var gone *socketio.DisconnectError
		fmt.Println(errors.As(s.Emit("hello"), &gone), gone.Reason)
	})

	socketiotest.Connect(t, io, nil).ExpectDisconnect(socketiotest.ServerDisconnect)
	// Output:
	// true
	// true 1
	// true server namespace disconnect
}

// Send is Emit with the event "message".
func ExampleSocket_Send() {
	t := new(exampleTB) // in a test: t *testing.T
	defer t.done()
	io := socketiotest.NewServer(t, nil)

	io.On("message", func(s *socketio.Socket, text string) error { return s.Send("you said " + text) })

	c := socketiotest.Connect(t, io, nil)
	c.Emit("message", "hello") // socket.send("hello")
	fmt.Println(c.Next())
	// Output: "message" ["you said hello"]
}

// Ask a client, also in a handler of its own events.
func ExampleSocket_EmitWithAck() {
	t := new(exampleTB) // in a test: t *testing.T
	defer t.done()
	io := socketiotest.NewServer(t, nil)

	io.On("delete", func(ctx context.Context, s *socketio.Socket) error {
		args, err := s.EmitWithAck(ctx, "sure?")
		if err != nil {
			return err
		}
		var sure bool
		var why string
		if err := args.Decode(&sure, &why); err != nil {
			return err
		}
		return s.Emit("deleted", sure, why)
	})

	c := socketiotest.Connect(t, io, nil)
	c.Emit("delete")
	c.Expect("sure?").Ack(false, "not today")
	fmt.Println(c.Next())
	// Output: "deleted" [false, "not today"]
}

// A client that does not answer in time.
func ExampleSocket_Timeout() {
	t := new(exampleTB) // in a test: t *testing.T
	defer t.done()
	io := socketiotest.NewServer(t, nil)

	io.On("start", func(ctx context.Context, s *socketio.Socket) error {
		_, err := s.Timeout(10*time.Millisecond).EmitWithAck(ctx, "question")
		if errors.Is(err, context.DeadlineExceeded) {
			fmt.Println("no answer in time")
			err = nil // it does not matter
		}
		return err
	})

	c := socketiotest.Connect(t, io, nil)
	c.Call("start")
	// Output: no answer in time
}

// Call is EmitWithAck for an answer of a known type.
func ExampleCall() {
	t := new(exampleTB) // in a test: t *testing.T
	defer t.done()
	io := socketiotest.NewServer(t, nil)

	type Position struct {
		X, Y int
	}
	io.On("start", func(ctx context.Context, s *socketio.Socket) error {
		p, err := socketio.Call[Position](ctx, s, "where are you?")
		if err != nil {
			return err
		}
		return s.Emit("found", p.X, p.Y)
	})

	c := socketiotest.Connect(t, io, nil)
	c.Emit("start")
	c.Expect("where are you?").Ack(Position{3, 4})
	fmt.Println(c.Next())
	// Output: "found" [3, 4]
}

// Catch-all listeners, for logging for example.
func ExampleNamespace_OnAny() {
	t := new(exampleTB) // in a test: t *testing.T
	defer t.done()
	io := socketiotest.NewServer(t, nil)

	io.OnAny(func(s *socketio.Socket, event string, args socketio.Args) {
		fmt.Printf("%s, %d arguments, the first is %s\n", event, args.Len(), args.Raw(0))
	})

	io.On("hello", func() error { return nil })

	c := socketiotest.Connect(t, io, nil)
	c.Call("hello", "world", 1)
	// Output: hello, 2 arguments, the first is "world"
}

// Catch-all listeners for what is sent.
func ExampleSocket_OnAnyOutgoing() {
	t := new(exampleTB) // in a test: t *testing.T
	defer t.done()
	io := socketiotest.NewServer(t, nil)

	io.OnConnect(func(s *socketio.Socket) {
		s.OnAnyOutgoing(func(event string, args []any) { fmt.Println(event, args) })
		s.Emit("hello", "world", 1)
		io.Emit("news") // broadcasts count, too
	})

	socketiotest.Connect(t, io, nil).Await("news")
	// Output:
	// hello [world 1]
	// news []
}

// Packet middleware sees the events of one socket before their handlers do.
func ExampleSocket_Use() {
	t := new(exampleTB) // in a test: t *testing.T
	defer t.done()
	io := socketiotest.NewServer(t, nil)

	io.OnConnect(func(s *socketio.Socket) {
		s.Use(func(ctx context.Context, event string, args socketio.Args) error {
			if strings.HasPrefix(event, "admin:") {
				return errors.New("not authorized")
			}
			return nil
		})
		s.OnError(func(err error) { s.Emit("problem", err.Error()) })
	})
	io.On("admin:delete", func() { fmt.Println("never called") })

	c := socketiotest.Connect(t, io, nil)
	c.Emit("admin:delete", "everything")
	fmt.Println(c.Next())
	// Output: "problem" ["socketio: event \"admin:delete\" of /: not authorized"]
}

// Packet middleware for all sockets.
func ExampleNamespace_UsePacket() {
	t := new(exampleTB) // in a test: t *testing.T
	defer t.done()
	io := socketiotest.NewServer(t, &socketio.Options{
		OnError: func(s *socketio.Socket, err error) { fmt.Println(err) },
	})

	io.UsePacket(func(ctx context.Context, s *socketio.Socket, event string, args socketio.Args) error {
		if _, known := socketio.Data[string](s); !known && event != "login" {
			return errors.New("log in first")
		}
		return nil
	})
	io.On("login", func(s *socketio.Socket, name string) error {
		s.SetData(name)
		return nil
	})
	io.On("hello", func(s *socketio.Socket) any { return s.Data() })

	c := socketiotest.Connect(t, io, nil)
	c.Emit("hello")
	c.Call("login", "Ann")
	fmt.Printf("%s\n", c.Call("hello").Raw(0))
	// Output:
	// socketio: event "hello" of /: log in first
	// "Ann"
}

// Middleware around handlers may refuse an event, set a deadline for its handlers, and
// see what they return.
func ExampleNamespace_UseHandler() {
	t := new(exampleTB) // in a test: t *testing.T
	defer t.done()
	io := socketiotest.NewServer(t, nil)

	io.UseHandler(func(ctx context.Context, e socketio.EventInfo, next func(context.Context) error) error {
		if strings.HasPrefix(e.Event, "admin:") {
			return &socketio.AckError{Args: []any{"forbidden"}} // for an error hook: errors.New("forbidden")
		}
		ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
		defer cancel()
		err := next(ctx)
		fmt.Printf("%s%v: %v\n", e.Event, e.Args, err)
		return err
	})
	io.On("admin:delete", func(name string) string { return "deleted" })
	io.On("find", func(ctx context.Context, name string) error {
		_, limited := ctx.Deadline()
		fmt.Println("limited:", limited)
		return &socketio.AckError{Args: []any{"not found"}}
	})

	c := socketiotest.Connect(t, io, nil)
	fmt.Println(c.Call("admin:delete", "Ann"))
	fmt.Println(c.Call("find", "Ann"))
	// Output:
	// ["forbidden"]
	// limited: true
	// find["Ann"]: acknowledgement: [not found]
	// ["not found"]
}

// Arguments that do not fit, errors that handlers return, and panics go to the
// error hooks.
func ExampleNamespace_OnError() {
	t := new(exampleTB) // in a test: t *testing.T
	defer t.done()
	io := socketiotest.NewServer(t, nil)

	io.OnError(func(s *socketio.Socket, err error) {
		var event *socketio.EventError
		var arg *socketio.ArgError
		switch {
		case errors.As(err, &event) && errors.As(err, &arg):
			s.Emit("problem", fmt.Sprintf("%s: argument %d is not an %v", event.Event, arg.Index, arg.Type))
		case errors.As(err, &event):
			s.Emit("problem", fmt.Sprintf("%s: %v", event.Event, event.Err))
		}
	})
	io.On("add", func(a, b int) int { return a + b })
	io.On("fail", func() error { return errors.New("out of order") })

	c := socketiotest.Connect(t, io, nil)
	c.Emit("add", 1, "two")
	c.Emit("fail")
	fmt.Println(c.Next())
	fmt.Println(c.Next())
	// Output:
	// "problem" ["add: argument 1 is not an int"]
	// "problem" ["fail: out of order"]
}

// What the application knows of a socket.
func ExampleData() {
	t := new(exampleTB) // in a test: t *testing.T
	defer t.done()
	io := socketiotest.NewServer(t, nil)

	type User struct {
		Name string
	}
	io.Use(func(ctx context.Context, s *socketio.Socket) error {
		s.SetData(&User{Name: "Ann"})
		return nil
	})
	io.On("whoami", func(s *socketio.Socket) string {
		user, ok := socketio.Data[*User](s)
		if !ok {
			return "nobody"
		}
		return user.Name
	})

	c := socketiotest.Connect(t, io, nil)
	fmt.Printf("%s\n", c.Call("whoami").Raw(0))
	// Output: "Ann"
}

// Arguments that stay as they came until they are decoded.
func ExampleArgs() {
	t := new(exampleTB) // in a test: t *testing.T
	defer t.done()
	io := socketiotest.NewServer(t, nil)

	io.On("set", func(key string, rest socketio.Args) error {
		if key == "size" {
			var w, h int
			err := rest.Decode(&w, &h)
			fmt.Println(w, h)
			return err
		}
		var name string
		err := rest.Decode(&name)
		fmt.Println(name)
		return err
	})

	c := socketiotest.Connect(t, io, nil)
	c.Call("set", "size", 3, 4)
	c.Call("set", "name", "box")
	// Output:
	// 3 4
	// box
}

// Large binary data that is only looked at while its handler runs.
func ExampleBorrowed() {
	t := new(exampleTB) // in a test: t *testing.T
	defer t.done()
	io := socketiotest.NewServer(t, nil)

	io.On("frame", func(data socketio.Borrowed) string {
		return fmt.Sprintf("%x", sha256.Sum256(data))[:8] // data is lent until here
	})

	c := socketiotest.Connect(t, io, nil)
	fmt.Printf("%s\n", c.Call("frame", make([]byte, 64<<10)).Raw(0))
	// Output: "de2f2560"
}

// Compression is chosen message by message, where it is enabled.
func ExampleSocket_Compress() {
	t := new(exampleTB) // in a test: t *testing.T
	defer t.done()
	io := socketiotest.NewServer(t, &socketio.Options{
		Engine: engine.ServerOptions{PerMessageDeflate: &engine.PerMessageDeflate{Threshold: 1024}},
	})

	io.On("photo", func(s *socketio.Socket) error {
		jpeg := make([]byte, 4096)
		return s.Compress(false).Emit("photo", jpeg) // it is compressed already
	})

	c := socketiotest.Connect(t, io, nil)
	c.Emit("photo")
	var jpeg []byte
	c.Await("photo").Decode(&jpeg)
	fmt.Println(len(jpeg))
	// Output: 4096
}

// Send the client the reason of a failure.
func ExampleAckError() {
	t := new(exampleTB) // in a test: t *testing.T
	defer t.done()
	io := socketiotest.NewServer(t, nil)
	io.OnConnect(func(s *socketio.Socket) {
		balance := 100
		s.On("withdraw", func(amount int) (int, error) {
			if amount > balance {
				return 0, &socketio.AckError{Args: []any{map[string]string{"error": "not enough"}}} // the acknowledgement
			}
			balance -= amount
			return balance, nil
		})
	})

	c := socketiotest.Connect(t, io, nil)
	fmt.Println(c.Call("withdraw", 70))
	fmt.Println(c.Call("withdraw", 70))
	// Output:
	// [30]
	// [{"error":"not enough"}]
}
