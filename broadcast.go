package socketio

import (
	"slices"

	"github.com/seed96b07ef8/socketio/adapter"
	"github.com/seed96b07ef8/socketio/engine"
	"github.com/seed96b07ef8/socketio/parser"
)

// A Broadcast says who is to receive a message, and how. It is a value: its
// methods return changed copies and never touch the socket or the namespace
// that it came from, so it may be kept, shared between goroutines, and used
// again.
//
//	io.To("room").Except("muted").Emit("news", item)
type Broadcast struct {
	nsp    *Namespace
	target adapter.Target
	flags  engine.Flags
	local  bool
}

// To adds rooms. A socket receives the message once if it is in any of them.
// Without rooms the whole namespace is meant. A socket's ID is the name of a room
// with just that socket.
func (b Broadcast) To(rooms ...string) Broadcast {
	b.target.Rooms = append(slices.Clip(b.target.Rooms), rooms...)
	return b
}

// In is the same as To.
func (b Broadcast) In(rooms ...string) Broadcast { return b.To(rooms...) }

// Except leaves out the sockets that are in any of the given rooms.
func (b Broadcast) Except(rooms ...string) Broadcast {
	b.target.Except = append(slices.Clip(b.target.Except), rooms...)
	return b
}

// Local leaves out the sockets that are connected to other nodes of a cluster.
func (b Broadcast) Local() Broadcast {
	b.local = true
	return b
}

// Volatile lets the message be lost for a client that is not ready to receive
// it: one that has no polling request open, or has not read what was sent
// before.
func (b Broadcast) Volatile() Broadcast {
	b.flags |= engine.Volatile
	return b
}

// Compress says whether the message may be compressed, where compression is
// enabled. The default is true.
func (b Broadcast) Compress(on bool) Broadcast {
	if on {
		b.flags &^= engine.NoCompress
	} else {
		b.flags |= engine.NoCompress
	}
	return b
}

// Emit sends an event to the selected sockets. It encodes the event once, queues
// it for each of them, and never waits for a client. It returns an error, and
// sends nothing, when the event name is reserved or an argument cannot be
// encoded.
func (b Broadcast) Emit(event string, args ...any) error {
	if err := checkEvent(event); err != nil {
		return err
	}
	m, err := b.nsp.encode(parser.Header{Type: parser.Event}, event, args)
	if err != nil {
		return err
	}
	return b.nsp.adapter.Broadcast(&adapter.Packet{
		Event: event, Args: args, Message: m, Flags: b.flags, Local: b.local,
	}, b.target)
}

// Sockets returns the selected sockets that are connected to this server.
func (b Broadcast) Sockets() []*Socket { return b.nsp.local(b.target) }
