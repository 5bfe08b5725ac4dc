package socketio

import (
	"errors"
	"sync"
	"time"

	"github.com/seed96b07ef8/socketio/adapter"
	"github.com/seed96b07ef8/socketio/engine"
	"github.com/seed96b07ef8/socketio/internal/handler"
	"github.com/seed96b07ef8/socketio/parser"
)

// inbox is what a socket has to do: events, in order, and notices. It is guarded by the
// socket's mu. It holds memory for events only while there are some.
type inbox struct {
	head, tail  *tasks
	n           int    // events
	handling    int    // the cost of the event that is being handled
	lost        int    // messages to the client that were dropped, for noticeDropped
	popped      uint64 // events that were taken out
	begun       uint64 // the number of the event or notice that is being handled
	notices     notice
	first, last uint8 // index of the oldest task in head, and behind the newest in tail
}

// A notice is something that a socket has to do besides handling events. It is a flag:
// it takes no room from the events, and however often it is given, it is there once.
type notice uint8

// The notices. Those with a lower value come first.
const (
	noticeConnect notice = 1 << iota // run the middleware and connect
	noticeDrained                    // tell that a backlog is gone
	noticeDropped                    // tell that messages were dropped

	// The end, behind the events. It is in pieces, so that what the application does in
	// one of them does not keep the others from being done.
	noticeDisconnecting // call the functions of OnDisconnecting
	noticeLeave         // leave the rooms
	noticeDisconnected  // call the functions of OnDisconnect
	noticeDepart        // give back what the server holds for the socket

	noticesEnd = noticeDisconnecting | noticeLeave | noticeDisconnected | noticeDepart
)

// tasks is a part of an inbox.
type tasks struct {
	list [tasksSize]task
	next *tasks
}

const tasksSize = 8

var taskMemory = sync.Pool{New: func() any { return new(tasks) }}

// A task is an event to be handled.
type task struct {
	cost  int // bytes in the connection's budget
	event *parser.Packet
	at    int64 // when it came, if a hook wants to know; see clock
}

var epoch = time.Now()

// clock is the time since the start of the program.
func clock() int64 { return int64(time.Since(epoch)) }

// push returns a new task.
func (q *inbox) push() *task {
	if q.tail == nil || q.last == tasksSize {
		next := taskMemory.Get().(*tasks)
		if q.tail == nil {
			q.head, q.first = next, 0
		} else {
			q.tail.next = next
		}
		q.tail, q.last = next, 0
	}
	t := &q.tail.list[q.last]
	q.last++
	q.n++
	return t
}

// pop takes the oldest task out. There must be one.
func (q *inbox) pop() task {
	part := q.head
	t := part.list[q.first]
	part.list[q.first] = task{}
	q.first++
	q.n--
	q.popped++
	if q.n == 0 || q.first == tasksSize {
		q.head, q.first = part.next, 0
		if q.head == nil {
			q.tail, q.last = nil, 0
		}
		part.next = nil
		taskMemory.Put(part)
	}
	return t
}

// dropEvents takes the events out, and returns what they cost.
func (q *inbox) dropEvents() (cost int) {
	for q.n > 0 {
		cost += q.pop().cost
	}
	return cost
}

// isEmpty reports whether there is nothing to do.
func (q *inbox) isEmpty() bool { return q.n == 0 && q.notices == 0 }

// next takes out what is to be done next: a notice, or, if that is 0, the event that is
// put into t. It returns what the one before cost. The inbox must not be empty.
func (q *inbox) next(t *task) (n notice, done int) {
	done, q.handling = q.handling, 0
	q.begun++
	if n = q.notices & -q.notices; n != 0 && (q.n == 0 || n&noticesEnd == 0) {
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

// enqueue appends an event, if the socket is connected and its inbox not full. size is
// that of its messages.
func (s *Socket) enqueue(p *parser.Packet, size, cost int) (queued, full bool) {
	s.mu.Lock()
	ahead := s.inbox.n
	full = s.state == connected && ahead >= s.nsp.server.opts.InboxEvents
	if full || s.state != connected {
		s.mu.Unlock()
		return false, full
	}
	if f := s.hooks().EventReceived; f != nil {
		// Before the event can be handled. Only the reader adds events, so there is room
		// for it afterwards, too.
		s.mu.Unlock()
		f(s, p.Event, size, ahead)
		s.mu.Lock()
		if s.state != connected {
			s.mu.Unlock()
			return false, false
		}
	}
	t := s.inbox.push()
	t.cost, t.event = cost, p
	s.conn.hold(cost)
	if s.hooks().EventHandled != nil {
		t.at = clock()
	}
	s.mu.Unlock()
	return true, false
}

// inboxIsFull reports whether as many events wait as may.
func (s *Socket) inboxIsFull() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.inbox.n >= s.nsp.server.opts.InboxEvents
}

// madeRoom takes cost bytes out of the connection's budget. left is the number of tasks
// in the inbox. The reader is not woken for every event: it goes on when half of what
// there may be is left, or nothing for this socket. The event that begins to be
// handled does not count, as in hasRoom.
func (s *Socket) madeRoom(cost, left int) {
	b, o := &s.conn.budget, s.nsp.server.opts
	s.conn.hold(-cost)
	if left == 0 || left <= o.InboxEvents/2 && b.bytes()-s.inbox.handling <= o.InboxBytes/2 {
		b.wakeReader()
	}
}

// start makes sure that somebody works on the inbox.
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
	s.nsp.server.workers.run(s)
}

// borrowReader has the goroutine that reads work on the inbox, unless somebody does
// already, or waits for an acknowledgement, which is to be read at any time.
func (s *Socket) borrowReader() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.working || s.inbox.n == 0 || len(s.acks) > 0 || !s.conn.engine.Lend(lent{s}) {
		return false
	}
	s.working = true
	return true
}

// resign gives the inbox to another worker.
func (s *Socket) resign() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.madeRoom(s.inbox.rest(), s.inbox.n)
	s.working = false
	s.startLocked()
}

// noteDrained notes that a backlog is gone. The functions for that are called by a
// worker, with no lock held, whatever the connection does. noteDrained does nothing when
// there is no such function, and no event whose handler could register one: over
// polling, this is every second answer.
func (s *Socket) noteDrained() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state == connected && (s.working || s.inbox.n > 0 || s.seesDrain()) {
		s.inbox.notices |= noticeDrained
		s.startLocked()
	}
}

// seesDrain reports whether something is registered for the end of a backlog.
func (s *Socket) seesDrain() bool {
	extra := s.registered()
	return s.nsp.seesDrain() || extra != nil && len(extra.drained.Load()) > 0
}

// noteDropped is noteDrained for messages that were dropped.
func (s *Socket) noteDropped(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.inbox.lost += n
	s.inbox.notices |= noticeDropped
	s.startLocked()
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
			// What has come when that is sent is for this worker, too.
			corked = false
			w.uncork.Stop()
			w.release()
			continue
		}
		n, done := s.inbox.next(&w.task)
		s.madeRoom(done, s.inbox.n)
		more := s.inbox.n > 0
		s.mu.Unlock()

		if more && n == 0 && w.corked.Load() == nil { // or no longer
			corked = true
			w.cork(s.conn.engine)
		}
		s.run(n, &w.task, w)
	}
	w.forget()
}

// run acts on a notice, or handles the event in t. What the application has registered
// is protected where the outcome matters; this is for the rest, such as Hooks.
func (s *Socket) run(n notice, t *task, w *worker) {
	defer func() {
		if v := recover(); v != nil {
			_ = s.nsp.panicked(v, s.id, "") // which logs it
			s.Disconnect()
		}
	}()
	switch n {
	case 0:
		s.handleTask(t, w)
	case noticeConnect:
		s.connect()
	case noticeDrained:
		s.drained()
	case noticeDropped:
		s.dropped()
	case noticeDepart:
		defer s.depart()
		s.conn.left(s)
	default:
		if !s.replaced {
			s.leave(n)
		}
	}
}

// leave acts on a notice of the end of a socket that was admitted.
func (s *Socket) leave(n notice) {
	switch n {
	case noticeDisconnecting:
		s.disconnecting()
	case noticeLeave:
		defer s.nsp.adapter.Remove(peer{s})
		s.park(s.reason.Reason)
	case noticeDisconnected:
		s.disconnected()
	}
}

// dropped tells that messages were not sent.
func (s *Socket) dropped() {
	s.mu.Lock()
	lost := s.inbox.lost
	s.inbox.lost = 0
	s.mu.Unlock()
	s.hooks().Dropped(s.Conn(), lost)
}

// begin has the socket connect, unless it has ended.
func (s *Socket) begin() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state == connecting {
		s.inbox.notices |= noticeConnect
		s.startLocked()
	}
}

// supersede ends a socket whose client asks for its namespace again before it has been
// answered: programs in JavaScript do that when they call disconnect and connect. It
// returns false if the socket is connected.
func (s *Socket) supersede() bool {
	s.mu.Lock()
	if s.state == connected {
		s.mu.Unlock()
		return false
	}
	s.mu.Unlock()
	s.end(ClientNamespaceDisconnect, errAskedAgain)
	return true
}

var errAskedAgain = errors.New("the client has asked for the namespace again")

// connect runs the middleware and tells the client the outcome.
func (s *Socket) connect() {
	s.mu.Lock()
	s.deciding = s.state == connecting
	begins := s.deciding
	s.mu.Unlock()
	if !begins {
		return
	}
	session, ok := s.decide()
	if !ok {
		return
	}
	var payload []any
	if !s.conn.legacy() {
		payload = []any{connectPayload{SID: s.id, PID: s.pid}}
	}
	m, err := s.nsp.encode(parser.Header{Type: parser.Connect}, "", payload)
	if err != nil {
		s.fail(err)
		s.conn.engine.Close()
		return
	}
	s.mu.Lock()
	if s.state != connecting {
		s.mu.Unlock()
		s.unconnected(session)
		return
	}
	// From here on packets of the client are for this socket; it sends none
	// before it has the answer.
	s.state = connected
	s.mu.Unlock()
	s.conn.joined()
	if !s.admitOrClose(session, m) {
		s.startOver()
		return
	}
	if f := s.hooks().Connected; f != nil {
		f(s)
	}
	each(&s.nsp.registry, func(r *registry) *hooks[func(*Socket)] { return &r.connected }, func(f func(*Socket)) bool {
		return s.callHook("connect", func() { f(s) })
	})
}

// admitOrClose admits the socket. When the adapter, or what it calls, panics or ends
// the goroutine, the client cannot be told that it is connected, and the connection ends.
// It returns what admit does.
func (s *Socket) admitOrClose(session *adapter.Session, m *engine.Message) (admitted bool) {
	returned := false
	defer func() {
		if !returned {
			s.conn.engine.Close()
		}
	}()
	admitted = s.admit(session, m)
	returned = true
	return admitted
}

// decide looks for the client's session and, without one, runs the middleware. It
// returns false when the client is refused, as it is when one of them panics or ends the
// goroutine.
func (s *Socket) decide() (session *adapter.Session, ok bool) {
	err := errInternal
	defer func() {
		if err != nil {
			s.reject(session, err)
		}
	}()
	session = s.restore()
	if session == nil || s.nsp.server.opts.Recovery.RunMiddleware {
		if failed := s.authorize(); failed != nil {
			err = failed
			return session, false
		}
	}
	err = nil
	return session, true
}

// reject refuses the client, unless the socket has ended meanwhile.
func (s *Socket) reject(session *adapter.Session, err error) {
	if s.fail(err) {
		s.discard(session)
		s.conn.remove(s, false)
		s.conn.refuse(s.nsp.name, err)
		return
	}
	s.unconnected(session)
}

// errInternal is what a client is told of a panic.
var errInternal error = &ConnectError{Message: "internal error"}

// unconnected concludes the attempt to connect a socket that has ended meanwhile.
func (s *Socket) unconnected(session *adapter.Session) {
	defer s.conn.left(s)
	s.mu.Lock()
	reason := s.reason.Reason
	s.mu.Unlock()
	if reason == ServerNamespaceDisconnect {
		// Middleware has called Disconnect instead of returning an error.
		s.discard(session)
		if s.conn.socket(s.nsp.name) == nil { // the client has not asked again
			s.conn.refuse(s.nsp.name, &ConnectError{Message: string(reason)})
		}
	} else {
		s.giveBack(session)
	}
}

// authorize runs the middleware. What it returns is for the client.
func (s *Socket) authorize() error {
	err := s.nsp.protect(s.id, "", func() error { return s.nsp.authorize(s) })
	if _, ok := err.(*PanicError); ok {
		s.report(err)
		return errInternal
	}
	return err
}

type connectPayload struct {
	SID string `json:"sid"`
	PID string `json:"pid,omitempty"`
}

// fail ends a socket that was never connected. It returns false when that has
// happened already.
func (s *Socket) fail(err error) bool {
	s.mu.Lock()
	if s.state != connecting {
		s.mu.Unlock()
		return false
	}
	cancel := s.endLocked(&DisconnectError{Reason: ServerNamespaceDisconnect, Err: err})
	s.mu.Unlock()
	cancel()
	s.depart()
	return true
}

// end disconnects the socket, once; the handlers for that run behind the events
// that are in the inbox. It reports whether the socket was connected.
func (s *Socket) end(reason Reason, err error) bool {
	return s.endWith(reason, err, false)
}

// endWith is end; with drop it discards the events in the inbox.
func (s *Socket) endWith(reason Reason, err error, drop bool) bool {
	s.mu.Lock()
	was := s.state
	if was == ended {
		s.mu.Unlock()
		return false
	}
	if drop {
		s.conn.hold(-s.inbox.dropEvents())
	}
	cancel := s.endLocked(&DisconnectError{Reason: reason, Err: err})
	runs := was == connected || s.deciding
	s.mu.Unlock()
	s.conn.remove(s, runs)
	cancel()
	if was == connecting {
		s.depart()
		return false
	}
	s.forget(reason)
	// Last, so that the handlers find the context ended.
	s.mu.Lock()
	s.inbox.notices |= noticesEnd
	s.startLocked()
	s.mu.Unlock()
	return true
}

// endLocked changes the state and returns what is to be done without the lock.
func (s *Socket) endLocked(reason *DisconnectError) (cancel func()) {
	s.state, s.reason = ended, reason
	s.gone.Store(true)
	acks, cancelContext := s.acks, s.cancel
	s.acks = nil
	s.conn.budget.wakeReader()
	return func() {
		for _, w := range acks {
			w.waiter.answered(s, ackResult{err: reason})
		}
		if cancelContext != nil {
			cancelContext(reason)
		}
	}
}

// err returns why the socket has ended, or nil.
func (s *Socket) err() error {
	if !s.gone.Load() {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.reason
}

// depart ends what the server holds for the socket.
func (s *Socket) depart() {
	s.nsp.server.exit(s.nsp)
	s.conn.forgetAuth(s.authCost)
}

// disconnecting calls the functions for a socket that is about to leave its rooms.
func (s *Socket) disconnecting() {
	reason := s.reason.Reason
	each(&s.nsp.registry, func(r *registry) *hooks[func(*Socket, Reason)] { return &r.disconnecting }, func(f func(*Socket, Reason)) bool {
		s.callHook("disconnecting", func() { f(s, reason) })
		return true
	})
	if extra := s.registered(); extra != nil {
		for _, f := range extra.disconnecting.Load() {
			s.callHook("disconnecting", func() { (*f)(reason) })
		}
	}
}

// disconnected calls the functions for a socket that has left its rooms.
func (s *Socket) disconnected() {
	reason := s.reason.Reason
	each(&s.nsp.registry, func(r *registry) *hooks[func(*Socket, Reason)] { return &r.disconnected }, func(f func(*Socket, Reason)) bool {
		s.callHook("disconnect", func() { f(s, reason) })
		return true
	})
	if extra := s.registered(); extra != nil {
		for _, f := range extra.disconnected.Load() {
			s.callHook("disconnect", func() { (*f)(reason) })
		}
	}
	if f := s.hooks().Disconnected; f != nil {
		f(s, reason)
	}
}

// drained tells that messages which had to wait have been handed over.
func (s *Socket) drained() {
	each(&s.nsp.registry, func(r *registry) *hooks[func(*Socket)] { return &r.drained }, func(f func(*Socket)) bool {
		return s.callHook("drain", func() { f(s) })
	})
	if extra := s.registered(); extra != nil {
		for _, f := range extra.drained.Load() {
			s.callHook("drain", *f)
		}
	}
}

func (s *Socket) handleTask(t *task, w *worker) {
	observe := s.hooks().EventHandled
	if observe == nil {
		s.handle(t.event, w)
		return
	}
	begin, event := clock(), t.event.Event
	s.handle(t.event, w)
	observe(s, event, time.Duration(begin-t.at), time.Duration(clock()-begin))
}

// handle calls the handlers of an event.
func (s *Socket) handle(p *parser.Packet, w *worker) {
	extra := s.registered()
	observed := extra.seesAll() || s.nsp.seesAll()
	if observed {
		if err := s.pass(p); err != nil {
			s.report(&EventError{Event: p.Event, Err: err})
			return
		}
		extra = s.registered()
	}
	list := s.nsp.of(p.Event, func(r *registry) *listeners { return &r.listeners })
	if extra != nil {
		list = handler.InOrder(list, extra.listeners.Of(p.Event))
	}
	if len(list) == 0 {
		if p.HasID {
			s.nsp.server.unanswered.report(s, p.Event, noHandler)
		}
		return
	}
	in := w.invocation()
	in.Socket, in.Owner, in.Args, in.Wanted, in.ID = s, owner{s}, p.Args, p.HasID, p.ID
	in.Last = !observed && len(list) == 1
	failed := false
	for _, l := range list {
		if !l.Due() {
			continue
		}
		if err := s.nsp.call(l, in, p.Event); err != nil {
			if _, panicked := err.(*PanicError); panicked {
				defer s.Disconnect() // whatever the error hooks do
				s.report(&EventError{Event: p.Event, Err: err})
				return
			}
			s.report(&EventError{Event: p.Event, Err: err})
			failed = true
		}
	}
	if p.HasID && !failed && in.Unanswered() {
		s.nsp.server.unanswered.report(s, p.Event, noResult)
	}
	if in.Released {
		p.Release()
	}
}

// seesAll reports whether something is registered that sees all events.
func (r *registry) seesAll() bool {
	return len(r.incoming.Load()) > 0 || len(r.packets.Load()) > 0 || r.parent != nil && r.parent.seesAll()
}

// seesDrain reports whether something is registered for the end of a backlog.
func (r *registry) seesDrain() bool {
	return len(r.drained.Load()) > 0 || r.parent != nil && r.parent.seesDrain()
}

// pass shows an event to those who see all of them. An error keeps it from its
// handlers.
func (s *Socket) pass(p *parser.Packet) error {
	return s.nsp.protect(s.id, p.Event, func() (err error) {
		extra := s.registered()
		each(&s.nsp.registry, func(r *registry) *hooks[func(*Socket, string, Args)] { return &r.incoming }, func(f func(*Socket, string, Args)) bool {
			f(s, p.Event, p.Args)
			return true
		})
		if extra != nil {
			for _, f := range extra.incoming.Load() {
				(*f)(p.Event, p.Args)
			}
		}
		each(&s.nsp.registry, func(r *registry) *hooks[PacketMiddleware] { return &r.packets }, func(f PacketMiddleware) bool {
			err = f(s.Context(), s, p.Event, p.Args)
			return err == nil
		})
		if extra == nil || err != nil {
			return err
		}
		for _, f := range extra.packets.Load() {
			if err := (*f)(s.Context(), p.Event, p.Args); err != nil {
				return err
			}
		}
		return nil
	})
}

// report hands an error to the error hooks.
func (s *Socket) report(err error) {
	told := false
	if extra := s.registered(); extra != nil {
		for _, f := range extra.failed.Load() {
			s.nsp.callErrorHook(s, func() { (*f)(err) })
			told = true
		}
	}
	s.nsp.report(s, err, told)
}

// callHook calls one of the functions for connection and disconnection. It
// returns false when that panicked.
func (s *Socket) callHook(event string, f func()) bool {
	err := s.nsp.protect(s.id, event, func() error { f(); return nil })
	if err == nil {
		return true
	}
	defer s.Disconnect() // whatever the error hooks do
	s.report(&EventError{Event: event, Err: err})
	return false
}

var (
	_ engine.BatchHandler = (*conn)(nil)
	_ engine.DrainHandler = (*conn)(nil)
	_ engine.DropHandler  = (*conn)(nil)
	_ adapter.Socket      = peer{}
)
