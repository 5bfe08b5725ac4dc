package handler

import (
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// Hooks is a list of functions that is read without a lock.
type Hooks[F any] struct {
	mu   sync.Mutex // guards changes
	list atomic.Pointer[[]*F]
}

// Add adds f in front of, or behind, what there is. The returned function removes
// it. A nil function panics here, with the name of the method that was called to
// register it, and not when it is due.
func (h *Hooks[F]) Add(f F, first bool) (off func()) {
	if reflect.ValueOf(f).IsNil() {
		panic(caller() + ": the function is nil")
	}
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

// caller names the function that has called the caller of caller: "socketio: OnConnect"
// for a method of that name.
func caller() string {
	var pc [1]uintptr
	runtime.Callers(3, pc[:]) // without Callers, caller and Add
	frame, _ := runtime.CallersFrames(pc[:]).Next()
	name := frame.Function[strings.LastIndexByte(frame.Function, '/')+1:]
	pkg, _, _ := strings.Cut(name, ".")
	return pkg + ": " + name[strings.LastIndexByte(name, '.')+1:]
}

// Load returns the functions, in order.
func (h *Hooks[F]) Load() []*F {
	if list := h.list.Load(); list != nil {
		return *list
	}
	return nil
}
