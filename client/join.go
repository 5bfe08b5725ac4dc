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
		go l.authenticate(1) // ends with l, at the latest
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

// authenticate asks for the credentials and sends the request to join. If that fails,
// another goroutine makes the next attempt; n is the number of this one, from 1.
func (l *life) authenticate(n int) {
	s := l.socket
	// A method that encodes the credentials may end the goroutine: runtime.Goexit.
	var err error = &AuthError{Err: errEncoderEnded}
	defer func() {
		if err != nil && l.unauthenticated(err, n) && sleep(l.ctx, s.manager.opts.backoff(n, s.manager.random())) {
			go l.authenticate(n + 1) // ends with l, at the latest
		}
	}()
	var msg *engine.Message
	if msg, err = l.request(); err != nil {
		return
	}
	s.manager.mu.Lock()
	s.mu.Lock()
	if s.life == l {
		l.requestLocked(msg)
	}
	s.unlockAndSettle()
}

// request makes the request to join. What the application has to do with that runs
// without a lock.
func (l *life) request() (*engine.Message, error) {
	s := l.socket
	ctx, cancel := context.WithTimeoutCause(l.ctx, s.manager.opts.ConnectTimeout, ErrConnectTimeout)
	defer cancel()
	auth, err := s.credentials(ctx)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	pid, offset := s.pid, s.offset
	s.mu.Unlock()
	var msg *engine.Message
	err = s.protect("auth", func() error { // methods of auth encode it
		payload, err := connectPayload(auth, pid, offset)
		if err == nil {
			msg, err = s.encode(parser.Header{Type: parser.Connect}, "", payload)
		}
		return err
	})
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
	again := m.opts.allows(n)
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
	l.socket.asked = l
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
