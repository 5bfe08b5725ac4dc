package handler

import (
	"maps"
	"slices"
	"sync"
	"sync/atomic"
)

// A Listener is a registered handler.
type Listener[S any] struct {
	// Order is the number of the registration, by which lists are merged.
	Order uint64
	// Call calls the handler.
	Call func(*Call[S]) error

	once func() bool // of a listener for one event: removes it and returns true the first time
}

// Handle calls the handler and answers with an [Acknowledgement] that it returns.
func (l *Listener[S]) Handle(c *Call[S]) error { return c.Settle(l.Call(c)) }

// Due reports whether the listener must be called for an event. A listener for
// a single event is due only once.
func (l *Listener[S]) Due() bool { return l.once == nil || l.once() }

// Listeners are handlers by event. They are read without a lock and copied when
// they change.
type Listeners[S any] struct {
	mu      sync.Mutex // guards changes
	byEvent atomic.Pointer[map[string][]*Listener[S]]
}

// Empty reports whether there are no listeners.
func (ls *Listeners[S]) Empty() bool {
	m := ls.byEvent.Load()
	return m == nil || len(*m) == 0
}

// Of returns the listeners of an event, oldest first.
func (ls *Listeners[S]) Of(event string) []*Listener[S] {
	if m := ls.byEvent.Load(); m != nil {
		return (*m)[event]
	}
	return nil
}

// Add appends a listener. The returned function removes it.
func (ls *Listeners[S]) Add(event string, l *Listener[S]) (off func()) {
	ls.change(event, func(list []*Listener[S]) []*Listener[S] { return append(list, l) })
	return func() { ls.remove(event, l) }
}

func (ls *Listeners[S]) remove(event string, l *Listener[S]) {
	ls.change(event, func(list []*Listener[S]) []*Listener[S] {
		return slices.DeleteFunc(list, func(other *Listener[S]) bool { return other == l })
	})
}

// AddOnce is Add for a listener that is called once.
func (ls *Listeners[S]) AddOnce(event string, l *Listener[S]) (off func()) {
	var called atomic.Bool
	l.once = func() bool {
		if called.Swap(true) {
			return false
		}
		ls.remove(event, l)
		return true
	}
	return ls.Add(event, l)
}

// change replaces the listeners of an event by the result of f for a copy of
// them.
func (ls *Listeners[S]) change(event string, f func([]*Listener[S]) []*Listener[S]) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	m := make(map[string][]*Listener[S])
	if old := ls.byEvent.Load(); old != nil {
		maps.Copy(m, *old)
	}
	m[event] = f(slices.Clone(m[event]))
	if len(m[event]) == 0 {
		delete(m, event)
	}
	ls.byEvent.Store(&m)
}

// InOrder merges two lists by order of registration.
func InOrder[S any](a, b []*Listener[S]) []*Listener[S] {
	if len(a) == 0 {
		return b
	}
	if len(b) == 0 {
		return a
	}
	all := slices.Concat(a, b)
	slices.SortFunc(all, func(x, y *Listener[S]) int {
		if x.Order < y.Order {
			return -1
		}
		return 1
	})
	return all
}
