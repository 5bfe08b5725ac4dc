package socketio

// EventInfo describes a client's event to [HandlerMiddleware], which may keep it.
type EventInfo struct {
	// Socket is the client's socket; its Namespace method returns the namespace.
	Socket *Socket
	// Event is the event's name. Clients can send any name, also those that have no
	// handler: an attribute of a metric must not have one value for each.
	Event string
	// Args are the arguments, undecoded. Handlers get the same ones.
	Args Args
	// WantsAck reports whether the client wants an acknowledgement.
	WantsAck bool
}
