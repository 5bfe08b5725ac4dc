package adapter

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"log/slog"
)

// A Provider makes the adapters of a server's namespaces, which may share connections to
// the other nodes of a cluster. It belongs to one server. [Func] makes a Provider of a
// function, for adapters that share nothing.
//
// The server calls Start once, before any other method, and Close once, after Start has
// returned nil. Calls of Namespace may be concurrent.
type Provider interface {
	// Start connects to what the adapters need and checks that it is usable. It is
	// called while the server is made, and an error, which should name the cause that an
	// operator can remove, keeps the server from being made. ctx ends after the StartTimeout
	// of the server's options and, at the latest, when Start has returned.
	Start(ctx context.Context, n Node) error
	// Namespace returns the adapter of a namespace. It is called before any socket joins
	// the namespace, often on behalf of a client, so it must not wait for the network.
	// With an error the namespace does not exist. The adapter of an earlier namespace with
	// the same name may not be closed yet: clients create namespaces, and leave them.
	Namespace(h Host) (Adapter, error)
	// Close sends what waits to be sent, until ctx ends, and releases what Start has
	// opened, also after an error. It is called at the end of the server's Shutdown, when
	// the adapters have been closed. Namespace returns an error from then on, and an
	// adapter that was being made at that moment is closed later.
	Close(ctx context.Context) error
}

// Func returns a Provider that calls f for each namespace. f must not return nil.
func Func(f func(h Host) Adapter) Provider { return funcProvider(f) }

type funcProvider func(h Host) Adapter

func (f funcProvider) Start(context.Context, Node) error { return nil }
func (f funcProvider) Namespace(h Host) (Adapter, error) { return f(h), nil }
func (f funcProvider) Close(context.Context) error       { return nil }

// A NodeID names a node of a cluster: a server, from its start to its end. A server that
// is started anew has another ID. The ID of a server of this package's kind has 16
// hexadecimal characters; other implementations of the protocol use others.
type NodeID string

// NewNodeID returns a NodeID of 16 random hexadecimal characters.
func NewNodeID() NodeID {
	var id [8]byte
	_, _ = rand.Read(id[:]) // which never fails
	return NodeID(hex.EncodeToString(id[:]))
}

// A Node is a server as its [Provider] sees it.
type Node struct {
	// ID is the server's.
	ID NodeID
	// Logger is for what concerns no caller. It is not nil.
	Logger *slog.Logger
	// Report passes an event to the observers of the server, and must not be called under
	// a lock. It is not nil.
	Report func(e LinkEvent)
}

// A LinkEvent is a change of a node's connection to the other nodes of its cluster.
type LinkEvent struct {
	// Link names the connection, such as the address of a database.
	Link string
	// State is that of the connection from now on.
	State LinkState
	// Err is the cause, or nil.
	Err error
}

// LinkState is the state of a connection to the other nodes of a cluster.
type LinkState int

// The states of a connection.
const (
	LinkUp       LinkState = iota // everything works
	LinkDegraded                  // what is sent to other nodes waits, or is lost
	LinkDown                      // what other nodes send is lost, too
)

// String returns "up", "degraded" or "down".
func (s LinkState) String() string {
	switch s {
	case LinkUp:
		return "up"
	case LinkDegraded:
		return "degraded"
	case LinkDown:
		return "down"
	}
	return "unknown"
}
