package socketio

import (
	"errors"

	"github.com/seed96b07ef8/socketio/adapter"
	"github.com/seed96b07ef8/socketio/engine"
	"github.com/seed96b07ef8/socketio/parser"
)

func newSocket(n *Namespace, c *conn, auth Args, authCost int) *Socket {
	s := &Socket{id: c.socketID(n), nsp: n, conn: c, authCost: authCost}
	if auth.Len() > 0 {
		kept := auth // so that there is memory for it in this case only
		s.auth = &kept
	}
	s.inbox.notices = noticeConnect
	return s
}

// newID returns an ID for a socket, or a private one.
func newID() string { return engine.NewID() }

// begin has the socket connect, unless it has ended.
func (s *Socket) begin() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state == connecting {
		s.inbox.notices |= noticeConnect
		s.startLocked()
	}
}

// supersede ends a socket whose client asks for its namespace again before it has been
// answered: programs in JavaScript do that when they call disconnect and connect. It
// returns false if the socket is connected.
func (s *Socket) supersede() bool {
	if s.isConnected() {
		return false
	}
	s.end(ClientNamespaceDisconnect, errAskedAgain)
	return true
}

var errAskedAgain = errors.New("the client has asked for the namespace again")

// connect runs the middleware and sends CONNECT or CONNECT_ERROR (Socket.IO protocol
// v5, "Connection to a namespace").
func (s *Socket) connect() {
	s.mu.Lock()
	s.deciding = s.state == connecting
	begins := s.deciding
	s.mu.Unlock()
	if !begins {
		return
	}
	if !s.decide() {
		return
	}
	m, ok := s.encodeConnect()
	if !ok {
		return
	}
	if s.nsp.server.isClosed() {
		s.end(ServerShuttingDown, nil) // as if its client had asked too late
	}
	s.mu.Lock()
	if s.state != connecting {
		s.mu.Unlock()
		s.unconnected()
		return
	}
	// From here on packets of the client are for this socket; it sends none
	// before it has the answer.
	s.state = connected
	session := s.takeSessionLocked()
	s.mu.Unlock()
	s.conn.joined()
	if !s.admitOrClose(session, m) {
		s.startOver()
		return
	}
	if f := s.hooks().Connected; f != nil {
		f(s)
	}
	for f := range s.nsp.connected.all() {
		if !s.callHook("connect", func() { f(s) }) {
			break
		}
	}
}

type connectPayload struct {
	SID string `json:"sid"`
	PID string `json:"pid,omitempty"`
}

// encodeConnect encodes the answer to CONNECT. It abandons the client and returns false if
// the codec fails, panics or ends the goroutine.
func (s *Socket) encodeConnect() (m *engine.Message, ok bool) {
	err := errNotEncoded
	defer func() {
		if err != nil {
			s.abandon(err)
		}
	}()
	var payload []any
	if !s.conn.legacy() {
		payload = []any{connectPayload{SID: s.id, PID: s.pid}}
	}
	err = s.nsp.protect(s.id, "", func() (err error) {
		m, err = s.nsp.encode(parser.Header{Type: parser.Connect}, "", payload)
		return err
	})
	return m, err == nil
}

var errNotEncoded = errors.New("the codec has not returned")

// admitOrClose admits the socket. If the adapter, or code that it calls, panics or ends
// the goroutine, the client never gets a CONNECT reply, so admitOrClose closes the
// connection. It returns the result of admit.
func (s *Socket) admitOrClose(session *adapter.Session, m *engine.Message) (admitted bool) {
	returned := false
	defer func() {
		if !returned {
			s.conn.engine.Close()
		}
	}()
	admitted = s.admit(session, m)
	returned = true
	return admitted
}

// decide looks for the client's session and, without one, runs the middleware. It
// returns false when the client is refused, and when one of them panics or ends the
// goroutine.
func (s *Socket) decide() (ok bool) {
	returned := false
	defer func() {
		if !returned {
			s.abandon(errUndecided)
		}
	}()
	if !s.restore() || s.nsp.server.opts.Recovery.RunMiddleware {
		err := s.authorize()
		if _, panicked := err.(*PanicError); panicked {
			s.report(err)
			return false
		}
		if err != nil {
			returned = true
			s.reject(err)
			return false
		}
	}
	returned = true
	return true
}

// abandon ends the connection of a client for which middleware has not decided, or whose
// answer cannot be encoded. Nothing is wrong with what the client has asked for, so it is
// not refused, which would be final: see docs/decisions/0012-refusals-are-final.md.
func (s *Socket) abandon(err error) {
	defer s.conn.engine.Close()
	s.end(ForcedClose, err)
	s.unconnected()
}

var errUndecided = errors.New("middleware has not returned")

// authorize runs the middleware. What it returns is for the client, unless it is a
// [*PanicError].
func (s *Socket) authorize() error {
	return s.nsp.protect(s.id, "", func() error { return s.nsp.authorize(s) })
}

// authorize runs the middleware for a socket.
func (n *Namespace) authorize(s *Socket) error {
	for m := range n.middleware.all() {
		ctx := s.Context()
		if err := m(ctx, s); err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return nil
}

// reject refuses the client, unless the socket has ended meanwhile.
func (s *Socket) reject(err error) {
	if s.fail(err) {
		s.releaseSession()
		s.conn.remove(s, false)
		s.conn.refuse(s.nsp.name, err)
		return
	}
	s.unconnected()
}

// unconnected concludes the attempt to connect a socket that has ended meanwhile.
func (s *Socket) unconnected() {
	defer s.conn.left(s)
	s.releaseSession() // if it was restored after the end
	// Middleware may have called Disconnect instead of returning an error. The client may
	// have asked again since.
	if reason := s.endReason(); reason == ServerNamespaceDisconnect && s.conn.socket(s.nsp.name) == nil {
		s.conn.refuse(s.nsp.name, &ConnectError{Message: string(reason)})
	}
}

// fail ends a socket that was never connected. It returns false when that has
// happened already.
func (s *Socket) fail(err error) bool {
	s.mu.Lock()
	if s.state != connecting {
		s.mu.Unlock()
		return false
	}
	cancel := s.endLocked(&DisconnectError{Reason: ServerNamespaceDisconnect, Err: err})
	s.mu.Unlock()
	cancel()
	s.depart()
	return true
}

// end disconnects the socket, once; the handlers for that run behind the events
// that are in the inbox.
func (s *Socket) end(reason Reason, err error) {
	s.endWith(reason, err, false, nil)
}

// endWith is end; with drop it discards the events in the inbox, also those of a socket that
// has ended before. If m is not nil, it is the
// DISCONNECT for a client that is connected. It is queued in the step that ends the socket:
// Shutdown closes the connection once it finds no connected socket, and a client that has
// not received DISCONNECT reconnects. It returns the state before.
func (s *Socket) endWith(reason Reason, err error, drop bool, m *engine.Message) (was socketState) {
	s.mu.Lock()
	was = s.state
	if drop {
		s.conn.hold(-s.inbox.dropEvents())
	}
	if was == ended {
		s.conn.budget.wakeReader()
		s.mu.Unlock()
		return was
	}
	cancel := s.endLocked(&DisconnectError{Reason: reason, Err: err})
	runs := was == connected || s.deciding
	if m != nil && was == connected {
		s.queueLocked(m, engine.Control)
		defer s.conn.engine.Flush()
	}
	s.mu.Unlock()
	s.conn.remove(s, runs)
	if s.nsp.server.draining.Load() {
		defer s.conn.closeUnused() // and not when the handlers that still run have returned
	}
	cancel()
	if was == connecting {
		defer s.depart()
		s.releaseSession() // now: the client may ask for it again while the middleware still runs
		return was
	}
	s.forget(reason)
	// Last, so that the handlers find the context ended.
	s.mu.Lock()
	s.inbox.notices |= noticesEnd
	s.startLocked()
	s.mu.Unlock()
	return was
}

// endLocked changes the state and returns what is to be done without the lock.
func (s *Socket) endLocked(reason *DisconnectError) (cancel func()) {
	s.state, s.reason = ended, reason
	s.gone.Store(true)
	acks, cancelContext := s.acks, s.cancel
	s.acks = nil
	s.conn.budget.wakeReader()
	return func() {
		for _, w := range acks {
			w.waiter.answered(s, ackResult{err: reason})
		}
		if cancelContext != nil {
			cancelContext(reason)
		}
	}
}

// err returns why the socket has ended, or nil.
func (s *Socket) err() error {
	if !s.gone.Load() {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.reason
}

// leave acts on a notice of the end of a socket that was admitted.
func (s *Socket) leave(n notice) {
	switch n {
	case noticeDisconnecting:
		s.disconnecting()
	case noticeLeave:
		defer s.nsp.adapter.Remove(member{s})
		s.park(s.reason.Reason)
	case noticeDisconnected:
		s.disconnected()
	}
}

// disconnecting calls the functions for a socket that is about to leave its rooms.
func (s *Socket) disconnecting() {
	reason := s.reason.Reason
	for f := range s.nsp.disconnecting.all() {
		s.callHook("disconnecting", func() { f(s, reason) })
	}
	if extra := s.registered(); extra != nil {
		for _, f := range extra.disconnecting.Load() {
			s.callHook("disconnecting", func() { (*f)(reason) })
		}
	}
}

// disconnected calls the functions for a socket that has left its rooms.
func (s *Socket) disconnected() {
	reason := s.reason.Reason
	for f := range s.nsp.disconnected.all() {
		s.callHook("disconnect", func() { f(s, reason) })
	}
	if extra := s.registered(); extra != nil {
		for _, f := range extra.disconnected.Load() {
			s.callHook("disconnect", func() { (*f)(reason) })
		}
	}
	if f := s.hooks().Disconnected; f != nil {
		f(s, reason)
	}
}

// depart ends what the server holds for the socket.
func (s *Socket) depart() {
	s.nsp.server.exit(s.nsp)
	s.conn.forgetAuth(s)
}
