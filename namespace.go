package socketio

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/seed96b07ef8/socketio/adapter"
)

// A Namespace is a channel of its own within the connections of a [Server], with
// its own handlers, middleware and rooms. Get one from [Server.Of].
//
// All methods may be called concurrently. Handlers registered on a namespace
// serve all of its sockets and cost a connection nothing.
type Namespace struct {
	server  *Server
	name    string
	adapter adapter.Adapter
	acks    atomic.Uint64 // the ID of the next acknowledgement that is asked for

	listeners listeners // of events
	nextOrder atomic.Uint64

	mu            sync.Mutex // guards the changing of what follows; readers load
	middleware    atomic.Pointer[[]Middleware]
	connected     hooks[func(*Socket)]
	disconnecting hooks[func(*Socket, Reason)]
	disconnected  hooks[func(*Socket, Reason)]
}

// Middleware decides whether a client may join a namespace; an error refuses it
// with a connect_error (see [ConnectError]). It runs before the client is told
// that it is connected, may block, and may emit to the socket and join rooms:
// what it emits arrives before the client's connect event, rooms count from
// then on. ctx ends when the connection does.
type Middleware func(ctx context.Context, s *Socket) error

func newNamespace(s *Server, name string) *Namespace {
	return &Namespace{server: s, name: name, adapter: s.opts.Adapter(name)}
}

// Name returns the namespace's name, which starts with a slash.
func (n *Namespace) Name() string { return n.name }

// Use adds middleware, which runs in the order of its registration for every
// client that wants to join from now on.
func (n *Namespace) Use(m Middleware) {
	n.mu.Lock()
	defer n.mu.Unlock()
	var list []Middleware
	if old := n.middleware.Load(); old != nil {
		list = slices.Clone(*old)
	}
	list = append(list, m)
	n.middleware.Store(&list)
}

// On registers a handler for an event of every socket in the namespace. A
// function of the wrong shape panics; see [Socket.On] for the shapes. The
// returned function removes the handler.
func (n *Namespace) On(event string, handler any) (off func()) {
	return n.listeners.add(event, newListener(event, handler, n.nextOrder.Add(1)))
}

// OnConnect registers a function that is called for each socket that has
// joined, before any of its events. Those events wait until it returns. The
// returned function removes it.
func (n *Namespace) OnConnect(f func(s *Socket)) (off func()) { return n.connected.add(f) }

// OnDisconnecting registers a function that is called when a socket has been
// disconnected, while it still is in its rooms. The returned function removes
// it.
func (n *Namespace) OnDisconnecting(f func(s *Socket, reason Reason)) (off func()) {
	return n.disconnecting.add(f)
}

// OnDisconnect registers a function that is called when a socket has been
// disconnected and has left its rooms. The cause, if more is known than the
// reason, is that of [Socket.Context]. The returned function removes it.
func (n *Namespace) OnDisconnect(f func(s *Socket, reason Reason)) (off func()) {
	return n.disconnected.add(f)
}

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

func (n *Namespace) local(t adapter.Target) []*Socket {
	found := n.adapter.Sockets(t)
	sockets := make([]*Socket, 0, len(found))
	for _, s := range found {
		sockets = append(sockets, s.(*Socket))
	}
	return sockets
}

// Emit sends an event to all sockets in the namespace.
func (n *Namespace) Emit(event string, args ...any) error { return n.all().Emit(event, args...) }

// To selects the sockets in the given rooms.
func (n *Namespace) To(rooms ...string) Broadcast { return n.all().To(rooms...) }

// In is the same as To.
func (n *Namespace) In(rooms ...string) Broadcast { return n.all().To(rooms...) }

// Except selects the sockets that are in none of the given rooms.
func (n *Namespace) Except(rooms ...string) Broadcast { return n.all().Except(rooms...) }

// Local selects the sockets that are connected to this server, not to other
// nodes of a cluster.
func (n *Namespace) Local() Broadcast { return n.all().Local() }

// Volatile selects all sockets for messages that may be lost, see
// [Broadcast.Volatile].
func (n *Namespace) Volatile() Broadcast { return n.all().Volatile() }

// Compress says whether the next messages are compressed, see
// [Broadcast.Compress].
func (n *Namespace) Compress(on bool) Broadcast { return n.all().Compress(on) }

func (n *Namespace) all() Broadcast { return Broadcast{nsp: n} }

// authorize runs the middleware for a socket.
func (n *Namespace) authorize(s *Socket) error {
	list := n.middleware.Load()
	if list == nil {
		return nil
	}
	ctx := s.Context()
	for _, m := range *list {
		if err := m(ctx, s); err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return nil
}

// hooks is a list of functions that is read without a lock.
type hooks[F any] struct {
	mu   sync.Mutex // guards changes
	list atomic.Pointer[[]*F]
}

func (h *hooks[F]) add(f F) (off func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	p := &f
	list := append(slices.Clone(h.load()), p)
	h.list.Store(&list)
	return func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		rest := slices.DeleteFunc(slices.Clone(h.load()), func(q *F) bool { return q == p })
		h.list.Store(&rest)
	}
}

func (h *hooks[F]) load() []*F {
	if list := h.list.Load(); list != nil {
		return *list
	}
	return nil
}
