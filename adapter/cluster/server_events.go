package cluster

import (
	"fmt"
	"sync"
)

// serverEvents runs the handlers of the events that other servers send to one namespace: one
// at a time, in order, and not on the goroutine that reads the bus, because handlers may wait.
type serverEvents struct {
	failed func(err error) // called when a handler panics

	mu      sync.Mutex
	queue   []serverEvent
	bytes   int
	running bool // there is a goroutine
	closed  bool
}

// A serverEvent is a call of a handler.
type serverEvent struct {
	size int // of the message
	call func()
}

// Bounds of the events that wait for handlers, for each namespace.
const (
	maxServerEvents     = 1024
	maxServerEventBytes = 16 << 20
)

// add queues an event. It returns false if there is no room.
func (q *serverEvents) add(e serverEvent) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case q.closed:
		return true // it is not wanted
	case len(q.queue) >= maxServerEvents || q.bytes+e.size > maxServerEventBytes:
		return false
	}
	q.queue = append(q.queue, e)
	q.bytes += e.size
	if !q.running {
		q.running = true
		go q.run() // ends when the queue is empty, or closed and a handler has returned
	}
	return true
}

func (q *serverEvents) run() {
	finished := false
	defer func() {
		if !finished { // a handler has ended the goroutine
			go q.run()
		}
	}()
	for {
		e, ok := q.next()
		if !ok {
			break
		}
		q.call(e)
	}
	finished = true
}

// call calls a handler. The host recovers from panics of the application's functions, so that one
// here is the host's own.
func (q *serverEvents) call(e serverEvent) {
	defer func() {
		if v := recover(); v != nil {
			q.failed(fmt.Errorf("panic: %v", v))
		}
	}()
	e.call()
}

// next returns the next event, or false, after which no goroutine is running.
func (q *serverEvents) next() (serverEvent, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.queue) == 0 {
		q.running = false
		q.queue = nil
		return serverEvent{}, false
	}
	e := q.queue[0]
	q.queue[0] = serverEvent{}
	q.queue = q.queue[1:]
	q.bytes -= e.size
	return e, true
}

// close drops the events that wait.
func (q *serverEvents) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.queue, q.bytes = nil, 0
}
