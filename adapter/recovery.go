package adapter

import (
	"container/list"
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
)

// RecoveryOptions configure [Recovery]. Zero values mean the defaults.
type RecoveryOptions struct {
	// MaxDisconnection is how long a session is kept after its disconnection.
	// Default 2 minutes.
	MaxDisconnection time.Duration
	// Heartbeat is how long it takes at most to notice that a connection is dead.
	// Packets are kept for MaxDisconnection and this: what is older has reached
	// every client whose session is still there. Default 45 s, the sum of the
	// default ping interval and timeout; a server sets it to the sum of its own.
	Heartbeat time.Duration
	// MaxBytes bounds the packets that are kept. The oldest go first; clients that
	// needed them are not recovered. Default 64 MiB.
	MaxBytes int
	// MaxSessions bounds the sessions of disconnected sockets that are kept. The
	// oldest go first. Default 100,000.
	MaxSessions int
}

// Recovery is [Memory] with connection state recovery: a client that comes back
// soon after it lost its connection is given its old ID and rooms, and the
// packets that it has missed.
//
// Every event, except volatile ones and those that ask for an acknowledgement, gets
// an offset as an additional last argument (Socket.IO protocol v5, "Connection
// state recovery"). Clients take any last argument that is a string for one; a
// volatile event that ends with a string gets a null behind it. With the offset of the last event that it has received, or
// none if there was none, the client says where it is. Packets are numbered,
// kept and delivered under one lock, so that the order of the log is the order
// on the wire for every client.
//
// Lock order: mu, then the locks of Memory, then those of a connection.
type Recovery struct {
	*Memory
	opts   RecoveryOptions
	prefix string // of offsets: those of other stores must not be taken for ours

	issued atomic.Uint64 // offsets

	mu       sync.Mutex        // guards what follows
	log      []logged          // packets first+1, first+2, ...
	offsets  map[uint64]uint64 // from the number in an offset to that of the packet
	first    uint64            // the number of the last packet that was dropped
	lost     uint64            // the number of the last one that was dropped before its time
	lostAt   time.Time         // when that was sent
	bytes    int               // of the messages in log
	sessions map[string]*session
	parked   list.List   // of the *session without a socket, oldest first
	cleanup  *time.Timer // nil while there is nothing to drop
	closed   bool
}

// logged is a packet that may be missed by somebody.
type logged struct {
	packet *Packet
	target Target
	only   string // the ID of the only socket that it is for, instead of target
	offset uint64
	at     time.Time
}

// packetOverhead is what a packet costs besides its message, about.
const packetOverhead = 300

func (l logged) size() int { return l.packet.Message.Len() + packetOverhead }

// session is a socket with a private ID, connected or not.
type session struct {
	pid    string
	id     string
	start  uint64 // the client has seen what was before
	socket Socket // nil when parked
	rooms  []string
	data   any
	ended  time.Time
	place  *list.Element
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
	if opts.MaxSessions == 0 {
		opts.MaxSessions = DefaultRecoveredSessions
	}
	return &Recovery{
		Memory:   NewMemory(h),
		opts:     opts,
		prefix:   engine.NewID()[:6] + ".",
		offsets:  make(map[uint64]uint64),
		sessions: make(map[string]*session),
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
	return a.deliverLogged(p, logged{target: t}, func(p *Packet) error {
		a.deliver(p, t)
		return nil
	})
}

// Emit implements [Recoverer].
func (a *Recovery) Emit(s Socket, p *Packet, send func(p *Packet) error) error {
	return a.deliverLogged(p, logged{only: s.ID()}, send)
}

// deliverLogged gives p an offset, keeps it, and delivers it.
func (a *Recovery) deliverLogged(p *Packet, l logged, deliver func(p *Packet) error) error {
	// Encoding calls methods of the application's types, so it is done before.
	l.offset = a.issued.Add(1)
	numbered := *p
	numbered.Args = append(slices.Clip(p.Args), a.prefix+strconv.FormatUint(l.offset, 36))
	if err := a.host.Encode(&numbered); err != nil {
		return err
	}
	p.Message = numbered.Message
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.closed {
		l.packet = &Packet{Event: p.Event, Flags: p.Flags, Message: p.Message}
		l.at = time.Now()
		a.log = append(a.log, l)
		a.offsets[l.offset] = a.first + uint64(len(a.log))
		a.bytes += l.size()
		a.expire(l.at)
	}
	return deliver(&numbered)
}

// expire drops what is too old or too much. mu is held.
func (a *Recovery) expire(now time.Time) {
	oldest := now.Add(-a.opts.MaxDisconnection - a.opts.Heartbeat)
	for len(a.log) > 0 {
		l := a.log[0]
		old := l.at.Before(oldest)
		if !old && a.bytes <= a.opts.MaxBytes {
			break
		}
		a.first++
		if !old {
			a.lost, a.lostAt = a.first, l.at
		}
		a.bytes -= l.size()
		delete(a.offsets, l.offset)
		a.log[0] = logged{}
		a.log = a.log[1:]
	}
	for e := a.parked.Front(); e != nil; e = a.parked.Front() {
		s := e.Value.(*session)
		if a.parked.Len() <= a.opts.MaxSessions && now.Sub(s.ended) <= a.opts.MaxDisconnection {
			break
		}
		a.drop(s)
	}
	a.schedule()
}

// schedule sees to it that what is kept is dropped when its time has come, also
// when nothing else happens. mu is held.
func (a *Recovery) schedule() {
	if a.cleanup != nil || a.closed || len(a.log) == 0 && a.parked.Len() == 0 {
		return
	}
	a.cleanup = time.AfterFunc(a.opts.MaxDisconnection, func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.cleanup = nil
		a.expire(time.Now())
	})
}

// drop forgets a session. mu is held.
func (a *Recovery) drop(s *session) {
	delete(a.sessions, s.pid)
	if s.place != nil {
		a.parked.Remove(s.place)
	}
}

// Admit implements [Recoverer].
func (a *Recovery) Admit(s Socket, pid string, restored *Session, connect func(missed []*Packet) (rooms []string)) {
	a.mu.Lock()
	start := a.first + uint64(len(a.log))
	var missed []*Packet
	if restored != nil {
		start = restored.Position
		missed = a.missed(restored)
	}
	a.add(s)
	if !a.closed {
		a.sessions[pid] = &session{pid: pid, id: s.ID(), start: start, socket: s}
	}
	for rooms := connect(missed); len(rooms) > 0; rooms = connect(missed) {
		a.join(s, math.MaxInt, rooms)
	}
	a.mu.Unlock()
	a.events.tell()
}

// missed returns the packets that a session has missed. mu is held.
func (a *Recovery) missed(restored *Session) (missed []*Packet) {
	in := func(room string) bool { return room == restored.ID || slices.Contains(restored.Rooms, room) }
	seen := max(restored.Position, a.first) - a.first
	for _, l := range a.log[seen:] {
		if l.isFor(restored.ID, in) {
			missed = append(missed, l.packet)
		}
	}
	return missed
}

// isFor reports whether a packet is for the socket with an ID and its rooms.
func (l logged) isFor(id string, in func(room string) bool) bool {
	if l.only != "" {
		return l.only == id
	}
	return (l.target.Rooms == nil || slices.ContainsFunc(l.target.Rooms, in)) &&
		!slices.ContainsFunc(l.target.Except, in)
}

// Persist implements [Recoverer].
func (a *Recovery) Persist(s Socket, pid string, data any) {
	rooms := a.Rooms(s)
	a.mu.Lock()
	defer a.mu.Unlock()
	e := a.sessions[pid]
	if e == nil || e.socket != s {
		return // restored in the meantime
	}
	e.socket, e.data = nil, data
	e.rooms = slices.DeleteFunc(rooms, func(room string) bool { return room == e.id })
	a.park(e, time.Now())
}

// Return implements [Recoverer].
func (a *Recovery) Return(pid string, restored *Session) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.sessions[pid] == nil && !a.closed {
		e := &session{pid: pid, id: restored.ID, start: restored.Position, rooms: restored.Rooms, data: restored.Data}
		a.sessions[pid] = e
		a.park(e, restored.Ended)
	}
}

// park keeps a session without a socket, whose connection ended at a certain time.
// mu is held.
func (a *Recovery) park(e *session, ended time.Time) {
	e.ended = ended
	e.place = a.parked.PushBack(e)
	a.expire(time.Now())
}

// Forget implements [Recoverer].
func (a *Recovery) Forget(s Socket, pid string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if e := a.sessions[pid]; e != nil && e.socket == s {
		a.drop(e)
	}
}

// Restore implements [Recoverer].
func (a *Recovery) Restore(pid, offset string) *Session {
	a.mu.Lock()
	now := time.Now()
	a.expire(now)
	e := a.sessions[pid]
	if e == nil || e.socket == nil && now.Sub(e.ended) > a.opts.MaxDisconnection {
		a.mu.Unlock()
		return nil
	}
	position, ok := a.position(offset, e.start, now)
	if !ok {
		a.mu.Unlock()
		return nil
	}
	a.drop(e)
	restored := &Session{ID: e.id, Rooms: e.rooms, Data: e.data, Live: e.socket, Position: position, Ended: e.ended}
	if e.socket != nil {
		restored.Ended = now
		restored.Rooms = slices.DeleteFunc(a.Rooms(e.socket), func(room string) bool { return room == e.id })
		a.remove(e.socket)
	}
	a.mu.Unlock()
	a.events.tell()
	return restored
}

// position returns the number of the last packet that a client has received,
// according to the offset that it sends. It returns false when the offset is
// unknown, or when what followed may be lost. mu is held.
func (a *Recovery) position(offset string, start uint64, now time.Time) (uint64, bool) {
	position, known := start, true
	if offset != "" {
		digits, ok := strings.CutPrefix(offset, a.prefix)
		n, err := strconv.ParseUint(digits, 36, 64)
		if !ok || err != nil || n == 0 || n > a.issued.Load() {
			return 0, false
		}
		if position, known = a.offsets[n]; !known {
			position = a.first // it was dropped, so it is before all that are kept
		}
	}
	// What was dropped because of its age has been received. What was dropped
	// before its time may not have been.
	if now.Sub(a.lostAt) <= a.opts.MaxDisconnection+a.opts.Heartbeat && (!known || position < a.lost) {
		return 0, false
	}
	return position, position >= start
}

// Close implements [Adapter].
func (a *Recovery) Close() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.closed = true
	a.log, a.bytes = nil, 0
	clear(a.offsets)
	clear(a.sessions)
	a.parked.Init()
	if a.cleanup != nil {
		a.cleanup.Stop()
	}
	return a.Memory.Close()
}
