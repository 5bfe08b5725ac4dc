package handler

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
)

// Surrounded is the handling of one event inside of middleware.
type Surrounded interface {
	// Call calls the middleware with the given number, from 0, or the handlers if there
	// is no such middleware.
	Call(ctx context.Context, i int, next func(context.Context) error) error
	// Panicked returns the error that a panic with v becomes for the middleware outside
	// of the function that panicked.
	Panicked(v any) error
}

// RunInside calls the handlers of s inside of n functions of middleware, of which number
// 0 is the outermost.
func RunInside(ctx context.Context, s Surrounded, n int) error { return runFrom(ctx, s, 0, n) }

// runFrom calls the middleware with number i, whose next is the rest.
func runFrom(ctx context.Context, s Surrounded, i, n int) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = s.Panicked(v)
		}
	}()
	if i == n {
		return s.Call(ctx, i, nil)
	}
	r := &rest{surrounded: s, i: i + 1, n: n}
	r.running.Add(1)
	defer r.end()
	return s.Call(ctx, i, r.call)
}

// A rest is what follows a function of middleware: the function's next.
type rest struct {
	surrounded Surrounded
	i, n       int            // as in runFrom
	called     atomic.Bool    // or too late to be called
	running    sync.WaitGroup // done when a call has returned
}

var errNext = errors.New("socketio: next was called a second time, or after its middleware had returned")

// call is the function next of middleware.
func (r *rest) call(ctx context.Context) error {
	if ctx == nil {
		panic("socketio: next was called with a nil context")
	}
	if r.called.Swap(true) {
		return errNext
	}
	defer r.running.Done()
	return runFrom(ctx, r.surrounded, r.i, r.n)
}

// end keeps next from being called from now on, and waits until a call has returned. The
// handlers use memory that the socket's next event uses, too.
func (r *rest) end() {
	if r.called.Swap(true) {
		r.running.Wait()
	}
}
