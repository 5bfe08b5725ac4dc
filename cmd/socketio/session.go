package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/seed96b07ef8/socketio/client"
	"github.com/seed96b07ef8/socketio/engine"
)

// sessionSettings are the flags of connect.
type sessionSettings struct {
	autoAck   bool
	noHistory bool
}

// A session is the state of the command connect: it executes lines and shows events.
type session struct {
	*connection
	printer *printer
	autoAck bool
	// scripted says that the lines are not typed: /join and /disconnect wait for the
	// acknowledgements that were requested before.
	scripted bool
	hint     string          // for people whose socket is disconnected
	ctx      context.Context // of acknowledgements that are awaited
	over     chan *failure   // has room for one: why a session without a terminal ends

	running atomic.Bool   // from the first success to connect to the end
	greeted chan struct{} // closed when that has been shown
	greet   func()        // closes it
	pending sync.WaitGroup
	asking  chan struct{} // has a token for each acknowledgement that is awaited
	asked   int           // the number of the last event that requested one; of execute

	arrivals *arrivals // of the acknowledgements

	mu        sync.Mutex // guards what follows
	socket    *client.Socket
	known     map[string]bool // namespaces whose sockets are watched
	events    []string        // the names that were seen or used, for completion
	questions map[int]question
	last      int // the number of the last question
	lostAt    time.Time
	worst     *failure // the first error
	refusal   *client.ConnectError

	// showing is held while something is shown about the transport.
	showing   sync.Mutex
	transport engine.Transport // that was shown; "" while there is no connection
}

func newSession(ctx context.Context, t *target, p *printer, autoAck bool) *session {
	ordered, order := *t, newArrivals()
	ordered.options.Codec = tellingCodec{t.codec, order}
	c := newConnection(&ordered)
	s := &session{
		connection: c,
		arrivals:   order,
		printer:    p,
		autoAck:    autoAck,
		ctx:        ctx,
		over:       make(chan *failure, 1),
		greeted:    make(chan struct{}),
		asking:     make(chan struct{}, maxAsking),
		known:      make(map[string]bool),
		questions:  make(map[int]question),
	}
	s.greet = sync.OnceFunc(func() { close(s.greeted) })
	p.lost = func(err error) { s.end(failf(exitFailure, "%v", err)) }
	m := c.manager
	m.OnUpgrade(func(t engine.Transport) {
		s.showing.Lock()
		defer s.showing.Unlock()
		if s.transport != "" && s.transport != t {
			s.transport = t
			p.changed("now over %s", t)
		}
	})
	m.OnReconnectAttempt(func(attempt int) {
		s.mu.Lock()
		delay := time.Since(s.lostAt)
		s.mu.Unlock()
		p.changed("reconnecting: attempt %d, after %s", attempt, short(delay))
	})
	m.OnError(func(err error) {
		s.lost()
		if s.running.Load() {
			p.failed(c.target.explain(err).text)
		}
	})
	s.use(c.target.namespace)
	return s
}

// start connects, and returns when that has been shown.
func (s *session) start() error {
	if err := s.open(s.ctx, s.current()); err != nil {
		return err
	}
	s.running.Store(true)
	<-s.greeted
	return nil
}

// lost notes when the connection, or an attempt to get one, was lost.
func (s *session) lost() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lostAt = time.Now()
}

// close ends the session.
func (s *session) close() {
	s.running.Store(false)
	s.connection.close()
}

// use makes the socket of a namespace the session's.
func (s *session) use(namespace string) *client.Socket {
	socket := s.manager.Socket(namespace, nil)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.socket = socket
	if !s.known[socket.Namespace()] {
		s.known[socket.Namespace()] = true
		s.watch(socket)
	}
	return socket
}

func (s *session) current() *client.Socket {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.socket
}

// watch shows what happens on a socket.
func (s *session) watch(socket *client.Socket) {
	p := s.printer
	socket.OnError(func(err error) { s.fail(exitFailure, details(err, nil)) }) // of an answer
	socket.OnAny(func(name string, args client.Args) { s.received(socket, name, args) })
	socket.OnConnect(func() {
		defer s.greet()
		e := s.manager.Engine()
		if e == nil {
			return // it is lost again, which is reported next
		}
		s.showing.Lock()
		defer s.showing.Unlock()
		s.transport = e.Transport()
		p.changed("connected: namespace %s, id %s, over %s%s",
			printable(socket.Namespace()), printable(socket.ID()), s.transport, recovered(socket))
	})
	socket.OnDisconnect(func(reason client.Reason, err error) {
		defer s.greet()
		s.lost()
		s.showing.Lock()
		s.transport = ""
		s.showing.Unlock()
		if !s.running.Load() || errors.Is(err, client.ErrClosed) {
			return // the command is ending
		}
		text := disconnected(reason, err)
		if socket.Active() {
			p.changed("%s; reconnecting", text)
			return
		}
		p.changed("%s", text+s.hint)
		if reason != client.ClientDisconnect {
			s.end(failf(exitNoConnection, "%s", text))
		}
	})
	socket.OnConnectError(func(err error) {
		if !s.running.Load() || socket.Active() {
			return // Connect returns it, or OnError is called
		}
		s.notConnected(socket, err)
	})
}

// notConnected shows why a socket is not connected, and ends a session without a
// terminal. A refusal is shown once.
func (s *session) notConnected(socket *client.Socket, err error) {
	refusal, _ := errors.AsType[*client.ConnectError](err)
	s.mu.Lock()
	known := refusal != nil && refusal == s.refusal
	s.refusal = refusal
	s.mu.Unlock()
	if known {
		return
	}
	t := *s.target
	t.namespace = socket.Namespace()
	f := t.explain(err)
	s.printer.failed(f.text)
	s.end(f)
}

// end ends a session without a terminal.
func (s *session) end(f *failure) {
	select {
	case s.over <- f:
	default: // something else was first
	}
}

// received shows an event and records a requested acknowledgement.
func (s *session) received(socket *client.Socket, name string, args client.Args) {
	handle(socket, name, func(event string, q *question) {
		number := 0
		switch {
		case q == nil:
		case s.autoAck:
			q.answer()
		default:
			number = s.note(*q)
		}
		s.remember(event)
		s.printer.received(event, jsonValues(args, shortBinary), number)
	})
}

// maxQuestions bounds the questions that are kept; the oldest are dropped.
const maxQuestions = 1000

// note keeps a question and returns its number.
func (s *session) note(q question) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last++
	s.questions[s.last] = q
	delete(s.questions, s.last-maxQuestions)
	return s.last
}

// maxNames bounds the event names that are kept for completion.
const maxNames = 1000

// remember keeps the name of an event for completion.
func (s *session) remember(event string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.events) < maxNames && !slices.Contains(s.events, event) {
		s.events = append(s.events, event)
	}
}

// execute executes a line. It reports whether the session continues.
func (s *session) execute(line string) bool {
	in, err := parseLine(line)
	if err == nil {
		switch in.command {
		case "":
			if in.event != "" || strings.TrimSpace(line) != "" {
				err = s.emit(in)
			}
		case "/ack":
			err = s.answer(in)
		case "/join":
			if s.scripted {
				s.pending.Wait() // no longer than the timeout
			}
			err = s.join(in.target)
		case "/connect":
			err = s.current().Open()
		case "/disconnect":
			if s.scripted {
				s.pending.Wait()
			}
			s.current().Disconnect()
		case "/help":
			s.printer.text(sessionHelp)
		case "/quit":
			return false
		}
	}
	if err != nil {
		s.fail(exitFailure, err.Error())
	}
	return true
}

// fail shows an error and keeps it for the exit code.
func (s *session) fail(code int, text string) {
	s.printer.failed(text)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.worst == nil {
		s.worst = &failure{code: code} // the text has been shown
	}
}

// Bounds of what a pipe may have in flight: pending acknowledgements, and bytes
// that wait to be sent.
const (
	maxAsking   = client.DefaultMaxPendingAcks / 2
	maxBuffered = 1 << 20
)

// room waits until the server has taken most of what was emitted.
func (s *session) room() {
	for e := s.manager.Engine(); e != nil && e.Buffered() > maxBuffered; e = s.manager.Engine() {
		select {
		case <-time.After(time.Millisecond):
		case <-s.ctx.Done():
			return
		}
	}
}

// emit emits an event. The acknowledgement is awaited elsewhere.
func (s *session) emit(in input) error {
	s.room()
	socket := s.current()
	s.remember(in.event)
	if !in.asks {
		if !socket.Active() {
			if err := s.target.explainEmit(in.event, socket.Emit(in.event, in.values...)); err != nil {
				return err
			}
			s.printer.changed("not connected: this waits until you /connect")
			return nil
		}
		err := socket.EmitWait(s.ctx, in.event, in.values...)
		if s.ctx.Err() != nil {
			return nil //nolint:nilerr // the session is over, which is what err says
		}
		return s.target.explainEmit(in.event, err)
	}
	s.ask(socket, in)
	return nil
}

// ask emits an event that requests an acknowledgement. It returns when the event is
// queued; the acknowledgement is shown later.
func (s *session) ask(socket *client.Socket, in input) {
	s.asking <- struct{}{}
	s.asked++
	number := s.asked
	ctx := &noticedContext{Context: s.ctx, noticed: make(chan struct{})}
	turns := make(chan *turn, 1)
	s.pending.Go(func() { // ends after the timeout
		defer func() { <-s.asking }()
		start := time.Now()
		ack, err := socket.Timeout(s.target.timeout).EmitWithAck(ctx, in.event, in.values...)
		after := time.Since(start)
		ctx.notice() // if there was nothing to wait for
		s.arrivals.show(<-turns, func() { s.acknowledged(socket, in.event, number, ack, after, err) })
	})
	<-ctx.noticed // the next line must not overtake this one
	turns <- s.arrivals.take()
}

// acknowledged shows an acknowledgement, or why there is none.
func (s *session) acknowledged(socket *client.Socket, event string, number int, ack client.Args, after time.Duration, err error) {
	if s.ctx.Err() != nil || !s.running.Load() {
		return // the session has ended
	}
	if _, refused := errors.AsType[*client.ConnectError](err); refused {
		s.notConnected(socket, err)
		return
	}
	if err := s.target.explainEmit(event, err); err != nil {
		f, _ := errors.AsType[*failure](err)
		s.fail(f.code, fmt.Sprintf("#%d: %s", number, f.text))
		return
	}
	s.printer.acknowledged(event, number, jsonValues(ack, shortBinary), after)
}

// A noticedContext signals the first call of Done, which shows that EmitWithAck has
// queued its event and waits for the answer.
type noticedContext struct {
	context.Context
	once    sync.Once
	noticed chan struct{} // closed then
}

func (c *noticedContext) notice() { c.once.Do(func() { close(c.noticed) }) }

// Done implements [context.Context].
func (c *noticedContext) Done() <-chan struct{} {
	c.notice()
	return c.Context.Done()
}

// answer acknowledges an event of the server.
func (s *session) answer(in input) error {
	s.mu.Lock()
	q, ok := s.questions[in.id]
	delete(s.questions, in.id)
	s.mu.Unlock()
	if !ok {
		return fmt.Errorf("there is no event %d that wants an acknowledgement", in.id)
	}
	if q.ctx.Err() != nil {
		return errors.New("the connection over which the event came is gone")
	}
	q.answer(in.values...) // OnError reports errors
	return nil
}

// join moves to another namespace, over the same connection.
func (s *session) join(namespace string) error {
	old := s.current()
	socket := s.use(namespace)
	if err := socket.Open(); err != nil {
		s.mu.Lock()
		s.socket = old
		s.mu.Unlock()
		return s.target.explain(err)
	}
	if socket != old {
		old.Disconnect()
	}
	return nil
}

// result waits for acknowledgements and until the server has read everything, and
// returns the session's error.
func (s *session) result() error {
	acknowledged := make(chan struct{})
	go func() { // ends when they have come, which takes no longer than the timeout
		s.pending.Wait()
		close(acknowledged)
	}()
	select {
	case <-acknowledged:
	case f := <-s.over:
		return f
	}
	socket := s.current()
	s.mu.Lock()
	worst := s.worst
	s.mu.Unlock()
	select {
	case f := <-s.over:
		return f
	default:
	}
	switch {
	case worst != nil:
		return worst
	case !socket.Active():
		return nil
	}
	if err := s.connected(socket); err != nil {
		return err
	}
	return s.deliver(s.ctx, "what was emitted last")
}

// connected waits, no longer than the timeout, until an active socket is connected: it may
// be joining its namespace, or reconnecting.
func (s *session) connected(socket *client.Socket) error {
	limited, cancel := context.WithTimeout(s.ctx, s.target.timeout)
	defer cancel()
	err := socket.Connect(limited)
	if err == nil {
		return nil
	}
	if s.ctx.Err() != nil {
		return errInterrupted
	}
	if _, refused := errors.AsType[*client.ConnectError](err); refused {
		s.notConnected(socket, err)
		return <-s.over // which is full, or about to be: a refusal is shown once
	}
	return failf(exitNoConnection, "%s; what was emitted since has not been sent", s.target.explain(err).text)
}
