package engine

import (
	"sync"
	"sync/atomic"
)

// A group is a sync.WaitGroup that reports whether it is empty.
type group struct {
	wg sync.WaitGroup
	n  atomic.Int64 // decremented before wg
}

// Add adds n goroutines or calls, each of which must call Done.
func (g *group) Add(n int) {
	g.n.Add(int64(n))
	g.wg.Add(n)
}

// Done removes a goroutine or call that was added.
func (g *group) Done() {
	g.n.Add(-1)
	g.wg.Done()
}

// Go runs f on a goroutine of the group.
func (g *group) Go(f func()) {
	g.Add(1)
	go func() {
		defer g.Done()
		f()
	}()
}

// Wait waits until the group is empty.
func (g *group) Wait() { g.wg.Wait() }

// isEmpty reports whether Wait would return at once.
func (g *group) isEmpty() bool { return g.n.Load() == 0 }
