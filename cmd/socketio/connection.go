package main

import (
	"context"
	"errors"
	"time"

	"github.com/seed96b07ef8/socketio/client"
)

// A connection is a connection with a server.
type connection struct {
	target  *target
	manager *client.Manager
}

func newConnection(t *target) *connection {
	return &connection{target: t, manager: client.NewManager(t.url.String(), &t.options)}
}

// open connects a socket, once.
func (c *connection) open(ctx context.Context, s *client.Socket) error {
	if err := s.Connect(ctx); err != nil {
		if ctx.Err() != nil {
			return errInterrupted
		}
		return c.target.explain(err)
	}
	return nil
}

// close disconnects. It waits until everything that was sent before has been
// written.
func (c *connection) close() {
	e := c.manager.Engine()
	c.manager.Close()
	if e == nil {
		return
	}
	select {
	case <-e.Done():
	case <-time.After(c.target.timeout):
	}
}

// deliver waits until the server has read all emitted events, and disconnects. what
// names them in the error.
func (c *connection) deliver(ctx context.Context, what string) error {
	limited, cancel := context.WithTimeout(ctx, c.target.timeout)
	defer cancel()
	err := c.manager.Shutdown(limited)
	var gone *client.DisconnectError
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return errInterrupted
	case errors.As(err, &gone):
		return failf(exitNoConnection, "%s before the server had confirmed that it read %s", disconnected(gone.Reason, gone.Err), what)
	}
	return failf(exitTimeout, "the server has not read %s within %v", what, c.target.timeout)
}

// A question is an event for which the server requests an acknowledgement.
type question struct {
	ctx    context.Context // ends with the connection over which it came
	answer func(values ...any)
}

// handle calls f for an event that OnAny received. q is nil if the server does
// not request an acknowledgement.
func handle(s *client.Socket, name string, f func(event string, q *question)) {
	event, wantsAck := splitEvent(name)
	if !wantsAck {
		f(event, nil)
		return
	}
	// This handler is called next, and its answer is sent only over the connection of
	// the event.
	s.Once(name, func(ctx context.Context, ack func(...any)) { f(event, &question{ctx, ack}) })
}
