package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/seed96b07ef8/socketio/internal/clip"
)

// An occasion limits the log records of an event that peers can cause at will to one
// a minute.
type occasion struct {
	due   atomic.Int64 // earliest time of the next record, by clock; initially zero
	count atomic.Int64 // events since the last record
}

const logInterval = time.Minute

// logged holds the state of the log records that a Server limits to one, or to one a
// minute.
type logged struct {
	foreigners   occasion // requests of pages of other origins
	oldRevisions occasion // handshakes of clients that speak an old revision
	badIDs       occasion // unusable IDs from GenerateID
	overflows    occasion // connections closed because of a full outbox
	headers      occasion // handshakes with too large a header
	tooLarge     atomic.Bool
	hijackFailed atomic.Bool
}

// next counts an event. It returns the number of events since the last record, or
// zero if this one must not be logged.
func (o *occasion) next() int64 {
	o.count.Add(1)
	now, due := int64(clock()), o.due.Load()
	if due != 0 && now < due || !o.due.CompareAndSwap(due, now+int64(logInterval)) {
		return 0
	}
	return o.count.Swap(0)
}

// logOldRevision logs that clients of an old protocol revision try to connect.
func (s *Server) logOldRevision(r *http.Request) {
	if n := s.logged.oldRevisions.next(); n > 0 {
		s.opts.Logger.Info("engine: clients of an old protocol revision, such as Socket.IO 2, were refused; to accept them, set ServerOptions.AllowEIO3",
			"remote", r.RemoteAddr, "refused", n)
	}
}

// logTooLarge logs the first message larger than MaxPayload. size is the known part
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

// logOverflow logs that connections were closed because their outbox was full.
func (s *Server) logOverflow(c *Conn) {
	if n := s.logged.overflows.next(); n > 0 {
		s.opts.Logger.Warn("engine: connections were closed whose clients do not read as fast as they are written to; see OutboxBytes, OutboxMessages and Overflow of ServerOptions",
			"sid", c.ID(), "closed", n)
	}
}

// logHeader logs that handshakes had too large a header.
func (s *Server) logHeader(r *http.Request) {
	if n := s.logged.headers.next(); n > 0 {
		s.opts.Logger.Info("engine: handshakes were refused whose header was larger than ServerOptions.MaxHeaderBytes",
			"remote", r.RemoteAddr, "refused", n, "MaxHeaderBytes", s.opts.MaxHeaderBytes)
	}
}

// logHijack logs once that WebSockets cannot be opened because of the
// http.ResponseWriter.
func (s *Server) logHijack(w http.ResponseWriter, err error) {
	if s.logged.hijackFailed.CompareAndSwap(false, true) {
		s.opts.Logger.Warn("engine: a WebSocket could not be opened, as the http.ResponseWriter cannot be hijacked, so clients stay on polling; "+
			"middleware that wraps it must give it a method Unwrap or Hijack (docs/deployment.md)",
			"writer", fmt.Sprintf("%T", w), "error", clip.Error(err, clip.Report))
	}
}

// logBadID logs that GenerateID returned an unusable ID.
func (s *Server) logBadID(err error) {
	if n := s.logged.badIDs.next(); n > 0 {
		s.opts.Logger.Warn("engine: ServerOptions.GenerateID returned an ID that cannot be used, so the handshake was refused", "error", clip.Error(err, clip.Report), "refused", n)
	}
}

// logOpened and logClosed check first whether the record is enabled, to avoid
// allocating its attributes for each connection.

func (c *Conn) logOpened() {
	if l := c.server.opts.Logger; l.Enabled(context.Background(), slog.LevelDebug) {
		l.Debug("engine: connection opened", "sid", c.id, "transport", string(c.Transport()))
	}
}

func (c *Conn) logClosed(reason Reason, err error) {
	if l := c.server.opts.Logger; l.Enabled(context.Background(), slog.LevelDebug) {
		l.Debug("engine: connection closed", "sid", c.id, "reason", string(reason), "error", clip.Log(err))
	}
}

var errPanic = errors.New("engine: panic in a handler")

// logPanic logs a panic of a handler, and returns the cause with which it ends the
// connection.
func logPanic(v any, log *slog.Logger, sid string) error {
	log.Error(errPanic.Error(), "sid", sid, "panic", clip.Panic(v), "stack", string(debug.Stack()))
	return fmt.Errorf("%w: %v", errPanic, clip.Panic(v))
}

// guardClose recovers from a panic of OnClose, whose connection has ended already.
func guardClose(log *slog.Logger, sid string) {
	if v := recover(); v != nil {
		_ = logPanic(v, log, sid)
	}
}
