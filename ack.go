package socketio

import (
	"encoding/json"

	"github.com/seed96b07ef8/socketio/adapter"
	"github.com/seed96b07ef8/socketio/parser"
)

// ackResult is the answer to an event: the client's, or none because the socket
// was disconnected.
type ackResult struct {
	args Args
	err  error
}

// An ackWaiter waits for the answer of a socket's client. answered is called at
// most once and must not block.
type ackWaiter interface {
	answered(s *Socket, r ackResult)
}

// chanWaiter is a channel with room for the answer.
type chanWaiter chan ackResult

func (c chanWaiter) answered(_ *Socket, r ackResult) { c <- r }

// sinkWaiter passes the answer to an adapter.
type sinkWaiter struct{ adapter.AckSink }

func (w sinkWaiter) answered(s *Socket, r ackResult) {
	w.Ack(adapter.Ack{Socket: s.id, Args: r.args, Err: r.err})
}

// A pendingAck is an acknowledgement that was asked for.
type pendingAck struct {
	waiter ackWaiter
	during uint64 // the number of the event or notice that was being handled, 0 for none
}

// nextAck returns the ID of an acknowledgement to ask for.
func (n *Namespace) nextAck() uint64 { return n.acks.Add(1) - 1 }

// expectAck makes room for the answer with the given ID.
func (s *Socket) expectAck(id uint64, w ackWaiter) error {
	// The reader may be lent, to a handler that is going to wait for this perhaps.
	// Behind the change: if it is lent only now, whoever it is lent to sees that.
	defer s.conn.engine.ReadOn()
	// Or the reader may wait for room that there is since the handler has begun, whose
	// event does not count any more.
	defer s.conn.budget.wakeReader()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state == ended {
		return s.reason
	}
	asked := pendingAck{waiter: w}
	if s.working {
		asked.during = s.inbox.begun
	}
	if limit := s.nsp.server.opts.MaxPendingAcks; len(s.acks) >= limit {
		return &LimitError{Option: "MaxPendingAcks", Max: limit}
	}
	if s.acks == nil {
		s.acks = make(map[uint64]pendingAck)
	}
	s.acks[id] = asked
	return nil
}

// asks reports whether an answer is waited for.
func (s *Socket) asks() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.acks) > 0
}

// takeAck removes the waiting for an answer. mu is held.
func (s *Socket) takeAck(id uint64) pendingAck {
	w := s.acks[id]
	delete(s.acks, id)
	if len(s.acks) == 0 {
		s.acks = nil
	}
	return w
}

func (s *Socket) forgetAck(id uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.takeAck(id)
}

// acknowledge sends the acknowledgement with the given ID.
func (s *Socket) acknowledge(id uint64, args []any) error {
	if err := s.err(); err != nil {
		return err
	}
	var sent func(*Socket, string, int)
	if f := s.hooks().AckSent; f != nil {
		sent = func(s *Socket, _ string, bytes int) { f(s, bytes) }
	}
	return s.transmit(parser.Header{Type: parser.Ack, ID: id, HasID: true}, "", args, 0, sent)
}

// jsonArgs makes one argument of a JSON value.
func jsonArgs(raw json.RawMessage) Args {
	return parser.NewArgs(jsonValues{}, [][]byte{raw}, nil)
}

// jsonValues decodes plain JSON.
type jsonValues struct{}

func (jsonValues) DecodeValue(raw []byte, _ [][]byte, ptr any) error { return json.Unmarshal(raw, ptr) }
