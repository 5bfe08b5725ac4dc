package client

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/seed96b07ef8/socketio/engine"
	"github.com/seed96b07ef8/socketio/event"
	"github.com/seed96b07ef8/socketio/internal/ctxerr"
	"github.com/seed96b07ef8/socketio/internal/errtext"
	"github.com/seed96b07ef8/socketio/internal/handler"
	"github.com/seed96b07ef8/socketio/parser"
	"github.com/seed96b07ef8/socketio/peer"
)

// A Socket is one namespace of a server. It shares the connection of its [Manager] with
// the sockets of other namespaces.
//
// A socket is active from a call of Connect or Open until either side disconnects it or
// the server refuses it. While it is active, it joins its namespace again whenever the
// connection was lost. Events that are emitted while it is not connected are buffered
// until it is.
//
// Calls to its handlers are serialized, in the order in which the server sent the
// events, on a goroutine that exists while there are events. A handler may block, and
// may wait for an acknowledgement; it delays the later events of its own socket only.
// The functions of OnConnect, OnConnectError and OnDisconnect are called in order with
// the handlers.
//
// All methods are safe for concurrent use, including from handlers; only Connect and
// EmitWithAck wait for the server.
type Socket struct {
	manager    *Manager
	namespace  string
	opts       SocketOptions
	err        error // what is wrong with the URL or the options
	configured bool  // it has options of its own

	listeners    handler.Listeners[*Socket]
	surrounding  handler.Hooks[HandlerMiddleware]
	incoming     handler.Hooks[func(event string, args Args)]
	outgoing     handler.Hooks[func(event string, args []any)]
	connected    handler.Hooks[func()]
	refused      handler.Hooks[func(error)]
	disconnected handler.Hooks[func(Reason, error)]
	failed       handler.Hooks[func(error)]
	drained      handler.Hooks[func()]
	drainDue     atomic.Bool  // the functions of drained are to be called
	refusals     atomic.Int32 // errors that wait for the functions of refused
	notices      atomic.Int32 // notices that wait for the functions of connected and disconnected
	reports      atomic.Int32 // errors that wait for the functions of failed
	unreported   atomic.Int64 // errors that were left out because too many waited
	inbox        inbox
	asking       chan struct{} // has a token while Auth is called
	// visits counts the calls of Disconnect and Close. Events of lives that began
	// before the last one are dropped.
	visits atomic.Uint64
	idle   atomic.Bool // the manager does not keep the socket, or is about to stop

	mu         sync.Mutex       // guards what follows; taken under the manager's mu
	active     bool             // changed with the manager's mu held, too
	behind     bool             // an announcement of the connection waits behind notices of earlier ones
	keep       bool             // active even without waiters: Open was called, or it has been connected
	life       *life            // while it joins the namespace or is in it, over one connection
	asked      *life            // whose request to join has no answer yet; perhaps not the present one
	left       *conn            // over which DISCONNECT was sent, until the server admits the socket again
	end        *DisconnectError // why there is no life; never nil
	waiters    []chan error     // of Connect
	refusal    error            // left out by notifyRefusedLocked, and not followed by another
	refusalDue bool             // a call of catchUpRefusal waits

	// The session.
	id        string
	pid       string // private ID, of a session that can be recovered
	offset    string // of the last event in it
	recovered bool

	buffer  []*outgoing // waits for the connection
	queue   []*outgoing // waits to be acknowledged, with Retries
	bytes   int         // in buffer and queue
	turns   uint64      // the number of events that have waited in one of them
	acks    map[uint64]*outgoing
	nextID  uint64        // of an acknowledgement
	paused  bool          // what waits is to be sent later, when the connection takes more
	changed chan struct{} // closed when fewer events wait, see changedLocked; nil when nothing waits for that

	ledger    ledger
	discarded error // by Manager.Close
}

func newSocket(m *Manager, namespace string, err error, opts *SocketOptions) *Socket {
	s := &Socket{manager: m, namespace: namespace, configured: opts != nil, err: m.err, asking: make(chan struct{}, 1)}
	if s.err == nil {
		s.err = errtext.Prefix("client", err)
	}
	s.opts, err = m.opts.forSocket(opts)
	if s.err == nil {
		s.err = errtext.Prefix("client", err)
	}
	s.end = &DisconnectError{Reason: ClientDisconnect, Err: errNotConnected}
	s.inbox.run = s.do
	return s
}

// Manager returns what keeps the socket's connection.
func (s *Socket) Manager() *Manager { return s.manager }

// Namespace returns the name of the socket's namespace, which starts with a slash.
func (s *Socket) Namespace() string { return s.namespace }

// ID returns the ID that the server has given the socket, or "" when it is not
// connected. It is another one after each reconnection, unless the session was
// recovered.
func (s *Socket) ID() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.connectedLocked() {
		return s.id
	}
	return ""
}

// Connected reports whether the socket is connected: the server has let it into
// its namespace, and the connection has not been lost since.
func (s *Socket) Connected() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.connectedLocked()
}

func (s *Socket) connectedLocked() bool { return s.life != nil && s.life.joined }

// Active reports whether the socket is connected or will try to be, without
// Connect or Open being called.
func (s *Socket) Active() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.active
}

// Recovered reports whether the server has recovered the session when the socket
// last connected: it has its old ID, and the events that it has missed have come.
func (s *Socket) Recovered() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.recovered && s.connectedLocked()
}

// Context returns a context that ends when the socket is disconnected, with a
// [*DisconnectError] as its cause. After a reconnection there is a new one. That of
// an event's handler belongs to the connection over which the event came.
func (s *Socket) Context() context.Context {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.life != nil {
		return s.life.ctx
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(s.end)
	return ctx
}

// Connect makes the socket active and returns when it is connected. It returns an
// error, and makes the socket inactive, if the first attempt to open the connection
// fails, the server refuses the socket ([*ConnectError]), Auth fails ([*AuthError]), or
// ctx ends, which the error matches with its cause. Once it is connected, the socket
// reconnects by itself.
//
// A socket that was already active, or that another call of Connect waits for, stays
// active unless the server refuses it. To keep trying from the start, use Open.
func (s *Socket) Connect(ctx context.Context) error {
	w := make(chan error, 1)
	if err := s.activate(w); err != nil {
		return err
	}
	select {
	case err := <-w:
		return s.connectFailed(err)
	case <-ctx.Done():
		return s.connectFailed(s.giveUp(w, ctxerr.Of(ctx)))
	}
}

// Open makes the socket active and returns at once. The socket connects as soon as
// possible, and keeps trying for as long as [Options.ReconnectAttempts] allows; the
// functions of OnConnect and OnConnectError are called with the outcome. Open returns
// the error of an invalid URL or option, or [ErrClosed]. It has no effect on an active
// socket.
func (s *Socket) Open() error {
	return s.activate(nil)
}

// Disconnect makes the socket inactive and, if it is connected, leaves the namespace,
// with the reason [ClientDisconnect]. It closes the connection if no other socket uses
// it. Received events that are not handled yet are dropped, including those of earlier
// connections. Events that are emitted later are buffered until the socket is connected
// again.
func (s *Socket) Disconnect() {
	m := s.manager
	m.mu.Lock()
	s.mu.Lock()
	s.leaveLocked(&DisconnectError{Reason: ClientDisconnect})
	s.unlockAndSettle()
}

// On registers a handler for an event. The handler is a function of the form
//
//	func([ctx context.Context,] [s *Socket,] args... [, ack func(...)]) [results...] [error]
//
// The event's arguments are decoded into the types of args, as encoding/json would,
// with []byte or [Borrowed] for binary data. Missing arguments are zero values, excess
// arguments are ignored, and a variadic parameter receives the rest. A parameter of
// type [Args] receives all remaining arguments, undecoded. A server with connection
// state recovery appends an argument of its own to those of the event, a string or
// null.
//
// If the server asked for an acknowledgement, the results, except the error, are its
// arguments; a handler whose only result is an error sends one without arguments if the
// error is nil. A handler with an ack parameter calls it instead, at most once and at
// any time. An error is passed to the error hook and not sent, unless it is an
// [*AckError].
//
// On panics if the function has another form, or a type that cannot be encoded or
// decoded, such as a channel, a struct with one in a field without the tag `json:"-"`, or
// a parameter *sql.DB, which has no exported fields. [Args] that are returned, or passed
// to ack, are sent as their values. ctx is canceled when the socket is disconnected. The
// returned function removes the handler.
func (s *Socket) On(event string, handler any) (off func()) {
	s.hint(event)
	return s.used(s.listeners.Add(event, newListener(event, handler)))
}

// Once registers a handler, like On, that is called for the first such event
// only.
func (s *Socket) Once(event string, handler any) (off func()) {
	s.hint(event)
	return s.used(s.listeners.AddOnce(event, newListener(event, handler)))
}

// Register registers a handler that package event has made; see [event.On] and
// [event.Answer]. The returned function removes it.
func (s *Socket) Register(h event.Handler[*Socket]) (off func()) { return h.Add(s) }

// hint logs that a handler is for an event of the server and not for one of the manager,
// as it would be with version 2 of the JavaScript client.
func (s *Socket) hint(event string) {
	method := map[string]string{
		"reconnect": "OnReconnect", "reconnect_attempt": "OnReconnectAttempt",
		"reconnect_error": "OnReconnectError", "reconnect_failed": "OnReconnectFailed",
	}[event]
	if method != "" {
		s.manager.opts.Logger.Warn("client: this handler is not called when the client reconnects, only for events of that name from the server: use "+method+" of Manager", "event", event)
	}
}

// newListener compiles a handler. It panics if the handler's form or the event's name
// is wrong, which is a mistake in the program.
func newListener(event string, h any) *handler.Listener[*Socket] {
	if parser.IsReserved(event) {
		panic(fmt.Sprintf("client: %q is not an event that servers send; use OnConnect, OnConnectError or OnDisconnect", event))
	}
	call, err := handler.Compile[*Socket](h)
	if err != nil {
		panic(fmt.Sprintf("client: the handler of %q %v", event, err))
	}
	return &handler.Listener[*Socket]{Call: call}
}

// UseHandler adds middleware around the socket's handlers, inside of
// [Options.HandlerMiddleware] and of what was added before. The returned function removes
// it. It applies to events whose handling has not begun.
func (s *Socket) UseHandler(m HandlerMiddleware) (off func()) {
	return s.used(s.surrounding.Add(m, false))
}

// OnAny registers a function that is called for every event of the server, whether
// it has handlers or not, before them. The returned function removes it.
func (s *Socket) OnAny(f func(event string, args Args)) (off func()) {
	return s.used(s.incoming.Add(f, false))
}

// PrependAny is OnAny for a function that is called before those registered
// already.
func (s *Socket) PrependAny(f func(event string, args Args)) (off func()) {
	return s.used(s.incoming.Add(f, true))
}

// OnAnyOutgoing registers a function that is called for every event when it is emitted,
// even if it has to wait for the connection, but not for acknowledgements. It must not
// modify args. It runs on the goroutine that emits and should be quick. The returned
// function removes it.
func (s *Socket) OnAnyOutgoing(f func(event string, args []any)) (off func()) {
	return s.used(s.outgoing.Add(f, false))
}

// PrependAnyOutgoing is OnAnyOutgoing for a function that is called before those
// registered already.
func (s *Socket) PrependAnyOutgoing(f func(event string, args []any)) (off func()) {
	return s.used(s.outgoing.Add(f, true))
}

// OnConnect registers a function that is called when the socket is connected, for the
// first time or again. Events that the server emitted before its CONNECT reply, such as
// the missed events of a recovered session, are handled before. When the functions fall
// behind, connections that have ended meanwhile are left out, here and by OnDisconnect.
// The returned function removes it.
func (s *Socket) OnConnect(f func()) (off func()) { return s.used(s.connected.Add(f, false)) }

// OnConnectError registers a function that is called when an attempt to connect has
// failed: with a [*ConnectError] when the server refuses the socket, which is not
// active then, an [*AuthError] when Auth has failed, or the error that kept the
// connection from being opened. [Socket.Active] reports whether the socket tries
// again. When the functions fall behind, errors of attempts that others follow are left
// out. The returned function removes it.
func (s *Socket) OnConnectError(f func(err error)) (off func()) {
	return s.used(s.refused.Add(f, false))
}

// OnDisconnect registers a function that is called when a connected socket has been
// disconnected, with the reason and the cause; err is nil if no cause is known.
// [Socket.Active] reports whether the socket will reconnect. The returned function
// removes it.
func (s *Socket) OnDisconnect(f func(reason Reason, err error)) (off func()) {
	return s.used(s.disconnected.Add(f, false))
}

// OnError registers a function that is called for errors that have no caller: arguments
// that do not fit a handler, errors that handlers return and panics ([*EventError]),
// and, with Retries, events that the server did not acknowledge ([*RetryError]).
// Without such a function the errors are logged. When the functions fall behind, by more
// than [Options.BufferMessages] errors, further ones are left out, and their number is
// logged. The returned function removes it.
func (s *Socket) OnError(f func(err error)) (off func()) { return s.used(s.failed.Add(f, false)) }

// Emit queues an event for the server, or buffers it until the socket is connected, and
// returns without waiting. It returns an error, and sends nothing, if the event name is
// reserved, an argument cannot be encoded, or too much is waiting ([*LimitError],
// [engine.ErrOutboxFull]). A nil error does not mean that the server received the
// event; use [Options.Retries] to make sure, or EmitWithAck to find out.
//
// A []byte anywhere in an argument is sent as binary data.
func (s *Socket) Emit(event string, args ...any) error { return s.emitter().Emit(event, args...) }

// EmitWithAck sends an event and waits for the server's acknowledgement, whose
// arguments it returns. It ends early when ctx ends, with an error that matches ctx's
// error and its cause; with [context.DeadlineExceeded] after [Options.AckTimeout];
// or with a [*DisconnectError] when the connection is lost after the event was sent,
// or when the socket becomes inactive. An event that still waits for the connection
// then is not sent any more, nor is anything if ctx has ended before. If only Connect
// has made the socket active and fails, without the server refusing the socket, the event
// waits for the next call of Connect or Open. For a volatile event that was dropped, the
// error matches [ErrDropped]. EmitWithAck may be called in a handler, with a deadline:
// while the inbox is full ([Options.InboxEvents]), the client does not read the
// acknowledgement.
func (s *Socket) EmitWithAck(ctx context.Context, event string, args ...any) (Args, error) {
	return s.emitter().EmitWithAck(ctx, event, args...)
}

// Send emits the event "message".
func (s *Socket) Send(args ...any) error { return s.Emit("message", args...) }

// Volatile returns an Emitter for messages that may be lost, see
// [Emitter.Volatile].
func (s *Socket) Volatile() Emitter { return s.emitter().Volatile() }

// Compress returns an Emitter whose messages are compressed or not, see
// [Emitter.Compress].
func (s *Socket) Compress(on bool) Emitter { return s.emitter().Compress(on) }

// Timeout returns an Emitter that waits for acknowledgements no longer than d,
// instead of [Options.AckTimeout].
func (s *Socket) Timeout(d time.Duration) Emitter { return s.emitter().Timeout(d) }

func (s *Socket) emitter() Emitter { return Emitter{socket: s, timeout: s.opts.AckTimeout} }

// A Caller can be asked: a [*Socket] or an [Emitter], or a socket of a server.
type Caller = peer.Caller

// Call sends an event and decodes the first argument of the acknowledgement into
// an R. It returns the zero R when the server acknowledges with nothing, and an
// [*AnswerError], which has the acknowledgement, when that is not an R: the server may
// have sent an error instead.
func Call[R any](ctx context.Context, c Caller, event string, args ...any) (R, error) {
	return peer.Call[R](ctx, c, event, args...)
}

var (
	_ engine.ClientHandler        = (*conn)(nil)
	_ engine.ClientPingHandler    = (*conn)(nil)
	_ engine.ClientUpgradeHandler = (*conn)(nil)
)
