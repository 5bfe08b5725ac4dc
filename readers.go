package socketio

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/seed96b07ef8/socketio/engine"
)

// readers are the goroutines that read from a server's clients, as far as they are
// lent to run handlers. Nothing is read from a client meanwhile, so one that does not
// come back soon is replaced. See docs/decisions/0009-reader-runs-handlers.md.
type readers struct {
	shards [16]readerShard // by connection

	watching atomic.Bool   // the timer is set
	ticks    atomic.Uint32 // of the timer

	mu     sync.Mutex // guards what follows; taken before a shard's
	timer  *time.Timer
	unused int           // ticks since a reader was lent
	quiet  chan struct{} // closed when no reader is lent; nil while nobody waits for that
}

// readerShard is a part of the readers, so that those of different connections
// seldom meet.
type readerShard struct {
	mu      sync.Mutex // guards what follows; nothing is taken under it
	busy    int
	lent    []*reader // those that are due back soon
	spare   []*reader // to be used again
	closing bool      // somebody may wait for the readers

	_ [56]byte // to the end of two cache lines
}

// A reader is a goroutine that is lent.
type reader struct {
	worker
	shard *readerShard
	conn  *engine.Conn
	since uint32 // ticks when it was lent
	at    int    // its index in lent, or -1 when it is not waited for any more
}

// Readers that a shard keeps to be used again.
const maxSpareReaders = 16

// lent is the work of a socket, done by the goroutine that reads for it.
type lent struct{ *Socket }

// Do implements [engine.Work].
func (s lent) Do() {
	if s.asks() {
		s.conn.engine.ReadOn()
	}
	p := &s.nsp.server.readers
	r := p.lend(s.conn.engine)
	returned := false
	defer func() {
		if !returned { // a handler has ended the goroutine: runtime.Goexit
			r.release()
			s.resign()
		}
		p.back(r, returned)
	}()
	s.work(&r.worker)
	returned = true
}

// lend notes that a reader begins to work.
func (p *readers) lend(c *engine.Conn) *reader {
	shard := &p.shards[c.ID()[0]%byte(len(p.shards))] // session IDs are random
	shard.mu.Lock()
	var r *reader
	if n := len(shard.spare); n > 0 {
		r = shard.spare[n-1]
		shard.spare = shard.spare[:n-1]
	} else {
		r = &reader{shard: shard}
	}
	r.conn, r.since, r.at = c, p.ticks.Load(), len(shard.lent)
	shard.lent = append(shard.lent, r)
	shard.busy++
	shard.mu.Unlock()
	if !p.watching.Load() {
		p.watch()
	}
	return r
}

// back notes that a reader has done its work, and that r may be used again.
func (p *readers) back(r *reader, reuse bool) {
	shard := r.shard
	shard.mu.Lock()
	shard.forget(r)
	shard.busy--
	closing := shard.closing
	r.conn = nil
	if reuse && len(shard.spare) < maxSpareReaders {
		shard.spare = append(shard.spare, r)
	}
	shard.mu.Unlock()
	if closing {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.signal()
	}
}

// forget takes a reader off the list of those that are due back. mu is held.
func (s *readerShard) forget(r *reader) {
	if r.at < 0 {
		return
	}
	last := len(s.lent) - 1
	s.lent[r.at] = s.lent[last]
	s.lent[r.at].at = r.at
	s.lent[last] = nil
	s.lent = s.lent[:last]
	r.at = -1
}

const (
	// A reader that has not come back after two of these at most is replaced.
	watchInterval = 10 * time.Millisecond
	// The timer goes on for so many ticks without readers, which saves setting it.
	watchTicks = 16
)

// watch sets the timer behind a reader that is lent.
func (p *readers) watch() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.watching.Load() {
		return
	}
	p.unused = 0
	p.watching.Store(true)
	if p.timer == nil {
		p.timer = time.AfterFunc(watchInterval, p.look)
	} else {
		p.timer.Reset(watchInterval)
	}
}

// look replaces the readers that were lent too long ago.
func (p *readers) look() {
	p.mu.Lock()
	if p.unused++; p.unused >= watchTicks {
		// Before the shards are looked at: who is not seen there sees this.
		p.watching.Store(false)
	}
	now := p.ticks.Add(1)
	var late []*engine.Conn
	for i := range p.shards {
		shard := &p.shards[i]
		shard.mu.Lock()
		if len(shard.lent) > 0 {
			p.unused = 0
		}
		for i := len(shard.lent) - 1; i >= 0; i-- { // what is moved to i was looked at
			if r := shard.lent[i]; now-r.since > 1 {
				late = append(late, r.conn)
				shard.forget(r)
			}
		}
		shard.mu.Unlock()
	}
	if p.unused == 0 {
		p.watching.Store(true)
	}
	if p.watching.Load() {
		p.timer.Reset(watchInterval)
	}
	p.mu.Unlock()
	for _, c := range late {
		c.ReadOn()
	}
}

// close returns a channel that is closed when no reader is lent. The server's
// connections have ended.
func (p *readers) close() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range p.shards {
		shard := &p.shards[i]
		shard.mu.Lock()
		shard.closing, shard.spare = true, nil
		shard.mu.Unlock()
	}
	if p.quiet == nil {
		p.quiet = make(chan struct{})
	}
	quiet := p.quiet
	p.signal()
	return quiet
}

// signal tells whoever waits that no reader is lent. mu is held.
func (p *readers) signal() {
	if p.quiet == nil {
		return
	}
	for i := range p.shards {
		shard := &p.shards[i]
		shard.mu.Lock()
		busy := shard.busy > 0
		shard.mu.Unlock()
		if busy {
			return
		}
	}
	close(p.quiet)
	p.quiet = nil
}
