package socketio_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/seed96b07ef8/socketio"
	"github.com/seed96b07ef8/socketio/engine"
)

// get returns the answer to a poll.
func (p idlePolling) get() string {
	p.t.Helper()
	return p.do(http.Get(p.url))
}

// A client whose outbox is full learns that it was disconnected, with every overflow
// policy that lets it live.
func TestDisconnectWithFullOutbox(t *testing.T) {
	t.Parallel()
	for overflow, want := range map[engine.Overflow]string{
		engine.DropOldest: "42[\"news\",2]\x1e42[\"news\",3]\x1e41",
		engine.DropNewest: "42[\"news\",0]\x1e42[\"news\",1]\x1e41",
		engine.Refuse:     "42[\"news\",0]\x1e42[\"news\",1]\x1e41",
	} {
		io, url, _ := newServer(t, &socketio.Options{Engine: engine.ServerOptions{OutboxMessages: 2, Overflow: overflow}})
		came := make(chan *socketio.Socket, 1)
		io.OnConnect(func(s *socketio.Socket) { came <- s })
		p := newIdlePolling(t, url)
		p.post("40")
		s := receive(t, came, "the socket")
		if got := p.get(); !strings.HasPrefix(got, "40{") {
			t.Fatalf("answered %q", got)
		}
		for i := range 4 {
			if err := s.Emit("news", i); (err != nil) != (overflow == engine.Refuse && i >= 2) {
				t.Errorf("policy %d, event %d: %v", overflow, i, err)
			}
		}
		s.Disconnect()
		if got := p.get(); got != want {
			t.Errorf("policy %d: got %q, want %q", overflow, got, want)
		}
	}
}

// A client that does not fetch the answers to CONNECT, or the refusals, can make the
// server hold no more of them than fit into the outbox: its connection ends then.
func TestAnswersThatNobodyFetches(t *testing.T) {
	t.Parallel()
	for what, packets := range map[string][]string{
		"joining and leaving": {"40", "41"},
		"being refused":       {"40/unknown,"},
	} {
		t.Run(what, func(t *testing.T) {
			limits := engine.ServerOptions{OutboxMessages: 20, OutboxBytes: 2000, Overflow: engine.DropOldest}
			causes := make(chan error, 1)
			io, url, _ := newServer(t, &socketio.Options{Engine: limits})
			came, left := make(chan *socketio.Socket, 1), make(chan struct{}, 1)
			io.OnConnect(func(s *socketio.Socket) { came <- s })
			io.OnDisconnect(func(s *socketio.Socket, r socketio.Reason) {
				if r == socketio.TransportError {
					causes <- context.Cause(s.Context())
				}
				left <- struct{}{}
			})
			io.Of("/witness").OnDisconnect(func(s *socketio.Socket, _ socketio.Reason) { causes <- context.Cause(s.Context()) })
			p := newIdlePolling(t, url)
			p.post("40/witness,")
			p.get()
			for range 100 {
				for _, packet := range packets {
					if answer := p.do(http.Post(p.url, "text/plain", strings.NewReader(packet))); answer != "ok" {
						var de *socketio.DisconnectError
						err := receive(t, causes, "the end")
						if !errors.As(err, &de) || de.Reason != socketio.TransportError || !errors.Is(err, engine.ErrOutboxFull) {
							t.Errorf("ended with %v", err)
						}
						return
					}
					switch packet {
					case "40":
						conn := receive(t, came, "the socket").Conn()
						if n := conn.Buffered(); n > limits.OutboxBytes {
							t.Fatalf("%d bytes are buffered", n)
						}
					case "41":
						receive(t, left, "the end of the socket")
					}
				}
			}
			t.Error("the connection lives")
		})
	}
}

// Events, which an overflow policy concerns, and the packets of the protocol around them
// leave in the order in which they were sent.
func TestOrderBehindControlPackets(t *testing.T) {
	t.Parallel()
	io, url, _ := newServer(t, nil)
	came := make(chan *socketio.Socket, 1)
	io.OnConnect(func(s *socketio.Socket) { came <- s })
	p := newIdlePolling(t, url)
	var want []string
	for i := range 5 {
		p.post("40")
		s := receive(t, came, "the socket")
		if err := s.Emit("news", i); err != nil {
			t.Fatal(err)
		}
		s.Disconnect()
		want = append(want, "40", fmt.Sprintf(`42["news",%d]`, i), "41")
	}
	var got []string
	for len(got) < len(want) {
		for packet := range strings.SplitSeq(p.get(), "\x1e") {
			if strings.HasPrefix(packet, "40{") {
				packet = "40"
			}
			got = append(got, packet)
		}
	}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("got %q, want %q", got, want)
	}
}
