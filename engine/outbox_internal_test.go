package engine

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// The outbox does what a slice does.
func TestOutboxIsAQueue(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		var o outbox
		var want []*Message
		for i := range 500 {
			m := NewTextMessage(fmt.Append(nil, i))
			switch random.IntN(5) {
			case 0, 1:
				o.push(entry{m: m})
				want = append(want, m)
			case 2:
				o.pushFront(entry{m: m})
				want = append([]*Message{m}, want...)
			case 3:
				for range random.IntN(6) {
					if len(want) > 0 {
						if o.peek() != want[0] || o.pop().m != want[0] {
							t.Fatal("wrong message")
						}
						want = want[1:]
					}
				}
			case 4:
				if random.IntN(50) == 0 {
					o.clear()
					want = nil
				}
			}
			bytes := 0
			for _, m := range want {
				bytes += m.Len()
			}
			if o.n != len(want) || o.bytes != bytes {
				t.Fatalf("%d messages of %d bytes, want %d of %d", o.n, o.bytes, len(want), bytes)
			}
			if o.n == 0 && (o.head != nil || o.tail != nil) {
				t.Fatal("an empty outbox holds memory")
			}
		}
	}
}

// Whoever sends lazily without a pause does not get ahead of the writing: an
// outbox does not overflow because of that.
func TestLazyIsBounded(t *testing.T) {
	for _, o := range []ServerOptions{{}, {OutboxMessages: 1}, {OutboxMessages: 10}, {OutboxBytes: 100}, {OutboxBytes: 5000}} {
		opts, err := o.withDefaults()
		if err != nil {
			t.Fatal(err)
		}
		c := &Conn{server: &Server{opts: opts}}
		m := NewTextMessage(make([]byte, 40))
		for c.mayWait(m.Len()) {
			c.outbox.push(entry{m: m})
		}
		n := c.outbox.n
		if n > lazyMessages || 2*n > opts.OutboxMessages || 2*c.outbox.bytes > opts.OutboxBytes || n == 0 && opts.OutboxMessages > 1 && opts.OutboxBytes > 1000 {
			t.Errorf("%d of %d messages, %d of %d bytes may wait", n, opts.OutboxMessages, c.outbox.bytes, opts.OutboxBytes)
		}
	}
}
