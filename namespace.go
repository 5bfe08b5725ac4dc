package socketio

import (
	"cmp"
	"container/list"
	"context"
	"sync"
	"sync/atomic"

	"github.com/seed96b07ef8/socketio/adapter"
)

// A Namespace is a separate channel within the connections of a [Server], with its own
// handlers, middleware and rooms. Get one from [Server.Of].
//
// All methods are safe for concurrent use. A registration on a namespace applies to all
// of its sockets and costs a connection nothing.
type Namespace struct {
	registry
	parent  *ParentNamespace // nil without one
	name    string
	adapter adapter.Adapter
	child   bool          // made for a client, not by the application; guarded likewise
	users   int           // sockets, also connecting ones; guarded by the server's mu
	vacancy *list.Element // its place in the server's list of empty children; guarded likewise
	made    chan struct{} // closed when adapter is set, or stays nil: the namespace is withdrawn
	begun   chan struct{} // closed when OnNewNamespace has been called, or withdrawn is set
	acks    atomic.Uint64 // the ID of the next acknowledgement that is asked for
	closed  atomic.Bool   // the adapter is closed, or about to be
	closing sync.Once     // of the adapter
	// withdrawn says that the namespace could not be made. It is set before begun is closed.
	withdrawn bool
}

func newNamespace(s *Server, name string, parent *ParentNamespace) *Namespace {
	n := &Namespace{
		name:     name,
		parent:   parent,
		registry: registry{server: s},
		made:     make(chan struct{}),
		begun:    make(chan struct{}),
	}
	n.everyone = Broadcast{nsp: n}
	if parent != nil {
		n.inherit(&parent.registry)
	}
	return n
}

// close closes the adapter, once. From then on, operations on the namespace return
// errServerClosed. If the adapter panics, the error is a [*PanicError].
func (n *Namespace) close() (err error) {
	n.closed.Store(true)
	n.closing.Do(func() { err = n.protect("", "", n.adapter.Close) })
	return err
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

// Adapter returns the adapter, which manages the namespace's rooms.
func (n *Namespace) Adapter() adapter.Adapter { return n.adapter }

// Sockets returns the sockets in the namespace that are connected to this
// server, in no particular order.
func (n *Namespace) Sockets() []*Socket { return n.local(adapter.Target{}) }

// Socket returns the socket with the given ID that is connected to this server,
// or nil.
func (n *Namespace) Socket(id string) *Socket {
	if a, ok := n.adapter.(adapter.Finder); ok {
		if s, ok := a.Socket(id).(member); ok && !s.gone.Load() {
			return s.Socket
		}
		return nil
	}
	for _, t := range []adapter.Target{{Rooms: []string{id}}, {}} { // it may have left its own room
		for _, s := range n.local(t) {
			if s.id == id {
				return s
			}
		}
	}
	return nil
}

// Rooms returns the rooms that sockets connected to this server have joined, in no
// particular order. It does not include the room of each single socket, named by its
// ID.
func (n *Namespace) Rooms() []string { return n.adapter.RoomNames() }

func (n *Namespace) local(t adapter.Target) []*Socket {
	found := n.adapter.Sockets(t)
	sockets := make([]*Socket, 0, len(found))
	for _, s := range found {
		// One that has ended stays in its rooms until its handlers have run.
		if s := s.(member).Socket; !s.gone.Load() {
			sockets = append(sockets, s)
		}
	}
	return sockets
}

// ServerSideEmit sends an event to this namespace on all other nodes of the cluster,
// where the handlers of OnServerEvent receive it. Without a cluster it has no effect.
// After [Server.Shutdown] it returns an error that matches [net.ErrClosed].
func (n *Namespace) ServerSideEmit(event string, args ...any) error {
	if err := cmp.Or(checkServerEvent(event), n.err()); err != nil {
		return err
	}
	return n.adapter.ServerSideEmit(context.Background(), event, args, nil)
}

// ServerSideEmitWithAck is ServerSideEmit for an event that every other node answers.
// It waits for all answers, or until ctx ends, and returns those that arrived. The error
// matches a [*adapter.PartialError] if it is known which nodes have not answered.
func (n *Namespace) ServerSideEmitWithAck(ctx context.Context, event string, args ...any) ([]Ack, error) {
	if err := cmp.Or(checkServerEvent(event), n.err()); err != nil {
		return nil, err
	}
	c := newCollector(ctx, 0, event, n.name)
	defer c.stop()
	if err := c.asked(func() error { return n.adapter.ServerSideEmit(c.ctx, event, args, c) }); err != nil {
		return nil, err
	}
	c.Complete(nil) // no more begin
	return Collect(c.all())
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
