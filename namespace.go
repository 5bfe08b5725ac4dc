package socketio

import (
	"cmp"
	"container/list"
	"context"
	"sync/atomic"

	"github.com/seed96b07ef8/socketio/adapter"
	"github.com/seed96b07ef8/socketio/parser"
)

// A Namespace is a channel of its own within the connections of a [Server], with
// its own handlers, middleware and rooms. Get one from [Server.Of].
//
// All methods may be called concurrently. What is registered on a namespace
// serves all of its sockets and costs a connection nothing.
type Namespace struct {
	registry
	name    string
	adapter adapter.Adapter
	child   bool          // made for a client, not by the application; guarded likewise
	users   int           // sockets, also connecting ones; guarded by the server's mu
	vacancy *list.Element // its place in the server's list of empty children; guarded likewise
	made    chan struct{} // closed when adapter is set, or stays nil: the namespace is withdrawn
	begun   chan struct{} // closed when the application has been told, or withdrawn is set
	acks    atomic.Uint64 // the ID of the next acknowledgement that is asked for
	closed  atomic.Bool   // the adapter is closed, or about to be
	// withdrawn says that the namespace could not be made. It is set before begun is closed.
	withdrawn bool
}

func newNamespace(s *Server, name string, parent *ParentNamespace) *Namespace {
	n := &Namespace{
		name:     name,
		registry: registry{server: s},
		made:     make(chan struct{}),
		begun:    make(chan struct{}),
	}
	n.everyone = Broadcast{nsp: n}
	if parent != nil {
		n.parent = &parent.registry
	}
	return n
}

// close closes the adapter. From then on, operations on the namespace return
// errServerClosed.
func (n *Namespace) close() error {
	n.closed.Store(true)
	return n.adapter.Close()
}

// err returns why nothing can be sent to the namespace, or nil.
func (n *Namespace) err() error {
	if n.closed.Load() {
		return errServerClosed
	}
	return nil
}

// isMade reports whether the namespace has its adapter yet.
func (n *Namespace) isMade() bool {
	select {
	case <-n.made:
		return true
	default:
		return false
	}
}

// Name returns the namespace's name, which starts with a slash.
func (n *Namespace) Name() string { return n.name }

// Adapter returns what manages the namespace's rooms.
func (n *Namespace) Adapter() adapter.Adapter { return n.adapter }

// Sockets returns the sockets in the namespace that are connected to this
// server, in no particular order.
func (n *Namespace) Sockets() []*Socket { return n.local(adapter.Target{}) }

// Socket returns the socket with the given ID that is connected to this server,
// or nil.
func (n *Namespace) Socket(id string) *Socket {
	for _, s := range n.local(adapter.Target{Rooms: []string{id}}) {
		if s.id == id {
			return s
		}
	}
	return nil
}

// Rooms returns the rooms that sockets connected to this server have joined, in no
// particular order. The room that each socket has to itself, named by its ID, is not
// among them.
func (n *Namespace) Rooms() []string { return n.adapter.RoomNames() }

func (n *Namespace) local(t adapter.Target) []*Socket {
	found := n.adapter.Sockets(t)
	sockets := make([]*Socket, 0, len(found))
	for _, s := range found {
		// One that has ended stays in its rooms until its handlers have run.
		if s := s.(peer).Socket; !s.gone.Load() {
			sockets = append(sockets, s)
		}
	}
	return sockets
}

// authorize runs the middleware for a socket.
func (n *Namespace) authorize(s *Socket) (err error) {
	each(&n.registry, func(r *registry) *hooks[Middleware] { return &r.middleware }, func(m Middleware) bool {
		ctx := s.Context()
		if err = m(ctx, s); err == nil {
			err = ctx.Err()
		}
		return err == nil
	})
	return err
}

// ServerSideEmit sends an event to this namespace on all other nodes of the
// cluster, where the handlers of OnServerEvent receive it. Without a cluster
// there is nobody to receive it. After [Server.Shutdown] it returns an error that
// matches [net.ErrClosed].
func (n *Namespace) ServerSideEmit(event string, args ...any) error {
	if err := cmp.Or(checkServerEvent(event), n.err()); err != nil {
		return err
	}
	return n.adapter.ServerSideEmit(context.Background(), event, args, nil)
}

// ServerSideEmitWithAck is ServerSideEmit for an event that asks each other node
// for an answer. It waits for all of them, or for the end of ctx, and returns
// what has come by then.
func (n *Namespace) ServerSideEmitWithAck(ctx context.Context, event string, args ...any) ([]Ack, error) {
	if err := cmp.Or(checkServerEvent(event), n.err()); err != nil {
		return nil, err
	}
	c := newCollector(ctx, 0)
	defer c.stop()
	if err := n.adapter.ServerSideEmit(c.ctx, event, args, c); err != nil {
		return nil, err
	}
	c.announced()
	return Collect(c.all())
}

// host is a Namespace as its adapter sees it.
type host struct{ n *Namespace }

func (h host) Name() string { return h.n.name }

func (h host) Encode(p *adapter.Packet) (err error) {
	if p.HasAck {
		// IDs are this node's, wherever the packet comes from.
		p.AckID = h.n.nextAck()
	}
	p.Message, err = h.n.encode(parser.Header{Type: parser.Event, ID: p.AckID, HasID: p.HasAck}, p.Event, p.Args)
	return err
}

func (h host) RoomEvent(e adapter.RoomEvent) {
	each(&h.n.registry, func(r *registry) *hooks[func(RoomEvent)] { return &r.rooms }, func(f func(RoomEvent)) bool {
		if err := h.n.protect("", e.Kind.String(), func() error { f(e); return nil }); err != nil {
			h.n.report(nil, &EventError{Event: e.Kind.String(), Err: err}, false)
		}
		return true
	})
}

func (h host) WantsRoomEvents() bool {
	for r := &h.n.registry; r != nil; r = r.parent {
		if len(r.rooms.Load()) > 0 {
			return true
		}
	}
	return false
}

func (h host) ServerEvent(event string, args parser.Args, answer func(args ...any)) {
	in := &invocation{Owner: &serverEvent{h.n, answer}, Args: args, Wanted: answer != nil}
	for _, l := range h.n.of(event, func(r *registry) *listeners { return &r.serverEvents }) {
		if err := h.n.call(l, in, event); err != nil {
			h.n.report(nil, &EventError{Event: event, Err: err}, false)
		}
	}
}

// A RoomEvent is a change of a room.
type RoomEvent = adapter.RoomEvent

// The kinds of room events.
const (
	RoomCreated = adapter.RoomCreated
	RoomJoined  = adapter.RoomJoined
	RoomLeft    = adapter.RoomLeft
	RoomDeleted = adapter.RoomDeleted
)
