package client

import (
	"context"
	"errors"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/seed96b07ef8/socketio/engine"
	"github.com/seed96b07ef8/socketio/internal/clip"
	"github.com/seed96b07ef8/socketio/internal/handler"
	"github.com/seed96b07ef8/socketio/internal/offset"
	"github.com/seed96b07ef8/socketio/internal/seam"
	"github.com/seed96b07ef8/socketio/parser"
)

// received takes an event of the server. Before the socket is connected events are
// kept, so that their handlers find it connected; when they are too many for that, those
// that have come are handled.
func (s *Socket) received(c *conn, p *parser.Packet, size int) {
	o := s.manager.opts
	s.mu.Lock()
	l := s.onLocked(c)
	if l == nil || !l.joined && s.beforeLocked(l) {
		s.mu.Unlock()
		return
	}
	t := task{event: p, life: l, size: size}
	if l.joined {
		s.mu.Unlock()
		s.take(t)
		return
	}
	// They will get into the inbox whatever there is then, so there must be room.
	events, bytes := s.inbox.load()
	if fits(events+len(l.early), bytes+l.earlyBytes, size, o.InboxEvents, o.InboxBytes) {
		l.early = append(l.early, t)
		l.earlyBytes += size
		s.mu.Unlock()
		return
	}
	early := l.early
	l.early, l.earlyBytes = nil, 0
	s.mu.Unlock()
	for _, t := range early {
		s.take(t)
	}
	s.take(t)
}

// beforeLocked reports whether what the server sends now cannot be about this life, whose
// request to join it does not have yet. It is about an earlier one, which has left. Over
// polling, a response that the server began before may still arrive after the request was
// sent; its events look like early ones of this life.
func (s *Socket) beforeLocked(l *life) bool {
	return s.asked != l || l.conn.engine.Internal(seam.Key{}).Queued(l.request)
}

// take puts an event into the inbox, waiting for room: that is how a server which
// sends too much is held back. An event of a life that is over is dropped: it is
// neither handled, which would be after OnDisconnect, nor is its offset noted.
func (s *Socket) take(t task) {
	for {
		full := s.tryTake(t)
		if full == nil {
			return
		}
		select {
		case <-full:
		case <-t.life.ctx.Done():
			return
		}
	}
}

// tryTake is take without the waiting. It returns a channel that is closed when it
// should be tried again.
func (s *Socket) tryTake(t task) (full <-chan struct{}) {
	o := s.manager.opts
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.life != t.life {
		return nil
	}
	if full = s.inbox.enqueue(t, o.InboxEvents, o.InboxBytes); full == nil {
		s.noteOffsetLocked(t.event)
	}
	return full
}

// noteOffsetLocked remembers the offset that a server with recovery appends to
// events which want no acknowledgement (Socket.IO protocol v5, "Connection state
// recovery"). Volatile events have none, and look alike: a text that is not
// like the offsets of any adapter does not replace one that is.
func (s *Socket) noteOffsetLocked(p *parser.Packet) {
	last := p.Args.Len() - 1
	if s.pid == "" || p.HasID || last < 0 || len(p.Args.Raw(last)) > offset.Max {
		return
	}
	text := textAt(p.Args, last)
	if text == "" {
		return
	}
	if now := time.Now(); offset.Known(text, now) || !offset.Known(s.offset, now) {
		s.offset = text
	}
}

// textAt returns an argument that is a text, and "" for others. It is called with locks
// held, and the codec may be the application's, so an argument of which that panics is
// not a text.
func textAt(args Args, i int) (text string) {
	defer func() {
		if recover() != nil {
			text = ""
		}
	}()
	if args.DecodeAt(i, &text) != nil {
		return ""
	}
	return text
}

// do does what is in the inbox.
func (s *Socket) do(t task, more bool) {
	switch {
	case t.do != nil:
		t.do()
	case t.life.visit == s.visits.Load():
		if more {
			s.inbox.worker.Hold(t.life.conn.engine)
		}
		s.handle(t.event, t.life)
	}
	if !more {
		s.inbox.worker.Release()
	}
}

// handle calls the handlers of an event.
func (s *Socket) handle(p *parser.Packet, l *life) {
	if list := s.around(); len(list) > 0 {
		s.handleInside(list, p, l)
		return
	}
	incoming := s.incoming.Load()
	for _, f := range incoming {
		s.try(p.Event, func() error { (*f)(p.Event, p.Args); return nil })
	}
	list := s.listeners.Of(p.Event)
	if len(list) == 0 {
		return
	}
	call := newCall(p, l)
	call.Last = len(incoming) == 0 && len(list) == 1
	for _, listener := range list {
		if listener.Due() {
			s.try(p.Event, func() error { return listener.Handle(call) })
		}
	}
}

// newCall returns what the handlers of an event get.
func newCall(p *parser.Packet, l *life) *handler.Call[*Socket] {
	return &handler.Call[*Socket]{Socket: l.socket, Owner: l, Args: p.Args, Wanted: p.HasID, ID: p.ID}
}

// each calls call for each function of a list, also after one that ends its
// goroutine with runtime.Goexit: deferred calls still run then.
func each[F any](list []*F, call func(F)) {
	if len(list) > 0 {
		defer each(list[1:], call)
		call(*list[0])
	}
}

// notify has call called for each function of a list, in order with the events. waiting
// counts the notices that have not reached the functions.
func notify[F any](s *Socket, waiting *atomic.Int32, list *handler.Hooks[F], event string, call func(F)) {
	if len(list.Load()) == 0 {
		return
	}
	waiting.Add(1)
	s.inbox.push(func() {
		waiting.Add(-1)
		callEach(s, list, event, call)
	})
}

// callEach calls call for each function of a list, and reports their panics.
func callEach[F any](s *Socket, list *handler.Hooks[F], event string, call func(F)) {
	each(list.Load(), func(f F) { s.try(event, func() error { call(f); return nil }) })
}

// notifyConnectedLocked has the functions of OnConnect called. A connection that comes
// and goes must not fill the inbox of a socket whose handler blocks. So when too many
// notices wait, there is one more for the connection that the functions find then, and
// those that have ended by then are left out.
func (s *Socket) notifyConnectedLocked() {
	switch {
	case s.behind:
	case s.notices.Load() >= maxPendingHooks:
		s.behind = true
		s.inbox.push(s.catchUp)
	default:
		s.life.announced = true
		notify(s, &s.notices, &s.connected, "connect", func(f func()) { f() })
	}
}

// catchUp calls the functions of OnConnect for a connection that was left out until now.
func (s *Socket) catchUp() {
	s.mu.Lock()
	s.behind = false
	l := s.life
	due := l != nil && l.joined && !l.announced
	if due {
		l.announced = true
	}
	s.mu.Unlock()
	if due {
		callEach(s, &s.connected, "connect", func(f func()) { f() })
	}
}

// notifyRefusedLocked has the functions of OnConnectError called. A server that is away
// for days, or a program that calls Connect in a loop, must not fill the inbox of a socket
// whose handler blocks. So when too many errors wait, one that others follow is left out;
// the last one before the socket became inactive is not.
func (s *Socket) notifyRefusedLocked(err error) {
	switch {
	case s.refusals.Load() < maxPendingHooks:
		s.refusal = nil // it is followed by this one
		notify(s, &s.refusals, &s.refused, "connect_error", func(f func(error)) { f(err) })
	case s.active:
	default:
		s.refusal = err
		if !s.refusalDue {
			s.refusalDue = true
			s.inbox.push(s.catchUpRefusal)
		}
	}
}

// catchUpRefusal calls the functions of OnConnectError for the last error that was left
// out, unless others have followed it.
func (s *Socket) catchUpRefusal() {
	s.mu.Lock()
	err := s.refusal
	s.refusal, s.refusalDue = nil, false
	s.mu.Unlock()
	if err != nil {
		callEach(s, &s.refused, "connect_error", func(f func(error)) { f(err) })
	}
}

// try calls a function of the application and reports its error or panic.
func (s *Socket) try(event string, f func() error) {
	if err := s.protect(event, f); err != nil {
		s.report(&EventError{Namespace: s.namespace, Event: event, Err: err})
	}
}

// protect calls f and turns a panic into an error.
func (s *Socket) protect(event string, f func() error) (err error) {
	if panicked := s.manager.protect(s.namespace, event, func() { err = f() }); panicked != nil {
		return panicked
	}
	return err
}

// report hands an error to the error hooks.
func (s *Socket) report(err error) {
	list := s.failed.Load()
	for _, f := range list {
		_ = s.manager.protect(s.namespace, "error", func() { (*f)(err) }) // which logs it
	}
	if len(list) == 0 {
		s.manager.opts.Logger.Warn("client: handler failed", "nsp", s.namespace, "error", clip.Log(err))
	}
}

// reportLater is report for callers that hold a lock. Errors must not fill the inbox of a
// socket whose handler blocks, so when as many wait as the buffer may have events, further
// ones are only counted.
func (s *Socket) reportLater(err error) {
	if int(s.reports.Add(1)) > s.manager.opts.BufferMessages {
		s.reports.Add(-1)
		s.unreported.Add(1)
		return
	}
	s.inbox.push(func() {
		s.reports.Add(-1)
		if n := s.unreported.Swap(0); n > 0 {
			s.manager.opts.Logger.Warn("client: errors were left out because a handler blocked", "nsp", s.namespace, "errors", n)
		}
		s.report(err)
	})
}

// Context implements [handler.Owner].
func (l *life) Context() context.Context { return l.ctx }

// Report implements [handler.Owner].
func (l *life) Report(err error) { l.socket.report(err) }

// Answer implements [handler.Owner]. A server that has left does not wait for an
// answer. Others do, perhaps without a deadline, so that no overflow policy drops it.
func (l *life) Answer(id uint64, args []any) error {
	s := l.socket
	msg, err := s.encode(parser.Header{Type: parser.Ack, ID: id, HasID: true}, "", args)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.life != l:
		return nil
	case l.joined:
		e := l.conn.engine
		if err = e.Send(msg, engine.Control); errors.Is(err, engine.ErrOutboxFull) {
			err = s.fullError(e, msg)
		}
	default:
		err = l.holdLocked(msg)
	}
	if errors.Is(err, engine.ErrClosed) {
		return nil
	}
	return err
}

// holdLocked keeps an answer until the server lets the socket in, which it may put off
// for as long as it likes. All answers together have the room that those of a connected
// socket have.
func (l *life) holdLocked(msg *engine.Message) error {
	o := l.socket.manager.opts
	_, bytes := o.outbox()
	switch {
	case len(l.held) >= o.InboxEvents:
		return &LimitError{Option: "InboxEvents", Max: o.InboxEvents}
	case len(l.held) > 0 && l.heldBytes+msg.Len() > bytes:
		return &LimitError{Option: "Engine.OutboxBytes", Max: bytes, Err: engine.ErrOutboxFull}
	}
	l.held = append(l.held, msg)
	l.heldBytes += msg.Len()
	return nil
}

// encodeLocked is encode for packets of the client's own, which are encoded with locks
// held. The codec may be the application's, so its panic becomes an error.
func (s *Socket) encodeLocked(h parser.Header, args []any) (msg *engine.Message, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &PanicError{Value: v, Stack: debug.Stack()}
		}
	}()
	return s.encode(h, "", args)
}

// encode makes the message of a packet of the socket.
func (s *Socket) encode(h parser.Header, event string, args []any) (*engine.Message, error) {
	h.Namespace = s.namespace
	o := s.manager.opts
	data, attachments, err := o.Codec.Append(make([]byte, 0, 256), h, event, args)
	switch {
	case err != nil:
		return nil, err
	case len(attachments) > o.Limits.MaxAttachments:
		return nil, &LimitError{Option: "Limits.MaxAttachments", Max: o.Limits.MaxAttachments}
	case o.Codec.Binary():
		return engine.NewBinaryMessage(data), nil
	default:
		return engine.NewTextMessage(data, attachments...), nil
	}
}
