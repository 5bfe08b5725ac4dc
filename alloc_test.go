//go:build !race

package socketio_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"runtime"
	"testing"

	"github.com/seed96b07ef8/socketio"
	"github.com/seed96b07ef8/socketio/event"
	"github.com/seed96b07ef8/socketio/internal/wiretest"
)

// wantAllocs fails when f, which does something per times, needs more allocations than
// most for each. That has some room: now and then the collector empties a pool.
func wantAllocs(t *testing.T, what string, most float64, per int, f func()) {
	t.Helper()
	for range 3 {
		f() // fills the pools
	}
	if got := testing.AllocsPerRun(300, f) / float64(per); got > most {
		t.Errorf("%s: %.2f allocations, want at most %v", what, got, most)
	} else {
		t.Logf("%s: %.2f allocations", what, got)
	}
}

func TestAllocations(t *testing.T) {
	type body struct {
		Msg string `json:"msg"`
		N   int    `json:"n"`
	}
	srv, url, _ := newServer(t, nil)
	connected := make(chan *socketio.Socket, 1)
	srv.OnConnect(func(s *socketio.Socket) { connected <- s })
	srv.On("echo", func(v body) (body, error) { return v, nil })
	srv.On("note", func(s *socketio.Socket, text string) error { return nil })
	event.Answer(srv, event.NewCall[*body, *body]("contract"), func(_ context.Context, _ *socketio.Socket, v *body) (*body, error) { return v, nil })
	srv.On("get", func(ack func(any)) { ack("ok") })

	c := newRawClient(t, url)
	exchange := func(event, answer string, n int) func() {
		events := bytes.Repeat(maskedText(event), n)
		answers := make([]byte, n*(2+len(answer)))
		return func() {
			c.write(events)
			c.read(answers)
			if string(answers[2:2+len(answer)]) != answer {
				t.Fatalf("got %q, want %q", answers, answer)
			}
		}
	}
	// The string, and three by package reflect for the call.
	const echo, echoed = `420["echo",{"msg":"hello","n":1}]`, `430[{"msg":"hello","n":1}]`
	wantAllocs(t, "an event with its acknowledgement", 4.2, 1, exchange(echo, echoed, 1))
	// Acknowledgements that leave together are messages until then.
	wantAllocs(t, "sixteen of them together", 4.2, 16, exchange(echo, echoed, 16))
	// The string, and the variable for it.
	wantAllocs(t, "an event without reflection", 2.2, 1, exchange(`420["note","hello"]`, `430[]`, 1))
	const asked, answered = `420["contract",{"msg":"hello","n":1}]`, `430[{"msg":"hello","n":1}]`
	wantAllocs(t, "a call of a contract", 4.2, 1, exchange(asked, answered, 1))
	// The call that the ack function keeps, the function, and its list of arguments.
	wantAllocs(t, "an event with an ack function", 4.2, 1, exchange(`420["get"]`, `430["ok"]`, 1))

	s := <-connected
	c.discard()
	args := []any{"hello", 1, true, &body{"x", 1}}
	emit := func() {
		if err := s.Emit("news", args...); err != nil {
			t.Fatal(err)
		}
	}
	wantAllocs(t, "emitting to one socket", 0.2, 1, emit)
}

// Handler middleware costs at most six allocations for each event, and four more when a
// namespace adds to that of the server: its list, and the function next. The socket's
// context is made once.
func TestMiddlewareAllocations(t *testing.T) {
	passOn := func(ctx context.Context, _ socketio.EventInfo, next func(context.Context) error) error {
		return next(ctx)
	}
	srv, url, _ := newServer(t, &socketio.Options{HandlerMiddleware: []socketio.HandlerMiddleware{passOn}})
	srv.On("note", func(s *socketio.Socket, text string) error { return nil })
	c := newRawClient(t, url)
	event, answer := maskedText(`420["note","hello"]`), make([]byte, len(`..430[]`))
	exchange := func() {
		c.write(event)
		c.read(answer)
		if got := string(answer[2:]); got != `430[]` {
			t.Fatalf("got %q", got)
		}
	}
	// Without middleware it is 2; see TestAllocations.
	wantAllocs(t, "an event inside of the server's middleware", 8.2, 1, exchange)
	srv.UseHandler(passOn)
	wantAllocs(t, "an event inside of a namespace's, too", 12.2, 1, exchange)
}

// Large binary data that is lent to its handler is not allocated.
func TestBorrowedAllocations(t *testing.T) {
	srv, url, _ := newServer(t, nil)
	srv.On("lend", func(data socketio.Borrowed) socketio.Borrowed { return data })
	event.Answer(srv, event.NewCall[socketio.Borrowed, socketio.Borrowed]("contract"),
		func(_ context.Context, _ *socketio.Socket, data socketio.Borrowed) (socketio.Borrowed, error) {
			return data, nil
		})
	srv.On("give", func(data []byte) []byte { return data })
	c := newRawClient(t, url)
	for _, size := range []int{1 << 10, 64 << 10, 200_000} {
		lend, agreed, give := binaryEcho(c, "lend", size), binaryEcho(c, "contract", size), binaryEcho(c, "give", size)
		lend() // fills the pools
		const rounds = 100
		perRound := func(f func()) int {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			for range rounds {
				f()
			}
			runtime.ReadMemStats(&after)
			return int(after.TotalAlloc-before.TotalAlloc) / rounds
		}
		lent, lentByContract, given := perRound(lend), perRound(agreed), perRound(give)
		t.Logf("%d bytes: %d allocated when lent, %d by a contract, %d when given", size, lent, lentByContract, given)
		if most := 600 + size/8; max(lent, lentByContract) > most {
			t.Errorf("%d bytes: %d and %d allocated, want at most %d", size, lent, lentByContract, most)
		}
		// Now and then there is a block left that was lent before.
		if given < size*9/10 || given > size+size/4+1000 {
			t.Errorf("%d bytes that the handler may keep: %d allocated", size, given)
		}
	}
	// The packet that waits for its attachment, the list of those, and three by package
	// reflect.
	wantAllocs(t, "64 KiB with their acknowledgement", 5.2, 1, binaryEcho(c, "lend", 64<<10))
}

// The cost of a broadcast is the packet and its message, however many get it.
func TestBroadcastAllocations(t *testing.T) {
	srv, url, _ := newServer(t, nil)
	args := []any{"hello", 1}
	broadcast := func() {
		if err := srv.Emit("news", args...); err != nil {
			t.Fatal(err)
		}
	}
	const few, many = 2, 52
	allocs := make(map[int]float64)
	for n := range many {
		c := newRawClient(t, url)
		c.discard()
		if n+1 == few || n+1 == many {
			broadcast()
			allocs[n+1] = testing.AllocsPerRun(300, broadcast)
		}
	}
	if most := 4.0; allocs[few] > most {
		t.Errorf("%v allocations for %d recipients, want at most %v", allocs[few], few, most)
	}
	if each := (allocs[many] - allocs[few]) / (many - few); each > 0.05 {
		t.Errorf("%.3f allocations for each recipient, want none", each)
	}
	t.Log(allocs)
}

// untidy is a test whose clients are not closed, so that no Cleanup holds memory for them.
type untidy struct{ testing.TB }

func (untidy) Cleanup(func()) {}

// An idle client costs a bounded amount of heap. Both ends are in this process.
func TestIdleMemory(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("outside Linux an idle connection keeps a goroutine and its read buffer: see docs/decisions/0008")
	}
	_, url, _ := newServer(t, nil)
	heap := func() uint64 {
		var m runtime.MemStats
		for range 3 { // pools are emptied by the second
			runtime.GC()
		}
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	const clients = 1000
	conns := make([]rawClient, clients)
	t.Cleanup(func() {
		for _, c := range conns {
			c.Close()
		}
	})
	newRawClient(t, url)
	before := heap()
	for i := range conns {
		conns[i] = newRawClient(untidy{t}, url)
	}
	each := int(heap()-before) / clients
	t.Logf("%d bytes for each client", each)
	if most := 2200; each > most {
		t.Errorf("an idle client costs %d bytes, want at most %d", each, most)
	}
}

// What a client costs that connects, joins and leaves, with its end of the connection,
// which is in this process, too, and net/http.
func TestConnectAllocations(t *testing.T) {
	srv, url, _ := newServer(t, nil)
	left := make(chan struct{}, 1)
	srv.OnDisconnect(func(*socketio.Socket, socketio.Reason) { left <- struct{}{} })
	newRawClient(t, url).discard() // so that there is a poller all the time
	wantAllocs(t, "connecting and leaving", 124, 1, func() {
		newRawClient(untidy{t}, url).Close()
		receive(t, left, "the end")
	})
}

func TestAckAllocations(t *testing.T) {
	srv, url, _ := newServer(t, nil)
	connected := make(chan *socketio.Socket, 1)
	srv.OnConnect(func(s *socketio.Socket) { connected <- s })
	c := newRawClient(t, url)
	s := <-connected
	ctx, cancel := context.WithTimeout(t.Context(), wiretest.Timeout)
	defer cancel()
	answers := make([][]byte, 10)
	for id := range answers {
		answers[id] = maskedText(fmt.Sprintf(`43%d["ok"]`, id))
	}
	go func() {
		event := make([]byte, 2+len(`420["get"]`))
		for _, answer := range answers {
			if _, err := io.ReadFull(c.Conn, event); err != nil {
				return
			}
			if _, err := c.Conn.Write(answer); err != nil {
				return
			}
		}
	}()
	var got string
	allocs := testing.AllocsPerRun(len(answers)-1, func() {
		args, err := s.EmitWithAck(ctx, "get")
		if err != nil {
			t.Fatal(err)
		}
		if err := args.DecodeAt(0, &got); err != nil || got != "ok" {
			t.Fatalf("got %q, %v", got, err)
		}
	})
	// The channel, the table of acknowledgements, the arguments of the answer, the
	// string.
	if most := 7.0; allocs > most {
		t.Errorf("%v allocations, want at most %v", allocs, most)
	}
	t.Log(allocs)
}
