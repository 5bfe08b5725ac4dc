package socketio

import "github.com/seed96b07ef8/socketio/peer"

// EventInfo describes a client's event to [HandlerMiddleware], which may keep it. Its
// Socket is the client's, and its Event any name that the client has sent, also one
// without a handler.
type EventInfo = peer.EventInfo[*Socket]
