package cluster

import (
	"sync"
	"time"
)

// A window recognizes duplicates among numbered messages that may arrive out of order, as the
// anti-replay window of IPsec does (RFC 4303, 3.4.3). A message that is further behind the
// newest than windowSize is accepted: losing it would be worse than repeating it.
type window struct {
	mu   sync.Mutex
	last uint64
	seen [windowSize / 64]uint64 // a bit per number, at its remainder
}

const windowSize = 1024

// duplicate reports whether a number was passed to it before.
func (w *window) duplicate(number uint64) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case number > w.last:
		if number-w.last >= windowSize {
			clear(w.seen[:])
		} else {
			for n := w.last + 1; n < number; n++ {
				w.seen[n%windowSize/64] &^= 1 << (n % 64)
			}
		}
		w.last = number
	case w.last-number >= windowSize:
		return false
	case w.seen[number%windowSize/64]&(1<<(number%64)) != 0:
		return true
	}
	w.seen[number%windowSize/64] |= 1 << (number % 64)
	return false
}

// recent recognizes duplicates of requests that are not numbered: the last ringSize of them,
// for ringAge.
type recent struct {
	mu      sync.Mutex
	ring    [ringSize]recentRequest
	next    int // position of the oldest
	present map[requestKey]int
}

const (
	ringSize = 1024
	ringAge  = time.Minute
)

// A requestKey names a request. Both parts are bounded by their receiver.
type requestKey struct{ node, id string }

type recentRequest struct {
	key requestKey
	at  time.Time
}

// duplicate reports whether a request was passed to it before.
func (r *recent) duplicate(key requestKey, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if i, ok := r.present[key]; ok && now.Sub(r.ring[i].at) < ringAge {
		return true
	}
	if r.present == nil {
		r.present = make(map[requestKey]int)
	}
	old := &r.ring[r.next]
	if r.present[old.key] == r.next { // it may be at a newer place, too
		delete(r.present, old.key)
	}
	*old = recentRequest{key, now}
	r.present[key] = r.next
	r.next = (r.next + 1) % ringSize
	return false
}
