package memorybus

import (
	"bytes"
	"time"
)

// swapWait is how long Fault.Swap and Fault.Twice wait for another message.
const swapWait = 10 * time.Millisecond

// put adds a message to the inbox, in the order that the fault says.
func (d *driver) put(a arrival, f Fault) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.held != nil:
		d.held.at = a.at
		d.inbox = append(d.inbox, a, *d.held)
		d.held = nil
	case f.Swap:
		d.held = &arrival{a.namespace, a.wire, a.at.Add(swapWait)}
	default:
		d.inbox = append(d.inbox, a)
	}
	if d.again != nil {
		d.again.at = a.at
		d.inbox = append(d.inbox, *d.again)
		d.again = nil
	}
	if f.Twice {
		d.again = &arrival{a.namespace, a.wire, a.at.Add(swapWait)}
	}
	d.signal()
}

// run passes messages on until Close.
func (d *driver) run() {
	defer close(d.done)
	for {
		a, wait, ok := d.next(time.Now())
		switch {
		case ok:
			d.in.Receive(a.namespace, bytes.Clone(a.wire)) // which belongs to the receiver
			d.throttle(len(a.wire))
		case wait > 0:
			d.sleep(wait)
		default:
			d.sleep(0)
		}
		select {
		case <-d.quit:
			return
		default:
		}
	}
}

// next returns the next message, or how long to wait for it; 0 means until there is one.
func (d *driver) next(now time.Time) (a arrival, wait time.Duration, ok bool) {
	if d.bus.faultOf(d.node).Paused {
		return a, 0, false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.inbox) == 0 {
		for _, late := range []**arrival{&d.held, &d.again} {
			if *late != nil && (*late).at.After(now) {
				return a, (*late).at.Sub(now), false
			}
			if *late != nil { // no message has passed it
				a, *late = **late, nil
				return a, 0, true
			}
		}
		return a, 0, false
	}
	if wait = d.inbox[0].at.Sub(now); wait > 0 {
		return a, wait, false
	}
	a = d.inbox[0]
	d.inbox = d.inbox[1:]
	return a, 0, true
}

// throttle waits for as long as a message of n bytes takes.
func (d *driver) throttle(n int) {
	if rate := d.bus.faultOf(d.node).Rate; rate > 0 {
		timer := time.NewTimer(time.Duration(n) * time.Second / time.Duration(rate))
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-d.quit:
		}
	}
}

// sleep waits for a duration, a new message, or the end of the node. A duration of 0 has no end.
func (d *driver) sleep(wait time.Duration) {
	var end <-chan time.Time
	if wait > 0 {
		timer := time.NewTimer(wait)
		defer timer.Stop()
		end = timer.C
	}
	select {
	case <-end:
	case <-d.wake:
	case <-d.quit:
	}
}
