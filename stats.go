package socketio

// Stats are the figures of a server at one moment.
type Stats struct {
	// Sockets is the number of connected sockets, over all namespaces.
	Sockets int
	// Namespaces is the number of namespaces.
	Namespaces int
	// PendingEvents is the number of events that wait for their handlers, and
	// PendingAcks that of the acknowledgements that are awaited from clients.
	PendingEvents, PendingAcks int
	// Connections is the number of Engine.IO connections.
	Connections int
	// BufferedBytes is the number of bytes that wait to be sent, over all connections.
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

// Stats returns the current figures of the server. It visits every socket, so call it
// every few seconds rather than for each request.
func (s *Server) Stats() Stats {
	namespaces := s.all()
	stats := Stats{Namespaces: len(namespaces), Connections: s.engine.Len(), Dropped: s.engine.Dropped(),
		HeldBytes: s.engine.Held(), Evicted: s.engine.Evicted()}
	seen := make(map[*conn]struct{})
	for _, n := range namespaces {
		for _, socket := range n.Sockets() {
			stats.Sockets++
			socket.mu.Lock()
			stats.PendingEvents += socket.inbox.len()
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
