package socketio

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/seed96b07ef8/socketio/adapter"
)

// A RemoteSocket is a socket, found by FetchSockets, that may be connected to another
// node of a cluster. Its properties are a snapshot; its operations are sent to the node
// that has the socket.
type RemoteSocket struct {
	nsp  *Namespace
	info adapter.SocketInfo
}

// ID returns the socket's ID.
func (r RemoteSocket) ID() string { return r.info.ID }

// Node returns the ID of the node that the socket is connected to, or an empty string if
// that is not known.
func (r RemoteSocket) Node() string { return string(r.info.Node) }

// Secure reports whether the client's connection uses TLS.
func (r RemoteSocket) Secure() bool { return r.info.Secure }

// Rooms returns the rooms that the socket was in.
func (r RemoteSocket) Rooms() []string { return slices.Clone(r.info.Rooms) }

// Handshake returns what the client sent when it connected. TLS is nil for a
// socket on another node.
func (r RemoteSocket) Handshake() Handshake {
	h := Handshake{Handshake: r.info.Handshake}
	if len(r.info.Auth) > 0 {
		h.Auth = jsonArgs(r.info.Auth)
	}
	return h
}

// Data returns the value that was attached to the socket: the value itself if the
// socket is connected to this node, otherwise its JSON. DecodeData handles both.
func (r RemoteSocket) Data() any { return r.info.Data }

// DecodeData converts the value that was attached to the socket, by way of JSON, and
// stores it in the value that v points to.
func (r RemoteSocket) DecodeData(v any) error {
	data, err := json.Marshal(r.info.Data)
	if err != nil {
		return err
	}
	return json.Unmarshal(data, v)
}

func (r RemoteSocket) target() Broadcast {
	b := r.nsp.To(r.info.ID)
	b.target.Node = r.info.Node
	return b
}

// Emit sends an event to the socket's client.
func (r RemoteSocket) Emit(event string, args ...any) error { return r.target().Emit(event, args...) }

// EmitWithAck sends an event to the socket's client and waits for the
// acknowledgement. ctx must have a deadline.
func (r RemoteSocket) EmitWithAck(ctx context.Context, event string, args ...any) (Args, error) {
	for ack, err := range r.target().EmitWithAck(ctx, event, args...) {
		return ack.Args, err
	}
	return Args{}, unacknowledged(event, r.nsp.name, r.info.ID, &DisconnectError{Reason: TransportClose}) // no socket has that ID
}

// Join adds the socket to rooms.
func (r RemoteSocket) Join(rooms ...string) error { return r.target().SocketsJoin(rooms...) }

// Leave removes the socket from a room.
func (r RemoteSocket) Leave(room string) error { return r.target().SocketsLeave(room) }

// Disconnect disconnects the socket; with closeConn its connection is closed, too.
func (r RemoteSocket) Disconnect(closeConn bool) error {
	return r.target().DisconnectSockets(closeConn)
}
