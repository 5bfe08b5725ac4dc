package engine

// Posting reports whether the body of a POST is being received.
func Posting(c *Conn) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.poll.post != nil && c.poll.post.reading
}

// Writing reports whether somebody is writing to the WebSocket.
func Writing(c *Conn) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.writing
}

// Parked reports whether no goroutine reads from the WebSocket.
func Parked(c *Conn) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.link != nil && c.link.parked.Load()
}

// SetPortable makes servers do without what only some systems have.
func SetPortable(on bool) { portable = on }

// Probing reports whether an upgrade is under way.
func Probing(c *Conn) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.probe != nil
}

// Gone reports whether a write has failed because the client left.
func Gone(c *Conn) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.gone
}
