package engine

import "sync"

// A flusher sends what was queued with [Lazy]. Its goroutine exists only while
// there is something to send: it takes the connections in the order in which they
// came, and whatever has gathered in each of them by then leaves in one write. So
// a message waits for no longer than the writes to those before it take.
// See docs/decisions/0007-bursts.md.
type flusher struct {
	goroutines *sync.WaitGroup // of the server

	mu      sync.Mutex // guards what follows; taken after a Conn's mu
	conns   []*Conn
	running bool
}

// A connection's messages do not wait for the flusher when there are more of them
// than this, or more bytes than one write is made of: that would save nothing, and
// whoever emits without a pause must not get ahead of the writing.
const lazyMessages = 32

// mayWait reports whether a message of n bytes may wait for the flusher. mu is
// held.
func (c *Conn) mayWait(n int) bool {
	o := c.server.opts
	return c.outbox.n < min(lazyMessages, o.OutboxMessages/2) && c.outbox.bytes+n < min(bufferSize, o.OutboxBytes/2)
}

// add has c flushed soon. The mu of c is held, and c is open: so Shutdown, which
// waits for the connections first, does not miss the goroutine.
func (f *flusher) add(c *Conn) {
	if c.lazy {
		return
	}
	c.lazy = true
	f.mu.Lock()
	defer f.mu.Unlock()
	f.conns = append(f.conns, c)
	if !f.running {
		f.running = true
		f.goroutines.Go(func() { f.run(nil) })
	}
}

// run flushes conns and those that are added meanwhile. It ends when there is nothing
// left to flush, or when a [DropHandler] ends the goroutine: then another one goes on.
func (f *flusher) run(conns []*Conn) {
	next, returned := 0, false
	defer func() {
		if !returned {
			rest := conns[next:]
			f.goroutines.Go(func() { f.run(rest) })
		}
	}()
	for {
		for next < len(conns) {
			next++
			conns[next-1].flushLazy()
		}
		if conns, next = f.take(conns), 0; len(conns) == 0 {
			break
		}
	}
	returned = true
}

// FlushSoon is [Conn.Flush] for messages that may wait as [Lazy] ones do.
func (c *Conn) FlushSoon() {
	c.mu.Lock()
	if c.state == open && c.outbox.n > 0 && !c.overflowed && c.mayWait(0) {
		c.server.flusher.add(c)
		c.mu.Unlock()
		return
	}
	_ = c.settle()
}

func (c *Conn) flushLazy() {
	defer c.guard() // the handler may be told of messages that were dropped
	c.mu.Lock()
	c.lazy = false // what comes from now on is for the next round
	_ = c.settle()
}

// take returns the connections that wait, and leaves done in their place.
func (f *flusher) take(done []*Conn) []*Conn {
	clear(done)
	f.mu.Lock()
	defer f.mu.Unlock()
	conns := f.conns
	f.conns = done[:0]
	if len(conns) == 0 {
		f.conns, f.running = nil, false
	}
	return conns
}
