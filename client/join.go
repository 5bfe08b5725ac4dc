package client

import (
	"context"
	"errors"
	"time"

	"github.com/seed96b07ef8/socketio/engine"
	"github.com/seed96b07ef8/socketio/internal/seam"
	"github.com/seed96b07ef8/socketio/parser"
)

// This file has the requests to join a namespace; life.go has what follows.

// join begins a life over a connection.
func (s *Socket) join(c *conn) {
	s.manager.mu.Lock()
	s.mu.Lock()
	defer s.unlockAndSettle()
	if !s.active || s.life != nil || c.ctx.Err() != nil {
		return
	}
	s.life = &life{socket: s, conn: c, visit: s.visits.Load()}
	s.life.ctx, s.life.cancel = context.WithCancelCause(c.ctx)
	if c.legacy {
		s.refuseLocked(ErrServerVersion)
	} else if s.asked == nil {
		s.beginLocked()
	} else { // the answer to an earlier request has to come first
		s.asked.timer.Reset(s.manager.opts.ConnectTimeout)
	}
}

// beginLocked asks the server to let the socket into its namespace.
func (s *Socket) beginLocked() {
	l := s.life
	if s.opts.Auth != nil {
		go l.authenticate() // ends with l, at the latest
		return
	}
	payload, _ := connectPayload(nil, s.pid, s.offset) // nothing that could fail
	msg, err := s.encodeLocked(parser.Header{Type: parser.Connect}, payload)
	if err != nil {
		s.refuseLocked(err) // by a codec that cannot encode strings
		return
	}
	l.requestLocked(msg)
}

// authenticate asks for the credentials and sends the request to join, again and again
// until that succeeds.
func (l *life) authenticate() {
	s, m := l.socket, l.socket.manager
	for n := 1; ; n++ {
		msg, err := l.newRequest()
		if err == nil {
			m.mu.Lock()
			s.mu.Lock()
			if s.life == l {
				l.requestLocked(msg)
			}
			s.unlockAndSettle()
			return
		}
		if !l.unauthenticated(err, n) || !sleep(l.ctx, m.opts.backoff(n, m.random())) {
			return
		}
	}
}

// newRequest makes the request to join.
func (l *life) newRequest() (*engine.Message, error) {
	ctx, cancel := context.WithTimeoutCause(l.ctx, l.socket.manager.opts.ConnectTimeout, ErrConnectTimeout)
	defer cancel()
	msg, err := l.socket.ask(ctx)
	if err != nil {
		return nil, &AuthError{Err: err}
	}
	return msg, nil
}

// unauthenticated reports a failed attempt to get credentials; attempts are counted
// from 1. It returns false if there will be no further attempt.
func (l *life) unauthenticated(err error, n int) bool {
	s, m := l.socket, l.socket.manager
	m.mu.Lock()
	s.mu.Lock()
	if s.life != l {
		s.mu.Unlock()
		m.mu.Unlock()
		return false
	}
	again := m.opts.allows(n) || !s.keep // callers of Connect try again
	if again {
		s.failedLocked(err)
		again = s.life == l
	} else {
		s.refuseLocked(err)
	}
	s.unlockAndSettle()
	return again
}

// requestLocked sends the request to join (Socket.IO protocol v5, "Connection to a
// namespace"). A request that is larger than what the server accepts will not become
// smaller, so the socket becomes inactive. The manager's mu is held, too.
func (l *life) requestLocked(msg *engine.Message) {
	l.socket.asked, l.request = l, msg
	l.timer = time.AfterFunc(l.socket.manager.opts.ConnectTimeout, l.unanswered)
	flags := engine.Flags(seam.Essential) // one waits for its answer at a time
	if l.socket.left == l.conn {
		// A server of Node that reads the request to leave a namespace together with one
		// to join it again takes the second for an error and closes the connection.
		flags |= engine.Fence
	}
	err := l.conn.engine.Send(msg, flags) // the end of a connection is reported elsewhere
	if _, ok := errors.AsType[*engine.TooLargeError](err); ok {
		l.socket.refuseLocked(&AuthError{Err: err})
	}
}

// unanswered is called when the server takes too long to answer the request to
// join. The answer may still arrive, so the connection is closed only if no other
// socket uses it.
func (l *life) unanswered() {
	s, m, c := l.socket, l.socket.manager, l.conn
	m.mu.Lock()
	s.mu.Lock()
	waits := s.asked == l && s.life != nil
	alone := c.joined == 0
	if waits && !alone {
		s.failedLocked(errNoAnswer)
		if s.life != nil {
			l.timer.Reset(m.opts.ConnectTimeout)
		}
	}
	s.unlockAndSettle()
	if waits && alone {
		c.close(c.engine, &DisconnectError{Reason: ForcedClose, Err: errNoAnswer})
	}
}

// answeredLocked notes that the request to join was answered.
func (s *Socket) answeredLocked() {
	s.asked.timer.Stop()
	s.asked = nil
}
