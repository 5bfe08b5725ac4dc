package socketio

import (
	"errors"
	"fmt"
	"iter"
	"strings"

	"github.com/seed96b07ef8/socketio/adapter"
	"github.com/seed96b07ef8/socketio/internal/seam"
	"github.com/seed96b07ef8/socketio/parser"
	"github.com/seed96b07ef8/socketio/peer"
)

// An Ack is one client's acknowledgement of a broadcast.
type Ack = peer.Ack

// Collect waits for all acknowledgements of a broadcast. It returns those that arrived,
// and the errors of the others joined to one: its Unwrap returns them all, and its text
// has a line for each, up to a bound, with equal ones counted.
func Collect(acks iter.Seq2[Ack, error]) (answers []Ack, err error) {
	var errs []error
	for ack, err := range acks {
		if err != nil {
			errs = append(errs, err)
		} else {
			answers = append(answers, ack)
		}
	}
	if len(errs) > 0 {
		return answers, ackErrors(errs)
	}
	return answers, nil
}

// ackErrors is why clients did not answer a broadcast.
type ackErrors []error

// maxAckLines bounds the lines of a text that is meant for a log: a broadcast may reach
// every client of a cluster.
const maxAckLines = 20

// Error returns a line for each error. Equal ones, of sockets of other nodes whose IDs are
// not known, share one.
func (e ackErrors) Error() string {
	var lines []string
	counts := make(map[string]int)
	for _, err := range e {
		text := err.Error()
		if counts[text]++; counts[text] == 1 {
			lines = append(lines, text)
		}
	}
	shown, rest := lines[:min(len(lines), maxAckLines)], len(e)
	for i, text := range shown {
		n := counts[text]
		rest -= n
		if n > 1 {
			shown[i] = fmt.Sprintf("%s (%d times)", text, n)
		}
	}
	if rest > 0 {
		shown = append(shown, fmt.Sprintf("and %d more", rest))
	}
	return strings.Join(shown, "\n")
}

// Unwrap returns the errors.
func (e ackErrors) Unwrap() []error { return e }

// ErrNoDeadline is yielded by a broadcast with acknowledgements that could wait for
// ever.
var ErrNoDeadline = errors.New("socketio: a broadcast with acknowledgements needs a context with a deadline, or a Timeout")

func failedAcks(err error) iter.Seq2[Ack, error] {
	return func(yield func(Ack, error) bool) { yield(Ack{}, err) }
}

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

// A pendingAck is an acknowledgement that the client has not sent yet.
type pendingAck struct {
	waiter ackWaiter
	during uint64 // the number of the event or notice that was being handled, 0 for none
}

// nextAck returns the ID of the next acknowledgement to request.
func (n *Namespace) nextAck() uint64 { return n.acks.Add(1) - 1 }

// expectAck registers w for the acknowledgement with the given ID.
func (s *Socket) expectAck(id uint64, w ackWaiter) error {
	// The reader may be lent, perhaps to a handler that is going to wait for this. Called
	// after the change, so that a worker that borrows the reader only now sees it.
	defer s.conn.engine.Internal(seam.Key{}).ReadOn()
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

// asks reports whether an acknowledgement is pending.
func (s *Socket) asks() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.acks) > 0
}

// takeAck removes and returns a pending acknowledgement. mu is held.
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
