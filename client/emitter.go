package client

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/seed96b07ef8/socketio/engine"
	"github.com/seed96b07ef8/socketio/internal/ctxerr"
	"github.com/seed96b07ef8/socketio/parser"
)

// An Emitter sends in a certain way. It is a value: its methods return changed
// copies, so it may be kept, shared and used again.
type Emitter struct {
	socket  *Socket
	flags   engine.Flags
	timeout time.Duration
}

// Volatile lets messages be lost: when the socket is not connected, or what was
// sent before has not left yet. They do not wait for a connection, and are not
// retried.
func (e Emitter) Volatile() Emitter {
	e.flags |= engine.Volatile
	return e
}

// Compress says whether messages may be compressed, where compression is enabled
// ([engine.DialOptions.PerMessageDeflate]). The default is true.
func (e Emitter) Compress(on bool) Emitter {
	if on {
		e.flags &^= engine.NoCompress
	} else {
		e.flags |= engine.NoCompress
	}
	return e
}

// Timeout bounds the waiting for acknowledgements, in addition to the context and
// instead of [Options.AckTimeout]: EmitWithAck returns [context.DeadlineExceeded]
// after d; with [Options.Retries] the event is sent again after d. Zero means no
// bound, or the default one of retries.
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
	result  chan ackResult // where it goes; nil when nobody waits for it
	buffers bool           // waits for the connection

	// With Retries.
	retried bool
	timeout time.Duration // for each time that it is sent
	sent    int           // how often it was
	flying  bool          // sent, and neither answered nor timed out
	timer   *time.Timer
}

// ackResult is the answer to an event, or why there is none.
type ackResult struct {
	args Args
	err  error
}

// settle tells whoever waits for the answer.
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
	_, err := e.emit(event, args, nil)
	return err
}

// Send emits the event "message".
func (e Emitter) Send(args ...any) error { return e.Emit("message", args...) }

// EmitWithAck is like [Socket.EmitWithAck].
func (e Emitter) EmitWithAck(ctx context.Context, event string, args ...any) (Args, error) {
	if err := ctxerr.Of(ctx); err != nil {
		return Args{}, err // nothing is sent
	}
	result := make(chan ackResult, 1)
	out, err := e.emit(event, args, result)
	if err != nil {
		return Args{}, err
	}
	e.socket.corker.release() // called by a handler, the question may be held back
	var timeout <-chan time.Time
	if e.timeout > 0 && !out.retried {
		t := time.NewTimer(e.timeout)
		defer t.Stop()
		timeout = t.C
	}
	select {
	case r := <-result:
		return r.args, r.err
	case <-ctx.Done():
		err = ctxerr.Of(ctx)
	case <-timeout:
		err = context.DeadlineExceeded
	}
	e.socket.withdraw(out)
	return Args{}, err
}

// emit encodes an event and sends it, or keeps it for later.
func (e Emitter) emit(event string, args []any, result chan ackResult) (*outgoing, error) {
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
		(*f)(event, args)
	}
	return out, s.submit(out)
}

// newID returns the ID of an acknowledgement to ask for.
func (s *Socket) newID() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.nextID++
	return s.nextID - 1
}

// submit sends an event, or keeps it for later.
func (s *Socket) submit(out *outgoing) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.discarded != nil {
		return s.discarded
	}
	if out.retried {
		return s.enqueueLocked(out)
	}
	if limit := s.manager.opts.MaxPendingAcks; out.hasID && len(s.acks) >= limit {
		return &LimitError{Option: "MaxPendingAcks", Max: limit}
	}
	if len(s.buffer) > 0 && out.flags&engine.Volatile == 0 {
		return s.bufferLocked(out) // behind what the connection has not taken yet
	}
	err := s.sendLocked(out)
	if errors.Is(err, engine.ErrClosed) {
		if out.flags&engine.Volatile == 0 {
			return s.bufferLocked(out)
		}
		if !out.hasID {
			return nil
		}
		return s.end
	}
	return err
}

// sendLocked sends an event now. It returns [engine.ErrClosed] when the socket is not
// connected.
func (s *Socket) sendLocked(out *outgoing) error {
	if !s.connectedLocked() {
		return engine.ErrClosed
	}
	if err := s.life.conn.engine.Send(out.message, out.flags); err != nil {
		return err
	}
	if out.hasID {
		s.expectLocked(out)
	}
	return nil
}

func (s *Socket) expectLocked(out *outgoing) {
	if s.acks == nil {
		s.acks = make(map[uint64]*outgoing)
	}
	s.acks[out.id] = out
}

// acknowledged handles ACK. One that nobody waits for is ignored.
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
	out.settle(ackResult{args: p.Args})
	if out.retried {
		s.unqueueLocked(out)
		s.drainLocked()
	}
}

// failSentLocked ends the waiting for answers to what was sent over a connection
// that is gone.
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

// withdraw takes an event back whose answer nobody waits for any more.
func (s *Socket) withdraw(out *outgoing) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.acks, out.id)
	s.unbufferLocked(out)
	if out.retried {
		s.unqueueLocked(out)
		s.drainLocked()
	}
}

// bufferLocked keeps an event until the socket is connected.
func (s *Socket) bufferLocked(out *outgoing) error {
	if ok, err := s.makeRoomLocked(out); !ok {
		return err
	}
	out.buffers = true
	s.buffer = append(s.buffer, out)
	s.bytes += out.message.Len()
	if out.hasID {
		s.expectLocked(out)
	}
	return nil
}

func (s *Socket) unbufferLocked(out *outgoing) {
	if i := slices.Index(s.buffer, out); i >= 0 {
		s.buffer = slices.Delete(s.buffer, i, i+1)
		s.bytes -= out.message.Len()
		out.buffers = false
	}
}

// flushLocked sends what has waited for the connection, in order, over the corked
// connection. What may be too much for that at once waits until the rest has left,
// so that the overflow policy is not called for.
func (s *Socket) flushLocked() {
	if len(s.buffer) == 0 {
		return
	}
	e := s.life.conn.engine
	messages, bytes := s.manager.opts.outbox()
	n := 0
	for len(s.buffer) > 0 {
		out := s.buffer[0]
		if b := e.Buffered(); n >= max(1, messages/2) || b > 0 && b+out.message.Len() > bytes/2 {
			e.Uncork()
			if s.mustWaitLocked() {
				s.pauseLocked()
				return
			}
			e.Cork()
			n = 0
		}
		if err := s.sendLocked(out); err != nil {
			if !errors.Is(err, engine.ErrClosed) {
				s.pauseLocked()
			}
			return // for later, or for the next connection
		}
		s.unbufferLocked(out)
		n++
	}
	s.buffer = nil
}

// mustWaitLocked reports whether more than there is in the outbox might be lost, or
// end the connection.
func (s *Socket) mustWaitLocked() bool {
	return s.manager.opts.Engine.Overflow != engine.Refuse && s.life.conn.engine.Buffered() > 0
}

// The connection is tried again after this time when it takes nothing more.
const resumeDelay = 10 * time.Millisecond

// pauseLocked has what waits sent later.
func (s *Socket) pauseLocked() {
	if !s.paused {
		s.paused = true
		time.AfterFunc(resumeDelay, s.resume)
	}
}

func (s *Socket) resume() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.paused = false
	if !s.connectedLocked() {
		return // there will be another connection
	}
	if s.mustWaitLocked() {
		s.pauseLocked()
		return
	}
	e := s.life.conn.engine
	e.Cork()
	s.flushLocked()
	s.drainLocked()
	e.Uncork()
}

// makeRoomLocked applies the overflow policy to what waits for the connection. It
// reports whether there is room for out.
func (s *Socket) makeRoomLocked(out *outgoing) (bool, error) {
	o := s.manager.opts
	size := out.message.Len()
	exceeded := func() *LimitError {
		switch {
		case len(s.buffer)+len(s.queue) >= o.BufferMessages:
			return &LimitError{Option: "BufferMessages", Max: o.BufferMessages}
		case s.bytes+size > o.BufferBytes:
			return &LimitError{Option: "BufferBytes", Max: o.BufferBytes}
		}
		return nil
	}
	for {
		full := exceeded()
		switch {
		case full == nil:
			return true, nil
		case o.Overflow == DropNewest && out.result == nil:
			return false, nil
		case o.Overflow != DropOldest || size > o.BufferBytes || !s.dropOldestLocked(full):
			return false, full
		}
	}
}

// dropOldestLocked discards what has waited longest. It returns false when nothing
// can be discarded.
func (s *Socket) dropOldestLocked(why error) bool {
	var out *outgoing
	switch {
	case len(s.buffer) > 0:
		out = s.buffer[0]
	case len(s.queue) > 0 && !s.queue[0].flying:
		out = s.queue[0]
	case len(s.queue) > 1:
		out = s.queue[1]
	default:
		return false
	}
	s.unbufferLocked(out)
	s.unqueueLocked(out)
	s.dropLocked(out, why)
	return true
}

// dropLocked tells whom it concerns of an event that is not sent.
func (s *Socket) dropLocked(out *outgoing, err error) {
	if out.hasID {
		delete(s.acks, out.id)
	}
	switch {
	case out.result != nil:
		out.settle(ackResult{err: err})
	case out.retried:
		s.reportLater(err)
	}
}

// discardLocked drops everything that waits, for good.
func (s *Socket) discardLocked(why error) {
	s.discarded = why
	for _, out := range slices.Concat(s.buffer, s.queue) {
		if out.timer != nil {
			out.timer.Stop()
		}
		s.dropLocked(out, why)
	}
	s.buffer, s.queue, s.bytes = nil, nil, 0
}
