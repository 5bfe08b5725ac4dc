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

// close takes leave of the server. It waits until what was sent before has left, as
// long as that may take.
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

// deliver waits until the server has read what was emitted, and takes leave of it. what
// names that in the error.
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
		return failf(exitNoConnection, "%s before the server had read %s", disconnected(gone.Reason, gone.Err), what)
	}
	return failf(exitTimeout, "the server has not read %s within %v", what, c.target.timeout)
}

// A question is an event of the server that wants an acknowledgement.
type question struct {
	ctx    context.Context // ends with the connection over which it came
	answer func(values ...any)
}

// handle calls f for an event that OnAny has got. q is nil if the server wants no
// acknowledgement.
func handle(s *client.Socket, name string, f func(event string, q *question)) {
	event, wantsAck := splitEvent(name)
	if !wantsAck {
		f(event, nil)
		return
	}
	// It is called next, and its answer goes out over the connection of the event only.
	s.Once(name, func(ctx context.Context, ack func(...any)) { f(event, &question{ctx, ack}) })
}
