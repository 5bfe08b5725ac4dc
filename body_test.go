package socketio_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"

	"github.com/seed96b07ef8/socketio"
	"github.com/seed96b07ef8/socketio/adapter"
	"github.com/seed96b07ef8/socketio/client"
	"github.com/seed96b07ef8/socketio/internal/wiretest"
	"github.com/seed96b07ef8/socketio/parser"
	"github.com/seed96b07ef8/socketio/parser/msgpack"
)

// A pair is the adapters of two servers that pass the bodies of broadcasts to each other.
type pair struct {
	offset string // of each event

	mu      sync.Mutex
	nodes   []*pairNode
	packets []*adapter.Packet // as each node had them after the delivery
}

type pairNode struct {
	*adapter.Memory
	host adapter.Host
	pair *pair
}

func (p *pair) adapter(h adapter.Host) adapter.Adapter {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := &pairNode{adapter.NewMemory(h), h, p}
	p.nodes = append(p.nodes, n)
	return n
}

// Broadcast delivers the event on both nodes, as if it came back from a log: there are no
// arguments any more.
func (n *pairNode) Broadcast(p *adapter.Packet, t adapter.Target) error {
	body, err := n.host.Body(p.Event, p.Args)
	if err != nil {
		return err
	}
	n.pair.mu.Lock()
	defer n.pair.mu.Unlock()
	for _, node := range n.pair.nodes {
		copied := &adapter.Packet{Event: p.Event, Body: body, Offset: n.pair.offset, Flags: p.Flags}
		if err := node.Deliver(copied, t); err != nil {
			return err
		}
		n.pair.packets = append(n.pair.packets, copied)
	}
	return nil
}

// Clients of different nodes, with different codecs, receive the same event.
func TestBodyReachesClientsOfBothCodecs(t *testing.T) {
	t.Parallel()
	p := &pair{offset: "offset.1"}
	ctx, cancel := context.WithTimeout(t.Context(), wiretest.Timeout)
	defer cancel()
	type event struct {
		number int64
		deep   map[string]any
		data   []byte
		offset string
	}
	events := make(chan event, 2)
	var first *socketio.Server
	for _, codec := range []parser.Codec{parser.JSON, msgpack.Codec} {
		io, url, _ := newServer(t, &socketio.Options{Codec: codec, Adapter: adapter.Func(p.adapter)})
		if first == nil {
			first = io
		}
		c := client.New(url, &client.Options{Codec: codec})
		t.Cleanup(c.Disconnect)
		c.On("news", func(number int64, deep map[string]any, data []byte, offset string) {
			events <- event{number, deep, data, offset}
		})
		if err := c.Connect(ctx); err != nil {
			t.Fatal(err)
		}
	}
	data := []byte("data")
	emit(t, first.Emit("news", int64(1)<<53+1, map[string]any{"a": []any{"b", []byte("deep")}}, data))
	data[0] = 'X'
	for range 2 {
		e := receive(t, events, "the event")
		deep, _ := e.deep["a"].([]any)
		if e.number != 1<<53+1 && e.number != 1<<53 || len(deep) != 2 || string(e.data) != "data" || e.offset != p.offset {
			t.Errorf("received %v", e)
		}
		if b, _ := deep[1].([]byte); string(b) != "deep" {
			t.Errorf("received %v", deep)
		}
	}
}

// An event that no socket of a node wants is not encoded for clients there, and the hooks
// do not miss it.
func TestUnwantedBodyIsNotEncoded(t *testing.T) {
	t.Parallel()
	var p pair
	hooks := &socketio.Hooks{EventSent: func(_ *socketio.Socket, event string, _ int) { t.Errorf("%s was sent", event) }}
	io, url, _ := newServer(t, &socketio.Options{Adapter: adapter.Func(p.adapter), Hooks: hooks})
	_, id := wiretest.Join(t, url, "websocket", "/")
	emit(t, io.To("empty").Emit("news", 1))
	emit(t, io.Except(id).Emit("news", 1))
	if len(p.packets) != 2 {
		t.Fatalf("the adapter made %d broadcasts, want 2", len(p.packets))
	}
	for _, packet := range p.packets {
		if packet.Message != nil {
			t.Error("an event that no socket wants was encoded")
		}
	}
}

// A body has the limits of an event that is emitted here, and its errors.
func TestBodyErrors(t *testing.T) {
	t.Parallel()
	var p pair
	io, url, _ := newServer(t, &socketio.Options{Adapter: adapter.Func(p.adapter), Limits: parser.Limits{MaxAttachments: 1}})
	wiretest.Join(t, url, "websocket", "/")
	two := []any{[]byte("a"), []byte("b")}
	if err := io.Emit("news", two...); !errors.As(err, new(*socketio.LimitError)) {
		t.Errorf("two attachments: %v, want a *LimitError", err)
	}
	if err := io.Emit("news", make(chan int)); !errors.As(err, new(*socketio.ArgError)) {
		t.Errorf("a channel: %v, want an *ArgError", err)
	}
	body, err := parser.EncodeBody("news", two)
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(p.nodes, func(n *pairNode) bool { return n.host.Name() == "/" })
	if err := p.nodes[i].Deliver(&adapter.Packet{Event: "news", Body: body}, adapter.Target{}); !errors.As(err, new(*socketio.LimitError)) {
		t.Errorf("two attachments from another node: %v, want a *LimitError", err)
	}
}
