package engine

// Upgrading reports whether a WebSocket is being probed.
func Upgrading(c *Client) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.upgrade != nil
}
