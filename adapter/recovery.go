package adapter

import (
	"context"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/seed96b07ef8/socketio/engine"
	"github.com/seed96b07ef8/socketio/internal/offset"
)

// Defaults of [RecoveryOptions].
const (
	DefaultMaxDisconnection  = 2 * time.Minute
	DefaultHeartbeat         = 45 * time.Second
	DefaultRecoveryBytes     = 64 << 20
	DefaultRecoveredSessions = 100_000
	DefaultRecoveredRooms    = 4096
)

// RecoveryOptions configure [Recovery]. Zero values mean the defaults.
type RecoveryOptions struct {
	// MaxDisconnection is how long a session is kept after its disconnection.
	// Default 2 minutes.
	MaxDisconnection time.Duration
	// Heartbeat is how long the server takes to notice that a connection is dead, unless
	// its client is slow. Packets are kept for MaxDisconnection plus Heartbeat. The
	// client of a connected socket counts as having received everything older, unless
	// the socket is a [ReceiptSocket], which knows better. Default 45 s, the sum of the
	// default ping interval and timeout. A server sets it to the sum of its own values.
	Heartbeat time.Duration
	// MaxBytes bounds the memory of the logged packets: their messages, the names of
	// their rooms, and about 320 bytes for each. Beyond it the oldest are dropped, and
	// clients that missed them cannot recover. Default 64 MiB.
	MaxBytes int
	// MaxRooms is how many rooms, besides its own, JoinSockets may put a session without
	// a socket into. Default 4096.
	MaxRooms int
	// MaxSessions bounds the number of sessions of disconnected sockets. Beyond
	// it the oldest are dropped. Default 100,000.
	MaxSessions int
}

// Recovery is [Memory] with connection state recovery: a client that reconnects
// soon after losing its connection gets its previous ID and rooms, and the
// packets that it missed.
//
// Every event, except volatile events and those that request an acknowledgement,
// has an offset as an additional last argument (Socket.IO protocol v5, "Connection
// state recovery"). Because clients take any string in the last place for an
// offset, a volatile event that ends with a string gets an additional null. To
// recover, the client sends the offset of the last event that it received, or none
// if it received no event.
//
// Recovery appends a packet to the log and queues it for all its sockets under
// one lock, so that every client receives packets in the order of the log. It
// sends them without the lock. Rooms change under the same lock, so the times at
// which a socket was in the rooms of a packet show whether the packet was for
// it. See docs/decisions/0014-recovery-log.md.
//
// Lock order: mu, then the locks of Memory, then those of a connection.
type Recovery struct {
	*Memory
	opts   RecoveryOptions
	prefix string // of offsets; distinguishes them from those of other stores

	issued atomic.Uint64 // numbers of offsets

	mu       sync.Mutex // guards what follows
	log      packetLog
	sessions map[string]*session
	absent   absentees   // sessions without a socket
	cleanup  *time.Timer // nil while there is nothing to drop
	closed   bool
}

// NewRecovery returns a Recovery without sockets for a namespace.
func NewRecovery(h Host, opts RecoveryOptions) *Recovery {
	if opts.MaxDisconnection == 0 {
		opts.MaxDisconnection = DefaultMaxDisconnection
	}
	if opts.Heartbeat == 0 {
		opts.Heartbeat = DefaultHeartbeat
	}
	if opts.MaxBytes == 0 {
		opts.MaxBytes = DefaultRecoveryBytes
	}
	if opts.MaxRooms == 0 {
		opts.MaxRooms = DefaultRecoveredRooms
	}
	if opts.MaxSessions == 0 {
		opts.MaxSessions = DefaultRecoveredSessions
	}
	return &Recovery{
		Memory:   NewMemory(h),
		opts:     opts,
		prefix:   engine.NewID()[:6] + ".",
		log:      packetLog{numbers: make(map[uint64]*logged)},
		sessions: make(map[string]*session),
		absent:   newAbsentees(),
	}
}

// Broadcast implements [Adapter].
func (a *Recovery) Broadcast(p *Packet, t Target) error {
	if p.HasAck {
		return a.Memory.Broadcast(p, t)
	}
	if p.Flags&engine.Volatile != 0 {
		unnumbered := *p
		unnumbered.Args = offset.Unmistakable(p.Args)
		err := a.Memory.Broadcast(&unnumbered, t)
		p.Message = unnumbered.Message
		return err
	}
	numbered, number, err := a.number(p)
	if err != nil {
		return err
	}
	a.mu.Lock()
	a.append(&logged{number: number, target: t}, p)
	sel := a.choose(t)
	flags := a.pace(sel)
	sel.deliver(numbered)
	a.mu.Unlock()
	sel.flush(flags)
	a.paced(sel)
	sel.release()
	return nil
}

// Emit implements [Recoverer].
func (a *Recovery) Emit(s Socket, p *Packet, queue func(p *Packet) error) error {
	numbered, number, err := a.number(p)
	if err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := queue(numbered); err != nil {
		return err // a packet that was not sent must not be replayed later
	}
	a.append(&logged{number: number, only: s.ID()}, p)
	return nil
}

// number encodes p with an offset and returns the offset's number. The caller must
// not hold mu, because encoding calls methods of the application's types.
func (a *Recovery) number(p *Packet) (numbered *Packet, number uint64, err error) {
	number = a.issued.Add(1)
	numbered = new(Packet)
	*numbered = *p
	numbered.Offset = a.prefix + strconv.FormatUint(number, 36)
	numbered.Flags |= engine.Deferred
	if err := a.host.Encode(numbered); err != nil {
		return nil, 0, err
	}
	p.Message = numbered.Message
	return numbered, number, nil
}

// append completes an entry for p and appends it to the log. The caller holds mu.
func (a *Recovery) append(e *logged, p *Packet) {
	if a.closed {
		return
	}
	// The log keeps a copy without the encoded forms that recipients add to a message,
	// so that it holds only what it counts.
	e.event, e.flags, e.message, e.at = p.Event, p.Flags, p.Message.Bare(), time.Now()
	a.log.append(e)
	a.expire(e.at)
}

// expire drops packets and sessions beyond their age or limits. The caller holds mu.
func (a *Recovery) expire(now time.Time) {
	oldest := now.Add(-a.opts.MaxDisconnection - a.opts.Heartbeat)
	for e := a.log.oldest; e != nil && (a.log.bytes > a.opts.MaxBytes || e.at.Before(oldest)); e = a.log.oldest {
		a.log.drop()
	}
	for place := a.absent.byAge.Front(); place != nil; place = a.absent.byAge.Front() {
		e := place.Value.(*session)
		if a.absent.byAge.Len() <= a.opts.MaxSessions && now.Sub(e.parked) <= a.opts.MaxDisconnection {
			break
		}
		a.drop(e)
	}
	a.schedule()
}

// schedule sets the timer that drops expired packets and sessions even if
// nothing else happens. The caller holds mu.
func (a *Recovery) schedule() {
	if a.cleanup != nil || a.closed || a.log.oldest == nil && a.absent.byAge.Len() == 0 {
		return
	}
	a.cleanup = time.AfterFunc(a.opts.MaxDisconnection, func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.cleanup = nil
		a.expire(time.Now())
	})
}

// drop deletes a session. The caller holds mu.
func (a *Recovery) drop(e *session) {
	delete(a.sessions, e.pid)
	a.absent.remove(e)
}

// Join implements [Adapter].
func (a *Recovery) Join(s Socket, limit int, rooms ...string) bool {
	a.mu.Lock()
	ok := a.joinLocked(s, limit, rooms)
	a.mu.Unlock()
	a.events.report()
	return ok
}

func (a *Recovery) joinLocked(s Socket, limit int, rooms []string) bool {
	m := a.find(s)
	if m == nil {
		return true
	}
	if !a.join(m, limit, rooms) {
		return false
	}
	if e := m.session; e != nil && e.socket == s {
		for _, room := range rooms {
			e.stays.join(room, a.log.last)
		}
	}
	return true
}

// Leave implements [Adapter].
func (a *Recovery) Leave(s Socket, room string) {
	a.mu.Lock()
	if m := a.find(s); m != nil {
		a.quit(m, room)
		if e := m.session; e != nil && e.socket == s {
			e.stays.leave(room, a.log.last, a.log.dropped)
		}
	}
	a.mu.Unlock()
	a.events.report()
}

// Admit implements [Recoverer].
func (a *Recovery) Admit(s Socket, pid string, restored *Session, connect func(missed []*Packet)) bool {
	if restored == nil {
		a.mu.Lock()
		e := &session{pid: pid, id: s.ID(), start: a.log.last, received: time.Now(), stays: stays{id: s.ID()}}
		a.enter(s, e, s.HandOver())
		a.mu.Unlock()
		a.events.report()
		connect(nil)
		return true
	}
	a.mu.Lock()
	missed, ok := a.resume(s, restored, s.HandOver())
	a.mu.Unlock()
	if !ok {
		return false
	}
	a.events.report()
	connect(missed())
	return true
}

// resume adds a socket with the session that was restored for it. It returns false if the
// session was dropped meanwhile or restored for another socket, or is not complete, in
// which case resume deletes it. missed returns the packets that the socket has missed and
// must be called without mu. The caller holds mu.
func (a *Recovery) resume(s Socket, restored *Session, rooms []string) (missed func() []*Packet, ok bool) {
	e := restored.State.(*session)
	if a.sessions[e.pid] != e || e.claim != restored {
		return nil, false
	}
	a.drop(e)
	e.claim, e.live = nil, nil
	rooms = e.reconcile(rooms)
	e.stays.keep(rooms, e.restored, 0)
	if !a.complete(e, e.position) {
		return nil, false
	}
	span, id, position := a.log.since(e.position), e.id, e.position
	in := e.stays.presence() // a copy: later changes do not affect what was missed
	a.enter(s, e, rooms)
	return func() []*Packet { return span.missed(id, position, in) }, true
}

// enter adds a socket with its session and rooms. The caller holds mu: packets
// already in the log were sent without the socket, and later ones are sent to it.
func (a *Recovery) enter(s Socket, e *session, rooms []string) {
	m := a.add(s, false)
	if e.stays.notOwn {
		a.quit(m, e.id)
	}
	if !a.closed {
		m.session, e.socket = e, s
		a.sessions[e.pid] = e
	}
	a.joinLocked(s, math.MaxInt, rooms)
}

// complete reports whether the log has all packets that a session may have missed whose
// client has received those up to position. The caller holds mu.
func (a *Recovery) complete(e *session, position uint64) bool {
	return a.log.has(position, e.received) && position >= e.stays.forgotten
}

// end records when the connection of a session ended and what its client has received.
// The caller holds mu.
func (a *Recovery) end(e *session, s Socket, now time.Time) {
	e.ended = now
	received := now.Add(-a.opts.Heartbeat)
	if r, ok := s.(ReceiptSocket); ok {
		received = r.Received()
	}
	if received.After(e.received) {
		e.received = received
	}
}

// Persist implements [Recoverer].
func (a *Recovery) Persist(s Socket, pid string, data any) {
	a.mu.Lock()
	defer a.mu.Unlock()
	e := a.sessions[pid]
	if e == nil || e.socket != s {
		return // restored in the meantime
	}
	e.data = data
	a.end(e, s, time.Now())
	a.park(e)
}

// Return implements [Recoverer].
func (a *Recovery) Return(pid string, restored *Session) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if e := restored.State.(*session); a.sessions[pid] == e && e.claim == restored {
		e.claim, e.live, e.data = nil, nil, restored.Data
		a.park(e)
	}
}

// park keeps a session without a socket. The caller holds mu.
func (a *Recovery) park(e *session) {
	now := time.Now()
	e.socket = nil
	a.absent.add(e, now)
	a.expire(now)
}

// Forget implements [Recoverer].
func (a *Recovery) Forget(s Socket, pid string, restored *Session) {
	a.mu.Lock()
	defer a.mu.Unlock()
	e := a.sessions[pid]
	switch {
	case e == nil:
	case restored != nil && e.claim == restored, restored == nil && (e.socket == s || e.socket == nil):
		a.drop(e)
	}
}

// Restore implements [Recoverer].
func (a *Recovery) Restore(_ context.Context, pid, offset string) *Session {
	a.mu.Lock()
	session := a.take(pid, offset, time.Now())
	a.mu.Unlock()
	a.events.report()
	return session
}

// take takes a session for a new socket, and removes its former socket if that is still
// connected. Until the session is admitted or returned it is among the absentees, so that
// operations on rooms reach it. If the session is being restored for another socket, take
// takes it over: a client that asks again has lost the connection of that socket. take
// returns nil if there is no such session. The caller holds mu.
func (a *Recovery) take(pid, offset string, now time.Time) *Session {
	a.expire(now)
	e := a.sessions[pid]
	if e == nil || e.socket == nil && now.Sub(e.ended) > a.opts.MaxDisconnection {
		return nil
	}
	live := e.socket
	if live != nil {
		a.end(e, live, now) // at the latest
	}
	position, ok := a.locate(e, offset)
	if !ok || !a.complete(e, position) {
		return nil
	}
	if live != nil {
		a.remove(live)
		e.live = live
	}
	e.socket, e.start, e.position, e.restored = nil, position, position, a.log.last
	e.handed = e.stays.rooms()
	e.claim = &Session{ID: e.id, Rooms: slices.Clone(e.handed), Data: e.data, Live: e.live, State: e}
	a.absent.add(e, now)
	a.schedule()
	return e.claim
}

// locate determines from the offset that a client sent the position of the last packet
// that the client has received. It returns false if the offset is not valid for the
// session. The caller holds mu.
func (a *Recovery) locate(e *session, offset string) (position uint64, ok bool) {
	if offset == "" {
		return e.start, true
	}
	digits, ok := strings.CutPrefix(offset, a.prefix)
	n, err := strconv.ParseUint(digits, 36, 64)
	if !ok || err != nil || n == 0 || n > a.issued.Load() {
		return 0, false
	}
	if p := a.log.numbers[n]; p != nil {
		return p.position, p.position >= e.start
	}
	// The packet was dropped, so its position is before all logged packets.
	return a.log.dropped, a.log.dropped >= e.start && a.log.has(0, e.received)
}

// Close implements [Adapter].
func (a *Recovery) Close() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.closed = true
	a.log.clear()
	clear(a.sessions)
	a.absent.clear()
	if a.cleanup != nil {
		a.cleanup.Stop()
	}
	return a.Memory.Close()
}
