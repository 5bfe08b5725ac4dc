package socketio

import (
	"context"
	"time"

	"github.com/seed96b07ef8/socketio/engine"
	"github.com/seed96b07ef8/socketio/internal/ctxerr"
	"github.com/seed96b07ef8/socketio/internal/errtext"
	"github.com/seed96b07ef8/socketio/parser"
)

// An Emitter sends to one socket's client with modified settings. It is a value: its
// methods return changed copies, so it may be stored, shared and reused.
type Emitter struct {
	socket  *Socket
	flags   engine.Flags
	timeout time.Duration
}

// Volatile allows messages to be dropped if the client is not ready to receive them: it
// has no polling request open, or has not read what was sent before.
func (e Emitter) Volatile() Emitter {
	e.flags |= engine.Volatile
	return e
}

// Compress sets whether messages may be compressed, where compression is enabled. The
// default is true.
func (e Emitter) Compress(on bool) Emitter {
	e.flags = compress(e.flags, on)
	return e
}

// Timeout bounds the wait for acknowledgements, in addition to the context: EmitWithAck
// returns an error that matches context.DeadlineExceeded after d. Zero means no bound;
// with a negative d, EmitWithAck sends nothing and returns at once. JavaScript's
// timeout(5000) is Timeout(5 * time.Second): the plain number 5000 is 5 µs.
func (e Emitter) Timeout(d time.Duration) Emitter {
	e.timeout = d
	return e
}

// To selects the sockets in the given rooms except this one, and none if the list is
// empty; see [Broadcast.To].
func (e Emitter) To(rooms ...string) Broadcast { return e.Broadcast().To(rooms...) }

// In is the same as To.
func (e Emitter) In(rooms ...string) Broadcast { return e.Broadcast().To(rooms...) }

// Except selects the sockets that are in none of the given rooms, except this socket.
func (e Emitter) Except(rooms ...string) Broadcast { return e.Broadcast().Except(rooms...) }

// Broadcast selects all sockets in the namespace, except this socket.
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
		return Args{}, s.unacknowledged(event, err)
	}
	if err := expired(ctx, e.timeout); err != nil {
		return Args{}, s.unacknowledged(event, err)
	}
	if e.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, e.timeout)
		defer cancel()
	}
	id, result := s.nsp.nextAck(), make(chanWaiter, 1)
	if err := s.expectAck(id, result); err != nil {
		return Args{}, s.unacknowledged(event, err)
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
		return r.args, s.unacknowledged(event, r.err)
	case <-ctx.Done():
		return Args{}, s.unacknowledged(event, ctxerr.Of(ctx))
	}
}

// unacknowledged names the event, and the socket, whose acknowledgement err kept from
// arriving. It returns nil if err is nil.
func (s *Socket) unacknowledged(event string, err error) error {
	return unacknowledged(event, s.nsp.name, s.id, err)
}

// unacknowledged is the same for a socket with an ID, which is empty for one of another
// node. The namespace is empty for the children of a parent.
func unacknowledged(event, namespace, sid string, err error) error {
	if err == nil {
		return nil
	}
	if sid == "" {
		sid = "another node"
	}
	return errtext.Prefix("socketio: "+errtext.Event(event, namespace)+" to "+sid+": no acknowledgement", err)
}

// expired returns an error if there is no time to wait for an acknowledgement.
func expired(ctx context.Context, timeout time.Duration) error {
	if timeout < 0 {
		return context.DeadlineExceeded
	}
	return ctxerr.Of(ctx)
}
