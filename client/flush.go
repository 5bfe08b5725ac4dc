package client

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/seed96b07ef8/socketio/engine"
	"github.com/seed96b07ef8/socketio/internal/ctxerr"
	"github.com/seed96b07ef8/socketio/internal/errtext"
)

// ErrDropped is matched (errors.Is) by the error of EmitWithAck for a volatile event that
// was dropped because the socket is not connected or earlier messages are still waiting
// to be sent. If the socket is not connected, errors.As also finds a
// [*DisconnectError].
var ErrDropped = errors.New("client: volatile event dropped")

var errBusy = fmt.Errorf("%w: the connection is busy", ErrDropped)

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
		s.inbox.worker.Release() // a handler may be the caller, and corks what it emits
		select {
		case <-full:
		case <-ctx.Done():
			return errtext.Join(": ", ctxerr.Of(ctx), err) // and why there was no room
		}
	}
}

// EmitWait is like Emit, but blocks where Emit returns a [*LimitError]: until the
// server has read enough of the earlier messages, or, while the socket is not
// connected, until the buffer has room. [Options.Overflow] and the policy of the
// connection do not apply to it. EmitWait returns an error, and does not send the
// event, if ctx ends first (the error matches that of ctx and its cause), or, with
// [Options.Retries], if the event has more than BufferBytes (a [*LimitError]). A nil
// error means that the event was queued, not that the server received it. EmitWait may
// be called from handlers.
func (s *Socket) EmitWait(ctx context.Context, event string, args ...any) error {
	return s.emitter().EmitWait(ctx, event, args...)
}

// Flush waits until the server has read the events that were emitted before, including
// those that wait for the connection or, with [Options.Retries], for their
// acknowledgement. It returns nil at once if there are none. A nil error does not mean
// that the server's handlers have returned; use EmitWithAck to find out. Flush may be
// called in a handler, with a deadline: while the inbox is full
// ([Options.InboxEvents]), the client does not read the server's confirmation.
//
// Flush returns a [*LossError], after the server has read the rest, if events that were
// emitted since the last Flush may be lost: their connection ended before the server
// confirmed that it had read them, even if the socket has another connection by now or
// has recovered its session, or OnError was called for them. The next call does not return that loss
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
	s.inbox.worker.Release() // a handler may be the caller, and corks what it emits
	return errtext.Prefix("client: flushing "+s.namespace, s.flush(ctx))
}

func (s *Socket) flush(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	reported := s.ledger.reported
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
	if err != nil && err != engine.ErrClosed { // which may be the cause of ctx, too
		return ctxerr.Of(ctx)
	}
	if loss := s.lossLocked(reported); loss != nil || err == nil {
		return loss
	}
	return s.endedLocked()
}

// endedLocked returns why the socket is not connected, or is about to be disconnected.
func (s *Socket) endedLocked() error {
	if s.life == nil {
		return s.end
	}
	return &DisconnectError{Reason: TransportClose, Err: engine.ErrClosed}
}

// emptyLocked waits until the events that wait now were handed to a connection. It
// returns the socket's connection, or nil if there is none.
func (s *Socket) emptyLocked(ctx context.Context) (*engine.Client, error) {
	if s.discarded != nil {
		return nil, s.discarded
	}
	last := s.turns
	for s.waitsLocked(last) {
		if err := s.waitLocked(ctx); err != nil {
			return nil, err
		}
	}
	if !s.connectedLocked() {
		return nil, nil
	}
	return s.life.conn.engine, nil
}

// waitsLocked reports whether an event waits whose turn is at most last. Whichever of them
// are withdrawn or dropped, the first of a list has the lowest turn.
func (s *Socket) waitsLocked(last uint64) bool {
	waits := func(list []*outgoing) bool { return len(list) > 0 && list[0].turn <= last }
	return waits(s.buffer) || waits(s.queue)
}

// waitLocked waits until fewer events wait. It returns an error if ctx ends, or if the
// waiting events will not be sent.
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

// stuckLocked returns why waiting events will not be sent, or nil.
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

// Shutdown gracefully disconnects the socket: it waits like Flush, disconnects like
// Disconnect, and returns when the server has read that, or when the connection, if no
// other socket uses it, has ended. It does not wait for the acknowledgements of
// EmitWithAck. If ctx ends first, Shutdown disconnects the socket anyway and returns an
// error that says what is unfinished and matches that of ctx and its cause. It returns
// a [*LossError] or a [*DisconnectError] if events may have been lost or can no longer
// be sent; see Flush.
func (s *Socket) Shutdown(ctx context.Context) error {
	err := s.Flush(ctx)
	e := s.leave()
	if e == nil || ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return err
	}
	return joined(err, gone(ctx, e, "leaving "+s.namespace))
}

// joined returns an error that matches all of errs that are not nil, in one line, or nil.
func joined(errs ...error) error {
	errs = slices.DeleteFunc(errs, func(err error) bool { return err == nil })
	if len(errs) == 0 {
		return nil
	}
	return errtext.Join("; ", errs...)
}

// leave disconnects the socket. It returns the connection over which it has sent
// DISCONNECT, or nil.
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

// gone waits until the server has read everything, or the connection has ended. If ctx
// ends first, the error names what the caller has begun and what is unfinished.
func gone(ctx context.Context, e *engine.Client, begun string) error {
	err, unfinished := e.Flush(ctx), "the server has not confirmed it"
	if err == engine.ErrClosed {
		unfinished = "the connection has not ended"
		select {
		case <-e.Done():
			err = nil
		case <-ctx.Done():
			err = ctxerr.Of(ctx)
		}
	}
	return errtext.Prefix("client: "+begun+": "+unfinished, err)
}

// Shutdown gracefully closes the Manager: it waits until the server has read the events
// that the sockets emitted before, as [Socket.Flush] does, disconnects the sockets,
// closes the connection like Close, and returns when it has ended. Events that are
// emitted meanwhile may be lost. If ctx ends first, Shutdown closes the Manager anyway
// and returns an error that says what is unfinished and matches that of ctx and its
// cause. It returns a [*LossError] or a [*DisconnectError] if events of a socket may
// have been lost or can no longer be sent; see [Socket.Flush]. If the Manager is
// already closed, it returns nil at once.
func (m *Manager) Shutdown(ctx context.Context) error {
	m.mu.Lock()
	if m.done {
		m.mu.Unlock()
		return nil
	}
	sockets := slices.Collect(m.sockets.all())
	m.mu.Unlock()
	var errs []error
	cut := false // ctx has ended a Flush
	for _, s := range sockets {
		if err := s.Flush(ctx); err != nil && s.err == nil {
			errs = append(errs, err)
			if cut = ctx.Err() != nil && errors.Is(err, ctx.Err()); cut {
				break // the other sockets would return the same error
			}
		}
	}
	e := m.Engine()
	m.Close()
	if e != nil && !cut {
		errs = append(errs, gone(ctx, e, "closing the connection with "+m.target.String()))
	}
	return joined(errs...)
}

// OnDrain registers a function that is called when the connection has taken all events
// that had to wait, or after it had refused some, because the server read more slowly
// than they were emitted. The functions are called in order with the handlers. The
// returned function removes it.
func (s *Socket) OnDrain(f func()) (off func()) { return s.used(s.drained.Add(f, false)) }

// OnDrain is like [Socket.OnDrain] for the messages of all sockets. The returned
// function removes the function.
func (m *Manager) OnDrain(f func()) (off func()) { return m.drained.Add(f, false) }

// OnDrain implements [engine.ClientDrainHandler]. It may be called with the locks of a
// socket held.
func (c *conn) OnDrain(*engine.Client) {
	if !c.m.drainDue.Swap(true) {
		c.m.inbox.push(c.m.notifyDrained)
	}
}

// notifyDrained calls the manager's functions of OnDrain, and has those of its sockets
// called.
func (m *Manager) notifyDrained() {
	m.drainDue.Store(false)
	defer m.noteDrained()                                                    // also after a function that ends its goroutine
	each(m.drained.Load(), func(f func()) { _ = m.protect("", "drain", f) }) // which logs it
}

// noteDrained has the functions of those sockets called that have nothing waiting.
func (m *Manager) noteDrained() {
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
		each(s.drained.Load(), func(f func()) { s.try("drain", func() error { f(); return nil }) })
	})
}

// fullError says that the connection has no room for a message.
func (s *Socket) fullError(e *engine.Client, m *engine.Message) error {
	messages, bytes := s.manager.opts.outbox()
	if e.Buffered()+m.Len() > bytes {
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
