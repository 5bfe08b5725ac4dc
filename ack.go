package socketio

import (
	"sync/atomic"

	"github.com/seed96b07ef8/socketio/parser"
)

// ackResult is the answer to an event: the client's, or none because the socket
// was disconnected.
type ackResult struct {
	args Args
	err  error
}

// expectAck makes room for an answer.
func (s *Socket) expectAck() (id uint64, result <-chan ackResult, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state == ended {
		return 0, nil, s.reason
	}
	if limit := s.nsp.server.opts.MaxPendingAcks; len(s.acks) >= limit {
		return 0, nil, &LimitError{Option: "MaxPendingAcks", Max: limit}
	}
	if s.acks == nil {
		s.acks = make(map[uint64]chan ackResult)
	}
	id = s.nsp.acks.Add(1) - 1
	c := make(chan ackResult, 1)
	s.acks[id] = c
	return id, c, nil
}

// takeAck removes the waiting for an answer. mu is held.
func (s *Socket) takeAck(id uint64) chan ackResult {
	c := s.acks[id]
	delete(s.acks, id)
	if len(s.acks) == 0 {
		s.acks = nil
	}
	return c
}

func (s *Socket) forgetAck(id uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.takeAck(id)
}

// acknowledged passes an answer on. One that nobody waits for is ignored.
func (s *Socket) acknowledged(p *parser.Packet) {
	if !p.HasID {
		return
	}
	s.mu.Lock()
	c := s.takeAck(p.ID)
	s.mu.Unlock()
	if c != nil {
		c <- ackResult{args: p.Args}
	}
}

// An acker answers one event of a client, once.
type acker struct {
	socket *Socket
	id     uint64
	done   atomic.Bool
}

// send answers with args. It does nothing for an event that wants no answer, or
// has one.
func (a *acker) send(args ...any) error {
	if a == nil || a.done.Swap(true) {
		return nil
	}
	return a.socket.emitter().send(parser.Header{Type: parser.Ack, ID: a.id, HasID: true}, "", args)
}
