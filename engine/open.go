package engine

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/seed96b07ef8/socketio/internal/ws"
)

// handshake opens a session.
func (s *Server) handshake(w http.ResponseWriter, r *http.Request, q query) {
	defer s.handshakes.Add(-1)
	if s.handshakes.Add(1) > int64(s.opts.MaxHandshakes) || !s.enter() {
		writeUnavailable(w)
		return
	}
	defer s.goroutines.Done()

	if _, err := s.verify(r, q); err != nil {
		s.refuse(w, r, err)
		return
	}
	if q.transport == WebSocket {
		if err := ws.Check(r); err != nil {
			s.refuseUpgrade(w, err)
			return
		}
	}
	c, err := s.newConn(r, q)
	switch {
	case err != nil:
		s.refuse(w, r, err)
	case q.transport == WebSocket:
		s.openWebSocket(w, r, q, c)
	default:
		s.openPolling(w, r, c)
	}
}

// newConn returns a connection that is not registered yet.
func (s *Server) newConn(r *http.Request, q query) (*Conn, *RequestError) {
	id, err := s.newID(r)
	if err != nil {
		return nil, idError(r, err)
	}
	kept, ok := newHandshake(r, s.opts.MaxHeaderBytes)
	if !ok {
		s.logHeader(r)
		return nil, headerError(r, s.opts.MaxHeaderBytes)
	}
	c := &Conn{id: id, server: s, handshake: kept, revision3: q.protocol == 3, base64: q.base64}
	if s.opts.AllowEIO3 && q.jsonp {
		c.jsonp, c.base64 = newJSONP(q.callback), true
	}
	if s.opts.Context != nil {
		c.ctx = s.opts.Context(r)
	}
	return c, nil
}

// newID returns an ID that the client can send back and that no other connection
// uses.
func (s *Server) newID(r *http.Request) (string, error) {
	if s.opts.GenerateID == nil {
		return NewID(), nil
	}
	id, err := s.opts.GenerateID(r)
	switch {
	case err != nil:
		return "", err
	case id == "":
		err = errEmptyID
	case !utf8.ValidString(id):
		err = errInvalidID
	case s.find(id) != nil:
		err = errDuplicateID
	default:
		return id, nil
	}
	s.logBadID(err)
	return "", err
}

// open registers c as a session, with its first packets in the outbox after answer,
// the response to a WebSocket handshake. It returns an error if the server refuses c.
func (s *Server) open(c *Conn, answer []byte) error {
	c.corked = true
	c.early = new(ending)
	c.outbox.pushFirst(openPlace, s.openPacket(answer, c.id, s.upgradesOf(c)))
	if s.opts.InitialMessage != nil {
		c.outbox.push(entry{m: NewTextMessage(s.opts.InitialMessage)})
	}
	if err := s.add(c); err != nil {
		return err
	}
	s.connect(c)
	c.logOpened()
	c.Uncork()
	return nil
}

// connect calls OnConnect and sets the handler of c. Other requests can find c
// already, so delivery waits for the token receiving. If c ends meanwhile, connect
// calls OnClose.
func (s *Server) connect(c *Conn) {
	c.receiving.Lock()
	defer c.receiving.Unlock()
	returned := false
	defer func() {
		if !returned { // OnConnect panicked; net/http logs it
			c.fail(TransportError, errOnConnect)
		}
	}()
	h := s.opts.OnConnect(c)
	returned = true
	c.mu.Lock()
	c.handler = h
	end := *c.early
	c.early = nil
	if c.state == open {
		c.beat.restart(c)
	}
	c.mu.Unlock()
	if end.happened {
		c.onClose(h, end.reason, end.err)
	}
}

var errOnConnect = errors.New("engine: panic in OnConnect")

// openPacket returns the open packet, after the response to a WebSocket handshake if
// there is one, so that both leave in one write.
func (s *Server) openPacket(answer []byte, id string, upgrades []Transport) *Message {
	b := append(make([]byte, 0, 160), byte(packetOpen))
	b = append(b, `{"sid":`...)
	b = appendJSON(b, id)
	b = append(b, `,"upgrades":[`...)
	for i, t := range upgrades {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendJSON(b, string(t))
	}
	b = append(b, `],"pingInterval":`...)
	b = strconv.AppendInt(b, s.opts.PingInterval.Milliseconds(), 10)
	b = append(b, `,"pingTimeout":`...)
	b = strconv.AppendInt(b, s.opts.PingTimeout.Milliseconds(), 10)
	b = append(b, `,"maxPayload":`...)
	b = strconv.AppendInt(b, int64(s.opts.MaxPayload), 10)
	b = append(b, '}')
	return &Message{frames: ws.AppendFrame(answer, ws.Text, b), parts: 1, textOnly: true}
}

func (s *Server) openPolling(w http.ResponseWriter, r *http.Request, c *Conn) {
	switch err := s.open(c, nil); err {
	case nil:
	case errDuplicateID:
		s.logBadID(err)
		s.refuse(w, r, idError(r, err))
		return
	default:
		writeUnavailable(w)
		return
	}
	if s.opts.Cookie != nil {
		cookie := *s.opts.Cookie
		cookie.Value = c.id
		http.SetCookie(w, &cookie)
	}
	s.addHeaders(w.Header(), r, true)
	c.servePoll(w, r)
}

func (s *Server) openWebSocket(w http.ResponseWriter, r *http.Request, q query, c *Conn) {
	header := w.Header()
	s.addHeaders(header, r, true)
	u, err := ws.Accept(w, r, header, s.opts.PerMessageDeflate != nil)
	if err != nil {
		s.refuseUpgrade(w, err)
		return
	}
	err = s.openLink(c, newLink(c, u, q.base64), u.Answer, u.Early)
	if err == errDuplicateID { // a concurrent handshake took the ID
		s.report(idError(r, err))
	}
}

// openLink opens c as a session on l, which sends answer first, and starts to read.
// early holds bytes that arrived with the handshake.
func (s *Server) openLink(c *Conn, l *link, answer, early []byte) error {
	l.active = true
	c.link = l
	opened := false
	defer func() { // even if OnConnect panics
		if !opened {
			l.abort()
		}
	}()
	err := s.open(c, answer)
	opened = true
	if err == errDuplicateID {
		s.logBadID(err)
	}
	if err != nil {
		l.decline(answer)
		return err
	}
	l.start(early)
	return nil
}

// tryLink starts an upgrade of c to l, or closes l if the session is not on polling
// any more.
func (s *Server) tryLink(c *Conn, l *link, early []byte) {
	if c.startProbe(l) {
		l.start(early)
		return
	}
	l.close(nil)
	s.goroutines.Go(l.drain)
}

// upgradesOf returns the transports to which c may be upgraded. No other goroutine
// uses c yet.
func (s *Server) upgradesOf(c *Conn) []Transport {
	if s.opts.DisableUpgrades || !c.pollsLocked() {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(s.opts.Transports), func(t Transport) bool { return t == Polling })
}

// upgrade opens a WebSocket for a session that is on polling.
func (s *Server) upgrade(w http.ResponseWriter, r *http.Request, q query, c *Conn) {
	if err := ws.Check(r); err != nil {
		s.refuseUpgrade(w, err)
		return
	}
	if q.transport != WebSocket || s.opts.DisableUpgrades || !s.enter() {
		writeUpgradeError(w, http.StatusBadRequest, CodeBadRequest.String())
		return
	}
	defer s.goroutines.Done()
	header := w.Header()
	s.addHeaders(header, r, false)
	c.opening.Add(1) // before the client receives the response
	defer c.opening.Add(-1)
	u, err := ws.Upgrade(w, r, header, s.opts.PerMessageDeflate != nil, s.opts.UpgradeTimeout)
	if err != nil {
		s.refuseUpgrade(w, err)
		return
	}
	s.tryLink(c, newLink(c, u, q.base64), u.Early)
}

// marshal returns v, which consists of strings and numbers, as JSON in the form of
// JSON.stringify: without HTML escapes.
func marshal(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil { // cannot happen for strings and numbers
		panic(err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// appendJSON appends a string in the form of marshal.
func appendJSON(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return append(b, marshal(s)...)
		}
	}
	b = append(b, '"')
	b = append(b, s...)
	return append(b, '"')
}
