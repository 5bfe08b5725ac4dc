// Package seam is the border between package engine and the other packages of this
// module: what they need of a connection and applications do not. Nothing in it is
// covered by the promise of compatibility.
package seam

// A Key is the argument of [engine.Conn.Internal] and [engine.Client.Internal]. Only
// packages of this module can name its type.
type Key struct{}

// A BatchHandler is an [engine.Handler] that collects work from messages that arrive
// together. C is *engine.Conn.
type BatchHandler[C any] interface {
	// OnBatch is called after OnMessage returned for the last message of one read or
	// one polling request. Like OnMessage, it is called by one goroutine at a time,
	// and a panic ends the connection. It may call Lend of the connection's internals.
	OnBatch(c C)
}

// Work is work that a Handler collected from messages, to run after their delivery.
type Work interface {
	// Do is called on the reader goroutine, without locks. Unlike OnMessage it may
	// wait for messages that the peer has yet to send, if it calls ReadOn of the
	// connection's internals first. A panic ends the connection.
	Do()
}

// Essential is an [engine.Flags] that exempts a message from the limits of the outbox:
// it always fits, is never dropped, and takes no room from other messages. Use it only
// for messages that are bounded elsewhere.
const Essential = 1 << 4
