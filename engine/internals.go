package engine

import "github.com/seed96b07ef8/socketio/internal/seam"

// Internal returns methods of the connection for the other packages of this module.
// The key keeps applications from calling it.
func (c *Conn) Internal(seam.Key) internals { return internals{c} }

// internals has the methods of a Conn that only packages of this module call.
type internals struct{ conn *Conn }

// SendText is Send for a message to this connection only: text, which must be valid
// UTF-8, followed by attachments. The arguments are used only during the call. A
// message that leaves at once, because none is queued before it, is written from the
// caller's memory without a copy.
func (i internals) SendText(text []byte, attachments [][]byte, flags Flags) error {
	c := i.conn
	c.mu.Lock()
	if c.state == open && !c.overflowed && c.directLocked() && flags&(Deferred|Lazy) == 0 {
		v := vectors.Get().(*vector)
		defer v.release()
		if c.link.vector(v, text, attachments, flags) {
			return c.writeVectorAndUnlock(v, text, attachments)
		}
	}
	if c.joinCorkedLocked(text, attachments, flags) {
		return c.settleAndUnlock()
	}
	c.mu.Unlock()
	return c.Send(newOwnMessage(text, attachments), flags)
}

// Warm loads into the CPU cache the memory that Send needs. A broadcast calls it for
// a few connections before it sends to them, so that their cache misses overlap.
func (i internals) Warm() { i.conn.ended.Load() }

// FlushSoon is [Conn.Flush] for messages that may wait like [Lazy] ones.
func (i internals) FlushSoon() {
	c := i.conn
	c.mu.Lock()
	if c.state == open && c.outbox.n > 0 && !c.overflowed && c.mayWaitLocked(0) {
		c.server.flusher.add(c)
		c.mu.Unlock()
		return
	}
	_ = c.settleAndUnlock()
}

// Lend lends the reader goroutine to work, which saves a switch to another goroutine.
// Only OnBatch may call it, and once. It returns false if the goroutine cannot be
// spared: over polling, where a request waits for its response; at the end of the
// connection; and if an idle connection keeps a goroutine, whose stack should stay
// small.
//
// The server reads nothing from the peer until work returns or ReadOn is
// called, so one of these must happen soon. [Server.Shutdown] waits for work until
// ReadOn is called.
func (i internals) Lend(work seam.Work) bool {
	c := i.conn
	if !c.lendable {
		return false
	}
	c.lendable, c.work = false, work
	return true
}

// ReadOn makes another goroutine read from the peer if the reader goroutine is lent.
// Methods of the handler may then run concurrently with the work.
func (i internals) ReadOn() {
	c := i.conn
	turn := c.turn.Load()
	if turn%2 == 0 || !c.turn.CompareAndSwap(turn, turn+1) {
		return
	}
	c.mu.Lock()
	l := c.link
	c.mu.Unlock()
	go l.run(nil)
}

// Internal is like [Conn.Internal].
func (c *Client) Internal(seam.Key) clientInternals { return clientInternals{c} }

// clientInternals has the methods of a Client that only packages of this module call.
type clientInternals struct{ client *Client }

// Queued reports whether a message that was sent with [seam.Essential] has not been handed
// to the transport yet, for example because it is behind a [Fence]. The server cannot have
// answered it then.
func (i clientInternals) Queued(m *Message) bool {
	c := i.client
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.outbox.special == nil {
		return false
	}
	for chunk := c.outbox.special.kept.head; chunk != nil; chunk = chunk.next {
		for _, e := range chunk.entries {
			if e.m == m {
				return true
			}
		}
	}
	return false
}
