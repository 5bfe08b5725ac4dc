package client_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed96b07ef8/socketio"
	"github.com/seed96b07ef8/socketio/client"
	"github.com/seed96b07ef8/socketio/engine"
	"github.com/seed96b07ef8/socketio/parser"
	"github.com/seed96b07ef8/socketio/socketiotest"
)

// A stalling server lets sockets in, answers the first question of "/", and can be kept
// from reading.
type stalling struct {
	*fake
	got  list[string]
	gate chan bool // has an element while requests with data are read
	only string    // if not "", requests without that text are read all the same
}

func newStalling(t *testing.T) *stalling {
	s := &stalling{gate: make(chan bool, 1)}
	s.gate <- true
	s.fake = newFakeBehind(t, func(c *engine.Conn, message string) {
		s.got.add(message)
		switch message {
		case "0":
			say(c, granted)
		case "0/other,":
			say(c, "0/other,"+granted[1:])
		case `20["question"]`:
			say(c, "30[]")
		}
	}, func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPost {
				body, _ := io.ReadAll(r.Body)
				r.Body = io.NopCloser(bytes.NewReader(body))
				if strings.Contains(string(body), s.only) {
					s.gate <- <-s.gate
				}
			}
			h.ServeHTTP(w, r)
		})
	})
	return s
}

// client returns a client of which one message waits for the server at most, besides
// those that are under way.
func (s *stalling) client(t *testing.T) *client.Socket {
	way := setting{[]engine.Transport{engine.Polling}, parser.JSON}
	return way.client(t, s.Server, "/", func(o *client.Options) { o.Engine.OutboxMessages = 1 })
}

// stall keeps the server from reading, and fills what c has room for.
func (s *stalling) stall(t *testing.T, c *client.Socket) {
	synctest.Wait()
	<-s.gate
	for range 2 { // one is under way, and one waits
		if err := c.Emit("fills"); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
	}
	if c.Manager().Engine().Writable() {
		t.Fatal("the connection is writable, want it full")
	}
}

// What waits for room in the connection is sent when the server reads again.
func TestRoomComes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStalling(t)
		c := connect(t, s.client(t))
		s.stall(t, c)
		results := make(chan error, 2)
		go func() { results <- second(c.EmitWithAck(t.Context(), "question")) }()
		synctest.Wait()
		go func() { results <- c.EmitWait(t.Context(), "news") }()
		synctest.Wait()
		if n := len(results); n > 0 {
			t.Fatalf("%d calls have returned without room, the first with %v, want none", n, <-results)
		}
		s.gate <- true
		for range cap(results) {
			if err := <-results; err != nil {
				t.Errorf("got %v, want no error", err)
			}
		}
		synctest.Wait()
		got := slices.DeleteFunc(s.got.get(), func(m string) bool { return strings.Contains(m, "fills") })
		slices.Sort(got)
		if want := []string{"0", `20["question"]`, `2["news"]`}; !slices.Equal(got, want) {
			t.Errorf("the server got %q, want %q", got, want)
		}
	})
}

// Disconnect ends a question that waits for room in a connection which other sockets
// keep, though there is still none. An event of EmitWait is kept for the next time that
// the socket is connected.
func TestDisconnectWithoutRoom(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStalling(t)
		root := connect(t, s.client(t))
		c := connect(t, root.Manager().Socket("/other", nil))
		s.stall(t, root)
		asked, emitted := make(chan error, 1), make(chan error, 1)
		go func() { asked <- second(c.EmitWithAck(context.Background(), "question")) }()
		go func() { emitted <- c.EmitWait(context.Background(), "news") }()
		synctest.Wait()
		c.Disconnect()
		synctest.Wait()
		select {
		case err := <-asked:
			if reason := errorAs[*client.DisconnectError](t, err).Reason; reason != client.ClientDisconnect {
				t.Errorf("EmitWithAck: %v, want the reason %q", err, client.ClientDisconnect)
			}
		default:
			t.Error("EmitWithAck still waits, want a DisconnectError")
		}
		s.gate <- true
		if err := <-emitted; err != nil {
			t.Errorf("EmitWait: %v, want no error", err)
		}
		connect(t, c)
		time.Sleep(time.Second)
		if got := s.got.get(); !slices.Contains(got, `2/other,["news"]`) || strings.Contains(fmt.Sprint(got), "question") {
			t.Errorf("the server got %q, want the news and no question", got)
		}
	})
}

// With Retries, an event that waits for room when the connection is lost was not sent:
// it is sent over the next connection, and that counts as the first time.
func TestConnectionLostBeforeRoomComes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStalling(t)
		root := connect(t, s.client(t))
		c := connect(t, root.Manager().Socket("/other", &client.SocketOptions{Retries: 1, AckTimeout: time.Second}))
		s.stall(t, root)
		failures := make(chan error, 1)
		c.OnError(func(err error) { failures <- err })
		if err := c.Emit("unanswered"); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		root.Manager().Engine().Close()
		s.gate <- true
		if e := errorAs[*client.RetryError](t, <-failures); e.Sent != 2 {
			t.Errorf("the event was sent %d times, want 2", e.Sent)
		}
		n := 0
		for _, m := range s.got.get() {
			if strings.Contains(m, "unanswered") {
				n++
			}
		}
		if n != 2 {
			t.Errorf("the server got the event %d times, want 2", n)
		}
	})
}

// A socket waits for room once, however many events wait.
func TestWaitingForRoomCostsOneGoroutine(t *testing.T) { // and looks at those of all tests
	synctest.Test(t, func(t *testing.T) {
		s := newStalling(t)
		root := connect(t, s.client(t))
		c := connect(t, root.Manager().Socket("/other", &client.SocketOptions{Retries: 1, AckTimeout: time.Hour}))
		s.stall(t, root)
		synctest.Wait()
		before := clientGoroutines()
		for range 100 {
			if err := c.Emit("waits"); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		if n := clientGoroutines() - before; n != 1 {
			t.Errorf("%d goroutines wait, want 1", n)
		}
		s.gate <- true
	})
}

// OnDrain is called when the connection has taken the last event that had to wait, not
// when it has room while others still wait.
func TestDrainOfWhatWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		_, c := bubble(t, nil, func(o *client.Options) { o.Engine.OutboxMessages = 2 })
		var drained atomic.Int32
		c.OnDrain(func() { drained.Add(1) })
		for i := range 3 {
			if err := c.Emit("n", i); err != nil {
				t.Fatal(err)
			}
		}
		client.HoldResume(c)
		connect(t, c)
		synctest.Wait()
		if n, _, _ := c.Waiting(); n != 1 || drained.Load() != 0 {
			t.Fatalf("%d events wait, and OnDrain was called %d times, want one and none", n, drained.Load())
		}
		client.ReleaseResume(c)
		synctest.Wait()
		if n, _, _ := c.Waiting(); n != 0 || drained.Load() == 0 {
			t.Errorf("%d events wait, and OnDrain was called %d times, want none and a call", n, drained.Load())
		}
	})
}

// OnDrain of a manager is called when the connection has room again, also after a
// function that has panicked or ended its goroutine. OnDrain of a socket is called if that is connected, and
// not again before it has returned.
func TestDrainOfAManager(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStalling(t)
		c := connect(t, s.client(t))
		m := c.Manager()
		away := m.Socket("/away", nil) // which the server does not let in
		away.OnDrain(func() { t.Error("OnDrain of a socket that is not connected was called") })
		if err := away.Open(); err != nil {
			t.Fatal(err)
		}
		m.OnDrain(func() { panic("hook") })
		m.OnDrain(runtime.Goexit)
		var manager, socket atomic.Int32
		m.OnDrain(func() { manager.Add(1) })
		hold := make(chan bool)
		c.OnDrain(func() {
			socket.Add(1)
			<-hold
		})
		for i := range 5 {
			s.stall(t, c)
			s.gate <- true
			synctest.Wait()
			if n := manager.Load(); n <= int32(i) {
				t.Errorf("OnDrain of the manager was called %d times after the server has read %d times", n, i+1)
			}
			if n := socket.Load(); n != 1 {
				t.Errorf("OnDrain of the socket was called %d times, want once while it does not return", n)
			}
		}
		close(hold)
		synctest.Wait()
		if n := socket.Load(); n != 2 {
			t.Errorf("OnDrain of the socket was called %d times, want once more after it has returned", n)
		}
		away.Disconnect()
	})
}

// An event that the server would not accept takes no question along that waited with it.
func TestRefusedEventAndAQuestion(t *testing.T) {
	t.Parallel()
	srv := overWebSocket.serve(t, &socketio.Options{Engine: engine.ServerOptions{MaxPayload: 1000}})
	notes(srv)
	c := overWebSocket.client(t, srv, "/", nil)
	reports := make(chan error, 1)
	c.OnError(func(err error) { reports <- err })
	answers := make(chan error, 1)
	go func() { answers <- second(client.Call[int](within(t), c, "n", 1)) }()
	socketiotest.WaitFor(t, "the question", func() bool { n, _, _ := c.Waiting(); return n == 1 })
	large := strings.Repeat("x", 2000)
	if err := c.Emit("n", large); err != nil {
		t.Fatal(err)
	}
	refused := make(chan error, 1)
	go func() { refused <- second(c.EmitWithAck(within(t), "n", large)) }()
	socketiotest.WaitFor(t, "the events", func() bool { n, _, _ := c.Waiting(); return n == 3 })
	connect(t, c)
	errorAs[*engine.TooLargeError](t, receive(t, reports, "the report"))
	errorAs[*engine.TooLargeError](t, receive(t, refused, "the error of the question that is too large"))
	if err := receive(t, answers, "the answer"); err != nil {
		t.Errorf("got %v, want an answer", err)
	}
	if n, bytes, acks := c.Waiting(); n+bytes+acks != 0 {
		t.Errorf("%d events of %d bytes wait, and %d acknowledgements, want none", n, bytes, acks)
	}
}

// A socket that is disconnected does not wait for room in the connection that it has
// left, which a server that does not read keeps for up to 30 s: EmitWait keeps the event
// for the next connection at once, and that gets all events as soon as it has room.
func TestRoomOfAConnectionThatWasLeft(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStalling(t)
		s.only = "fills"
		c := s.client(t)
		<-s.gate
		for i := range 4 {
			if err := c.Emit("fills", i); err != nil {
				t.Fatal(err)
			}
		}
		connect(t, c)
		synctest.Wait()
		if messages, _, _ := c.Waiting(); messages == 0 {
			t.Fatal("no event waits for room, want some to")
		}
		start := time.Now()
		c.Disconnect()
		s.only = "nothing" // so the server reads from the next connection
		connect(t, c)
		synctest.Wait()
		if messages, _, _ := c.Waiting(); messages > 0 {
			t.Errorf("%d events wait, want none", messages)
		}

		s.only = "fills"
		for c.Emit("fills") == nil {
			synctest.Wait()
		}
		emitted := make(chan error, 1)
		go func() { emitted <- c.EmitWait(context.Background(), "news") }()
		synctest.Wait()
		c.Disconnect()
		if err := <-emitted; err != nil {
			t.Errorf("EmitWait: %v, want no error", err)
		}
		if d := time.Since(start); d > 0 {
			t.Errorf("that took %v, want no waiting", d)
		}
		s.gate <- true
	})
}
