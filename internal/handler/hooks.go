package handler

import (
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// Hooks is a list of registered functions that is read without a lock.
type Hooks[F any] struct {
	mu   sync.Mutex // guards changes
	list atomic.Pointer[[]*F]
}

// Add inserts f first or appends it. The returned function removes it. If f is
// nil, Add panics with the name of the exported method that was called, so that
// the mistake shows at registration.
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

// caller returns the name of the exported method that called Add, such as "socketio:
// OnConnect".
func caller() string {
	var pc [1]uintptr
	runtime.Callers(3, pc[:]) // skip Callers, caller and Add
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
