package socketio

import (
	"iter"

	"github.com/seed96b07ef8/socketio/internal/handler"
)

// layered lists the functions of one kind that are registered on a namespace. Those of its
// parent come first.
type layered[F any] struct {
	hooks[F]
	parent *hooks[F] // nil without a parent
}

// all yields the functions, those of the parent first, each of them oldest first.
func (l *layered[F]) all() iter.Seq[F] {
	return func(yield func(F) bool) {
		if l.parent != nil {
			for _, f := range l.parent.Load() {
				if !yield(*f) {
					return
				}
			}
		}
		for _, f := range l.Load() {
			if !yield(*f) {
				return
			}
		}
	}
}

// isEmpty reports whether there is no function.
func (l *layered[F]) isEmpty() bool {
	return len(l.Load()) == 0 && (l.parent == nil || len(l.parent.Load()) == 0)
}

// layeredListeners are the handlers that are registered on a namespace and on its parent.
type layeredListeners struct {
	listeners
	parent *listeners // nil without a parent
}

// of returns the handlers of an event, in order of registration.
func (l *layeredListeners) of(event string) []*listener {
	own := l.Of(event)
	if l.parent == nil {
		return own
	}
	return handler.InOrder(l.parent.Of(event), own)
}

// inherit has what is registered on p, now or later, apply to r, too.
func (r *registry) inherit(p *registry) {
	r.listeners.parent = &p.listeners.listeners
	r.middleware.parent = &p.middleware.hooks
	r.connected.parent = &p.connected.hooks
	r.disconnecting.parent = &p.disconnecting.hooks
	r.disconnected.parent = &p.disconnected.hooks
	r.incoming.parent = &p.incoming.hooks
	r.outgoing.parent = &p.outgoing.hooks
	r.packets.parent = &p.packets.hooks
	r.around.parent = &p.around.hooks
	r.failed.parent = &p.failed.hooks
	r.drained.parent = &p.drained.hooks
	r.rooms.parent = &p.rooms.hooks
	r.serverEvents.parent = &p.serverEvents.listeners
}
