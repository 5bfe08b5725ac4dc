package memorybus_test

import (
	"testing"
	"time"

	"github.com/seed96b07ef8/socketio/adapter"
	"github.com/seed96b07ef8/socketio/adapter/adaptertest"
	"github.com/seed96b07ef8/socketio/adapter/cluster"
	"github.com/seed96b07ef8/socketio/adapter/cluster/memorybus"
	"github.com/seed96b07ef8/socketio/adapter/cluster/nodewire"
)

func TestSuite(t *testing.T) {
	for name, opts := range map[string]*memorybus.Options{
		"rooms":      nil,
		"broadcast":  {Broadcast: true},
		"counted":    {Counted: true},
		"namespaces": {NamespaceHeartbeats: true, Lanes: 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			adaptertest.RunInBubble(t, func(testing.TB) adaptertest.Cluster { return newCluster(memorybus.New(opts), 100*time.Millisecond) })
		})
	}
}

// The suite does not depend on the bubble.
func TestSuiteInRealTime(t *testing.T) {
	t.Parallel()
	adaptertest.Run(t, func(testing.TB) adaptertest.Cluster { return newCluster(memorybus.New(nil), time.Millisecond) })
}

// The suite runs with the messages of nodes of the reference implementation, which have no numbers.
func TestSuiteWithCodecsForNode(t *testing.T) {
	for name, codec := range map[string]cluster.Codec{"Sharded": nodewire.Sharded, "Pack": nodewire.Pack} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			adaptertest.RunInBubble(t, func(testing.TB) adaptertest.Cluster {
				bus := memorybus.New(&memorybus.Options{Broadcast: true, NamespaceHeartbeats: true})
				c := newCluster(bus, 100*time.Millisecond)
				c.Provider = func() adapter.Provider { return cluster.New(bus.Driver(), codec, nil) }
				c.Numbered = false
				return c
			})
		})
	}
}

func newCluster(bus *memorybus.Bus, delay time.Duration) adaptertest.Cluster {
	fault := func(f memorybus.Fault) func(adapter.NodeID) {
		return func(node adapter.NodeID) { bus.SetFault(node, f) }
	}
	return adaptertest.Cluster{
		Provider:   func() adapter.Provider { return bus.Provider(nil) },
		Pause:      fault(memorybus.Fault{Paused: true}),
		Resume:     fault(memorybus.Fault{}),
		Cut:        fault(memorybus.Fault{Cut: true}),
		Heal:       fault(memorybus.Fault{}),
		Disturb:    fault(memorybus.Fault{Delay: delay, Swap: true, Twice: true}),
		Inject:     bus.Inject,
		Numbered:   true,
		MaxMessage: 1 << 20,
	}
}
