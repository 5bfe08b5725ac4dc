package interop

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"

	"github.com/seed96b07ef8/socketio"
)

func TestClientAsksServer(t *testing.T) {
	eachVersion(t, func(t *testing.T, v variant) {
		failure := errors.New("no such user")
		errs := make(chan error, 1)
		io := serve(t, &socketio.Options{OnError: func(_ *socketio.Socket, err error) { errs <- err }})
		io.On("nil error", func() error { return nil })
		io.On("results", func(a, b int) (int, string, error) { return a + b, "sum", nil })
		io.On("func", func(name string, ack func(string, int)) { ack("hi "+name, 1) })
		io.On("variadic", func(args socketio.Args, ack func(...any)) { ack("n", args.Len(), nil) })
		io.On("twice", func(ack func(int)) { ack(1); ack(2) })
		io.On("later", func(ack func(string)) { go ack("later") })
		io.On("fails", func() (string, error) { return "lost", failure })
		io.On("no result", func() {})
		io.On("never", func(ack func()) {})

		c := v.connect(t, io, "")
		equal(t, c.Run(`ask("nil error")`), `[]`)
		equal(t, c.Run(`ask("results", 1, 2)`), `[3, "sum"]`)
		equal(t, c.Run(`ask("func", "you")`), `["hi you", 1]`)
		equal(t, c.Run(`ask("variadic", 1, 2, 3)`), `["n", 3, null]`)
		equal(t, c.Run(`ask("twice")`), `[1]`)
		equal(t, c.Run(`ask("later")`), `["later"]`)

		// Who does not ask gets no answer, whatever the handler does.
		c.Run(`socket.emit("func", "you"); socket.emit("results", 1, 2); return`)

		// An error is for the hook and not for the client.
		c.Run(`socket.answers = 0; socket.emit("fails", () => socket.answers++); return`)
		if err := receive(t, errs); !errors.Is(err, failure) {
			t.Errorf("the hook got %v", err)
		}
		// A handler without results does not acknowledge, nor does one that calls no ack.
		for _, event := range []string{"no result", "never", "without handler"} {
			c.Run(`socket.emit(args[0], () => socket.answers++); return`, event)
		}
		equal(t, c.Run(`ask("nil error")`), `[]`)
		equal(t, c.Run(`socket.answers`), `0`)
		same(t, "events", c.Events(), []string{})
	})
}

// timeout() and emitWithAck() of newer clients.
func TestClientAsksWithTimeout(t *testing.T) {
	each(t, func(t *testing.T, v variant) {
		io := serve(t, nil)
		io.On("sum", func(a, b int) int { return a + b })
		io.On("never", func(ack func()) {})
		c := v.connect(t, io, "")
		equal(t, c.Run(`socket.emitWithAck("sum", 1, 2)`), `3`)
		equal(t, c.Run(`socket.timeout(10_000).emitWithAck("sum", 1, 2)`), `3`)
		equal(t, c.Run(`socket.timeout(5).emitWithAck("never").catch((err) => err)`), `{"$error": "operation has timed out"}`)
		equal(t, c.Run(`
			const failed = socket.timeout(10_000).emitWithAck("never").catch((err) => err);
			socket.disconnect();
			return failed;
		`), `{"$error": "socket has been disconnected"}`)
	})
}

// With retries, every event needs its acknowledgement: handlers that return an error
// give it.
func TestClientRetries(t *testing.T) {
	each(t, func(t *testing.T, v variant) {
		io := serve(t, nil)
		got := make(chan int, 20)
		io.On("n", func(n int) error { got <- n; return nil })
		c := v.connect(t, io, `{ retries: 3, ackTimeout: 10_000 }`)
		c.Run(`
			for (let n = 0; n < 9; n++) socket.emit("n", n);
			await new Promise((resolve) => socket.emit("n", 9, resolve));
			return;
		`)
		for want := range 10 {
			same(t, "event", receive(t, got), want)
		}
	})
}

func TestServerAsksClient(t *testing.T) {
	type sum struct {
		A int `json:"a"`
		B int `json:"b"`
	}
	eachVersion(t, func(t *testing.T, v variant) {
		io := serve(t, nil)
		c := v.connect(t, io, "")
		c.Run(`
			socket.on("sum", ({ a, b }, ack) => ack(a + b, "second"));
			socket.on("later", (ack) => setTimeout(() => ack({ a: 1, b: 2 }), 1));
			socket.on("nothing", (ack) => ack());
			return;
		`)
		s := io.socket(t, c)

		args, err := s.EmitWithAck(t.Context(), "sum", sum{1, 2})
		if err != nil {
			t.Fatal(err)
		}
		var n int
		var second string
		if err := args.Decode(&n, &second); err != nil {
			t.Fatal(err)
		}
		same(t, "answers", args.Len(), 2)
		same(t, "the first", n, 3)
		same(t, "the second", second, "second")

		n, err = socketio.Call[int](t.Context(), s, "sum", sum{1, 2})
		same(t, "Call", []any{n, err}, []any{3, error(nil)})
		later, err := socketio.Call[sum](t.Context(), s.Timeout(time.Minute), "later")
		same(t, "Call", []any{later, err}, []any{sum{1, 2}, error(nil)})
		nothing, err := socketio.Call[string](t.Context(), s, "nothing")
		same(t, "Call of nothing", []any{nothing, err}, []any{"", error(nil)})

		_, err = socketio.Call[bool](t.Context(), s, "sum", sum{1, 2})
		if _, ok := errors.AsType[*socketio.ArgError](err); !ok {
			t.Errorf("an answer of another type: %v", err)
		}
	})
}

func TestClientThatNeverAnswers(t *testing.T) {
	each(t, func(t *testing.T, v variant) {
		io := serve(t, nil)
		c := v.connect(t, io, "")
		c.Run(`socket.on("question", (ack) => { socket.answer = ack }); return`)
		s := io.socket(t, c)

		// A deadline ends the waiting, and so does a cancelled context.
		_, err := s.Timeout(time.Millisecond).EmitWithAck(t.Context(), "question")
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("after the timeout: %v", err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if _, err = s.EmitWithAck(ctx, "question"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("after the deadline: %v", err)
		}
		ctx, cancel = context.WithCancel(t.Context())
		asked := make(chan error, 1)
		go func() {
			_, err := s.EmitWithAck(ctx, "question")
			asked <- err
		}()
		for range 3 {
			c.Expect("question")
		}
		cancel()
		if err := receive(t, asked); !errors.Is(err, context.Canceled) {
			t.Errorf("after the cancellation: %v", err)
		}

		// An answer that arrives too late is ignored.
		c.Run(`socket.answer("late"); return`)

		// The end of the client ends it, too.
		go func() {
			_, err := s.EmitWithAck(context.Background(), "question")
			asked <- err
		}()
		c.Expect("question")
		c.Run(`socket.disconnect(); return`)
		err = receive(t, asked)
		var gone *socketio.DisconnectError
		if !errors.As(err, &gone) || gone.Reason != socketio.ClientNamespaceDisconnect || !errors.Is(err, net.ErrClosed) {
			t.Errorf("after the disconnection: %v", err)
		}
	})
}

// A handler may wait for an answer of the very client whose event it handles, even
// nested in one that waits likewise.
func TestAckInsideHandler(t *testing.T) {
	eachVersion(t, func(t *testing.T, v variant) {
		io := serve(t, nil)
		io.On("start", func(ctx context.Context, s *socketio.Socket) (string, error) {
			name, err := socketio.Call[string](ctx, s, "name?")
			if err != nil {
				return "", err
			}
			city, err := socketio.Call[string](ctx, s, "city?", name)
			return name + " of " + city, err
		})
		io.OnConnect(func(s *socketio.Socket) {
			if _, err := socketio.Call[string](s.Context(), s, "ready?"); err != nil {
				t.Error(err)
			}
		})

		c := v.open(t, io, "")
		c.Run(`
			socket.on("ready?", (ack) => ack("yes"));
			socket.on("name?", (ack) => ack("Ada"));
			socket.on("city?", (name, ack) => ack(name + "ville"));
			return;
		`)
		v.join(t, c)
		equal(t, c.Run(`ask("start")`), `["Ada of Adaville"]`)
	})
}

// Many questions at once, in both directions, each with its own answer.
func TestManyAcksAtOnce(t *testing.T) {
	const n = 500
	eachVersion(t, func(t *testing.T, v variant) {
		io := serve(t, nil)
		io.On("double", func(i int) int { return 2 * i })
		c := v.connect(t, io, "")
		c.Run(`socket.on("square", (i, ack) => ack(i * i)); return`)
		s := io.socket(t, c)

		wait := c.Go(`
			const answers = await Promise.all(Array.from({ length: args[0] }, (_, i) => ask("double", i)));
			answers.forEach(([answer], i) => assert.equal(answer, 2 * i));
			return;
		`, n)
		errs := make(chan error, n)
		for i := range n {
			go func() {
				square, err := socketio.Call[int](t.Context(), s, "square", i)
				if err == nil && square != i*i {
					err = errors.New("somebody else's answer")
				}
				errs <- err
			}()
		}
		for range n {
			if err := receive(t, errs); err != nil {
				t.Fatal(err)
			}
		}
		wait()
	})
}
