package engine

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// A Server accepts Engine.IO connections. It is an [http.Handler] for any path and
// does not open a listener.
//
// Methods of Server are safe for concurrent use.
type Server struct {
	opts       *ServerOptions
	ways       map[Transport]*way // settings of the links, by transport
	handshakes atomic.Int64       // in progress
	dropped    atomic.Uint64      // messages
	logged     logged
	goroutines group // readers and writers of connections, the flusher, the poller
	flusher    flusher
	poller     poller
	total      total
	trimNoted  time.Time // when trim last logged; owned by trim
	trimmed    int       // connections closed since then; owned by trim

	mu       sync.RWMutex // guards what follows; taken after a Conn's mu
	conns    map[string]*Conn
	refusing bool          // new connections are refused
	closed   bool          // Shutdown was called; implies refusing
	empty    chan struct{} // closed once closed is set and conns is empty
}

// portable disables the poller. Tests set it to give each WebSocket a goroutine, as
// on systems without a poller.
var portable bool

// NewServer returns a Server with a copy of the options. It returns an [*OptionError]
// if an option is out of range.
func NewServer(opts *ServerOptions) (*Server, error) {
	o, err := opts.withDefaults()
	if err != nil {
		return nil, err
	}
	s := &Server{opts: o, conns: make(map[string]*Conn), empty: make(chan struct{})}
	s.ways = newWays(o.streams, o.PerMessageDeflate, o.WriteTimeout, false)
	s.total.server, s.total.limit = s, int64(o.TotalBytes)
	s.flusher.goroutines = &s.goroutines
	s.poller.goroutines, s.poller.disabled = &s.goroutines, portable
	return s, nil
}

// Len returns the number of connections.
func (s *Server) Len() int {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return len(s.conns)
}

// Dropped returns the number of messages that were not sent because the peer was not
// ready: volatile messages, and messages that did not fit into an outbox.
func (s *Server) Dropped() uint64 { return s.dropped.Load() }

// StopAccepting makes the server answer handshakes with 503 and refuse upgrades.
// Existing connections continue. [Server.Shutdown] does the same first; call
// StopAccepting if the application has work to do before its connections are closed.
func (s *Server) StopAccepting() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refusing = true
}

// Shutdown closes all connections after flushing the messages sent to them, and waits
// for them to end. The server answers new handshakes with 503. A polling client has 2
// s to poll for the rest, or for the next part of it, and every client has
// WriteTimeout to accept each 64 KiB, so slow clients can take long. If ctx ends
// first, Shutdown aborts the remaining connections and returns the error of ctx.
//
// Shutdown also waits for running handlers, so a handler must not call it. It does
// not wait for the last responses to polls; call [http.Server.Shutdown] afterwards
// for that.
func (s *Server) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	s.refusing = true
	if !s.closed {
		s.closed = true
		if len(s.conns) == 0 {
			close(s.empty)
		}
	}
	conns := s.snapshot()
	s.mu.Unlock()
	for _, c := range conns {
		c.Close()
		c.hasten()
	}

	done := make(chan struct{})
	go func() { // ends when all connections have ended; cut below ends the rest
		<-s.empty
		s.goroutines.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
	}
	if s.hasEnded() {
		return nil // ctx bounds only the wait, as in net/http
	}
	for _, c := range conns {
		c.cut()
	}
	return ctx.Err()
}

// hasEnded reports whether Shutdown has nothing left to wait for.
func (s *Server) hasEnded() bool {
	select {
	case <-s.empty:
		return s.goroutines.isEmpty()
	default:
		return false
	}
}

func (s *Server) isClosed() bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.closed
}

// enter registers a request that may open a connection or a WebSocket with
// goroutines, which Shutdown waits for. The caller must call goroutines.Done. It
// returns false if the server no longer accepts connections. All other goroutines are
// started for connections that are in conns, and Shutdown waits for those first.
func (s *Server) enter() bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.refusing {
		return false
	}
	s.goroutines.Add(1)
	return true
}

// enter makes Shutdown wait for a call of the connection's handler on a goroutine that it
// does not otherwise know, until the caller calls goroutines.Done. It returns false if
// the session has ended, because Shutdown may have stopped waiting for it.
func (c *Conn) enter() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state == closed {
		return false
	}
	c.server.goroutines.Add(1)
	return true
}

// hasten shortens the wait of a closed polling session for its last poll, so that
// clients that have left do not delay Shutdown.
func (c *Conn) hasten() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.lingersLocked() && c.beat.due-clock() > closeTimeout {
		c.beat.after(c, closeTimeout)
	}
}

// cut immediately ends a connection on which Close was called.
func (c *Conn) cut() {
	c.mu.Lock()
	probe, _ := c.finishPollingLocked()
	c.state = closed
	c.outbox.clear()
	var cut cut
	cut.answersLocked(c)
	carrier := c.carrierLocked()
	c.mu.Unlock()
	cut.run()
	probe.interrupt()
	carrier.end(true, nil)
	c.server.remove(c)
}

func (s *Server) snapshot() []*Conn {
	conns := make([]*Conn, 0, len(s.conns))
	for _, c := range s.conns {
		conns = append(conns, c)
	}
	return conns
}

var (
	errEmptyID     = errors.New("engine: session ID is empty")
	errInvalidID   = errors.New("engine: session ID is not valid UTF-8")
	errDuplicateID = errors.New("engine: session ID is taken")
)

// add registers c under its ID.
func (s *Server) add(c *Conn) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refusing {
		return ErrServerClosed
	}
	if _, taken := s.conns[c.id]; taken {
		return errDuplicateID
	}
	s.conns[c.id] = c
	return nil
}

func (s *Server) remove(c *Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conns[c.id] != c {
		return
	}
	delete(s.conns, c.id)
	if s.closed && len(s.conns) == 0 {
		close(s.empty)
	}
}

func (s *Server) find(sid string) *Conn {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.conns[sid]
}
