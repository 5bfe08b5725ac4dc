package socketio

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/seed96b07ef8/socketio/engine"
	"github.com/seed96b07ef8/socketio/parser"
)

// A Socket is one client in one namespace.
//
// Its handlers are called one after the other, in the order in which the client
// sent the events, on a goroutine that serves the socket while there are events,
// which is often the one that reads from the client. A handler may block: it holds
// up the later events of its socket, nobody else's, and it may wait for an
// acknowledgement of the same client. Use a go statement for work that should not
// hold up the socket's events.
//
// All methods may be called concurrently, also from handlers, and none of them
// waits for the client but EmitWithAck. After the socket is disconnected, what
// would send something returns a [*DisconnectError], which matches
// [net.ErrClosed].
type Socket struct {
	id   string
	nsp  *Namespace
	conn *conn
	auth Args // the payload of CONNECT

	authCost int // bytes in the connection's budget

	// Set before the socket is connected.
	pid       string // its private ID, with recovery
	recovered bool

	// follows is a number if it waits for an earlier one in the namespace, and 0 otherwise;
	// guarded by the connection's mu.
	follows uint64

	extra    atomic.Pointer[socketExtra] // what most sockets do not have; nil: nothing
	admitted atomic.Bool                 // the client was told that it is connected
	gone     atomic.Bool                 // set with the state ended

	mu       sync.Mutex // guards what follows
	state    socketState
	reason   *DisconnectError // why it ended
	inbox    inbox
	acks     map[uint64]pendingAck
	heldAcks *heldAcks // those that wait for the events before them; nil: none
	early    *early    // what waits for the client to be told; nil: nothing
	data     any
	ctx      context.Context // made when it is first asked for
	cancel   context.CancelCauseFunc
	// handedOver is set when the adapter is given the rooms that are noted in early,
	// added when it knows the socket and its rooms.
	handedOver bool
	added      bool
	working    bool // a goroutine is running the handlers
	deciding   bool // restoring its session, or running its middleware, has begun
	// replaced is set, by the goroutine that runs the handlers, when the socket was not
	// admitted and another one takes its place: the application does not know it.
	replaced bool
}

// socketExtra holds what is registered on a single socket.
type socketExtra struct {
	listeners     listeners
	disconnecting hooks[func(Reason)]
	disconnected  hooks[func(Reason)]
	incoming      hooks[func(event string, args Args)]
	outgoing      hooks[func(event string, args []any)]
	packets       hooks[func(ctx context.Context, event string, args Args) error]
	failed        hooks[func(error)]
	drained       hooks[func()]
}

// seesAll reports whether something is registered that sees all events.
func (e *socketExtra) seesAll() bool {
	return e != nil && (len(e.incoming.Load()) > 0 || len(e.packets.Load()) > 0)
}

type socketState uint8

const (
	connecting socketState = iota // middleware is deciding
	connected
	ended
)

func newSocket(n *Namespace, c *conn, auth Args, authCost int) *Socket {
	s := &Socket{id: c.socketID(n), nsp: n, conn: c, auth: auth, authCost: authCost}
	s.inbox.notices = noticeConnect
	return s
}

// ID returns the socket's ID: 20 characters, different for each connection and
// namespace. It is also the name of a room with just this socket.
func (s *Socket) ID() string { return s.id }

// Namespace returns the namespace that the socket is in.
func (s *Socket) Namespace() *Namespace { return s.nsp }

// Recovered reports whether the client has come back after it lost its
// connection, and has its old ID, rooms, data, and the events that it missed
// again. See [Options.Recovery].
func (s *Socket) Recovered() bool { return s.recovered }

// Conn returns the connection below, which the client's sockets in other
// namespaces share.
func (s *Socket) Conn() *engine.Conn { return s.conn.engine }

// Buffered returns the number of bytes that wait to be sent over the client's
// connection.
func (s *Socket) Buffered() int { return s.conn.engine.Buffered() }

func (s *Socket) hooks() *Hooks { return s.nsp.server.opts.Hooks }

// A Handshake is what the client sent when it connected.
type Handshake struct {
	// The request that opened the connection.
	engine.Handshake
	// Auth is the payload of the client's request to join the namespace, usually
	// one object, as the only argument. There is none when the client sent
	// nothing.
	Auth Args
}

// DecodeAuth decodes the object that the client sent as its auth into what v
// points to, which stays as it is when the client sent none.
func (h Handshake) DecodeAuth(v any) error { return h.Auth.DecodeAt(0, v) }

// Handshake returns what the client sent when it connected.
func (s *Socket) Handshake() Handshake {
	return Handshake{Handshake: s.conn.engine.Handshake(), Auth: s.auth}
}

// Connected reports whether the socket is connected: its middleware has
// accepted it, and it has not been disconnected since.
func (s *Socket) Connected() bool { return s.isConnected() }

func (s *Socket) isConnected() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state == connected
}

// Context returns a context that ends when the socket is disconnected, with a
// [*DisconnectError] as its cause. It is what handlers get as their ctx.
func (s *Socket) Context() context.Context {
	s.mu.Lock()
	ctx := s.ctx
	s.mu.Unlock()
	if ctx != nil {
		return ctx
	}
	// Without the lock, since the methods of the parent may be the application's.
	ctx, cancel := context.WithCancelCause(s.conn.engine.Context())
	s.mu.Lock()
	if other := s.ctx; other != nil {
		s.mu.Unlock()
		cancel(nil)
		return other
	}
	s.ctx, s.cancel = ctx, cancel
	reason := s.reason
	s.mu.Unlock()
	if reason != nil { // the end of the socket has not seen the context
		cancel(reason)
	}
	return ctx
}

// SetData attaches a value to the socket, for the application's use.
func (s *Socket) SetData(v any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.data = v
}

// Data returns the value that SetData attached, or nil.
func (s *Socket) Data() any {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.data
}

// Data returns the value attached to s if it is a T.
func Data[T any](s *Socket) (T, bool) {
	v, ok := s.Data().(T)
	return v, ok
}

// Join adds the socket to rooms. It returns a [*LimitError], and joins none of
// them, when that would exceed MaxRooms, and a [*DisconnectError] when the socket is
// disconnected: it is in no room then, or about to leave all of them.
func (s *Socket) Join(rooms ...string) error {
	if err := s.err(); err != nil {
		return err
	}
	s.mu.Lock()
	if !s.added && s.state != ended {
		defer s.mu.Unlock()
		return s.joinLater(rooms)
	}
	s.mu.Unlock()
	if limit := s.nsp.server.opts.MaxRooms; !s.nsp.adapter.Join(peer{s}, limit, rooms...) {
		return &LimitError{Option: "MaxRooms", Max: limit}
	}
	return s.err() // it may have ended, and left its rooms, meanwhile
}

// Leave removes the socket from a room.
func (s *Socket) Leave(room string) {
	s.mu.Lock()
	if !s.added && s.state != ended {
		s.leaveLater(room)
		s.mu.Unlock()
		return
	}
	s.mu.Unlock()
	s.nsp.adapter.Leave(peer{s}, room)
}

// Rooms returns the rooms that the socket is in. The first is its own, named by
// its ID. A socket that is disconnected is in none.
func (s *Socket) Rooms() []string {
	s.mu.Lock()
	if !s.added && s.state != ended {
		defer s.mu.Unlock()
		return slices.Clone(s.beforehand().rooms)
	}
	s.mu.Unlock()
	return s.nsp.adapter.Rooms(peer{s})
}

// Emit sends an event to the client. It queues and returns: the errors are a
// reserved event name, an argument that cannot be encoded, an outbox that is full
// ([engine.ErrOutboxFull]) and a socket that is disconnected. Nothing is sent
// then. No error does not mean that the client has received the event; ask for
// an acknowledgement to know.
//
// []byte values are sent as binary, wherever in an argument they are.
func (s *Socket) Emit(event string, args ...any) error { return s.emitter().Emit(event, args...) }

// EmitWithAck sends an event and waits for the client's acknowledgement, whose
// arguments it returns. It ends early with ctx's error, which also matches the cause,
// or with a [*DisconnectError]. If ctx has ended already, nothing is sent. It may be called in a handler, also of the same socket. The package
// documentation says which events are handled before it returns.
func (s *Socket) EmitWithAck(ctx context.Context, event string, args ...any) (Args, error) {
	return s.emitter().EmitWithAck(ctx, event, args...)
}

// Send emits the event "message".
func (s *Socket) Send(args ...any) error { return s.Emit("message", args...) }

// Volatile returns an Emitter for messages that may be lost when the client is
// not ready to receive them, see [Broadcast.Volatile].
func (s *Socket) Volatile() Emitter { return s.emitter().Volatile() }

// Compress returns an Emitter whose messages are compressed or not, see
// [Broadcast.Compress].
func (s *Socket) Compress(on bool) Emitter { return s.emitter().Compress(on) }

// Timeout returns an Emitter that waits for acknowledgements no longer than d.
func (s *Socket) Timeout(d time.Duration) Emitter { return s.emitter().Timeout(d) }

func (s *Socket) emitter() Emitter { return Emitter{socket: s} }

// To selects the sockets in the given rooms except this one, and none if the list is
// empty; see [Broadcast.To].
func (s *Socket) To(rooms ...string) Broadcast { return s.Broadcast().To(rooms...) }

// In is the same as To.
func (s *Socket) In(rooms ...string) Broadcast { return s.Broadcast().To(rooms...) }

// Except selects the sockets that are in none of the given rooms, but for this
// one.
func (s *Socket) Except(rooms ...string) Broadcast { return s.Broadcast().Except(rooms...) }

// Local selects the sockets that are connected to this server, but for this one.
func (s *Socket) Local() Broadcast { return s.Broadcast().Local() }

// Broadcast selects all sockets in the namespace, but for this one.
func (s *Socket) Broadcast() Broadcast { return s.nsp.everyone.Except(s.id) }

// Disconnect takes the client out of the namespace, with the reason
// [ServerNamespaceDisconnect]; the client does not reconnect by itself. Events
// that it sent before and that are not handled yet are dropped. A client whose
// connection is lost already is not recovered when it comes back, see [Options.Recovery].
func (s *Socket) Disconnect() {
	s.conn.oust(s.nsp.name)
	if !s.endWith(ServerNamespaceDisconnect, nil, true) {
		s.revoke() // the connection may have ended before, and the client come back
		return
	}
	m, err := s.nsp.encode(parser.Header{Type: parser.Disconnect}, "", nil)
	if err != nil { // a codec that cannot encode nothing
		s.conn.engine.Close()
		return
	}
	_ = s.deliver(m, engine.Control) // a client that is gone needs no DISCONNECT
}

// DisconnectConn disconnects all of the client's sockets, in whatever namespace,
// and closes the connection.
func (s *Socket) DisconnectConn() {
	for _, other := range s.conn.all() {
		other.Disconnect()
	}
	s.revoke()
	s.conn.engine.Close()
}

// On registers a handler for an event of this socket, besides those that the
// namespace has. The handler is a function of the shape
//
//	func([ctx context.Context,] [s *Socket,] args... [, ack func(...)]) [results...] [error]
//
// The event's arguments are decoded into the types of args, as encoding/json
// would, with []byte or [Borrowed] for binary data; what is missing is zero, what
// is left over is ignored, and a variadic parameter takes the rest. A parameter of
// type [Args] takes all that follow, undecoded.
//
// Results, but for the error, are the acknowledgement if the client asked for
// one; a handler that has no result but an error acknowledges with nothing when
// the error is nil. With an ack parameter instead, the handler acknowledges when
// and if it likes, once. An error is reported to the error hook and not sent, but
// for an [*AckError].
//
// A function of another shape panics here, not when the event comes, and so does one
// with a type that cannot be encoded or decoded, such as a channel, or a struct with one
// in it whose field has no tag `json:"-"`. [Args] that are returned, or given to ack,
// are sent as their values. ctx ends when the socket is disconnected. The returned
// function removes the handler.
func (s *Socket) On(event string, handler any) (off func()) {
	return s.extras().listeners.Add(event, newListener(event, handler, s.nsp.order()))
}

// Once registers a handler, like On, that is called for the first such event
// only.
func (s *Socket) Once(event string, handler any) (off func()) {
	return s.extras().listeners.AddOnce(event, newListener(event, handler, s.nsp.order()))
}

// Use adds packet middleware for the events of this socket, behind the
// namespace's. An error keeps an event from its handlers and goes to the error
// hooks, not to the client. The returned function removes it.
func (s *Socket) Use(f func(ctx context.Context, event string, args Args) error) (off func()) {
	return s.extras().packets.Add(f, false)
}

// OnAny registers a function that is called for every event of the client,
// whether it has handlers or not, before them and before packet middleware. The
// returned function removes it.
func (s *Socket) OnAny(f func(event string, args Args)) (off func()) {
	return s.extras().incoming.Add(f, false)
}

// PrependAny is OnAny for a function that is called before those registered
// already.
func (s *Socket) PrependAny(f func(event string, args Args)) (off func()) {
	return s.extras().incoming.Add(f, true)
}

// OnAnyOutgoing registers a function that is called for every event that is sent
// to the client, by Emit or by a broadcast that reaches it. args must not be
// modified. It runs on the goroutine that emits and should be quick. The
// returned function removes it.
func (s *Socket) OnAnyOutgoing(f func(event string, args []any)) (off func()) {
	s.nsp.server.watchOutgoing.Store(true)
	return s.extras().outgoing.Add(f, false)
}

// PrependAnyOutgoing is OnAnyOutgoing for a function that is called before those
// registered already.
func (s *Socket) PrependAnyOutgoing(f func(event string, args []any)) (off func()) {
	s.nsp.server.watchOutgoing.Store(true)
	return s.extras().outgoing.Add(f, true)
}

// OnError registers a function that is told of the errors that concern this
// socket and have no caller to go to, see [Namespace.OnError]. The returned
// function removes it.
func (s *Socket) OnError(f func(err error)) (off func()) { return s.extras().failed.Add(f, false) }

// OnDisconnecting registers a function that is called when the socket has been
// disconnected, while it still is in its rooms. The returned function removes it.
func (s *Socket) OnDisconnecting(f func(reason Reason)) (off func()) {
	return s.extras().disconnecting.Add(f, false)
}

// OnDisconnect registers a function that is called when the socket has been
// disconnected and has left its rooms, after the last of its events. The cause,
// if more is known than the reason, is that of [Socket.Context]. The returned
// function removes it.
func (s *Socket) OnDisconnect(f func(reason Reason)) (off func()) {
	return s.extras().disconnected.Add(f, false)
}

// OnDrain registers a function that is called when messages had to wait for the
// client and the last of them has been handed to the connection. The returned
// function removes it.
func (s *Socket) OnDrain(f func()) (off func()) { return s.extras().drained.Add(f, false) }

func (s *Socket) extras() *socketExtra {
	if s.extra.Load() == nil {
		s.extra.CompareAndSwap(nil, new(socketExtra))
	}
	return s.extra.Load()
}

// registered returns what was registered on this socket, or nil.
func (s *Socket) registered() *socketExtra { return s.extra.Load() }
