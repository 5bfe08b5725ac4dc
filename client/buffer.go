package client

import (
	"errors"
	"slices"

	"github.com/seed96b07ef8/socketio/engine"
)

// This file has what waits at a socket for its connection, or for room in it.

// bufferLocked keeps an event until the socket is connected.
func (s *Socket) bufferLocked(out *outgoing) error {
	if ok, err := s.makeRoomLocked(out); !ok {
		return err
	}
	out.buffers, out.turn = true, s.nextTurnLocked()
	s.buffer = append(s.buffer, out)
	s.bytes += out.message.Len()
	if out.hasID {
		s.expectLocked(out)
	}
	return nil
}

// nextTurnLocked returns the turn of an event that begins to wait.
func (s *Socket) nextTurnLocked() uint64 {
	s.turns++
	return s.turns
}

func (s *Socket) unbufferLocked(out *outgoing) {
	if !out.buffers {
		return
	}
	s.buffer = remove(s.buffer, out)
	s.bytes -= out.message.Len()
	out.buffers = false
	s.noteChangeLocked()
}

// remove removes an event from a list, in no time if it is the first.
func remove(list []*outgoing, out *outgoing) []*outgoing {
	switch i := slices.Index(list, out); {
	case len(list) == 1:
		return nil
	case i == 0:
		list[0] = nil
		return list[1:]
	default:
		return slices.Delete(list, i, i+1)
	}
}

// flushLocked sends what has waited for the connection, in order, over the corked
// connection, as much as that has room for.
func (s *Socket) flushLocked() {
	for n := 0; len(s.buffer) > 0; n++ {
		if n == flushBatch {
			s.pauseLocked(nil)
			return
		}
		out := s.buffer[0]
		full, err := s.sendLocked(out)
		switch {
		case full != nil:
			s.pauseLocked(full)
			return
		case errors.Is(err, engine.ErrClosed):
			return // for the next connection
		case err != nil:
			s.refusedLocked(out, err)
		}
		s.unbufferLocked(out)
	}
}

// pauseLocked has what waits sent later: at once if full is nil, or when it is closed.
func (s *Socket) pauseLocked(full <-chan struct{}) {
	if s.paused {
		return
	}
	s.paused = true
	go func() { // ends when the connection has room, or has ended
		if full != nil {
			<-full
		}
		s.resume()
	}()
}

func (s *Socket) resume() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.paused = false
	if !s.connectedLocked() {
		return // there will be another connection
	}
	e := s.life.conn.engine
	e.Cork()
	s.flushLocked()
	s.drainLocked()
	e.Uncork()
	if e.Writable() {
		s.noteDrainedLocked()
	}
}

// makeRoomLocked applies the overflow policy to what waits for the connection. It
// reports whether there is room for out.
func (s *Socket) makeRoomLocked(out *outgoing) (bool, error) {
	o := s.manager.opts
	size := out.message.Len()
	exceeded := func() *LimitError {
		switch {
		case size > o.BufferBytes:
			return &LimitError{Option: "BufferBytes", Max: o.BufferBytes, Size: size}
		case len(s.buffer)+len(s.queue) >= o.BufferMessages:
			return &LimitError{Option: "BufferMessages", Max: o.BufferMessages}
		case s.bytes+size > o.BufferBytes:
			return &LimitError{Option: "BufferBytes", Max: o.BufferBytes}
		}
		return nil
	}
	for {
		full := exceeded()
		switch {
		case full == nil:
			return true, nil
		case out.waits:
			return false, full
		case o.Overflow == DropNewest && out.result == nil:
			return false, nil
		case o.Overflow != DropOldest || size > o.BufferBytes || !s.dropOldestLocked(full):
			return false, full
		}
	}
}

// dropOldestLocked discards what has waited longest. It returns false when nothing
// can be discarded.
func (s *Socket) dropOldestLocked(why error) bool {
	var out *outgoing
	switch {
	case len(s.buffer) > 0:
		out = s.buffer[0]
	case len(s.queue) > 0 && !s.queue[0].flying:
		out = s.queue[0]
	case len(s.queue) > 1:
		out = s.queue[1]
	default:
		return false
	}
	s.unbufferLocked(out)
	s.unqueueLocked(out)
	s.dropLocked(out, why)
	return true
}

// dropLocked reports an event that is not sent to its caller. The caller of dropLocked
// has removed it from what waits, or does.
func (s *Socket) dropLocked(out *outgoing, err error) {
	out.buffers, out.queued = false, false // withdraw must not take it for one that waits
	if out.hasID {
		delete(s.acks, out.id)
	}
	switch {
	case out.result != nil:
		out.settle(ackResult{err: err})
	case out.retried:
		s.reportLater(err)
	}
}

// discardLocked drops everything that waits, for good.
func (s *Socket) discardLocked(why error) {
	s.discarded = why
	for _, out := range slices.Concat(s.buffer, s.queue) {
		if out.timer != nil {
			out.timer.Stop()
		}
		s.dropLocked(out, why)
	}
	s.buffer, s.queue, s.bytes = nil, nil, 0
	s.noteChangeLocked()
}
