package socketio

import (
	"context"
	"errors"
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/seed96b07ef8/socketio/internal/clip"
	"github.com/seed96b07ef8/socketio/internal/handler"
	"github.com/seed96b07ef8/socketio/parser"
)

// run acts on a notice, or handles the event in t. What the application has registered
// is protected where the outcome matters; this is for the rest, such as Hooks.
func (s *Socket) run(n notice, t *task, w *worker) {
	defer func() {
		if v := recover(); v != nil {
			_ = s.nsp.panicked(v, s.id, "") // which logs it
			s.Disconnect()
		}
	}()
	switch n {
	case 0:
		s.handleTask(t, w)
	case noticeConnect:
		s.connect()
	case noticeDrained:
		s.drained()
	case noticeDropped:
		s.dropped()
	case noticeDepart:
		defer s.depart()
		s.conn.left(s)
	default:
		if !s.replaced {
			s.leave(n)
		}
	}
}

func (s *Socket) handleTask(t *task, w *worker) {
	observe := s.hooks().EventHandled
	if observe == nil {
		s.handle(t.event, w)
		return
	}
	begin, event := clock(), t.event.Event
	s.handle(t.event, w)
	observe(s, event, time.Duration(begin-t.at), time.Duration(clock()-begin))
}

var epoch = time.Now()

// clock is the time since the start of the program.
func clock() int64 { return int64(time.Since(epoch)) }

// handle calls the handlers of an event.
func (s *Socket) handle(p *parser.Packet, w *worker) {
	if list := s.nsp.around(); len(list) > 0 {
		s.handleInside(list, p, w)
		return
	}
	observed := s.registered().seesAll() || s.nsp.seesAll()
	if observed {
		if err := s.pass(nil, p); err != nil {
			in := w.Scratch.invocation()
			s.prepare(in, p)
			s.settle(in, p.Event, err)
			return
		}
	}
	list := s.handlersOf(p.Event)
	if len(list) == 0 {
		if p.HasID {
			s.nsp.server.unanswered.report(s, p.Event, noHandler)
		}
		return
	}
	in := w.Scratch.invocation()
	s.prepare(in, p)
	in.Last = !observed && len(list) == 1
	failed := false
	for _, l := range list {
		if !l.Due() {
			continue
		}
		if err := s.nsp.call(l, in, p.Event); err != nil {
			if _, panicked := err.(*PanicError); panicked {
				defer s.Disconnect() // whatever the error hooks do
				s.report(&EventError{Namespace: s.nsp.name, Event: p.Event, Err: err})
				return
			}
			s.report(&EventError{Namespace: s.nsp.name, Event: p.Event, Err: err})
			failed = true
		}
	}
	if p.HasID && !failed && in.Unanswered() {
		s.nsp.server.unanswered.report(s, p.Event, noResult)
	}
	if in.Released {
		p.Release()
	}
}

// handlersOf returns the handlers of an event, in order of registration.
func (s *Socket) handlersOf(event string) []*listener {
	list := s.nsp.listeners.of(event)
	if extra := s.registered(); extra != nil {
		list = handler.InOrder(list, extra.listeners.Of(event))
	}
	return list
}

// prepare fills in what handlers of an event get.
func (s *Socket) prepare(in *invocation, p *parser.Packet) {
	in.Socket, in.Owner, in.Args, in.Wanted, in.ID = s, owner{s}, p.Args, p.HasID, p.ID
}

// call calls a listener and turns a panic into an error.
func (n *Namespace) call(l *listener, in *invocation, event string) (err error) {
	defer func() {
		if v := recover(); v != nil {
			sid := ""
			if in.Socket != nil {
				sid = in.Socket.id
			}
			err = n.panicked(v, sid, event)
		}
	}()
	return l.Handle(in)
}

// pass calls the OnAny functions and the packet middleware for an event. An error keeps
// the event from its handlers. Without in, which is that of handler middleware, packet
// middleware gets the socket's context; a socket that has only OnAny does not make one.
func (s *Socket) pass(in *invocation, p *parser.Packet) error {
	return s.nsp.protect(s.id, p.Event, func() (err error) {
		extra := s.registered()
		for f := range s.nsp.incoming.all() {
			f(s, p.Event, p.Args)
		}
		if extra != nil {
			for _, f := range extra.incoming.Load() {
				(*f)(p.Event, p.Args)
			}
		}
		for f := range s.nsp.packets.all() {
			if err := f(s.contextOf(in), s, p.Event, p.Args); err != nil {
				return err
			}
		}
		if extra == nil {
			return nil
		}
		for _, f := range extra.packets.Load() {
			if err := (*f)(s.contextOf(in), p.Event, p.Args); err != nil {
				return err
			}
		}
		return nil
	})
}

// contextOf returns the context of an event that handler middleware surrounds, or the
// socket's context if in is nil.
func (s *Socket) contextOf(in *invocation) context.Context {
	if in != nil {
		return in.Ctx
	}
	return s.Context()
}

// seesAll reports whether something is registered that sees all events.
func (r *registry) seesAll() bool {
	return !r.incoming.isEmpty() || !r.packets.isEmpty()
}

// seesAll reports whether something is registered that sees all events.
func (e *socketExtra) seesAll() bool {
	return e != nil && (len(e.incoming.Load()) > 0 || len(e.packets.Load()) > 0)
}

// drained calls the functions of OnDrain.
func (s *Socket) drained() {
	for f := range s.nsp.drained.all() {
		if !s.callHook("drain", func() { f(s) }) {
			break
		}
	}
	if extra := s.registered(); extra != nil {
		for _, f := range extra.drained.Load() {
			s.callHook("drain", *f)
		}
	}
}

// dropped calls Hooks.Dropped.
func (s *Socket) dropped() {
	s.mu.Lock()
	lost := s.inbox.lost
	s.inbox.lost = 0
	s.mu.Unlock()
	s.hooks().Dropped(s.Conn(), lost)
}

// callHook calls one of the functions for connection and disconnection. It
// returns false when that panicked.
func (s *Socket) callHook(event string, f func()) bool {
	err := s.nsp.protect(s.id, event, func() error { f(); return nil })
	if err == nil {
		return true
	}
	defer s.Disconnect() // whatever the error hooks do
	s.report(&EventError{Namespace: s.nsp.name, Event: event, Err: err})
	return false
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

// report passes an error to the error hooks.
func (s *Socket) report(err error) {
	reported := false
	if extra := s.registered(); extra != nil {
		for _, f := range extra.failed.Load() {
			s.nsp.callErrorHook(s, func() { (*f)(err) })
			reported = true
		}
	}
	s.nsp.report(s, err, reported)
}

// report passes an error that has no caller to the error hooks. s is nil if the error
// concerns no socket. reported says that the socket's own hooks were called.
func (n *Namespace) report(s *Socket, err error, reported bool) {
	for f := range n.failed.all() {
		n.callErrorHook(s, func() { f(s, err) })
		reported = true
	}
	if f := n.server.opts.OnError; f != nil {
		n.callErrorHook(s, func() { f(s, err) })
		return
	}
	if _, panicked := errors.AsType[*PanicError](err); reported || panicked { // which panicked has logged
		return
	}
	level := slog.LevelWarn
	if s != nil && s.wasCutShort(err) {
		level = slog.LevelDebug
	}
	n.server.opts.Logger.Log(context.Background(), level, "socketio: handling an event failed",
		"sid", idOf(s), "nsp", clip.Text(n.name, clip.Quote), "error", clip.Log(err))
}

// wasCutShort reports whether a handler failed with err because its socket ended: it
// returned the error of its context, or of an operation on the socket.
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
