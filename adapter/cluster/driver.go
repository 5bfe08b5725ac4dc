package cluster

import (
	"context"
	"errors"

	"github.com/seed96b07ef8/socketio/adapter"
)

// A Driver connects a node to a bus: it carries wires, whose content it does not need to
// understand, between the nodes of a cluster. It belongs to one [Provider]. Its methods may
// be called concurrently, except as their comments say.
//
// A Driver reconnects by itself, subscribes again to what is attached, and reports with
// Inbound.State whether it is connected.
//
// A Driver may also be a [RoomDriver], a [CountingDriver] and a [SizedDriver].
type Driver interface {
	// Traits describes the bus. It is called first, and the result does not change.
	Traits() Traits
	// Open connects to the bus and checks that it is usable, until ctx ends. What the bus
	// delivers from then on is passed to in, including messages for all nodes that are not
	// about a namespace. An error should name the cause that an operator can remove; then
	// no other method is called.
	Open(ctx context.Context, n adapter.Node, in Inbound) error
	// Attach subscribes to the messages of a namespace, and Detach ends that. Neither waits
	// for the bus. When the subscription is in place, in this call or later, and each time
	// when it is in place again, the driver calls Inbound.Attached. Calls for one namespace
	// are serialized.
	Attach(namespace string)
	Detach(namespace string)
	// Publish sends messages, in this order, and returns when the bus has accepted them, or
	// when ctx ends. It is called by one goroutine at a time for each lane. sent is the number
	// of messages that the bus has accepted, and err what prevents it from accepting the
	// next. It wraps ErrAmbiguous if the bus may have accepted that one, and ErrRefused if it
	// never will; neither is sent again. After another error it is. Publish does not keep
	// the slice.
	Publish(ctx context.Context, messages []Outgoing) (sent int, err error)
	// Close ends all connections that Open has made, and nothing is passed to in after it
	// has returned. Later only Detach and Interest may be called, which do nothing then.
	Close(ctx context.Context) error
}

// A RoomDriver is a Driver for a bus that delivers messages for a room only to nodes that ask
// for them.
type RoomDriver interface {
	Driver
	// Interest says whether this node wants messages for a room of a namespace, which
	// others publish to [ToRoom]. Calls for one room are in the order of the changes. It is
	// called under locks and must not block.
	Interest(namespace, room string, on bool)
}

// A CountingDriver is a Driver for a bus that counts the nodes of a namespace, some of which
// send no heartbeats.
type CountingDriver interface {
	Driver
	// Count returns the number of nodes that have a namespace, including this one.
	Count(ctx context.Context, namespace string) (int, error)
}

// A SizedDriver is a Driver for a bus that bounds the size of messages.
type SizedDriver interface {
	Driver
	// MaxMessage returns the largest size of a wire, in bytes. It may change when the driver
	// connects again.
	MaxMessage() int
}

// Traits describe a bus and the nodes on it.
type Traits struct {
	// Lanes is the number of independent paths to the bus. The messages of a namespace take
	// the same path, and those of one path are published one batch after the other. 0 means 1.
	Lanes int
	// Echo says that a node receives what it publishes to all nodes. Then its heartbeats show
	// whether it hears anything: without Echo a node notices only errors.
	Echo bool
	// NodeHeartbeats says that a heartbeat is for all namespaces of its sender, as all nodes
	// are of this module: it is published to all nodes, without a namespace. Otherwise each
	// namespace has its own, as those of the reference implementation.
	NodeHeartbeats bool
}

// Errors that a Driver's Publish wraps.
var (
	ErrAmbiguous = errors.New("cluster: the message may have been sent")
	ErrRefused   = errors.New("cluster: the bus does not accept the message")
)

// An Outgoing is a message to publish.
type Outgoing struct {
	// Namespace is that of the message. It is empty if the message is about a node.
	Namespace string
	// To says who receives the message.
	To Destination
	// Message is what Wire was made of, or nil. It must not be modified.
	Message *Message
	// Wire is the message as its codec writes it. It must not be modified.
	Wire []byte
}

// A Destination says which nodes receive a message. The zero value means all nodes that have
// the message's namespace or, without one, all nodes.
type Destination struct {
	// Kind says which of the other fields matters.
	Kind DestinationKind
	// Room is the only room of the target. A bus that does not know which nodes have a room
	// delivers the message to all.
	Room string
	// Node is the only receiver. A bus without a channel for each node delivers the message
	// to all.
	Node string
}

// DestinationKind is a kind of [Destination].
type DestinationKind uint8

// The kinds of destinations.
const (
	ToAll  DestinationKind = iota // all nodes
	ToRoom                        // the nodes that have sockets in Room
	ToNode                        // Node
)

// Inbound takes what a [Driver] receives. Its methods may be called concurrently, but what
// one sender has published to a namespace must be passed on in that order, by one call
// after the other. They do not wait for the bus, but they call functions of the
// application, such as those for room events.
type Inbound interface {
	// Receive takes a wire that was published for a namespace, or an empty namespace if the
	// channel is not that of one. The wire belongs to the callee.
	Receive(namespace string, wire []byte)
	// Attached says that the subscription of a namespace is in place. Messages that were
	// published before may have been lost.
	Attached(namespace string)
	// State reports the state of a connection to the bus. All are up after Open.
	State(link string, s adapter.LinkState, err error)
}
