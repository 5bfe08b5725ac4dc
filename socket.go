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
// Calls to its handlers are serialized, in the order in which the client sent the
// events. They run on a goroutine that serves the socket while it has events, often the
// one that reads from the client. A handler may block, and may wait for an
// acknowledgement from the same client; it delays the later events of its own socket
// only. Use a go statement for work that should not delay them.
//
// All methods are safe for concurrent use, including from handlers, and none blocks on
// the client except EmitWithAck. After the socket is disconnected, methods that would
// send something return a [*DisconnectError], which matches [net.ErrClosed].
type Socket struct {
	id       string
	nsp      *Namespace
	conn     *conn
	auth     *Args  // the payload of CONNECT; nil: nothing
	authCost int    // bytes in the connection's budget; guarded by the connection's mu
	pid      string // its private ID, with recovery; set before the socket is connected

	extra    atomic.Pointer[socketExtra] // what most sockets do not have; nil: nothing
	admitted atomic.Bool                 // the CONNECT reply was sent
	gone     atomic.Bool                 // set with the state ended

	// follows is a number if it waits for an earlier one in the namespace, and 0 otherwise;
	// guarded by the connection's mu.
	follows   uint32
	recovered bool // set before the socket is connected
	afresh    bool // it takes the place of one that was not admitted, and restores no session

	mu       sync.Mutex       // guards what follows
	reason   *DisconnectError // why it ended
	inbox    inbox
	acks     map[uint64]pendingAck
	heldAcks *heldAcks // those that wait for the events before them; nil: none
	early    *early    // packets and rooms until the CONNECT reply; nil: nothing
	data     any
	ctx      context.Context // made when it is first asked for
	cancel   context.CancelCauseFunc
	state    socketState
	added    bool // the adapter has the socket and its rooms
	working  bool // a goroutine is running the handlers
	deciding bool // restoring its session, or running its middleware, has begun
	// replaced is set, by the goroutine that runs the handlers, when the socket was not
	// admitted and another one takes its place: the application does not know it.
	replaced bool
}

type socketState uint8

const (
	connecting socketState = iota // middleware is deciding
	connected
	ended
)

// ID returns the socket's ID: 20 characters, different for each connection and
// namespace. It is also the name of a room with just this socket.
func (s *Socket) ID() string { return s.id }

// Namespace returns the namespace that the socket is in.
func (s *Socket) Namespace() *Namespace { return s.nsp }

// Conn returns the connection below, which the client's sockets in other
// namespaces share.
func (s *Socket) Conn() *engine.Conn { return s.conn.engine }

// Handshake returns what the client sent when it connected.
func (s *Socket) Handshake() Handshake {
	return Handshake{Handshake: s.conn.engine.Handshake(), Auth: s.authArgs()}
}

// authArgs returns the payload of CONNECT.
func (s *Socket) authArgs() Args {
	if s.auth == nil {
		return Args{}
	}
	return *s.auth
}

// Recovered reports whether the client's session was restored after it lost its
// connection: the socket has the previous ID, rooms and data, and the client receives
// the events that it missed. See [Options.Recovery].
func (s *Socket) Recovered() bool { return s.recovered }

// Connected reports whether the socket is connected: its middleware has
// accepted it, and it has not been disconnected since.
func (s *Socket) Connected() bool { return s.isConnected() }

func (s *Socket) isConnected() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state == connected
}

// Context returns a context that is canceled when the socket is disconnected, with a
// [*DisconnectError] as its cause. Handlers receive it as their ctx.
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

// Buffered returns the number of bytes that wait to be sent over the client's
// connection.
func (s *Socket) Buffered() int { return s.conn.engine.Buffered() }

// Join adds the socket to rooms. It returns a [*LimitError], and joins none of them, if
// the socket would exceed [Options.MaxRooms], and a [*DisconnectError] if the socket is
// disconnected; it then is in no room, or about to leave all of them.
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
	if limit := s.nsp.server.opts.MaxRooms; !s.nsp.adapter.Join(member{s}, limit, rooms...) {
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
	s.nsp.adapter.Leave(member{s}, room)
}

// Rooms returns the rooms that the socket is in. The first is its own, named by its ID.
// A disconnected socket is in none.
func (s *Socket) Rooms() []string {
	s.mu.Lock()
	if !s.added && s.state != ended {
		defer s.mu.Unlock()
		return slices.Clone(s.beforehand().rooms)
	}
	s.mu.Unlock()
	return s.nsp.adapter.Rooms(member{s})
}

func (s *Socket) hooks() *Hooks { return s.nsp.server.opts.Hooks }

// Emit queues an event for the client and returns without waiting. It returns an error,
// and sends nothing, if the event name is reserved, an argument cannot be encoded, the
// outbox is full ([engine.ErrOutboxFull]) or the socket is disconnected. A nil error
// does not mean that the client received the event; use EmitWithAck to find out.
//
// A []byte anywhere in an argument is sent as binary data.
func (s *Socket) Emit(event string, args ...any) error { return s.emitter().Emit(event, args...) }

// EmitWithAck sends an event, waits for the client's acknowledgement and returns its
// arguments. It returns early with ctx's error, which also matches the cause, or with a
// [*DisconnectError]. If ctx has already ended, it sends nothing. EmitWithAck may be
// called from handlers, including those of the same socket. The package documentation
// says which events are handled before it returns.
func (s *Socket) EmitWithAck(ctx context.Context, event string, args ...any) (Args, error) {
	return s.emitter().EmitWithAck(ctx, event, args...)
}

// Send emits the event "message".
func (s *Socket) Send(args ...any) error { return s.Emit("message", args...) }

// Volatile returns an Emitter for messages that may be dropped if the client is not
// ready to receive them, see [Broadcast.Volatile].
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

// Except selects the sockets that are in none of the given rooms, except this socket.
func (s *Socket) Except(rooms ...string) Broadcast { return s.Broadcast().Except(rooms...) }

// Local selects the sockets that are connected to this server, except this socket.
func (s *Socket) Local() Broadcast { return s.Broadcast().Local() }

// Broadcast selects all sockets in the namespace, except this socket.
func (s *Socket) Broadcast() Broadcast { return s.nsp.everyone.Except(s.id) }

// Disconnect removes the client from the namespace, with the reason
// [ServerNamespaceDisconnect]; the client does not reconnect by itself. Events that the
// client sent before and that are not handled yet are dropped. If the connection is
// already lost, the client's session is discarded, so it cannot be recovered; see
// [Options.Recovery].
func (s *Socket) Disconnect() {
	s.conn.oust(s.nsp.name)
	var m *engine.Message
	defer func() { s.disconnect(m) }() // even if the codec does not return
	if !s.gone.Load() {
		m, _ = s.nsp.encode(parser.Header{Type: parser.Disconnect}, "", nil)
	}
}

// disconnect ends the socket and sends m, its DISCONNECT. If that is nil, because the codec
// has failed, the end of the connection informs the client.
func (s *Socket) disconnect(m *engine.Message) {
	switch was := s.endWith(ServerNamespaceDisconnect, nil, true, m); {
	case was == ended:
		s.revoke() // the connection may have ended before, and the client come back
	case was == connected && m == nil:
		s.conn.engine.Close()
	}
}

// DisconnectConn disconnects the client's sockets in all namespaces and closes the
// connection.
func (s *Socket) DisconnectConn() {
	sockets := s.conn.all()
	for _, other := range sockets {
		other.Disconnect()
	}
	if !slices.Contains(sockets, s) {
		s.revoke()
	}
	s.conn.engine.Close()
}
