package handler

import (
	"slices"
	"sync"
	"sync/atomic"
)

// Hooks is a list of functions that is read without a lock.
type Hooks[F any] struct {
	mu   sync.Mutex // guards changes
	list atomic.Pointer[[]*F]
}

// Add adds f in front of, or behind, what there is. The returned function removes
// it.
func (h *Hooks[F]) Add(f F, first bool) (off func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	p := &f
	at := len(h.Load())
	if first {
		at = 0
	}
	list := slices.Insert(slices.Clone(h.Load()), at, p)
	h.list.Store(&list)
	return func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		rest := slices.DeleteFunc(slices.Clone(h.Load()), func(q *F) bool { return q == p })
		h.list.Store(&rest)
	}
}

// Load returns the functions, in order.
func (h *Hooks[F]) Load() []*F {
	if list := h.list.Load(); list != nil {
		return *list
	}
	return nil
}
