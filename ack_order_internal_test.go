package socketio

import (
	"context"
	"testing"

	"github.com/seed96b07ef8/socketio/internal/await"
	"github.com/seed96b07ef8/socketio/internal/wiretest"
)

// notedAck is a waiter that counts its answers.
type notedAck struct{ answers int }

func (w *notedAck) answered(*Socket, ackResult) { w.answers++ }

// A timer that has fired for acknowledgements that were delivered meanwhile does not deliver
// others before the events in front of them.
func TestLateTimerOfHeldAcknowledgements(t *testing.T) {
	io := NewServer(nil)
	t.Cleanup(func() { _ = io.Shutdown(context.Background()) })
	came := make(chan *Socket, 1)
	io.OnConnect(func(s *Socket) { came <- s })
	wiretest.Join(t, wiretest.Serve(t, io), "websocket", "/")
	s := <-came
	waiter := new(notedAck)
	hold := func() *heldAcks {
		s.holdLocked(heldAck{waiter: waiter})
		s.heldAcks.timer.Stop()
		return s.heldAcks
	}

	await.Until(t, "the end of OnConnect", func() bool { return Idle(s) })
	s.mu.Lock()
	s.working = true // as if a handler ran, and an event waited behind it
	first := hold()
	s.takeDueLocked(true)
	second := hold()
	s.mu.Unlock()
	s.releaseAcks(first)
	if waiter.answers != 0 {
		t.Error("the timer of earlier acknowledgements has delivered a later one")
	}
	s.releaseAcks(second)
	if waiter.answers != 1 {
		t.Errorf("delivered %d times by its own timer, want once", waiter.answers)
	}
	s.mu.Lock()
	s.working = false
	s.mu.Unlock()
}
