package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/seed96b07ef8/socketio/internal/ws"
)

// A Server accepts Engine.IO connections. It is an [http.Handler] that can be
// mounted under any path, and starts no listener of its own.
//
// All methods may be called concurrently.
type Server struct {
	opts       *ServerOptions
	handshakes atomic.Int64  // in progress
	dropped    atomic.Uint64 // messages
	logged     logged
	goroutines sync.WaitGroup // of the connections: readers and writers, the flusher
	flusher    flusher
	poller     poller
	total      total
	trimNoted  time.Time // when trim has logged, and what it has done since; its own
	trimmed    int

	mu       sync.RWMutex // guards what follows; taken after a Conn's mu
	conns    map[string]*Conn
	refusing bool          // no further connection is accepted
	closed   bool          // Shutdown was called, which implies refusing
	empty    chan struct{} // closed when closed is set and no connection is left
}

// portable is set by tests that want each WebSocket to have its goroutine, as it
// has where there is no poller.
var portable bool

// NewServer returns a Server. The options are copied. It returns an
// [*OptionError] when one is out of range.
func NewServer(opts *ServerOptions) (*Server, error) {
	o, err := opts.withDefaults()
	if err != nil {
		return nil, err
	}
	s := &Server{opts: o, conns: make(map[string]*Conn), empty: make(chan struct{})}
	s.total.limit = int64(o.TotalBytes)
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

// Dropped returns the number of messages that were not sent because their peer was
// not ready for them: volatile ones, and those for which an outbox had no room.
func (s *Server) Dropped() uint64 { return s.dropped.Load() }

// StopAccepting answers handshakes with 503 and refuses upgrades from now on, while
// the connections that exist go on as before. It is the first step of [Server.Shutdown],
// for applications that have something to do before their connections are closed.
func (s *Server) StopAccepting() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refusing = true
}

// Shutdown closes all connections, after what was sent to them before, and
// waits until they are gone; new handshakes are answered 503 from then on. A polling
// client has 2 s to come for what is left, or for the next part of it, and all have
// WriteTimeout to take 64 KiB, so slow clients can take long: ctx bounds that. When it
// ends first, what is left is cut off and its error returned.
//
// It waits for handlers that are running, too, so it must not be called by one.
// The last answers to polls are [http.Server.Shutdown]'s to wait for: call that
// afterwards.
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
	go func() { // ends when the connections have, which the cut below brings about
		<-s.empty
		s.goroutines.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
	}
	for _, c := range conns {
		c.cut()
	}
	return ctx.Err()
}

func (s *Server) isClosed() bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.closed
}

// enter counts a request that may bring a connection or a WebSocket about among
// what Shutdown waits for, until goroutines.Done. It returns false when the
// server accepts no more. Other goroutines are started only on behalf of connections
// that are in conns, which Shutdown waits for first.
func (s *Server) enter() bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.refusing {
		return false
	}
	s.goroutines.Add(1)
	return true
}

// hasten shortens the time that a closed polling session waits for its last
// poll: whoever shuts down does not want to wait for clients that are gone.
func (c *Conn) hasten() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state == draining && c.link == nil && c.beat.due-clock() > closeTimeout {
		c.beat.after(c, closeTimeout)
	}
}

// cut ends a connection, which Close was called on, at once.
func (c *Conn) cut() {
	c.mu.Lock()
	c.finishPolling()
	c.state = closed
	c.outbox.clear()
	c.cutAnswersLocked()
	link := c.link
	c.mu.Unlock()
	if link != nil {
		link.abort()
	}
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

// add makes c known under its ID.
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

// ServeHTTP serves a request of an Engine.IO client: a handshake, a poll, data,
// or an upgrade.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	allowed := false
	if cors := s.opts.CORS; cors != nil {
		if allowed = cors.apply(w.Header(), r); allowed && isPreflight(r) {
			cors.answerPreflight(w, r)
			return
		}
	}
	if r.ContentLength != 0 {
		// For the body of a data request, and for those that nobody wants: net/http
		// reads them before it answers.
		setReadTimeout(w, s.opts.RequestTimeout)
	}
	q := parseQuery(r.URL.RawQuery)
	q.foreign = s.foreign(r, allowed)
	if q.sid == "" {
		s.handshake(w, r, q)
		return
	}
	c, err := s.verify(r, q)
	switch {
	case err != nil:
		s.refuse(w, r, err)
	case ws.IsUpgrade(r):
		s.upgrade(w, r, q, c)
	default:
		s.serveSession(w, r, c)
	}
}

// query holds the parameters of a request that mean something here.
type query struct {
	transport Transport
	sid       string
	protocol  int
	base64    bool
	jsonp     bool   // j is there, so that JSONP is wanted,
	callback  string // and this is its value
	foreign   bool   // the request comes from a page that may not make it
}

// parseQuery reads the parameters; of repeated ones the last counts. Any
// revision but 4 is 3, as that is how clients of old announce themselves. It is
// url.ParseQuery without the map, as every request has a query, and without a limit
// to their number, which the size of a request sets. A value with an invalid escape
// stands for itself, as in the reference: a session ID that cannot be decoded is an
// unknown one, and its request not a handshake.
func parseQuery(raw string) query {
	q := query{protocol: 3}
	for pair := range strings.SplitSeq(raw, "&") {
		name, value, _ := strings.Cut(pair, "=")
		name, value = unescape(name), unescape(value)
		switch name {
		case "transport":
			q.transport = Transport(value)
		case "sid":
			q.sid = value
		case "EIO":
			if q.protocol = 3; value == "4" {
				q.protocol = 4
			}
		case "b64":
			q.base64 = value != ""
		case "j":
			q.jsonp, q.callback = true, value
		}
	}
	return q
}

// unescape decodes s, or returns it as it is when an escape is invalid.
func unescape(s string) string {
	if decoded, err := url.QueryUnescape(s); err == nil {
		return decoded
	}
	return s
}

// verify applies the checks of the protocol in their order. It returns the
// session that the request belongs to, or nil for a handshake.
func (s *Server) verify(r *http.Request, q query) (*Conn, *RequestError) {
	refused := func(code Code, context map[string]any) (*Conn, *RequestError) {
		return nil, &RequestError{Code: code, Message: code.String(), Context: context, Request: r}
	}
	if !slices.Contains(s.opts.Transports, q.transport) {
		return refused(CodeUnknownTransport, map[string]any{"transport": string(q.transport)})
	}
	if origin := r.Header.Get("Origin"); !validHeaderValue(origin) {
		return refused(CodeBadRequest, map[string]any{"name": "INVALID_ORIGIN", "origin": origin})
	}
	if q.foreign {
		s.logForeign(r)
		return nil, foreignOrigin(r)
	}
	upgrade := ws.IsUpgrade(r)
	if q.sid != "" {
		c := s.find(q.sid)
		if c == nil {
			return nil, unknownSession(r, q.sid)
		}
		if current := c.Transport(); !upgrade && q.transport != current {
			return refused(CodeBadRequest, map[string]any{
				"name": "TRANSPORT_MISMATCH", "transport": string(q.transport), "previousTransport": string(current),
			})
		}
		if q.protocol != c.Protocol() {
			return refused(CodeBadRequest, map[string]any{
				"name": "PROTOCOL_MISMATCH", "protocol": q.protocol, "previousProtocol": c.Protocol(),
			})
		}
		return c, nil
	}
	if r.Method != http.MethodGet {
		return refused(CodeBadHandshakeMethod, map[string]any{"method": r.Method})
	}
	if upgrade != (q.transport == WebSocket) {
		return refused(CodeBadRequest, map[string]any{"name": "TRANSPORT_HANDSHAKE_ERROR"})
	}
	if s.opts.AllowRequest != nil {
		if err := s.opts.AllowRequest(r); err != nil {
			_, refusal := refused(CodeForbidden, map[string]any{"message": err.Error()})
			refusal.Message = err.Error()
			return nil, refusal
		}
	}
	if q.protocol != 4 && !s.opts.AllowEIO3 {
		s.logOldRevision(r)
		return refused(CodeUnsupportedProtocol, map[string]any{"protocol": q.protocol})
	}
	return nil, nil
}

// validHeaderValue reports whether v could stand in a header (RFC 9110,
// section 5.5).
func validHeaderValue(v string) bool {
	return strings.IndexFunc(v, func(c rune) bool { return c < ' ' && c != '\t' || c == 0x7f }) < 0
}

// marshal returns v, which consists of strings and numbers, as JSON the way
// JavaScript writes it: without HTML escapes.
func marshal(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil { // strings and numbers can be encoded
		panic(err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// appendJSON appends a string the way marshal writes it.
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
	id, err := s.newID(r)
	if err != nil {
		s.refuseID(w, r, err)
		return
	}
	kept, ok := newHandshake(r, s.opts.MaxHeaderBytes)
	if !ok {
		s.refuseHeader(w, r)
		return
	}
	c := &Conn{id: id, server: s, handshake: kept, revision3: q.protocol == 3, base64: q.base64}
	if s.opts.AllowEIO3 && q.jsonp {
		c.jsonp, c.base64 = newJSONP(q.callback), true
	}
	if s.opts.Context != nil {
		c.ctx = s.opts.Context(r)
	}
	if q.transport == WebSocket {
		s.openWebSocket(w, r, q, c)
	} else {
		s.openPolling(w, r, c)
	}
}

// newID returns an ID with which the client can come back, and which no other has.
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

// open makes c a session: known, with its first packets in the outbox, behind
// answer, which is that to the handshake of a WebSocket. It returns an error when
// the server does not take it.
func (s *Server) open(c *Conn, answer []byte, upgrade bool) error {
	c.corked = true
	c.early = new(ending)
	c.outbox.pushFirst(openPlace, s.openPacket(answer, c.id, upgrade))
	if s.opts.InitialMessage != nil {
		c.outbox.push(entry{m: NewTextMessage(s.opts.InitialMessage)})
	}
	if err := s.add(c); err != nil {
		return err
	}
	s.connect(c)
	s.opts.Logger.Debug("engine: connection opened", "sid", c.id, "transport", string(c.Transport()))
	c.Uncork()
	return nil
}

// connect asks the application for the handler of c. Others can find c already,
// so messages have to wait, and if c ends meanwhile the handler is told here.
func (s *Server) connect(c *Conn) {
	c.receiving.Lock()
	defer c.receiving.Unlock()
	returned := false
	defer func() {
		if !returned { // but panicked; net/http reports it
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

// openPacket is the answer to a handshake, behind that of a WebSocket if there is
// one: they leave together.
func (s *Server) openPacket(answer []byte, id string, upgrade bool) *Message {
	b := append(make([]byte, 0, 160), byte(packetOpen))
	b = append(b, `{"sid":`...)
	b = appendJSON(b, id)
	b = append(b, `,"upgrades":[`...)
	if upgrade {
		b = append(b, `"websocket"`...)
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
	upgrade := !s.opts.DisableUpgrades && slices.Contains(s.opts.Transports, WebSocket)
	switch err := s.open(c, nil, upgrade); err {
	case nil:
	case errDuplicateID:
		s.logBadID(err)
		s.refuseID(w, r, err)
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
	l := newLink(c, u, q.base64)
	l.active = true
	c.link = l
	opened := false
	defer func() { // also when OnConnect panics
		if !opened {
			l.abort()
		}
	}()
	err = s.open(c, u.Answer, false)
	opened = true
	if err == errDuplicateID { // another handshake was faster
		s.logBadID(err)
		s.report(idError(r, err))
	}
	if err != nil {
		l.decline(u.Answer)
		return
	}
	l.start(u.Early)
}

// upgrade connects a WebSocket with a session that is on polling.
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
	c.opening.Add(1) // before the client can know that it has a WebSocket
	defer c.opening.Add(-1)
	u, err := ws.Upgrade(w, r, header, s.opts.PerMessageDeflate != nil, s.opts.UpgradeTimeout)
	if err != nil {
		s.refuseUpgrade(w, err)
		return
	}
	l := newLink(c, u, q.base64)
	if c.startProbe(l) {
		l.start(u.Early)
		return
	}
	l.close(nil)
	s.goroutines.Go(l.drain)
}

func (s *Server) addHeaders(h http.Header, r *http.Request, initial bool) {
	if initial && s.opts.InitialHeaders != nil {
		s.opts.InitialHeaders(h, r)
	}
	if s.opts.Headers != nil {
		s.opts.Headers(h, r)
	}
}

// serveSession serves a plain request of a session on polling.
func (s *Server) serveSession(w http.ResponseWriter, r *http.Request, c *Conn) {
	s.addHeaders(w.Header(), r, false)
	switch {
	case c.Transport() != Polling:
		writeError(w, http.StatusBadRequest, CodeBadRequest, CodeBadRequest.String())
	case r.Method == http.MethodGet:
		c.servePoll(w, r)
	case r.Method == http.MethodPost:
		c.servePost(w, r)
	default:
		w.Header().Set("Allow", "GET, POST")
		w.WriteHeader(http.StatusMethodNotAllowed)
	}
}
