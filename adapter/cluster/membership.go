package cluster

import (
	"errors"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Bounds of what other processes can make a membership hold.
const (
	maxMembers = 1000
	maxNodeID  = 128 // bytes; those of the reference implementation have 6 to 20
)

// learnedFor is how long a node that sends no heartbeats stays known after its last message.
const learnedFor = time.Minute

var (
	errTooManyMembers = errors.New("too many members")
	errNodeID         = errors.New("invalid node ID")
)

// A membership records the other nodes of the cluster, and the namespaces that each of them
// has. A node is alive while it sends messages, of whatever namespace.
//
// Its rosters are changed under its mutex, too, and read without it: that is done for each
// message, and changes are rare.
type membership struct {
	timeout time.Duration // silence after which a node that sends heartbeats has left

	mu       sync.RWMutex
	peers    map[string]*peer
	doubtful map[*member]time.Time // since when
}

// A peer is another node.
type peer struct {
	id    string
	heard atomic.Bool // since the last sweep

	// The membership's mutex guards these.
	seen      time.Time // as of the last sweep
	heartbeat bool      // it sends heartbeats, so silence means that it has left
	rosters   map[*roster]struct{}
}

// A roster is the set of nodes that have one namespace.
type roster struct {
	of      *membership
	space   *space                             // that it is for
	members atomic.Pointer[map[string]*member] // not modified: a change makes another map
}

// A member is a node in a roster.
type member struct {
	*peer
	roster  *roster
	doubted atomic.Bool // nothing was received from it for this namespace since it was doubted
	window  window      // of the messages that it sent to the namespace
}

// A departure is a node that has left, and the rosters that it was in.
type departure struct {
	id      string
	rosters []*roster
}

func newMembership(timeout time.Duration) *membership {
	return &membership{timeout: timeout, peers: make(map[string]*peer), doubtful: make(map[*member]time.Time)}
}

func (m *membership) roster(s *space) *roster {
	r := &roster{of: m, space: s}
	r.members.Store(new(map[string]*member))
	return r
}

// heard notes that a node is alive. It returns false if the node is not known.
func (m *membership) heard(id []byte) bool {
	m.mu.RLock()
	p := m.peers[string(id)]
	m.mu.RUnlock()
	if p == nil {
		return false
	}
	p.hear()
	return true
}

func (p *peer) hear() {
	if !p.heard.Load() { // which costs less than a Store that is not needed
		p.heard.Store(true)
	}
}

// find returns the member with an ID, and notes that it is alive, or returns nil.
func (r *roster) find(id []byte) *member {
	e := (*r.members.Load())[string(id)]
	if e != nil {
		e.hear()
		if e.doubted.Load() {
			e.doubted.Store(false)
		}
	}
	return e
}

// meet adds a node without a namespace. It returns false if the node was known.
func (m *membership) meet(id string, heartbeat bool, now time.Time) (added bool, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, added, err = m.meetLocked(id, heartbeat, now)
	return added, err
}

func (m *membership) meetLocked(id string, heartbeat bool, now time.Time) (p *peer, added bool, err error) {
	p = m.peers[id]
	switch {
	case p != nil:
		p.heartbeat = p.heartbeat || heartbeat
		p.hear()
		return p, false, nil
	case id == "" || len(id) > maxNodeID:
		return nil, false, errNodeID
	case len(m.peers) >= maxMembers:
		return nil, false, errTooManyMembers
	}
	p = &peer{id: id, seen: now, heartbeat: heartbeat, rosters: make(map[*roster]struct{})}
	m.peers[id] = p
	return p, true, nil
}

// add adds a node to the roster, and notes that it is alive.
func (r *roster) add(id string, heartbeat bool, now time.Time) (e *member, added bool, err error) {
	m := r.of
	m.mu.Lock()
	defer m.mu.Unlock()
	p, _, err := m.meetLocked(id, heartbeat, now)
	if err != nil {
		return nil, false, err
	}
	e = (*r.members.Load())[id]
	if e != nil {
		return e, false, nil
	}
	e = &member{peer: p, roster: r}
	r.changeLocked(func(members map[string]*member) { members[id] = e })
	p.rosters[r] = struct{}{}
	return e, true, nil
}

// changeLocked replaces the map of members.
func (r *roster) changeLocked(change func(members map[string]*member)) {
	members := make(map[string]*member, len(*r.members.Load())+1)
	maps.Copy(members, *r.members.Load())
	change(members)
	r.members.Store(&members)
}

// remove removes a node from the roster. It returns false if it was not in it.
func (r *roster) remove(id string) bool {
	m := r.of
	m.mu.Lock()
	defer m.mu.Unlock()
	e := (*r.members.Load())[id]
	if e == nil {
		return false
	}
	r.changeLocked(func(members map[string]*member) { delete(members, id) })
	delete(e.rosters, r)
	return true
}

// remove removes a node from all rosters.
func (m *membership) remove(id string) (d departure, removed bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	p := m.peers[id]
	if p == nil {
		return d, false
	}
	return m.removeLocked(p), true
}

func (m *membership) removeLocked(p *peer) departure {
	d := departure{id: p.id, rosters: make([]*roster, 0, len(p.rosters))}
	for r := range p.rosters {
		r.changeLocked(func(members map[string]*member) { delete(members, p.id) })
		d.rosters = append(d.rosters, r)
	}
	clear(p.rosters)
	delete(m.peers, p.id)
	return d
}

// doubt notes that a node may not have the namespace of the roster anymore. It returns false if
// it is not in the roster, or was doubted before.
func (r *roster) doubt(id string, now time.Time) bool {
	m := r.of
	m.mu.Lock()
	defer m.mu.Unlock()
	e := (*r.members.Load())[id]
	if e == nil {
		return false
	}
	if _, before := m.doubtful[e]; before {
		return false
	}
	e.doubted.Store(true)
	m.doubtful[e] = now
	return true
}

// sweepDoubtful removes the members from rosters that were doubted for too long.
func (m *membership) sweepDoubtful(now time.Time) (gone []departure) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for e, since := range m.doubtful {
		switch {
		case !e.doubted.Load():
			delete(m.doubtful, e)
		case now.Sub(since) > m.timeout:
			delete(m.doubtful, e)
			if (*e.roster.members.Load())[e.id] != e {
				continue // it has left
			}
			e.roster.changeLocked(func(members map[string]*member) { delete(members, e.id) })
			delete(e.rosters, e.roster)
			gone = append(gone, departure{e.id, []*roster{e.roster}})
		}
	}
	return gone
}

// sweep removes the nodes that were silent for too long.
func (m *membership) sweep(now time.Time) (gone []departure) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, p := range m.peers {
		if p.heard.Swap(false) {
			p.seen = now
		}
		limit := learnedFor
		if p.heartbeat {
			limit = m.timeout
		}
		if now.Sub(p.seen) > limit {
			gone = append(gone, m.removeLocked(p))
		}
	}
	return gone
}

// close removes all members of a roster, which is not used anymore.
func (r *roster) close() {
	m := r.of
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, e := range *r.members.Load() {
		delete(e.rosters, r)
	}
	r.members.Store(new(map[string]*member))
}

// names returns the IDs of the members that send heartbeats, sorted.
func (r *roster) names() []string {
	r.of.mu.RLock()
	defer r.of.mu.RUnlock()
	members := *r.members.Load()
	names := make([]string, 0, len(members))
	for id, e := range members {
		if e.heartbeat {
			names = append(names, id)
		}
	}
	slices.Sort(names)
	return names
}

// size returns the number of members.
func (r *roster) size() int { return len(*r.members.Load()) }

// names returns the IDs of all nodes, sorted.
func (m *membership) names() []string {
	m.mu.RLock()
	defer m.mu.RUnlock()
	names := make([]string, 0, len(m.peers))
	for id := range m.peers {
		names = append(names, id)
	}
	slices.Sort(names)
	return names
}
