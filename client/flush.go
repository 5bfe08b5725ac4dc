package client

import (
	"context"
	"errors"
	"slices"

	"github.com/seed96b07ef8/socketio/engine"
	"github.com/seed96b07ef8/socketio/internal/ctxerr"
	"github.com/seed96b07ef8/socketio/internal/errtext"
)

// ErrDropped is matched (errors.Is) by the error of EmitWithAck for a volatile event that was dropped because
// what was sent before has not left yet. The event has no answer.
var ErrDropped = errors.New("client: volatile event dropped: the connection is busy")

// EmitWait is like [Socket.EmitWait].
func (e Emitter) EmitWait(ctx context.Context, event string, args ...any) error {
	return e.socket.emitFailed(event, e.emitWait(ctx, event, args))
}

// emitWait is EmitWait, whose errors do not name the event yet.
func (e Emitter) emitWait(ctx context.Context, event string, args []any) error {
	if err := ctxerr.Of(ctx); err != nil {
		return err // nothing is sent
	}
	out, err := e.prepare(event, args, nil)
	if err != nil {
		return err
	}
	s := e.socket
	out.waits = true
	for {
		full, err := s.submit(out)
		if full == nil {
			return err
		}
		s.corker.release() // called by a handler, what is before may be held back
		select {
		case <-full:
		case <-ctx.Done():
			return errtext.Join(": ", ctxerr.Of(ctx), err) // and why there was no room
		}
	}
}

// EmitWait is like Emit, but waits for room where Emit returns a [*LimitError]: until
// the server has read enough of what was emitted before, or, while the socket is not
// connected, until the buffer has room. [Options.Overflow] and that of the connection
// do not apply to it. It returns an error that matches ctx's and its cause when ctx
// ends first; the event is not sent then. That the event was queued does not mean that
// the server has received it. It may be called in a handler.
func (s *Socket) EmitWait(ctx context.Context, event string, args ...any) error {
	return s.emitter().EmitWait(ctx, event, args...)
}

// Flush waits until the server has read what was emitted before: what waits for the
// connection, and with [Options.Retries] for its acknowledgement, included. It returns
// nil at once when there is nothing of that. That the server has read an event does not
// mean that its handler is done; use EmitWithAck to know. It may be called in a handler.
//
// Flush returns a [*LossError], when the rest was read, if events may be lost that were
// emitted since the last Flush: their connection ended before the server had said that
// it read them, even if the socket has another connection by now or has recovered its
// session, or OnError was called for them. The next call does not return that loss
// again. Disconnect ends a connection, too; use Shutdown instead. Volatile events, those
// that the overflow policy has dropped, and those with EmitWithAck, whose callers get
// the error, do not count.
//
// Flush returns a [*DisconnectError] when events wait and the socket is not active, or
// when the connection is lost meanwhile, and an error that matches ctx's and its cause
// when ctx ends first. errors.As finds the DisconnectError of a LossError, too.
func (s *Socket) Flush(ctx context.Context) error {
	if s.err != nil {
		return s.err
	}
	s.corker.release() // called by a handler, what was emitted may be held back
	return errtext.Prefix("client: flushing "+s.namespace, s.flush(ctx))
}

func (s *Socket) flush(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	told := s.ledger.told
	e, err := s.emptyLocked(ctx)
	if err != nil {
		return err
	}
	if e != nil {
		sent := s.ledger.sent
		s.mu.Unlock()
		err = e.Flush(ctx)
		s.mu.Lock()
		s.flushedLocked(e, sent, err)
	}
	if err != nil && !errors.Is(err, engine.ErrClosed) {
		return ctxerr.Of(ctx)
	}
	if loss := s.tellLocked(told); loss != nil || err == nil {
		return loss
	}
	return s.endedLocked()
}

// endedLocked returns why the socket is not connected, or is about not to be.
func (s *Socket) endedLocked() error {
	if s.life == nil {
		return s.end
	}
	return &DisconnectError{Reason: TransportClose, Err: engine.ErrClosed}
}

// emptyLocked waits until the connection has taken what waits for it now. It returns
// that connection, or nil when there is none and nothing waits.
func (s *Socket) emptyLocked(ctx context.Context) (*engine.Client, error) {
	if s.discarded != nil {
		return nil, s.discarded
	}
	var last []*outgoing
	for _, waiting := range [][]*outgoing{s.buffer, s.queue} {
		if n := len(waiting); n > 0 {
			last = append(last, waiting[n-1])
		}
	}
	for _, out := range last {
		for out.waiting() {
			if err := s.waitLocked(ctx); err != nil {
				return nil, err
			}
		}
	}
	if !s.connectedLocked() {
		return nil, nil
	}
	return s.life.conn.engine, nil
}

// waitLocked waits until fewer events wait. It returns an error when ctx has ended, or
// when what waits is not sent any more.
func (s *Socket) waitLocked(ctx context.Context) error {
	if err := s.stuckLocked(); err != nil {
		return err
	}
	changed := s.changedLocked()
	s.mu.Unlock()
	var ended error
	select {
	case <-changed:
	case <-ctx.Done():
		ended = ctxerr.Of(ctx)
	}
	s.mu.Lock()
	if ended != nil {
		return ended
	}
	return s.stuckLocked()
}

// stuckLocked returns why what waits is not sent, or nil.
func (s *Socket) stuckLocked() error {
	switch {
	case s.discarded != nil:
		return s.discarded
	case !s.active:
		return s.end
	}
	return nil
}

// changedLocked returns a channel that is closed when fewer events wait than now, or
// the socket has become connected or inactive.
func (s *Socket) changedLocked() <-chan struct{} {
	if s.changed == nil {
		s.changed = make(chan struct{})
	}
	return s.changed
}

func (s *Socket) noteChangeLocked() {
	if s.changed != nil {
		close(s.changed)
		s.changed = nil
	}
}

// Shutdown disconnects the socket in an orderly way: it waits like Flush, then
// disconnects like Disconnect, and returns when the server has read that, or the
// connection, which no other socket uses, has ended. It does not wait for
// acknowledgements that EmitWithAck awaits. When ctx ends first, the socket is
// disconnected all the same, and the error matches ctx's and its cause. The error is a
// [*LossError] or a [*DisconnectError] when events may have been lost, or cannot be sent
// any more; see Flush.
func (s *Socket) Shutdown(ctx context.Context) error {
	err := s.Flush(ctx)
	e := s.leave()
	if e == nil || ctx.Err() != nil {
		return err
	}
	return errors.Join(err, gone(ctx, e))
}

// leave is Disconnect. It returns the connection over which the server learns it, or
// nil.
func (s *Socket) leave() (e *engine.Client) {
	m := s.manager
	m.mu.Lock()
	s.mu.Lock()
	if s.connectedLocked() {
		e = s.life.conn.engine
	}
	s.leaveLocked(&DisconnectError{Reason: ClientDisconnect})
	s.unlockAndSettle()
	return e
}

// gone waits until the server has read everything, or the connection has ended.
func gone(ctx context.Context, e *engine.Client) error {
	err := e.Flush(ctx)
	if errors.Is(err, engine.ErrClosed) {
		select {
		case <-e.Done():
			return nil
		case <-ctx.Done():
			return ctxerr.Of(ctx)
		}
	}
	if err != nil {
		return ctxerr.Of(ctx)
	}
	return nil
}

// Shutdown closes the Manager in an orderly way: it waits until the server has read
// what the sockets have emitted before, as [Socket.Flush] does, then disconnects them
// and closes the connection like Close, and returns when that has ended. Events that
// are emitted meanwhile may be lost. When ctx ends first, the Manager is closed all the
// same, and the error matches ctx's and its cause. The error is a [*LossError] or a
// [*DisconnectError] when events of a socket may have been lost, or cannot be sent any
// more; see [Socket.Flush]. It returns nil at once when the Manager was closed before.
func (m *Manager) Shutdown(ctx context.Context) error {
	m.mu.Lock()
	if m.done {
		m.mu.Unlock()
		return nil
	}
	sockets := slices.Collect(m.sockets.all())
	m.mu.Unlock()
	var errs []error
	for _, s := range sockets {
		if err := s.Flush(ctx); err != nil && s.err == nil {
			errs = append(errs, err)
			if ctx.Err() != nil {
				break // the others would fail alike
			}
		}
	}
	e := m.Engine()
	m.Close()
	if e != nil && ctx.Err() == nil {
		errs = append(errs, gone(ctx, e))
	}
	return errors.Join(errs...)
}

// OnDrain registers a function that is called when the connection has taken all events
// that had to wait, or after it had refused some, because the server did not read as
// fast as they were emitted. The functions are called in order with the handlers. The
// returned function removes it.
func (s *Socket) OnDrain(f func()) (off func()) { return s.drained.Add(f, false) }

// OnDrain is like [Socket.OnDrain] for all that is sent over the connection. The
// returned function removes the function.
func (m *Manager) OnDrain(f func()) (off func()) { return m.drained.Add(f, false) }

// OnDrain implements [engine.ClientDrainHandler]. It may be called with the locks of a
// socket held.
func (c *conn) OnDrain(*engine.Client) {
	if !c.m.drainDue.Swap(true) {
		c.m.inbox.push(c.m.tellDrained)
	}
}

// tellDrained calls the functions of OnDrain, or has them called.
func (m *Manager) tellDrained() {
	m.drainDue.Store(false)
	for _, f := range m.drained.Load() {
		_ = m.protect("", "drain", func() { (*f)() }) // which logs it
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for s := range m.active {
		s.mu.Lock()
		s.noteDrainedLocked()
		s.mu.Unlock()
	}
}

// noteDrainedLocked has the functions of OnDrain called if nothing waits.
func (s *Socket) noteDrainedLocked() {
	if !s.connectedLocked() || len(s.buffer) > 0 || len(s.drained.Load()) == 0 || s.drainDue.Swap(true) {
		return
	}
	s.inbox.push(func() {
		s.drainDue.Store(false)
		for _, f := range s.drained.Load() {
			s.try("drain", func() error { (*f)(); return nil })
		}
	})
}

// fullError says that the connection has no room for an event.
func (s *Socket) fullError(e *engine.Client, out *outgoing) error {
	messages, bytes := s.manager.opts.outbox()
	if e.Buffered()+out.message.Len() > bytes {
		return &LimitError{Option: "Engine.OutboxBytes", Max: bytes, Err: engine.ErrOutboxFull}
	}
	return &LimitError{Option: "Engine.OutboxMessages", Max: messages, Err: engine.ErrOutboxFull}
}

// refusedLocked drops an event that cannot be sent.
func (s *Socket) refusedLocked(out *outgoing, err error) {
	if out.hasID {
		delete(s.acks, out.id)
	}
	if out.result != nil {
		out.settle(ackResult{err: err})
	} else {
		s.ledger.lose(1, err)
		s.reportLater(s.emitFailed(out.event, err))
	}
}
