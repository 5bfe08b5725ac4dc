package socketio

import (
	"github.com/seed96b07ef8/socketio/internal/dispatch"
	"github.com/seed96b07ef8/socketio/internal/seam"
	"github.com/seed96b07ef8/socketio/parser"
)

// inbox holds the work of a socket: events, in order, and notices. It is guarded by the
// socket's mu.
type inbox struct {
	events   dispatch.Queue[task]
	handling int    // the cost of the event that is being handled
	lost     int    // messages to the client that were dropped, for noticeDropped
	popped   uint64 // events that were taken out
	begun    uint64 // the number of the event or notice that is being handled
	notices  notice
}

// taskMemory is what inboxes hold events in.
var taskMemory dispatch.Memory[task]

// len returns the number of events.
func (q *inbox) len() int { return q.events.Len() }

// push returns a new task.
func (q *inbox) push() *task { return q.events.Push(&taskMemory) }

// pop takes the oldest task out. There must be one.
func (q *inbox) pop() task {
	q.popped++
	return q.events.Pop(&taskMemory)
}

// dropEvents takes the events out, and returns what they cost.
func (q *inbox) dropEvents() (cost int) {
	for q.len() > 0 {
		cost += q.pop().cost
	}
	return cost
}

// isEmpty reports whether there is nothing to do.
func (q *inbox) isEmpty() bool { return q.len() == 0 && q.notices == 0 }

// next takes out what is to be done next: a notice, or, if that is 0, the event that is
// put into t. It returns what the one before cost. The inbox must not be empty.
func (q *inbox) next(t *task) (n notice, done int) {
	done, q.handling = q.handling, 0
	q.begun++
	if n = q.notices & -q.notices; n != 0 && (q.len() == 0 || n&noticesEnd == 0) {
		q.notices &^= n
		*t = task{}
		return n, done
	}
	*t = q.pop()
	q.handling = t.cost
	return 0, done
}

// rest notes that nothing is being done. It returns what the last task cost.
func (q *inbox) rest() (done int) {
	done, q.handling = q.handling, 0
	return done
}

// A notice is something that a socket has to do besides handling events. It is a flag:
// it takes no room from the events, and however often it is given, it is there once.
type notice uint8

// The notices. Those with a lower value come first.
const (
	noticeConnect notice = 1 << iota // run the middleware and connect
	noticeDrained                    // call the functions of OnDrain
	noticeDropped                    // call Hooks.Dropped

	// The end, behind the events. It is in pieces, so that what the application does in
	// one of them does not keep the others from being done.
	noticeDisconnecting // call the functions of OnDisconnecting
	noticeLeave         // leave the rooms
	noticeDisconnected  // call the functions of OnDisconnect
	noticeDepart        // give back what the server holds for the socket

	noticesEnd = noticeDisconnecting | noticeLeave | noticeDisconnected | noticeDepart
)

// A task is an event to be handled.
type task struct {
	cost  int // bytes in the connection's budget
	event *parser.Packet
	at    int64 // when it arrived, if a hook wants to know; see clock
}

// A worker is a goroutine that runs the handlers of sockets.
type worker = dispatch.Worker[workspace]

// workspace is what a worker keeps between events, so that these need no memory for it.
type workspace struct {
	task task        // what is being done
	call *invocation // of the event before; nil when there is none to use again
}

// invocation returns an empty invocation: that of the event before, unless its
// handler has got an ack function, which it may call at any time.
func (w *workspace) invocation() *invocation {
	if w.call == nil || !w.call.Reset() {
		w.call = new(invocation)
	}
	return w.call
}

// forget lets go of the event before.
func (w *workspace) forget() {
	w.task = task{}
	if w.call != nil && !w.call.Reset() {
		w.call = nil
	}
}

// A job is the work of a socket, as a worker sees it.
type job struct{ *Socket }

// Work implements [dispatch.Job].
func (s job) Work(w *worker) { s.work(w) }

// Resign implements [dispatch.Job].
func (s job) Resign() { s.resign() }

// lent is the work of a socket, done by the goroutine that reads for it.
type lent struct{ *Socket }

// Do implements [seam.Work].
func (s lent) Do() {
	e := s.conn.engine.Internal(seam.Key{})
	if s.asks() {
		e.ReadOn()
	}
	s.nsp.server.readers.Do(job(s), e, s.conn.engine.ID()[0]) // session IDs are random
}

// start makes a worker run the inbox, unless one does already or the inbox is empty.
func (s *Socket) start() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.startLocked()
}

func (s *Socket) startLocked() {
	if s.working || s.inbox.isEmpty() && s.heldAcks == nil {
		return
	}
	s.working = true
	// It ends when the inbox is empty; handlers that wait are ended by their
	// socket's context.
	s.nsp.server.workers.Run(job{s})
}

// borrowReader runs the inbox on the connection's reader goroutine. It returns false if
// a worker already runs it, or if an acknowledgement is pending, for which the reader
// must stay free.
func (s *Socket) borrowReader() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.working || s.inbox.len() == 0 || len(s.acks) > 0 || !s.conn.engine.Internal(seam.Key{}).Lend(lent{s}) {
		return false
	}
	s.working = true
	return true
}

// resign hands the inbox to another worker. It is called when a handler ends its
// goroutine with runtime.Goexit.
func (s *Socket) resign() {
	s.mu.Lock()
	s.madeRoom(s.inbox.rest(), s.inbox.len())
	s.working = false
	s.startLocked()
	s.mu.Unlock()
	if s.nsp.server.draining.Load() {
		s.drain()
	}
}

// work does what is in the inbox until it is empty.
func (s *Socket) work(w *worker) {
	corked := false
	for {
		s.mu.Lock()
		if s.heldAcks != nil {
			s.deliverDueLocked()
		}
		if s.inbox.isEmpty() {
			s.madeRoom(s.inbox.rest(), 0)
			s.working = corked
			s.mu.Unlock()
			if !corked {
				break
			}
			// This worker also handles events that arrive while Stop sends.
			corked = false
			w.Stop()
			continue
		}
		n, done := s.inbox.next(&w.Scratch.task)
		s.madeRoom(done, s.inbox.len())
		more := s.inbox.len() > 0
		s.mu.Unlock()

		if more && n == 0 {
			corked = true
			w.Hold(s.conn.engine) // again, if the time was over
		}
		s.run(n, &w.Scratch.task, w)
	}
	w.Scratch.forget()
	if s.nsp.server.draining.Load() {
		s.drain()
	}
}

// madeRoom takes cost bytes out of the connection's budget. left is the number of tasks
// in the inbox. It does not wake the reader for every event, but when the inbox is
// empty or at most half of each limit is in use. The event that begins to be handled
// does not count, as in hasRoom.
func (s *Socket) madeRoom(cost, left int) {
	b, o := &s.conn.budget, s.nsp.server.opts
	s.conn.hold(-cost)
	if left == 0 || left <= o.InboxEvents/2 && b.bytes()-s.inbox.handling <= o.InboxBytes/2 {
		b.wakeReader()
	}
}

// noteDrained schedules the functions of OnDrain. A worker calls them with no lock
// held, whatever the connection does. noteDrained does nothing if there is no such
// function, and no event whose handler could register one: over polling, it is called
// for every second answer.
func (s *Socket) noteDrained() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state == connected && (s.working || s.inbox.len() > 0 || s.seesDrain()) {
		s.inbox.notices |= noticeDrained
		s.startLocked()
	}
}

// seesDrain reports whether something is registered for the end of a backlog.
func (s *Socket) seesDrain() bool {
	extra := s.registered()
	return !s.nsp.drained.isEmpty() || extra != nil && len(extra.drained.Load()) > 0
}

// noteDropped is noteDrained for messages that were dropped.
func (s *Socket) noteDropped(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.inbox.lost += n
	s.inbox.notices |= noticeDropped
	s.startLocked()
}
