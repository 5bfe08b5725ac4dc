// Package adapter keeps the rooms of Socket.IO namespaces: an [Adapter] knows
// which socket is in which room, and delivers packets to all sockets of a room,
// on all nodes of a cluster.
//
// [Memory] is an Adapter for a single process and the default of a server.
// [Recovery] adds connection state recovery to it. An Adapter for a cluster holds a Memory
// for the sockets of its own node; a [Provider] makes the adapters of one server, and the
// connections that they share. The example of Provider shows how they fit together.
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
	// Deliver sends an encoded packet to the client. It must not block. If the
	// packet's Flags contain [engine.Deferred], Deliver only queues the packet and
	// calls no application code, so an adapter may call it while holding a lock.
	Deliver(p *Packet)
	// Flush sends packets that were queued with engine.Deferred. If flags contain
	// [engine.Lazy], it may delay them to send them together with packets that follow
	// soon.
	Flush(flags engine.Flags)
	// DeliverWithAck is Deliver for a packet with an AckID. Until ctx ends, it
	// passes the client's answer, or the reason why there is none, to sink.
	DeliverWithAck(ctx context.Context, p *Packet, sink AckSink)
	// HandOver returns the rooms that the socket joined before the adapter knew it, besides
	// its own. An adapter calls it once, when it adds the socket, and may hold a lock
	// during the call. From then on the socket passes Join and Leave to the adapter.
	HandOver() []string
	// Join adds the socket to rooms, Leave removes it from one. On a disconnected
	// socket Join does nothing and returns nil.
	Join(rooms ...string) error
	Leave(room string)
	// Disconnect disconnects the client from the namespace. DisconnectConn closes
	// the connection, and so disconnects the client from all its namespaces.
	Disconnect()
	DisconnectConn()
	// Connected reports whether the socket is connected. A disconnected socket
	// stays in its rooms until its handlers have run.
	Connected() bool
	// Info describes the socket for other nodes.
	Info() SocketInfo
}

// SocketInfo describes a socket to other nodes.
type SocketInfo struct {
	// ID is the socket's ID.
	ID string
	// Handshake is the request that opened the connection, and Auth is the payload
	// of the client's CONNECT packet.
	Handshake engine.Handshake
	Auth      json.RawMessage
	// Rooms are the rooms of the socket, including its own.
	Rooms []string
	// Data is what the application attached to the socket: the value itself on
	// the socket's own node, otherwise its JSON.
	Data any
	// Node is the node that the socket is connected to. It is empty if another
	// implementation of the protocol does not send it.
	Node NodeID
	// Secure reports whether the connection uses TLS, whose state is in Handshake on the
	// socket's own node only.
	Secure bool
}

// A Target selects sockets of a namespace: those in at least one of Rooms and in
// none of Except. The zero Target selects all of them.
type Target struct {
	// Rooms are names of rooms. Nil selects the whole namespace, and an empty list that
	// is not nil selects no socket. An adapter that sends a Target to other nodes must
	// preserve this difference, or not send the latter at all.
	Rooms []string
	// Except are names of rooms whose sockets are excluded.
	Except []string
	// Local excludes the sockets of other nodes.
	Local bool
	// Node, if it is not empty, is the only node with sockets that Rooms may select, as far
	// as known from a SocketInfo. An adapter may send the operation to that node only, or
	// ignore it.
	Node NodeID
}

// A Packet is an event on its way to a Target.
type Packet struct {
	// Event and Args are what was emitted. They must not be modified, and Args must not
	// be used after the call, when the memory that they refer to may hold other
	// messages. An event from another node has no Args.
	Event string
	Args  []any
	// Body is the event, encoded for all nodes, from Host.Body or from another node. It is
	// optional for an event with Args. A packet that is delivered after the call has a Body
	// and no Args.
	Body *parser.Body
	// Offset, if it is not empty, becomes an additional last argument of the Message. It
	// is not part of Args and Body.
	Offset string
	// HasAck requests acknowledgements. When the Host encodes the packet, it
	// sets AckID, the ID of this node's clients' acknowledgements.
	AckID  uint64
	HasAck bool
	// Flags apply to each delivery.
	Flags engine.Flags
	// Message is the encoded packet, the same for all recipients. Host.Encode makes it.
	Message *engine.Message
}

// A Host is the namespace that an adapter works for.
type Host interface {
	// Name returns the name of the namespace.
	Name() string
	// Node returns the ID of the server.
	Node() NodeID
	// Recovery returns how clients that lost their connection are to be recovered, with
	// the values that the server was given, or nil if they are not.
	Recovery() *RecoveryOptions
	// Body encodes an event for all nodes, with copies of the arguments. It must not be
	// called under a lock, because it calls methods of the application's types.
	Body(event string, args []any) (*parser.Body, error)
	// Encode makes a packet's Message, and AckID, from its other fields. Without a Body it
	// encodes the Args. With one it copies the Body, unless the clients use another codec
	// than JSON: then it encodes the Args and, without Args, what the Body decodes to. It
	// must not be called under a lock.
	Encode(p *Packet) error
	// RoomEvent notifies the application of a change of a room. The adapter holds no
	// lock during the call. Calls are serialized, in the order of the changes. When
	// many changes wait, those that cancel each other out may be omitted.
	RoomEvent(e RoomEvent)
	// WantsRoomEvents reports whether the application has functions for room
	// events. It may be called under a lock.
	WantsRoomEvents() bool
	// ServerEvent delivers an event that another node sent with ServerSideEmit.
	// The host calls answer at most once; it is nil if no answer is requested.
	ServerEvent(event string, args parser.Args, answer func(args ...any))
}

// A RoomEvent is a change of a room.
type RoomEvent struct {
	Kind   RoomEventKind // what happened
	Room   string        // the room's name
	Socket string        // the socket's ID; empty for RoomCreated and RoomDeleted
}

// A Finder is an [Adapter] that finds a socket without a look at the others. Namespaces
// use it to find sockets by their IDs.
type Finder interface {
	// Socket returns the local socket with the given ID, also if it has left the room of
	// that name, or nil.
	Socket(id string) Socket
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

// String returns the reference implementation's name of the kind.
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

// An Ack is a client's answer to a broadcast, or a node's to ServerSideEmit.
type Ack struct {
	// Socket is the ID of the client's socket. It is empty if another node did
	// not send it, and for the answer of a node to ServerSideEmit.
	Socket string
	// Node is the node that the answer came from, or empty if that is not known.
	Node NodeID
	Args parser.Args
	// Err says why there is no answer.
	Err error
}

// A ReceiptSocket is a Socket that knows what its client has received. [Recovery] uses it
// because a client that receives slowly may stay connected for longer than a heartbeat
// without having received older packets.
type ReceiptSocket interface {
	Socket
	// Received returns a time such that the client has received everything sent
	// before it, or the zero time if nothing is known. It must not block.
	Received() time.Time
}

// A WarmSocket is a Socket whose memory can be loaded ahead of a delivery. [Memory] uses it
// for large broadcasts.
type WarmSocket interface {
	Socket
	// Warm only reads the memory that Deliver needs. An adapter may call it for
	// several sockets before it delivers to them, so that the CPU loads the memory of
	// all of them into its caches at the same time.
	Warm()
}

// An AckSink collects the answers to a broadcast, or to ServerSideEmit. Its methods may be
// called concurrently, and do not block.
type AckSink interface {
	// Expect announces n further answers.
	Expect(n int)
	// Ack takes one answer.
	Ack(a Ack)
	// Complete says that all answers have been announced: Expect is not called any more.
	// An error says which nodes did not do so, usually a [*PartialError]; the answers of
	// the others count.
	Complete(err error)
}

// An Adapter manages the rooms of one namespace. Its methods must be safe for
// concurrent use. Of those that reach other nodes, only FetchSockets and, of a [Recoverer],
// Restore wait for them. The
// others return [ErrUnavailable] or [ErrQueueFull] if other nodes cannot be reached, except
// Broadcast and ServerSideEmit without a sink, which lose the event for these nodes; and a
// [*TooLargeError] for an event that other nodes cannot be sent. They must not call methods of a Socket or the Host while
// holding a lock, except where the documentation of those methods allows it.
type Adapter interface {
	// Add adds a socket to the room named by its ID and to the rooms that its method
	// HandOver returns. All operations on the socket's rooms that begin after the call of
	// HandOver take effect after that.
	Add(s Socket)
	// Remove removes a socket from all rooms and from the adapter. Later
	// operations on it do nothing.
	Remove(s Socket)
	// Join adds a socket to rooms, which are created as needed. If the socket
	// would then be in more than limit rooms besides its own, it joins none of
	// them and Join returns false.
	Join(s Socket, limit int, rooms ...string) bool
	// Leave removes a socket from a room. A room without sockets is deleted.
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
	// BroadcastWithAck is Broadcast for a packet with an AckID. It does not wait for other
	// nodes: it returns when the event is sent, and unless it returns an error, it calls
	// Complete of sink once, before or after it returns, when all nodes have announced their
	// clients, or ctx ends. The nodes pass answers to sink until ctx ends.
	BroadcastWithAck(ctx context.Context, p *Packet, t Target, sink AckSink) error

	// FetchSockets describes the sockets that t selects, on all nodes. If some do not answer
	// until ctx ends, it returns the sockets of the others and a [*PartialError].
	FetchSockets(ctx context.Context, t Target) ([]SocketInfo, error)
	// JoinSockets, LeaveSockets and DisconnectSockets apply to the sockets that t
	// selects, on all nodes. A [Recoverer] applies them to sessions without a socket,
	// too; DisconnectSockets deletes such a session.
	JoinSockets(t Target, rooms ...string) error
	LeaveSockets(t Target, rooms ...string) error
	DisconnectSockets(t Target, closeConn bool) error
	// ServerSideEmit sends an event to the namespace on all other nodes. If
	// sink is not nil, it requests an answer from each node, until ctx ends, and calls
	// methods of sink as BroadcastWithAck does. It does not wait for the nodes.
	ServerSideEmit(ctx context.Context, event string, args []any, sink AckSink) error

	// Close releases the adapter's resources. It is called when the namespace ends: by
	// Shutdown, or while the server handles the end of the namespace's last socket, or a
	// request for the namespace that replaces it, which delays other events of that client.
	// So it must not wait for the network; Close of the [Provider] may.
	Close() error
}

// A Recoverer is an Adapter that can restore sockets after a short
// disconnection. Each socket has a private ID, which the client sends to ask
// for its session (Socket.IO protocol v5, "Connection state recovery").
type Recoverer interface {
	Adapter
	// Admit adds a socket, whose client knows the private ID pid, as Add does, and calls connect.
	// If session is not nil, it passes the missed packets to connect: those that the session's
	// socket would have received had it been connected and in its rooms all the time. Packets that
	// are sent from then on are delivered to the socket, which must hold them back until connect
	// returns, so that no packet is lost or repeated. A room of the session that HandOver does not
	// return counts as left when the session was restored.
	//
	// Changes that JoinSockets and LeaveSockets made since the session was restored apply
	// in addition to what HandOver returns.
	//
	// Admit adds nothing and returns false if the session, or a packet that its client may
	// have missed, was dropped since the session was restored. It deletes the session then.
	// It also adds nothing and returns false if the session was restored again since.
	Admit(s Socket, pid string, session *Session, connect func(missed []*Packet)) bool
	// Emit logs an event for one socket. It sets p's Message and calls queue with the
	// encoded packet, whose Flags contain [engine.Deferred]; it may hold a lock during
	// that call. If queue returns an error, Emit does not log the event and returns the
	// error. The caller flushes the socket afterwards.
	Emit(s Socket, p *Packet, queue func(p *Packet) error) error
	// Persist keeps the session of a disconnected socket, with the data that the
	// application attached to it. It is called before Remove.
	Persist(s Socket, pid string, data any)
	// Forget deletes the session of a socket whose client will not recover it, unless
	// another socket has the session already. restored is the result of Restore for a
	// socket that was not admitted, and nil otherwise. Forget does nothing if that session
	// was restored again since.
	Forget(s Socket, pid string, restored *Session)
	// Restore takes the session with a private ID, or returns nil if there is none. It may
	// wait for other nodes, or a store, until ctx ends, and then returns nil: the client
	// gets a new session. It must not take a session that it does not return. The caller
	// must then call Admit, Return, or, for a refused socket, Forget, with the result.
	// Until then operations on rooms apply to the session.
	//
	// A client may lose its connection while its socket is being restored and ask again. The
	// latest Restore then takes the session over, and the results of earlier ones are void.
	Restore(ctx context.Context, pid, offset string) *Session
	// Return puts back a restored session whose new socket was not admitted. It
	// does nothing if the session was deleted, or restored again, meanwhile.
	Return(pid string, session *Session)
}

// A Session is the state of a socket that a client can recover.
type Session struct {
	ID    string   // of the socket
	Rooms []string // without its own
	Data  any
	// Live is the socket itself if the server has not noticed the end of its
	// connection yet. It has already been removed from its rooms.
	Live Socket
	// State belongs to the Recoverer. It records what the client has received, and when
	// the socket was in which room.
	State any
}
