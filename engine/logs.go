package engine

import (
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/seed96b07ef8/socketio/internal/clip"
)

// An occasion is something that peers can bring about as often as they like and that is
// logged once a minute at most.
type occasion struct {
	due   atomic.Int64 // on the clock, when it may be logged again; zero at first
	count atomic.Int64 // since it was logged last
}

const logInterval = time.Minute

// logged is what a Server says once, or once in a while.
type logged struct {
	foreigners   occasion // requests of pages that may not make them
	oldRevisions occasion // handshakes of clients that speak an old revision
	badIDs       occasion // of GenerateID
	overflows    occasion // connections closed because of a full outbox
	headers      occasion // handshakes with too large a header
	tooLarge     atomic.Bool
	hijackFailed atomic.Bool
}

// next counts the occasion. It returns how often there was one since it was logged
// last, or zero if it is not to be logged now.
func (o *occasion) next() int64 {
	o.count.Add(1)
	now, due := int64(clock()), o.due.Load()
	if due != 0 && now < due || !o.due.CompareAndSwap(due, now+int64(logInterval)) {
		return 0
	}
	return o.count.Swap(0)
}

// logOldRevision says that clients of an old revision of the protocol come.
func (s *Server) logOldRevision(r *http.Request) {
	if n := s.logged.oldRevisions.next(); n > 0 {
		s.opts.Logger.Info("engine: clients of an old protocol revision, such as Socket.IO 2, were refused; to accept them, set ServerOptions.AllowEIO3",
			"remote", r.RemoteAddr, "refused", n)
	}
}

// logTooLarge says once that a message was larger than MaxPayload. size is what is known
// of its size, or 0.
func (s *Server) logTooLarge(c *Conn, transport Transport, size int64) {
	if !s.logged.tooLarge.CompareAndSwap(false, true) {
		return
	}
	attrs := []any{"sid", c.ID(), "transport", string(transport), "MaxPayload", s.opts.MaxPayload}
	if size > 0 {
		attrs = append(attrs, "size", size)
	}
	s.opts.Logger.Info("engine: a client's message was refused, as it was larger than ServerOptions.MaxPayload; further ones are not logged", attrs...)
}

// logOverflow says that connections were closed because their outbox was full.
func (s *Server) logOverflow(c *Conn) {
	if n := s.logged.overflows.next(); n > 0 {
		s.opts.Logger.Warn("engine: connections were closed whose clients do not read as fast as they are written to; see OutboxBytes, OutboxMessages and Overflow of ServerOptions",
			"sid", c.ID(), "closed", n)
	}
}

// logHeader says that handshakes had too large a header.
func (s *Server) logHeader(r *http.Request) {
	if n := s.logged.headers.next(); n > 0 {
		s.opts.Logger.Info("engine: handshakes were refused whose header was larger than ServerOptions.MaxHeaderBytes",
			"remote", r.RemoteAddr, "refused", n, "MaxHeaderBytes", s.opts.MaxHeaderBytes)
	}
}

// logHijack says once that WebSockets cannot be opened, because of what is in front of
// the server.
func (s *Server) logHijack(w http.ResponseWriter, err error) {
	if s.logged.hijackFailed.CompareAndSwap(false, true) {
		s.opts.Logger.Warn("engine: a WebSocket could not be opened, as the http.ResponseWriter cannot be hijacked, so clients stay on polling; "+
			"middleware that wraps it must give it a method Unwrap or Hijack (docs/deployment.md)",
			"writer", fmt.Sprintf("%T", w), "error", clip.Error(err, clip.Report))
	}
}

// logBadID says that GenerateID does not keep its promise.
func (s *Server) logBadID(err error) {
	if n := s.logged.badIDs.next(); n > 0 {
		s.opts.Logger.Warn("engine: ServerOptions.GenerateID returned an ID that cannot be used, so the handshake was refused", "error", clip.Error(err, clip.Report), "refused", n)
	}
}
