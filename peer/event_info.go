package peer

import "github.com/seed96b07ef8/socketio/parser"

// EventInfo describes a received event to [HandlerMiddleware], which may keep it. S is the
// socket type of the end that received it.
type EventInfo[S any] struct {
	// Socket is the socket that received the event.
	Socket S
	// Namespace is the name of the socket's namespace.
	Namespace string
	// Event is the event's name. A peer can send any name, also one without a handler:
	// an attribute of a metric must not have one value for each.
	Event string
	// Args are the arguments, undecoded. Handlers get the same ones.
	Args parser.Args
	// WantsAck reports whether the peer wants an acknowledgement.
	WantsAck bool
}
