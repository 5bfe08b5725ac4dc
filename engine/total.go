package engine

import (
	"errors"
	"log/slog"
	"math"
	"runtime/debug"
	"slices"
	"sync/atomic"
	"time"
)

// ErrServerFull is the cause with which the connections that hold most end when all
// connections together hold more than [ServerOptions.TotalBytes].
var ErrServerFull = errors.New("engine: server full: the connection held more memory than others when all together held too much")

// A total counts the memory that a server's connections hold together. A connection
// that keeps up does not touch it: see freeBytes.
type total struct {
	limit    int64
	bytes    atomic.Int64
	evicted  atomic.Uint64 // connections
	trimming atomic.Bool   // a goroutine makes room
	next     time.Duration // not before this time, see clock; that goroutine's
}

const (
	// freeBytes of what waits for a connection are not counted, nor as much of what its
	// handler holds. It is what a corked connection gathers, so that only a connection
	// with a backlog shares a counter with others.
	freeBytes = corkLimit
	// messageBytes is what a message costs besides its bytes, and entryBytes a place in
	// an outbox.
	messageBytes, entryBytes = 96, 24
)

// defaultTotalBytes is half of the runtime's memory limit, the other half being for
// everything else, or a fixed value if there is none.
func defaultTotalBytes() int {
	if limit := debug.SetMemoryLimit(-1); limit < math.MaxInt64 {
		return int(min(limit/2, math.MaxInt))
	}
	return DefaultTotalBytes
}

func (t *total) add(n int) int64 { return t.bytes.Add(int64(n)) }

// hold counts a message that waits in a further outbox, until drop. One that waits in
// several is in memory once.
func (t *total) hold(m *Message) {
	n := entryBytes
	if m.holders.Add(1) == 1 {
		n += messageBytes + m.Len()
	}
	t.add(n)
}

// drop takes back what hold has counted.
func (t *total) drop(m *Message) {
	n := entryBytes
	if m.holders.Add(-1) == 0 {
		n += messageBytes + m.Len()
	}
	t.add(-n)
}

// pushLocked puts a message into the outbox, and counts it if much waits already.
func (c *Conn) pushLocked(m *Message, flags Flags) {
	o := &c.outbox
	if o.bytes+m.Len()+(o.n+1)*messageBytes > freeBytes {
		o.total = &c.server.total
		o.total.hold(m)
		flags |= counted
		c.server.checkTotal()
	}
	o.push(entry{m: m, flags: flags})
}

// Hold counts n more bytes, or with a negative n fewer, among what all connections hold
// together, see [ServerOptions.TotalBytes]: it is for memory that the handler holds for
// the client. What a connection holds is forgotten when it has ended. Handlers should
// not call it for every message, but when what they hold has changed by much.
func (c *Conn) Hold(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state != open {
		return
	}
	c.held += n
	c.server.total.add(n)
	c.server.checkTotal()
}

// forgetHeldLocked takes back what Hold has counted.
func (c *Conn) forgetHeldLocked() {
	if c.held != 0 {
		c.server.total.add(-c.held)
		c.held = 0
	}
}

// weightLocked is what a connection holds, messages that others hold, too, included.
func (c *Conn) weightLocked() int {
	return c.outbox.bytes + c.outbox.n*messageBytes + c.unsent + int(c.poll.unsent) + c.held
}

// checkTotal has a goroutine make room if connections hold too much together. The mu of
// an open connection is held, or trim is running, so that Shutdown does not miss the
// goroutine.
func (s *Server) checkTotal() {
	t := &s.total
	if t.bytes.Load() > t.limit && t.trimming.CompareAndSwap(false, true) {
		s.goroutines.Go(s.trim)
	}
}

// trimPause is the least time that is left to the connections that were ended, and to
// their writes, before others are looked at. It is longer where looking takes longer.
const trimPause = 10 * time.Millisecond

// trim ends the connections that hold most, until all that are left hold an eighth less
// than they may. What was added meanwhile has not started another trim, and what was
// about to leave may have stayed: it starts the next, unless no connection can be ended.
func (s *Server) trim() {
	t := &s.total
	if wait := t.next - clock(); t.next != 0 && wait > 0 {
		select {
		case <-time.After(wait):
		case <-s.empty:
		}
	}
	begin, before, ended := clock(), t.bytes.Load(), 0
	defer func() {
		t.trimming.Store(false)
		if ended > 0 || t.bytes.Load() > before {
			s.checkTotal()
		}
	}()
	var leaving int64 // what the ends of writes will release
	for _, c := range s.heaviest() {
		if t.bytes.Load()-leaving <= t.limit-t.limit/8 {
			break
		}
		c.mu.Lock()
		leaving += int64(c.unsent) + int64(c.poll.unsent)
		c.mu.Unlock()
		ended++
		c.abort(TransportError, ErrServerFull)
	}
	t.evicted.Add(uint64(ended))
	now := clock()
	t.next = now + max(trimPause, 10*(now-begin))
	s.noteTrim(before, ended)
}

// heaviest returns the connections that hold more than is free, the one that holds
// most first.
func (s *Server) heaviest() []*Conn {
	s.mu.RLock()
	conns := s.snapshot()
	s.mu.RUnlock()
	weights := make(map[*Conn]int, len(conns))
	conns = slices.DeleteFunc(conns, func(c *Conn) bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		weights[c] = c.weightLocked()
		return weights[c] <= freeBytes
	})
	slices.SortFunc(conns, func(a, b *Conn) int { return weights[b] - weights[a] })
	return conns
}

// trimInterval is the least time between two records of what trim has done. An attack
// that keeps it busy does not fill the log.
const trimInterval = time.Minute

// noteTrim logs what trim has done. Only trim calls it.
func (s *Server) noteTrim(before int64, ended int) {
	s.trimmed += ended
	if now := time.Now(); s.trimmed > 0 && now.Sub(s.trimNoted) >= trimInterval {
		s.opts.Logger.Warn("engine: connections that held most were closed, since all together held too much",
			slog.Int("connections", s.trimmed), slog.Int64("bytes", before), slog.Int64("TotalBytes", s.total.limit))
		s.trimNoted, s.trimmed = now, 0
	}
}

// Held returns how many bytes the connections hold together, as counted for
// [ServerOptions.TotalBytes].
func (s *Server) Held() int { return int(s.total.bytes.Load()) }

// Evicted returns the number of connections that were closed with [ErrServerFull].
func (s *Server) Evicted() uint64 { return s.total.evicted.Load() }
