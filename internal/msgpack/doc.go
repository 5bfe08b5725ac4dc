// Package msgpack reads and writes MessagePack as the adapters of the reference implementation
// do, and transcodes it to JSON text and back: messages of a cluster are JSON text with
// attachments, see package cluster, and some peers send them as MessagePack.
//
// Two packages write it there, notepack.io and @msgpack/msgpack. Both choose the shortest form of
// a value. They differ in numbers (see [Flavor]), in values that JSON text does not have, and in
// what they make of a Date. Here all forms are read.
package msgpack
