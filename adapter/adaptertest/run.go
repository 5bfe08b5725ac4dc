package adaptertest

import (
	"testing"
	"testing/synctest"

	"github.com/seed96b07ef8/socketio/adapter"
)

// A Cluster is what one test of the suite uses. Functions that are nil are for faults that the bus
// cannot be made to have; tests that need them are skipped.
type Cluster struct {
	// Provider returns the Provider of a new node. Nodes of one Cluster reach each other,
	// and no node of another Cluster.
	Provider func() adapter.Provider
	// Pause makes a node silent: it neither sends nor receives, and its connections do not
	// fail. Resume ends that; what was sent meanwhile may or may not arrive.
	Pause, Resume func(node adapter.NodeID)
	// Cut breaks the connections of a node, which notices that and reports
	// [adapter.LinkDown]. Heal lets it connect again.
	Cut, Heal func(node adapter.NodeID)
	// Disturb makes messages to a node arrive late, twice, and out of order, all within a
	// second.
	Disturb func(node adapter.NodeID)
	// Inject publishes something that no node has written, on the channel of a namespace.
	Inject func(namespace string, wire []byte)
	// Numbered says that the adapter numbers its messages, so that an event that arrives twice
	// is delivered once, and that messages that arrive out of order are not lost.
	Numbered bool
	// Namespaces is how many namespaces a test makes. The default is 10,000, which is how many
	// clients of a server can make by default.
	Namespaces int
	// MaxMessage is a size in bytes that events cannot have because the bus takes less.
	// 0 means that there is no limit that a test could reach.
	MaxMessage int
}

// Run runs the suite. Each test calls start for a Cluster of its own.
func Run(t *testing.T, start func(t testing.TB) Cluster) {
	run(t, start, func(t *testing.T, f func(t *testing.T)) { f(t) })
}

// RunInBubble is Run for adapters that use nothing but goroutines and memory. Each test runs in
// a bubble of package testing/synctest, in which waiting takes no time.
func RunInBubble(t *testing.T, start func(t testing.TB) Cluster) {
	run(t, start, synctest.Test)
}

func run(t *testing.T, start func(t testing.TB) Cluster, in func(*testing.T, func(*testing.T))) {
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			in(t, func(t *testing.T) {
				s := &suite{TB: t, cluster: start(t)}
				if s.cluster.Namespaces <= 0 {
					s.cluster.Namespaces = 10_000
				}
				test.run(s)
			})
		})
	}
}

// tests are the tests of the suite. Each begins without nodes.
var tests = []struct {
	name string
	run  func(s *suite)
}{
	{"Targets", testTargets},
	{"RoomNames", testRoomNames},
	{"Values", testValues},
	{"OrderOfSenders", testOrder},
	{"TooLarge", testTooLarge},
	{"Acknowledgements", testAcks},
	{"AcknowledgementsOfNone", testNoAcks},
	{"FetchSockets", testFetch},
	{"Commands", testCommands},
	{"JoinThenEmit", testJoinThenEmit},
	{"ServerSideEmit", testServerSideEmit},
	{"SlowServerEvents", testSlowServerEvents},
	{"Namespaces", testNamespaces},
	{"ManyNamespaces", testManyNamespaces},
	{"NamespaceBeginsAgain", testNamespaceBeginsAgain},
	{"NodeLeaves", testNodeLeaves},
	{"NodeJoins", testNodeJoins},
	{"Concurrency", testConcurrency},
	{"Close", testClose},
	{"SilentNode", testSilentNode},
	{"CutNode", testCutNode},
	{"Disturbed", testDisturbed},
	{"Malformed", testMalformed},
}
