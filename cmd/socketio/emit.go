package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/seed96b07ef8/socketio/client"
)

// emit emits one event and prints the acknowledgement.
func emit(ctx context.Context, std stdio, o *settings, rawURL, event string, values []any, noAck bool) error {
	t, err := o.target(rawURL, std.err)
	if err != nil {
		return err
	}
	t.options.NoReconnect = true
	c := newConnection(t)
	defer c.close()
	s := c.manager.Socket(t.namespace, nil)
	if err := c.open(ctx, s); err != nil {
		return err
	}
	if noAck {
		if err := s.Emit(event, values...); err != nil {
			return t.explainEmit(event, err)
		}
		return c.deliver(ctx, eventName(event))
	}
	ack, err := s.Timeout(t.timeout).EmitWithAck(ctx, event, values...)
	switch {
	case ctx.Err() != nil:
		return errInterrupted
	case err != nil:
		return t.explainEmit(event, err)
	}
	_, err = fmt.Fprintln(std.out, jsonArray(ack))
	return general(err)
}

// explainEmit says why an event did not arrive.
func (t *target) explainEmit(event string, err error) error {
	var gone *client.DisconnectError
	switch {
	case err == nil:
		return nil
	case errors.Is(err, context.DeadlineExceeded):
		return failf(exitTimeout, "no acknowledgement of %s within %v: does the server acknowledge it? (--no-ack asks for none)", eventName(event), t.timeout)
	case errors.As(err, &gone):
		return failf(exitNoConnection, "%s before %s was acknowledged", disconnected(gone.Reason, gone.Err), eventName(event))
	case errors.Is(err, client.ErrReservedEvent):
		return failf(exitUsage, "%s is an event that the protocol keeps for itself: it cannot be emitted", eventName(event))
	}
	return general(err)
}
