package client

import (
	"context"
	"errors"
	"time"

	"github.com/seed96b07ef8/socketio/engine"
	"github.com/seed96b07ef8/socketio/internal/ctxerr"
	"github.com/seed96b07ef8/socketio/internal/errtext"
	"github.com/seed96b07ef8/socketio/parser"
)

// An Emitter sends with modified settings. It is a value: its methods return changed
// copies, so it may be stored, shared and reused.
type Emitter struct {
	socket  *Socket
	flags   engine.Flags
	timeout time.Duration
}

// Volatile allows messages to be dropped if the socket is not connected, or earlier
// messages are still waiting to be sent. They are neither buffered for a connection nor
// retried.
func (e Emitter) Volatile() Emitter {
	e.flags |= engine.Volatile
	return e
}

// Compress sets whether messages may be compressed, where compression is enabled
// ([engine.DialOptions.PerMessageDeflate]). The default is true.
func (e Emitter) Compress(on bool) Emitter {
	if on {
		e.flags &^= engine.NoCompress
	} else {
		e.flags |= engine.NoCompress
	}
	return e
}

// Timeout bounds the wait for acknowledgements, in addition to the context and in place
// of [Options.AckTimeout]: EmitWithAck returns [context.DeadlineExceeded] after d; with
// [Options.Retries] the event is sent again after d. Zero means no bound, or the
// default one of retries. With a negative d, EmitWithAck sends nothing. JavaScript's
// timeout(5000) is Timeout(5 * time.Second).
func (e Emitter) Timeout(d time.Duration) Emitter {
	e.timeout = d
	return e
}

// An outgoing is an event on its way to the server.
type outgoing struct {
	event   string
	message *engine.Message
	flags   engine.Flags
	hasID   bool
	id      uint64         // of the acknowledgement, if one is wanted
	result  chan ackResult // receives the acknowledgement; nil when no caller waits
	buffers bool           // waits for the connection
	queued  bool           // waits to be acknowledged, with Retries
	waits   bool           // the caller waits for room
	turn    uint64         // its number among the events that have waited in the socket, from 1
	place   uint64         // in the socket's ledger, when it was sent last
	// changed, if not nil, is closed when EmitWithAck has to check whether it may still
	// wait for room: the socket may have become inactive.
	changed <-chan struct{}

	// With Retries.
	retried bool
	timeout time.Duration // for each time that it is sent
	sent    int           // how often it was sent
	flying  bool          // it was sent, and has neither been answered nor timed out
	timer   *time.Timer
}

// waiting reports whether the event waits in the socket.
func (o *outgoing) waiting() bool { return o.buffers || o.queued }

// ackResult is the answer to an event, or why there is none.
type ackResult struct {
	args Args
	err  error
}

// settle passes the result to the caller that waits for the acknowledgement.
func (o *outgoing) settle(r ackResult) {
	if o.result != nil {
		select {
		case o.result <- r:
		default: // there is an answer already
		}
	}
}

// Emit is like [Socket.Emit].
func (e Emitter) Emit(event string, args ...any) error {
	out, err := e.prepare(event, args, nil)
	if err == nil {
		_, err = e.socket.submit(out)
	}
	return e.socket.emitFailed(event, err)
}

// Send emits the event "message".
func (e Emitter) Send(args ...any) error { return e.Emit("message", args...) }

// EmitWithAck is like [Socket.EmitWithAck].
func (e Emitter) EmitWithAck(ctx context.Context, event string, args ...any) (Args, error) {
	ack, err := e.ask(ctx, event, args)
	return ack, e.socket.emitFailed(event, err)
}

// ask is EmitWithAck, whose errors do not name the event yet.
func (e Emitter) ask(ctx context.Context, event string, args []any) (Args, error) {
	if err := ctxerr.Of(ctx); err != nil {
		return Args{}, err // nothing is sent
	}
	if e.timeout < 0 {
		return Args{}, context.DeadlineExceeded
	}
	result := make(chan ackResult, 1)
	out, err := e.prepare(event, args, result)
	if err != nil {
		return Args{}, err
	}
	var timeout <-chan time.Time
	if e.timeout > 0 && !out.retried {
		t := time.NewTimer(e.timeout)
		defer t.Stop()
		timeout = t.C
	}
	return e.socket.await(ctx, out, timeout)
}

// await sends an event, when there is room for it, and waits for the answer.
func (s *Socket) await(ctx context.Context, out *outgoing, timeout <-chan time.Time) (Args, error) {
	full, err := s.submit(out)
	for {
		if err != nil && full == nil {
			return Args{}, err
		}
		s.inbox.worker.Release() // a handler may be the caller, and corks what it emits
		select {
		case <-full:
			full, err = s.submit(out)
			continue
		case <-out.changed:
			full, err = s.submit(out)
			continue
		case r := <-out.result:
			return r.args, r.err
		case <-ctx.Done():
			err = ctxerr.Of(ctx)
		case <-timeout:
			err = context.DeadlineExceeded
		}
		if why := s.withdraw(out); why != nil {
			err = errtext.Join(": ", err, why)
		}
		return Args{}, err
	}
}

// prepare encodes an event.
func (e Emitter) prepare(event string, args []any, result chan ackResult) (*outgoing, error) {
	s := e.socket
	if s.err != nil {
		return nil, s.err
	}
	if err := checkEvent(event); err != nil {
		return nil, err
	}
	out := &outgoing{event: event, flags: e.flags, result: result, timeout: e.timeout}
	out.retried = s.opts.Retries > 0 && e.flags&engine.Volatile == 0
	h := parser.Header{Type: parser.Event}
	if result != nil || out.retried {
		out.hasID, out.id = true, s.newID()
		h.HasID, h.ID = true, out.id
	}
	var err error
	if out.message, err = s.encode(h, event, args); err != nil {
		return nil, err
	}
	for _, f := range s.outgoing.Load() {
		if err := s.protect(event, func() error { (*f)(event, args); return nil }); err != nil {
			s.reportLater(&EventError{Namespace: s.namespace, Event: event, Err: err})
		}
	}
	return out, nil
}

// newID returns an ID for the acknowledgement of an event.
func (s *Socket) newID() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.nextID++
	return s.nextID - 1
}

// submit sends an event, or keeps it for later. If there is no room for an event that
// waits for room, submit returns why, and a channel that is closed when the caller should
// try again.
func (s *Socket) submit(out *outgoing) (full <-chan struct{}, err error) {
	defer s.stay() // without mu
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.discarded != nil {
		return nil, s.discarded
	}
	if out.retried {
		return s.roomLocked(out, s.enqueueLocked(out))
	}
	if limit := s.manager.opts.MaxPendingAcks; out.hasID && len(s.acks) >= limit {
		return nil, &LimitError{Option: "MaxPendingAcks", Max: limit}
	}
	if out.changed != nil && !s.active {
		return nil, s.end
	}
	out.changed = nil
	volatile := out.flags&engine.Volatile != 0
	switch waiting := len(s.buffer) > 0; {
	case waiting && !volatile:
		return s.roomLocked(out, s.bufferLocked(out)) // behind what the connection has not taken yet
	case waiting && s.connectedLocked():
		return nil, out.droppedError() // it must not overtake that
	}
	full, err = s.sendLocked(out)
	switch {
	case full != nil && out.result != nil:
		out.changed = s.changedLocked()
		return full, err
	case !errors.Is(err, engine.ErrClosed):
		return full, err
	case !volatile:
		return s.roomLocked(out, s.bufferLocked(out))
	}
	return nil, s.unconnectedLocked(out)
}

// roomLocked returns the results of submit for an event that was to be kept, where err is
// nil if it was. An event that waits for room gets a channel, unless Retries requires
// that it fits in the buffer and it never will; the connection takes others without it.
func (s *Socket) roomLocked(out *outgoing, err error) (full <-chan struct{}, _ error) {
	never := out.retried && out.message.Len() > s.manager.opts.BufferBytes
	if err != nil && out.waits && !never {
		full = s.changedLocked()
	}
	return full, err
}

// sendLocked sends an event now. It returns [engine.ErrClosed] when the socket is not
// connected. When there is no room for an event that may wait, full is closed when
// there is.
func (s *Socket) sendLocked(out *outgoing) (full <-chan struct{}, err error) {
	if !s.connectedLocked() {
		return nil, engine.ErrClosed
	}
	e := s.life.conn.engine
	if out.waits || out.hasID || out.buffers {
		full, err = e.TrySend(out.message, out.flags)
	} else {
		err = e.Send(out.message, out.flags)
	}
	switch {
	case err == nil:
		s.ledger.note(out)
		if out.hasID {
			s.expectLocked(out)
		}
		return nil, nil
	case errors.Is(err, engine.ErrClosed):
		return nil, engine.ErrClosed
	case errors.Is(err, engine.ErrOutboxFull):
		return full, s.fullError(e, out.message)
	case errors.Is(err, engine.ErrDropped):
		return nil, out.droppedError()
	}
	return nil, err
}

// droppedError returns the error for a volatile event that was dropped, which is nil if
// no acknowledgement was requested.
func (o *outgoing) droppedError() error {
	if o.hasID {
		return errBusy
	}
	return nil
}

// unconnectedLocked is droppedError for a socket that is not connected.
func (s *Socket) unconnectedLocked(out *outgoing) error {
	if !out.hasID {
		return nil
	}
	why := s.end
	if s.active { // what has ended before does not matter any more
		why = &DisconnectError{Reason: s.end.Reason, Err: errConnecting}
	}
	return errtext.Join(": ", ErrDropped, why)
}

func (s *Socket) expectLocked(out *outgoing) {
	if s.acks == nil {
		s.acks = make(map[uint64]*outgoing)
	}
	s.acks[out.id] = out
}

// acknowledged handles ACK. It ignores one that no caller waits for.
func (s *Socket) acknowledged(c *conn, p *parser.Packet) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if l := s.onLocked(c); l == nil || !l.joined || !p.HasID {
		return
	}
	out := s.acks[p.ID]
	if out == nil || out.buffers {
		return
	}
	delete(s.acks, p.ID)
	s.ledger.settle(out.place) // servers read in order
	out.settle(ackResult{args: p.Args})
	if out.retried {
		s.unqueueLocked(out)
		s.drainLocked()
	}
}

// failSentLocked ends the wait for acknowledgements of events that were sent over a
// connection that has ended.
func (s *Socket) failSentLocked(why *DisconnectError) {
	for id, out := range s.acks {
		if !out.buffers && !out.retried {
			delete(s.acks, id)
			out.settle(ackResult{err: why})
		}
	}
	if len(s.queue) > 0 && s.queue[0].flying {
		s.triedLocked(s.queue[0], why)
	}
}

// withdraw takes back an event whose caller no longer waits for the acknowledgement. It
// returns an error if the event was waiting for a connection, or for its acknowledgement
// over another one.
func (s *Socket) withdraw(out *outgoing) (why error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case !out.waiting() || s.connectedLocked():
	case s.active:
		why = errConnecting
	default:
		why = errNotConnected
	}
	delete(s.acks, out.id)
	s.unbufferLocked(out)
	if out.retried {
		s.unqueueLocked(out)
		s.drainLocked()
	}
	return why
}

// flushBatch is the number of buffered events that are sent before the socket's lock is
// released for other goroutines.
const flushBatch = 256
