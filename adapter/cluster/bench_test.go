package cluster

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/seed96b07ef8/socketio/adapter"
	"github.com/seed96b07ef8/socketio/engine"
	"github.com/seed96b07ef8/socketio/parser"
)

// A stillDriver is a bus on which nothing happens. In tests it keeps what is published.
type stillDriver struct {
	in   Inbound
	keep bool

	mu        sync.Mutex
	published []Outgoing
}

func (d *stillDriver) Traits() Traits { return Traits{NodeHeartbeats: true} }
func (d *stillDriver) Open(_ context.Context, _ adapter.Node, in Inbound) error {
	d.in = in
	return nil
}
func (d *stillDriver) Attach(string)               {}
func (d *stillDriver) Detach(string)               {}
func (d *stillDriver) Close(context.Context) error { return nil }
func (d *stillDriver) Publish(_ context.Context, messages []Outgoing) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.keep {
		d.published = append(d.published, messages...)
	}
	return len(messages), nil
}

// of returns what was published of one kind.
func (d *stillDriver) of(kind Kind) (of []Outgoing) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, o := range d.published {
		if o.Message != nil && o.Message.Kind == kind {
			of = append(of, o)
		}
	}
	return of
}

// A countingHost counts what it encodes.
type countingHost struct {
	bodies, messages atomic.Int64
}

func (h *countingHost) Name() string                       { return "/" }
func (h *countingHost) Node() adapter.NodeID               { return "self" }
func (h *countingHost) Recovery() *adapter.RecoveryOptions { return nil }
func (h *countingHost) RoomEvent(adapter.RoomEvent)        {}
func (h *countingHost) WantsRoomEvents() bool              { return false }

func (h *countingHost) ServerEvent(string, parser.Args, func(...any)) {}

func (h *countingHost) Body(event string, args []any) (*parser.Body, error) {
	h.bodies.Add(1)
	return parser.EncodeBody(event, args)
}

func (h *countingHost) Encode(p *adapter.Packet) error {
	h.messages.Add(1)
	text, err := p.Body.Append(nil, parser.Header{}, p.Offset)
	p.Message = engine.NewTextMessage(text)
	return err
}

// A countingSocket counts what is delivered.
type countingSocket struct {
	id        string
	delivered atomic.Int64
}

func (s *countingSocket) ID() string              { return s.id }
func (s *countingSocket) Deliver(*adapter.Packet) { s.delivered.Add(1) }
func (s *countingSocket) Flush(engine.Flags)      {}
func (s *countingSocket) HandOver() []string      { return nil }
func (s *countingSocket) Join(...string) error    { return nil }
func (s *countingSocket) Leave(string)            {}
func (s *countingSocket) Disconnect()             {}
func (s *countingSocket) DisconnectConn()         {}
func (s *countingSocket) Connected() bool         { return true }
func (s *countingSocket) Info() adapter.SocketInfo {
	return adapter.SocketInfo{ID: s.id}
}
func (s *countingSocket) DeliverWithAck(context.Context, *adapter.Packet, adapter.AckSink) {}

// startStill starts a node on a stillDriver.
func startStill(t testing.TB) (*stillDriver, *countingHost, *Adapter) {
	t.Helper()
	_, test := t.(*testing.T)
	d, h := &stillDriver{keep: test}, new(countingHost)
	p := New(d, Native, nil)
	if err := p.Start(t.Context(), adapter.Node{ID: "self", Logger: slog.New(slog.DiscardHandler), Report: func(adapter.LinkEvent) {}}); err != nil {
		t.Fatal(err)
	}
	a, err := p.Namespace(h)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = a.Close()
		if err := p.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return d, h, a.(*Adapter)
}

// unwanted returns a broadcast of another node, to a room without local sockets.
func unwanted(t testing.TB, rooms ...string) []byte {
	t.Helper()
	wire, err := Native.Append(nil, &Message{
		Kind: Broadcast, Sender: "0123456789abcdef", Namespace: "/", Seq: 1 << 40, Target: adapter.Target{Rooms: rooms},
		Body: parser.Body{JSON: []byte(`["news","` + strings.Repeat("x", 300) + `"]`)},
	})
	if err != nil {
		t.Fatal(err)
	}
	return wire
}

// A message that concerns no socket of a node costs the node next to nothing.
func TestUnwantedMessageDoesNotAllocate(t *testing.T) {
	d, h, a := startStill(t)
	a.Add(&countingSocket{id: "s"})
	for _, rooms := range [][]string{{"room"}, {"one", "two", strings.Repeat("a long name ", 10)}} {
		wire := unwanted(t, rooms...)
		if n := testing.AllocsPerRun(1000, func() { d.in.Receive("/", wire) }); n != 0 {
			t.Errorf("rooms %q: %v allocations, want none", rooms, n)
		}
	}
	if n := h.messages.Load(); n != 0 {
		t.Errorf("encoded %d messages", n)
	}
}

func BenchmarkUnwantedMessage(b *testing.B) {
	d, _, a := startStill(b)
	for i := range 1000 {
		a.Add(&countingSocket{id: fmt.Sprint("socket ", i)})
	}
	wire := unwanted(b, "room")
	b.ReportAllocs()
	for b.Loop() {
		d.in.Receive("/", wire)
	}
}

// An event is encoded once for the bus and the clients, and a message once for all clients.
func TestBroadcastEncodesOnce(t *testing.T) {
	d, h, a := startStill(t)
	sockets := make([]*countingSocket, 100)
	for i := range sockets {
		sockets[i] = &countingSocket{id: fmt.Sprint(i)}
		a.Add(sockets[i])
	}
	arg := &countedValue{}
	if err := a.Broadcast(&adapter.Packet{Event: "news", Args: []any{arg}}, adapter.Target{}); err != nil {
		t.Fatal(err)
	}
	if n, bodies, messages := arg.encoded.Load(), h.bodies.Load(), h.messages.Load(); n != 1 || bodies != 1 || messages != 1 {
		t.Errorf("encoded the value %d times, %d bodies and %d messages, want 1 of each", n, bodies, messages)
	}
	for _, s := range sockets {
		if n := s.delivered.Load(); n != 1 {
			t.Fatalf("delivered %d times", n)
		}
	}
	if err := a.space.p.lane("/").close(t.Context()); err != nil {
		t.Fatal(err)
	}
	sent := d.of(Broadcast)
	if len(sent) != 1 || !slices.Equal(sent[0].Message.Body.JSON, []byte(`["news","value"]`)) {
		t.Errorf("published %d messages", len(sent))
	}
}

// A countedValue counts how often it is encoded.
type countedValue struct{ encoded atomic.Int64 }

func (v *countedValue) MarshalJSON() ([]byte, error) {
	v.encoded.Add(1)
	return []byte(`"value"`), nil
}

// A broadcast on a node without sockets: encoding, and a place in the queue.
func BenchmarkPublish(b *testing.B) {
	_, _, a := startStill(b)
	args := []any{strings.Repeat("x", 300)}
	target := adapter.Target{Rooms: []string{"room"}}
	b.ReportAllocs()
	for b.Loop() {
		if err := a.Broadcast(&adapter.Packet{Event: "news", Args: args, Flags: engine.Volatile}, target); err != nil {
			b.Fatal(err)
		}
	}
}
