package socketio

import (
	"context"
	"fmt"
	"time"

	"github.com/seed96b07ef8/socketio/adapter"
	"github.com/seed96b07ef8/socketio/engine"
	"github.com/seed96b07ef8/socketio/internal/clip"
	"github.com/seed96b07ef8/socketio/internal/ctxerr"
	"github.com/seed96b07ef8/socketio/parser"
)

// An Emitter sends to one socket's client in a certain way. It is a value: its
// methods return changed copies, so it may be kept, shared and used again.
type Emitter struct {
	socket  *Socket
	flags   engine.Flags
	timeout time.Duration
}

// Volatile lets messages be lost when the client is not ready to receive them:
// it has no polling request open, or has not read what was sent before.
func (e Emitter) Volatile() Emitter {
	e.flags |= engine.Volatile
	return e
}

// Compress says whether messages may be compressed, where compression is
// enabled. The default is true.
func (e Emitter) Compress(on bool) Emitter {
	e.flags = compress(e.flags, on)
	return e
}

// Timeout bounds the waiting for acknowledgements, in addition to the context:
// EmitWithAck returns context.DeadlineExceeded after d. Zero means no bound; with a
// negative d it returns at once, and sends nothing.
func (e Emitter) Timeout(d time.Duration) Emitter {
	e.timeout = d
	return e
}

// To selects the sockets in the given rooms except this one, and none if the list is
// empty; see [Broadcast.To].
func (e Emitter) To(rooms ...string) Broadcast { return e.Broadcast().To(rooms...) }

// In is the same as To.
func (e Emitter) In(rooms ...string) Broadcast { return e.Broadcast().To(rooms...) }

// Except selects the sockets that are in none of the given rooms, but for this
// one.
func (e Emitter) Except(rooms ...string) Broadcast { return e.Broadcast().Except(rooms...) }

// Broadcast selects all sockets in the namespace, but for this one.
func (e Emitter) Broadcast() Broadcast {
	b := e.socket.Broadcast()
	b.flags, b.timeout = e.flags, e.timeout
	return b
}

// Emit is like [Socket.Emit].
func (e Emitter) Emit(event string, args ...any) error {
	if err := checkEvent(event); err != nil {
		return err
	}
	return e.send(parser.Header{Type: parser.Event}, event, args)
}

// Send emits the event "message".
func (e Emitter) Send(args ...any) error { return e.Emit("message", args...) }

// EmitWithAck is like [Socket.EmitWithAck].
func (e Emitter) EmitWithAck(ctx context.Context, event string, args ...any) (Args, error) {
	if err := checkEvent(event); err != nil {
		return Args{}, err
	}
	s := e.socket
	if err := s.err(); err != nil {
		return Args{}, err
	}
	if err := expired(ctx, e.timeout); err != nil {
		return Args{}, err
	}
	if e.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, e.timeout)
		defer cancel()
	}
	id, result := s.nsp.nextAck(), make(chanWaiter, 1)
	if err := s.expectAck(id, result); err != nil {
		return Args{}, err
	}
	answered := false
	defer func() { // also when the encoding of an argument, or a hook, panics
		if !answered {
			s.forgetAck(id)
		}
	}()
	h := parser.Header{Type: parser.Event, ID: id, HasID: true}
	if err := e.send(h, event, args); err != nil {
		return Args{}, err
	}
	// Called by a handler, the question may be corked with its other messages.
	s.conn.engine.Uncork()
	select {
	case r := <-result:
		answered = true
		return r.args, r.err
	case <-ctx.Done():
		return Args{}, ctxerr.Of(ctx)
	}
}

// expired returns an error if there is no time to wait for an acknowledgement.
func expired(ctx context.Context, timeout time.Duration) error {
	if timeout < 0 {
		return context.DeadlineExceeded
	}
	return ctxerr.Of(ctx)
}

// send encodes an event and hands it to the connection.
func (e Emitter) send(h parser.Header, event string, args []any) error {
	s := e.socket
	if err := s.err(); err != nil {
		return err
	}
	if !h.HasID && e.flags&engine.Volatile == 0 && s.hasSession() {
		return e.sendRecoverable(event, args)
	}
	return refused(s, event, s.transmit(h, event, args, e.flags, s.hooks().EventSent))
}

// refused says which event there was no room for.
func refused(s *Socket, event string, err error) error {
	if err != engine.ErrOutboxFull {
		return err
	}
	return fmt.Errorf("socketio: event %q to %s: %w; see OutboxBytes, OutboxMessages and Overflow of Options.Engine", clip.Text(event, clip.Quote), s.id, err)
}

// sendRecoverable sends an event by way of the adapter, which keeps it in case it
// gets lost, unless it cannot be queued.
func (e Emitter) sendRecoverable(event string, args []any) error {
	s := e.socket
	p := &adapter.Packet{Event: event, Args: args, Flags: e.flags}
	s.noteOutgoing(event, args)
	err := s.nsp.recoverer().Emit(peer{s}, p, func(p *adapter.Packet) error { return s.deliver(p.Message, p.Flags) })
	s.conn.engine.Flush() // after an error, too, which may end the connection
	if f := s.hooks().EventSent; f != nil && err == nil {
		f(s, event, p.Message.Len())
	}
	return refused(s, event, err)
}

// deliver hands an encoded packet to the connection, or keeps it until the client
// knows that it is connected.
func (s *Socket) deliver(m *engine.Message, flags engine.Flags) error {
	if !s.admitted.Load() && s.hold(&adapter.Packet{Message: m, Flags: flags}) {
		return nil
	}
	return s.failure(s.conn.engine.Send(m, flags))
}

// failure returns why something could not be sent, or nil.
func (s *Socket) failure(err error) error {
	if err != nil {
		if gone := s.err(); gone != nil {
			return gone
		}
	}
	return err
}

// A Caller is a socket that can be asked: a [*Socket] of a server, or one of a
// client.
type Caller interface {
	EmitWithAck(ctx context.Context, event string, args ...any) (Args, error)
}

// Call sends an event and decodes the first argument of the acknowledgement into
// an R. It returns the zero R when the peer acknowledges with nothing.
func Call[R any](ctx context.Context, c Caller, event string, args ...any) (R, error) {
	var r R
	ack, err := c.EmitWithAck(ctx, event, args...)
	if err != nil {
		return r, err
	}
	err = ack.DecodeAt(0, &r)
	return r, err
}
