package dispatch

import "sync"

// Workers are the goroutines that run jobs, besides [Readers]. There is one for each
// job, and some idle ones: a goroutine that has run handlers before has a stack of the
// right size, and growing a new stack costs more than most handlers. The zero value is
// ready to use.
type Workers[S any] struct {
	mu     sync.Mutex // guards what follows; nothing is taken under it
	busy   int
	idle   []*pooled[S] // the last one is used first
	closed bool
	quiet  chan struct{} // closed when no worker is busy; nil before Close
}

// maxIdleWorkers bounds the number of idle workers.
const maxIdleWorkers = 256

// A Worker is a goroutine that works on a job: one of Workers, one of Readers, or one of
// the job's own, see [Go].
type Worker[S any] struct {
	Cork      // of what the job sends
	Scratch S // for the job's use
}

// A pooled worker ends when it is one too many, or after Close.
type pooled[S any] struct {
	Worker[S]
	next chan Job[S] // nil: end
}

// Run runs j on a worker.
func (p *Workers[S]) Run(j Job[S]) {
	p.mu.Lock()
	p.busy++
	n := len(p.idle)
	if n == 0 {
		p.mu.Unlock()
		w := &pooled[S]{next: make(chan Job[S], 1)}
		go p.loop(w, j) // ends after j, or as one of those that wait with Close
		return
	}
	w := p.idle[n-1]
	p.idle[n-1] = nil
	p.idle = p.idle[:n-1]
	p.mu.Unlock()
	w.next <- j
}

// Go has a goroutine of its own, which ends with j, work on it. Until j is done, or
// resigns, w is in use.
func Go[S any](w *Worker[S], j Job[S]) {
	go func() {
		returned := false
		defer func() {
			if !returned { // the job has ended the goroutine: runtime.Goexit
				w.Release()
				j.Resign()
			}
		}()
		j.Work(w)
		returned = true
	}()
}

func (p *Workers[S]) loop(w *pooled[S], j Job[S]) {
	defer func() {
		if j != nil { // the job has ended the goroutine: runtime.Goexit
			w.Release()
			j.Resign()
			p.End()
		}
	}()
	for j != nil {
		j.Work(&w.Worker)
		j = nil
		if p.rest(w) {
			j = <-w.next
		}
	}
}

// Begin makes Close also wait for a goroutine that is not a worker, until it calls End.
func (p *Workers[S]) Begin() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.busy++
}

// End ends the effect of Begin.
func (p *Workers[S]) End() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.endLocked()
}

func (p *Workers[S]) endLocked() {
	p.busy--
	p.signalLocked()
}

// rest records that a worker is idle. It returns false if the worker must end.
func (p *Workers[S]) rest(w *pooled[S]) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.endLocked()
	if p.closed || len(p.idle) >= maxIdleWorkers {
		return false
	}
	p.idle = append(p.idle, w)
	return true
}

// signalLocked closes the channel that Close returned if no worker is busy.
func (p *Workers[S]) signalLocked() {
	if p.busy == 0 && p.quiet != nil {
		close(p.quiet)
		p.quiet = nil
	}
}

// Close ends the workers that wait and returns a channel that is closed when none is
// busy. Jobs that come later are still done.
func (p *Workers[S]) Close() <-chan struct{} {
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
	p.signalLocked()
	return quiet
}
