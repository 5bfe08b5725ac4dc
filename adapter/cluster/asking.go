package cluster

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/seed96b07ef8/socketio/adapter"
	"github.com/seed96b07ef8/socketio/internal/ctxerr"
	"github.com/seed96b07ef8/socketio/parser"
)

// A pending is a request of an adapter that has not been sent.
type pending struct {
	*request
	space  *space
	others int  // that have to answer by name
	all    bool // all nodes have to answer
}

// request adds a request that all members of the namespace have to answer, or only the node
// that t names.
func (a *Adapter) request(t adapter.Target, take func(*Message), completed func(outcome)) (*pending, error) {
	s := a.space
	if err := s.p.down(); err != nil {
		return nil, err
	}
	q := &pending{space: s, all: true}
	named := s.roster.names()
	if to := s.toNodes(t); to.Kind == ToNode {
		named, q.all = []string{to.Node}, false
	}
	q.others = len(named)
	var err error
	q.request, err = s.requests.add(named, 0, take, func(o outcome) {
		s.doubt(o.missing)
		if o.counted > 0 {
			s.ghosts.note(o.unknown, time.Now())
		}
		completed(o)
	})
	if err != nil {
		return nil, err
	}
	return q, nil
}

// submit publishes a request that was encoded. Without a place in the queue it is complete.
func (q *pending) submit(ctx context.Context, m *Message, wire []byte) {
	s := q.space
	d, counts := s.p.driver.(CountingDriver)
	if counts = counts && q.all; counts {
		q.count()
	}
	switch err := s.publish(m, wire, s.toNodes(m.Target), false); {
	case err != nil:
		q.expire()
	case counts:
		go q.countNodes(ctx, d) // ends when the driver has counted, at the latest after PublishTimeout
	}
	q.begin()
}

// countNodes waits for as many answers as the bus has nodes, some of which send no heartbeats. If
// some did not answer lately, it does not wait for these for long.
func (q *pending) countNodes(ctx context.Context, d CountingDriver) {
	ctx, cancel := context.WithTimeout(ctx, q.space.p.opts.PublishTimeout)
	defer cancel()
	n, err := d.Count(ctx, q.space.name)
	if err != nil {
		q.fail(errors.Join(adapter.ErrUnavailable, err))
		return
	}
	unnamed := max(n-1-q.others, 0)
	if ghosts := q.space.ghosts.expected(time.Now()); ghosts > 0 && unnamed > 0 {
		time.AfterFunc(ghostWait, func() { q.forgive(ghosts) })
	}
	q.counted(unnamed)
}

// remaining returns the time until the deadline of ctx, or 0 without one.
func remaining(ctx context.Context) time.Duration {
	end, ok := ctx.Deadline()
	if !ok {
		return 0
	}
	return max(time.Until(end), time.Millisecond)
}

func nodeIDs(names []string) []adapter.NodeID {
	ids := make([]adapter.NodeID, len(names))
	for i, name := range names {
		ids[i] = adapter.NodeID(name)
	}
	return ids
}

// err returns a *adapter.PartialError, or nil if all nodes have answered.
func (o outcome) err(cause error) error {
	if len(o.missing) == 0 && o.unknown == 0 && o.failed == nil {
		return nil
	}
	if o.failed != nil {
		cause = ctxerr.Join(o.failed, cause)
	}
	return &adapter.PartialError{Missing: nodeIDs(o.missing), Unknown: o.unknown, Err: cause}
}

// ask sends a request and waits until it is complete, or ctx ends, or RequestTimeout has passed
// if ctx has no deadline. It returns a *adapter.PartialError if answers are missing.
func (a *Adapter) ask(ctx context.Context, m *Message, take func(*Message)) error {
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, a.space.p.opts.RequestTimeout)
		defer cancel()
	}
	done := make(chan outcome, 1)
	r, err := a.request(m.Target, take, func(o outcome) { done <- o })
	if err != nil {
		return a.unasked(err)
	}
	defer r.remove()
	m.RequestID = r.id
	wire, err := a.space.encode(m)
	if err != nil {
		return err
	}
	r.submit(ctx, m, wire)
	select {
	case o := <-done:
		return o.err(nil)
	case <-ctx.Done():
		r.expire()
		return (<-done).err(ctxerr.Of(ctx))
	}
}

// FetchSockets implements [adapter.Adapter]. With a [*adapter.PartialError] it returns the sockets
// of the nodes that have answered.
func (a *Adapter) FetchSockets(ctx context.Context, t adapter.Target) ([]adapter.SocketInfo, error) {
	infos, err := a.Memory.FetchSockets(ctx, t)
	if err != nil || a.isLocal(t) {
		return infos, err
	}
	var mu sync.Mutex
	err = a.ask(ctx, &Message{Kind: FetchSockets, Target: t}, func(m *Message) {
		mu.Lock()
		defer mu.Unlock()
		for i := range m.Sockets {
			infos = append(infos, socketInfo(&m.Sockets[i], m.Sender))
		}
	})
	return infos, err
}

// answerFetch sends descriptions of this node's sockets.
func (a *Adapter) answerFetch(m *Message) error {
	infos, err := a.Memory.FetchSockets(a.space.p.ctx, m.Target)
	if err != nil {
		return err
	}
	sockets := make([]Socket, 0, len(infos))
	for i := range infos {
		sockets = append(sockets, describe(&infos[i], a.space.p.codec))
	}
	part := uint64(0)
	for {
		n := len(sockets)
		if a.space.p.codec == Native {
			n = partOf(sockets, a.space.p.maxMessage()/2)
		}
		answer := &Message{Kind: FetchSocketsResponse, RequestID: m.RequestID, Sockets: sockets[:n], Part: part, More: n < len(sockets)}
		a.space.answer(m.Sender, answer)
		if sockets = sockets[n:]; len(sockets) == 0 {
			return nil
		}
		part++
	}
}

// maxPartSockets bounds the descriptions in one message.
const maxPartSockets = 1000

// partOf returns how many descriptions make a message of about size bytes, at least one.
func partOf(sockets []Socket, size int) (n int) {
	for ; n < min(len(sockets), maxPartSockets); n++ {
		s := &sockets[n]
		size -= len(s.ID) + len(s.Handshake) + len(s.Data) + 16
		for _, room := range s.Rooms {
			size -= len(room) + 5
		}
		if size < 0 {
			break
		}
	}
	return max(n, min(1, len(sockets)))
}

// ServerSideEmit implements [adapter.Adapter]. Without a sink the error is that of encoding the
// event, or one of Broadcast. With one, nodes that do not answer are named in the error that
// Complete takes.
func (a *Adapter) ServerSideEmit(ctx context.Context, event string, args []any, sink adapter.AckSink) error {
	body, err := a.host.Body(event, args)
	if err != nil {
		return err
	}
	m := &Message{Kind: ServerSideEmit, Body: *body}
	if sink == nil {
		if err := a.space.send(m, Destination{}); err != nil && !errors.Is(err, adapter.ErrQueueFull) {
			return err
		}
		return a.strict()
	}
	q, err := a.newQuestion(ctx, m, sink, func(m *Message) {
		args, err := resultArgs(m.Body)
		sink.Expect(1)
		sink.Ack(adapter.Ack{Node: adapter.NodeID(m.Sender), Args: args, Err: err})
	})
	if err == nil {
		q.ask()
	}
	return err
}

// BroadcastWithAck implements [adapter.Adapter]. It announces the clients of this node at once,
// and those of another node when that has counted them. Nodes that do not are named in the error
// that Complete takes; while the bus is down, that are all others.
func (a *Adapter) BroadcastWithAck(ctx context.Context, p *adapter.Packet, t adapter.Target, sink adapter.AckSink) error {
	if a.isLocal(t) {
		return a.Memory.BroadcastWithAck(ctx, p, t, sink)
	}
	if err := a.encodeBody(p); err != nil {
		return err
	}
	m := &Message{Kind: Broadcast, Target: t, Flags: p.Flags & messageFlags, Timeout: remaining(ctx), Body: *p.Body}
	acks := &broadcastAcks{sink: sink, clients: make(map[string]*clientsOfNode)}
	q, err := a.newQuestion(ctx, m, sink, acks.take)
	if err != nil {
		return err
	}
	if err := a.DeliverWithAck(ctx, p, t, sink); err != nil {
		q.cancel()
		return err
	}
	q.ask()
	return nil
}

// A question is a request whose answers are collected in a sink.
type question struct {
	a       *Adapter
	ctx     context.Context
	sink    adapter.AckSink
	m       *Message
	wire    []byte
	request *pending
	unasked error // why other nodes cannot be asked; then there is no request
}

// newQuestion returns the question of a message. The error is that of a message that cannot be
// sent. Without one the caller calls ask or cancel.
func (a *Adapter) newQuestion(ctx context.Context, m *Message, sink adapter.AckSink, take func(*Message)) (*question, error) {
	q := &question{a: a, ctx: ctx, sink: sink, m: m}
	q.request, q.unasked = a.request(m.Target, take, func(o outcome) {
		sink.Complete(o.err(a.incomplete(ctx)))
	})
	if q.request == nil {
		return q, nil
	}
	m.RequestID = q.request.id
	var err error
	q.wire, err = a.space.encode(m)
	if err != nil {
		q.cancel()
		return nil, err
	}
	return q, nil
}

// cancel forgets the question. Complete of the sink is not called.
func (q *question) cancel() {
	if q.request != nil {
		q.request.remove()
	}
}

// ask sends the question. The sink is completed when all nodes have answered, and shortly before
// the deadline.
func (q *question) ask() {
	if q.request == nil {
		q.sink.Complete(q.a.unasked(q.unasked))
		return
	}
	r := q.request
	if left := remaining(q.ctx); left > 0 {
		timer := time.AfterFunc(left-min(left/10, completeBefore), r.expire)
		context.AfterFunc(q.ctx, func() { timer.Stop() })
	}
	context.AfterFunc(q.ctx, func() {
		r.expire()
		r.remove()
	})
	r.submit(q.ctx, q.m, q.wire)
}

// completeBefore is how long before a deadline a sink is completed, at most: the result is wanted
// before the deadline. It is a tenth of the time for shorter ones.
const completeBefore = 50 * time.Millisecond

// incomplete returns why a request did not wait any longer.
func (a *Adapter) incomplete(ctx context.Context) error {
	if err := ctxerr.Of(ctx); err != nil {
		return err
	}
	if err := a.space.p.down(); err != nil {
		return err
	}
	if left := remaining(ctx); left > 0 && left <= completeBefore {
		return context.DeadlineExceeded
	}
	return nil
}

// unasked returns the error of a request that was not sent.
func (a *Adapter) unasked(err error) error {
	return &adapter.PartialError{Missing: nodeIDs(a.space.roster.names()), Err: err}
}

// broadcastAcks collects the acknowledgements of other nodes' clients.
type broadcastAcks struct {
	sink adapter.AckSink

	mu      sync.Mutex
	clients map[string]*clientsOfNode
}

// clientsOfNode counts the clients of one node.
type clientsOfNode struct {
	announced, answered int // announced is -1 until the node has counted them
}

// take takes a BroadcastClientCount or a BroadcastAck. A node answers for no more clients than it
// has announced, so that it cannot take the places of others.
func (b *broadcastAcks) take(m *Message) {
	b.mu.Lock()
	c := b.clients[m.Sender]
	if c == nil {
		c = &clientsOfNode{announced: -1}
		b.clients[m.Sender] = c
	}
	if m.Kind == BroadcastClientCount {
		n := min(m.ClientCount, maxClients)
		c.announced = max(c.announced, 0) + n // several nodes may not give their names
		b.mu.Unlock()
		b.sink.Expect(n)
		return
	}
	if c.announced >= 0 && c.answered >= c.announced {
		b.mu.Unlock()
		return
	}
	c.answered++
	b.mu.Unlock()
	args, err := resultArgs(m.Body)
	b.sink.Ack(adapter.Ack{Node: adapter.NodeID(m.Sender), Args: args, Err: err})
}

// ackBody returns the Body of a client's acknowledgement: its first argument, as members of the
// reference implementation have it.
func ackBody(args parser.Args) (parser.Body, error) {
	if args.Len() > 1 {
		var first any
		if err := args.DecodeAt(0, &first); err != nil {
			return parser.Body{}, err
		}
		return resultBody(first)
	}
	return resultBody(slices.Repeat([]any{args}, args.Len())...)
}
