package client

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/seed96b07ef8/socketio/engine"
	"github.com/seed96b07ef8/socketio/internal/ctxerr"
	"github.com/seed96b07ef8/socketio/internal/errtext"
	"github.com/seed96b07ef8/socketio/internal/handler"
	"github.com/seed96b07ef8/socketio/parser"
)

// A Socket is a client's end of one namespace. It shares the connection of its
// [Manager] with the sockets of other namespaces.
//
// A socket is active from a call of Connect or Open on, until it is disconnected by
// either side or refused by the server. While it is active, it joins its namespace
// again whenever the connection has been lost. What is emitted while it is not
// connected waits until it is.
//
// Handlers are called one after the other, in the order in which the server sent
// the events, on a goroutine that exists while there are events. A handler may
// block: it holds up the later events of its socket, nobody else's, and it may wait
// for an acknowledgement. The functions of OnConnect, OnConnectError and
// OnDisconnect are called in order with the handlers.
//
// All methods may be called concurrently, also from handlers; only Connect and
// EmitWithAck wait for the server.
type Socket struct {
	manager    *Manager
	namespace  string
	opts       SocketOptions
	err        error // what is wrong with the URL or the options
	configured bool  // it has options of its own

	listeners    handler.Listeners[*Socket]
	incoming     handler.Hooks[func(event string, args Args)]
	outgoing     handler.Hooks[func(event string, args []any)]
	connected    handler.Hooks[func()]
	refused      handler.Hooks[func(error)]
	disconnected handler.Hooks[func(Reason, error)]
	failed       handler.Hooks[func(error)]
	drained      handler.Hooks[func()]
	drainDue     atomic.Bool // the functions of drained are to be called
	inbox        inbox
	corker       corker
	asking       chan struct{} // has a token while Auth is called
	// visits counts the calls of Disconnect and Close. Events of lives that began
	// before the last one are dropped.
	visits atomic.Uint64

	mu      sync.Mutex   // guards what follows; taken under the manager's mu
	active  bool         // changed with the manager's mu held, too
	keep    bool         // active even without waiters: Open was called, or it has been connected
	life    *life        // while it joins the namespace or is in it, over one connection
	asked   *life        // whose request to join has no answer yet; perhaps not the present one
	left    *conn        // over which DISCONNECT was last sent
	end     error        // why there is no life
	waiters []chan error // of Connect

	// The session.
	id        string
	pid       string // private ID, of a session that can be recovered
	offset    string // of the last event in it
	recovered bool

	buffer  []*outgoing // waits for the connection
	queue   []*outgoing // waits to be acknowledged, with Retries
	bytes   int         // in buffer and queue
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
// error, and the socket is not active any more, when the connection cannot be opened
// at the first attempt, when the server refuses the socket ([*ConnectError]), when
// Auth fails ([*AuthError]), or when ctx ends, which the error matches with its
// cause. Once it is connected, the socket reconnects by itself.
//
// A socket that was active before stays so, whatever comes of the present attempt
// but a refusal, and so does one that others still wait for. To have a socket keep
// trying from the start, use Open.
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

// Open makes the socket active and returns at once: it connects as soon as that is
// possible, and tries for as long as [Options.ReconnectAttempts] allows. The
// functions of OnConnect and OnConnectError are told what comes of it. The error is
// that of a URL or an option, or [ErrClosed]. A socket that is active already stays
// so.
func (s *Socket) Open() error {
	return s.activate(nil)
}

// Disconnect makes the socket inactive and, if it is connected, leaves the
// namespace, with the reason [ClientDisconnect]. The connection is closed if no
// other socket uses it. Events that have come and are not handled yet are dropped,
// those of earlier connections, too.
// What is emitted from now on waits until the socket is connected again.
func (s *Socket) Disconnect() {
	m := s.manager
	m.mu.Lock()
	s.mu.Lock()
	s.leaveLocked(&DisconnectError{Reason: ClientDisconnect})
	s.unlockAndSettle()
}

// On registers a handler for an event: a function of the shape
//
//	func([ctx context.Context,] [s *Socket,] args... [, ack func(...)]) [results...] [error]
//
// The event's arguments are decoded into the types of args, as encoding/json
// would, with []byte or [Borrowed] for binary data; what is missing is zero, what
// is left over is ignored, and a variadic parameter takes the rest. A parameter of
// type [Args] takes all that follow, undecoded. A server with connection state
// recovery adds an argument of its own behind those of the event, a string or null.
//
// Results, but for the error, are the acknowledgement if the server asked for
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
	s.hint(event)
	return s.listeners.Add(event, newListener(event, handler))
}

// Once registers a handler, like On, that is called for the first such event
// only.
func (s *Socket) Once(event string, handler any) (off func()) {
	s.hint(event)
	return s.listeners.AddOnce(event, newListener(event, handler))
}

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

// newListener compiles a handler. It panics when the handler's shape, or the
// event's name, is wrong: that is a mistake in the program.
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

// OnAny registers a function that is called for every event of the server, whether
// it has handlers or not, before them. The returned function removes it.
func (s *Socket) OnAny(f func(event string, args Args)) (off func()) {
	return s.incoming.Add(f, false)
}

// PrependAny is OnAny for a function that is called before those registered
// already.
func (s *Socket) PrependAny(f func(event string, args Args)) (off func()) {
	return s.incoming.Add(f, true)
}

// OnAnyOutgoing registers a function that is called for every event that is
// emitted, when it is emitted, also if it has to wait for the connection;
// acknowledgements are no events. args must not be modified. The function runs on
// the goroutine that emits and should be quick. The returned function removes it.
func (s *Socket) OnAnyOutgoing(f func(event string, args []any)) (off func()) {
	return s.outgoing.Add(f, false)
}

// PrependAnyOutgoing is OnAnyOutgoing for a function that is called before those
// registered already.
func (s *Socket) PrependAnyOutgoing(f func(event string, args []any)) (off func()) {
	return s.outgoing.Add(f, true)
}

// OnConnect registers a function that is called when the socket is connected, for
// the first time or again. What the server has emitted before it let the socket in,
// such as the missed events of a recovered session, is handled before. The returned
// function removes it.
func (s *Socket) OnConnect(f func()) (off func()) { return s.connected.Add(f, false) }

// OnConnectError registers a function that is called when an attempt to connect has
// failed: with a [*ConnectError] when the server refuses the socket, which is not
// active then, an [*AuthError] when Auth has failed, or whatever has kept the
// connection from being opened. [Socket.Active] tells whether the socket tries
// again. The returned function removes it.
func (s *Socket) OnConnectError(f func(err error)) (off func()) { return s.refused.Add(f, false) }

// OnDisconnect registers a function that is called when the socket was connected
// and is no more, with the reason and what is known of the cause; err may be nil.
// [Socket.Active] tells whether it will reconnect. The returned function removes
// it.
func (s *Socket) OnDisconnect(f func(reason Reason, err error)) (off func()) {
	return s.disconnected.Add(f, false)
}

// OnError registers a function that is told of errors that have no caller to go
// to: arguments that do not fit a handler, errors that handlers return, panics
// ([*EventError]), and events that were in vain with Retries ([*RetryError]).
// Without one they are logged. The returned function removes it.
func (s *Socket) OnError(f func(err error)) (off func()) { return s.failed.Add(f, false) }

// Emit sends an event to the server, or keeps it until the socket is connected. It
// queues and returns: the errors are a reserved event name, an argument that cannot
// be encoded, and too much that waits ([*LimitError], [engine.ErrOutboxFull]).
// Nothing is sent then. No error does not mean that the server has received the
// event; use [Options.Retries] to make sure, or ask for an acknowledgement to know.
//
// []byte values are sent as binary, wherever in an argument they are.
func (s *Socket) Emit(event string, args ...any) error { return s.emitter().Emit(event, args...) }

// EmitWithAck sends an event and waits for the server's acknowledgement, whose
// arguments it returns. It ends early when ctx ends, with an error that matches ctx's
// error and its cause; with [context.DeadlineExceeded] after [Options.AckTimeout];
// or with a [*DisconnectError] when the connection is lost after the event was sent,
// or when the socket becomes inactive. An event that still waits for the connection
// then is not sent any more, nor is anything if ctx has ended before. It may be
// called in a handler.
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

// Caller is whom [Call] asks: a [*Socket] or an [Emitter].
type Caller interface {
	EmitWithAck(ctx context.Context, event string, args ...any) (Args, error)
}

// Call sends an event and decodes the first argument of the acknowledgement into
// an R. It returns the zero R when the server acknowledges with nothing, and an
// [*AnswerError], which has the acknowledgement, when that is not an R: the server may
// have sent an error instead.
func Call[R any](ctx context.Context, c Caller, event string, args ...any) (R, error) {
	var r R
	ack, err := c.EmitWithAck(ctx, event, args...)
	if err != nil {
		return r, err
	}
	if err := ack.DecodeAt(0, &r); err != nil {
		return r, &AnswerError{Event: event, Args: ack, Err: err}
	}
	return r, nil
}

var (
	_ engine.ClientHandler        = (*conn)(nil)
	_ engine.ClientPingHandler    = (*conn)(nil)
	_ engine.ClientUpgradeHandler = (*conn)(nil)
)
