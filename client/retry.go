package client

import (
	"context"
	"errors"
	"slices"
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
	s.queue = append(s.queue, out)
	s.bytes += out.message.Len()
	s.drainLocked()
	return nil
}

// unqueueLocked takes an event out of the queue.
func (s *Socket) unqueueLocked(out *outgoing) {
	i := slices.Index(s.queue, out)
	if i < 0 {
		return
	}
	s.queue = slices.Delete(s.queue, i, i+1)
	if len(s.queue) == 0 {
		s.queue = nil
	}
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
	if err := s.sendLocked(out); err != nil {
		if !errors.Is(err, engine.ErrClosed) {
			s.pauseLocked()
		}
		return // for later, or for the next connection
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

// triedLocked notes that the first of the queue was sent in vain, and sends it again
// if that is allowed.
func (s *Socket) triedLocked(out *outgoing, err error) {
	out.flying = false
	out.timer.Stop()
	if out.sent > s.opts.Retries {
		s.unqueueLocked(out)
		s.dropLocked(out, &RetryError{Event: out.event, Sent: out.sent, Err: err})
	}
	s.drainLocked()
}
