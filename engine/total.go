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

// ErrServerFull is the cause with which the server closes the connections that hold
// most when all connections together exceed [ServerOptions.TotalBytes].
var ErrServerFull = errors.New("engine: server full: the connection held more memory than others when all together held too much")

// A total counts the memory that a server's connections hold together. A connection
// that keeps up does not touch it, see freeBytes.
type total struct {
	server   *Server
	limit    int64
	bytes    atomic.Int64
	evicted  atomic.Uint64 // connections closed
	trimming atomic.Bool   // a goroutine runs trim
	next     time.Duration // earliest time of the next trim, by clock; owned by that goroutine
}

const (
	// freeBytes is the size up to which a connection's queued messages are not
	// counted; the same applies to what its handler holds. It equals corkLimit, so
	// that only connections with a backlog share a counter.
	freeBytes = corkLimit
	// messageBytes is the overhead of a message, and entryBytes that of an entry in
	// an outbox.
	messageBytes, entryBytes = 96, 24
)

// defaultTotalBytes returns half of the runtime's memory limit, which leaves half for
// everything else, or DefaultTotalBytes without a limit.
func defaultTotalBytes() int {
	if limit := debug.SetMemoryLimit(-1); limit < math.MaxInt64 {
		return int(min(limit/2, math.MaxInt))
	}
	return DefaultTotalBytes
}

func (t *total) add(n int) { t.bytes.Add(int64(n)) }

// A holding is what one total counts for a message. Servers of a process can send the
// same message, and each counts what its own connections hold.
type holding struct {
	total   atomic.Pointer[total]   // set once; nil if no server has counted the message
	next    atomic.Pointer[holding] // of the same message
	forms   atomic.Int64            // counted bytes of encodings
	holders atomic.Int32            // outboxes that hold the message
}

// holding returns what t counts for m, which may be nothing yet.
func (m *Message) holding(t *total) *holding {
	for h := &m.held; ; h = h.next.Load() {
		if h.total.Load() == t || h.total.CompareAndSwap(nil, t) || h.total.Load() == t {
			return h
		}
		if h.next.Load() == nil {
			h.next.CompareAndSwap(nil, new(holding))
		}
	}
}

// findHolding is holding, except that it returns nil if t has not counted m.
func (m *Message) findHolding(t *total) *holding {
	h := &m.held
	for h != nil && h.total.Load() != t {
		h = h.next.Load()
	}
	return h
}

// hold counts a message for one more outbox until drop is called. A message in
// several outboxes counts once.
func (t *total) hold(m *Message) {
	n := entryBytes
	if h := m.holding(t); h.holders.Add(1) == 1 {
		forms := m.formBytes()
		h.forms.Add(int64(forms))
		n += messageBytes + m.Len() + forms
	}
	t.add(n)
}

// drop reverts hold.
func (t *total) drop(m *Message) {
	n := entryBytes
	if h := m.holding(t); h.holders.Add(-1) == 0 {
		n += messageBytes + m.Len() + int(h.forms.Swap(0))
	}
	t.add(-n)
}

// encoded returns m in a form, and counts the form if m is counted. No mutex is held.
// t is nil for a connection whose memory is not counted.
func (t *total) encoded(m *Message, kind formKind) []byte {
	b, made := m.form(kind).encode(m)
	if !made || t == nil {
		return b
	}
	h := m.findHolding(t)
	if h == nil || h.holders.Load() == 0 {
		return b
	}
	t.add(len(b))
	h.forms.Add(int64(len(b)))
	if h.holders.Load() == 0 { // the last drop may have preceded the Add above
		t.add(-int(h.forms.Swap(0)))
	}
	return b
}

// pushLocked puts a message into the outbox, and counts it if the outbox exceeds
// freeBytes.
func (c *Conn) pushLocked(m *Message, flags Flags) {
	o := &c.outbox
	if o.bytes+m.Len()+(o.n+1)*messageBytes > freeBytes {
		o.total = &c.server.total
		o.total.hold(m)
		flags |= counted
		c.server.total.check()
	}
	o.push(entry{m: m, flags: flags})
}

// Hold adds n bytes, which may be negative, to the memory counted for
// [ServerOptions.TotalBytes]. Use it for memory that the handler holds for the
// client. The server forgets the sum when the connection has ended. A handler should
// call Hold after large changes, not for each message.
func (c *Conn) Hold(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state != open {
		return
	}
	c.held += n
	c.server.total.add(n)
	c.server.total.check()
}

// forgetHeldLocked reverts all calls of Hold.
func (c *Conn) forgetHeldLocked() {
	if c.held != 0 {
		c.server.total.add(-c.held)
		c.held = 0
	}
}

// weightLocked returns the number of bytes that a connection holds, including shared
// messages.
func (c *Conn) weightLocked() int {
	return c.outbox.bytes + c.outbox.n*messageBytes + c.unsent + c.poll.unsentBytes() + c.held
}

// check starts a goroutine that runs trim if connections together hold too much.
// Either the mu of an open connection is held or trim is running, so that Shutdown
// waits for the goroutine.
func (t *total) check() {
	if t.bytes.Load() > t.limit && t.trimming.CompareAndSwap(false, true) {
		t.server.goroutines.Go(t.server.trim)
	}
}

// trimPause is the minimum time that closed connections and their writes get before
// trim examines others. If the examination takes longer, so does the pause, up to
// maxTrimPause, so that a process that was not scheduled for seconds does not pause
// for minutes.
const (
	trimPause    = 10 * time.Millisecond
	maxTrimPause = time.Second
)

// trim closes the connections that hold most until the rest hold an eighth less than
// the limit. Afterwards it starts another trim if the total is exceeded again,
// because additions meanwhile did not start one and writes may not have completed,
// unless no connection can be closed.
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
			t.check()
		}
	}()
	var leaving int64 // bytes that ending writes will release
	for _, c := range s.heaviest() {
		if t.bytes.Load()-leaving <= t.limit-t.limit/8 {
			break
		}
		c.mu.Lock()
		leaving += int64(c.unsent) + int64(c.poll.unsentBytes())
		c.mu.Unlock()
		ended++
		c.abort(TransportError, ErrServerFull)
	}
	t.evicted.Add(uint64(ended))
	now := clock()
	t.next = now + min(max(trimPause, 10*(now-begin)), maxTrimPause)
	s.noteTrim(before, ended)
}

// heaviest returns the connections that hold more than freeBytes, those that hold
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

// trimInterval is the minimum time between two log records of trim, so that an attack
// does not fill the log.
const trimInterval = time.Minute

// noteTrim logs what trim has done. Only trim calls it.
func (s *Server) noteTrim(before int64, ended int) {
	s.trimmed += ended
	if now := time.Now(); s.trimmed > 0 && now.Sub(s.trimNoted) >= trimInterval {
		s.opts.Logger.Warn("engine: the connections that held most were closed because all connections together held too much",
			slog.Int("connections", s.trimmed), slog.Int64("bytes", before), slog.Int64("TotalBytes", s.total.limit))
		s.trimNoted, s.trimmed = now, 0
	}
}

// Held returns the number of bytes that all connections hold together, as counted for
// [ServerOptions.TotalBytes].
func (s *Server) Held() int { return int(s.total.bytes.Load()) }

// Evicted returns the number of connections that were closed with [ErrServerFull].
func (s *Server) Evicted() uint64 { return s.total.evicted.Load() }
