package client

import (
	"slices"
	"sync"

	"github.com/seed96b07ef8/socketio/parser"
)

// An inbox is what is to be done for a socket or a manager, in order. A goroutine
// does it that exists only while there is something to do.
type inbox struct {
	run func(t task, more bool) // must not panic; more says that other tasks wait

	mu      sync.Mutex // guards what follows; nothing is taken under it
	tasks   []task
	events  int // among the tasks, the one that is being done included
	bytes   int
	working bool
	space   chan struct{} // closed when there is room again; nil when nobody waits
}

// A task is an event to handle, or a function to call.
type task struct {
	do    func()
	event *parser.Packet
	life  *life // of the event
	size  int   // of the event
}

// push appends a function.
func (b *inbox) push(do func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.append(task{do: do})
}

// force appends an event, whether there is room or not.
func (b *inbox) force(t task) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.append(t)
}

// append appends a task. mu is held.
func (b *inbox) append(t task) {
	b.tasks = append(b.tasks, t)
	if t.event != nil {
		b.events++
		b.bytes += t.size
	}
	if !b.working {
		b.working = true
		go b.work() // ends when there is nothing to do
	}
}

// enqueue appends an event, or returns a channel that is closed when there is perhaps
// room for it.
func (b *inbox) enqueue(t task, maxEvents, maxBytes int) (full <-chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if fits(b.events, b.bytes, t.size, maxEvents, maxBytes) {
		b.append(t)
		return nil
	}
	if b.space == nil {
		b.space = make(chan struct{})
	}
	return b.space
}

// fits reports whether there is room for an event of a size besides others.
func fits(events, bytes, size, maxEvents, maxBytes int) bool {
	return events < maxEvents && (events == 0 || bytes+size <= maxBytes)
}

// load returns the number of events that wait or are being handled, and their bytes.
func (b *inbox) load() (events, bytes int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.events, b.bytes
}

// pending returns the number of tasks that wait.
func (b *inbox) pending() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.tasks)
}

// Slices of more tasks than this are not kept.
const keptTasks = 16

// work does what there is, batch by batch.
func (b *inbox) work() {
	var batch []task
	next := 0
	defer func() {
		if batch != nil { // a handler has ended the goroutine: runtime.Goexit
			b.finished(batch[next-1])
			b.mu.Lock()
			b.tasks = slices.Concat(batch[next:], b.tasks)
			b.mu.Unlock()
			go b.work() // ends when there is nothing to do
		}
	}()
	for {
		b.mu.Lock()
		spare := batch[:0]
		batch, next = b.tasks, 0
		if len(batch) == 0 {
			batch = nil
			b.tasks = nil
			b.working = false
			b.mu.Unlock()
			return
		}
		if cap(spare) > keptTasks {
			spare = nil
		}
		b.tasks = spare
		b.mu.Unlock()
		for _, t := range batch {
			next++
			b.run(t, next < len(batch))
			b.finished(t)
		}
		clear(batch)
	}
}

// finished makes room for an event in place of t.
func (b *inbox) finished(t task) {
	if t.event == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.events--
	b.bytes -= t.size
	if b.space != nil {
		close(b.space)
		b.space = nil
	}
}
