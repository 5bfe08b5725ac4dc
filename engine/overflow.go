package engine

import "slices"

// unfinished marks what is left of a message of which some parts have been sent: no
// overflow policy may drop it.
const unfinished Flags = 1 << 6

// makeRoom applies an overflow policy to a message of size bytes, for an outbox that
// may hold so many messages and bytes. It reports whether there is room for it, and
// how many others were dropped. A message of any size fits when nothing else waits:
// that a peer which keeps up gets it must not depend on the transport.
func (o *outbox) makeRoom(size, messages, bytes int, policy Overflow) (ok bool, dropped int) {
	fits := func() bool {
		n, waiting := o.n-o.freeN, o.bytes-o.free
		return n == 0 || n < messages && waiting+size <= bytes
	}
	if policy != DropOldest || size > bytes {
		return fits(), 0
	}
	var kept []entry // pings and the like: without them the session breaks
	for !fits() && o.n > 0 {
		if e := o.pop(); e.flags&(protocolPacket|unfinished|Essential) != 0 {
			kept = append(kept, e)
		} else {
			dropped += e.m.messages()
		}
	}
	for _, e := range slices.Backward(kept) {
		o.pushFront(e)
	}
	return true, dropped
}
