package engine

import "github.com/seed96b07ef8/socketio/internal/seam"

// The methods of internals, and the flag of package seam, for tests.

func (c *Conn) Lend(work seam.Work) bool { return c.Internal(seam.Key{}).Lend(work) }
func (c *Conn) ReadOn()                  { c.Internal(seam.Key{}).ReadOn() }
func (c *Conn) FlushSoon()               { c.Internal(seam.Key{}).FlushSoon() }
func (c *Conn) SendText(text []byte, attachments [][]byte, flags Flags) error {
	return c.Internal(seam.Key{}).SendText(text, attachments, flags)
}

const Essential = essential

// Posting reports whether the body of a POST is being received.
func Posting(c *Conn) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.poll != nil && c.poll.post != nil && c.poll.post.reading
}

// Writing reports whether a goroutine is writing to the WebSocket.
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

// SetPortable makes servers work without features of particular systems.
func SetPortable(on bool) { portable = on }

// Probing reports whether an upgrade is pending.
func Probing(c *Conn) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.probe != nil
}

// Gone reports whether a write has failed because the client closed the connection.
func Gone(c *Conn) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.gone
}

// HasPollState reports whether the connection holds memory for polling.
func HasPollState(c *Conn) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.poll != nil
}

// HoldForm blocks encoding the compressed form of m until release is called, like
// another connection that is encoding it.
func HoldForm(m *Message) (release func()) {
	f := m.form(deflatedForm)
	f.mu.Lock()
	return f.mu.Unlock
}

// HoldForm64 is HoldForm for the form of clients without binary frames.
func HoldForm64(m *Message) (release func()) {
	f := m.form(base64Form)
	f.mu.Lock()
	return f.mu.Unlock
}
