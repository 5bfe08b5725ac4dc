package dispatch

import (
	"sync"
	"sync/atomic"
	"time"
)

// A Lender is a connection whose reader is lent to a job. Nothing is read from the
// connection meanwhile, so a reader that does not return soon is replaced.
type Lender interface {
	// ReadOn starts another reader goroutine if the reader is still lent.
	ReadOn()
}

// Readers are the goroutines that read from connections and are currently lent to jobs.
// See docs/decisions/0009-reader-runs-handlers.md. The zero value is ready.
type Readers[S any] struct {
	shards [16]readerShard[S] // by connection

	watching atomic.Bool   // the timer is set
	ticks    atomic.Uint32 // of the timer

	mu     sync.Mutex // guards what follows; taken before a shard's
	timer  *time.Timer
	unused int           // ticks since a reader was lent
	quiet  chan struct{} // closed when no reader is lent; nil before Close
}

// readerShard is a part of the readers, to reduce contention between
// connections.
type readerShard[S any] struct {
	mu      sync.Mutex // guards what follows; nothing is taken under it
	busy    int
	lent    []*reader[S] // the readers that are expected back
	spare   []*reader[S] // to be used again
	closing bool         // Close may wait for the readers

	_ [56]byte // to the end of two cache lines
}

// A reader is a goroutine that is lent.
type reader[S any] struct {
	Worker[S]
	shard *readerShard[S]
	from  Lender
	since uint32 // ticks when it was lent
	at    int    // its index in lent, or -1 if it was replaced
}

// maxSpareReaders is how many readers a shard keeps for reuse.
const maxSpareReaders = 16

// Do runs j on the calling goroutine, which reads from a connection. number selects a
// shard; connections have random ones.
func (p *Readers[S]) Do(j Job[S], from Lender, number byte) {
	r := p.lend(from, number)
	returned := false
	defer func() {
		if !returned { // the job has ended the goroutine: runtime.Goexit
			r.Release()
			j.Resign()
		}
		p.back(r, returned)
	}()
	j.Work(&r.Worker)
	returned = true
}

// lend records that a reader is lent.
func (p *Readers[S]) lend(from Lender, number byte) *reader[S] {
	shard := &p.shards[number%byte(len(p.shards))]
	shard.mu.Lock()
	var r *reader[S]
	if n := len(shard.spare); n > 0 {
		r = shard.spare[n-1]
		shard.spare = shard.spare[:n-1]
	} else {
		r = &reader[S]{shard: shard}
	}
	r.from, r.since, r.at = from, p.ticks.Load(), len(shard.lent)
	shard.lent = append(shard.lent, r)
	shard.busy++
	shard.mu.Unlock()
	if !p.watching.Load() {
		p.watch()
	}
	return r
}

// back records that a reader has returned, and with reuse keeps r for reuse.
func (p *Readers[S]) back(r *reader[S], reuse bool) {
	shard := r.shard
	shard.mu.Lock()
	shard.forgetLocked(r)
	shard.busy--
	closing := shard.closing
	r.from = nil
	if reuse && len(shard.spare) < maxSpareReaders {
		shard.spare = append(shard.spare, r)
	}
	shard.mu.Unlock()
	if closing {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.signalLocked()
	}
}

// forgetLocked removes a reader from the list of lent readers.
func (s *readerShard[S]) forgetLocked(r *reader[S]) {
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

// Patience is how long a reader may be lent before it is replaced, at most: two ticks of
// the timer.
const Patience = 2 * watchInterval

const (
	// Short for a user whose messages are not read meanwhile, and long enough for
	// most handlers, which save a change of goroutines.
	watchInterval = 10 * time.Millisecond
	// The timer continues for this many ticks without lent readers, which saves setting
	// it again.
	watchTicks = 16
)

// watch starts the timer, if it does not run, after a reader was lent.
func (p *Readers[S]) watch() {
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

// look replaces readers that have been lent for too long.
func (p *Readers[S]) look() {
	p.mu.Lock()
	if p.unused++; p.unused >= watchTicks {
		// Clear watching before looking at the shards: a reader that look misses sees
		// that and starts the timer.
		p.watching.Store(false)
	}
	now := p.ticks.Add(1)
	var late []Lender
	for i := range p.shards {
		shard := &p.shards[i]
		shard.mu.Lock()
		if len(shard.lent) > 0 {
			p.unused = 0
		}
		for i := len(shard.lent) - 1; i >= 0; i-- { // the entry that is moved to i was checked already
			if r := shard.lent[i]; now-r.since > 1 {
				late = append(late, r.from)
				shard.forgetLocked(r)
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

// Close returns a channel that is closed when no reader is lent.
func (p *Readers[S]) Close() <-chan struct{} {
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
	p.signalLocked()
	return quiet
}

// signalLocked closes the channel that Close returned if no reader is lent.
func (p *Readers[S]) signalLocked() {
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
