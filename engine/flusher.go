package engine

import "sync"

// A flusher sends messages queued with [Lazy]. Its goroutine exists only while
// connections wait. It visits them in the order in which they were added and sends
// everything queued in each with one write, so a message waits no longer than the
// writes before it take. See docs/decisions/0007-bursts.md.
type flusher struct {
	goroutines *group // of the server

	mu      sync.Mutex // guards what follows; taken after a Conn's mu
	conns   []*Conn
	running bool
}

// lazyMessages is the number of queued messages from which a message is not delayed
// any more. Neither is it if more bytes are queued than one write holds. Delaying
// saves nothing then, and a sender that emits without pause must not outrun the
// writes.
const lazyMessages = 32

// mayWaitLocked reports whether a message of n bytes may wait for the flusher.
func (c *Conn) mayWaitLocked(n int) bool {
	o := c.server.opts
	return c.outbox.n < min(lazyMessages, o.OutboxMessages/2) && c.outbox.bytes+n < min(bufferSize, o.OutboxBytes/2)
}

// add schedules a flush of c. The mu of c is held and c is open, so Shutdown, which
// waits for connections first, also waits for the goroutine.
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

// run flushes conns and those added meanwhile. If a [DropHandler] ends the goroutine
// with runtime.Goexit, another goroutine continues.
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

func (c *Conn) flushLazy() {
	defer c.guard() // OnDrop may be called
	c.mu.Lock()
	c.lazy = false // later messages are for the next round
	_ = c.settleAndUnlock()
}

// take returns the waiting connections and replaces their slice by done, for reuse.
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
