package socketio_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seed96b07ef8/socketio"
	"github.com/seed96b07ef8/socketio/engine"
	"github.com/seed96b07ef8/socketio/internal/wiretest"
)

// A session is what a client remembers of its connection.
type session struct {
	client   *wiretest.Client
	sid, pid string
	offset   string
	events   []string // received, without the offset
}

// connect joins "/" with what the session remembers. It reads everything up to
// the answer.
func (s *session) connect(t *testing.T, url, transport string) {
	t.Helper()
	s.client = wiretest.Dial(t, url, transport)
	auth := map[string]string{}
	if s.pid != "" {
		auth["pid"] = s.pid
	}
	if s.offset != "" {
		auth["offset"] = s.offset
	}
	payload, err := json.Marshal(auth)
	if err != nil {
		t.Fatal(err)
	}
	s.client.Send("40" + string(payload))
	for {
		p := s.client.Read()
		if answer, ok := strings.CutPrefix(p, "40"); ok {
			var ids struct{ SID, PID string }
			if err := json.Unmarshal([]byte(answer), &ids); err != nil || len(ids.PID) != 20 {
				t.Fatalf("answered %q", p)
			}
			s.sid, s.pid = ids.SID, ids.PID
			return
		}
		s.note(t, p)
	}
}

// note remembers an event and its offset, which is its last argument.
func (s *session) note(t *testing.T, packet string) {
	t.Helper()
	text, ok := strings.CutPrefix(packet, "42")
	var event []any
	if !ok || json.Unmarshal([]byte(text), &event) != nil {
		t.Fatalf("received %q", packet)
	}
	s.offset = event[len(event)-1].(string)
	s.events = append(s.events, fmt.Sprint(event[:len(event)-1]...))
}

// read notes n events.
func (s *session) read(t *testing.T, n int) {
	t.Helper()
	for range n {
		s.note(t, s.client.Read())
	}
}

// newRecoveringServer starts a server whose sockets report when they connect and leave.
func newRecoveringServer(t *testing.T, opts socketio.Recovery) (io *socketio.Server, url string, came chan *socketio.Socket, left chan socketio.Reason) {
	io, url, _ = newServer(t, &socketio.Options{Recovery: &opts})
	came, left = make(chan *socketio.Socket, 100), make(chan socketio.Reason, 100)
	io.OnConnect(func(s *socketio.Socket) { came <- s })
	io.OnDisconnect(func(_ *socketio.Socket, reason socketio.Reason) { left <- reason })
	return io, url, came, left
}

// drop cuts a client off and waits until the server has noticed.
func drop(t *testing.T, c *wiretest.Client, s *socketio.Socket, left chan socketio.Reason) {
	t.Helper()
	waitFor(t, "an open poll", s.Conn().Writable)
	c.Close()
	receive(t, left, "the disconnection")
}

func emit(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Error(err)
	}
}

func TestRecovery(t *testing.T) {
	t.Parallel()
	transports(t, func(t *testing.T, transport string) {
		t.Parallel()
		io, url, came, left := newRecoveringServer(t, socketio.Recovery{})
		var c session
		c.connect(t, url, transport)
		s := receive(t, came, "the socket")
		if s.Recovered() {
			t.Error("recovered at the first connection")
		}
		s.SetData("mine")
		emit(t, s.Join("in", "also"))
		emit(t, s.Emit("one", 1))
		c.read(t, 1)
		drop(t, c.client, s, left)

		emit(t, io.Emit("all"))
		emit(t, io.To("in").Emit("room"))
		emit(t, io.To("out").Emit("other room"))
		emit(t, io.Except("also").Emit("not for me"))
		emit(t, io.Except(s.ID()).Emit("neither"))
		emit(t, io.Volatile().Emit("volatile"))
		emit(t, io.To(s.ID()).Emit("mine"))

		first := c.sid
		c.connect(t, url, transport)
		if want := []string{"one1", "all", "room", "mine"}; !slices.Equal(c.events, want) {
			t.Errorf("received %q, want %q", c.events, want)
		}
		again := receive(t, came, "the recovered socket")
		if !again.Recovered() || again.ID() != first || c.sid != first || again.Data() != "mine" {
			t.Errorf("recovered %v, ID %s of %s, data %v", again.Recovered(), again.ID(), first, again.Data())
		}
		rooms := again.Rooms()
		if slices.Sort(rooms[1:]); !slices.Equal(rooms, []string{first, "also", "in"}) {
			t.Errorf("rooms %v", rooms)
		}
		// It continues from there.
		emit(t, io.To("in").Emit("live"))
		c.read(t, 1)
		if c.events[len(c.events)-1] != "live" {
			t.Errorf("received %q", c.events)
		}
	})
}

// The reference needs an event with an offset before it can recover a client.
func TestRecoveryBeforeTheFirstEvent(t *testing.T) {
	t.Parallel()
	io, url, came, left := newRecoveringServer(t, socketio.Recovery{})
	emit(t, io.Emit("before the client"))
	var c session
	c.connect(t, url, "websocket")
	drop(t, c.client, receive(t, came, "the socket"), left)
	emit(t, io.Emit("missed"))
	c.connect(t, url, "websocket")
	if !receive(t, came, "the recovered socket").Recovered() || !slices.Equal(c.events, []string{"missed"}) {
		t.Errorf("received %q", c.events)
	}
}

// A client may be back before the server has noticed that it was away.
func TestRecoveryWhileTheOldConnectionLives(t *testing.T) {
	t.Parallel()
	transports(t, func(t *testing.T, transport string) {
		t.Parallel()
		io, url, came, left := newRecoveringServer(t, socketio.Recovery{})
		var c session
		c.connect(t, url, transport)
		old := receive(t, came, "the socket")
		emit(t, old.Join("room"))
		first := c.client
		emit(t, io.Emit("lost on the old connection"))

		c.connect(t, url, transport)
		s := receive(t, came, "the recovered socket")
		if reason := receive(t, left, "the end of the old socket"); reason != socketio.TransportClose {
			t.Errorf("the old socket ended with %q", reason)
		}
		if !s.Recovered() || s.ID() != old.ID() || !slices.Equal(c.events, []string{"lost on the old connection"}) {
			t.Errorf("recovered %v, received %q", s.Recovered(), c.events)
		}
		first.Leave() // its late death must not concern the session
		waitFor(t, "the end of the old connection", func() bool { return io.Engine().Len() == 1 })
		emit(t, io.To("room").Emit("once"))
		emit(t, io.Emit("last"))
		c.read(t, 2)
		if want := []string{"lost on the old connection", "once", "last"}; !slices.Equal(c.events, want) {
			t.Errorf("received %q, want %q", c.events, want)
		}
		drop(t, c.client, s, left)
		c.connect(t, url, transport)
		if !receive(t, came, "the socket").Recovered() {
			t.Error("not recovered a second time")
		}
	})
}

func TestRecoveryIsRefused(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name string
		end  func(c *session, s *socketio.Socket) // ends the session
		ask  func(c *session)                     // changes what the client remembers
	}{
		{"after the client has left", func(c *session, _ *socketio.Socket) { c.client.Send(`41`) }, nil},
		{"after it was disconnected", func(_ *session, s *socketio.Socket) { s.Disconnect() }, nil},
		{"after a parse error", func(c *session, _ *socketio.Socket) { c.client.TrySend(`x`) }, nil},
		{"with an unknown private ID", nil, func(c *session) { c.pid = "AAAAAAAAAAAAAAAAAAAA" }},
		{"with an unknown offset", nil, func(c *session) { c.offset = "hello" }},
		{"with an offset of the future", nil, func(c *session) { c.offset = c.offset[:7] + "zzz" }},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			_, url, came, left := newRecoveringServer(t, socketio.Recovery{})
			var c session
			c.connect(t, url, "websocket")
			s := receive(t, came, "the socket")
			emit(t, s.Emit("one"))
			c.read(t, 1)
			if tc.end != nil {
				tc.end(&c, s)
				receive(t, left, "the disconnection")
			} else {
				drop(t, c.client, s, left)
			}
			if tc.ask != nil {
				tc.ask(&c)
			}
			sid, pid := c.sid, c.pid
			c.connect(t, url, "websocket")
			if again := receive(t, came, "the socket"); again.Recovered() || c.sid == sid || c.pid == pid {
				t.Errorf("recovered %v", again.Recovered())
			}
		})
	}
}

// A session is restored once.
func TestRecoveredSessionIsConsumed(t *testing.T) {
	t.Parallel()
	_, url, came, left := newRecoveringServer(t, socketio.Recovery{})
	var c session
	c.connect(t, url, "websocket")
	drop(t, c.client, receive(t, came, "the socket"), left)
	thief := c
	c.connect(t, url, "websocket")
	s := receive(t, came, "the socket")
	c.client.Send(`41`)
	receive(t, left, "the disconnection")
	thief.connect(t, url, "websocket")
	if again := receive(t, came, "the socket"); !s.Recovered() || again.Recovered() {
		t.Errorf("recovered %v, then %v", s.Recovered(), again.Recovered())
	}
}

func TestRecoveryExpires(t *testing.T) {
	t.Parallel()
	_, url, came, left := newRecoveringServer(t, socketio.Recovery{MaxDisconnection: time.Millisecond})
	var c session
	c.connect(t, url, "websocket")
	s := receive(t, came, "the socket")
	waitFor(t, "a session that came back too late", func() bool {
		drop(t, c.client, s, left)
		c.connect(t, url, "websocket")
		s = receive(t, came, "the socket")
		return !s.Recovered()
	})
}

func TestRecoveryAndMiddleware(t *testing.T) {
	t.Parallel()
	for _, run := range []bool{false, true} {
		t.Run(fmt.Sprintf("RunMiddleware=%v", run), func(t *testing.T) {
			io, url, came, left := newRecoveringServer(t, socketio.Recovery{RunMiddleware: run})
			var calls int
			io.Use(func(_ context.Context, s *socketio.Socket) error {
				calls++
				if s.Recovered() != (calls == 2) {
					t.Errorf("call %d: recovered %v", calls, s.Recovered())
				}
				if calls > 2 {
					return errors.New("no more")
				}
				return nil
			})
			var c session
			c.connect(t, url, "websocket")
			drop(t, c.client, receive(t, came, "the socket"), left)
			c.connect(t, url, "websocket")
			if !receive(t, came, "the socket").Recovered() {
				t.Error("not recovered")
			}
			if want := map[bool]int{false: 1, true: 2}[run]; calls != want {
				t.Errorf("the middleware ran %d times, want %d", calls, want)
			}
		})
	}
}

// Emits of a middleware reach the client, before it is connected.
func TestRecoveryKeepsEmitsOfMiddleware(t *testing.T) {
	t.Parallel()
	io, url, came, _ := newRecoveringServer(t, socketio.Recovery{})
	io.Use(func(_ context.Context, s *socketio.Socket) error { return s.Emit("early", "x") })
	c := wiretest.Dial(t, url, "websocket")
	c.Send(`40`)
	c.Expect(`42["early","x",null]`)
	receive(t, came, "the socket")
}

// While events are emitted from several goroutines, a client that loses its
// connection again and again receives each of them once and in the order in
// which every other client does.
func TestRecoveryUnderConcurrentEmits(t *testing.T) {
	t.Parallel()
	io, url, _, _ := newRecoveringServer(t, socketio.Recovery{})
	const emitters, each = 4, 300
	var steady, flaky session
	steady.connect(t, url, "websocket")
	flaky.connect(t, url, "websocket")
	waitFor(t, "two sockets", func() bool { return len(io.Sockets()) == 2 })
	var wg sync.WaitGroup
	for e := range emitters {
		wg.Go(func() {
			for i := range each {
				emit(t, io.Emit("n", e*each+i))
			}
		})
	}
	for i := 0; len(flaky.events) < emitters*each; i++ {
		flaky.read(t, min(1+i%7, emitters*each-len(flaky.events)))
		if i%5 == 0 && i < 200 {
			flaky.client.Close()
			flaky.connect(t, url, "websocket")
		}
	}
	wg.Wait()
	steady.read(t, emitters*each)
	if !slices.Equal(flaky.events, steady.events) {
		t.Errorf("the clients have received different events or orders:\n%q\n%q", flaky.events, steady.events)
	}
}

// What a client has missed may be more than its outbox holds: the log has its own
// limits.
func TestRecoveryOfMuch(t *testing.T) {
	t.Parallel()
	transports(t, func(t *testing.T, transport string) {
		t.Parallel()
		const missed = 50
		io, url, _ := newServer(t, &socketio.Options{
			Recovery: &socketio.Recovery{},
			Engine:   engine.ServerOptions{OutboxMessages: 10},
		})
		gone := make(chan struct{}, 1)
		io.OnDisconnect(func(*socketio.Socket, socketio.Reason) { gone <- struct{}{} })
		var c session
		c.connect(t, url, transport)
		io.Socket(c.sid).Conn().Close()
		receive(t, gone, "the disconnection")
		for i := range missed {
			emit(t, io.Emit(fmt.Sprint(i)))
		}
		c.connect(t, url, transport)
		if len(c.events) != missed || c.events[missed-1] != fmt.Sprint(missed-1) {
			t.Errorf("got %q", c.events)
		}
	})
}

// The end of a connection may come while a socket looks for its session.
func TestEndDuringRecovery(t *testing.T) {
	t.Parallel()
	io, url, _ := newServer(t, &socketio.Options{Recovery: &socketio.Recovery{}})
	for range 50 {
		wiretest.Dial(t, url, "websocket").TrySend("40", "44{}") // the second is a violation
	}
	waitFor(t, "the end of all connections", func() bool { return io.Engine().Len() == 0 })
}

// A polling client that is recovered over another connection never fetches what the old
// one still has for it: that one ends at once, and does not keep it until it lingered.
func TestRecoveryAbortsSupersededPolling(t *testing.T) {
	t.Parallel()
	server, url, came, _ := newRecoveringServer(t, socketio.Recovery{})
	url += "/socket.io/?EIO=4&transport=polling"
	request := func(method, query, body string) string {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, url+query, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		answer, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("%s %s: %s %q %v", method, query, resp.Status, answer, err)
		}
		return string(answer)
	}
	join := func(auth string) (query, pid string) {
		t.Helper()
		var ids struct{ SID, PID string }
		if err := json.Unmarshal([]byte(request("GET", "", "")[1:]), &ids); err != nil {
			t.Fatal(err)
		}
		query = "&sid=" + ids.SID
		request("POST", query, "40"+auth)
		answer := strings.TrimPrefix(request("GET", query, ""), "40")
		if err := json.Unmarshal([]byte(answer), &ids); err != nil {
			t.Fatalf("answered %q: %v", answer, err)
		}
		return query, ids.PID
	}

	query, pid := join("")
	first := receive(t, came, "the socket")
	emit(t, first.Emit("seen"))
	var event []string
	if err := json.Unmarshal([]byte(request("GET", query, "")[2:]), &event); err != nil {
		t.Fatal(err)
	}
	auth, err := json.Marshal(map[string]string{"pid": pid, "offset": event[1]})
	if err != nil {
		t.Fatal(err)
	}
	_, again := join(string(auth))
	if !receive(t, came, "the recovered socket").Recovered() || again != pid {
		t.Error("the client was not recovered")
	}
	if n := server.Engine().Len(); n != 1 {
		t.Errorf("%d connections, want 1: the old one stays", n)
	}
}
