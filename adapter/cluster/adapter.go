package cluster

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/seed96b07ef8/socketio/adapter"
	"github.com/seed96b07ef8/socketio/engine"
	"github.com/seed96b07ef8/socketio/parser"
)

// An Adapter is the [adapter.Adapter] of a namespace that exists on several nodes. The sockets of
// this node are those of an [adapter.Memory]. Operations apply to them first, and never wait for
// the bus: what is for other nodes is queued.
type Adapter struct {
	*adapter.Memory
	host   adapter.Host
	space  *space
	closed atomic.Bool
}

func newAdapter(s *space, h adapter.Host) *Adapter {
	a := &Adapter{host: h, space: s}
	var opts adapter.MemoryOptions
	if d, ok := s.p.driver.(RoomDriver); ok {
		opts.Interest = func(room string, on bool) {
			if s.current.Load() == a { // not one that another has replaced
				d.Interest(s.name, room, on)
			}
		}
	}
	a.Memory = adapter.NewMemoryWith(h, opts)
	return a
}

// bodyLimits are for what other nodes have encoded, which the codec has bounded.
var bodyLimits = parser.Limits{
	MaxAttachments: math.MaxInt, MaxDepth: math.MaxInt, MaxEventName: math.MaxInt, MaxArguments: math.MaxInt,
}

// isLocal reports whether an operation does not concern other nodes.
func (a *Adapter) isLocal(t adapter.Target) bool {
	return t.Local || t.Rooms != nil && len(t.Rooms) == 0 || t.Node != "" && string(t.Node) == a.space.p.self
}

// toSockets returns who receives an event for the sockets of a target.
func (s *space) toSockets(t adapter.Target) Destination {
	if to := s.toNodes(t); to.Kind == ToNode {
		return to
	}
	if len(t.Rooms) == 1 && !s.joins.has(t.Rooms[0], time.Now()) {
		return Destination{Kind: ToRoom, Room: t.Rooms[0]}
	}
	return Destination{}
}

// toNodes returns who receives a command or a request. All nodes have to answer a request, also
// those that have no socket in the rooms of the target, and members of the reference
// implementation expect both on the channel for all nodes.
func (s *space) toNodes(t adapter.Target) Destination {
	if t.Node != "" && s.p.codec == Native {
		return Destination{Kind: ToNode, Node: string(t.Node)}
	}
	return Destination{}
}

// wants reports whether a broadcast concerns a socket of this node, as far as its rooms say.
func (a *Adapter) wants(h *Header) bool {
	return len(h.Rooms) == 0 || slices.ContainsFunc(h.Rooms, a.HasBytes)
}

// Broadcast implements [adapter.Adapter]. It delivers the packet to the sockets of this node, and
// queues it for the others. The error is that of encoding the packet; a
// [*adapter.TooLargeError], with which nothing is delivered; or, with [Options].Strict, an
// error that wraps [adapter.ErrUnavailable]. Messages that are dropped because the queue is
// full are counted: see [Provider.Stats].
func (a *Adapter) Broadcast(p *adapter.Packet, t adapter.Target) error {
	if a.isLocal(t) {
		return a.Memory.Broadcast(p, t)
	}
	if err := a.encodeBody(p); err != nil {
		return err
	}
	m := &Message{Kind: Broadcast, Target: t, Flags: p.Flags & messageFlags, Body: *p.Body}
	wire, err := a.space.encode(m)
	if err != nil {
		return err
	}
	if err := a.Deliver(p, t); err != nil {
		return err
	}
	_ = a.space.publish(m, wire, a.space.toSockets(t), m.Flags&engine.Volatile != 0) // an error is counted
	return a.strict()
}

// encodeBody encodes an event once for all nodes.
func (a *Adapter) encodeBody(p *adapter.Packet) error {
	if p.Body != nil {
		return nil
	}
	body, err := a.host.Body(p.Event, p.Args)
	if err == nil {
		p.Body = body
	}
	return err
}

// strict returns an error if the bus is down and the application wants to know that.
func (a *Adapter) strict() error {
	if a.space.p.opts.Strict {
		return a.space.p.down()
	}
	return nil
}

// JoinSockets implements [adapter.Adapter]. It applies to the sockets of this node first. An error
// that wraps [adapter.ErrUnavailable] or [adapter.ErrQueueFull] means that it does not apply
// to those of other nodes.
func (a *Adapter) JoinSockets(t adapter.Target, rooms ...string) error {
	if len(rooms) == 0 {
		return nil
	}
	if !a.isLocal(t) {
		a.space.joins.add(rooms, time.Now())
	}
	err := a.Memory.JoinSockets(t, rooms...)
	return errors.Join(err, a.command(t, &Message{Kind: SocketsJoin, Rooms: rooms}))
}

// LeaveSockets implements [adapter.Adapter]. Its errors are those of JoinSockets.
func (a *Adapter) LeaveSockets(t adapter.Target, rooms ...string) error {
	if len(rooms) == 0 {
		return nil
	}
	err := a.Memory.LeaveSockets(t, rooms...)
	return errors.Join(err, a.command(t, &Message{Kind: SocketsLeave, Rooms: rooms}))
}

// DisconnectSockets implements [adapter.Adapter]. Its errors are those of JoinSockets.
func (a *Adapter) DisconnectSockets(t adapter.Target, closeConn bool) error {
	err := a.Memory.DisconnectSockets(t, closeConn)
	return errors.Join(err, a.command(t, &Message{Kind: DisconnectSockets, CloseConn: closeConn}))
}

// command sends a message that changes the sockets of a target on other nodes. It is not sent
// later if the bus is down: the error says that it does not apply.
func (a *Adapter) command(t adapter.Target, m *Message) error {
	if a.isLocal(t) {
		return nil
	}
	if err := a.space.p.down(); err != nil {
		return err
	}
	m.Target = t
	return a.space.send(m, a.space.toNodes(t))
}

// Close implements [adapter.Adapter].
func (a *Adapter) Close() error {
	if a.closed.Swap(true) {
		return nil
	}
	a.space.p.vacate(a.space)
	return a.Memory.Close()
}

// apply handles a message of another node that is not an answer.
func (a *Adapter) apply(m *Message) {
	if err := a.applied(m); err != nil {
		a.space.p.drops.note(DropFailed, m.Sender, a.space.name, err)
	}
}

func (a *Adapter) applied(m *Message) error {
	switch m.Kind {
	case Broadcast:
		return a.applyBroadcast(m)
	case SocketsJoin:
		return a.Memory.JoinSockets(m.Target, m.Rooms...)
	case SocketsLeave:
		return a.Memory.LeaveSockets(m.Target, m.Rooms...)
	case DisconnectSockets:
		return a.Memory.DisconnectSockets(m.Target, m.CloseConn)
	case FetchSockets:
		return a.answerFetch(m)
	case ServerSideEmit:
		return a.applyServerEvent(m)
	case ListSockets:
		answer := &Message{Kind: ListSocketsResponse, RequestID: m.RequestID}
		for _, s := range a.Sockets(m.Target) {
			answer.Rooms = append(answer.Rooms, s.ID())
		}
		a.space.answer(m.Sender, answer)
	case ListRooms:
		a.space.answer(m.Sender, &Message{Kind: ListRoomsResponse, RequestID: m.RequestID, Rooms: a.RoomNames()})
	}
	return nil
}

// applyBroadcast delivers an event to the sockets of this node, and lets their clients answer
// if the sender wants that.
func (a *Adapter) applyBroadcast(m *Message) error {
	p := &adapter.Packet{Event: eventName(m.Body.JSON), Body: &m.Body, Flags: m.Flags}
	if m.RequestID == "" {
		return a.Deliver(p, m.Target)
	}
	p.HasAck = true
	timeout := m.Timeout
	if timeout <= 0 {
		timeout = a.space.p.opts.RequestTimeout
	}
	ctx, cancel := context.WithTimeout(a.space.p.ctx, timeout)
	sink := &answeringSink{space: a.space, to: m.Sender, requestID: m.RequestID, cancel: cancel}
	asked := &a.space.p.asked
	context.AfterFunc(ctx, func() { asked.Add(-1) })
	if asked.Add(1) > maxRequests {
		sink.Expect(0)
		return errTooManyAsked
	}
	err := a.DeliverWithAck(ctx, p, m.Target, sink)
	if err != nil {
		sink.Expect(0)
	}
	return err
}

// errTooManyAsked means that other nodes wait for the acknowledgements of more broadcasts than
// they may wait for at once.
var errTooManyAsked = errors.New("too many broadcasts wait for acknowledgements")

// eventName returns the name of an event, which the codec has checked.
func eventName(body []byte) string {
	end := 2
	for end < len(body) && body[end] != '"' && body[end] != '\\' {
		end++
	}
	if len(body) > 2 && body[1] == '"' && end < len(body) && body[end] == '"' {
		return string(body[2:end])
	}
	name, _, _ := eventArgs(parser.Body{JSON: body})
	return name
}

// An answeringSink passes the acknowledgements of this node's clients to the node that has
// asked for them.
type answeringSink struct {
	space         *space
	to, requestID string
	cancel        context.CancelFunc // of the wait for them

	mu      sync.Mutex
	open    int // announced, and not answered
	counted bool
}

// Expect implements [adapter.AckSink]. It is called once.
func (s *answeringSink) Expect(n int) {
	s.settle(n, true)
	s.space.answer(s.to, &Message{Kind: BroadcastClientCount, RequestID: s.requestID, ClientCount: n})
}

// Ack implements [adapter.AckSink]. The protocol of the bus has nothing for a client that does
// not answer: the node that has asked waits until its deadline.
func (s *answeringSink) Ack(a adapter.Ack) {
	s.settle(-1, false)
	if a.Err != nil {
		return
	}
	body, err := ackBody(a.Args)
	if err != nil {
		s.space.p.drops.note(DropFailed, s.to, s.space.name, err)
		return
	}
	s.space.answer(s.to, &Message{Kind: BroadcastAck, RequestID: s.requestID, Body: body})
}

// Complete implements [adapter.AckSink].
func (s *answeringSink) Complete(error) {}

// settle counts the clients that have not answered, and ends the wait for the last.
func (s *answeringSink) settle(n int, counted bool) {
	s.mu.Lock()
	s.open += n
	s.counted = s.counted || counted
	done := s.counted && s.open <= 0
	s.mu.Unlock()
	if done {
		s.cancel()
	}
}

// applyServerEvent queues an event for the handlers of the namespace.
func (a *Adapter) applyServerEvent(m *Message) error {
	event, args, err := eventArgs(m.Body)
	if err != nil {
		return err
	}
	var answer func(args ...any)
	if m.RequestID != "" {
		answer = func(args ...any) {
			body, err := resultBody(args...)
			if err != nil {
				a.space.p.drops.note(DropFailed, m.Sender, a.space.name, fmt.Errorf("answer to the server event %q: %w", event, err))
				return
			}
			a.space.answer(m.Sender, &Message{Kind: ServerSideEmitResponse, RequestID: m.RequestID, Body: body})
		}
	}
	size := len(m.Body.JSON)
	for _, data := range m.Body.Attachments {
		size += len(data)
	}
	if !a.space.events.add(serverEvent{size, func() { a.host.ServerEvent(event, args, answer) }}) {
		a.space.p.drops.note(DropServerEvents, m.Sender, a.space.name, nil)
	}
	return nil
}
