package socketiotest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/seed96b07ef8/socketio"
	"github.com/seed96b07ef8/socketio/engine"
	"github.com/seed96b07ef8/socketio/internal/ctxerr"
	"github.com/seed96b07ef8/socketio/parser"
)

// ServerDisconnect is the client's reason after the server has disconnected its
// socket. A Client's only other reason is [socketio.TransportClose].
const ServerDisconnect socketio.Reason = "io server disconnect"

// ClientOptions configure a [Client]. The zero value of each field means its
// default, and nil means all defaults.
type ClientOptions struct {
	// Namespace is the namespace to join. Default "/".
	Namespace string
	// Auth is sent with the request to join: an object, or nothing.
	Auth any
	// Transport is the transport; the client does not upgrade. Default
	// [engine.WebSocket].
	Transport engine.Transport
	// Path is the path where the server is mounted. Default "/socket.io/".
	Path string
	// Header and Query are added to the requests.
	Header http.Header
	Query  url.Values
	// Codec is the packet format. Default [parser.JSON].
	Codec parser.Codec
	// Timeout bounds connecting, sending, and waiting for an expected event. Default
	// [DefaultTimeout].
	Timeout time.Duration
}

func (o *ClientOptions) withDefaults() *ClientOptions {
	var c ClientOptions
	if o != nil {
		c = *o
	}
	if c.Namespace == "" {
		c.Namespace = "/"
	}
	if c.Transport == "" {
		c.Transport = engine.WebSocket
	}
	if c.Path == "" {
		c.Path = "/socket.io/"
	}
	if c.Codec == nil {
		c.Codec = parser.JSON
	}
	if c.Timeout == 0 {
		c.Timeout = DefaultTimeout
	}
	return &c
}

// A Client is a client in one namespace. It is closed at the end of the test.
type Client struct {
	t         TB
	server    *Server
	options   *ClientOptions
	conn      *conn
	namespace string
	timeout   time.Duration
	gone      chan struct{} // closed when the client is disconnected

	mu      sync.Mutex // guards what follows
	items   []item     // received and not taken yet
	arrived chan struct{}
	history []Event // the events that were taken last
	acks    map[uint64]chan socketio.Args
	nextAck uint64
	reason  *socketio.DisconnectError

	// The session, and the data to recover it.
	sid       string
	recovered bool
	pid       string // the private ID of a session that can be recovered
	offset    string // of the last event in it
}

// An item is a received event or state change.
type item struct {
	kind   itemKind
	event  Event
	args   socketio.Args   // of itemConnect and itemRefused
	reason socketio.Reason // of itemEnd
}

type itemKind uint8

const (
	itemEvent itemKind = iota
	itemConnect
	itemRefused
	itemEnd
)

func (i item) String() string {
	switch i.kind {
	case itemConnect:
		return "the confirmation of the connection"
	case itemRefused:
		return fmt.Sprintf("the refusal %s", i.args)
	case itemEnd:
		return fmt.Sprintf("the disconnection (%s)", i.reason)
	}
	return fmt.Sprintf("the event %s", i.event)
}

// Connect connects a client to a server and joins a namespace. It fails the test
// if the server refuses the client.
func Connect(t TB, s *Server, opts *ClientOptions) *Client {
	t.Helper()
	o := opts.withDefaults()
	c, err := open(s, o)
	if err != nil {
		t.Fatalf("socketiotest: connecting: %v", err)
	}
	t.Cleanup(c.hangUp)
	return newClient(t, s, c, o).connect(o.Auth)
}

// ExpectConnectError connects a client and fails the test if the server does not
// refuse it. It returns the error that the client receives from middleware or,
// with only a message, from AllowRequest.
func ExpectConnectError(t TB, s *Server, opts *ClientOptions) *socketio.ConnectError {
	t.Helper()
	o := opts.withDefaults()
	c, err := open(s, o)
	if refused, ok := err.(*refusal); ok {
		return &socketio.ConnectError{Message: refused.message}
	}
	if err != nil {
		t.Fatalf("socketiotest: connecting: %v", err)
	}
	t.Cleanup(c.hangUp)
	return newClient(t, s, c, o).expectRefusal(o.Auth)
}

// Join joins another namespace over the same connection; auth may be nil. It
// fails the test if the server refuses the client.
func (c *Client) Join(namespace string, auth any) *Client {
	c.t.Helper()
	o := *c.options
	o.Namespace, o.Auth = namespace, auth
	return newClient(c.t, c.server, c.conn, &o).connect(auth)
}

// Reconnect connects a new client with the same options, over a new connection.
// With [socketio.Options.Recovery] it asks the server to recover the session of
// c, as JavaScript clients do after losing their connection; see
// [Client.Recovered].
func (c *Client) Reconnect() *Client {
	c.t.Helper()
	conn, err := open(c.server, c.options)
	if err != nil {
		c.t.Fatalf("socketiotest: connecting: %v", err)
	}
	c.t.Cleanup(conn.hangUp)
	next := newClient(c.t, c.server, conn, c.options)
	auth := c.options.Auth
	c.mu.Lock()
	next.pid, next.offset = c.pid, c.offset
	c.mu.Unlock()
	if next.pid != "" {
		session := map[string]any{}
		if data, err := json.Marshal(auth); err != nil || json.Unmarshal(data, &session) != nil {
			c.t.Fatalf("socketiotest: recovery needs an auth that is an object, not %v", auth)
		}
		if session == nil { // no auth
			session = map[string]any{}
		}
		session["pid"] = next.pid
		if next.offset != "" {
			session["offset"] = next.offset
		}
		auth = session
	}
	return next.connect(auth)
}

func newClient(t TB, s *Server, conn *conn, o *ClientOptions) *Client {
	t.Helper()
	c := &Client{
		t: t, server: s, options: o, conn: conn, namespace: o.Namespace, timeout: o.Timeout,
		gone: make(chan struct{}), arrived: make(chan struct{}), acks: make(map[uint64]chan socketio.Args),
	}
	conn.mu.Lock()
	defer conn.mu.Unlock()
	switch {
	case conn.err != nil:
		t.Fatalf("socketiotest: joining %s: %v", o.Namespace, conn.err)
	case conn.clients[o.Namespace] != nil:
		t.Fatalf("socketiotest: joining %s: the connection has a client in it", o.Namespace)
	default:
		conn.clients[o.Namespace] = c
	}
	return c
}

// ask sends the request to join the namespace.
func (c *Client) ask(auth any) {
	c.t.Helper()
	var payload []any
	if auth != nil {
		payload = []any{auth}
	}
	if err := c.conn.send(parser.Header{Type: parser.Connect, Namespace: c.namespace}, "", payload); err != nil {
		if _, wrong := errors.AsType[*socketio.ArgError](err); wrong {
			c.t.Fatalf("socketiotest: joining %s: auth is a %T, and has to be what JSON encodes as an object, such as a map or a struct: %v", c.namespace, auth, err)
		}
		c.t.Fatalf("socketiotest: joining %s: %v", c.namespace, err)
	}
}

// connect joins the namespace. Events that middleware emits arrive before the
// answer and stay for the test to take.
func (c *Client) connect(auth any) *Client {
	c.t.Helper()
	c.ask(auth)
	answer := c.takeFirst("an answer to its request to join", func(i item) bool { return i.kind != itemEvent })
	if answer.kind != itemConnect {
		c.t.Fatalf("socketiotest: joining %s: got %s", c.namespace, answer)
	}
	if err := answer.args.DecodeAt(0, new(session)); err != nil {
		c.t.Fatalf("socketiotest: joining %s: %v", c.namespace, err)
	}
	return c
}

// A session is the payload of the server's CONNECT packet.
type session struct {
	SID string `json:"sid"`
	PID string `json:"pid"`
}

func (c *Client) expectRefusal(auth any) *socketio.ConnectError {
	c.t.Helper()
	c.ask(auth)
	answer := c.takeFirst("a refusal", func(i item) bool { return i.kind != itemEvent })
	if answer.kind != itemRefused {
		c.t.Fatalf("socketiotest: joining %s: got %s, want a refusal", c.namespace, answer)
	}
	c.conn.leave(c)
	return refusalOf(answer.args)
}

// received handles a packet of the server.
func (c *Client) received(p *parser.Packet) {
	switch p.Type {
	case parser.Event:
		c.noteOffset(p)
		c.put(item{kind: itemEvent, event: Event{Name: p.Event, Args: p.Args, client: c, ack: p.ID, wants: p.HasID}})
	case parser.Connect:
		c.noteSession(p.Args)
		c.put(item{kind: itemConnect, args: p.Args})
	case parser.ConnectError:
		c.put(item{kind: itemRefused, args: p.Args})
	case parser.Disconnect:
		c.conn.leave(c)
		c.end(&socketio.DisconnectError{Reason: ServerDisconnect})
	case parser.Ack:
		c.mu.Lock()
		answer := c.acks[p.ID]
		delete(c.acks, p.ID)
		c.mu.Unlock()
		if answer != nil {
			answer <- p.Args // there is room
		}
	}
}

func (c *Client) noteSession(args socketio.Args) {
	var s session
	_ = args.DecodeAt(0, &s) // connect reports the error
	c.mu.Lock()
	defer c.mu.Unlock()
	c.recovered = c.pid != "" && s.PID == c.pid
	c.sid, c.pid = s.SID, s.PID
}

// noteOffset records the offset that a server with recovery adds to events. Like
// JavaScript clients, it takes any string in the last place for an offset, except
// in events that request an acknowledgement.
func (c *Client) noteOffset(p *parser.Packet) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var last any
	if c.pid == "" || p.HasID || p.Args.Len() == 0 || p.Args.DecodeAt(p.Args.Len()-1, &last) != nil {
		return
	}
	if text, ok := last.(string); ok {
		c.offset = text
	}
}

func (c *Client) put(i item) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.items = append(c.items, i)
	close(c.arrived)
	c.arrived = make(chan struct{})
}

// end disconnects the client, once.
func (c *Client) end(reason *socketio.DisconnectError) {
	c.mu.Lock()
	if c.reason != nil {
		c.mu.Unlock()
		return
	}
	c.reason = reason
	close(c.gone)
	c.mu.Unlock()
	c.put(item{kind: itemEnd, reason: reason.Reason})
}

// ended returns why the client is disconnected, or nil.
func (c *Client) ended() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.reason == nil {
		return nil
	}
	return c.reason
}

// ID returns the socket's ID.
func (c *Client) ID() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.sid
}

// Recovered reports whether the client has recovered the session of another
// client; see [Client.Reconnect].
func (c *Client) Recovered() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.recovered
}

// String describes the client in the messages of failed tests.
func (c *Client) String() string { return fmt.Sprintf("client %s of %s", c.ID(), c.namespace) }

// Disconnect leaves the namespace, and closes the connection if it was the last
// one, as JavaScript clients do. It does nothing if the client is already
// disconnected.
func (c *Client) Disconnect() {
	c.t.Helper()
	if c.ended() != nil {
		return
	}
	if err := c.conn.send(parser.Header{Type: parser.Disconnect, Namespace: c.namespace}, "", nil); err != nil {
		c.t.Fatalf("socketiotest: %v disconnects: %v", c, err)
	}
	last := c.conn.leave(c)
	c.end(&socketio.DisconnectError{Reason: "io client disconnect"})
	if last {
		c.conn.hangUp()
	}
}

// Close closes the connection abruptly, for all its namespaces. Over polling the
// server does not notice that before its heartbeat times out.
func (c *Client) Close() { c.conn.close() }

// Hang stops answering heartbeats, which simulates a connection that was lost
// without being closed.
func (c *Client) Hang() {
	c.conn.mu.Lock()
	defer c.conn.mu.Unlock()
	c.conn.hanging = true
}

// StopReading makes the client stop reading after the current packet, which simulates
// a slow client: messages to it accumulate in the server. [Client.ResumeReading]
// continues. Methods that wait for an event time out meanwhile.
func (c *Client) StopReading() { c.conn.stopReading() }

// ResumeReading undoes [Client.StopReading].
func (c *Client) ResumeReading() { c.conn.resumeReading() }

// Emit sends an event. It fails the test if that is not possible. It always
// returns nil; the result makes a Client an event.Emitter.
func (c *Client) Emit(event string, args ...any) error {
	c.t.Helper()
	if err := c.emit(parser.Header{Type: parser.Event}, event, args); err != nil {
		c.t.Fatalf("socketiotest: %v emits %q: %v", c, event, err)
	}
	return nil
}

func (c *Client) emit(h parser.Header, event string, args []any) error {
	if parser.IsReserved(event) {
		return socketio.ErrReservedEvent // the callers name the event
	}
	if reason := c.ended(); reason != nil {
		return reason
	}
	h.Namespace = c.namespace
	err := c.conn.send(h, event, args)
	if gone := c.ended(); err != nil && gone != nil {
		return gone
	}
	return err
}

// Call sends an event and returns the server's acknowledgement. It fails the test
// if none arrives in time.
func (c *Client) Call(event string, args ...any) socketio.Args {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), c.timeout)
	defer cancel()
	answer, err := c.emitWithAck(ctx, event, args)
	if errors.Is(err, context.DeadlineExceeded) {
		c.t.Fatalf("socketiotest: %v asks %q: no acknowledgement within %v%s", c, event, c.timeout, c.context())
	}
	if err != nil {
		c.t.Fatalf("socketiotest: %v asks %q: %v%s", c, event, err, c.context())
	}
	return answer
}

// EmitWithAck is Call for tests that expect an error: that of ctx, or a
// [*socketio.DisconnectError]. It makes a Client a [socketio.Caller], and may be
// called on any goroutine.
func (c *Client) EmitWithAck(ctx context.Context, event string, args ...any) (socketio.Args, error) {
	answer, err := c.emitWithAck(ctx, event, args)
	if err == socketio.ErrReservedEvent {
		err = fmt.Errorf("socketiotest: %v asks %q: %w", c, event, err)
	}
	return answer, err
}

// emitWithAck is EmitWithAck, but does not name the event in its errors.
func (c *Client) emitWithAck(ctx context.Context, event string, args []any) (socketio.Args, error) {
	if err := ctxerr.Of(ctx); err != nil {
		return socketio.Args{}, err // nothing is sent
	}
	answer := make(chan socketio.Args, 1)
	c.mu.Lock()
	id := c.nextAck
	c.nextAck++
	c.acks[id] = answer
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.acks, id)
	}()
	if err := c.emit(parser.Header{Type: parser.Event, ID: id, HasID: true}, event, args); err != nil {
		return socketio.Args{}, err
	}
	select {
	case args := <-answer:
		return args, nil
	case <-c.gone:
	case <-ctx.Done():
		return socketio.Args{}, ctxerr.Of(ctx)
	}
	select {
	case args := <-answer: // it arrived before the end
		return args, nil
	default:
	}
	return socketio.Args{}, c.ended()
}
