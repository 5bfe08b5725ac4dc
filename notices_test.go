package socketio_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/seed96b07ef8/socketio"
	"github.com/seed96b07ef8/socketio/engine"
	"github.com/seed96b07ef8/socketio/internal/wiretest"
	"github.com/seed96b07ef8/socketio/internal/ws"
)

// manualPoll is a client on polling that polls when the test says so.
type manualPoll struct {
	t   testing.TB
	url string
}

func openManualPoll(t testing.TB, url string) *manualPoll {
	t.Helper()
	p := &manualPoll{t, url + "/socket.io/?EIO=4&transport=polling"}
	_, after, ok := strings.Cut(p.get(), `"sid":"`)
	sid, _, _ := strings.Cut(after, `"`)
	if !ok {
		t.Fatal("the handshake has failed")
	}
	p.url += "&sid=" + sid
	p.send("40")
	if answer := p.get(); !strings.HasPrefix(answer, "40{") {
		t.Fatalf("joining was answered %q", answer)
	}
	t.Cleanup(func() { p.send("1") }) // so that Shutdown does not wait for a poll
	return p
}

func (p *manualPoll) get() string {
	p.t.Helper()
	resp, err := http.Get(p.url)
	return p.body(resp, err)
}

func (p *manualPoll) send(packets ...string) {
	p.t.Helper()
	resp, err := http.Post(p.url, "text/plain", strings.NewReader(strings.Join(packets, "\x1e")))
	p.body(resp, err)
}

func (p *manualPoll) body(resp *http.Response, err error) string {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		p.t.Fatalf("%s %q %v", resp.Status, b, err)
	}
	return string(b)
}

// tlsClient is a client on a WebSocket over TLS that reads everything and looks at
// nothing.
type tlsClient struct {
	t    testing.TB
	conn *tls.Conn
}

func dialTLS(t testing.TB, s http.Handler) *tlsClient {
	t.Helper()
	hs := httptest.NewUnstartedServer(s)
	hs.Config.ErrorLog = log.New(io.Discard, "", 0)
	hs.StartTLS()
	t.Cleanup(hs.Close)
	nc, err := tls.Dial("tcp", hs.Listener.Addr().String(), &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	fmt.Fprint(nc, "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n")
	go io.Copy(io.Discard, nc) // ends with the connection
	c := &tlsClient{t, nc}
	c.send("40")
	return c
}

func (c *tlsClient) send(packets ...string) {
	c.t.Helper()
	var out []byte
	for _, p := range packets {
		out = ws.AppendMaskedFrame(out, ws.Text, false, []byte(p), [4]byte{1, 2, 3, 4})
	}
	if _, err := c.conn.Write(out); err != nil {
		c.t.Fatal(err)
	}
}

// The end of a backlog is not an event: however many backlogs come and go while
// a handler runs, there is room for what the client sends, and its acknowledgement is
// read.
func TestBacklogsTakeNoRoomFromEvents(t *testing.T) {
	t.Parallel()
	const limit = 4
	type sender interface{ send(packets ...string) }
	for name, connect := range map[string]func(t *testing.T, io *socketio.Server) (c sender, receive func(*socketio.Socket)){
		"polling": func(t *testing.T, io *socketio.Server) (sender, func(*socketio.Socket)) {
			p := openManualPoll(t, wiretest.Serve(t, io))
			return p, func(*socketio.Socket) { p.get() }
		},
		"TLS": func(t *testing.T, io *socketio.Server) (sender, func(*socketio.Socket)) {
			return dialTLS(t, io), func(s *socketio.Socket) {
				waitFor(t, "the client to receive", func() bool { return s.Buffered() == 0 })
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			io, _, _ := newServer(t, &socketio.Options{InboxEvents: limit})
			asked, answered := make(chan *socketio.Socket), make(chan error, 1)
			io.On("ask", func(ctx context.Context, s *socketio.Socket) {
				asked <- s
				_, err := s.Timeout(wiretest.Timeout).EmitWithAck(ctx, "question")
				answered <- err
			})
			others := make(chan struct{}, limit)
			io.On("other", func() { others <- struct{}{} })
			drained := make(chan struct{}, 100*limit)
			io.OnDrain(func(*socketio.Socket) { drained <- struct{}{} })
			c, receiveAll := connect(t, io)
			waitFor(t, "the socket", func() bool { return len(io.Sockets()) == 1 })
			c.send(`42["ask"]`)
			s := receive(t, asked, "the handler")
			waitFor(t, "the question", func() bool { return io.Stats().PendingAcks == 1 })
			for range 10 * limit {
				for range 3 { // over TLS, the first of a burst is not a backlog
					emit(t, s.Emit("tick"))
				}
				receiveAll(s)
			}
			if n := io.Stats().PendingEvents; n > limit {
				t.Errorf("%d events are pending, and the client has sent one, which is being handled", n)
			}
			for range limit {
				c.send(`42["other"]`)
			}
			c.send(`430[]`)
			if err := receive(t, answered, "the answer"); err != nil {
				t.Errorf("the client has answered: %v", err)
			}
			for range limit {
				receive(t, others, "an event")
			}
			receive(t, drained, "the news of the backlogs")
		})
	}
}

// Messages that are dropped are reported, all of them, without room for events.
func TestDropsTakeNoRoomFromEvents(t *testing.T) {
	t.Parallel()
	lost := make(chan int, 100)
	io, url, _ := newServer(t, &socketio.Options{InboxEvents: 1, Hooks: &socketio.Hooks{
		Dropped: func(_ *engine.Conn, n int) { lost <- n },
	}})
	entered, release := make(chan *socketio.Socket), make(chan struct{})
	io.On("wait", func(s *socketio.Socket) {
		entered <- s
		<-release
	})
	p := openManualPoll(t, url)
	p.send(`42["wait"]`)
	s := receive(t, entered, "the handler")
	const n = 20
	for range n {
		emit(t, s.Volatile().Emit("tick"))
	}
	if pending := io.Stats().PendingEvents; pending != 0 {
		t.Errorf("%d events are pending", pending)
	}
	close(release)
	total := 0
	for total < n {
		total += receive(t, lost, "the report")
	}
	if total != n {
		t.Errorf("%d messages are reported, want %d", total, n)
	}
}
