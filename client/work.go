package client

import (
	"sync"

	"github.com/seed96b07ef8/socketio/internal/dispatch"
	"github.com/seed96b07ef8/socketio/parser"
)

// An inbox queues the tasks of a socket or a manager. A goroutine does them in order; it
// exists only while there are tasks.
type inbox struct {
	run func(t task, more bool) // must not panic; more says that other tasks wait

	mu      sync.Mutex // guards what follows; nothing is taken under it
	tasks   dispatch.Queue[task]
	events  int // among the tasks, including the one that is being done
	bytes   int
	working bool
	space   chan struct{} // closed when there is room again; nil when nothing waits for it

	worker worker
}

// A worker is the goroutine of an inbox.
type worker = dispatch.Worker[doing]

// doing is the part of the inbox's limits that the task being done takes up.
type doing struct{ events, bytes int }

// A task is an event to handle, or a function to call.
type task struct {
	do    func()
	event *parser.Packet
	life  *life // of the event
	size  int   // of the event
}

// taskMemory is the memory that the queues of all inboxes share.
var taskMemory dispatch.Memory[task]

// push appends a function.
func (b *inbox) push(do func()) { b.force(task{do: do}) }

// force appends a task, whether there is room or not.
func (b *inbox) force(t task) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.appendLocked(t)
}

func (b *inbox) appendLocked(t task) {
	*b.tasks.Push(&taskMemory) = t
	if t.event != nil {
		b.events++
		b.bytes += t.size
	}
	if !b.working {
		b.working = true
		dispatch.Go(&b.worker, b) // ends when there are no tasks
	}
}

// enqueue appends an event, or returns a channel that is closed when there is perhaps
// room for it.
func (b *inbox) enqueue(t task, maxEvents, maxBytes int) (full <-chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if fits(b.events, b.bytes, t.size, maxEvents, maxBytes) {
		b.appendLocked(t)
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
	return b.tasks.Len()
}

// Work implements [dispatch.Job].
func (b *inbox) Work(w *worker) {
	for {
		t, more, ok := b.next(w)
		if !ok {
			return
		}
		b.run(t, more)
	}
}

// next concludes the task that w has done, if there is one, and returns the next. more
// says that others wait. It returns false if there is none: then w is not needed any more.
func (b *inbox) next(w *worker) (t task, more, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.finishLocked(w)
	if b.tasks.Len() == 0 {
		b.working = false
		return t, false, false
	}
	t = b.tasks.Pop(&taskMemory)
	if t.event != nil {
		w.Scratch = doing{1, t.size}
	}
	return t, b.tasks.Len() > 0, true
}

// finishLocked frees the room of the event that w has handled.
func (b *inbox) finishLocked(w *worker) {
	done := w.Scratch
	w.Scratch = doing{}
	if done.events == 0 {
		return
	}
	b.events -= done.events
	b.bytes -= done.bytes
	if b.space != nil {
		close(b.space)
		b.space = nil
	}
}

// Resign implements [dispatch.Job]. It hands the inbox to another goroutine.
func (b *inbox) Resign() {
	b.mu.Lock()
	b.finishLocked(&b.worker)
	b.mu.Unlock()
	dispatch.Go(&b.worker, b) // ends when there are no tasks
}
