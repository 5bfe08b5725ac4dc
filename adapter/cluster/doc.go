// Package cluster makes adapters for servers that are nodes of a cluster. [New] makes a [Provider] for
// the server's options of a [Driver], which carries bytes between nodes, and a [Codec], which
// gives a [Message] the form that the kind of bus needs. Everything else is here, and the same
// for every bus: which nodes there are, delivery, requests and their answers, and what happens
// while the bus or another node does not work.
//
// Operations apply to the node's own sockets first, and what is for other nodes is queued, so
// none waits for the bus, except those that return what other nodes answer. Results say which
// nodes are missing in them: [adapter.PartialError]. Messages are delivered at most once, and those
// of one node to one namespace in order.
//
// [Native] is the codec for clusters of this module's nodes only. Package
// [github.com/seed96b07ef8/socketio/adapter/cluster/nodewire] has codecs for clusters in which
// nodes of the reference implementation take part. Package
// [github.com/seed96b07ef8/socketio/adapter/cluster/memorybus] is a bus for tests.
package cluster
