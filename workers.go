package socketio

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/seed96b07ef8/socketio/engine"
)

// workers are the goroutines that run the handlers of a server's sockets, besides
// its [readers]. One exists for each socket that has something to do, and a few more
// wait for the next: a goroutine that has run handlers before has a stack of the right
// size, and growing a new one costs more than most handlers do.
type workers struct {
	mu     sync.Mutex // guards what follows; nothing is taken under it
	busy   int
	idle   []*worker // the one that became idle last is used first
	closed bool
	quiet  chan struct{} // closed when nobody is busy; nil while nobody waits for that
}

// The goroutines that may wait at once.
const maxIdleWorkers = 256

// A worker is one of the goroutines. It ends when it is one too many, or with the
// server.
type worker struct {
	pool *workers     // nil: it is a reader
	next chan *Socket // nil: end

	uncork *time.Timer // made when it is first needed
	corked atomic.Pointer[engine.Conn]

	task task        // what is being done
	call *invocation // of the event before; nil when there is none to use again
}

// invocation returns an empty invocation: that of the event before, unless its
// handler has got an ack function, which it may call at any time.
func (w *worker) invocation() *invocation {
	if w.call == nil || !w.call.Reset() {
		w.call = new(invocation)
	}
	return w.call
}

// forget lets go of the event before.
func (w *worker) forget() {
	w.task = task{}
	if w.call != nil && !w.call.Reset() {
		w.call = nil
	}
}

// run lets a worker work on the inbox of s.
func (p *workers) run(s *Socket) {
	p.mu.Lock()
	p.busy++
	n := len(p.idle)
	if n == 0 {
		p.mu.Unlock()
		w := &worker{pool: p, next: make(chan *Socket, 1)}
		go w.loop(s)
		return
	}
	w := p.idle[n-1]
	p.idle[n-1] = nil
	p.idle = p.idle[:n-1]
	p.mu.Unlock()
	w.next <- s
}

func (w *worker) loop(s *Socket) {
	defer func() {
		if s != nil { // a handler has ended the goroutine: runtime.Goexit
			w.release()
			s.resign()
			w.pool.rest(nil)
		}
	}()
	for s != nil {
		s.work(w)
		s = nil
		if w.pool.rest(w) {
			s = <-w.next
		}
	}
}

// begin notes that a goroutine which is not a worker does the server's work, until it
// calls rest with nil.
func (p *workers) begin() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.busy++
}

// rest notes that a worker has nothing to do. It returns false when it is not
// needed any more.
func (p *workers) rest(w *worker) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.busy--
	p.signal()
	if w == nil || p.closed || len(p.idle) >= maxIdleWorkers {
		return false
	}
	p.idle = append(p.idle, w)
	return true
}

// signal tells whoever waits that nobody is busy. mu is held.
func (p *workers) signal() {
	if p.busy == 0 && p.quiet != nil {
		close(p.quiet)
		p.quiet = nil
	}
}

// close ends the workers that wait and returns a channel that is closed when
// nobody is busy. Work that comes later is still done.
func (p *workers) close() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for _, w := range p.idle {
		w.next <- nil
	}
	p.idle = nil
	if p.quiet == nil {
		p.quiet = make(chan struct{})
	}
	quiet := p.quiet
	p.signal()
	return quiet
}

// Messages of handlers are held back while further events wait to be handled,
// so that they leave in one write, but no longer than this.
const corkTime = time.Millisecond

// cork holds back what is sent on c, until uncork.
func (w *worker) cork(c *engine.Conn) {
	c.Cork()
	w.corked.Store(c) // not before: the timer of an earlier batch may still come
	if w.uncork == nil {
		w.uncork = time.AfterFunc(corkTime, w.release)
	} else {
		w.uncork.Reset(corkTime)
	}
}

// release sends what was held back.
func (w *worker) release() {
	if c := w.corked.Swap(nil); c != nil {
		c.Uncork()
	}
}
