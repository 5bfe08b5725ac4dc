// Package adapter holds what a Socket.IO namespace delegates: knowing which
// socket is in which room, and carrying packets to all sockets of a room,
// wherever they are connected.
//
// [Memory] does it for one process and is what a server uses unless told
// otherwise; [Recovery] adds connection state recovery to it.
package adapter

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/seed96b07ef8/socketio/engine"
	"github.com/seed96b07ef8/socketio/parser"
)

// A Socket is a local member of rooms: one client in one namespace. Values must
// be comparable with ==.
type Socket interface {
	// ID returns the socket's ID, which is also the name of its own room.
	ID() string
	// Deliver sends an encoded packet to the client. It must not block. With
	// [engine.Deferred] among the packet's Flags it only queues it, and calls nothing
	// of the application's; an adapter may then call it under a lock.
	Deliver(p *Packet)
	// Flush sends what was queued with engine.Deferred. With [engine.Lazy] among flags
	// it may wait for what is about to follow.
	Flush(flags engine.Flags)
	// Warm reads the memory that Deliver needs, and does nothing else. An adapter may
	// call it for several sockets before it delivers to them: what no cache holds is
	// then fetched for all of them at the same time.
	Warm()
	// DeliverWithAck is Deliver for a packet with an AckID: the client's answer,
	// or why there is none, goes to sink, until ctx ends.
	DeliverWithAck(ctx context.Context, p *Packet, sink AckSink)
	// Join adds the socket to rooms, Leave removes it from one. On a socket that has
	// ended Join does nothing and returns nil.
	Join(rooms ...string) error
	Leave(room string)
	// Disconnect takes the client out of the namespace, DisconnectConn closes the
	// connection with all the client's namespaces.
	Disconnect()
	DisconnectConn()
	// Connected reports whether the socket has not ended. One that has stays in its
	// rooms until its handlers have run.
	Connected() bool
	// Info describes the socket for other nodes.
	Info() SocketInfo
}

// SocketInfo describes a socket to other nodes.
type SocketInfo struct {
	// ID is the socket's ID.
	ID string
	// Handshake is the request that opened the connection, and Auth what the client
	// sent when it asked for the namespace.
	Handshake engine.Handshake
	Auth      json.RawMessage
	// Rooms are the rooms that the socket is in, its own among them.
	Rooms []string
	// Data is what the application attached to the socket; on the socket's own
	// node the value itself, otherwise its JSON.
	Data any
}

// A Target selects the sockets of a namespace that an operation is for: those in at
// least one of Rooms and in none of Except. The zero Target selects all of them.
type Target struct {
	// Rooms are names of rooms. Nil selects the whole namespace, but an empty list that
	// is not nil selects no socket: an adapter that sends a Target to other nodes must
	// keep them apart, or not send the latter at all.
	Rooms []string
	// Except are names of rooms whose sockets are left out.
	Except []string
	// Local leaves out the sockets of other nodes.
	Local bool
}

// A Packet is an event on its way to a Target.
type Packet struct {
	// Event and Args are what was emitted. They must not be modified, and Args not be
	// used after the call: what they refer to may be the memory of other messages then.
	Event string
	Args  []any
	// HasAck asks for acknowledgements. The Host sets AckID, under which this
	// node's clients give theirs, when it encodes the packet.
	AckID  uint64
	HasAck bool
	// Flags apply to each delivery.
	Flags engine.Flags
	// Message is the encoded packet, the same for all recipients.
	Message *engine.Message
}

// A Host is the namespace that an adapter works for.
type Host interface {
	// Name returns the name of the namespace.
	Name() string
	// Encode makes a packet's Message, and AckID, from its other fields.
	Encode(p *Packet) error
	// RoomEvent tells the application what happened to a room. It is called without
	// any lock, one call at a time, in the order of the changes. Changes that cancel
	// each other out may be left out when many wait.
	RoomEvent(e RoomEvent)
	// WantsRoomEvents reports whether there is anybody to tell. It may be called
	// under a lock.
	WantsRoomEvents() bool
	// ServerEvent hands over an event that another node has sent with
	// ServerSideEmit. answer is called at most once; it is nil when no answer is
	// wanted.
	ServerEvent(event string, args parser.Args, answer func(args ...any))
}

// A RoomEvent is a change of a room.
type RoomEvent struct {
	Kind   RoomEventKind // what has happened
	Room   string        // the room's name
	Socket string        // the socket's ID; empty for RoomCreated and RoomDeleted
}

// RoomEventKind says what happened to a room.
type RoomEventKind int

// The kinds of room events, with the names that the protocol's reference
// implementation gives them.
const (
	RoomCreated RoomEventKind = iota // create-room: its first socket is about to join
	RoomJoined                       // join-room
	RoomLeft                         // leave-room
	RoomDeleted                      // delete-room: its last socket has left
)

// String returns the name that the reference implementation has for the kind.
func (k RoomEventKind) String() string {
	switch k {
	case RoomCreated:
		return "create-room"
	case RoomJoined:
		return "join-room"
	case RoomLeft:
		return "leave-room"
	case RoomDeleted:
		return "delete-room"
	}
	return fmt.Sprintf("RoomEventKind(%d)", int(k))
}

// An Ack is a client's answer to a broadcast.
type Ack struct {
	// Socket is the ID of the client's socket; empty when another node does not
	// tell.
	Socket string
	Args   parser.Args
	// Err says why there is no answer.
	Err error
}

// A ReceiptSocket is a Socket that knows what has reached its client. [Recovery] uses it:
// a client that is slow with what it receives stays connected for longer than a heartbeat.
type ReceiptSocket interface {
	Socket
	// Received returns a time before which everything that was sent has reached the
	// client. It is zero if nothing is known. It must not block.
	Received() time.Time
}

// An AckSink collects the answers to a broadcast. Its methods may be called
// concurrently.
type AckSink interface {
	// Expect announces n further clients.
	Expect(n int)
	// Ack takes one answer.
	Ack(a Ack)
}

// An Adapter manages the rooms of one namespace. All methods may be called
// concurrently, and none of them may call a Socket's or the Host's methods while
// it holds a lock, except Deliver of a packet that is [engine.Deferred].
type Adapter interface {
	// Add makes a socket known. It is in its own room, named by its ID, from then
	// on.
	Add(s Socket)
	// Remove takes a socket out of all rooms and forgets it. Later operations on
	// it do nothing.
	Remove(s Socket)
	// Join adds a socket to rooms, which come into being as needed. When the
	// socket would then be in more than limit rooms besides its own, it joins
	// none of them and Join reports false.
	Join(s Socket, limit int, rooms ...string) bool
	// Leave removes a socket from a room. A room without sockets is gone.
	Leave(s Socket, room string)
	// Rooms returns the rooms of a socket, its own first.
	Rooms(s Socket) []string
	// RoomNames returns the rooms that local sockets have joined, besides their own,
	// in no particular order.
	RoomNames() []string
	// Sockets returns the local sockets that t selects.
	Sockets(t Target) []Socket

	// Broadcast encodes p, sets its Message, and delivers it to the sockets that t
	// selects, on all nodes.
	Broadcast(p *Packet, t Target) error
	// BroadcastWithAck does it for a packet with an AckID. It announces every
	// client to sink before it returns, as far as they are known by then: it may
	// wait, until ctx ends, for other nodes to count theirs.
	BroadcastWithAck(ctx context.Context, p *Packet, t Target, sink AckSink) error

	// FetchSockets describes the sockets that t selects, on all nodes.
	FetchSockets(ctx context.Context, t Target) ([]SocketInfo, error)
	// JoinSockets, LeaveSockets and DisconnectSockets apply to the sockets that t
	// selects, on all nodes. A [Recoverer] applies them to the sessions of sockets that
	// are away, too; a session that is disconnected is gone.
	JoinSockets(t Target, rooms ...string) error
	LeaveSockets(t Target, rooms ...string) error
	DisconnectSockets(t Target, closeConn bool) error
	// ServerSideEmit sends an event to the namespace on all other nodes. With a
	// sink it asks each for an answer.
	ServerSideEmit(ctx context.Context, event string, args []any, sink AckSink) error

	// Close releases what the adapter holds. The namespace is gone.
	Close() error
}

// A Recoverer is an Adapter that can restore sockets after a short
// disconnection. Each of its sockets has a private ID, with which a client asks
// for its session.
type Recoverer interface {
	Adapter
	// Admit adds a socket, whose client knows the private ID pid, to the adapter and to
	// rooms, and calls connect with the packets that the session's socket, if there is a
	// session, has missed: those that it would have received, had it been connected and
	// in its rooms all the time. What is sent from then on is delivered to the socket,
	// which has to hold it back until connect is done. So no packet is lost and none comes
	// twice. A room of the session that is not among rooms counts as left when the session
	// was restored.
	//
	// What JoinSockets and LeaveSockets have changed since the session was restored counts
	// besides rooms.
	//
	// Admit returns false, and adds nothing, if packets that may have been missed were
	// dropped since the session was restored, or the session was. The session is gone then.
	Admit(s Socket, pid string, session *Session, rooms []string, connect func(missed []*Packet)) bool
	// Emit keeps an event for one socket, unless queue returns an error. It calls queue
	// with the encoded packet, whose Flags have [engine.Deferred], and may hold a lock
	// meanwhile; the caller flushes the socket afterwards. It sets p's Message and returns
	// what queue does.
	Emit(s Socket, p *Packet, queue func(p *Packet) error) error
	// Persist keeps the session of a socket that was disconnected, with the data
	// that the application has attached to it. It is called before Remove.
	Persist(s Socket, pid string, data any)
	// Forget drops the session of a socket that will not come back, unless another socket
	// has the session by now.
	Forget(s Socket, pid string)
	// Restore takes the session with a private ID, or returns nil. A session is restored
	// once. It is to be followed by Admit, Return, or Forget for a socket that is refused;
	// until then operations on rooms reach the session, as they reach those of sockets that
	// are away.
	Restore(pid, offset string) *Session
	// Return puts back a session that was restored for a socket which then was
	// not admitted. It does nothing if the session was dropped meanwhile.
	Return(pid string, session *Session)
}

// A Session is what is left of a socket.
type Session struct {
	ID    string   // of the socket
	Rooms []string // without its own
	Data  any
	// Live is the socket itself when the end of its connection was not noticed
	// yet. It is out of its rooms already.
	Live Socket
	// State belongs to the Recoverer: what the client has received, and when the socket
	// was in which room.
	State any
}
