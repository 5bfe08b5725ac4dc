package parser

import (
	"reflect"
	"sync"
)

// packetMemory is the memory of a packet and of the values of its Args. It is reused
// for the next packet, because most handlers decode the arguments and do not keep the
// packet.
type packetMemory struct {
	packet Packet
	list   [3][]byte
	text   []byte
}

var packetMemories = sync.Pool{New: func() any { return new(packetMemory) }}

// maxPooledText is how long text in pooled memory may be. A longer text is allocated
// separately, so that a short packet that is kept does not hold the memory of a long
// one.
const maxPooledText = 1 << 10

// newPacket returns a packet in pooled memory.
func newPacket() *Packet {
	m := packetMemories.Get().(*packetMemory)
	m.packet.memory = m
	return &m.packet
}

// Release makes the packet's memory available to other packets. It may be called
// once, and only if the packet and its Args are not used any more; values decoded
// from them do not share memory with it. Calling it is optional: otherwise the
// garbage collector frees the memory.
func (p *Packet) Release() {
	if m := p.memory; m != nil {
		m.packet = Packet{}
		clear(m.list[:])
		packetMemories.Put(m)
	}
}

// packetBytes is the memory of a packet besides its messages and the lists of its
// Args.
var packetBytes = int(reflect.TypeFor[packetMemory]().Size())

// sliceBytes is the memory of an entry of such a list.
var sliceBytes = int(reflect.TypeFor[[]byte]().Size())

// Held returns how many bytes of memory the packet holds in addition to the messages
// that it was decoded from. (A packet holds as much memory as its text message has,
// and its binary messages up to their capacity.) Use it to bound the memory that a
// peer's packets hold.
func (p *Packet) Held() int {
	n := packetBytes + sliceBytes*(cap(p.Args.values)+cap(p.Args.attachments))
	if p.memory != nil {
		n += cap(p.memory.text)
	}
	return n
}

// setValues sets the arguments to copies of values.
func (p *Packet) setValues(values [][]byte) {
	list, text := copyValues(p.memory.list[:], p.memory.text, values)
	if cap(text) <= maxPooledText {
		p.memory.text = text
	}
	p.Args = NewArgs(jsonValues{}, list, nil)
}
