package socketio

import (
	"time"

	"github.com/seed96b07ef8/socketio/adapter"
	"github.com/seed96b07ef8/socketio/engine"
)

// Hooks observe a server, for metrics and tracing. Each function is called on the
// goroutine on which the event occurs, with no lock held, and concurrently for
// different sockets, and should be quick. Nil functions cost nothing. Connected and
// Disconnected are called in order with the socket's handlers; EventReceived may be
// called before Connected. [JoinHooks] combines several observers.
type Hooks struct {
	// Connected is called when a socket has joined its namespace, Disconnected
	// when it has left.
	Connected    func(s *Socket)
	Disconnected func(s *Socket, reason Reason)
	// Refused is called when the server refuses a client's request to join a namespace:
	// the namespace does not exist, or middleware returned an error.
	Refused func(namespace string, err error)
	// EventReceived is called when an event has arrived, with its size in bytes,
	// including attachments, and the number of events of its socket that will be
	// handled before it. It is called before EventHandled for the same event.
	EventReceived func(s *Socket, event string, bytes, ahead int)
	// EventHandled is called when the handlers of an event have returned, with the time
	// that the event waited for them and the time that they took.
	EventHandled func(s *Socket, event string, waited, took time.Duration)
	// EventSent is called for each event and each socket that it is sent to, with its
	// size in bytes on a WebSocket. It is also called for volatile events that are
	// dropped.
	EventSent func(s *Socket, event string, bytes int)
	// AckReceived is called when a client has acknowledged an event, AckSent when the
	// server sends an acknowledgement, with their sizes in bytes.
	AckReceived func(s *Socket, bytes int)
	AckSent     func(s *Socket, bytes int)
	// Dropped is called some time after messages for a client were discarded because it
	// was not ready for them: volatile messages, and those for which its outbox had no
	// room. Sockets in several namespaces share the connection.
	Dropped func(c *engine.Conn, messages int)
	// Link is called when the state of the server's connection to the other nodes of a
	// cluster has changed. The adapter decides what it reports.
	Link func(e adapter.LinkEvent)
}

// JoinHooks returns Hooks that call those of all observers, in the given order, for
// programs in which metrics and an administration page both observe the server. Observers
// and fields that are nil cost nothing: a field that no observer sets stays nil, and one
// that a single observer sets is the observer's function. A function that panics, or ends
// its goroutine, keeps none of the others from being called; the server treats the panic
// as it does without JoinHooks. Later changes of the observers have no effect.
func JoinHooks(observers ...*Hooks) *Hooks {
	all := new(Hooks)
	for _, h := range observers {
		if h == nil {
			continue
		}
		all.Connected = join1(all.Connected, h.Connected)
		all.Disconnected = join2(all.Disconnected, h.Disconnected)
		all.Refused = join2(all.Refused, h.Refused)
		all.EventReceived = join4(all.EventReceived, h.EventReceived)
		all.EventHandled = join4(all.EventHandled, h.EventHandled)
		all.EventSent = join3(all.EventSent, h.EventSent)
		all.AckReceived = join2(all.AckReceived, h.AckReceived)
		all.AckSent = join2(all.AckSent, h.AckSent)
		all.Dropped = join2(all.Dropped, h.Dropped)
		all.Link = join1(all.Link, h.Link)
	}
	return all
}

// join1 returns a function that calls f, then g, also after a panic of f. It returns the
// other function if one is nil. So do join2, join3 and join4, by number of parameters.
func join1[A any](f, g func(A)) func(A) {
	if f == nil {
		return g
	}
	if g == nil {
		return f
	}
	return func(a A) { defer g(a); f(a) }
}

func join2[A, B any](f, g func(A, B)) func(A, B) {
	if f == nil {
		return g
	}
	if g == nil {
		return f
	}
	return func(a A, b B) { defer g(a, b); f(a, b) }
}

func join3[A, B, C any](f, g func(A, B, C)) func(A, B, C) {
	if f == nil {
		return g
	}
	if g == nil {
		return f
	}
	return func(a A, b B, c C) { defer g(a, b, c); f(a, b, c) }
}

func join4[A, B, C, D any](f, g func(A, B, C, D)) func(A, B, C, D) {
	if f == nil {
		return g
	}
	if g == nil {
		return f
	}
	return func(a A, b B, c C, d D) { defer g(a, b, c, d); f(a, b, c, d) }
}
