package engine

import "time"

// Upgrading reports whether the client is probing a WebSocket.
func Upgrading(c *Client) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.upgrade != nil
}

// SetWallClock replaces the wall clock of the connections that are opened with o.
func SetWallClock(o *DialOptions, now func() time.Time) { o.now = now }
