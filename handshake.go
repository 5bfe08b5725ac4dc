package socketio

import "github.com/seed96b07ef8/socketio/engine"

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
