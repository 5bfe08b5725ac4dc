package cluster

import (
	"sync"
	"sync/atomic"
	"time"
)

// joins records the rooms that sockets of other nodes were made to join a short time ago. The
// bus may not know yet that their nodes want messages for these rooms, so such messages are
// sent to all nodes: without that, the event of
//
//	io.SocketsJoin("room")
//	io.To("room").Emit("welcome")
//
// would arrive before the interest of the receiving nodes, and be lost.
type joins struct {
	some atomic.Bool // there are entries

	mu    sync.Mutex
	until map[string]time.Time
	all   time.Time // until when all rooms count as joined
}

const (
	// joinTime is longer than it takes, on a bus that works, to apply a command and to make
	// the interest known. There is no answer that says so.
	joinTime = 10 * time.Second
	maxJoins = 10_000
)

// add notes that rooms are being joined.
func (j *joins) add(rooms []string, now time.Time) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.some.Store(true)
	if j.until == nil {
		j.until = make(map[string]time.Time)
	}
	if len(j.until)+len(rooms) > maxJoins {
		j.all = now.Add(joinTime)
		return
	}
	for _, room := range rooms {
		j.until[room] = now.Add(joinTime)
	}
}

// has reports whether a room was joined recently.
func (j *joins) has(room string, now time.Time) bool {
	if !j.some.Load() {
		return false
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	return now.Before(j.all) || now.Before(j.until[room])
}

// prune removes old entries.
func (j *joins) prune(now time.Time) {
	if !j.some.Load() {
		return
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	for room, end := range j.until {
		if !now.Before(end) {
			delete(j.until, room)
		}
	}
	j.some.Store(len(j.until) > 0 || now.Before(j.all))
}
