package socketio

// Users returns the number of sockets that a namespace has, also of those whose
// handlers still run after their end.
func Users(n *Namespace) int {
	n.server.mu.Lock()
	defer n.server.mu.Unlock()
	return n.users
}
