package socketio

import "github.com/seed96b07ef8/socketio/event"

// registry holds what an application has registered on a namespace, or on a
// parent of namespaces. It is read without a lock.
type registry struct {
	server   *Server
	everyone Broadcast // to all sockets

	listeners     layeredListeners // of events
	middleware    layered[Middleware]
	connected     layered[func(*Socket)]
	disconnecting layered[func(*Socket, Reason)]
	disconnected  layered[func(*Socket, Reason)]
	incoming      layered[func(s *Socket, event string, args Args)]
	outgoing      layered[func(s *Socket, event string, args []any)]
	packets       layered[PacketMiddleware]
	around        layered[HandlerMiddleware]
	failed        layered[func(*Socket, error)]
	drained       layered[func(*Socket)]
	rooms         layered[func(RoomEvent)]
	serverEvents  layeredListeners
}

// Use adds middleware, which is called in the order of its registration for every
// client that asks to join from now on. It belongs to this namespace, or to the
// children of this parent: a client that joins "/admin" is not subject to the
// middleware of "/". The returned function removes it.
func (r *registry) Use(m Middleware) (off func()) { return r.middleware.Add(m, false) }

// UsePacket adds packet middleware for the events of every socket. If it returns an
// error, the event's handlers are not called and the error hooks receive the error;
// the client receives nothing, neither the error nor an acknowledgement. To answer the
// client, return an [*AckError], which the hooks do not receive. The returned function
// removes it.
func (r *registry) UsePacket(m PacketMiddleware) (off func()) { return r.packets.Add(m, false) }

// UseHandler adds middleware around the handlers of every socket's events: inside of
// [Options.HandlerMiddleware], of that of a parent namespace, and of what was added before.
// It applies to events whose handling has not begun. Each event then costs about five
// allocations, and up to four for each further middleware; arguments of type [Borrowed]
// are copied. The returned function removes it.
func (r *registry) UseHandler(m HandlerMiddleware) (off func()) { return r.around.Add(m, false) }

// On registers a handler for an event of every socket. A function of the wrong
// shape panics; see [Socket.On] for the shapes. The returned function removes
// the handler.
//
// The names that panic are the reserved ones, see [parser.IsReserved]. Clients may send
// "connection" and "new_namespace"; as programs in JavaScript register something else
// under these names, a handler for one is logged at level WARN.
func (r *registry) On(event string, handler any) (off func()) {
	r.hint(event)
	return r.listeners.Add(event, newListener(event, handler, r.order()))
}

// Once registers a handler, like On, that is called only for the first such event of
// any socket.
func (r *registry) Once(event string, handler any) (off func()) {
	r.hint(event)
	return r.listeners.AddOnce(event, newListener(event, handler, r.order()))
}

// Register registers a handler that package event has made; see [event.On] and
// [event.Answer]. The returned function removes it.
func (r *registry) Register(h event.Handler[*Socket]) (off func()) { return h.Add(r) }

// hint warns about a handler whose event name has a special meaning in JavaScript but
// not here.
func (r *registry) hint(event string) {
	switch event {
	case "connection":
		r.server.opts.Logger.Warn("socketio: this handler is not called when a client connects, only for events of that name from clients: use OnConnect", "event", event)
	case "new_namespace":
		r.server.opts.Logger.Warn("socketio: this handler is not called for a new namespace, only for events of that name from clients: use OnNewNamespace", "event", event)
	}
}

// OnAny registers a function that is called for every event of every socket,
// whether it has handlers or not, before them and before packet middleware. The
// returned function removes it.
func (r *registry) OnAny(f func(s *Socket, event string, args Args)) (off func()) {
	return r.incoming.Add(f, false)
}

// PrependAny is OnAny for a function that is called before those registered
// already.
func (r *registry) PrependAny(f func(s *Socket, event string, args Args)) (off func()) {
	return r.incoming.Add(f, true)
}

// OnAnyOutgoing registers a function that is called for every event that is sent to a
// socket, by Emit or by a broadcast that reaches it, but not for acknowledgements, nor for
// an event that cannot be encoded. It must not modify args. It runs on the goroutine that
// emits, for a broadcast after the event was sent, and should be quick. The returned
// function removes it.
func (r *registry) OnAnyOutgoing(f func(s *Socket, event string, args []any)) (off func()) {
	r.server.watchOutgoing.Store(true)
	return r.outgoing.Add(f, false)
}

// PrependAnyOutgoing is OnAnyOutgoing for a function that is called before those
// registered already.
func (r *registry) PrependAnyOutgoing(f func(s *Socket, event string, args []any)) (off func()) {
	r.server.watchOutgoing.Store(true)
	return r.outgoing.Add(f, true)
}

// OnConnect registers a function that is called for each socket that has joined. The
// socket's events are handled after it has returned. The returned function removes it.
func (r *registry) OnConnect(f func(s *Socket)) (off func()) { return r.connected.Add(f, false) }

// OnDisconnecting registers a function that is called when a socket has been
// disconnected, while it still is in its rooms. The returned function removes it.
func (r *registry) OnDisconnecting(f func(s *Socket, reason Reason)) (off func()) {
	return r.disconnecting.Add(f, false)
}

// OnDisconnect registers a function that is called when a socket has been disconnected
// and has left its rooms. If more is known than the reason, it is the cause of
// [Socket.Context]. The returned function removes it.
func (r *registry) OnDisconnect(f func(s *Socket, reason Reason)) (off func()) {
	return r.disconnected.Add(f, false)
}

// OnError registers a function that is called, in addition to [Options.OnError], for
// errors that have no caller: arguments that do not fit a handler, errors that handlers
// and packet middleware return, and panics. The returned function removes it.
func (r *registry) OnError(f func(s *Socket, err error)) (off func()) {
	return r.failed.Add(f, false)
}

// OnDrain registers a function that is called when messages had to wait for a socket's
// client and the last of them has been passed to the connection. The returned function
// removes it.
func (r *registry) OnDrain(f func(s *Socket)) (off func()) { return r.drained.Add(f, false) }

// OnRoom registers a function that is called when rooms of the namespace are created,
// joined, left and deleted. Calls are serialized, in the order of the changes, on the
// goroutine of one of the callers that change rooms. The changes of other callers are
// queued meanwhile, so the function should be quick: when more than 1024 are queued,
// those that cancel each other out, such as a socket's joining and leaving of a room,
// are skipped. The returned function removes it.
func (r *registry) OnRoom(f func(e RoomEvent)) (off func()) { return r.rooms.Add(f, false) }

// OnServerEvent registers a handler for events that other nodes of a cluster send
// with [Namespace.ServerSideEmit]. It has the shape of an event's handler, without
// the socket.
func (r *registry) OnServerEvent(event string, handler any) (off func()) {
	return r.serverEvents.Add(event, newServerListener(event, handler, r.order()))
}

// order numbers registrations.
func (r *registry) order() uint64 { return r.server.nextOrder.Add(1) }
