package socketio

import (
	"context"
	"errors"
	"log/slog"
	"runtime/debug"

	"github.com/seed96b07ef8/socketio/internal/clip"
)

// report hands an error that has no caller to the error hooks. The socket is nil
// when none is concerned; told says that its own hooks were told.
func (n *Namespace) report(s *Socket, err error, told bool) {
	each(&n.registry, func(r *registry) *hooks[func(*Socket, error)] { return &r.failed }, func(f func(*Socket, error)) bool {
		n.callErrorHook(s, func() { f(s, err) })
		told = true
		return true
	})
	if f := n.server.opts.OnError; f != nil {
		n.callErrorHook(s, func() { f(s, err) })
		return
	}
	if _, panicked := errors.AsType[*PanicError](err); told || panicked { // which panicked has logged
		return
	}
	level := slog.LevelWarn
	if s != nil && s.wasCutShort(err) {
		level = slog.LevelDebug
	}
	n.server.opts.Logger.Log(context.Background(), level, "socketio: handler failed",
		"sid", idOf(s), "nsp", clip.Text(n.name, clip.Quote), "error", clip.Log(err))
}

// wasCutShort reports whether a handler has failed with err because its socket ended: it
// returned what its context, or an operation on the socket, told it.
func (s *Socket) wasCutShort(err error) bool {
	gone := s.err()
	return gone != nil && (errors.Is(err, context.Canceled) || errors.Is(err, gone))
}

// callErrorHook calls a function for errors. If it panics, the socket ends as after
// other panics, but that is logged and not reported, which would call it again.
func (n *Namespace) callErrorHook(s *Socket, f func()) {
	if n.protect(idOf(s), "error", func() error { f(); return nil }) != nil && s != nil {
		s.Disconnect()
	}
}

// idOf returns the ID of a socket, which may be nil.
func idOf(s *Socket) string {
	if s == nil {
		return ""
	}
	return s.id
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
