package dispatch

import "sync"

// A Queue is a first-in-first-out list that holds memory only while it is not empty.
// The zero value is an empty queue. It is not safe for concurrent use.
type Queue[T any] struct {
	head, tail  *part[T]
	n           int32
	first, last uint8 // index of the oldest item in head, and behind the newest in tail
}

// part is a part of a queue.
type part[T any] struct {
	list [partSize]T
	next *part[T]
}

const partSize = 8

// Memory is a pool of memory for queues of one item type. The zero value is ready to
// use. It is safe for concurrent use.
type Memory[T any] struct{ pool sync.Pool }

func (m *Memory[T]) get() *part[T] {
	if p, ok := m.pool.Get().(*part[T]); ok {
		return p
	}
	return new(part[T])
}

// Len returns the number of items.
func (q *Queue[T]) Len() int { return int(q.n) }

// Push appends a zero item and returns it. It is valid until the item is popped.
func (q *Queue[T]) Push(m *Memory[T]) *T {
	if q.tail == nil || q.last == partSize {
		next := m.get()
		if q.tail == nil {
			q.head, q.first = next, 0
		} else {
			q.tail.next = next
		}
		q.tail, q.last = next, 0
	}
	item := &q.tail.list[q.last]
	q.last++
	q.n++
	return item
}

// Pop removes and returns the oldest item. The queue must not be empty.
func (q *Queue[T]) Pop(m *Memory[T]) T {
	p := q.head
	item := p.list[q.first]
	clear(p.list[q.first : q.first+1])
	q.first++
	q.n--
	if q.n == 0 || q.first == partSize {
		q.head, q.first = p.next, 0
		if q.head == nil {
			q.tail, q.last = nil, 0
		}
		p.next = nil
		m.pool.Put(p)
	}
	return item
}
