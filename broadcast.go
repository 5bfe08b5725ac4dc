package socketio

import (
	"context"
	"errors"
	"iter"
	"slices"
	"time"

	"github.com/seed96b07ef8/socketio/adapter"
	"github.com/seed96b07ef8/socketio/engine"
	"github.com/seed96b07ef8/socketio/internal/errtext"
)

// A Broadcast selects the sockets that receive a message, and how it is sent. It is a
// value: its methods return changed copies and do not modify the socket or the
// namespace that it was made from, so it may be stored, shared between goroutines and
// reused.
//
//	io.To("room").Except("muted").Emit("news", item)
type Broadcast struct {
	nsp     *Namespace
	parent  *ParentNamespace // instead of nsp: all its children
	target  adapter.Target
	flags   engine.Flags
	timeout time.Duration
}

// To adds rooms. A socket receives the message once if it is in any of them. An empty
// list adds none, so To with only empty lists selects no socket; a Broadcast on which
// To was not called selects the whole namespace. A socket's ID is the name of a room
// with just that socket.
func (b Broadcast) To(rooms ...string) Broadcast {
	b.target.Rooms = append(slices.Clip(b.target.Rooms), rooms...)
	if b.target.Rooms == nil {
		b.target.Rooms = []string{} // nil selects everyone
	}
	return b
}

// In is the same as To.
func (b Broadcast) In(rooms ...string) Broadcast { return b.To(rooms...) }

// Except excludes the sockets that are in any of the given rooms. An empty list
// excludes none.
func (b Broadcast) Except(rooms ...string) Broadcast {
	b.target.Except = append(slices.Clip(b.target.Except), rooms...)
	return b
}

// Local excludes the sockets that are connected to other nodes of a cluster.
func (b Broadcast) Local() Broadcast {
	b.target.Local = true
	return b
}

// Volatile allows the message to be dropped for clients that are not ready to receive
// it: those that have no polling request open, or have not read what was sent before.
func (b Broadcast) Volatile() Broadcast {
	b.flags |= engine.Volatile
	return b
}

// Compress sets whether the message may be compressed, where compression is enabled.
// The default is true.
func (b Broadcast) Compress(on bool) Broadcast {
	b.flags = compress(b.flags, on)
	return b
}

// Timeout bounds the wait for acknowledgements, in addition to the context. Zero means
// no bound; with a negative d nothing is sent, and EmitWithAck yields
// [context.DeadlineExceeded]. JavaScript's timeout(5000) is Timeout(5 * time.Second).
func (b Broadcast) Timeout(d time.Duration) Broadcast {
	b.timeout = d
	return b
}

func compress(f engine.Flags, on bool) engine.Flags {
	if on {
		return f &^ engine.NoCompress
	}
	return f | engine.NoCompress
}

// Emit sends an event to the selected sockets. It encodes the event once, queues it for
// each of them, and never blocks on a client. It returns an error, and sends nothing,
// if the event name is reserved, an argument cannot be encoded, or the server was shut
// down. The last of these matches [net.ErrClosed]; Emit returns it only after the
// handlers that [Server.Shutdown] waits for have returned, so that these can still
// reach the other nodes of a cluster.
func (b Broadcast) Emit(event string, args ...any) error {
	if err := checkEvent(event); err != nil {
		return err
	}
	return b.each(func(n *Namespace) error {
		p := &adapter.Packet{Event: event, Args: args, Flags: b.flags}
		return n.observed(p, b.target, func() error { return n.adapter.Broadcast(p, b.target) })
	})
}

// Send emits the event "message".
func (b Broadcast) Send(args ...any) error { return b.Emit("message", args...) }

// each applies f to the namespaces that are meant.
func (b Broadcast) each(f func(n *Namespace) error) error {
	if b.parent == nil {
		if err := b.nsp.err(); err != nil {
			return err
		}
		return f(b.nsp)
	}
	children := b.parent.Children()
	if len(children) == 0 && b.parent.server.isClosed() {
		return errServerClosed
	}
	var errs []error
	for _, n := range children {
		err := n.err()
		switch {
		case err == nil:
			errs = append(errs, f(n))
		case b.parent.server.isClosed():
			errs = append(errs, err)
		default: // it was removed meanwhile, because it had no sockets
		}
	}
	return errors.Join(errs...)
}

// EmitWithAck sends an event to the selected sockets and yields the clients'
// acknowledgements as they arrive, one for each client. For a client that does not
// answer it yields an error and an Ack with the ID of the client's socket. The error
// matches a [*DisconnectError] if the client was disconnected, otherwise ctx's error when
// ctx ends; its text names the event, the namespace and the socket. If the event cannot be
// sent at all, EmitWithAck yields that error only. If other nodes of a cluster do not say
// how many clients they have asked, it yields an error last that matches a
// [*adapter.PartialError].
//
// The event is sent at once, not when the sequence is consumed. Because there is always
// a client that does not answer, ctx must have a deadline, or the Broadcast a Timeout;
// otherwise EmitWithAck sends nothing and yields [ErrNoDeadline].
//
//	for ack, err := range io.To("room").EmitWithAck(ctx, "ping") { ... }
func (b Broadcast) EmitWithAck(ctx context.Context, event string, args ...any) iter.Seq2[Ack, error] {
	if _, ok := ctx.Deadline(); !ok && b.timeout == 0 {
		return failedAcks(ErrNoDeadline)
	}
	if err := checkEvent(event); err != nil {
		return failedAcks(err)
	}
	namespace := ""
	if b.nsp != nil {
		namespace = b.nsp.name
	}
	if err := expired(ctx, b.timeout); err != nil {
		return failedAcks(errtext.Prefix("socketio: "+errtext.Event(event, namespace), err))
	}
	c := newCollector(ctx, b.timeout, event, namespace)
	sent := false
	defer func() { // also when the encoding of an argument, or a hook, panics
		if !sent {
			c.stop()
		}
	}()
	err := b.each(func(n *Namespace) error {
		p := &adapter.Packet{Event: event, Args: args, Flags: b.flags, HasAck: true}
		return n.observed(p, b.target, func() error {
			return c.asked(func() error { return n.adapter.BroadcastWithAck(c.ctx, p, b.target, c) })
		})
	})
	c.Complete(nil) // no more begin
	if err != nil {
		return failedAcks(err)
	}
	sent = true
	return c.all()
}

// Sockets returns the selected sockets that are connected to this server.
func (b Broadcast) Sockets() (sockets []*Socket) {
	_ = b.each(func(n *Namespace) error {
		sockets = append(sockets, n.local(b.target)...)
		return nil
	})
	return sockets
}

// FetchSockets returns the selected sockets of all nodes of a cluster. If nodes do not
// answer until ctx ends, it returns the sockets of the others with an error that matches a
// [*adapter.PartialError].
func (b Broadcast) FetchSockets(ctx context.Context) (sockets []RemoteSocket, err error) {
	err = b.each(func(n *Namespace) error {
		infos, err := n.adapter.FetchSockets(ctx, b.target)
		for _, info := range infos {
			sockets = append(sockets, RemoteSocket{nsp: n, info: info})
		}
		return err
	})
	return sockets, err
}

// SocketsJoin adds the selected sockets, on all nodes, to rooms. Those that have been
// disconnected meanwhile are left out. With [Options.Recovery], sockets whose clients may
// come back take part in SocketsJoin, SocketsLeave and DisconnectSockets.
func (b Broadcast) SocketsJoin(rooms ...string) error {
	return b.each(func(n *Namespace) error { return n.adapter.JoinSockets(b.target, rooms...) })
}

// SocketsLeave removes the selected sockets, on all nodes, from rooms.
func (b Broadcast) SocketsLeave(rooms ...string) error {
	return b.each(func(n *Namespace) error { return n.adapter.LeaveSockets(b.target, rooms...) })
}

// DisconnectSockets disconnects the selected sockets, on all nodes; with closeConn their
// connections are closed, too, with all namespaces. A client that is away, and might come
// back, has no connection: its session in this namespace ends, those in others do not.
func (b Broadcast) DisconnectSockets(closeConn bool) error {
	return b.each(func(n *Namespace) error { return n.adapter.DisconnectSockets(b.target, closeConn) })
}

// Emit sends an event to all sockets, see [Broadcast.Emit].
func (r *registry) Emit(event string, args ...any) error { return r.everyone.Emit(event, args...) }

// Send emits the event "message" to all sockets.
func (r *registry) Send(args ...any) error { return r.everyone.Send(args...) }

// EmitWithAck sends an event to all sockets and yields their acknowledgements,
// see [Broadcast.EmitWithAck].
func (r *registry) EmitWithAck(ctx context.Context, event string, args ...any) iter.Seq2[Ack, error] {
	return r.everyone.EmitWithAck(ctx, event, args...)
}

// To selects the sockets in the given rooms, and none if the list is empty; see
// [Broadcast.To].
func (r *registry) To(rooms ...string) Broadcast { return r.everyone.To(rooms...) }

// In is the same as To.
func (r *registry) In(rooms ...string) Broadcast { return r.everyone.To(rooms...) }

// Except selects the sockets that are in none of the given rooms.
func (r *registry) Except(rooms ...string) Broadcast { return r.everyone.Except(rooms...) }

// Local selects the sockets that are connected to this server, not to other
// nodes of a cluster.
func (r *registry) Local() Broadcast { return r.everyone.Local() }

// Volatile selects all sockets for messages that may be lost, see
// [Broadcast.Volatile].
func (r *registry) Volatile() Broadcast { return r.everyone.Volatile() }

// Compress selects all sockets for messages that are compressed or not, see
// [Broadcast.Compress].
func (r *registry) Compress(on bool) Broadcast { return r.everyone.Compress(on) }

// Timeout selects all sockets for a message that waits for acknowledgements no
// longer than d.
func (r *registry) Timeout(d time.Duration) Broadcast { return r.everyone.Timeout(d) }

// FetchSockets returns the sockets of all nodes of a cluster.
func (r *registry) FetchSockets(ctx context.Context) ([]RemoteSocket, error) {
	return r.everyone.FetchSockets(ctx)
}

// SocketsJoin adds all sockets, on all nodes, to rooms.
func (r *registry) SocketsJoin(rooms ...string) error { return r.everyone.SocketsJoin(rooms...) }

// SocketsLeave removes all sockets, on all nodes, from rooms.
func (r *registry) SocketsLeave(rooms ...string) error { return r.everyone.SocketsLeave(rooms...) }

// DisconnectSockets disconnects all sockets, on all nodes; with closeConn their
// connections are closed, too.
func (r *registry) DisconnectSockets(closeConn bool) error {
	return r.everyone.DisconnectSockets(closeConn)
}
