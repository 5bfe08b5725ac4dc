package socketio_test

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/seed96b07ef8/socketio"
	"github.com/seed96b07ef8/socketio/adapter"
	"github.com/seed96b07ef8/socketio/parser"
)

// A network connects servers in one process; it stands for the adapter of a real
// cluster. All that it does is to hand over the events of ServerSideEmit.
type network struct {
	mu    sync.Mutex
	nodes []*node
}

type node struct {
	*adapter.Memory
	network *network
	host    adapter.Host
}

func (n *network) adapter(h adapter.Host) adapter.Adapter {
	n.mu.Lock()
	defer n.mu.Unlock()
	one := &node{adapter.NewMemory(h), n, h}
	n.nodes = append(n.nodes, one)
	return one
}

func (n *node) ServerSideEmit(ctx context.Context, event string, args []any, sink adapter.AckSink) error {
	sent, err := encoded(args)
	if err != nil {
		return err
	}
	n.network.mu.Lock()
	others := append([]*node(nil), n.network.nodes...)
	n.network.mu.Unlock()
	for _, other := range others {
		if other == n || other.host.Name() != n.host.Name() {
			continue
		}
		var answer func(...any)
		if sink != nil {
			sink.Expect(1)
			answer = func(args ...any) {
				got, err := encoded(args)
				sink.Ack(adapter.Ack{Node: other.host.Node(), Args: got, Err: err})
			}
		}
		other.host.ServerEvent(event, sent, answer)
	}
	if sink != nil {
		sink.Complete(nil) // all nodes have been asked
	}
	return nil
}

// encoded makes of arguments what arrives at another node.
func encoded(args []any) (parser.Args, error) {
	data, _, err := parser.JSON.Append(nil, parser.Header{Type: parser.Ack}, "", args)
	if err != nil {
		return parser.Args{}, err
	}
	p, err := parser.JSON.NewDecoder(parser.Limits{}).Decode(data, false)
	if err != nil {
		return parser.Args{}, err
	}
	return p.Args, nil
}

// Servers of a cluster talk to each other.
func ExampleNamespace_ServerSideEmit() {
	var cluster network // in a program: the adapter of a real one
	opts := &socketio.Options{Adapter: adapter.Func(cluster.adapter)}
	here, there := socketio.NewServer(opts), socketio.NewServer(opts)

	there.OnServerEvent("reload", func(what string) { fmt.Println("reloading", what) })
	there.OnServerEvent("load", func() (float64, error) { return 0.25, nil })

	here.ServerSideEmit("reload", "prices")

	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	answers, err := here.ServerSideEmitWithAck(ctx, "load")
	for _, a := range answers {
		var load float64
		fmt.Println(a.Decode(&load), load)
	}
	fmt.Println(err)
	// Output:
	// reloading prices
	// <nil> 0.25
	// <nil>
}
