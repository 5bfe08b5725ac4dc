// Package cluster has what the nodes of a cluster say to each other: the [Message], and the
// [Codec] that gives it the form that a kind of bus needs.
//
// [Native] is the codec for clusters of this module's nodes only. Package
// [github.com/seed96b07ef8/socketio/adapter/cluster/nodewire] has codecs for clusters in which
// nodes of the reference implementation take part.
package cluster
