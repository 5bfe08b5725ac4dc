package client

import (
	"context"
	"errors"
	"time"

	"github.com/seed96b07ef8/socketio/engine"
)

// Retries: each event waits in a queue until the server has acknowledged it. Only
// the first of the queue is in flight. It keeps its acknowledgement's ID when it is
// sent again, so that a late answer to an earlier time counts, too.

// enqueueLocked appends an event to the queue.
func (s *Socket) enqueueLocked(out *outgoing) error {
	if ok, err := s.makeRoomLocked(out); !ok {
		return err
	}
	if out.timeout <= 0 {
		out.timeout = s.opts.AckTimeout
	}
	out.queued, out.turn = true, s.nextTurnLocked()
	s.queue = append(s.queue, out)
	s.bytes += out.message.Len()
	s.drainLocked()
	return nil
}

// unqueueLocked takes an event out of the queue.
func (s *Socket) unqueueLocked(out *outgoing) {
	if !out.queued {
		return
	}
	s.queue = remove(s.queue, out)
	out.queued = false
	s.noteChangeLocked()
	s.bytes -= out.message.Len()
	if out.timer != nil {
		out.timer.Stop()
	}
	out.flying = false
}

// drainLocked sends the first of the queue, unless it is in flight already.
func (s *Socket) drainLocked() {
	if len(s.queue) == 0 || s.queue[0].flying {
		return
	}
	out := s.queue[0]
	full, err := s.sendLocked(out)
	switch {
	case full != nil:
		s.pauseLocked(full)
		return
	case errors.Is(err, engine.ErrClosed):
		return // for the next connection
	case err != nil:
		s.unqueueLocked(out)
		s.refusedLocked(out, err)
		s.drainLocked()
		return
	}
	out.flying = true
	out.sent++
	sent := out.sent
	out.timer = time.AfterFunc(out.timeout, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if len(s.queue) > 0 && s.queue[0] == out && out.flying && out.sent == sent {
			s.triedLocked(out, context.DeadlineExceeded)
		}
	})
}

// triedLocked notes that sending the first event of the queue has failed, and sends it
// again if a retry is left.
func (s *Socket) triedLocked(out *outgoing, err error) {
	out.flying = false
	out.timer.Stop()
	if out.sent > s.opts.Retries {
		s.unqueueLocked(out)
		why := &RetryError{Namespace: s.namespace, Event: out.event, Sent: out.sent, Err: err}
		if out.result == nil {
			s.ledger.lose(1, why)
		}
		s.dropLocked(out, why)
	}
	s.drainLocked()
}
