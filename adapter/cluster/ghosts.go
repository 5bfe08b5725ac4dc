package cluster

import (
	"sync"
	"time"
)

// ghosts records how many nodes that the bus counts do not answer: connections that the bus has not
// noticed to be gone, or programs that only listen. The first request waits for them until its
// deadline. For a while, others wait for a short time only.
type ghosts struct {
	mu    sync.Mutex
	count int
	until time.Time
}

const (
	ghostTime = time.Minute
	ghostWait = 500 * time.Millisecond
)

// expected returns the number of nodes that probably do not answer.
func (g *ghosts) expected(now time.Time) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !now.Before(g.until) {
		return 0
	}
	return g.count
}

// note notes how many nodes have not answered a request.
func (g *ghosts) note(count int, now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.count, g.until = count, now.Add(ghostTime)
}
