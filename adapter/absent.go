package adapter

import (
	"container/list"
	"errors"
	"fmt"
	"slices"
	"time"
)

// absentees holds the sessions without a socket. They stay in the rooms of their former
// sockets, so that operations on rooms reach them: a client that reconnects finds the
// same rooms as if it had stayed connected. Recovery.mu guards it.
type absentees struct {
	byAge list.List // of *session, oldest first
	byID  map[string]*session
	rooms map[string]map[*session]struct{} // without the rooms that are named by an ID
}

func newAbsentees() absentees {
	return absentees{byID: make(map[string]*session), rooms: make(map[string]map[*session]struct{})}
}

// add adds a session, or makes a present one the youngest.
func (a *absentees) add(e *session, now time.Time) {
	e.parked = now
	if e.place != nil {
		a.byAge.MoveToBack(e.place)
		return
	}
	e.place = a.byAge.PushBack(e)
	a.byID[e.id] = e
	for room := range e.stays.since {
		a.enter(e, room)
	}
}

// remove does nothing for a session that has a socket.
func (a *absentees) remove(e *session) {
	if e.place == nil {
		return
	}
	a.byAge.Remove(e.place)
	e.place = nil
	delete(a.byID, e.id)
	for room := range e.stays.since {
		a.leave(e, room)
	}
}

func (a *absentees) clear() {
	a.byAge.Init()
	clear(a.byID)
	clear(a.rooms)
}

func (a *absentees) enter(e *session, room string) {
	members := a.rooms[room]
	if members == nil {
		members = make(map[*session]struct{})
		a.rooms[room] = members
	}
	members[e] = struct{}{}
}

func (a *absentees) leave(e *session, room string) {
	members := a.rooms[room]
	delete(members, e)
	if len(members) == 0 {
		delete(a.rooms, room)
	}
}

// choose returns the sessions that t selects.
func (a *absentees) choose(t Target) (sessions []*session) {
	chosen := make(map[*session]struct{})
	choose := func(e *session) {
		if _, twice := chosen[e]; !twice && !slices.ContainsFunc(t.Except, e.stays.in) {
			chosen[e] = struct{}{}
			sessions = append(sessions, e)
		}
	}
	if t.Rooms == nil {
		for _, e := range a.byID {
			choose(e)
		}
	}
	for _, room := range t.Rooms {
		for e := range a.rooms[room] {
			choose(e)
		}
		if e := a.byID[room]; e != nil && e.stays.in(room) {
			choose(e)
		}
	}
	return sessions
}

// selected returns the sockets, and the sessions without a socket, that t selects. The
// caller holds mu, so that no socket becomes a session, or the reverse, meanwhile.
func (a *Recovery) selected(t Target) ([]Socket, []*session) {
	return a.Sockets(t), a.absent.choose(t)
}

// JoinSockets implements [Adapter].
func (a *Recovery) JoinSockets(t Target, rooms ...string) error {
	var errs []error
	a.mu.Lock()
	sockets, sessions := a.selected(t)
	for _, e := range sessions {
		errs = append(errs, a.joinAbsent(e, rooms))
	}
	a.mu.Unlock()
	return errors.Join(append(errs, joinAll(sockets, rooms))...)
}

// joinAbsent adds a session to rooms. The caller holds mu.
func (a *Recovery) joinAbsent(e *session, rooms []string) error {
	added := make(map[string]struct{}, len(rooms))
	for _, room := range rooms {
		if !e.stays.in(room) && room != e.id {
			added[room] = struct{}{}
		}
	}
	if len(e.stays.since)+len(added) > a.opts.MaxRooms {
		return fmt.Errorf("adapter: disconnected socket %s would be in more than %d rooms", e.id, a.opts.MaxRooms)
	}
	for _, room := range rooms {
		e.stays.join(room, a.log.last)
	}
	for room := range added {
		a.absent.enter(e, room)
	}
	return nil
}

// LeaveSockets implements [Adapter].
func (a *Recovery) LeaveSockets(t Target, rooms ...string) error {
	a.mu.Lock()
	sockets, sessions := a.selected(t)
	for _, e := range sessions {
		for _, room := range rooms {
			a.absent.leave(e, room)
			e.stays.leave(room, a.log.last, a.log.dropped)
		}
	}
	a.mu.Unlock()
	leaveAll(sockets, rooms)
	return nil
}

// DisconnectSockets implements [Adapter].
func (a *Recovery) DisconnectSockets(t Target, closeConn bool) error {
	a.mu.Lock()
	sockets, sessions := a.selected(t)
	for _, e := range sessions {
		a.drop(e)
	}
	a.mu.Unlock()
	disconnectAll(sockets, closeConn)
	return nil
}
