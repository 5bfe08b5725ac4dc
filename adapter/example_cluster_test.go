package adapter_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/seed96b07ef8/socketio"
	"github.com/seed96b07ef8/socketio/adapter"
	"github.com/seed96b07ef8/socketio/socketiotest"
)

// A bus connects nodes in one process. A real one sends the JSON and the attachments of a
// body, with the name of the namespace and the target.
type bus struct {
	mu    sync.Mutex
	nodes []*busNode
}

// A busProvider makes the adapters of one server.
type busProvider struct{ bus *bus }

func (p busProvider) Start(context.Context, adapter.Node) error { return nil } // connects
func (p busProvider) Close(context.Context) error               { return nil } // disconnects

func (p busProvider) Namespace(h adapter.Host) (adapter.Adapter, error) {
	n := &busNode{Memory: adapter.NewMemory(h), host: h, bus: p.bus}
	p.bus.mu.Lock()
	defer p.bus.mu.Unlock()
	p.bus.nodes = append(p.bus.nodes, n)
	return n, nil
}

// A busNode is a namespace of one server. Its Memory has the server's own sockets.
type busNode struct {
	*adapter.Memory
	host adapter.Host
	bus  *bus
}

// Broadcast encodes the event once, delivers it here, and has the other nodes deliver it.
func (n *busNode) Broadcast(p *adapter.Packet, t adapter.Target) (err error) {
	if p.Body, err = n.host.Body(p.Event, p.Args); err != nil {
		return err
	}
	errs := []error{n.Deliver(p, t)}
	for _, other := range n.others() {
		if !t.Local && other.host.Name() == n.host.Name() {
			errs = append(errs, other.Deliver(&adapter.Packet{Event: p.Event, Body: p.Body, Flags: p.Flags}, t))
		}
	}
	return errors.Join(errs...)
}

func (n *busNode) others() []*busNode {
	n.bus.mu.Lock()
	defer n.bus.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(n.bus.nodes), func(other *busNode) bool { return other == n })
}

// Close leaves the bus.
func (n *busNode) Close() error {
	n.bus.mu.Lock()
	defer n.bus.mu.Unlock()
	n.bus.nodes = slices.DeleteFunc(n.bus.nodes, func(other *busNode) bool { return other == n })
	return n.Memory.Close()
}

// An adapter for a cluster holds a Memory for the sockets of its own node. This one passes
// broadcasts to the other nodes; a complete one does the same with the other operations.
func ExampleProvider() {
	t := new(exampleTB) // in a test: t *testing.T
	defer t.done()
	var b bus
	here := socketiotest.NewServer(t, &socketio.Options{Adapter: busProvider{&b}})
	there := socketiotest.NewServer(t, &socketio.Options{Adapter: busProvider{&b}})
	there.Use(func(_ context.Context, s *socketio.Socket) error { return s.Join("tea") })

	ann := socketiotest.Connect(t, here, nil)
	bob := socketiotest.Connect(t, there, nil)
	here.To("tea").Emit("news", "the kettle boils")
	here.Emit("news", "all is well")
	fmt.Println(bob.Next(), bob.Next())
	fmt.Println(ann.Next())
	// Output:
	// "news" ["the kettle boils"] "news" ["all is well"]
	// "news" ["all is well"]
}
