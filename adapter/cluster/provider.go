package cluster

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/seed96b07ef8/socketio/adapter"
)

// A Provider makes the adapters of a server that is a node of a cluster. It belongs to one
// server: see [New].
type Provider struct {
	driver  Driver
	traits  Traits
	codec   Codec
	opts    Options
	invalid error // in the options
	limits  Limits

	// Set by Start.
	node    adapter.Node
	self    string // node.ID
	drops   *drops
	health  *health
	members *membership
	lanes   []*lane
	pulse   *pulse
	ctx     context.Context // ends with Close
	cancel  context.CancelFunc

	asked    atomic.Int64  // broadcasts of other nodes whose clients have not all acknowledged
	started  atomic.Bool   // what is received before cannot be answered
	numbered atomic.Uint64 // messages, for Message.Seq
	requests recent        // of other nodes
	headers  sync.Pool     // of *Header

	attaching sync.Mutex // serializes the driver's Attach and Detach; before mu

	mu     sync.RWMutex
	spaces map[string]*space
	closed bool
}

// New returns a Provider for [github.com/seed96b07ef8/socketio.Options], which connects the
// server to the other nodes by driver and writes messages with codec. All nodes of a cluster
// must use the same bus and codec. Nil options mean the defaults; the error of invalid ones
// is that of Start.
//
// Programs rarely call New: they call the function of a package for their bus, which has a
// driver.
func New(driver Driver, codec Codec, opts *Options) *Provider {
	p := &Provider{driver: driver, traits: driver.Traits(), codec: codec, spaces: make(map[string]*space)}
	p.opts, p.invalid = opts.withDefaults()
	p.limits = Limits{Bytes: p.opts.MaxMessage}.OrDefaults()
	p.headers.New = func() any { return new(Header) }
	return p
}

// Start implements [adapter.Provider].
func (p *Provider) Start(ctx context.Context, n adapter.Node) error {
	if p.invalid != nil {
		return p.invalid
	}
	p.node, p.self = n, string(n.ID)
	p.drops = newDrops(n.Logger)
	p.health = newHealth(n.Logger, n.Report)
	p.members = newMembership(p.opts.HeartbeatTimeout)
	p.ctx, p.cancel = context.WithCancel(context.Background())
	if err := p.driver.Open(ctx, n, inbound{p}); err != nil {
		p.cancel()
		return err
	}
	p.lanes = make([]*lane, max(p.traits.Lanes, 1))
	limits := laneLimits{p.opts.QueueBytes, p.opts.QueueMessages, p.opts.QueueAge, p.opts.PublishTimeout}
	for i := range p.lanes {
		link := p.linkName(i)
		p.lanes[i] = newLane(limits, p.driver.Publish, func(err error) {
			if err != nil {
				p.health.set(link, fromPublisher, adapter.LinkDegraded, err)
				return
			}
			p.health.set(link, fromPublisher, adapter.LinkUp, nil)
			p.announce()
		}, func(o Outgoing, reason DropReason, err error) {
			p.drops.note(reason, "", o.Namespace, err)
		})
	}
	p.pulse = newPulse(p)
	p.started.Store(true)
	p.pulse.start()
	return nil
}

// announce announces all namespaces, after messages of this node, or for it, may have been lost.
func (p *Provider) announce() {
	for _, s := range p.all() {
		s.announce(Destination{})
	}
}

// linkName returns the name of a lane in reports.
func (p *Provider) linkName(lane int) string {
	if len(p.lanes) == 1 {
		return "cluster"
	}
	return fmt.Sprintf("cluster lane %d", lane)
}

// lane returns the lane of a namespace.
func (p *Provider) lane(namespace string) *lane {
	if len(p.lanes) == 1 {
		return p.lanes[0]
	}
	h := fnv.New32a()
	_, _ = h.Write([]byte(namespace))
	return p.lanes[h.Sum32()%uint32(len(p.lanes))]
}

// Namespace implements [adapter.Provider].
func (p *Provider) Namespace(h adapter.Host) (adapter.Adapter, error) {
	if h.Recovery() != nil {
		return nil, errRecovery
	}
	p.attaching.Lock()
	defer p.attaching.Unlock()
	s, a, err := p.occupy(h)
	if err != nil {
		return nil, err
	}
	if s.users == 1 {
		p.driver.Attach(s.name)
	}
	return a, nil
}

var errRecovery = errors.New("cluster: Options.Recovery needs an adapter with recovery, which this one does not have yet")

// occupy makes an adapter the one of its namespace. The caller holds attaching.
func (p *Provider) occupy(h adapter.Host) (*space, *Adapter, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, nil, net.ErrClosed
	}
	s := p.spaces[h.Name()]
	if s == nil {
		s = newSpace(p, h.Name())
		p.spaces[s.name] = s
	}
	s.users++
	a := newAdapter(s, h)
	s.current.Store(a)
	return s, a, nil
}

// vacate ends the use of a namespace by an adapter.
func (p *Provider) vacate(s *space) {
	p.attaching.Lock()
	defer p.attaching.Unlock()
	if s.users--; s.users > 0 {
		return // a namespace of the same name has begun meanwhile
	}
	_ = s.send(&Message{Kind: AdapterClose}, Destination{})
	p.mu.Lock()
	delete(p.spaces, s.name)
	p.mu.Unlock()
	p.driver.Detach(s.name)
	s.close()
}

// space returns the namespace with a name, or nil.
func (p *Provider) space(name string) *space {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.spaces[name]
}

// all returns the namespaces, in no particular order.
func (p *Provider) all() []*space {
	p.mu.RLock()
	defer p.mu.RUnlock()
	all := make([]*space, 0, len(p.spaces))
	for _, s := range p.spaces {
		all = append(all, s)
	}
	return all
}

// Close implements [adapter.Provider].
func (p *Provider) Close(ctx context.Context) error {
	p.refuse()
	if p.traits.NodeHeartbeats {
		_ = p.sendNode(AdapterClose)
	}
	var errs []error
	for _, l := range p.lanes {
		errs = append(errs, l.close(ctx))
	}
	p.pulse.stop()
	errs = append(errs, p.driver.Close(ctx))
	p.cancel()
	p.health.wait(ctx)
	return errors.Join(errs...)
}

// refuse makes Namespace return errors, and waits for a call of the driver's Attach.
func (p *Provider) refuse() {
	p.attaching.Lock()
	defer p.attaching.Unlock()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
}

// sendNode sends a message that is not about a namespace.
func (p *Provider) sendNode(kind Kind) error {
	wire, err := p.encode(&Message{Kind: kind})
	if err != nil {
		return err
	}
	return p.lane("").add(Outgoing{Wire: wire}, false)
}

// encode writes a message of this node. The error may be a *adapter.TooLargeError.
func (p *Provider) encode(m *Message) ([]byte, error) {
	m.Sender = p.self
	m.Seq = p.numbered.Add(1)
	wire, err := p.codec.Append(nil, m)
	if err != nil {
		return nil, err
	}
	if limit := p.maxMessage(); len(wire) > limit {
		return nil, &adapter.TooLargeError{Size: len(wire), Max: limit}
	}
	return wire, nil
}

// maxMessage returns the largest size of a wire at the moment.
func (p *Provider) maxMessage() int {
	if d, ok := p.driver.(SizedDriver); ok {
		return min(p.opts.MaxMessage, d.MaxMessage())
	}
	return p.opts.MaxMessage
}

// down returns adapter.ErrUnavailable if the bus is known to be disconnected.
func (p *Provider) down() error {
	if state, err := p.health.state(); state == adapter.LinkDown {
		if err != nil {
			return fmt.Errorf("%w: %w", adapter.ErrUnavailable, err)
		}
		return adapter.ErrUnavailable
	}
	return nil
}

// Stats are numbers about the cluster as a node sees it.
type Stats struct {
	// Self is the ID of this node.
	Self adapter.NodeID
	// Nodes are the IDs of the other nodes, sorted.
	Nodes []adapter.NodeID
	// State is the worst state of the links to the bus.
	State adapter.LinkState
	// Dropped counts the messages that were dropped since Start.
	Dropped map[DropReason]uint64
	// Pending is the number of requests that other nodes have not answered.
	Pending int
	// Queued is the number of messages that wait to be published, and Lag how long the
	// first of them has waited.
	Queued int
	Lag    time.Duration
}

// Stats returns the numbers of a Provider that was started.
func (p *Provider) Stats() Stats {
	st := Stats{Self: p.node.ID, Dropped: p.drops.all()}
	for _, name := range p.members.names() {
		st.Nodes = append(st.Nodes, adapter.NodeID(name))
	}
	st.State, _ = p.health.state()
	for _, s := range p.all() {
		st.Pending += s.requests.size()
	}
	now := time.Now()
	for _, l := range p.lanes {
		st.Queued += l.size()
		st.Lag = max(st.Lag, l.lag(now))
	}
	return st
}
