// Package adapter holds what a Socket.IO namespace delegates: knowing which
// socket is in which room, and carrying packets to all sockets of a room,
// wherever they are connected.
//
// [Memory] does it for one process and is what a server uses unless told
// otherwise.
package adapter

import "github.com/seed96b07ef8/socketio/engine"

// A Socket is a local member of rooms: one client in one namespace. Values must
// be comparable with ==.
type Socket interface {
	// ID returns the socket's ID, which is also the name of its own room.
	ID() string
	// Deliver sends an encoded packet to the client. It must not block.
	Deliver(m *engine.Message, flags engine.Flags)
}

// A Target selects the sockets of a namespace that an operation is for: those
// in at least one of Rooms, or all of them when there are none, and in none of
// Except.
type Target struct {
	Rooms  []string
	Except []string
}

// A Packet is an event on its way to a Target.
type Packet struct {
	// Event and Args are what was emitted. They must not be modified.
	Event string
	Args  []any
	// Message is the encoded packet, the same for all recipients.
	Message *engine.Message
	// Flags apply to each delivery.
	Flags engine.Flags
	// Local keeps the packet on this node.
	Local bool
}

// An Adapter manages the rooms of one namespace. All methods may be called
// concurrently, and none of them may call back into the namespace while it
// holds a lock.
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
	// Sockets returns the local sockets that t selects.
	Sockets(t Target) []Socket
	// Broadcast delivers p to the sockets that t selects, on all nodes.
	Broadcast(p *Packet, t Target) error
	// Close releases what the adapter holds. The namespace is gone.
	Close() error
}
