package socketio

import (
	"slices"
	"sync"
	"sync/atomic"
)

// A listener is a registered handler.
type listener struct {
	order uint64 // of registration, on the namespace or one of its sockets
	call  func(*invocation) error
	once  func() bool // of a listener for one event: takes it out, true the first time
}

// listeners are handlers by event. They are read without a lock and copied when
// they change.
type listeners struct {
	mu      sync.Mutex // guards changes
	byEvent atomic.Pointer[map[string][]*listener]
}

// of returns the listeners of an event, oldest first.
func (ls *listeners) of(event string) []*listener {
	if m := ls.byEvent.Load(); m != nil {
		return (*m)[event]
	}
	return nil
}

func (ls *listeners) add(event string, l *listener) (off func()) {
	ls.change(event, func(list []*listener) []*listener { return append(list, l) })
	return func() { ls.remove(event, l) }
}

func (ls *listeners) remove(event string, l *listener) {
	ls.change(event, func(list []*listener) []*listener {
		return slices.DeleteFunc(list, func(other *listener) bool { return other == l })
	})
}

// addOnce is add for a listener that is called once.
func (ls *listeners) addOnce(event string, l *listener) (off func()) {
	var called atomic.Bool
	l.once = func() bool {
		if called.Swap(true) {
			return false
		}
		ls.remove(event, l)
		return true
	}
	return ls.add(event, l)
}

// change replaces the listeners of an event by what f makes of a copy of them.
func (ls *listeners) change(event string, f func([]*listener) []*listener) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	m := make(map[string][]*listener)
	if old := ls.byEvent.Load(); old != nil {
		for e, list := range *old {
			m[e] = list
		}
	}
	m[event] = f(slices.Clone(m[event]))
	if len(m[event]) == 0 {
		delete(m, event)
	}
	ls.byEvent.Store(&m)
}

// inOrder merges two lists by order of registration.
func inOrder(a, b []*listener) []*listener {
	if len(a) == 0 {
		return b
	}
	if len(b) == 0 {
		return a
	}
	all := slices.Concat(a, b)
	slices.SortFunc(all, func(x, y *listener) int {
		if x.order < y.order {
			return -1
		}
		return 1
	})
	return all
}
