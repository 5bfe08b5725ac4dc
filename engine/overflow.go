package engine

// limits bounds the messages queued in an outbox.
type limits struct{ messages, bytes int }

// admits reports whether a message of size bytes fits in addition to used. A message
// of any size fits into an empty outbox, so that a peer that keeps up receives it
// over any transport.
func (l limits) admits(size int, used usage) bool {
	return used.n == 0 || used.n < l.messages && used.bytes+size <= l.bytes
}

// ordinary returns the usage by messages that an overflow policy may drop.
func (o *outbox) ordinary() usage {
	u := usage{o.n, o.bytes}
	if s := o.special; s != nil {
		u.n -= s.free.n + s.control.n
		u.bytes -= s.free.bytes + s.control.bytes
	}
	return u
}

// controls returns the usage by Control messages.
func (o *outbox) controls() usage {
	if o.special == nil {
		return usage{}
	}
	return o.special.control
}

// makeRoom applies an overflow policy for a message of size bytes. It reports whether
// the message fits, and how many other messages it dropped.
func (o *outbox) makeRoom(size int, flags Flags, l limits, policy Overflow) (ok bool, dropped int) {
	switch {
	case flags&essential != 0:
		return true, 0
	case flags&Control != 0:
		return l.admits(size, o.controls()), 0
	}
	if policy != DropOldest || size > l.bytes {
		return l.admits(size, o.ordinary()), 0
	}
	for !l.admits(size, o.ordinary()) {
		dropped += o.dropOldest()
	}
	return true, dropped
}
