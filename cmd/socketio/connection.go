package main

import (
	"context"
	"time"

	"github.com/seed96b07ef8/socketio/client"
	"github.com/seed96b07ef8/socketio/engine"
	"github.com/seed96b07ef8/socketio/parser"
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

// A question is an event of the server that wants an acknowledgement.
type question struct {
	conn      *engine.Client // over which it came
	namespace string
	id        uint64
}

// question returns the question with the given ID that has just come.
func (c *connection) question(s *client.Socket, id uint64) question {
	return question{c.manager.Engine(), s.Namespace(), id}
}

// acknowledge answers a question.
func (c *connection) acknowledge(q question, values []any) error {
	if q.conn == nil {
		return engine.ErrClosed
	}
	h := parser.Header{Type: parser.Ack, Namespace: q.namespace, ID: q.id, HasID: true}
	codec := c.target.codec
	data, attachments, err := codec.Append(nil, h, "", values)
	if err != nil {
		return err
	}
	m := engine.NewTextMessage(data, attachments...)
	if codec.Binary() {
		m = engine.NewBinaryMessage(data)
	}
	return q.conn.Send(m, 0)
}
