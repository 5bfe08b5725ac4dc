package adapter

import (
	"context"
	"errors"
	"hash/maphash"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/seed96b07ef8/socketio/engine"
)

// Memory is the adapter of a single process. The zero value is not usable; call
// [NewMemory].
//
// The cost of an operation depends only on the rooms involved: a broadcast to a
// small room does not touch the rest of the namespace, and joining, leaving and
// disconnecting touch only the socket's own rooms.
//
// Lock order: a member's mutex, then one shard's, then that of events. No lock is
// held while packets are delivered.
type Memory struct {
	host     Host
	interest func(room string, on bool) // nil: not wanted
	seed     maphash.Seed
	shards   [shardCount]shard
	events   roomEvents

	begun    time.Time
	large    atomic.Int64 // when the last large broadcast was done, since begun
	followed atomic.Bool  // the last burst of them was more than one
}

const shardCount = 32

// A shard holds the rooms, and the sockets, whose names hash to it.
type shard struct {
	mu      sync.RWMutex
	rooms   map[string]map[*member]struct{}
	members map[string]*member
}

// A member is a socket in the namespace.
type member struct {
	socket Socket

	session *session // of a Recovery, whose mu guards it; nil: none

	mu     sync.Mutex
	rooms  map[string]struct{} // without its own
	notOwn bool                // it has left its own room; changed with the lock of its shard, too
	gone   bool
}

// MemoryOptions configure [Memory]. The zero value of each field means its default.
type MemoryOptions struct {
	// Interest, if set, is called with on when a room has its first socket, and without
	// on when the last has left: an adapter for a cluster then wants, or does not want any
	// more, what other nodes send to the room. The rooms that are named by sockets' IDs
	// are included. Calls for a room alternate and are in the order of the changes.
	//
	// It is called with a lock held, so it must return soon, and must not call the adapter
	// or the host.
	Interest func(room string, on bool)
}

// NewMemory returns an adapter without sockets for a namespace.
func NewMemory(h Host) *Memory { return NewMemoryWith(h, MemoryOptions{}) }

// NewMemoryWith is NewMemory with options, for an adapter that builds on Memory.
func NewMemoryWith(h Host, opts MemoryOptions) *Memory {
	a := &Memory{host: h, interest: opts.Interest, seed: maphash.MakeSeed(), begun: time.Now(), events: roomEvents{host: h}}
	a.large.Store(-int64(burstGap))
	return a
}

func (a *Memory) shard(name string) *shard {
	return &a.shards[maphash.String(a.seed, name)%shardCount]
}

// Add implements [Adapter].
func (a *Memory) Add(s Socket) {
	a.add(s, true)
	a.events.report()
}

// add adds a socket and, with handOver, puts it into the rooms that it hands over. It
// holds the member's mutex until the member is in its rooms, and the shard's mutex while
// it calls HandOver, so that other operations on the member wait until then.
func (a *Memory) add(s Socket, handOver bool) *member {
	sh := a.shard(s.ID())
	sh.mu.RLock()
	before := sh.members[s.ID()]
	sh.mu.RUnlock()
	if before != nil {
		// The same client has a new socket before its former one was removed.
		a.remove(before.socket)
	}
	m := &member{socket: s}
	m.mu.Lock()
	defer m.mu.Unlock()
	a.joinMemberLocked(m, math.MaxInt, a.insertLocked(m, handOver)) // the limit is the caller's
	return m
}

// insertLocked adds a member to its shard and returns the rooms that its socket hands
// over.
func (a *Memory) insertLocked(m *member, handOver bool) (rooms []string) {
	id := m.socket.ID()
	sh := a.shard(id)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if sh.members == nil {
		sh.members = make(map[string]*member)
	}
	if handOver {
		rooms = m.socket.HandOver()
	}
	sh.members[id] = m
	a.events.joined(id, m.socket, true)
	if len(sh.rooms[id]) == 0 {
		a.want(id, true)
	}
	return rooms
}

// find returns the member of s, or nil.
func (a *Memory) find(s Socket) *member {
	sh := a.shard(s.ID())
	sh.mu.RLock()
	defer sh.mu.RUnlock()
	if m := sh.members[s.ID()]; m != nil && m.socket == s {
		return m
	}
	return nil
}

// Socket implements [Finder].
func (a *Memory) Socket(id string) Socket {
	sh := a.shard(id)
	sh.mu.RLock()
	defer sh.mu.RUnlock()
	if m := sh.members[id]; m != nil {
		return m.socket
	}
	return nil
}

// Remove implements [Adapter].
func (a *Memory) Remove(s Socket) {
	a.remove(s)
	a.events.report()
}

func (a *Memory) remove(s Socket) {
	m := a.find(s)
	if m == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.gone {
		return
	}
	m.gone = true
	for room := range m.rooms {
		a.leave(room, m)
	}
	m.rooms = nil
	sh := a.shard(s.ID())
	sh.mu.Lock()
	defer sh.mu.Unlock()
	delete(sh.members, s.ID())
	if !m.notOwn {
		a.leftOwnLocked(sh, s)
	}
}

// leftOwnLocked reports that a socket has left its own room, which belongs to sh.
func (a *Memory) leftOwnLocked(sh *shard, s Socket) {
	a.events.left(s.ID(), s, true)
	if len(sh.rooms[s.ID()]) == 0 {
		a.want(s.ID(), false)
	}
}

// want reports that a room has its first socket, or has lost its last one. The caller
// holds the lock of the room's shard.
func (a *Memory) want(room string, on bool) {
	if a.interest != nil {
		a.interest(room, on)
	}
}

// setNotOwn changes whether a member has left its own room. The caller holds m.mu.
func (a *Memory) setNotOwn(m *member, notOwn bool) {
	s := m.socket
	sh := a.shard(s.ID())
	sh.mu.Lock()
	defer sh.mu.Unlock()
	m.notOwn = notOwn
	if notOwn {
		a.leftOwnLocked(sh, s)
		return
	}
	a.events.joined(s.ID(), s, true)
	if len(sh.rooms[s.ID()]) == 0 {
		a.want(s.ID(), true)
	}
}

// Join implements [Adapter].
func (a *Memory) Join(s Socket, limit int, rooms ...string) bool {
	m := a.find(s)
	ok := m == nil || a.join(m, limit, rooms)
	a.events.report()
	return ok
}

func (a *Memory) join(m *member, limit int, rooms []string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return a.joinMemberLocked(m, limit, rooms)
}

func (a *Memory) joinMemberLocked(m *member, limit int, rooms []string) bool {
	s := m.socket
	if m.gone {
		return true
	}
	if len(m.rooms)+len(rooms) > limit && m.roomsWith(rooms) > limit {
		return false
	}
	for _, room := range rooms {
		if room == s.ID() {
			if m.notOwn {
				a.setNotOwn(m, false)
			}
			continue
		}
		if _, in := m.rooms[room]; in {
			continue
		}
		if m.rooms == nil {
			m.rooms = make(map[string]struct{})
		}
		m.rooms[room] = struct{}{}
		a.enter(room, m)
	}
	return true
}

// roomsWith returns how many rooms m would be in after joining rooms. The caller holds
// m.mu.
func (m *member) roomsWith(rooms []string) int {
	added := make(map[string]struct{}, len(rooms))
	for _, room := range rooms {
		if _, in := m.rooms[room]; !in && room != m.socket.ID() {
			added[room] = struct{}{}
		}
	}
	return len(m.rooms) + len(added)
}

// Leave implements [Adapter].
func (a *Memory) Leave(s Socket, room string) {
	if m := a.find(s); m != nil {
		a.quit(m, room)
		a.events.report()
	}
}

// quit is Leave for a member.
func (a *Memory) quit(m *member, room string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, in := m.rooms[room]; in {
		delete(m.rooms, room)
		a.leave(room, m)
	} else if room == m.socket.ID() && !m.notOwn {
		a.setNotOwn(m, true)
	}
}

// Rooms implements [Adapter].
func (a *Memory) Rooms(s Socket) []string {
	m := a.find(s)
	if m == nil {
		return nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	rooms := make([]string, 0, len(m.rooms)+1)
	if !m.notOwn {
		rooms = append(rooms, s.ID())
	}
	for room := range m.rooms {
		rooms = append(rooms, room)
	}
	return rooms
}

// RoomNames implements [Adapter].
func (a *Memory) RoomNames() (names []string) {
	for i := range a.shards {
		sh := &a.shards[i]
		sh.mu.RLock()
		for room := range sh.rooms {
			names = append(names, room)
		}
		sh.mu.RUnlock()
	}
	return names
}

// enter adds m to a room. The caller holds m.mu.
func (a *Memory) enter(room string, m *member) {
	sh := a.shard(room)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	members := sh.rooms[room]
	created := members == nil
	if created {
		if sh.rooms == nil {
			sh.rooms = make(map[string]map[*member]struct{})
		}
		members = make(map[*member]struct{})
		sh.rooms[room] = members
	}
	members[m] = struct{}{}
	a.events.joined(room, m.socket, created)
	if created && !sh.ownerIsIn(room) {
		a.want(room, true)
	}
}

// leave removes m from a room. The caller holds m.mu.
func (a *Memory) leave(room string, m *member) {
	sh := a.shard(room)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	members := sh.rooms[room]
	delete(members, m)
	if len(members) == 0 {
		delete(sh.rooms, room)
	}
	a.events.left(room, m.socket, len(members) == 0)
	if len(members) == 0 && !sh.ownerIsIn(room) {
		a.want(room, false)
	}
}

// ownerIsIn reports whether a room is the own room of a socket that is in it. The caller
// holds the lock of the shard.
func (sh *shard) ownerIsIn(room string) bool {
	owner := sh.members[room]
	return owner != nil && !owner.notOwn
}

// Has reports whether a local socket is in a room, which may be its own.
func (a *Memory) Has(room string) bool {
	sh := a.shard(room)
	sh.mu.RLock()
	defer sh.mu.RUnlock()
	return len(sh.rooms[room]) > 0 || sh.ownerIsIn(room)
}

// HasBytes is Has for a name in memory that the caller uses for something else later. It does
// not allocate.
func (a *Memory) HasBytes(room []byte) bool {
	sh := &a.shards[maphash.Bytes(a.seed, room)%shardCount]
	sh.mu.RLock()
	defer sh.mu.RUnlock()
	owner := sh.members[string(room)]
	return len(sh.rooms[string(room)]) > 0 || owner != nil && !owner.notOwn
}

// Matches reports whether t selects a local socket. It costs little if there is none in
// the rooms of t.
func (a *Memory) Matches(t Target) bool {
	if t.Rooms != nil && !slices.ContainsFunc(t.Rooms, a.Has) {
		return false
	}
	sel := a.choose(t)
	defer sel.release()
	return len(sel.members) > 0
}

// Sockets implements [Adapter].
func (a *Memory) Sockets(t Target) []Socket {
	sel := a.choose(t)
	defer sel.release()
	sockets := make([]Socket, len(sel.members))
	for i, m := range sel.members {
		sockets[i] = m.socket
	}
	return sockets
}

// Broadcast implements [Adapter].
func (a *Memory) Broadcast(p *Packet, t Target) error {
	if err := a.host.Encode(p); err != nil {
		return err
	}
	sel := a.choose(t)
	defer sel.release()
	a.deliverTo(sel, p)
	return nil
}

// Deliver delivers p to the local sockets that t selects. It encodes a packet without a
// Message if there is such a socket, so that an event of another node that concerns no
// socket of this one is not encoded.
func (a *Memory) Deliver(p *Packet, t Target) error {
	sel := a.choose(t)
	defer sel.release()
	if len(sel.members) == 0 {
		return nil
	}
	if p.Message == nil {
		if err := a.host.Encode(p); err != nil {
			return err
		}
	}
	a.deliverTo(sel, p)
	return nil
}

// A broadcast to more than burstSize sockets counts as part of a burst if it follows
// another within burstGap, or if the one before it was part of a burst. Its messages
// may wait for the next ones, so that they share writes. A single broadcast is not
// delayed. See docs/decisions/0007-bursts.md.
const (
	burstSize = 50
	burstGap  = 100 * time.Microsecond
)

func (a *Memory) deliverTo(sel *selection, p *Packet) {
	if flags := a.pace(sel); flags != 0 {
		lazy := *p
		lazy.Flags |= flags
		p = &lazy
	}
	sel.deliver(p)
	a.paced(sel)
}

// pace returns the flags for a broadcast to sel that depend on the broadcasts before
// it. The caller calls paced when it has sent the broadcast.
func (a *Memory) pace(sel *selection) engine.Flags {
	if len(sel.members) > burstSize && a.inBurst() {
		return engine.Lazy
	}
	return 0
}

func (a *Memory) paced(sel *selection) {
	if len(sel.members) > burstSize {
		a.large.Store(int64(time.Since(a.begun)))
	}
}

// deliver delivers a packet to the members.
func (sel *selection) deliver(p *Packet) {
	for group := range slices.Chunk(sel.members, warmGroup) {
		warm(group)
		for _, m := range group {
			m.socket.Deliver(p)
		}
	}
}

// flush sends the packets that were delivered to the members with engine.Deferred.
func (sel *selection) flush(flags engine.Flags) {
	for group := range slices.Chunk(sel.members, warmGroup) {
		warm(group)
		for _, m := range group {
			m.socket.Flush(flags)
		}
	}
}

// warm loads the memory of sockets. It asks each time whether a socket is a WarmSocket,
// because an answer that is kept would cost memory for each socket.
func warm(group []*member) {
	for _, m := range group {
		if s, ok := m.socket.(WarmSocket); ok {
			s.Warm()
		}
	}
}

// inBurst reports whether others are expected to follow a large broadcast at once.
func (a *Memory) inBurst() bool {
	if time.Since(a.begun)-time.Duration(a.large.Load()) < burstGap {
		a.followed.Store(true)
		return true
	}
	return a.followed.Swap(false)
}

// warmGroup is the number of sockets that are warmed together: enough to overlap
// their cache misses, and few enough for the level 1 cache.
const warmGroup = 16

// BroadcastWithAck implements [Adapter].
func (a *Memory) BroadcastWithAck(ctx context.Context, p *Packet, t Target, sink AckSink) error {
	if err := a.host.Encode(p); err != nil {
		return err
	}
	sel := a.choose(t)
	defer sel.release()
	sel.deliverWithAck(ctx, p, sink)
	sink.Complete(nil)
	return nil
}

// DeliverWithAck is Deliver for a packet with HasAck. It announces the sockets to sink,
// also if there are none, and does not call Complete. The AckID of p, which Encode sets, is this node's.
func (a *Memory) DeliverWithAck(ctx context.Context, p *Packet, t Target, sink AckSink) error {
	sel := a.choose(t)
	defer sel.release()
	if len(sel.members) > 0 && p.Message == nil {
		if err := a.host.Encode(p); err != nil {
			return err
		}
	}
	sel.deliverWithAck(ctx, p, sink)
	return nil
}

func (sel *selection) deliverWithAck(ctx context.Context, p *Packet, sink AckSink) {
	sink.Expect(len(sel.members))
	for _, m := range sel.members {
		m.socket.DeliverWithAck(ctx, p, sink)
	}
}

// FetchSockets implements [Adapter].
func (a *Memory) FetchSockets(_ context.Context, t Target) ([]SocketInfo, error) {
	sockets := a.Sockets(t)
	infos := make([]SocketInfo, 0, len(sockets))
	for _, s := range sockets {
		if s.Connected() {
			infos = append(infos, s.Info())
		}
	}
	return infos, nil
}

// JoinSockets implements [Adapter].
func (a *Memory) JoinSockets(t Target, rooms ...string) error {
	return joinAll(a.Sockets(t), rooms)
}

func joinAll(sockets []Socket, rooms []string) error {
	var errs []error
	for _, s := range sockets {
		errs = append(errs, s.Join(rooms...))
	}
	return errors.Join(errs...)
}

// LeaveSockets implements [Adapter].
func (a *Memory) LeaveSockets(t Target, rooms ...string) error {
	leaveAll(a.Sockets(t), rooms)
	return nil
}

func leaveAll(sockets []Socket, rooms []string) {
	for _, s := range sockets {
		for _, room := range rooms {
			s.Leave(room)
		}
	}
}

// DisconnectSockets implements [Adapter].
func (a *Memory) DisconnectSockets(t Target, closeConn bool) error {
	disconnectAll(a.Sockets(t), closeConn)
	return nil
}

func disconnectAll(sockets []Socket, closeConn bool) {
	for _, s := range sockets {
		if closeConn {
			s.DisconnectConn()
		} else {
			s.Disconnect()
		}
	}
}

// ServerSideEmit implements [Adapter]. There are no other nodes.
func (a *Memory) ServerSideEmit(_ context.Context, _ string, _ []any, sink AckSink) error {
	if sink != nil {
		sink.Complete(nil)
	}
	return nil
}

// Close implements [Adapter].
func (a *Memory) Close() error { return nil }

// A selection is a snapshot of the members that a Target selects.
type selection struct {
	members []*member
}

var selections = sync.Pool{New: func() any { return new(selection) }}

func (sel *selection) release() {
	clear(sel.members)
	sel.members = sel.members[:0]
	selections.Put(sel)
}

// choose takes the snapshot for t.
func (a *Memory) choose(t Target) *selection {
	sel := selections.Get().(*selection)
	if t.Rooms == nil {
		for i := range a.shards {
			a.shards[i].appendAll(sel)
		}
	}
	for _, room := range t.Rooms {
		a.appendRoom(sel, room)
	}
	if len(t.Rooms) > 1 && len(sel.members) > 1 {
		seen := make(map[*member]struct{}, len(sel.members))
		sel.filter(func(m *member) bool {
			_, twice := seen[m]
			seen[m] = struct{}{}
			return !twice
		})
	}
	a.exclude(sel, t.Except)
	return sel
}

// appendRoom adds the members of a room, which may be a socket's own.
func (a *Memory) appendRoom(sel *selection, room string) {
	sh := a.shard(room)
	sh.mu.RLock()
	for m := range sh.rooms[room] {
		sel.members = append(sel.members, m)
	}
	if sh.ownerIsIn(room) {
		sel.members = append(sel.members, sh.members[room])
	}
	sh.mu.RUnlock()
}

func (sh *shard) appendAll(sel *selection) {
	sh.mu.RLock()
	defer sh.mu.RUnlock()
	for _, m := range sh.members {
		sel.members = append(sel.members, m)
	}
}

// exclude removes the members of rooms from the selection. The usual case, the
// sender's own room, needs no set.
func (a *Memory) exclude(sel *selection, rooms []string) {
	if len(rooms) == 0 || len(sel.members) == 0 {
		return
	}
	excluded := selections.Get().(*selection)
	defer excluded.release()
	for _, room := range rooms {
		a.appendRoom(excluded, room)
	}
	switch len(excluded.members) {
	case 0:
	case 1:
		one := excluded.members[0]
		sel.filter(func(m *member) bool { return m != one })
	default:
		set := make(map[*member]struct{}, len(excluded.members))
		for _, m := range excluded.members {
			set[m] = struct{}{}
		}
		sel.filter(func(m *member) bool { _, in := set[m]; return !in })
	}
}

// filter keeps the members for which keep returns true.
func (sel *selection) filter(keep func(*member) bool) {
	kept := sel.members[:0]
	for _, m := range sel.members {
		if keep(m) {
			kept = append(kept, m)
		}
	}
	clear(sel.members[len(kept):])
	sel.members = kept
}
