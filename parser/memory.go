package parser

import (
	"reflect"
	"sync"
)

// packetMemory is what a packet and the values of its Args are in. Most handlers take
// the arguments as values of their own and let go of them, and so the next packet can
// have it.
type packetMemory struct {
	packet Packet
	list   [3][]byte
	text   []byte
}

var packetMemories = sync.Pool{New: func() any { return new(packetMemory) }}

// Text longer than this has memory of its own. What is pooled may end up with a short
// packet that somebody keeps.
const maxPooledText = 1 << 10

// newPacket returns a packet in pooled memory.
func newPacket() *Packet {
	m := packetMemories.Get().(*packetMemory)
	m.packet.memory = m
	return &m.packet
}

// Release lets the packet's memory be used for the next one. It may be called, once,
// when nobody has the packet or its Args any more; values that were decoded from them
// share nothing with it. Without, the memory is left to the garbage collector.
func (p *Packet) Release() {
	if m := p.memory; m != nil {
		m.packet = Packet{}
		clear(m.list[:])
		packetMemories.Put(m)
	}
}

// packetBytes is what a packet holds besides its messages and the lists of its Args.
var packetBytes = int(reflect.TypeFor[packetMemory]().Size())

// sliceBytes is an entry of such a list.
var sliceBytes = int(reflect.TypeFor[[]byte]().Size())

// Held returns how many bytes of memory the packet keeps from being used otherwise,
// besides those of the messages that it was decoded from: a text message is copied, or
// as much memory as it has is taken, and a binary one is kept, to its capacity. It is
// for those who bound what they hold of a peer's packets.
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
