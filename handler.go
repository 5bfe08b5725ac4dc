package socketio

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"

	"github.com/seed96b07ef8/socketio/internal/handler"
	"github.com/seed96b07ef8/socketio/parser"
)

// What package handler provides, for sockets of a server.
type (
	invocation   = handler.Call[*Socket]
	listener     = handler.Listener[*Socket]
	listeners    = handler.Listeners[*Socket]
	hooks[F any] = handler.Hooks[F]
)

// newListener compiles a handler. It panics if the handler's form or the event's name
// is wrong, so that a mistake in the program shows before the first client connects.
func newListener(event string, h any, order uint64) *listener {
	if parser.IsReserved(event) {
		panic(fmt.Sprintf("socketio: %q is not an event that clients send; use OnConnect, OnDisconnecting or OnDisconnect", event))
	}
	call, err := handler.Compile[*Socket](h)
	if err != nil {
		panic(fmt.Sprintf("socketio: the handler of %q %v", event, err))
	}
	return &listener{Order: order, Call: call}
}

// newServerListener is newListener for events of other nodes, which have no socket.
func newServerListener(event string, h any, order uint64) *listener {
	if err := checkServerEvent(event); err != nil {
		panic(err.Error())
	}
	call, err := handler.CompileWithoutSocket[*Socket](h)
	if err != nil {
		panic(fmt.Sprintf("socketio: the handler of the server event %q %v", event, err))
	}
	return &listener{Order: order, Call: call}
}

// owner is a Socket as its events' handlers see it.
type owner struct{ *Socket }

// Answer implements [handler.Owner].
func (o owner) Answer(id uint64, args []any) error {
	err := o.acknowledge(id, args)
	if errors.Is(err, net.ErrClosed) {
		return nil // the client has left and does not wait for an answer
	}
	return err
}

// Report implements [handler.Owner].
func (o owner) Report(err error) { o.report(err) }

// serverEvent is an event from another node.
type serverEvent struct {
	nsp    *Namespace
	answer func(args ...any)
}

// Context implements [handler.Owner]: there is nothing that could end.
func (e *serverEvent) Context() context.Context { return context.Background() }

// Answer implements [handler.Owner].
func (e *serverEvent) Answer(_ uint64, args []any) error {
	e.answer(slices.Clone(args)...)
	return nil
}

// Report implements [handler.Owner].
func (e *serverEvent) Report(err error) { e.nsp.report(nil, err, false) }
