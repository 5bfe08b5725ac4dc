package socketio

import (
	"time"

	"github.com/seed96b07ef8/socketio/engine"
)

// Hooks observe a server, for metrics and tracing. They are called on the
// goroutine on which things happen, with no lock held, concurrently for different
// sockets, and should be quick. Those that are nil cost nothing. Connected and
// Disconnected come with the socket's handlers, in order; EventReceived may come
// before Connected.
type Hooks struct {
	// Connected is called when a socket has joined its namespace, Disconnected
	// when it has left.
	Connected    func(s *Socket)
	Disconnected func(s *Socket, reason Reason)
	// Refused is called when a client may not join a namespace: there is none of
	// that name, or middleware is against it.
	Refused func(namespace string, err error)
	// EventReceived is called when an event has arrived: its size in bytes, with
	// attachments, and the number of events of its socket that are to be handled
	// before it. It is called before EventHandled is called for the event.
	EventReceived func(s *Socket, event string, bytes, ahead int)
	// EventHandled is called when the handlers of an event have returned: how long
	// the event waited for them, and how long they took.
	EventHandled func(s *Socket, event string, waited, took time.Duration)
	// EventSent is called for each event and each socket that it is sent to, with
	// its size in bytes on a WebSocket. Volatile events that are dropped count,
	// too.
	EventSent func(s *Socket, event string, bytes int)
	// AckReceived is called when a client has acknowledged an event, AckSent when
	// it is sent an acknowledgement, with their sizes in bytes.
	AckReceived func(s *Socket, bytes int)
	AckSent     func(s *Socket, bytes int)
	// Dropped is called some time after messages for a client were not sent because
	// it was not ready for them: volatile ones, and those for which its outbox had no
	// room. Sockets in several namespaces share the connection.
	Dropped func(c *engine.Conn, messages int)
}

// Stats are figures of a server at one moment.
type Stats struct {
	// Sockets is the number of connected sockets, over all namespaces.
	Sockets int
	// Namespaces is the number of namespaces.
	Namespaces int
	// PendingEvents is the number of events that wait for their handlers, and
	// PendingAcks that of the acknowledgements that are awaited from clients.
	PendingEvents, PendingAcks int
	// Connections is the number of connections below.
	Connections int
	// BufferedBytes is what waits to be sent, over all connections.
	BufferedBytes int
	// HeldBytes is what all connections hold together, as counted for
	// [engine.ServerOptions.TotalBytes], and Evicted the number of connections, since
	// the server started, that were closed because that was too much.
	HeldBytes int
	Evicted   uint64
	// Dropped is the number of messages, since the server started, that were not
	// sent because their client was not ready for them: volatile ones, and those for
	// which there was no room in an outbox.
	Dropped uint64
}

// Stats returns figures of the server. It looks at every socket, so it is meant
// for a look every few seconds.
func (s *Server) Stats() Stats {
	namespaces := s.all()
	stats := Stats{Namespaces: len(namespaces), Connections: s.engine.Len(), Dropped: s.engine.Dropped(),
		HeldBytes: s.engine.Held(), Evicted: s.engine.Evicted()}
	seen := make(map[*conn]struct{})
	for _, n := range namespaces {
		for _, socket := range n.Sockets() {
			stats.Sockets++
			socket.mu.Lock()
			stats.PendingEvents += socket.inbox.n
			stats.PendingAcks += len(socket.acks)
			socket.mu.Unlock()
			if _, twice := seen[socket.conn]; !twice {
				seen[socket.conn] = struct{}{}
				stats.BufferedBytes += socket.Buffered()
			}
		}
	}
	return stats
}
