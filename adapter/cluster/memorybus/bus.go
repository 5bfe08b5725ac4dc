// Package memorybus connects servers of one process to a cluster, for tests: of programs that
// run on several nodes, of adapters, and of how both behave when nodes and the bus fail.
package memorybus

import (
	"context"
	"errors"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/seed96b07ef8/socketio/adapter"
	"github.com/seed96b07ef8/socketio/adapter/cluster"
)

// A Bus carries messages between the nodes of one cluster. Its methods are safe for concurrent
// use. Faults are those of a node, which is named by the ID of its server; they may be set
// before the node has started.
type Bus struct {
	opts Options

	mu    sync.Mutex
	nodes []*driver
	fault map[adapter.NodeID]Fault
	sent  int // messages that nodes have published
	mutes int
}

// Options configure a [Bus]. The zero value is a bus that behaves like most: it delivers
// messages for a room only to nodes that have it, and heartbeats are of nodes.
type Options struct {
	// MaxMessage is the largest message that the bus accepts, in bytes. The default is 1 MiB.
	MaxMessage int
	// NamespaceHeartbeats sends heartbeats for each namespace.
	NamespaceHeartbeats bool
	// Broadcast delivers all messages of a namespace to all nodes that have it.
	Broadcast bool
	// Counted makes a bus that counts nodes, on which some may send no heartbeats: see
	// [cluster.CountingDriver].
	Counted bool
	// Lanes is the number of lanes: see [cluster.Traits].
	Lanes int
}

// A Fault is how a node, or its connection to the bus, misbehaves. The zero value is a node
// that works.
type Fault struct {
	// Paused is a node that neither receives nor sends, and does not know: a stopped process,
	// or a network that drops everything. It receives later what was sent meanwhile.
	Paused bool
	// Cut is a node whose connections fail, which it knows. Messages for it are lost.
	Cut bool
	// Deaf is a node that does not receive, which it does not know. Messages for it are lost.
	Deaf bool
	// Delay is how long messages to the node take.
	Delay time.Duration
	// Rate is how many bytes a second the node receives. 0 means no limit.
	Rate int
	// Twice delivers each message to the node twice, the second time after the next message,
	// or after 10 ms.
	Twice bool
	// Swap delivers each second message to the node after the one that follows it, or after
	// 10 ms.
	Swap bool
	// Refuse makes publishing fail with an error, for the node as sender.
	Refuse error
}

// New returns a bus without nodes. Nil options mean the defaults.
func New(opts *Options) *Bus {
	b := &Bus{fault: make(map[adapter.NodeID]Fault)}
	if opts != nil {
		b.opts = *opts
	}
	if b.opts.MaxMessage <= 0 {
		b.opts.MaxMessage = 1 << 20
	}
	return b
}

// Provider returns what connects one server to the bus, with [cluster.Native]. Nil options mean
// the defaults.
func (b *Bus) Provider(opts *cluster.Options) *cluster.Provider {
	return cluster.New(b.Driver(), cluster.Native, opts)
}

// Driver returns the driver for one server.
func (b *Bus) Driver() cluster.Driver {
	d := &driver{bus: b, spaces: make(map[string]map[string]struct{}), wake: make(chan struct{}, 1)}
	if b.opts.Counted {
		return countingDriver{d}
	}
	return d
}

// SetMute sets how many subscribers there are that are counted, with Options.Counted, and never
// say anything.
func (b *Bus) SetMute(n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.mutes = n
}

// A countingDriver is the driver of a bus that counts nodes.
type countingDriver struct{ *driver }

// Count implements [cluster.CountingDriver].
func (d countingDriver) Count(ctx context.Context, namespace string) (int, error) {
	if err := d.ready(ctx); err != nil {
		return 0, err
	}
	n := len(d.bus.receivers(cluster.Outgoing{Namespace: namespace}))
	d.bus.mu.Lock()
	defer d.bus.mu.Unlock()
	return n + d.bus.mutes, nil
}

// SetFault sets how a node misbehaves from now on, instead of what was set before.
func (b *Bus) SetFault(node adapter.NodeID, f Fault) {
	b.mu.Lock()
	before := b.fault[node]
	b.fault[node] = f
	var changed []*driver
	for _, d := range b.nodes {
		if d.node == node {
			changed = append(changed, d)
		}
	}
	b.mu.Unlock()
	for _, d := range changed {
		d.faultChanged(before, f)
	}
}

// Inject delivers a wire to all nodes that have a namespace or, with an empty one, to all, as
// if a node had published it.
func (b *Bus) Inject(namespace string, wire []byte) {
	b.deliver(cluster.Outgoing{Namespace: namespace, Wire: wire})
}

// Sent returns how many messages the nodes have published.
func (b *Bus) Sent() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.sent
}

// Interested returns the IDs of the nodes that want messages for a room of a namespace.
func (b *Bus) Interested(namespace, room string) (nodes []adapter.NodeID) {
	for _, d := range b.receivers(cluster.Outgoing{Namespace: namespace, To: cluster.Destination{Kind: cluster.ToRoom, Room: room}}) {
		nodes = append(nodes, d.node)
	}
	return nodes
}

// receivers returns the nodes that a message is for.
func (b *Bus) receivers(o cluster.Outgoing) (receivers []*driver) {
	b.mu.Lock()
	all := slices.Clone(b.nodes)
	b.mu.Unlock()
	for _, d := range all {
		if d.wants(o, b.opts.Broadcast) {
			receivers = append(receivers, d)
		}
	}
	return receivers
}

// deliver puts a message into the inboxes of the nodes that it is for.
func (b *Bus) deliver(o cluster.Outgoing) {
	for _, d := range b.receivers(o) {
		b.mu.Lock()
		f := b.fault[d.node]
		b.mu.Unlock()
		if !f.Cut && !f.Deaf {
			d.put(arrival{o.Namespace, o.Wire, time.Now().Add(f.Delay)}, f)
		}
	}
}

func (b *Bus) faultOf(node adapter.NodeID) Fault {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.fault[node]
}

// errCut is the error of a node whose connection fails.
var errCut = errors.New("memorybus: the connection is cut")

// A driver is a [cluster.Driver] for one node of a [Bus].
type driver struct {
	bus  *Bus
	node adapter.NodeID
	in   cluster.Inbound
	quit chan struct{}
	done chan struct{}
	wake chan struct{} // has a value when there is something to deliver

	mu      sync.Mutex
	spaces  map[string]map[string]struct{} // the attached namespaces, and their rooms
	inbox   []arrival
	held    *arrival // by Fault.Swap, until another message has passed it
	again   *arrival // by Fault.Twice, to be repeated after another message
	resumed chan struct{}
}

// An arrival is a message on its way to a node.
type arrival struct {
	namespace string
	wire      []byte
	at        time.Time
}

var (
	_ cluster.RoomDriver     = (*driver)(nil)
	_ cluster.SizedDriver    = (*driver)(nil)
	_ cluster.CountingDriver = countingDriver{}
)

// Traits implements [cluster.Driver].
func (d *driver) Traits() cluster.Traits {
	return cluster.Traits{Lanes: d.bus.opts.Lanes, Echo: true, NodeHeartbeats: !d.bus.opts.NamespaceHeartbeats}
}

// MaxMessage implements [cluster.SizedDriver].
func (d *driver) MaxMessage() int { return d.bus.opts.MaxMessage }

// Open implements [cluster.Driver].
func (d *driver) Open(_ context.Context, n adapter.Node, in cluster.Inbound) error {
	if d.bus.faultOf(n.ID).Cut {
		return errCut
	}
	d.node, d.in = n.ID, in
	d.quit, d.done = make(chan struct{}), make(chan struct{})
	d.bus.mu.Lock()
	d.bus.nodes = append(d.bus.nodes, d)
	d.bus.mu.Unlock()
	go d.run() // ended by Close
	return nil
}

// Close implements [cluster.Driver].
func (d *driver) Close(context.Context) error {
	d.bus.mu.Lock()
	d.bus.nodes = slices.DeleteFunc(d.bus.nodes, func(o *driver) bool { return o == d })
	d.bus.mu.Unlock()
	close(d.quit)
	<-d.done
	return nil
}

// Attach implements [cluster.Driver].
func (d *driver) Attach(namespace string) {
	d.mu.Lock()
	d.spaces[namespace] = make(map[string]struct{})
	d.mu.Unlock()
	d.in.Attached(namespace)
}

// Detach implements [cluster.Driver].
func (d *driver) Detach(namespace string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.spaces, namespace)
}

// Interest implements [cluster.RoomDriver].
func (d *driver) Interest(namespace, room string, on bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	rooms := d.spaces[namespace]
	if rooms == nil {
		return
	}
	if on {
		rooms[room] = struct{}{}
	} else {
		delete(rooms, room)
	}
}

// wants reports whether a message is for this node.
func (d *driver) wants(o cluster.Outgoing, all bool) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	rooms, attached := d.spaces[o.Namespace]
	if o.Namespace != "" && !attached {
		return false
	}
	switch o.To.Kind {
	case cluster.ToRoom:
		_, has := rooms[o.To.Room]
		return has || all
	case cluster.ToNode:
		return o.To.Node == string(d.node) || all
	}
	return true
}

// Publish implements [cluster.Driver].
func (d *driver) Publish(ctx context.Context, messages []cluster.Outgoing) (sent int, err error) {
	for i, o := range messages {
		if err := d.ready(ctx); err != nil {
			return i, err
		}
		d.bus.mu.Lock()
		d.bus.sent++
		d.bus.mu.Unlock()
		d.bus.deliver(o)
	}
	return len(messages), nil
}

// ready waits until the node can send.
func (d *driver) ready(ctx context.Context) error {
	for {
		f := d.bus.faultOf(d.node)
		switch {
		case f.Cut:
			return errCut
		case f.Refuse != nil:
			return f.Refuse
		case !f.Paused:
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-d.quit:
			return net.ErrClosed
		case <-d.afterPause():
		}
	}
}

// afterPause returns a channel that is closed when the fault changes.
func (d *driver) afterPause() <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.resumed == nil {
		d.resumed = make(chan struct{})
	}
	return d.resumed
}

// faultChanged is called after the fault of the node was set.
func (d *driver) faultChanged(before, f Fault) {
	d.mu.Lock()
	if d.resumed != nil {
		close(d.resumed)
		d.resumed = nil
	}
	if f.Cut && !before.Cut {
		d.inbox, d.held, d.again = nil, nil, nil
	}
	spaces := make([]string, 0, len(d.spaces))
	for name := range d.spaces {
		spaces = append(spaces, name)
	}
	d.mu.Unlock()
	d.signal()
	switch {
	case f.Cut && !before.Cut:
		d.in.State("bus", adapter.LinkDown, errCut)
	case before.Cut && !f.Cut:
		d.in.State("bus", adapter.LinkUp, nil)
		for _, name := range spaces {
			d.in.Attached(name)
		}
	}
}

func (d *driver) signal() {
	select {
	case d.wake <- struct{}{}:
	default:
	}
}
