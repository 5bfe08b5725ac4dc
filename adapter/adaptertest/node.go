package adaptertest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed96b07ef8/socketio/adapter"
	"github.com/seed96b07ef8/socketio/engine"
	"github.com/seed96b07ef8/socketio/parser"
)

// patience is how long the suite waits for what must happen, and how long a context of an
// operation lasts that does not test its end.
const patience = time.Minute

// A suite is one test with its nodes.
type suite struct {
	testing.TB
	cluster Cluster
	nodes   []*node
}

// A node stands for a server.
type node struct {
	s        *suite
	id       adapter.NodeID
	provider adapter.Provider
	closed   bool

	mu     sync.Mutex
	spaces map[string]*namespace
	links  []adapter.LinkState
}

// start starts nodes with the namespace "/" and one socket each, whose ID is that of the node,
// and waits until each of them reaches all others.
func (s *suite) start(n int) []*node {
	s.Helper()
	for range n {
		s.startOne()
	}
	s.settle()
	return s.nodes
}

// startOne starts a node.
func (s *suite) startOne() *node {
	s.Helper()
	n := &node{s: s, id: adapter.NewNodeID(), provider: s.cluster.Provider(), spaces: make(map[string]*namespace)}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	err := n.provider.Start(ctx, adapter.Node{
		ID:     n.id,
		Logger: slog.New(slog.NewTextHandler(s.Output(), nil)).With("self", n.id),
		Report: n.report,
	})
	if err != nil {
		s.Fatalf("starting a node: %v", err)
	}
	s.Cleanup(n.close)
	s.nodes = append(s.nodes, n)
	n.of("/").connect(string(n.id))
	return n
}

// settle waits until each node of the namespace "/" finds the sockets of all others.
func (s *suite) settle() {
	s.Helper()
	want := make([]string, len(s.nodes))
	for i, n := range s.nodes {
		want[i] = string(n.id)
	}
	slices.Sort(want)
	for _, n := range s.nodes {
		var err error
		var ids []string
		s.until("the nodes to find each other", func() bool {
			ids, err = n.of("/").fetch(time.Second, adapter.Target{Rooms: want})
			return err == nil && slices.Equal(ids, want)
		}, func() any { return fmt.Sprint(ids, err) })
	}
}

func (n *node) report(e adapter.LinkEvent) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.links = append(n.links, e.State)
}

// link returns the state of the connection that was reported last.
func (n *node) link() adapter.LinkState {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.links) == 0 {
		return adapter.LinkUp
	}
	return n.links[len(n.links)-1]
}

// close ends the node as a server that is shut down does.
func (n *node) close() {
	if n.closed {
		return
	}
	n.closed = true
	for _, nsp := range n.spaces {
		nsp.close()
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := n.provider.Close(ctx); err != nil {
		n.s.Errorf("closing a node: %v", err)
	}
}

// leave closes a node, which is not one of the suite's from then on.
func (s *suite) leave(n *node) {
	n.close()
	s.nodes = slices.DeleteFunc(slices.Clone(s.nodes), func(o *node) bool { return o == n })
}

// of returns a namespace of the node, which it makes if necessary.
func (n *node) of(name string) *namespace {
	n.s.Helper()
	if nsp := n.spaces[name]; nsp != nil {
		return nsp
	}
	nsp := &namespace{node: n, name: name}
	a, err := n.provider.Namespace(nsp)
	if err != nil {
		n.s.Fatalf("making the namespace %q: %v", name, err)
	}
	nsp.Adapter = a
	n.spaces[name] = nsp
	return nsp
}

// A namespace is an [adapter.Host] with its Adapter.
type namespace struct {
	adapter.Adapter
	node *node
	name string

	bodies, messages atomic.Int64 // encoded
	acks             atomic.Uint64

	mu      sync.Mutex
	sockets []*socket
	events  []string                                                  // of other nodes
	handle  func(event string, args parser.Args, answer func(...any)) // instead of recording
}

func (n *namespace) Name() string                       { return n.name }
func (n *namespace) Node() adapter.NodeID               { return n.node.id }
func (n *namespace) Recovery() *adapter.RecoveryOptions { return nil }
func (n *namespace) RoomEvent(adapter.RoomEvent)        {}
func (n *namespace) WantsRoomEvents() bool              { return false }

func (n *namespace) Body(event string, args []any) (*parser.Body, error) {
	n.bodies.Add(1)
	return parser.EncodeBody(event, args)
}

func (n *namespace) Encode(p *adapter.Packet) error {
	n.messages.Add(1)
	if p.HasAck {
		p.AckID = n.acks.Add(1)
	}
	if p.Body == nil {
		body, err := parser.EncodeBody(p.Event, p.Args)
		if err != nil {
			return err
		}
		p.Body = body
	}
	text, err := p.Body.Append(nil, parser.Header{Namespace: n.name, ID: p.AckID, HasID: p.HasAck}, p.Offset)
	if err != nil {
		return err
	}
	p.Message = engine.NewTextMessage(text, p.Body.Attachments...)
	return nil
}

func (n *namespace) ServerEvent(event string, args parser.Args, answer func(args ...any)) {
	n.mu.Lock()
	handle := n.handle
	n.mu.Unlock()
	if handle != nil {
		handle(event, args, answer)
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.events = append(n.events, event+" "+args.String())
}

// serve sets the function that handles server events instead of recording them.
func (n *namespace) serve(handle func(event string, args parser.Args, answer func(...any))) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.handle = handle
}

// received returns the server events that were recorded.
func (n *namespace) received() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.events)
}

// close removes all sockets, as a namespace does, and closes the adapter.
func (n *namespace) close() {
	n.mu.Lock()
	sockets := n.sockets
	n.sockets = nil
	n.mu.Unlock()
	for _, s := range sockets {
		s.Disconnect()
	}
	if err := n.Close(); err != nil {
		n.node.s.Errorf("closing the namespace %q: %v", n.name, err)
	}
	delete(n.node.spaces, n.name)
}

// connect adds a socket that joins rooms.
func (n *namespace) connect(id string, rooms ...string) *socket {
	s := &socket{nsp: n, id: id}
	n.Add(s)
	n.Join(s, 1000, rooms...)
	n.mu.Lock()
	defer n.mu.Unlock()
	n.sockets = append(n.sockets, s)
	return s
}

// fetch returns the sorted IDs of sockets.
func (n *namespace) fetch(timeout time.Duration, t adapter.Target) ([]string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	infos, err := n.FetchSockets(ctx, t)
	ids := make([]string, len(infos))
	for i := range infos {
		ids[i] = infos[i].ID
	}
	slices.Sort(ids)
	return ids, err
}

// emit sends an event to the sockets of a target.
func (n *namespace) emit(t adapter.Target, event string, args ...any) {
	n.node.s.Helper()
	if err := n.Broadcast(&adapter.Packet{Event: event, Args: args}, t); err != nil {
		n.node.s.Errorf("emitting %q: %v", event, err)
	}
}

// A socket records what is delivered.
type socket struct {
	nsp *namespace
	id  string

	mu     sync.Mutex
	got    []string // the JSON of events, with their attachments
	data   any
	silent bool // it does not acknowledge
	gone   bool
}

func (s *socket) ID() string         { return s.id }
func (s *socket) Flush(engine.Flags) {}
func (s *socket) HandOver() []string { return nil }

func (s *socket) Deliver(p *adapter.Packet) {
	text := fmt.Sprintf("%s %x", p.Body.JSON, p.Body.Attachments)
	text = strings.TrimSuffix(text, " []")
	s.mu.Lock()
	defer s.mu.Unlock()
	if p.Message == nil {
		text = "not encoded: " + text
	}
	s.got = append(s.got, text)
}

func (s *socket) DeliverWithAck(_ context.Context, p *adapter.Packet, sink adapter.AckSink) {
	s.Deliver(p)
	s.mu.Lock()
	silent, gone := s.silent, s.gone
	s.mu.Unlock()
	switch {
	case gone:
		sink.Ack(adapter.Ack{Socket: s.id, Err: errors.New("disconnected")})
	case !silent:
		args, err := parser.ArgsOf("from " + s.id)
		sink.Ack(adapter.Ack{Socket: s.id, Args: args, Err: err})
	}
}

func (s *socket) Join(rooms ...string) error { s.nsp.Join(s, 1000, rooms...); return nil }
func (s *socket) Leave(room string)          { s.nsp.Leave(s, room) }
func (s *socket) DisconnectConn()            { s.Disconnect() }

func (s *socket) Disconnect() {
	s.mu.Lock()
	s.gone = true
	s.mu.Unlock()
	s.nsp.Remove(s)
}

func (s *socket) Connected() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.gone
}

func (s *socket) Info() adapter.SocketInfo {
	s.mu.Lock()
	data := s.data
	s.mu.Unlock()
	return adapter.SocketInfo{
		ID: s.id, Rooms: s.nsp.Rooms(s), Node: s.nsp.node.id, Secure: true, Data: data,
		Auth: json.RawMessage(`{"token":"` + s.id + `"}`),
		Handshake: engine.Handshake{
			Time: time.UnixMilli(1_700_000_000_123), RemoteAddr: "192.0.2.1:4711", Host: "example.org",
			URL: "/socket.io/?EIO=4&name=" + s.id, Query: map[string][]string{"EIO": {"4"}, "name": {s.id}},
			Header: http.Header{"User-Agent": {"suite"}},
		},
	}
}

// events returns what was delivered.
func (s *socket) events() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.got)
}

// until polls a condition until it holds.
func (s *suite) until(what string, holds func() bool, state func() any) {
	s.Helper()
	for deadline := time.Now().Add(patience); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			s.Fatalf("timed out after %v waiting for %s; last state: %v", patience, what, state())
		}
	}
}

// expect waits until a socket has received the events, and fails if it receives others before
// that. To show that it receives nothing else, the last event is one that was sent last.
func (s *suite) expect(sock *socket, what string, want ...string) {
	s.Helper()
	s.until(what, func() bool {
		got := sock.events()
		return len(got) >= len(want) || !slices.Equal(got, want[:len(got)])
	}, func() any { return sock.events() })
	if got := sock.events(); !slices.Equal(got, want) {
		s.Errorf("%s: the socket %s received %q, want %q", what, sock.id, got, want)
	}
	sock.mu.Lock()
	defer sock.mu.Unlock()
	sock.got = nil
}
