package engine

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// outboxModel is a model of an outbox, made of slices.
type outboxModel struct {
	first   [places]*Message
	entries []entry
}

// next returns the slot or the index of the next entry.
func (w *outboxModel) next() (p place, i int, m *Message) {
	for p, m := range w.first {
		if m != nil {
			return place(p), -1, m
		}
	}
	if len(w.entries) > 0 {
		return places, 0, w.entries[0].m
	}
	return places, -1, nil
}

func (w *outboxModel) remove(i int) { w.entries = slices.Delete(w.entries, i, i+1) }

// oldest returns the index of the oldest entry that may be dropped, or -1.
func (w *outboxModel) oldest() int {
	return slices.IndexFunc(w.entries, func(e entry) bool { return e.flags&undroppable == 0 })
}

// usage recomputes the usage by the entries of the given kinds.
func (w *outboxModel) usage(kinds Flags) (u usage) {
	for _, e := range w.entries {
		if e.flags&undroppable == kinds {
			u.n++
			u.bytes += e.m.Len()
		}
	}
	return u
}

func (w *outboxModel) check(t *testing.T, o *outbox) {
	t.Helper()
	all := usage{n: len(w.entries)}
	for _, e := range w.entries {
		all.bytes += e.m.Len()
	}
	for _, m := range w.first {
		if m != nil {
			all.n++
			all.bytes += m.Len()
		}
	}
	if got := (usage{o.n, o.bytes}); got != all {
		t.Fatalf("%+v wait, want %+v", got, all)
	}
	if got, want := o.ordinary(), w.usage(0); got != want {
		t.Fatalf("%+v are ordinary, want %+v", got, want)
	}
	if got, want := o.controls(), w.usage(Control); got != want {
		t.Fatalf("%+v are control messages, want %+v", got, want)
	}
	if _, _, m := w.next(); m != nil && o.front().m != m {
		t.Fatal("front returns the wrong message")
	}
	if o.n == 0 && (o.special != nil || o.messages != queue{}) {
		t.Fatal("an empty outbox holds memory")
	}
}

// The outbox behaves like the model for any operations, also when its sequence
// numbers wrap around.
func TestOutboxIsAQueue(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	kinds := []Flags{0, 0, 0, 0, Volatile, Essential, Control, protocolPacket}
	for range 200 {
		o := outbox{next: math.MaxUint32 - 200}
		var want outboxModel
		for i := range 500 {
			m := NewTextMessage(fmt.Append(nil, i))
			switch random.IntN(8) {
			case 0, 1, 2:
				e := entry{m: m, flags: kinds[random.IntN(len(kinds))]}
				o.push(e)
				want.entries = append(want.entries, e)
			case 3:
				p := place(random.IntN(int(places)))
				o.pushFirst(p, m)
				want.first[p] = m
			case 4:
				if i := want.oldest(); i >= 0 {
					o.dropOldest()
					want.remove(i)
				}
			case 5, 6:
				for range random.IntN(6) {
					p, i, m := want.next()
					if m == nil {
						break
					}
					e := o.pop()
					if e.m != m {
						t.Fatal("wrong message")
					}
					switch {
					case p < places:
						want.first[p] = nil
					case random.IntN(3) == 0: // of which a part has been sent
						o.putBack(e)
						want.entries[0].flags |= unfinished
					default:
						want.remove(i)
					}
				}
			case 7:
				if random.IntN(50) == 0 {
					o.clear()
					want = outboxModel{}
				}
			}
			want.check(t, &o)
		}
	}
}

// The effect of DropOldest does not depend on the number of queued undroppable
// messages, and these stay.
func TestDropOldestBehindMuchElse(t *testing.T) {
	t.Parallel()
	const many, limit = 100_000, 1000
	var o outbox
	m := NewTextMessage([]byte("0123456789"))
	for i := range many {
		o.push(entry{m: m, flags: []Flags{Essential, Control, protocolPacket}[i%3]})
	}
	kept, oldest := o.special.kept, *o.special.kept.front()
	l := limits{limit, 1 << 30}
	for i := range 3 * limit {
		ok, dropped := o.makeRoom(m.Len(), 0, l, DropOldest)
		if want := min(max(i-limit+1, 0), 1); !ok || dropped != want {
			t.Fatalf("message %d: room %v, %d dropped, want %d", i, ok, dropped, want)
		}
		o.push(entry{m: m})
		if o.special.kept != kept || *o.special.kept.front() != oldest {
			t.Fatalf("message %d: what is kept was touched", i)
		}
	}
	if o.n != many+limit {
		t.Errorf("%d messages wait, want %d", o.n, many+limit)
	}
}

// A sender of lazy messages does not outrun the writes, so the outbox does not
// overflow because of the delay.
func TestLazyIsBounded(t *testing.T) {
	t.Parallel()
	for _, o := range []ServerOptions{{}, {OutboxMessages: 1}, {OutboxMessages: 10}, {OutboxBytes: 100}, {OutboxBytes: 5000}} {
		opts, err := o.withDefaults()
		if err != nil {
			t.Fatal(err)
		}
		c := &Conn{server: &Server{opts: opts}}
		m := NewTextMessage(make([]byte, 40))
		for c.mayWaitLocked(m.Len()) {
			c.outbox.push(entry{m: m})
		}
		n := c.outbox.n
		if n > lazyMessages || 2*n > opts.OutboxMessages || 2*c.outbox.bytes > opts.OutboxBytes || n == 0 && opts.OutboxMessages > 1 && opts.OutboxBytes > 1000 {
			t.Errorf("%d of %d messages, %d of %d bytes may wait", n, opts.OutboxMessages, c.outbox.bytes, opts.OutboxBytes)
		}
	}
}
