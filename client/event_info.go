package client

import "github.com/seed96b07ef8/socketio/peer"

// EventInfo describes an event of the server to [HandlerMiddleware], which may keep it.
type EventInfo = peer.EventInfo[*Socket]
