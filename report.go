package socketio

import (
	"runtime/debug"

	"github.com/seed96b07ef8/socketio/internal/clip"
)

// report hands an error that has no caller to the error hooks. The socket is nil
// when none is concerned; told says that its own hooks were told.
func (n *Namespace) report(s *Socket, err error, told bool) {
	each(&n.registry, func(r *registry) *hooks[func(*Socket, error)] { return &r.failed }, func(f func(*Socket, error)) bool {
		f(s, err)
		told = true
		return true
	})
	if f := n.server.opts.OnError; f != nil {
		f(s, err)
		return
	}
	if told {
		return
	}
	sid := ""
	if s != nil {
		sid = s.id
	}
	n.server.opts.Logger.Warn("socketio: handler failed", "sid", sid, "nsp", clip.Text(n.name, clip.Quote), "error", clip.Log(err))
}

// protect calls f and turns a panic into an error, so that it concerns one socket
// and no other.
func (n *Namespace) protect(sid, event string, f func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = n.panicked(v, sid, event)
		}
	}()
	return f()
}

// panicked logs a panic that was recovered and returns it as an error.
func (n *Namespace) panicked(v any, sid, event string) error {
	p := &PanicError{Value: v, Stack: debug.Stack()}
	n.server.opts.Logger.Error("socketio: panic in a handler",
		"sid", sid, "nsp", clip.Text(n.name, clip.Quote), "event", clip.Text(event, clip.Quote), "panic", clip.Panic(v), "stack", string(p.Stack))
	return p
}
