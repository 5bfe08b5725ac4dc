package client

import (
	"context"
	"slices"
	"time"

	"github.com/seed96b07ef8/socketio/engine"
	"github.com/seed96b07ef8/socketio/internal/errtext"
	"github.com/seed96b07ef8/socketio/internal/seam"
	"github.com/seed96b07ef8/socketio/parser"
)

// A life is a socket's time over one connection: it asks to join its namespace, is in
// it, and leaves. It owns the events that arrive in that time, so an answer to one of
// them is never sent over a later connection.
type life struct {
	socket *Socket
	conn   *conn
	ctx    context.Context
	cancel context.CancelCauseFunc
	visit  uint64 // the socket's visits when it began

	// The socket's mu guards what follows.
	joined     bool
	announced  bool            // the functions of OnConnect are called, or were
	request    *engine.Message // to join, once it was made
	timer      *time.Timer     // while the answer to that is awaited
	early      []task          // events that came before that answer
	earlyBytes int
	held       []*engine.Message // answers of their handlers
	heldBytes  int
}

// activate makes the socket active until it is made inactive or, with w, until w has
// received the outcome of the present attempt.
func (s *Socket) activate(w chan error) error {
	m := s.manager
	m.mu.Lock()
	m.sockets.keep(s)
	s.mu.Lock()
	err := s.err
	if err == nil && m.done {
		err = ErrClosed
	}
	if err != nil || s.connectedLocked() {
		if w != nil {
			w <- nil
		}
		s.mu.Unlock()
		m.mu.Unlock()
		return err
	}
	if w != nil {
		s.waiters = append(s.waiters, w)
	} else {
		s.keep = true
	}
	s.active = true
	m.active[s] = struct{}{}
	s.mu.Unlock()
	c := m.conn
	m.startLocked(0)
	m.mu.Unlock()
	if c != nil {
		s.join(c)
	}
	return nil
}

// without returns waiters except w, whose call of Connect does not wait any more.
func without(waiters []chan error, w chan error) []chan error {
	return slices.DeleteFunc(waiters, func(other chan error) bool { return other == w })
}

// notifyLocked passes the outcome to the callers of Connect.
func (s *Socket) notifyLocked(err error) {
	for _, w := range s.waiters {
		w <- err // has room
	}
	s.waiters = nil
}

// giveUp ends the waiting of a caller of Connect whose context has ended with err. It
// returns what Connect returns: the result of the attempt, if there is one by now, or
// err. Without other callers that wait, the socket is inactive again when it returns,
// unless Open has made it active, too.
func (s *Socket) giveUp(w chan error, err error) error {
	m := s.manager
	m.mu.Lock()
	s.mu.Lock()
	defer s.unlockAndSettle()
	select {
	case result := <-w:
		return result
	default:
	}
	s.waiters = without(s.waiters, w)
	if len(s.waiters) == 0 {
		s.releaseLocked(err)
	}
	return err
}

// releaseLocked makes the socket inactive, and ends its attempt to join, if only
// callers of Connect have wanted it to be active.
func (s *Socket) releaseLocked(err error) {
	if !s.active || s.keep {
		return
	}
	s.deactivateLocked()
	if s.life != nil {
		s.endLifeLocked(&DisconnectError{Reason: ClientDisconnect, Err: err})
	}
}

// unlockAndSettle releases the locks of the socket and its manager, and closes the
// connection if the socket was the last that wanted it.
func (s *Socket) unlockAndSettle() {
	s.mu.Unlock()
	m := s.manager
	finish := m.settleLocked()
	m.mu.Unlock()
	finish()
}

// deactivateLocked is called with the manager's mu held, too, as are leaveLocked and
// refuseLocked.
func (s *Socket) deactivateLocked() {
	s.active, s.keep = false, false
	delete(s.manager.active, s)
	s.noteChangeLocked()
}

// receive handles a packet for the socket. It is called by the connection's reader;
// an error says that the server has broken the protocol.
func (s *Socket) receive(c *conn, p *parser.Packet, size int) error {
	switch p.Type {
	case parser.Connect:
		return s.granted(c, p)
	case parser.ConnectError:
		return s.rejected(c, p)
	case parser.Disconnect:
		s.dismissed(c)
	case parser.Event:
		s.received(c, p, size)
	case parser.Ack:
		s.acknowledged(c, p)
	}
	return nil
}

// onLocked returns the socket's life over a connection, or nil.
func (s *Socket) onLocked(c *conn) *life {
	if s.life != nil && s.life.conn == c {
		return s.life
	}
	return nil
}

func (s *Socket) joiningLocked(c *conn) bool {
	l := s.onLocked(c)
	return l != nil && !l.joined
}

// maxID is the length of the longest ID that is accepted. Those of all known servers
// have 20 characters.
const maxID = 1024

// granted handles CONNECT.
func (s *Socket) granted(c *conn, p *parser.Packet) error {
	var answer struct {
		SID string `json:"sid"`
		PID string `json:"pid"`
	}
	err := p.Args.DecodeAt(0, &answer)
	if len(answer.SID) > maxID || len(answer.PID) > maxID {
		err = errLongID
	}
	m := s.manager
	m.mu.Lock()
	s.mu.Lock()
	switch l := s.asked; {
	case err == nil && answer.SID == "" && s.joiningLocked(c):
		// Servers of version 2 admit each client to "/" unasked.
		s.refuseLocked(ErrServerVersion)
	case err != nil || l == nil || l.conn != c:
		if s.onLocked(c) == nil {
			err = nil // too late
		} else if err == nil {
			err = errUnasked
		}
	case s.life != l:
		// The socket was disconnected meanwhile, which the server does not know yet.
		s.answeredLocked()
		s.sendDisconnectLocked(c)
		if s.life != nil {
			s.beginLocked()
		}
	default:
		s.answeredLocked()
		c.joined++
		c.good = true
		s.enterLocked(answer.SID, answer.PID)
	}
	s.unlockAndSettle()
	return err
}

// enterLocked makes the socket connected.
func (s *Socket) enterLocked(sid, pid string) {
	l := s.life
	s.recovered = pid != "" && pid == s.pid
	if !s.recovered {
		s.offset = ""
	}
	s.id, s.pid = sid, pid
	l.joined, s.keep = true, true
	s.left = nil // the server has read that
	s.noteChangeLocked()
	for _, t := range l.early {
		s.inbox.force(t)
		if s.recovered {
			s.noteOffsetLocked(t.event)
		}
	}
	l.early = nil
	s.notifyConnectedLocked()

	e := l.conn.engine
	e.Cork()
	for _, m := range l.held {
		// The end of a connection is reported elsewhere.
		if err := e.Send(m, seam.Essential); err != nil && err != engine.ErrClosed {
			s.reportLater(errtext.Prefix("client: answering an event of "+s.namespace, err))
		}
	}
	l.held = nil
	s.flushLocked()
	s.drainLocked()
	e.Uncork()
	s.notifyLocked(nil)
}

// rejected handles CONNECT_ERROR.
func (s *Socket) rejected(c *conn, p *parser.Packet) error {
	s.mu.Lock()
	asked := s.asked
	awaited := asked != nil && asked.conn == c && asked == s.life
	s.mu.Unlock()
	var refusal *ConnectError
	if awaited { // decoding takes time, and is of no use otherwise
		refusal = newConnectError(p)
	}
	return s.rejectedWith(c, asked, refusal)
}

// rejectedWith acts on a refusal of the request to join that was under way when the
// refusal came. A request that was made since has another answer.
func (s *Socket) rejectedWith(c *conn, asked *life, refusal *ConnectError) (err error) {
	m := s.manager
	m.mu.Lock()
	s.mu.Lock()
	switch l := s.asked; {
	case l == nil || l.conn != c || l != asked:
		if s.onLocked(c) != nil {
			err = errUnasked
		}
	case s.life != l:
		s.answeredLocked()
		if s.life != nil {
			s.beginLocked()
		}
	default:
		s.refuseLocked(refusal)
	}
	s.unlockAndSettle()
	return err
}

// refuseLocked makes the socket inactive because it may not join its namespace.
func (s *Socket) refuseLocked(err error) {
	if s.asked != nil && s.asked == s.life {
		s.answeredLocked()
	}
	why := &DisconnectError{Reason: ClientDisconnect, Err: err}
	s.deactivateLocked()
	s.endLifeLocked(why)
	s.abandonLocked(why)
	s.failedLocked(err)
}

// dismissed handles DISCONNECT.
func (s *Socket) dismissed(c *conn) {
	m := s.manager
	m.mu.Lock()
	s.mu.Lock()
	why := &DisconnectError{Reason: ServerDisconnect}
	switch l := s.onLocked(c); {
	case l == nil:
	case l.joined:
		s.deactivateLocked()
		s.pid, s.offset = "", ""
		s.endLifeLocked(why)
		s.abandonLocked(why)
	case s.asked == l && s.left != c:
		s.refuseLocked(why)
	default:
		// The packet crossed our DISCONNECT and ends the earlier visit: about this one,
		// the server sends its answer to the request to join first.
	}
	s.unlockAndSettle()
}

// leaveLocked disconnects the socket.
func (s *Socket) leaveLocked(why *DisconnectError) {
	if s.active {
		s.end = why // also if the connection was lost before
	}
	s.deactivateLocked()
	s.pid, s.offset = "", ""
	s.visits.Add(1)
	s.abandonLocked(why)
	if l := s.life; l != nil {
		if l.joined {
			s.sendDisconnectLocked(l.conn)
		}
		s.endLifeLocked(why)
	}
	s.notifyLocked(why)
}

func (s *Socket) sendDisconnectLocked(c *conn) {
	msg, err := s.encodeLocked(parser.Header{Type: parser.Disconnect}, nil)
	if err != nil { // the application's codec cannot encode a packet without arguments
		s.inbox.push(func() {
			s.manager.opts.Logger.Error("client: DISCONNECT cannot be encoded", "error", err)
		})
		return
	}
	flags := engine.Flags(seam.Essential) // there is one for each time that a socket was let in
	if !c.parting {
		// Servers of Node drop the events that they read together with DISCONNECT.
		flags |= engine.Fence
	}
	c.parting = s.manager.done    // in Manager.Close, only the first can follow events
	_ = c.engine.Send(msg, flags) // an error means that the connection has ended
	s.left = c
}

// endLifeLocked ends the socket's life. The manager's mu is held, too.
func (s *Socket) endLifeLocked(why *DisconnectError) {
	l := s.life
	s.life, s.end = nil, why
	l.early, l.held = nil, nil
	l.cancel(why)
	if !l.joined {
		return
	}
	l.conn.joined--
	s.failSentLocked(why)
	s.ledger.end(why)
	if l.announced {
		notify(s, &s.notices, &s.disconnected, "disconnect", func(f func(Reason, error)) { f(why.Reason, why.Err) })
	}
}

// lostLocked notes that a connection has ended.
func (s *Socket) lostLocked(c *conn, why *DisconnectError) {
	if s.asked != nil && s.asked.conn == c {
		s.answeredLocked()
	}
	if s.left == c {
		s.left = nil
	}
	l := s.onLocked(c)
	if l == nil {
		return
	}
	s.endLifeLocked(why)
	if !l.joined {
		s.failedLocked(why)
	}
}

// failedLocked reports an attempt to connect that has failed. A socket that is active
// only for callers of Connect becomes inactive in the same step, so that it cannot
// connect after Connect has returned an error. The manager's mu is held, too.
func (s *Socket) failedLocked(err error) {
	s.releaseLocked(err)
	s.notifyLocked(err)
	s.notifyRefusedLocked(err)
}
