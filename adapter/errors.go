package adapter

import (
	"errors"
	"fmt"
	"strings"
)

// ErrUnavailable is the error of an operation that needs other nodes while this node is
// not connected to them. What concerns this node's sockets has been done.
var ErrUnavailable = errors.New("adapter: not connected to the other nodes")

// ErrQueueFull is the error of an operation whose message to other nodes does not fit the
// queue of those that wait to be sent. What concerns this node's sockets has been done.
var ErrQueueFull = errors.New("adapter: too much waits to be sent to the other nodes")

// A TooLargeError is returned for an event that is larger than what connects the nodes
// takes. It is sent to no socket, also not to those of this node.
type TooLargeError struct {
	Size, Max int // in bytes
}

// Error returns the sizes.
func (e *TooLargeError) Error() string {
	return fmt.Sprintf("adapter: a message of %d bytes to other nodes exceeds the limit of %d", e.Size, e.Max)
}

// A PartialError says which nodes are missing in a result. The operation returns what the
// others answered together with the error.
type PartialError struct {
	// Missing are the nodes that have not answered.
	Missing []NodeID
	// Unknown is how many more have not, whose IDs are not known.
	Unknown int
	// Err is why the operation did not wait any longer, such as the error of its context
	// or [ErrUnavailable]. Nil means that the missing nodes have ended.
	Err error
}

// maxNamed bounds the nodes in the text of a PartialError.
const maxNamed = 10

// Error names the nodes, at most ten of them, and the cause.
func (e *PartialError) Error() string {
	var b strings.Builder
	b.WriteString("adapter: no answer")
	if n := len(e.Missing) + e.Unknown; n > 0 {
		fmt.Fprintf(&b, " from %d other node", n)
		if n > 1 {
			b.WriteByte('s')
		}
	}
	for i, id := range e.Missing[:min(len(e.Missing), maxNamed)] {
		if i == 0 {
			b.WriteString(" (")
		} else {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%.40q", string(id)) // which another node chose
	}
	switch n := len(e.Missing) + e.Unknown; {
	case len(e.Missing) > 0 && n > min(len(e.Missing), maxNamed):
		b.WriteString(", ...)")
	case len(e.Missing) > 0:
		b.WriteByte(')')
	}
	if e.Err != nil {
		b.WriteString(": ")
		b.WriteString(strings.TrimPrefix(e.Err.Error(), "adapter: "))
	}
	return b.String()
}

// Unwrap returns Err.
func (e *PartialError) Unwrap() error { return e.Err }
