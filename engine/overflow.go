package engine

// limits are what may wait in an outbox.
type limits struct{ messages, bytes int }

// admits reports whether there is room for a message of size bytes behind those of
// used. A message of any size fits when nothing else waits: that a peer which keeps up
// gets it must not depend on the transport.
func (l limits) admits(size int, used usage) bool {
	return used.n == 0 || used.n < l.messages && used.bytes+size <= l.bytes
}

// ordinary returns how much waits that an overflow policy is applied to.
func (o *outbox) ordinary() usage {
	u := usage{o.n, o.bytes}
	if s := o.special; s != nil {
		u.n -= s.free.n + s.control.n
		u.bytes -= s.free.bytes + s.control.bytes
	}
	return u
}

// controls returns how much waits that is marked as Control.
func (o *outbox) controls() usage {
	if o.special == nil {
		return usage{}
	}
	return o.special.control
}

// makeRoom applies an overflow policy to a message of size bytes. It reports whether
// there is room for it, and how many others were dropped.
func (o *outbox) makeRoom(size int, l limits, policy Overflow) (ok bool, dropped int) {
	if policy != DropOldest || size > l.bytes {
		return l.admits(size, o.ordinary()), 0
	}
	for !l.admits(size, o.ordinary()) {
		dropped += o.dropOldest()
	}
	return true, dropped
}
